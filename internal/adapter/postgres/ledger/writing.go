package ledger

import (
	"crypto/sha256"
	"slices"

	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// writing is an act on its way into the ledger.
type writing struct {
	*Ledger
	act     *consent.Act
	key     [sha256.Size]byte
	subject uuid.UUID
	// wrapped is the key of a person who is new.
	wrapped []byte
	// named are the forms of the person's name, newest first: none where the reference stands for them, or nobody is meant.
	named   [][]byte
	receipt event.Receipt
	events  []consent.Event
	moved   []consent.Event
	// aged tells that the person was found by an older form of their name.
	aged bool
}

func (l *Ledger) writing(act *consent.Act, person consent.Person, subject uuid.UUID) *writing {
	w := &writing{Ledger: l, act: act, key: sha256.Sum256([]byte(act.Key)), subject: subject}
	if person.Kind != "" {
		w.named = l.links(person)
	}
	return w
}

// holds is what one transaction can write once: the act, by its key, and the name of somebody new.
func (w *writing) holds() []string {
	held := []string{"act\x00" + w.act.Site + "\x00" + string(w.key[:])}
	if len(w.named) > 0 {
		held = append(held, "name\x00"+w.act.Person.Kind+"\x00"+string(w.named[0]))
	}
	return held
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
}

// moves tells whether an event moves the state of its purpose.
func (w *writing) moves(e *consent.Event) bool {
	return slices.ContainsFunc(w.moved, func(o consent.Event) bool { return o.ID == e.ID })
}

// known is what recordKnown answers.
type known struct {
	seen pgtype.UUID
	mine bool
	late int32
}

func (w *writing) queue(b *pgx.Batch, answer *known) {
	b.Queue(lockPerson, id(w.Tenant), id(w.subject))
	b.Queue(recordKnown, append(arguments(w.Ledger, []*writing{w}), w.named)...).QueryRow(func(row pgx.Row) error { return row.Scan(&answer.seen, &answer.mine, &answer.late) })
	if w.aged {
		for older := 1; older < len(w.named); older++ {
			w.renew(b, w.subject, w.act.Person.Kind, w.named, older)
		}
	}
	if slices.ContainsFunc(w.moved, func(e consent.Event) bool { return *e.Decision == consent.Denied }) {
		b.Queue(notify, w.channel(), "r"+w.receipt.ID.String())
	}
}

// done answers for an act that was committed, and tells who watches here, and the sequencer.
func (w *writing) done(key seal.Key) consent.Recorded {
	w.Sequencer.wake()
	if w.act.Evidence != nil {
		w.events[0].Evidence, _ = key.Open(w.events[0].EvidenceCiphertext, w.Tenant, w.events[0].ID)
	}
	if len(w.moved) > 0 {
		change := consent.Change{Subject: w.subject}
		for _, e := range w.moved {
			change.Purposes = append(change.Purposes, e.Purpose)
		}
		slices.Sort(change.Purposes)
		w.hub.tell(change)
	}
	return consent.Recorded{Receipt: w.receipt.ID, Subject: w.subject, Events: w.events}
}

// arguments are the parameters that both statements share: columns of acts, and of events.
func arguments(l *Ledger, group []*writing) []any {
	n, m := len(group), 0
	for _, w := range group {
		m += len(w.events)
	}
	var (
		sites, kinds                          = make([]string, n), make([]string, n)
		keys, digests, materials, evidence    = make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
		links, wrapped                        = make([][]byte, n), make([][]byte, n)
		subjects, receipts                    = make([]pgtype.UUID, n), make([]pgtype.UUID, n)
		recorded, occurred                    = make([]pgtype.Timestamptz, n), make([]pgtype.Timestamptz, n)
		notices, languages, methods, collects = make([]pgtype.Text, n), make([]pgtype.Text, n), make([]pgtype.Text, n), make([]pgtype.Text, n)
		versions                              = make([]pgtype.Int4, n)
		signals                               = make([]pgtype.Int2, n)

		of        = make([]int32, 0, m)
		ids       = make([]pgtype.UUID, 0, m)
		types     = make([]string, 0, m)
		purposes  = make([]pgtype.Text, 0, m)
		decisions = make([]int16, 0, m)
		untils    = make([]pgtype.Timestamptz, 0, m)
		leaves    = make([][]byte, 0, m)
		moves     = make([]bool, 0, m)
	)
	for i, w := range group {
		act := w.act
		sites[i], keys[i], kinds[i] = act.Site, w.key[:], act.Person.Kind
		if len(w.named) > 0 {
			links[i] = w.named[0]
		}
		subjects[i], receipts[i], recorded[i], occurred[i] = id(w.subject), id(w.receipt.ID), instant(w.receipt.At), instant(event.Instant(act.OccurredAt))
		notices[i], versions[i], languages[i], digests[i], materials[i] = text(act.Notice.Notice), version(act.Notice.Version), text(act.Notice.Language), octets(act.Notice.SHA256), octets(act.Notice.Material)
		signals[i], methods[i], collects[i], evidence[i] = signal(act.GPC), text(string(act.Method)), text(string(act.CollectedBy)), octets(w.events[0].EvidenceCiphertext)
		wrapped[i] = w.wrapped
		for j := range w.events {
			e := &w.events[j]
			of, ids, types, purposes = append(of, int32(i)+1), append(ids, id(e.ID)), append(types, string(e.Type)), append(purposes, text(e.Purpose))
			decisions, untils, leaves, moves = append(decisions, int16(*e.Decision)), append(untils, instant(e.ValidUntil)), append(leaves, e.Leaf), append(moves, w.moves(e))
		}
	}
	return []any{id(l.Tenant), sites, keys, kinds, links, subjects, receipts, recorded, occurred, notices, versions, languages, digests, materials, signals, methods, collects, evidence, wrapped,
		of, ids, types, purposes, decisions, untils, leaves, moves}
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
