package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// Record appends an act: one round trip for a person who is new, two for one who is known, and more where several acts of one
// person meet. A lost answer is asked for again;
// the act is then found by its key, and Deduplicated tells so.
func (l *Ledger) Record(ctx context.Context, act consent.Act) (recorded consent.Recorded, err error) {
	if err := event.CheckRecorded(&act); err != nil {
		return recorded, fmt.Errorf("recording an act: %w", err)
	}
	err = retry(ctx, func() error {
		recorded, err = l.record(ctx, &act)
		return err
	})
	if err != nil {
		return consent.Recorded{}, fmt.Errorf("recording an act: %w", err)
	}
	return recorded, nil
}

// someone is a person whom the ledger knows.
type someone struct {
	subject  uuid.UUID
	kek      string
	wrapped  []byte
	youngest time.Time
}

// record takes the person for a new one, and finds out with the same statement whether that is so.
func (l *Ledger) record(ctx context.Context, act *consent.Act) (consent.Recorded, error) {
	w := writing{Ledger: l, act: act, subject: uuid.New()}
	var key seal.Key
	var wrapped []byte
	if act.Person.Kind != "" || act.Evidence != nil {
		var err error
		if key, wrapped, err = l.KEK.New(keyLot(), l.Tenant, w.subject); err != nil {
			return consent.Recorded{}, fmt.Errorf("making a person's key: %w", err)
		}
	}
	w.write(l.now(), key)
	var seen, known pgtype.UUID
	var kek pgtype.Text
	var theirs []byte
	var youngest pgtype.Timestamptz
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		args := append(w.args(), kekName(l.KEK, wrapped), wrapped, l.peppers[0].id)
		b.Queue(recordNew, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&seen, &known, &kek, &theirs, &youngest) })
	})
	switch {
	case err != nil:
		return consent.Recorded{}, err
	case seen.Valid:
		return l.recorded(ctx, seen.Bytes)
	case known.Valid:
		return l.recordKnown(ctx, act, someone{known.Bytes, kek.String, theirs, youngest.Time})
	}
	return w.done(key), nil
}

func kekName(ring seal.Ring, wrapped []byte) pgtype.Text {
	return pgtype.Text{String: ring.Current(), Valid: wrapped != nil}
}

// recorded answers for an act that was recorded before.
func (l *Ledger) recorded(ctx context.Context, receipt uuid.UUID) (consent.Recorded, error) {
	events, err := l.Receipt(ctx, receipt)
	if err != nil {
		return consent.Recorded{}, err
	}
	return consent.Recorded{Receipt: receipt, Subject: events[0].Subject, Events: events, Deduplicated: true}, nil
}

// errMoved means that a person was forgotten or joined with another meanwhile: the act begins anew.
var errMoved = &Failure{SQLState: "40001"}

func (l *Ledger) recordKnown(ctx context.Context, act *consent.Act, of someone) (consent.Recorded, error) {
	w, key, err := l.writingOf(act, of)
	if err != nil {
		return consent.Recorded{}, err
	}
	var answer known
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) { w.queue(b, act.Person.Kind, &answer) })
	if f, ok := errors.AsType[*Failure](err); ok && f.SQLState == lateState {
		return l.recordHeld(ctx, act)
	}
	return l.answered(ctx, w, key, answer, err)
}

// recordHeld is for a person with whom several acts are at it: a later one was quicker. It waits for its turn, and takes its
// time when it has it.
func (l *Ledger) recordHeld(ctx context.Context, act *consent.Act) (consent.Recorded, error) {
	var w *writing
	var key seal.Key
	var answer known
	err := l.transaction(ctx, l.App, beginWrite, func(t tx) error {
		subject, _, err := l.held(ctx, t, act.Person)
		if err == nil && subject == uuid.Nil {
			err = errMoved
		}
		if err != nil {
			return err
		}
		w, key, err = l.writeHeld(ctx, t, act, act.Person.Kind, subject, &answer)
		return err
	})
	return l.answered(ctx, w, key, answer, err)
}

// writeHeld writes an act of a person who is locked.
func (l *Ledger) writeHeld(ctx context.Context, t tx, act *consent.Act, kind string, subject uuid.UUID, answer *known) (*writing, seal.Key, error) {
	of := someone{subject: subject}
	var youngest pgtype.Timestamptz
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(keyOf, id(l.Tenant), id(subject)).QueryRow(func(row pgx.Row) error { return row.Scan(&of.kek, &of.wrapped, &youngest) })
	})
	if err != nil {
		return nil, seal.Key{}, err
	}
	of.youngest = youngest.Time
	w, key, err := l.writingOf(act, of)
	if err != nil {
		return nil, key, err
	}
	return w, key, t.send(ctx, func(b *pgx.Batch) { w.queue(b, kind, answer) })
}

