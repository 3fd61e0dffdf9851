package fides

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// table is a collection of the manifest.
type table struct {
	// name as in the manifest, where references use it.
	name   string
	fields []*field
	// deletes says that erasure deletes the rows.
	deletes bool
}

// field is a column.
type field struct {
	name       string
	categories []string // of people only
	identity   v1alpha1.IdentifierKind
	primary    bool
	mask       v1alpha1.ColumnMask
	constant   string
	// copied says that the identity is that of the field to which it refers.
	copied     bool
	references []reference
}

// reference of a field to one of another collection. Direction is from, to or empty.
type reference struct{ dataset, to, direction string }

// reader gathers tables, and sentences about what it could not take.
type reader struct {
	key    string
	schema string
	tables []*table
	losses []string
	// all links between tables.
	all []link
	// custom is the first identity that has no kind of its own: there is but one Custom.
	custom string
}

func (r *reader) lose(format string, args ...any) {
	r.losses = append(r.losses, fmt.Sprintf(format, args...))
}

// choose returns the dataset of that key, or the only one, and names what else the manifest has.
func (r *reader) choose(manifest []byte, key string) (node, error) {
	roots, err := documents(manifest)
	if err != nil {
		return node{}, err
	}
	var keys []string
	var found []node
	for _, root := range roots {
		for _, item := range root.list("dataset") {
			n, is := newNode("dataset", item)
			if !is {
				r.lose("an item of the list \"dataset\" is no object")
				continue
			}
			keys = append(keys, n.text("fides_key"))
			if key == "" || key == keys[len(keys)-1] {
				found = append(found, n)
			}
		}
		r.unread(root)
	}
	others := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == key })
	switch {
	case len(keys) == 0:
		return node{}, errors.New("the manifest has no list \"dataset\" of Fides datasets")
	case key == "" && len(found) > 1:
		return node{}, fmt.Errorf("the manifest has several datasets; name one of: %s", strings.Join(keys, ", "))
	case len(found) == 0:
		return node{}, fmt.Errorf("the manifest has no dataset %q; name one of: %s", key, strings.Join(keys, ", "))
	case len(found) > 1:
		return node{}, fmt.Errorf("the manifest has the dataset %q %d times; which one is meant is not said", key, len(found))
	case len(others) > 0 && key != "":
		r.lose("the manifest has other datasets: %s; each is one store's", strings.Join(others, ", "))
	}
	return found[0], nil
}

func (r *reader) dataset(n node) {
	r.key = n.text("fides_key")
	meta := n.meta()
	namespace := meta.child("namespace")
	r.schema = namespace.text("schema")
	r.unread(namespace, "database_name")
	r.unread(meta, "resource_id")
	r.inherited("the dataset", n)
	for i, item := range n.list("collections") {
		c, is := newNode("a collection", item)
		if is && c.text("name") != "" {
			r.collection(c)
		} else {
			r.lose("collection %d is left out: it is no object with a name", i+1)
		}
	}
	n.path = "the dataset"
	r.unread(n, "name", "description", "meta", "tags", "organization_fides_key")
}

// inherited names categories that stand above the fields: which columns they mean is not said.
func (r *reader) inherited(where string, n node) {
	if slices.ContainsFunc(n.texts("data_categories"), func(c string) bool { return !technical(c) }) {
		r.lose("%s has data_categories: which columns they mean is not said; give each field its own", where)
	}
}

// unread names keys that were not understood.
func (r *reader) unread(n node, descriptive ...string) {
	if keys := n.rest(descriptive...); len(keys) > 0 {
		r.lose("%s: %s has no place in a dataset here", n.path, strings.Join(keys, ", "))
	}
}

func (r *reader) collection(n node) {
	t := &table{name: n.text("name")}
	n.path = t.name
	meta := n.meta()
	skipped := meta.yes("skip_processing")
	override := meta.child("masking_strategy_override")
	strategy := override.text("strategy")
	t.deletes = strategy == "delete"
	if strategy != "" && !t.deletes {
		r.lose("%s: the masking strategy %s of all its fields; give each column its mask", t.name, strategy)
	}
	r.unread(override)
	for _, order := range []string{"after", "erase_after"} {
		if len(meta.list(order))+len(n.list(order)) > 0 {
			r.lose("%s: %s; the order follows from the foreign keys of the schema", t.name, order)
		}
	}
	r.inherited(t.name, n)
	for i, item := range n.list("fields") {
		f, is := newNode(t.name, item)
		if is && f.text("name") != "" {
			r.add(t, r.field(t, f))
		} else {
			r.lose("%s: field %d is left out: it is no object with a name", t.name, i+1)
		}
	}
	r.unread(meta)
	r.unread(n, "description", "meta", "tags")
	switch schema, name := r.split(t.name); {
	case skipped:
		r.lose("%s is left out: skip_processing", t.name)
	case !fits(name) || schema != "" && !fits(schema):
		r.lose("%s is left out: a part of its name is empty, or longer than %d bytes", t.name, maxName)
	case slices.ContainsFunc(r.tables, func(o *table) bool { return r.catalogue(o) == r.catalogue(t) }):
		r.lose("%s is left out the second time", t.name)
	default:
		r.tables = append(r.tables, t)
	}
}

