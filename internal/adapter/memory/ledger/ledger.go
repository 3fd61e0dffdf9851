// Package ledger is a consent ledger in memory: the twin of the one in PostgreSQL. It keeps the same events, hashes, log and
// proofs, puts each event into the log at once, and forgets everything when the program ends.
package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/utils/clock"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// Config says whose ledger it is. Peppers, key-encryption keys and signer are made by chance where none is given.
type Config struct {
	Tenant uuid.UUID
	// Origin of the log; empty means ledger.example/<tenant>.
	Origin string
	// Peppers and KEKs: the first of each is written under, the others are of before.
	Peppers, KEKs [][]byte
	Signer        note.Signer
	Clock         clock.PassiveClock
}

// Ledger implements consent.Writer, Reader, Log, Mailbox, Wishes and Keys.
type Ledger struct {
	tenant  uuid.UUID
	peppers [][]byte
	ring    seal.Ring
	used    []use // in the order in which they were adopted
	signer  note.Signer
	public  string
	clock   clock.PassiveClock

	mu       sync.Mutex
	last     time.Time // of the last receipt: no two are of one instant
	events   []consent.Event
	places   map[uuid.UUID]int64
	hashes   hashes
	links    map[string]link
	merged   map[uuid.UUID][]uuid.UUID // a person and the references that Link made part of them
	keys     map[uuid.UUID]wrapped
	states   map[uuid.UUID]map[string]consent.State
	idem     map[string]uuid.UUID
	tokens   map[[sha256.Size]byte]*token
	wishes   map[uuid.UUID]*queued
	turn     time.Time // the last that was given out
	bodies   map[string]string
	words    map[string][]byte
	notices  []consent.PublishedNotice
	purposes []consent.Revision
	builds   map[string][][]byte // by site, oldest first
	revision map[string]int32
	watchers map[chan consent.Change]struct{}
}

// The interfaces that others use.
var (
	_ consent.Writer  = (*Ledger)(nil)
	_ consent.Reader  = (*Ledger)(nil)
	_ consent.Log     = (*Ledger)(nil)
	_ consent.Mailbox = (*Ledger)(nil)
	_ consent.Wishes  = (*Ledger)(nil)
	_ consent.Keys    = (*Ledger)(nil)
)

// New returns an empty ledger.
func New(c Config) (*Ledger, error) {
	if c.Tenant == uuid.Nil {
		c.Tenant = uuid.New()
	}
	if c.Origin == "" {
		c.Origin = proof.Origin("ledger.example", c.Tenant.String())
	}
	if c.Peppers == nil {
		c.Peppers = [][]byte{chance(seal.KeySize)}
	}
	if c.KEKs == nil {
		c.KEKs = [][]byte{chance(seal.KeySize)}
	}
	if c.Clock == nil {
		c.Clock = clock.RealClock{}
	}
	l := &Ledger{
		tenant: c.Tenant, signer: c.Signer, clock: c.Clock,
		places: map[uuid.UUID]int64{}, links: map[string]link{}, merged: map[uuid.UUID][]uuid.UUID{}, keys: map[uuid.UUID]wrapped{},
		states: map[uuid.UUID]map[string]consent.State{}, idem: map[string]uuid.UUID{}, tokens: map[[sha256.Size]byte]*token{}, wishes: map[uuid.UUID]*queued{},
		bodies: map[string]string{}, words: map[string][]byte{}, builds: map[string][][]byte{}, revision: map[string]int32{}, watchers: map[chan consent.Change]struct{}{},
	}
	var err error
	if l.signer == nil {
		if l.signer, l.public, err = proof.NewSigner(c.Origin, chance(proof.SeedSize)); err != nil {
			return nil, fmt.Errorf("making a ledger: %w", err)
		}
	}
	return l, l.Rekey(c.Peppers, c.KEKs)
}

// PublicKey is the text of the key that checks checkpoints; empty where the signer was given.
func (l *Ledger) PublicKey() string { return l.public }

