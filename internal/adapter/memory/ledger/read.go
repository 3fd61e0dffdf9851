package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// States returns the last decisions of people, by purpose.
func (l *Ledger) States(_ context.Context, people []consent.Person) ([][]consent.State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([][]consent.State, len(people))
	for i, person := range people {
		if subject, ok := l.find(person); ok {
			out[i] = slices.SortedFunc(maps.Values(l.states[subject]), func(a, b consent.State) int { return strings.Compare(a.Purpose, b.Purpose) })
		}
	}
	return out, nil
}

// Events returns what was recorded of a person.
func (l *Ledger) Events(_ context.Context, person consent.Person) ([]consent.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	subject, ok := l.find(person)
	if !ok {
		return nil, fmt.Errorf("reading events: %w", l.unknown(person))
	}
	mine := append([]uuid.UUID{subject}, l.merged[subject]...)
	return l.open(slices.DeleteFunc(slices.Clone(l.events), func(e consent.Event) bool { return !slices.Contains(mine, e.Subject) }))
}

// Storage returns what a person decided last about storage on their device, and opens nothing.
func (l *Ledger) Storage(_ context.Context, person consent.Person) (consent.State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	subject, ok := l.find(person)
	if !ok {
		return consent.State{}, fmt.Errorf("reading events: %w", l.unknown(person))
	}
	mine := append([]uuid.UUID{subject}, l.merged[subject]...)
	return consent.LastStorage(slices.DeleteFunc(slices.Clone(l.events), func(e consent.Event) bool { return !slices.Contains(mine, e.Subject) })), nil
}

// Since returns events in the order of the log, without evidence.
func (l *Ledger) Since(_ context.Context, after uuid.UUID, limit int) ([]consent.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := int64(0)
	if after != uuid.Nil {
		place, ok := l.places[after]
		if !ok {
			return nil, fmt.Errorf("reading events: %w", consent.ErrUnknown)
		}
		from = place + 1
	}
	rest := slices.DeleteFunc(slices.Clone(l.events[from:]), func(e consent.Event) bool { return e.Type == "" }) // erased
	return slices.Clone(rest[:min(max(limit, 0), len(rest))]), nil
}

// Forgotten returns marks of people who were forgotten, all in one page.
func (l *Ledger) Forgotten(_ context.Context, from int64) (marks []consent.Mark, to int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to = int64(len(l.events))
	for _, e := range l.events[min(max(from, 0), to):] {
		if e.Type == consent.EventSubjectShredded {
			marks = append(marks, event.MarkOf(l.peppers[0], e.Subject))
		}
	}
	return marks, max(to, from), nil
}

// Receipt returns the events of a receipt.
func (l *Ledger) Receipt(_ context.Context, receipt uuid.UUID) ([]consent.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.ofReceipt(receipt)
	if len(events) == 0 {
		return nil, fmt.Errorf("reading a receipt: %w", consent.ErrUnknown)
	}
	return l.open(events)
}

func (l *Ledger) ofReceipt(receipt uuid.UUID) []consent.Event {
	first, ok := l.places[receipt]
	if !ok || l.events[first].Type == "" {
		return nil
	}
	last := first + 1
	for last < int64(len(l.events)) && l.events[last].Receipt == receipt {
		last++
	}
	return l.events[first:last]
}

// waiting is how many changes a reader may be behind.
const waiting = 256

// Watch sends changes until the context ends.
func (l *Ledger) Watch(ctx context.Context) (<-chan consent.Change, error) {
	changes := make(chan consent.Change, waiting)
	l.mu.Lock()
	l.watchers[changes] = struct{}{}
	l.mu.Unlock()
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watchers, changes)
		close(changes)
	})
	return changes, nil
}

// tell sends a change to all who watch. Who is too far behind loses the oldest and is told to forget everything.
func (l *Ledger) tell(change consent.Change) {
	for watcher := range l.watchers {
		select {
		case watcher <- change:
			continue
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
}

// Publish makes purposes, notices and builds part of the ledger.
func (l *Ledger) Publish(_ context.Context, p consent.Publication) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	news, err := event.Published(p, func(kind event.Kind, name string) (string, int32) {
		return l.bodies[string(kind)+"\x00"+name], l.revision[string(kind)+"\x00"+name]
	})
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	for _, n := range news {
		key := string(n.Kind) + "\x00" + n.Name
		l.bodies[key], l.revision[key] = n.Same, n.Event.Notice.Version
		if n.Kind == event.KindNotice {
			l.words[event.NoticeName(n.Event.Notice)] = n.Body
			ref := n.Event.Notice
			ref.Material = n.Event.EvidenceCiphertext
			l.notices = append(l.notices, consent.PublishedNotice{NoticeRef: ref, Body: n.Body})
		}
		l.house(n.Event)
		if n.Kind == event.KindPurpose {
			l.purposes = append(l.purposes, consent.Revision{PublishedPurpose: consent.PublishedPurpose{Purpose: n.Name, Body: n.Body},
				Number: n.Event.Notice.Version, Since: l.events[len(l.events)-1].RecordedAt})
		}
	}
	for _, w := range p.Widgets {
		l.keepBuild(w)
	}
	return nil
}

// Published returns the notices of a name.
func (l *Ledger) Published(_ context.Context, notice string) ([]consent.PublishedNotice, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.notices), func(n consent.PublishedNotice) bool { return n.Notice != notice }), nil
}

