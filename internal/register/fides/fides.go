// Package fides turns a dataset manifest of Fides into the dataset of a store, and names what it could not take along.
// The format is described in Fides' documentation of datasets and their annotations for privacy requests. Fides follows
// values wherever they lead; here a row belongs to a person by an identifier or by a key of a row that does. So what the
// manifest says is taken only where it cannot reach the rows of others.
package fides

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Import is a dataset, and a sentence for each thing of the manifest that has no place in it.
type Import struct {
	Dataset v1alpha1.Dataset
	Losses  []string
}

// link is a field of a child that holds the key of a row of the parent.
type link struct {
	child, parent     *table
	column, keyColumn *field
}

// Read reads the dataset with that fides_key from a manifest in YAML; the only one when key is empty.
func Read(manifest []byte, key string) (Import, error) {
	r := &reader{}
	n, err := r.choose(manifest, key)
	if err != nil {
		return Import{Losses: r.losses}, err
	}
	r.dataset(n)
	links := r.links()
	r.all = links
	r.copies(links)
	kept := r.chosen(links)
	dataset := v1alpha1.Dataset{}
	for _, t := range r.tables {
		if kept[t] {
			dataset.Tables = append(dataset.Tables, r.declare(t, r.linksOf(t, links, kept)))
		}
	}
	switch n := len(dataset.Tables); {
	case n == 0:
		return Import{Losses: r.losses}, errors.New("the manifest has no collection with an identity and personal data, so that no row of a person could be found")
	case n > maxTables:
		return Import{Losses: r.losses}, fmt.Errorf("the manifest has %d tables with personal data, and a dataset at most %d; split it", n, maxTables)
	}
	return Import{Dataset: dataset, Losses: r.losses}, nil
}

// Bounds of the API.
const (
	maxTables     = 128
	maxColumns    = 200
	maxKeys       = 16
	maxReferences = 16
	maxCategory   = 100
	maxConstant   = 200
)

// links finds which fields hold keys of other rows, and names the references that say something else.
func (r *reader) links() []link {
	var links []link
	for _, t := range r.tables {
		for _, f := range t.fields {
			for _, ref := range f.references {
				l, why := r.link(t, f, ref)
				switch {
				case why != "":
					r.lose("%s.%s refers to %s: %s", t.name, f.name, ref.to, why)
				case !slices.Contains(links, l):
					links = append(links, l)
				}
			}
		}
	}
	return links
}

// copies marks the fields that hold a copy of an address or a number, since they refer to it: a person is found by them too,
// and they must not keep it.
func (r *reader) copies(links []link) {
	for again := true; again; { // a copy can be copied
		again = false
		for _, l := range links {
			if kind := l.keyColumn.identity; l.column.identity == "" && exposes(kind) {
				l.column.identity, l.column.copied, again = kind, true, true
			}
		}
	}
}

// exposes tells whether an identifier says by itself who somebody is.
func exposes(kind v1alpha1.IdentifierKind) bool {
	return kind == v1alpha1.IdentifierEmail || kind == v1alpha1.IdentifierPhone
}

// linksOf are the links by which rows of a table belong to a person, and names those that lead to what is left out.
func (r *reader) linksOf(t *table, links []link, kept map[*table]bool) []link {
	var list []link
	for _, l := range links {
		switch {
		case l.child != t:
		case kept[l.parent]:
			list = append(list, l)
		default:
			r.lose("%s.%s refers to %s, which is left out", t.name, l.column.name, l.parent.name)
		}
	}
	return list
}

