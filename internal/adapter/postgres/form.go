package postgres

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
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
		} else if id, ok := uuid(value).([16]byte); ok {
			out = append(out, hyphened(id))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// padded adds to e-mail addresses the white space that forms and imports leave around them. An index finds them so; what has
// more of it is found by whoever reads the texts.
func padded(kind v1alpha1.IdentifierKind, values []string) []string {
	if kind != v1alpha1.IdentifierEmail {
		return values
	}
	out := slices.Clone(values)
	for _, value := range values {
		for _, space := range []string{" ", "\t", "\u00a0"} {
			out = append(out, value+space, space+value)
		}
		out = append(out, value+"\n", value+"\r\n", " "+value+" ")
	}
	return out
}

// hyphened writes a UUID as PostgreSQL does (RFC 9562, section 4).
func hyphened(id [16]byte) string {
	const digits = "0123456789abcdef"
	var text strings.Builder
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text.WriteByte('-')
		}
		text.WriteByte(digits[b>>4])
		text.WriteByte(digits[b&15])
	}
	return text.String()
}

// number returns an identifier as a number, when it is written as one writes numbers.
func number(value string) any {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || decimal(n) != value {
		return nil
	}
	return n
}

// uuid returns an identifier as 16 bytes, when it is a UUID.
func uuid(value string) any {
	text := strings.ReplaceAll(value, "-", "")
	if len(text) != 32 || (len(value) != 32 && len(value) != 36) {
		return nil
	}
	var id [16]byte
	for i := range id {
		b, err := strconv.ParseUint(text[2*i:2*i+2], 16, 8)
		if err != nil {
			return nil
		}
		id[i] = byte(b)
	}
	return id
}