// maxName is the most bytes of a name in PostgreSQL.
const maxName = 63

func fits(name string) bool { return name != "" && len(name) <= maxName }

// add takes a field into a table, once.
func (r *reader) add(t *table, f *field) {
	switch {
	case !fits(f.name):
		r.lose("%s.%s is left out: its name is longer than %d bytes", t.name, f.name, maxName)
	case slices.ContainsFunc(t.fields, func(o *field) bool { return o.name == f.name }):
		r.lose("%s.%s is left out the second time", t.name, f.name)
	default:
		t.fields = append(t.fields, f)
	}
}

// catalogue is the name of a table with its schema.
func (r *reader) catalogue(t *table) [2]string {
	schema, name := r.split(t.name)
	if schema == "" {
		schema = "public"
	}
	return [2]string{schema, name}
}

// split takes a schema off the name of a collection.
func (r *reader) split(name string) (schema, table string) {
	if schema, table, found := strings.Cut(name, "."); found {
		return schema, table
	}
	return r.schema, name
}

func (r *reader) field(t *table, n node) *field {
	f := &field{name: n.text("name")}
	n.path = t.name + "." + f.name
	meta := n.meta()
	f.categories = r.categories(n)
	f.primary = meta.yes("primary_key")
	kind := meta.text("data_type")
	if identity := meta.text("identity"); identity != "" {
		if strings.HasSuffix(kind, "[]") || strings.HasPrefix(kind, "object") {
			r.lose("%s: an identity within %s; give a subject key yourself: of the column when it is an array, with a path when it is JSON", n.path, kind)
		} else {
			f.identity = r.identity(n.path, identity)
		}
	}
	r.refers(f, n.path, meta.list("references"))
	r.masking(n.path, f, meta)
	r.nested(f, n)
	r.unread(meta, "length", "redact")
	r.unread(n, "description", "meta", "tags")
	return f
}

// refers reads the references of a field. One that is only half understood would be another one.
func (r *reader) refers(f *field, path string, items []any) {
	for _, item := range items {
		ref, is := newNode(path+" reference", item)
		if !is {
			r.lose("%s: a reference that is no object", path)
			continue
		}
		read := reference{ref.text("dataset"), ref.text("field"), ref.text("direction")}
		if len(ref.rest()) == 0 {
			f.references = append(f.references, read)
		}
		r.unread(ref)
	}
}

// categories returns those of people, and names those that are neither of people nor of the system.
func (r *reader) categories(n node) []string {
	var list []string
	for _, c := range n.texts("data_categories") {
		switch {
		case personal(c):
			list = append(list, c)
		case !technical(c):
			r.lose("%s: whether the category %q is about people is not known; Fides has user and system", n.path, c)
		}
	}
	return list
}

// identity returns the kind of an identity. All that have no kind of their own would be Custom, and a person has one.
func (r *reader) identity(path, identity string) v1alpha1.IdentifierKind {
	if kind, known := identities[identity]; known {
		return kind
	}
	if r.custom == "" {
		r.custom = identity
	}
	if r.custom != identity {
		r.lose("%s: the identity %s; Custom stands for %s already", path, identity, r.custom)
		return ""
	}
	return v1alpha1.IdentifierCustom
}

// masking reads the strategy of one field.
func (r *reader) masking(path string, f *field, meta node) {
	override := meta.child("masking_strategy_override")
	strategy, configuration := override.text("strategy"), override.child("configuration")
	f.mask, f.constant = masks[strategy], configuration.text("rewrite_value")
	switch {
	case strategy == "":
	case f.mask == "" || f.mask == v1alpha1.MaskConstant && (f.constant == "" || len(f.constant) > maxConstant):
		r.lose("%s: the masking strategy %s; it becomes Null", path, strategy)
		f.mask = ""
	}
	if f.mask != v1alpha1.MaskConstant {
		f.constant = ""
	}
	r.unread(override)
	r.unread(configuration)
}

// nested takes the categories of fields within a field: PostgreSQL has one column for them all.
func (r *reader) nested(f *field, n node) {
	for i, item := range n.list("fields") {
		below, is := newNode(n.path, item)
		if !is || below.text("name") == "" {
			r.lose("%s: field %d within it is left out: it is no object with a name", n.path, i+1)
			continue
		}
		inner := r.field(&table{name: n.path}, below)
		if inner.identity != "" || len(inner.references) > 0 {
			r.lose("%s.%s: an identity or a reference within a column; where that is JSON, a subject key may name the path to an identity", n.path, inner.name)
		}
		if inner.mask != "" {
			r.lose("%s.%s: the mask %s of a part of a column; where that is JSON, masks within may name its path", n.path, inner.name, inner.mask)
		}
		if len(inner.categories) > 0 && len(below.list("fields")) == 0 {
			r.lose("%s.%s: part of a column, which is masked as a whole", n.path, inner.name)
		}
		f.categories = append(f.categories, inner.categories...)
	}
}
