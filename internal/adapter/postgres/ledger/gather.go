package ledger

import (
	"context"
	"slices"
	"sync"
	"time"
)

// How many questions are in one group at most, how many groups of one kind are under way at once, and how long one may take before
// those who wait begin another.
const (
	groupSize = 64
	lanes     = 4
	patience  = 10 * time.Millisecond
)

// gather joins what several callers ask at the same time into one question to the database: while a group is under way the next
// one gathers, so that a busy ledger pays for a round trip, a commit and the start of a statement once for many, and an idle one lets
// nobody wait (group commit: Gray and Reuter, Transaction Processing, 1993, section 9.4.7).
type gather[Q, A any] struct {
	most, lanes int
	// answer answers a group, in order. It must be safe to ask again. An error is that of all.
	answer func(ctx context.Context, group []Q) ([]A, error)
	// names of what a question takes hold of; nil for nothing. Of two that share a name the second waits until the first is answered.
	names func(Q) []string

	mu      sync.Mutex
	waiting []*asked[Q, A]
	held    map[string]bool
	running int
}

// asked is a question, and the answer when done is closed.
type asked[Q, A any] struct {
	ctx      context.Context //nolint:containedctx // of who asks: the group has one of its own
	question Q
	since    time.Time
	names    []string
	answer   A
	err      error
	done     chan struct{}
}

// ask waits for the answer, or until the caller's context ends: then a question that was not put to the database yet never is.
func (g *gather[Q, A]) ask(ctx context.Context, question Q) (answer A, err error) {
	a := &asked[Q, A]{ctx: ctx, question: question, since: time.Now(), done: make(chan struct{})}
	if g.names != nil {
		a.names = g.names(question)
	}
	g.begin(a)
	impatient := time.NewTicker(patience)
	defer impatient.Stop()
	for {
		select {
		case <-a.done:
			return a.answer, a.err
		case <-ctx.Done():
			return answer, failure(ctx.Err())
		case <-impatient.C:
			g.begin()
		}
	}
}

// begin adds questions to those that wait, and begins a group where it is time for one.
func (g *gather[Q, A]) begin(more ...*asked[Q, A]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, more...)
	if g.due() {
		g.running++
		go g.run()
	}
}

// due tells whether a group may begin beside those that are under way.
func (g *gather[Q, A]) due() bool {
	switch {
	case len(g.waiting) == 0 || g.running == g.lanes:
		return false
	case g.running == 0 || len(g.waiting) >= g.most:
		return true
	default:
		return time.Since(g.waiting[0].since) >= patience
	}
}

// run answers groups as long as one is due.
func (g *gather[Q, A]) run() {
	for group := g.next(nil); len(group) > 0; group = g.next(group) {
		g.together(group)
	}
}

// next lets go of what a group held that was answered, and takes the next one; none where this lane is not needed any more.
func (g *gather[Q, A]) next(answered []*asked[Q, A]) (group []*asked[Q, A]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range answered {
		for _, name := range a.names {
			delete(g.held, name)
		}
	}
	if len(answered) > 0 {
		if g.running--; !g.due() {
			return nil
		}
		g.running++
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(a *asked[Q, A]) bool {
		if a.ctx.Err() != nil {
			return true // nobody waits for it
		}
		if len(group) == g.most || slices.ContainsFunc(a.names, func(name string) bool { return g.held[name] }) {
			return false
		}
		for _, name := range a.names {
			if g.held == nil {
				g.held = map[string]bool{}
			}
			g.held[name] = true
		}
		group = append(group, a)
		return true
	})
	if len(group) == 0 {
		g.running--
	}
	return group
}

// together puts a group to the database. One that the database refuses is taken apart, so that who is refused harms no other; what
// was not answered is for the callers to try again.
func (g *gather[Q, A]) together(group []*asked[Q, A]) {
	questions := make([]Q, len(group))
	for i, a := range group {
		questions[i] = a.question
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(group[0].ctx), statementTimeout)
	defer cancel()
	answers, err := g.answer(ctx, questions)
	if f, refused := failed(err); refused && !f.lost() && len(group) > 1 {
		var wait sync.WaitGroup
		for _, a := range group {
			wait.Go(func() { g.together([]*asked[Q, A]{a}) })
		}
		wait.Wait()
		return
	}
	for i, a := range group {
		if a.err = err; err == nil {
			a.answer = answers[i]
		}
		close(a.done)
	}
}
