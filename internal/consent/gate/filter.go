package gate

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Reason says why a field was dropped.
type Reason string

// The reasons.
const (
	// Unknown: the record does not list it. Its name comes from the data, and may itself be personal: it belongs in no metric.
	Unknown Reason = "unknown"
	// WrongType: an object where the record has a value, or a value where it has an object.
	WrongType Reason = "wrong-type"
	// NoPurpose: none of its purposes is usable.
	NoPurpose Reason = "no-purpose"
)

// Result is filtered data.
type Result struct {
	// Data is compact JSON whose values have the bytes that they had.
	Data json.RawMessage
	// Allowed are the fields of Data and, sorted, the usable purposes of each: it may be used for these and no others.
	Allowed map[string][]string
	// Dropped are the paths that were dropped, at one place at least, and the reason of the first.
	Dropped map[string]Reason
}

// Paths are the dropped paths, sorted.
func (r Result) Paths() []string { return slices.Sorted(maps.Keys(r.Dropped)) }

// Filter drops what may not be used. Data is one object, or an array of objects, about one person. An element of an array that
// is dropped leaves no gap. An array or object stays, also when nothing is left in it, where one of the fields that the record
// has in it is usable: that it is there is part of them.
//
// Errors: ErrRecord, ErrData, ErrTooLarge.
func (g *Gate) Filter(record string, u Usable, data []byte) (Result, error) {
	root, ok := g.records[record]
	if !ok {
		return Result{}, ErrRecord
	}
	document, err := decode(data)
	if err != nil {
		return Result{}, err
	}
	if !objects(document) {
		return Result{}, ErrData
	}
	w := walk{usable: u, result: Result{Allowed: map[string][]string{}, Dropped: map[string]Reason{}}}
	// The brackets at the top say nothing of the person, so they stay: there is always a document.
	w.top(root, document)
	w.result.Data = w.out.Bytes()
	return w.result, nil
}

// objects tells whether a document is an object, or an array of such.
func objects(document any) bool {
	switch v := document.(type) {
	case object:
		return true
	case array:
		return !slices.ContainsFunc(v, func(e any) bool { return !objects(e) })
	default:
		return false
	}
}

// walk writes what passes. Where nothing below a place is usable it only looks for what to report.
type walk struct {
	usable Usable
	result Result
	out    bytes.Buffer
}

func (w *walk) top(root *node, document any) {
	switch v := document.(type) {
	case object:
		w.object(root, v)
	case array:
		w.list(len(v), func(i int) bool { w.top(root, v[i]); return true })
	}
}

// value writes a value if it passes, and tells whether it did. What it wrote before it knew is taken back by list.
func (w *walk) value(n *node, v any) bool {
	switch v := v.(type) {
	case array:
		w.list(len(v), func(i int) bool { return w.value(n, v[i]) })
		return w.passes(n) || w.drop(n.path, NoPurpose)
	case object:
		if n.children == nil {
			return w.drop(n.path, WrongType)
		}
		w.object(n, v)
		return w.passes(n) || w.drop(n.path, NoPurpose)
	case scalar:
		switch {
		case n.children != nil:
			return w.drop(n.path, WrongType)
		case !w.passes(n):
			return w.drop(n.path, NoPurpose)
		}
		w.out.Write(v)
		if _, known := w.result.Allowed[n.path]; !known {
			w.result.Allowed[n.path] = w.purposes(n)
		}
		return true
	default:
		return false
	}
}

func (w *walk) object(n *node, v object) {
	w.out.WriteByte('{')
	first := true
	for _, key := range slices.Sorted(maps.Keys(v)) {
		child, known := n.children[key]
		if !known {
			w.drop(below(n.path, key), Unknown)
			continue
		}
		start := w.out.Len()
		if !first {
			w.out.WriteByte(',')
		}
		w.out.WriteString(`"` + key + `":`)
		if w.value(child, v[key]) {
			first = false
		} else {
			w.out.Truncate(start)
		}
	}
	w.out.WriteByte('}')
}

// list writes those of n elements that pass.
func (w *walk) list(n int, element func(i int) bool) {
	w.out.WriteByte('[')
	first := true
	for i := range n {
		start := w.out.Len()
		if !first {
			w.out.WriteByte(',')
		}
		if element(i) {
			first = false
		} else {
			w.out.Truncate(start)
		}
	}
	w.out.WriteByte(']')
}

func (w *walk) drop(path string, why Reason) bool {
	if _, known := w.result.Dropped[path]; !known {
		w.result.Dropped[path] = why
	}
	return false
}

func (w *walk) passes(n *node) bool { return slices.ContainsFunc(n.purposes, w.usable.Has) }

func (w *walk) purposes(n *node) []string {
	return slices.DeleteFunc(slices.Clone(n.purposes), func(p string) bool { return !w.usable.Has(p) })
}

func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
