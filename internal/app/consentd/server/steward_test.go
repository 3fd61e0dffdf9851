package server_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/consent"
)

// jammed is a ledger that does not come to an end with what the operator asks before it is let go.
type jammed struct {
	server.Ledger
	letGo        chan struct{}
	inside, most atomic.Int64
}

func (j *jammed) jam() {
	now := j.inside.Add(1)
	defer j.inside.Add(-1)
	for most := j.most.Load(); now > most && !j.most.CompareAndSwap(most, now); {
		most = j.most.Load()
	}
	<-j.letGo
}

func (j *jammed) Checkpoint(ctx context.Context) (consent.Checkpoint, error) {
	j.jam()
	return j.Ledger.Checkpoint(ctx)
}

func (j *jammed) Forgotten(ctx context.Context, from int64) ([]consent.Mark, int64, error) {
	j.jam()
	return j.Ledger.Forgotten(ctx, from)
}

func newJammed(t *testing.T) (*world, *jammed) {
	t.Helper()
	j := &jammed{letGo: make(chan struct{})}
	return newWorld(t, func(c *server.Config) {
		j.Ledger, c.Ledger, c.Timeout = c.Ledger, j, 5*time.Minute
	}), j
}

// codes asks so many times at once; the channel has each answer as it comes.
func (w *world) codes(n int, r request) <-chan int {
	codes := make(chan int, n)
	for range n {
		go func() { codes <- w.serveRaw(r.build()).Code }()
	}
	return codes
}

// inFlight is how many requests are being answered, as metrics say.
func (w *world) inFlight() (n float64) {
	families, err := w.registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "rempart_consentd_requests_in_flight" {
			n = family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return n
}

// TestWhoAsksForTheStatusTakesOneConnectionFromPeople: any pod may ask, as often as it likes.
func TestWhoAsksForTheStatusTakesOneConnectionFromPeople(t *testing.T) {
	w, j := newJammed(t)
	const many = 40
	codes := w.codes(many, request{method: "GET", path: "/internal/v1/status"})
	for w.inFlight() < many || j.inside.Load() == 0 {
	}
	w.post(1, "k", w.act("checkbox", "analytics")).is(http.StatusCreated, "")
	close(j.letGo)
	for range many {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	if j.most.Load() != 1 {
		t.Errorf("the ledger was asked %d times at once", j.most.Load())
	}
}

// TestTheOperatorHasATurnOfItsOwn: two at once and eight that wait, and neither strangers nor visitors take any of it.
func TestTheOperatorHasATurnOfItsOwn(t *testing.T) {
	w, j := newJammed(t)
	question := request{method: "GET", path: "/internal/v1/forgotten?from=0", bearer: w.operator()}
	codes := w.codes(11, question)
	if code := <-codes; code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", code)
	}
	for range 20 {
		w.ask(request{method: "GET", path: question.path}).is(http.StatusUnauthorized, "unauthenticated")
	}
	w.post(1, "k", w.act("checkbox", "analytics")).is(http.StatusCreated, "")
	close(j.letGo)
	for range 10 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	if j.most.Load() > 2 {
		t.Errorf("the ledger was asked %d times at once", j.most.Load())
	}
}