// Purposes returns the revisions of purposes.
func (l *Ledger) Purposes(_ context.Context, names []string) ([]consent.Revision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := slices.DeleteFunc(slices.Clone(l.purposes), func(r consent.Revision) bool { return !slices.Contains(names, r.Purpose) })
	slices.SortStableFunc(found, func(a, b consent.Revision) int { return strings.Compare(a.Purpose, b.Purpose) })
	return found, nil
}

// keepBuild keeps a script, and lets the oldest of its site go.
func (l *Ledger) keepBuild(w consent.PublishedWidget) {
	kept := l.builds[w.Site]
	if slices.ContainsFunc(kept, func(body []byte) bool { return bytes.Equal(body, w.Body) }) {
		return
	}
	kept = append(kept, bytes.Clone(w.Body))
	l.builds[w.Site] = kept[max(0, len(kept)-consent.KeptBuilds):]
}

// Build returns a script that was published.
func (l *Ledger) Build(_ context.Context, site string, digest []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, body := range l.builds[site] {
		if sum := sha256.Sum256(body); bytes.Equal(sum[:], digest) {
			return bytes.Clone(body), nil
		}
	}
	return nil, fmt.Errorf("reading a build: %w", consent.ErrUnknown)
}

// Words returns the words of a notice.
func (l *Ledger) Words(_ context.Context, notice consent.NoticeRef) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	body, ok := l.words[event.NoticeName(notice)]
	if sum := sha256.Sum256(body); !ok || !bytes.Equal(sum[:], notice.SHA256) {
		return nil, fmt.Errorf("reading words: %w", consent.ErrUnknown)
	}
	return bytes.Clone(body), nil
}

// hashes are all hashes of the log, in the order of tlog.
type hashes []tlog.Hash

// ReadHashes makes hashes a tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(h)) {
			return nil, errors.New("no such hash")
		}
		found[i] = h[index]
	}
	return found, nil
}

// Checkpoint signs the log as it is.
func (l *Ledger) Checkpoint(context.Context) (consent.Checkpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checkpoint()
}

func (l *Ledger) checkpoint() (consent.Checkpoint, error) {
	size := int64(len(l.events))
	root, err := tlog.TreeHash(size, l.hashes)
	if err != nil {
		return consent.Checkpoint{}, fmt.Errorf("hashing the log: %w", err)
	}
	signed, err := proof.Sign(size, root, l.signer)
	return consent.Checkpoint{Size: size, Root: root[:], Note: signed, Time: event.Instant(l.clock.Now())}, err
}

// Inclusion proves that an event is in the log.
func (l *Ledger) Inclusion(_ context.Context, id uuid.UUID) (consent.Inclusion, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	index, ok := l.places[id]
	if !ok {
		return consent.Inclusion{}, fmt.Errorf("proving an event: %w", consent.ErrUnknown)
	}
	head, err := l.checkpoint()
	if err != nil {
		return consent.Inclusion{}, err
	}
	path, err := tlog.ProveRecord(head.Size, index, l.hashes)
	if err != nil {
		return consent.Inclusion{}, fmt.Errorf("proving an event: %w", err)
	}
	return consent.Inclusion{Index: index, Leaf: l.events[index].Leaf, Path: proof.Path(path), Checkpoint: head}, nil
}

// Consistency proves that the log only grew.
func (l *Ledger) Consistency(_ context.Context, from, to int64) ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from < 0 || from > to || to > int64(len(l.events)) {
		return nil, fmt.Errorf("proving the log: %w", consent.ErrUnknown)
	}
	if from == 0 {
		return nil, nil
	}
	path, err := tlog.ProveTree(to, from, l.hashes)
	if err != nil {
		return nil, fmt.Errorf("proving the log: %w", err)
	}
	return proof.Path(path), nil
}

// token is what was mailed.
type token struct {
	consent.Ticket
	spent bool
}

// Peek tells what a token is for.
func (l *Ledger) Peek(_ context.Context, raw []byte, now time.Time) (consent.Ticket, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, err := l.valid(raw, now)
	if err != nil {
		return consent.Ticket{}, fmt.Errorf("looking at a token: %w", err)
	}
	return t.Ticket, nil
}

func (l *Ledger) valid(raw []byte, now time.Time) (*token, error) {
	t, ok := l.tokens[sha256.Sum256(raw)]
	switch {
	case !ok:
		return nil, consent.ErrUnknown
	case t.spent || !now.Before(t.Expires):
		return nil, consent.ErrSpent
	}
	return t, nil
}

// Spend uses a token up and records the act of the person it was mailed to.
func (l *Ledger) Spend(_ context.Context, raw []byte, now time.Time, act consent.Act) (consent.Recorded, error) {
	if err := event.Check(&act); err != nil {
		return consent.Recorded{}, fmt.Errorf("spending a token: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t, err := l.valid(raw, now)
	if _, seen := l.idem[once(act)]; seen && errors.Is(err, consent.ErrSpent) {
		return l.record(act, uuid.Nil, consent.ByLink) // a retry whose first answer was lost
	}
	if err != nil {
		return consent.Recorded{}, fmt.Errorf("spending a token: %w", err)
	}
	if event.Asks(&act) && l.wished(t.Subject, nil) {
		return consent.Recorded{}, fmt.Errorf("spending a token: %w", consent.ErrWished)
	}
	recorded, err := l.record(act, t.Subject, consent.ByLink)
	t.spent = err == nil
	return recorded, err
}