// writingOf prepares an act of a person who is known.
func (l *Ledger) writingOf(act *consent.Act, of someone) (*writing, seal.Key, error) {
	w := &writing{Ledger: l, act: act, subject: of.subject}
	var key seal.Key
	if act.Evidence != nil {
		var err error
		if key, err = l.KEK.Open(of.kek, of.wrapped, l.Tenant, of.subject); err != nil {
			return nil, key, fmt.Errorf("opening a person's key: %w", err)
		}
	}
	at := l.now()
	if !at.After(of.youngest) {
		at = of.youngest.UTC().Add(step) // the clock of another replica is ahead
	}
	w.write(at, key)
	return w, key, nil
}

// known is what recordKnown answers.
type known struct {
	seen pgtype.UUID
	mine bool
	late int32
}

func (w *writing) queue(b *pgx.Batch, kind string, answer *known) {
	b.Queue(lockPerson, id(w.Tenant), id(w.subject))
	args := w.args()
	args[4] = kind
	b.Queue(recordKnown, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&answer.seen, &answer.mine, &answer.late) })
	if slices.ContainsFunc(w.moved, func(e consent.Event) bool { return *e.Decision == consent.Denied }) {
		b.Queue(notify, w.channel(), "r"+w.receipt.ID.String())
	}
}

func (l *Ledger) answered(ctx context.Context, w *writing, key seal.Key, answer known, err error) (consent.Recorded, error) {
	switch {
	case err != nil:
		return consent.Recorded{}, err
	case answer.seen.Valid:
		return l.recorded(ctx, answer.seen.Bytes)
	case !answer.mine:
		return consent.Recorded{}, errMoved
	}
	return w.done(key), nil
}

// writing is an act on its way into the ledger.
type writing struct {
	*Ledger
	act     *consent.Act
	subject uuid.UUID
	receipt event.Receipt
	events  []consent.Event
	moved   []consent.Event
}

// write makes the events of the act.
func (w *writing) write(at time.Time, key seal.Key) {
	w.receipt = event.NewReceipt(at, lot())
	var sealed []byte
	if w.act.Evidence != nil {
		sealed = key.Seal(nonce(), w.act.Evidence, w.Tenant, w.receipt.ID)
	}
	w.events = event.Of(w.act, w.Tenant, w.subject, w.receipt, sealed)
	event.Finish(w.events)
	w.moved = event.Moved(w.events)
	slices.SortFunc(w.moved, func(a, b consent.Event) int { return strings.Compare(a.Purpose, b.Purpose) })
}

// args are the parameters that both statements share.
func (w *writing) args() []any {
	act, once := w.act, sha256.Sum256([]byte(w.act.Key))
	n := len(w.events)
	ids, types, purposes := make([]pgtype.UUID, n), make([]string, n), make([]pgtype.Text, n)
	decisions, untils, leaves := make([]int16, n), make([]pgtype.Timestamptz, n), make([][]byte, n)
	for i := range w.events {
		e := &w.events[i]
		ids[i], types[i], purposes[i], decisions[i], untils[i], leaves[i] = id(e.ID), string(e.Type), text(e.Purpose), int16(*e.Decision), instant(e.ValidUntil), e.Leaf
	}
	m := len(w.moved)
	movedIDs, movedPurposes, movedDecisions, movedUntils := make([]pgtype.UUID, m), make([]string, m), make([]int16, m), make([]pgtype.Timestamptz, m)
	for i := range w.moved {
		e := &w.moved[i]
		movedIDs[i], movedPurposes[i], movedDecisions[i], movedUntils[i] = id(e.ID), e.Purpose, int16(*e.Decision), instant(e.ValidUntil)
	}
	var links [][]byte
	if act.Person.Kind != "" {
		links = w.links(act.Person)
	}
	return []any{
		id(w.Tenant), act.Site, once[:], id(w.subject), act.Person.Kind, links,
		id(w.receipt.ID), instant(w.receipt.At), instant(event.Instant(act.OccurredAt)), text(act.Notice.Notice), version(act.Notice.Version), text(act.Notice.Language),
		octets(act.Notice.SHA256), octets(act.Notice.Material), signal(act.GPC), text(string(act.Method)), text(string(act.CollectedBy)), octets(w.events[0].EvidenceCiphertext),
		ids, types, purposes, decisions, untils, leaves, movedIDs, movedPurposes, movedDecisions, movedUntils,
	}
}

// done answers for an act that was committed, and tells who watches here.
func (w *writing) done(key seal.Key) consent.Recorded {
	if w.act.Evidence != nil {
		w.events[0].Evidence, _ = key.Open(w.events[0].EvidenceCiphertext, w.Tenant, w.events[0].ID)
	}
	if len(w.moved) > 0 {
		change := consent.Change{Subject: w.subject}
		for _, e := range w.moved {
			change.Purposes = append(change.Purposes, e.Purpose)
		}
		w.hub.tell(change)
	}
	return consent.Recorded{Receipt: w.receipt.ID, Subject: w.subject, Events: w.events}
}

func version(v int32) pgtype.Int4 { return pgtype.Int4{Int32: v, Valid: v != 0} }

func signal(gpc *bool) pgtype.Int2 {
	if gpc == nil {
		return pgtype.Int2{}
	}
	if *gpc {
		return pgtype.Int2{Int16: 1, Valid: true}
	}
	return pgtype.Int2{Valid: true}
}

// octets is NULL where there are none.
func octets(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
