// Package canonical writes JSON in the one form that is hashed and signed (RFC 8785), for strings, integers, true, false,
// null, arrays and objects. Numbers that are no integers have no place in what a ledger hashes.
package canonical

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrForm means that a value is not text in UTF-8, not an integer of at most 2^53-1, or not JSON at all.
var ErrForm = errors.New("not what canonical JSON can hold")

// largest is the greatest integer that every reader of JSON keeps exactly (RFC 7493).
const largest = 1<<53 - 1

// Marshal writes a value: nil, bool, string, int, int32, int64, json.Number, []any, map[string]any.
func Marshal(value any) ([]byte, error) { return appendValue(nil, value) }

// Again writes JSON text anew in its canonical form.
func Again(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, ErrForm
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrForm
	}
	return Marshal(value)
}

func appendValue(to []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(to, "null"...), nil
	case bool:
		return strconv.AppendBool(to, v), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, ErrForm
		}
		return AppendString(to, v), nil
	case int:
		return appendInteger(to, int64(v))
	case int32:
		return appendInteger(to, int64(v))
	case int64:
		return appendInteger(to, v)
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return nil, ErrForm
		}
		return appendInteger(to, n)
	case []any:
		return appendArray(to, v)
	case map[string]any:
		return appendObject(to, v)
	default:
		return nil, fmt.Errorf("%w: %T", ErrForm, value)
	}
}

func appendInteger(to []byte, n int64) ([]byte, error) {
	if n < -largest || n > largest {
		return nil, ErrForm
	}
	return strconv.AppendInt(to, n, 10), nil
}

func appendArray(to []byte, values []any) (_ []byte, err error) {
	to = append(to, '[')
	for i, value := range values {
		if i > 0 {
			to = append(to, ',')
		}
		if to, err = appendValue(to, value); err != nil {
			return nil, err
		}
	}
	return append(to, ']'), nil
}

// appendObject sorts names by their UTF-16 code units (RFC 8785, section 3.2.3).
func appendObject(to []byte, object map[string]any) (_ []byte, err error) {
	names := slices.SortedFunc(maps.Keys(object), func(a, b string) int {
		return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
	})
	to = append(to, '{')
	for i, name := range names {
		if i > 0 {
			to = append(to, ',')
		}
		if to, err = appendValue(to, name); err != nil {
			return nil, err
		}
		if to, err = appendValue(append(to, ':'), object[name]); err != nil {
			return nil, err
		}
	}
	return append(to, '}'), nil
}

const digits = "0123456789abcdef"

// AppendString writes a text in UTF-8 as a JSON string (RFC 8785, section 3.2.2.2): all but quotes, backslashes and control
// characters stand for themselves.
func AppendString(to []byte, text string) []byte {
	to = append(to, '"')
	from := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		to = append(to, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\b':
			to = append(to, `\b`...)
		case '\t':
			to = append(to, `\t`...)
		case '\n':
			to = append(to, `\n`...)
		case '\f':
			to = append(to, `\f`...)
		case '\r':
			to = append(to, `\r`...)
		default:
			to = append(to, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(to, text[from:]...), '"')
}
