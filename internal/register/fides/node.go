package fides

import (
	"maps"
	"slices"
)

// node is an object of a manifest. It remembers which keys were understood, so that the others can be named.
type node struct {
	path   string
	values map[string]any
	seen   map[string]bool
}

func newNode(path string, value any) (node, bool) {
	values, is := value.(map[string]any)
	return node{path, values, map[string]bool{}}, is
}

// take returns a value of the type that a key must have; when it has another, the key stays unread and is named.
func take[T any](n node, key string) (T, bool) {
	value, is := n.values[key].(T)
	if is || n.values[key] == nil {
		n.seen[key] = true
	}
	return value, is
}

func (n node) text(key string) string {
	text, _ := take[string](n, key)
	return text
}

func (n node) yes(key string) bool {
	yes, _ := take[bool](n, key)
	return yes
}

// list returns the items of a key, and none when it is no list.
func (n node) list(key string) []any {
	items, _ := take[[]any](n, key)
	return items
}

// texts returns the items of a list of texts.
func (n node) texts(key string) []string {
	var texts []string
	for _, item := range n.list(key) {
		if text, is := item.(string); is {
			texts = append(texts, text)
		} else {
			n.seen[key] = false
		}
	}
	return texts
}

// child returns an object below, or an empty one.
func (n node) child(key string) node {
	values, _ := take[map[string]any](n, key)
	return node{n.path + " " + key, values, map[string]bool{}}
}

// meta returns what Fides needs to execute requests, under its present name, or the older one where that says nothing.
func (n node) meta() node {
	if present := n.child("fides_meta"); len(present.values) > 0 {
		return present
	}
	return n.child("fidesops_meta")
}

// rest returns the keys with a value that nobody understood, but for those that only describe, sorted.
func (n node) rest(descriptive ...string) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(n.values)) {
		if n.values[key] != nil && !n.seen[key] && !slices.Contains(descriptive, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
