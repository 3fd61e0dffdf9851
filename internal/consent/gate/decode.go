package gate

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// The values of a document: scalars keep the bytes that were read, so that no number, escape or sign of them changes.
type (
	object map[string]any
	array  []any
	scalar []byte
)

// decode reads one document. Encoding/json would let a later field of the same name win and replace bytes that are no text:
// then what is filtered and what somebody else reads could differ, so both are refused.
func decode(data []byte) (any, error) {
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, ErrData
	}
	r := &reader{json.NewDecoder(bytes.NewReader(data)), data}
	r.UseNumber()
	return r.value(MaxDepth)
}

type reader struct {
	*json.Decoder
	data []byte
}

func (r *reader) value(depth int) (any, error) {
	before := r.InputOffset()
	token, err := r.Token()
	if err != nil {
		return nil, ErrData
	}
	switch token {
	case json.Delim('{'):
		return r.object(depth)
	case json.Delim('['):
		return r.array(depth)
	default:
		return scalar(bytes.TrimLeft(r.data[before:r.InputOffset()], " \t\r\n:,")), nil
	}
}

func (r *reader) object(depth int) (any, error) {
	found := object{}
	for depth > 0 && r.More() {
		key, err := r.Token()
		if err != nil {
			return nil, ErrData
		}
		name, text := key.(string)
		if _, twice := found[name]; twice || !text {
			return nil, ErrData
		}
		if found[name], err = r.value(depth - 1); err != nil {
			return nil, err
		}
	}
	return found, r.end(depth)
}

func (r *reader) array(depth int) (any, error) {
	found := array{}
	for depth > 0 && r.More() {
		value, err := r.value(depth - 1)
		if err != nil {
			return nil, err
		}
		found = append(found, value)
	}
	return found, r.end(depth)
}

// end reads the bracket that closes an object or array.
func (r *reader) end(depth int) error {
	if depth == 0 {
		return ErrData
	}
	if _, err := r.Token(); err != nil {
		return ErrData
	}
	return nil
}
