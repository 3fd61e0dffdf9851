package ledger

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/internal/consent"
)

// width is how many columns an event has.
const width = 20

// errRow means that a row has another shape than the tables of the migrations.
var errRow = errors.New("a row of the ledger has another shape")

// collect reads all rows that begin with the columns of an event. More reads what follows in a row; it may be nil.
func collect(rows pgx.Rows, more func(at int, rest [][]byte) error) ([]consent.Event, error) {
	defer rows.Close()
	var events []consent.Event
	for rows.Next() {
		raw := rows.RawValues()
		var e consent.Event
		if err := scan(raw, &e); err != nil {
			return nil, err
		}
		events = append(events, keep(e))
		if more != nil {
			if err := more(len(events)-1, raw[width:]); err != nil {
				return nil, err
			}
		}
	}
	return events, failure(rows.Err())
}

// keep copies what scan left in the driver's buffer.
func keep(e consent.Event) consent.Event {
	e.Notice.SHA256, e.EvidenceCiphertext, e.Leaf = slices.Clone(e.Notice.SHA256), slices.Clone(e.EvidenceCiphertext), slices.Clone(e.Leaf)
	if e.Decision != nil {
		decision := *e.Decision
		e.Decision = &decision
	}
	if e.GPC != nil {
		gpc := *e.GPC
		e.GPC = &gpc
	}
	return e
}

// What decisions and signals point to until keep copies them.
var (
	decisions = [...]consent.Decision{consent.Denied, consent.Granted}
	signals   = [...]bool{false, true}
)

// scan reads an event from the binary form of its columns. Bytes are those of the driver's buffer until the next row, and
// pointers are shared. It is written by hand because an audit reads a million: driver and reflection would take most of its
// time.
func scan(raw [][]byte, e *consent.Event) error {
	if len(raw) < width {
		return errRow
	}
	for i, size := range [...]int{16, 16, 16, 16, 8, 8, 8, 4, 2, 2} {
		if raw[i] != nil && len(raw[i]) != size {
			return errRow
		}
	}
	if raw[0] == nil || raw[1] == nil || raw[2] == nil || raw[5] == nil {
		return errRow
	}
	// What is absent has one form: null. Another would be hashed like it.
	for _, value := range raw[10:width] {
		if value != nil && len(value) == 0 {
			return errRow
		}
	}
	e.Tenant, e.ID, e.Receipt, e.Subject = uuid.UUID(raw[0]), uuid.UUID(raw[1]), uuid.UUID(raw[2]), uuid.Nil
	if raw[3] != nil {
		if e.Subject = uuid.UUID(raw[3]); e.Subject == uuid.Nil {
			return errRow
		}
	}
	e.OccurredAt, e.RecordedAt, e.ValidUntil = moment(raw[4]), moment(raw[5]), moment(raw[6])
	if (raw[4] != nil && e.OccurredAt.IsZero()) || (raw[6] != nil && e.ValidUntil.IsZero()) {
		return errRow
	}
	e.Notice.Version = 0
	if raw[7] != nil {
		if e.Notice.Version = int32(binary.BigEndian.Uint32(raw[7])); e.Notice.Version == 0 {
			return errRow
		}
	}
	e.Decision, e.GPC = nil, nil
	if raw[8] != nil {
		decision := binary.BigEndian.Uint16(raw[8])
		if decision > 1 {
			return errRow
		}
		e.Decision = &decisions[decision]
	}
	if raw[9] != nil {
		gpc := binary.BigEndian.Uint16(raw[9])
		if gpc > 1 {
			return errRow
		}
		e.GPC = &signals[gpc]
	}
	e.Type, e.Purpose, e.Notice.Notice, e.Notice.Language = consent.EventType(word(raw[10])), word(raw[11]), word(raw[12]), word(raw[13])
	e.Notice.SHA256 = raw[14]
	e.Method, e.CollectedBy, e.Site = consent.Method(word(raw[15])), consent.Collector(word(raw[16])), word(raw[17])
	e.EvidenceCiphertext, e.Leaf = raw[18], raw[19]
	return nil
}

// epoch is PostgreSQL's, in microseconds of Unix time.
const epoch = 946_684_800_000_000

func moment(raw []byte) time.Time {
	if raw == nil {
		return time.Time{}
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(raw)) + epoch).UTC()
}

// words are texts that nearly every row has: they are not allocated again.
func word(raw []byte) string {
	switch string(raw) {
	case string(consent.EventGiven):
		return string(consent.EventGiven)
	case string(consent.EventTermsAccepted):
		return string(consent.EventTermsAccepted)
	case string(consent.EventStorageAcknowledged):
		return string(consent.EventStorageAcknowledged)
	case string(consent.MethodButton):
		return string(consent.MethodButton)
	case string(consent.MethodMessage):
		return string(consent.MethodMessage)
	case string(consent.CollectorWidget):
		return string(consent.CollectorWidget)
	}
	return string(raw)
}
