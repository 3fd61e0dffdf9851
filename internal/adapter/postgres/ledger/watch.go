package ledger

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

// notify signals a change to every replica when the transaction commits. Commits that signal wait for each other, so that only
// those do that take something away: denials of people who are known, shredding, joining. What was granted is told by this
// replica at once, and by the sequencer to all. Signals pass row security, so that they carry a reference only.
const notify = `SELECT pg_notify($1, $2)`

// channel is the tenant's.
func (l *Ledger) channel() string { return "consent_" + hex.EncodeToString(l.Tenant[:]) }

const (
	// waiting is how many changes a reader may be behind.
	waiting = 256
	// probe is how often a connection is asked whether it is alive, and how long it may take to answer.
	probe = time.Second
	// pause is how long a lost connection is waited for before the next attempt.
	pause = 200 * time.Millisecond

	movedBy = `SELECT e.subject_ref, array_agg(DISTINCT e.purpose) FROM consent.events e
WHERE e.tenant_id = $1 AND e.event_id BETWEEN $2 AND $3 AND e.receipt_id = $2 AND e.subject_ref IS NOT NULL AND e.purpose IS NOT NULL GROUP BY 1`
	movedIn = `SELECT e.subject_ref, array_agg(DISTINCT e.purpose) FROM consent.leaves l CROSS JOIN LATERAL (SELECT subject_ref, purpose FROM consent.events WHERE tenant_id = $1 AND event_id = l.event_id LIMIT 1) AS e
WHERE l.tenant_id = $1 AND l.idx >= $2 AND l.idx < $3 AND e.subject_ref IS NOT NULL AND e.purpose IS NOT NULL GROUP BY 1`
)

// hub sends changes to all who watch in this process.
type hub struct {
	mu       sync.Mutex
	watchers map[chan consent.Change]struct{}
}

func (h *hub) add() chan consent.Change {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = map[chan consent.Change]struct{}{}
	}
	watcher := make(chan consent.Change, waiting)
	h.watchers[watcher] = struct{}{}
	return watcher
}

func (h *hub) remove(watcher chan consent.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, watcher)
	close(watcher)
}

func (h *hub) tell(change consent.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for watcher := range h.watchers {
		send(watcher, change)
	}
}

// one tells one watcher, if it is still there.
func (h *hub) one(watcher chan consent.Change, change consent.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.watchers[watcher]; ok {
		send(watcher, change)
	}
}

// send never waits: who is too far behind loses what waits, and is told to forget all.
func send(watcher chan consent.Change, change consent.Change) {
	select {
	case watcher <- change:
		return
	default:
	}
	for len(watcher) > 0 {
		select {
		case <-watcher:
		default:
		}
	}
	watcher <- consent.Change{}
}

// Watch sends each change of state, of all replicas, until the context ends. While the database is away, and when it is back, a
// zero Change says to forget all. A change can be sent twice.
func (l *Ledger) Watch(ctx context.Context) (<-chan consent.Change, error) {
	conn, err := l.listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("watching the ledger: %w", err)
	}
	watcher := l.hub.add()
	go l.watch(ctx, conn, watcher)
	return watcher, nil
}

// listen opens a connection of its own: the pool's are for acts.
func (l *Ledger) listen(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, l.App.Config().ConnConfig)
	if err != nil {
		return nil, failure(err)
	}
	if err := exec(ctx, conn, "LISTEN "+l.channel()); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

func (l *Ledger) watch(ctx context.Context, conn *pgx.Conn, watcher chan consent.Change) {
	defer l.hub.remove(watcher)
	for ctx.Err() == nil {
		l.hear(ctx, conn, watcher)
		_ = conn.Close(context.WithoutCancel(ctx))
		l.hub.one(watcher, consent.Change{})
		for ctx.Err() == nil {
			again, err := l.listen(ctx)
			if err == nil {
				conn = again
				l.hub.one(watcher, consent.Change{}) // what happened meanwhile was not heard
				break
			}
			select {
			case <-ctx.Done():
			case <-l.Clock.After(pause):
			}
		}
	}
	_ = conn.Close(context.WithoutCancel(ctx))
}

// hear passes on what the connection signals, until it is lost or the context ends.
func (l *Ledger) hear(ctx context.Context, conn *pgx.Conn, watcher chan consent.Change) {
	for {
		wait, cancel := context.WithTimeout(ctx, probe)
		signal, err := conn.WaitForNotification(wait)
		cancel()
		switch {
		case err == nil:
			err = l.understand(ctx, signal.Payload, watcher)
		case ctx.Err() == nil && !conn.IsClosed():
			alive, cancel := context.WithTimeout(ctx, probe)
			err = exec(alive, conn, "SELECT")
			cancel()
		}
		if err != nil {
			return
		}
	}
}

// understand turns a signal into changes: r<receipt>, s<subject>, or i<from>-<to> of the log. What cannot be read is told as
// a gap.
func (l *Ledger) understand(ctx context.Context, payload string, watcher chan consent.Change) error {
	kind, rest := payload[:min(1, len(payload))], payload[min(1, len(payload)):]
	var sql string
	var args []any
	switch named, err := uuid.Parse(rest); {
	case kind == "s" && err == nil:
		l.hub.one(watcher, consent.Change{Subject: named})
		return nil
	case kind == "r" && err == nil:
		sql, args = movedBy, []any{id(l.Tenant), id(named), id(event.Last(named))}
	case kind == "i":
		var from, to int64
		if _, err := fmt.Sscanf(strings.Replace(rest, "-", " ", 1), "%d %d", &from, &to); err != nil {
			l.hub.one(watcher, consent.Change{})
			return nil
		}
		sql, args = movedIn, []any{id(l.Tenant), from, to}
	default:
		l.hub.one(watcher, consent.Change{})
		return nil
	}
	return l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
			var subject pgtype.UUID
			var purposes []string
			_, err := pgx.ForEachRow(rows, []any{&subject, &purposes}, func() error {
				l.hub.one(watcher, consent.Change{Subject: subject.Bytes, Purposes: purposes})
				purposes = nil
				return nil
			})
			return err
		})
	})
}
