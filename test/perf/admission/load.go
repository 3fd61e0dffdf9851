package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"k8s.io/client-go/rest"

	"github.com/rempart-dev/rempart/test/perf/measure"
)

// clients send dry-run creates, each one after another. Each has connections of its own, as separate users have.
type clients struct {
	host string
	list []*http.Client
}

func newClients(config *rest.Config, count int, keepAlive bool) (*clients, error) {
	c := &clients{host: strings.TrimSuffix(config.Host, "/")}
	for range count {
		tls, err := rest.TLSConfigFor(config)
		if err != nil {
			return nil, err
		}
		c.list = append(c.list, &http.Client{Transport: &http.Transport{TLSClientConfig: tls.Clone(), ForceAttemptHTTP2: true, DisableKeepAlives: !keepAlive}})
	}
	return c, nil
}

func (c *clients) close() {
	for _, one := range c.list {
		one.CloseIdleConnections()
	}
}

// create sends requests to make one and the same object, and returns how long each took.
func (c *clients) create(ctx context.Context, path string, object any, requests int) ([]time.Duration, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	url := c.host + path + "?dryRun=All"
	times := make([]time.Duration, requests)
	failed := make(chan error, len(c.list))
	var next atomic.Int64
	var group sync.WaitGroup
	for _, one := range c.list {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(requests); i = next.Add(1) - 1 {
				began := time.Now()
				if err := send(ctx, one, url, body); err != nil {
					failed <- err
					return
				}
				times[i] = time.Since(began)
			}
		})
	}
	group.Wait()
	close(failed)
	return times, <-failed
}

func send(ctx context.Context, one *http.Client, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := one.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusCreated {
		err = fmt.Errorf("creating an object: %s: %s", answer.Status, content)
	}
	return err
}

// figures of one set-up: milliseconds for one request, and of processor time for a thousand, in all and of those that webhooks call.
type figures struct{ p50, p99, processor, operator measure.Series }

// load measures all set-ups in turns, from a number of clients, which reuse their connections or do not.
func (c *cluster) load(ctx context.Context, o options, count int, keepAlive bool) error {
	users, err := newClients(c.server.Config, count, keepAlive)
	if err != nil {
		return err
	}
	defer users.close()
	results := make([]figures, len(setUps))
	for round := 0; round <= o.rounds; round++ { // round 0 warms up
		for i := range setUps {
			at := (i + round) % len(setUps) // none is always first
			if err := c.once(ctx, users, setUps[at].name, o.requests, round > 0, &results[at]); err != nil {
				return fmt.Errorf("set-up %q: %w", setUps[at].name, err)
			}
		}
	}
	how := "each on one connection"
	if !keepAlive {
		how = "each request on a connection of its own"
	}
	fmt.Printf("\nClients: %d, %s; %d requests for each set-up in each of %d rounds; load average %s\n", count, how, o.requests, o.rounds, measure.Load())
	reportLoad(results)
	return nil
}

// once measures one set-up for one round.
func (c *cluster) once(ctx context.Context, users *clients, namespace string, requests int, count bool, into *figures) error {
	runtime.GC() // of what the last set-up left, so that none pays for another
	serverBefore, err := spent(c.serving...)
	if err != nil {
		return err
	}
	operatorBefore, err := spent(c.judging()...)
	if err != nil {
		return err
	}
	times, err := users.create(ctx, "/api/v1/namespaces/"+namespace+"/persistentvolumeclaims", newClaim(namespace, allowedClass), requests)
	if err != nil {
		return err
	}
	serverAfter, err := spent(c.serving...)
	if err != nil {
		return err
	}
	operatorAfter, err := spent(c.judging()...)
	if err != nil || !count {
		return err
	}
	slices.Sort(times)
	into.p50, into.p99 = append(into.p50, measure.Milliseconds(times[len(times)/2])), append(into.p99, measure.Milliseconds(times[len(times)*99/100]))
	perThousand := 1000 / float64(requests)
	operator := operatorAfter - operatorBefore
	into.processor = append(into.processor, measure.Milliseconds(serverAfter-serverBefore+operator)*perThousand)
	into.operator = append(into.operator, measure.Milliseconds(operator)*perThousand)
	return nil
}

// reportLoad tells of each set-up what it adds to asking nobody, and how that compares with what policies add.
func reportLoad(results []figures) {
	none, policies := results[0], results[1]
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "asked\tp50\tp99\tadded to p50\tmin\tmax\tadded to p99\tagainst policies\tCPU for 1,000\tof it the webhooks\tadded CPU against policies")
	for i, r := range results {
		fmt.Fprintf(w, "%s\t%.2f ms\t%.2f ms\t", setUps[i].name, r.p50.Median(), r.p99.Median())
		if i == 0 {
			fmt.Fprintf(w, "\t\t\t\t\t%.0f ms\t%.0f ms\n", r.processor.Median(), r.operator.Median())
			continue
		}
		added := r.p50.Minus(none.p50)
		fmt.Fprintf(w, "%.2f ms\t%.2f ms\t%.2f ms\t%.2f ms\t%.2f\t%.0f ms\t%.0f ms\t%.2f\n", added.Median(), added.Min(), added.Max(), r.p99.Minus(none.p99).Median(),
			added.Median()/policies.p50.Minus(none.p50).Median(), r.processor.Median(), r.operator.Median(), r.processor.Minus(none.processor).Median()/policies.processor.Minus(none.processor).Median())
	}
	_ = w.Flush()
}
