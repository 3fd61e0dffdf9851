package postgres

import (
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// forms returns how a store may write an identifier: the spellings of the person's, and as PostgreSQL writes it where it is
// an address of the Internet or of a device, or a UUID.
func forms(person subject.Subject, kind v1alpha1.IdentifierKind) []string {
	out := person.Spellings(kind)
	if kind == v1alpha1.IdentifierEmail || kind == v1alpha1.IdentifierPhone {
		return out
	}
	for _, value := range slices.Clone(out) {
		if address, err := netip.ParseAddr(value); err == nil && address.Zone() == "" {
			out = append(out, address.String())
		} else if device, err := net.ParseMAC(value); err == nil {
			out = append(out, device.String())
		} else if id := uuid(value); id != "" {
			out = append(out, hyphened(id))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// writable leaves out the forms that a database of another encoding than UTF-8 cannot hold: nothing in it has them, and it would
// refuse to read them. It asks once for each character beyond ASCII.
func (s *session) writable(ctx context.Context, values []string) ([]string, error) {
	if encoding := s.conn.PgConn().ParameterStatus("server_encoding"); encoding == "UTF8" || encoding == "SQL_ASCII" {
		return values, nil
	}
	var out []string
	for _, value := range values {
		all := true
		for _, r := range value {
			holds, err := s.holds(ctx, r)
			if err != nil {
				return nil, err
			}
			all = all && holds
		}
		if all {
			out = append(out, value)
		}
	}
	return out, nil
}

// holds tells whether the database has a character.
func (s *session) holds(ctx context.Context, r rune) (bool, error) {
	if known, asked := s.runes[r]; asked || r < utf8.RuneSelf {
		return known || r < utf8.RuneSelf, nil
	}
	if s.runes == nil {
		s.runes = map[rune]bool{}
	}
	if err := s.all(ctx, "SAVEPOINT rempart"); err != nil {
		return false, err
	}
	_, err := s.exec(ctx, "SELECT $1::pg_catalog.text", string(r))
	if f, ok := err.(*task.Failure); ok && f.Trace.SQLState != "22P05" { //nolint:errorlint // exec returns the type itself
		return false, err
	}
	s.runes[r] = err == nil
	return s.runes[r], s.all(ctx, "ROLLBACK TO SAVEPOINT rempart")
}

// hyphened writes the 32 digits of a UUID as PostgreSQL does (RFC 9562, section 4).
func hyphened(id string) string {
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// number returns an identifier that is written as one writes numbers; nothing for another.
func number(value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || decimal(n) != value {
		return ""
	}
	return value
}

// uuid returns an identifier that is a UUID, as 32 hexadecimal digits in lower case; nothing for another.
func uuid(value string) string {
	text := strings.ToLower(strings.ReplaceAll(value, "-", ""))
	if len(text) != 32 || (len(value) != 32 && len(value) != 36) {
		return ""
	}
	if _, err := hex.DecodeString(text); err != nil {
		return ""
	}
	return text
}
