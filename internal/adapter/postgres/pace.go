package postgres

import (
	"context"
	"sync"
	"time"
)

// How the pace between chunks is kept.
const (
	sampleEvery = 100 * time.Millisecond
	firstPause  = 200 * time.Millisecond
	mostPause   = 10 * time.Second
	// slowest is how much longer than at rest a small statement may take, and noise what it may take anyway.
	slowest, noise = 3, 5 * time.Millisecond
	restSamples    = 5
	fewestRows     = 5_000
)

// pace says how large the next chunk may be and how long to wait before it, from what the application suffered in the last.
type pace struct {
	rows, most int64
	pause      time.Duration
}

// strain is what a chunk did to others: how many sessions waited for it at once at most, and how long a small statement
// took in the mean, at rest and beside it.
type strain struct {
	blocked      int64
	rest, beside time.Duration
}

// slow tells whether a small statement took longer beside the chunk than it does at rest.
func (s strain) slow() bool { return s.beside > noise+slowest*s.rest }

// after adapts the pace to a chunk: half the rows and twice the pause when others suffered, else back step by step.
func (p pace) after(s strain) pace {
	if s.blocked > 0 || s.slow() {
		p.rows = max(fewestRows, p.rows/2)
		p.pause = min(mostPause, max(firstPause, p.pause*2))
		return p
	}
	p.rows = min(p.most, p.rows*2)
	if p.pause /= 2; p.pause < firstPause {
		p.pause = 0
	}
	return p
}

// rest waits for the pause, or less when the context ends.
func (p pace) wait(ctx context.Context) {
	if p.pause == 0 {
		return
	}
	timer := time.NewTimer(p.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// watcher measures, over a connection of its own, what a run does to others. It is started with the second chunk: a run
// of one transaction needs none.
type watcher struct {
	*session
	backend uint32     // whose work is watched
	asking  sync.Mutex // one statement at a time
	mu      sync.Mutex
	seen    samples
	rest    time.Duration // of a small statement, before the work was watched
	stop    context.CancelFunc
	ended   chan struct{}
}

// samples are what was measured beside a chunk.
type samples struct {
	blocked int64 // at most
	took    time.Duration
	count   int64
}

func (s samples) mean() time.Duration { return s.took / time.Duration(max(1, s.count)) }

// watch begins to measure a session. A store that refuses a further connection is not measured.
func (e *Engine) watch(ctx context.Context, of *session) *watcher {
	s, err := open(ctx, e.Config)
	if err != nil {
		return nil
	}
	w := &watcher{session: s, backend: of.conn.PgConn().PID(), ended: make(chan struct{})}
	for range 3 {
		if took, _, err := w.sample(ctx); err == nil && (w.rest == 0 || took < w.rest) {
			w.rest = took
		}
	}
	ctx, w.stop = context.WithCancel(ctx)
	go w.run(ctx)
	return w
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.ended)
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		took, blocked, err := w.sample(ctx)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.seen = samples{max(w.seen.blocked, blocked), w.seen.took + took, w.seen.count + 1}
		w.mu.Unlock()
	}
}

// sample counts the sessions that wait for the watched one, and says how long the answer took.
func (w *watcher) sample(ctx context.Context) (took time.Duration, blocked int64, err error) {
	w.asking.Lock()
	defer w.asking.Unlock()
	start := time.Now()
	_, err = w.row(ctx, `SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() AND $1::pg_catalog.int4 OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(a.pid))`, []any{int32(w.backend)}, &blocked) //nolint:gosec // a process ID
	return time.Since(start), blocked, err
}

// take returns what was measured since it was last taken. It is called between two chunks, while the run does nothing.
func (w *watcher) take(ctx context.Context) strain {
	if w == nil {
		return strain{}
	}
	w.mu.Lock()
	seen := w.seen
	w.seen = samples{}
	w.mu.Unlock()
	return judged(strain{seen.blocked, w.rest, seen.mean()}, func() (time.Duration, error) {
		took, _, err := w.sample(ctx)
		return took, err
	})
}

// judged looks again at rest where statements were slow: if they are slow now too, others keep the store busy and not the run,
// which would be no kinder by taking longer. Sessions that waited for the run need no second look.
func judged(s strain, sample func() (time.Duration, error)) strain {
	if s.blocked > 0 || !s.slow() {
		return s
	}
	var now samples
	for range restSamples {
		took, err := sample()
		if err != nil {
			return s
		}
		now = samples{took: now.took + took, count: now.count + 1}
	}
	s.rest = max(s.rest, now.mean())
	return s
}

func (w *watcher) end() {
	if w == nil {
		return
	}
	w.stop()
	<-w.ended
	w.close()
}
