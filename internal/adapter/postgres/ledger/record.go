package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// Record appends an act: one round trip for a person who is new, shared with others who come at the same time, two for one who
// is known, and more where several acts of one person meet. A lost answer is asked for again; the act is then found by its key,
// and Deduplicated tells so.
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
	// aged tells that they were found by an older form of their name.
	aged bool
}

// record takes the person for a new one, and finds out with the same statement whether that is so.
func (l *Ledger) record(ctx context.Context, act *consent.Act) (consent.Recorded, error) {
	if len(act.Erase) > 0 {
		return l.recordHeld(ctx, act)
	}
	w := l.writing(act, act.Person, uuid.New())
	var key seal.Key
	if act.Person.Kind != "" || act.Evidence != nil {
		var err error
		if key, w.wrapped, err = l.KEK.New(keyLot(), l.Tenant, w.subject); err != nil {
			return consent.Recorded{}, fmt.Errorf("making a person's key: %w", err)
		}
	}
	w.write(l.now(), key)
	found, err := l.newcomers.ask(ctx, w)
	switch {
	case err != nil:
		return consent.Recorded{}, err
	case found.seen != uuid.Nil:
		return l.recorded(ctx, found.seen)
	case found.barred:
		return consent.Recorded{}, consent.ErrKeyMissing
	case found.split:
		if err := l.settled(ctx, act.Person); err != nil {
			return consent.Recorded{}, err
		}
		return consent.Recorded{}, errMoved
	case found.known != nil:
		return l.recordKnown(ctx, act, *found.known)
	}
	return w.done(key), nil
}

// met is what recordNew answers for an act that it did not write.
type met struct {
	seen  uuid.UUID
	known *someone
	// split tells that two forms of a name lead to two people, barred that a pepper is missing under which they may be known.
	split, barred bool
}

// and is what another row of the answer says of the same act.
func (m met) and(other met) met {
	switch {
	case other.barred && (m.known != nil || m.seen != uuid.Nil):
		return m
	case m.known == nil || other.known == nil:
		return other
	}
	m.split = m.split || m.known.subject != other.known.subject
	m.known.aged = m.known.aged || other.known.aged
	return m
}

// recordTogether records acts of people who are taken for new ones, in one transaction.
func (l *Ledger) recordTogether(ctx context.Context, group []*writing) ([]met, error) {
	found := make([]met, len(group))
	var links [][]byte
	var of []int32
	var kinds []string
	for i, w := range group {
		for _, link := range w.named {
			of, kinds, links = append(of, int32(i)+1), append(kinds, w.act.Person.Kind), append(links, link)
		}
	}
	back := make([]bool, len(group))
	for i, w := range group {
		back[i] = w.act.TakesBack()
	}
	args := append(arguments(l, group), l.KEK.Current(), l.peppers[0].id, of, kinds, links, l.pepperIDs(), back)
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(recordNew, args...).Query(func(rows pgx.Rows) error {
			var at int64
			var seen, known pgtype.UUID
			var kek pgtype.Text
			var theirs []byte
			var youngest pgtype.Timestamptz
			var aged pgtype.Bool
			_, err := pgx.ForEachRow(rows, []any{&at, &seen, &known, &kek, &theirs, &youngest, &aged}, func() error {
				m := met{seen: seen.Bytes, barred: !seen.Valid && !known.Valid}
				if known.Valid {
					m.known = &someone{known.Bytes, kek.String, append([]byte(nil), theirs...), youngest.Time, aged.Bool}
				}
				found[at-1] = found[at-1].and(m)
				return nil
			})
			return err
		})
	})
	return found, err
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
	w, key, err := l.writingOf(act, of, act.Person)
	if err != nil {
		return consent.Recorded{}, err
	}
	var answer known
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) { w.queue(b, &answer) })
	if f, ok := failed(err); ok && f.SQLState == lateState {
		return l.recordHeld(ctx, act)
	}
	return l.answered(ctx, w, key, answer, err)
}

// errStranger means that nobody is known by the name of an act, so that nothing of theirs is to be erased.
var errStranger = errors.New("not known")

// recordHeld is for a person with whom several acts are at it: a later one was quicker. It waits for its turn, and takes its
// time when it has it. An act that becomes a wish does so from the start: a person has one.
func (l *Ledger) recordHeld(ctx context.Context, act *consent.Act) (consent.Recorded, error) {
	var w *writing
	var key seal.Key
	var answer known
	err := l.transaction(ctx, l.App, beginWrite, func(t tx) error {
		subject, _, err := l.held(ctx, t, act.Person)
		switch {
		case err != nil:
			return err
		case subject == uuid.Nil && len(act.Erase) > 0:
			return errStranger
		case subject == uuid.Nil:
			return errMoved
		}
		if w, key, err = l.writeHeld(ctx, t, act, act.Person, subject, &answer); err != nil || answer.seen.Valid || !answer.mine {
			return err
		}
		return l.wish(ctx, t, w, consent.ByWithdrawal)
	})
	if errors.Is(err, errStranger) {
		plain := *act
		plain.Erase = nil
		return l.record(ctx, &plain)
	}
	return l.answered(ctx, w, key, answer, err)
}

// writeHeld writes an act of a person who is locked. The zero Person takes the reference for theirs.
func (l *Ledger) writeHeld(ctx context.Context, t tx, act *consent.Act, named consent.Person, subject uuid.UUID, answer *known) (*writing, seal.Key, error) {
	of := someone{subject: subject}
	var youngest pgtype.Timestamptz
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(keyOf, id(l.Tenant), id(subject)).QueryRow(func(row pgx.Row) error { return row.Scan(&of.kek, &of.wrapped, &youngest) })
	})
	if err != nil {
		return nil, seal.Key{}, err
	}
	of.youngest = youngest.Time
	w, key, err := l.writingOf(act, of, named)
	if err != nil {
		return nil, key, err
	}
	return w, key, t.send(ctx, func(b *pgx.Batch) { w.queue(b, answer) })
}

// writingOf prepares an act of a person who is known, and who must still have that name.
func (l *Ledger) writingOf(act *consent.Act, of someone, named consent.Person) (*writing, seal.Key, error) {
	w := l.writing(act, named, of.subject)
	var key seal.Key
	if act.Evidence != nil {
		var err error
		key, err = l.KEK.Open(of.kek, of.wrapped, l.Tenant, of.subject)
		switch {
		case errors.Is(err, seal.ErrKey) && act.TakesBack():
			bare := *act // what takes back is recorded, without evidence that nobody could open
			bare.Evidence = nil
			w.act = &bare
		case errors.Is(err, seal.ErrKey):
			return nil, key, consent.ErrKeyMissing
		case err != nil:
			return nil, key, fmt.Errorf("opening a person's key: %w", err)
		}
	}
	w.aged = of.aged
	at := l.now()
	if !at.After(of.youngest) {
		at = of.youngest.UTC().Add(step) // the clock of another replica is ahead
	}
	w.write(at, key)
	return w, key, nil
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
