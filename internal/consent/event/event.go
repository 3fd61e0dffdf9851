// Package event turns what a person did into the lines of the ledger: their identifiers, their canonical form and the hash
// that the log signs. It is pure: time and chance are inputs.
package event

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
)

// Time is how an instant stands in the canonical form: UTC, with the six digits that PostgreSQL keeps.
const Time = "2006-01-02T15:04:05.000000Z"

// Hash is the RFC 6962 leaf hash of an event.
func Hash(e *consent.Event) []byte {
	var space [1024]byte
	hash := tlog.RecordHash(Append(space[:0], e))
	return hash[:]
}

// Append writes an event in canonical JSON (RFC 8785) behind what is there: every column of the ledger's table but the hash,
// by the column's name. What is absent is null: an empty text, a zero time, the nil UUID.
func Append(to []byte, e *consent.Event) []byte {
	to = text(append(to, `{"collected_by":`...), string(e.CollectedBy))
	to = append(to, `,"decision":`...)
	if e.Decision == nil {
		to = append(to, "null"...)
	} else {
		to = strconv.AppendInt(to, int64(*e.Decision), 10)
	}
	to = identifier(append(to, `,"event_id":`...), e.ID)
	to = octets(append(to, `,"evidence_ct":`...), e.EvidenceCiphertext)
	to = append(to, `,"gpc":`...)
	switch {
	case e.GPC == nil:
		to = append(to, "null"...)
	case *e.GPC:
		to = append(to, '1')
	default:
		to = append(to, '0')
	}
	to = text(append(to, `,"method":`...), string(e.Method))
	to = text(append(to, `,"notice":`...), e.Notice.Notice)
	to = text(append(to, `,"notice_lang":`...), e.Notice.Language)
	to = octets(append(to, `,"notice_sha256":`...), e.Notice.SHA256)
	to = append(to, `,"notice_version":`...)
	if e.Notice.Version == 0 {
		to = append(to, "null"...)
	} else {
		to = strconv.AppendInt(to, int64(e.Notice.Version), 10)
	}
	to = instant(append(to, `,"occurred_at":`...), e.OccurredAt)
	to = text(append(to, `,"purpose":`...), e.Purpose)
	to = identifier(append(to, `,"receipt_id":`...), e.Receipt)
	to = instant(append(to, `,"recorded_at":`...), e.RecordedAt)
	to = text(append(to, `,"site":`...), e.Site)
	to = identifier(append(to, `,"subject_ref":`...), e.Subject)
	to = identifier(append(to, `,"tenant_id":`...), e.Tenant)
	to = text(append(to, `,"type":`...), string(e.Type))
	to = instant(append(to, `,"valid_until":`...), e.ValidUntil)
	return append(to, '}')
}

func text(to []byte, value string) []byte {
	if value == "" {
		return append(to, "null"...)
	}
	return canonical.AppendString(to, value)
}

func octets(to, value []byte) []byte {
	if len(value) == 0 {
		return append(to, "null"...)
	}
	return append(base64.RawURLEncoding.AppendEncode(append(to, '"'), value), '"')
}

func identifier(to []byte, id uuid.UUID) []byte {
	if id == uuid.Nil {
		return append(to, "null"...)
	}
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			to = append(to, '-')
		}
		to = append(to, hex[b>>4], hex[b&15])
	}
	return append(to, '"')
}

// instant writes what Time says, by hand: an audit writes millions.
func instant(to []byte, at time.Time) []byte {
	if at.IsZero() {
		return append(to, "null"...)
	}
	at = at.UTC()
	year, month, day := at.Date()
	hour, minute, second := at.Clock()
	to = append(to, '"')
	to = append(digits(to, year, 4), '-')
	to = append(digits(to, int(month), 2), '-')
	to = append(digits(to, day, 2), 'T')
	to = append(digits(to, hour, 2), ':')
	to = append(digits(to, minute, 2), ':')
	to = append(digits(to, second, 2), '.')
	return append(digits(to, at.Nanosecond()/1000, 6), 'Z', '"')
}

// digits writes a number with zeros before it, and with more digits where it has more.
func digits(to []byte, number, least int) []byte {
	var space [20]byte
	at := len(space)
	for ; number > 0 || least > 0; least-- {
		at--
		space[at] = byte('0' + number%10)
		number /= 10
	}
	return append(to, space[at:]...)
}
