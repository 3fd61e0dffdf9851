package gate

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What is wrong with a policy, a record or data. None quotes what was read: data is personal, and so may be its field names.
var (
	// ErrPolicy: a record or a purpose cannot be what it says.
	ErrPolicy = errors.New("not a policy of a gate")
	// ErrRecord: the policy has no record of that name.
	ErrRecord = errors.New("no such record")
	// ErrData: not one JSON object or array of objects in UTF-8 (RFC 8259), a field that comes twice, or too deep.
	ErrData = errors.New("not data that a gate filters")
	// ErrTooLarge: more than MaxSize bytes.
	ErrTooLarge = errors.New("larger than a gate filters")
)

// Bounds of what is filtered.
const (
	// MaxSize is in bytes.
	MaxSize = 1 << 20
	// MaxDepth is how many objects and arrays may lie in each other.
	MaxDepth = 64
	// MaxPath is in bytes of a field's path.
	MaxPath = 128
)

// Policy is what a ConsentPolicy says to its gate.
type Policy struct {
	Purposes []Purpose `json:"purposes"`
	Records  []Record  `json:"records"`
	// Material is the digest of what the current notice means.
	Material []byte `json:"material"`
}

// Purpose is what decides whether one may be pursued. The zero value never may.
type Purpose struct {
	Name string `json:"name"`
	// Active is false for an archived purpose.
	Active bool `json:"active"`
	// Basis is what makes processing lawful, as in the register: only BasisConsent needs a decision of the person.
	Basis Basis `json:"basis"`
	// Necessity tells whether a person who asks for the service needs it.
	Necessity Necessity `json:"necessity"`
}

// Basis is a legal basis, as far as a gate tells them apart. One that it does not know makes no purpose usable.
type Basis string

// The bases: point (a) of Article 6(1), and points (b) to (f).
const (
	BasisConsent Basis = "Consent"
	BasisOther   Basis = "Other"
)

// Necessity of a purpose.
type Necessity string

// The necessities.
const (
	RequestedService Necessity = "RequestedService"
	Optional         Necessity = "Optional"
)

// Record is a kind of data about a person, field by field.
type Record struct {
	Name   string  `json:"name"`
	Fields []Field `json:"fields"`
}

// Field is a value, or a list of values, and what it may be used for.
type Field struct {
	// Name is the path from the top: names joined by dots. Arrays on the way have no name; each of their elements is meant.
	Name     string   `json:"name"`
	Purposes []string `json:"purposes"`
}

// Gate filters data by one policy. It is safe for concurrent use.
type Gate struct {
	material []byte
	purposes []Purpose
	records  map[string]*node
}

// node is a place in a record. Its purposes are those of the fields below it.
type node struct {
	path     string
	purposes []string
	children map[string]*node // nil: a field
}

// name is what a part of a path may be. It needs no escape in JSON.
var name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// New checks a policy: ErrPolicy for names that come twice, a path that is none or that passes through another field, and a
// field whose purpose is unknown.
func New(p Policy) (*Gate, error) {
	g := &Gate{material: slices.Clone(p.Material), purposes: slices.Clone(p.Purposes), records: map[string]*node{}}
	known := map[string]bool{}
	for _, purpose := range p.Purposes {
		if purpose.Name == "" || known[purpose.Name] {
			return nil, fmt.Errorf("purpose %q: %w", purpose.Name, ErrPolicy)
		}
		known[purpose.Name] = true
	}
	for _, record := range p.Records {
		if record.Name == "" || g.records[record.Name] != nil {
			return nil, fmt.Errorf("record %q: %w", record.Name, ErrPolicy)
		}
		root := &node{children: map[string]*node{}}
		for _, field := range record.Fields {
			if !root.add(field, known) {
				return nil, fmt.Errorf("field %q of record %q: %w", field.Name, record.Name, ErrPolicy)
			}
		}
		g.records[record.Name] = root
	}
	return g, nil
}

// add puts a field in its place; false when it has none.
func (n *node) add(field Field, known map[string]bool) bool {
	parts := strings.Split(field.Name, ".")
	if len(field.Name) > MaxPath || slices.ContainsFunc(field.Purposes, func(p string) bool { return !known[p] }) {
		return false
	}
	for i, part := range parts {
		if n.children == nil || !name.MatchString(part) {
			return false
		}
		n.purposes = append(n.purposes, field.Purposes...)
		last := i == len(parts)-1
		next := n.children[part]
		switch {
		case next == nil:
			next = &node{path: strings.Join(parts[:i+1], ".")}
			if !last {
				next.children = map[string]*node{}
			}
			n.children[part] = next
		case last:
			return false
		}
		n = next
	}
	n.purposes = slices.Compact(slices.Sorted(slices.Values(field.Purposes)))
	return true
}

// Published is a policy as the service hands it to programs that filter by themselves.
type Published struct {
	Policy
	// CacheSeconds is how long it, and what it is applied to, may be kept; at most MaxCacheSeconds.
	CacheSeconds int32 `json:"cacheSeconds"`
}

// MaxCacheSeconds bounds how long a withdrawal can go unnoticed where nothing else tells of it.
const MaxCacheSeconds = 5
