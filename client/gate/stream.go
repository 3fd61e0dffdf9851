package gate

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"time"
)

// Bounds of the stream.
const (
	// silence is how long nothing may come: the service says every 15 seconds that it is there.
	silence = 40 * time.Second
	// soon and late bound the time between two tries.
	soon = time.Second
	late = 30 * time.Second
)

// Watch listens to the service until the context ends, and forgets what is known whenever somebody's choice changes. Run it once.
// While it does not hear the service, each Filter asks anew: slower, and never staler.
func (c *Client) Watch(ctx context.Context) {
	wait := soon
	for {
		heard := c.listen(ctx)
		c.known.hear(false)
		if heard {
			wait = soon
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		wait = min(2*wait, late)
	}
}

// listen follows one connection to its end, and tells whether the service was heard at all.
func (c *Client) listen(ctx context.Context) (heard bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	alarm := time.AfterFunc(silence, cancel)
	defer alarm.Stop()
	request, err := c.request(ctx, http.MethodGet, "/v1/stream", nil)
	if err != nil {
		return false
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := c.http.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	if response.StatusCode != http.StatusOK || kind != "text/event-stream" {
		return false
	}
	c.known.hear(true)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		alarm.Reset(silence)
		// Any line but a comment or a pause between events says that something changed: which, does not matter.
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, ":") && !strings.HasPrefix(line, "retry:") {
			c.known.forget()
		}
	}
	return true
}