// link is what a reference says about whose rows are whose, or why it says nothing of the kind. From means that rows of
// the field's own collection are found by values of the other; to is the reverse.
func (r *reader) link(t *table, f *field, ref reference) (l link, why string) {
	if ref.dataset != "" && ref.dataset != r.key {
		return link{}, "it is in the dataset " + ref.dataset + ", and a person's rows are followed within one store"
	}
	other, g := r.resolve(ref.to)
	switch {
	case g == nil:
		return link{}, r.missing(ref.to)
	case other == t:
		return link{}, "a collection that refers to itself; say in ownedThrough whether such rows belong to the person"
	}
	mine, theirs := link{t, other, f, g}, link{other, t, g, f}
	switch {
	case ref.direction == "from":
		l = mine
	case ref.direction == "to":
		l = theirs
	case ref.direction == "" && mine.keyed() && !theirs.keyed():
		l = mine
	case ref.direction == "" && theirs.keyed() && !mine.keyed():
		l = theirs
	default:
		return link{}, "neither its direction nor the primary keys say which rows belong to which"
	}
	if !l.keyed() {
		return link{}, fmt.Sprintf("rows of %s would be found by %s.%s, which is no key of a row: they may belong to others too", l.child.name, l.parent.name, l.keyColumn.name)
	}
	return l, ""
}

// keyed tells whether the parent's column names one row, or one person.
func (l link) keyed() bool {
	if l.keyColumn.identity != "" {
		return true
	}
	keys := 0
	for _, f := range l.parent.fields {
		if f.primary {
			keys++
		}
	}
	return l.keyColumn.primary && keys == 1
}

// resolve finds a field by collection.field, where the collection may have a schema.
func (r *reader) resolve(path string) (*table, *field) {
	for _, t := range r.tables {
		name, found := strings.CutPrefix(path, t.name+".")
		if !found {
			continue
		}
		for _, f := range t.fields {
			if f.name == name {
				return t, f
			}
		}
	}
	return nil, nil
}

// missing says why a field is none that a reference can lead to.
func (r *reader) missing(path string) string {
	for _, t := range r.tables {
		for _, f := range t.fields {
			if strings.HasPrefix(path, t.name+"."+f.name+".") {
				return "it is within the column " + t.name + "." + f.name
			}
		}
	}
	return "the manifest has no such field"
}

// chosen are the tables that the dataset needs: those with personal data that a person's rows can be found in, and those
// on the way to them.
func (r *reader) chosen(links []link) map[*table]bool {
	reached, needed := map[*table]bool{}, map[*table]bool{}
	for range r.tables { // a way has no more steps than there are tables
		for _, t := range r.tables {
			reached[t] = reached[t] || slices.ContainsFunc(t.fields, func(f *field) bool { return f.identity != "" }) ||
				slices.ContainsFunc(links, func(l link) bool { return l.child == t && reached[l.parent] })
		}
	}
	for range r.tables {
		for _, t := range r.tables {
			needed[t] = reached[t] && (needed[t] || t.deletes || len(masked(t, links)) > 0 ||
				slices.ContainsFunc(links, func(l link) bool { return l.parent == t && needed[l.child] }))
		}
	}
	for _, t := range r.tables {
		switch {
		case needed[t]:
		case reached[t]:
			r.lose("%s is left out: it has no personal data but keys, and leads to none", t.name)
		case slices.ContainsFunc(t.fields, func(f *field) bool { return len(f.categories) > 0 }):
			r.lose("%s is left out, though it has personal data: it has no identity, and no reference by which its rows belong to a person", t.name)
		case t.deletes:
			r.lose("%s is left out, though its rows are to be deleted: it has no identity, and no reference by which they belong to a person", t.name)
		}
	}
	return needed
}

// masked are the fields that erasure changes when rows stay: identities and personal data, but no key by which rows hang
// together.
func masked(t *table, links []link) []*field {
	var list []*field
	for _, f := range t.fields {
		joins := slices.ContainsFunc(links, func(l link) bool { return l.child == t && l.column == f })
		referred := slices.ContainsFunc(links, func(l link) bool { return l.parent == t && l.keyColumn == f })
		structural := (f.primary || referred) && !exposes(f.identity)
		if (f.identity != "" || len(f.categories) > 0) && !structural && (!joins || f.identity != "") {
			list = append(list, f)
		}
	}
	return list
}