// Rotate lets another key sign, and says so in the log: both keys have signed what it says.
func (l *Ledger) Rotate(after note.Signer, public string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	statement, err := proof.Rotation(l.signer, after, proof.Rotated{Before: l.public, After: public})
	if err != nil {
		return fmt.Errorf("rotating the log's key: %w", err)
	}
	l.signer, l.public = after, public
	l.house(consent.Event{Type: consent.EventKeyRotated, EvidenceCiphertext: statement})
	return nil
}

func chance(n int) []byte {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	return raw
}

// receipt names an act at the next free instant.
func (l *Ledger) receipt() event.Receipt {
	at := event.Instant(l.clock.Now())
	if !at.After(l.last) {
		at = l.last.Add(time.Microsecond)
	}
	l.last = at
	return event.NewReceipt(at, event.Chance(chance(len(event.Chance{}))))
}

// Record appends an act.
func (l *Ledger) Record(_ context.Context, act consent.Act) (consent.Recorded, error) {
	if err := event.CheckRecorded(&act); err != nil {
		return consent.Recorded{}, fmt.Errorf("recording an act: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record(act, uuid.Nil, consent.ByReceipt)
}

// record appends an act of a person; known is their reference where the caller has it.
func (l *Ledger) record(act consent.Act, known uuid.UUID, way consent.Way) (consent.Recorded, error) {
	if receipt, seen := l.idem[once(act)]; seen {
		events, err := l.open(l.ofReceipt(receipt))
		if err != nil {
			return consent.Recorded{}, err
		}
		return consent.Recorded{Receipt: receipt, Subject: events[0].Subject, Events: events, Deduplicated: true}, nil
	}
	subject := known
	if subject == uuid.Nil {
		if _, met := l.find(act.Person); !met {
			act.Erase = nil
		}
		var err error
		if subject, err = l.meet(act.Person, act.TakesBack()); err != nil {
			return consent.Recorded{}, err
		}
	}
	receipt := l.receipt()
	var sealed []byte
	if len(act.Evidence) > 0 {
		key, _, err := l.key(subject)
		switch {
		case errors.Is(err, consent.ErrKeyMissing) && act.TakesBack(): // recorded, without evidence that nobody could open
		case err != nil:
			return consent.Recorded{}, fmt.Errorf("recording an act: %w", err)
		default:
			sealed = key.Seal([seal.NonceSize]byte(chance(seal.NonceSize)), act.Evidence, l.tenant, receipt.ID)
		}
	}
	events := event.Of(&act, l.tenant, subject, receipt, sealed)
	event.Finish(events)
	l.append(events)
	l.idem[once(act)] = receipt.ID
	l.move(subject, events, act.Notice)
	l.wish(events, act.Erase, way)
	opened, err := l.open(events)
	return consent.Recorded{Receipt: receipt.ID, Subject: subject, Events: opened}, err
}

// once names an act.
func once(act consent.Act) string { return act.Site + "\x00" + act.Key }

// meet returns the reference of a person, a new one for a new person. Nobody can be found again as the zero Person. Who may be known
// under a pepper that is not here is met for an act only that takes back.
func (l *Ledger) meet(person consent.Person, back bool) (uuid.UUID, error) {
	if subject, ok := l.find(person); ok {
		return subject, nil
	}
	if person.Kind == consent.KindSubject {
		return uuid.Nil, fmt.Errorf("meeting a person: %w", consent.ErrUnknown) // only the ledger makes references
	}
	if person != (consent.Person{}) && !back && l.lost() {
		return uuid.Nil, fmt.Errorf("meeting a person: %w", consent.ErrKeyMissing)
	}
	subject := uuid.New()
	_, key, err := l.ring.New(&seal.Chance{Key: [seal.KeySize]byte(chance(seal.KeySize)), Nonce: [seal.NonceSize]byte(chance(seal.NonceSize))}, l.tenant, subject)
	if err != nil {
		return uuid.Nil, fmt.Errorf("making a person's key: %w", err)
	}
	l.keys[subject] = wrapped{l.ring.Current(), key}
	if person != (consent.Person{}) {
		l.name(person, subject)
		l.states[subject] = map[string]consent.State{}
	}
	return subject, nil
}

func (l *Ledger) find(person consent.Person) (uuid.UUID, bool) {
	switch person.Kind {
	case "":
		return uuid.Nil, false
	case consent.KindSubject:
		return l.refer(person.ID)
	}
	return l.named(person)
}

// refer finds whom a reference is of, also one that Link made part of another.
func (l *Ledger) refer(text string) (uuid.UUID, bool) {
	reference, err := uuid.Parse(text)
	if _, there := l.states[reference]; err == nil && there {
		return reference, true
	}
	for subject, parts := range l.merged {
		if slices.Contains(parts, reference) {
			return subject, true
		}
	}
	return uuid.Nil, false
}

// append puts events into the ledger and its log.
func (l *Ledger) append(events []consent.Event) {
	for _, e := range events {
		index := int64(len(l.events))
		grown, err := tlog.StoredHashesForRecordHash(index, tlog.Hash(e.Leaf), l.hashes)
		if err != nil {
			panic("the log in memory lacks its own hashes: " + err.Error())
		}
		l.hashes = append(l.hashes, grown...)
		l.events, l.places[e.ID] = append(l.events, e), index
	}
}

// move brings the state of a person up to date and tells who watches.
func (l *Ledger) move(subject uuid.UUID, events []consent.Event, notice consent.NoticeRef) {
	states, linked := l.states[subject]
	if !linked {
		return
	}
	change := consent.Change{Subject: subject}
	for _, e := range event.Moved(events) {
		state := consent.State{Purpose: e.Purpose, Event: e.ID, Decision: *e.Decision, Notice: notice, RecordedAt: e.RecordedAt, ValidUntil: e.ValidUntil}
		if state.Decision == consent.Granted {
			state.Method = e.Method
		}
		states[e.Purpose] = state
		change.Purposes = append(change.Purposes, e.Purpose)
	}
	if len(change.Purposes) > 0 {
		l.tell(change)
	}
}

// Link lets two names stand for one person.
func (l *Ledger) Link(_ context.Context, known, other consent.Person) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	subject, ok := l.find(known)
	if !ok {
		return fmt.Errorf("linking a person: %w", l.unknown(known))
	}
	joined, ok := l.find(other)
	switch {
	case other == (consent.Person{}), other.Kind == consent.KindSubject:
		return fmt.Errorf("linking a person: %w", consent.ErrUnknown)
	case !ok:
		l.name(other, subject)
	case joined != subject:
		l.join(subject, joined)
	}
	return nil
}

// join makes one person of two: of their states about a purpose the later one holds.
func (l *Ledger) join(subject, joined uuid.UUID) {
	for form, of := range l.links {
		if of.subject == joined {
			l.links[form] = link{subject, of.pepper}
		}
	}
	l.merged[subject] = append(append(l.merged[subject], joined), l.merged[joined]...)
	delete(l.merged, joined)
	for purpose, state := range l.states[joined] {
		if mine, ok := l.states[subject][purpose]; !ok || strings.Compare(mine.Event.String(), state.Event.String()) < 0 {
			l.states[subject][purpose] = state
		}
	}
	delete(l.states, joined)
	for _, t := range l.tokens {
		if t.Subject == joined {
			t.Subject = subject
		}
	}
	for _, w := range l.wishes {
		if w.Subject == joined {
			w.Subject = subject
		}
	}
	l.tell(consent.Change{Subject: joined})
	l.tell(consent.Change{Subject: subject})
}

// house appends an event that no act caused.
func (l *Ledger) house(e consent.Event) {
	receipt := l.receipt()
	e.Tenant, e.ID, e.Receipt, e.RecordedAt = l.tenant, receipt.ID, receipt.ID, receipt.At
	events := []consent.Event{e}
	event.Finish(events)
	l.append(events)
}

// open returns copies of events with their evidence, where the person was not forgotten.
func (l *Ledger) open(events []consent.Event) ([]consent.Event, error) {
	out := slices.Clone(events)
	for i := range out {
		e := &out[i]
		if e.Subject == uuid.Nil {
			e.Evidence = e.EvidenceCiphertext
			continue
		}
		if e.EvidenceCiphertext == nil {
			continue
		}
		key, there, err := l.key(e.Subject)
		if there && err == nil {
			e.Evidence, err = key.Open(e.EvidenceCiphertext, l.tenant, e.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("opening evidence: %w", err)
		}
	}
	return out, nil
}
