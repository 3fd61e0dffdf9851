package fides

import (
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// declare writes a table. Rows with personal data stay and are masked, as Fides does, unless the manifest deletes them;
// rows that only lead to others are detached from the person.
func (r *reader) declare(t *table, links []link) v1alpha1.DatasetTable {
	schema, name := r.split(t.name)
	d := v1alpha1.DatasetTable{Schema: v1alpha1.Identifier(schema), Name: v1alpha1.Identifier(name)}
	for _, f := range t.fields {
		if f.identity != "" && r.room(t, f, len(d.SubjectKeys), maxKeys, "subject keys") {
			d.SubjectKeys = append(d.SubjectKeys, v1alpha1.SubjectKey{Column: v1alpha1.Identifier(f.name), Identifier: f.identity})
		}
	}
	for _, l := range links {
		if r.room(t, l.column, len(d.References), maxReferences, "references") {
			r.refer(&d, l)
		}
	}
	r.own(t, &d)
	changed := masked(t, r.all)
	for _, f := range t.fields {
		switch {
		case slices.Contains(changed, f) && r.room(t, f, len(d.Columns), maxColumns, "columns"):
			d.Columns = append(d.Columns, r.column(t, f))
		case len(f.categories) > 0 && !slices.Contains(changed, f):
			r.lose("%s.%s (%s) stays as it is: it is a key by which rows hang together", t.name, f.name, strings.Join(f.categories, ", "))
		case f.mask != "" && !slices.Contains(changed, f):
			r.lose("%s.%s: the mask %s of what has no category of people; it stays as it is", t.name, f.name, f.mask)
		}
	}
	switch {
	case t.deletes:
		d.OnErasure = v1alpha1.EraseDeleteRows
	case len(d.Columns) > 0:
		d.OnErasure = v1alpha1.EraseMaskColumns
	case len(d.References) == 0:
		r.lose("%s has nothing to mask but its key; say in onErasure what is to happen, since a plan refuses this", t.name)
		d.Columns = []v1alpha1.DatasetColumn{{Name: d.SubjectKeys[0].Column}}
		d.OnErasure = v1alpha1.EraseMaskColumns
	default:
		d.OnErasure = v1alpha1.EraseDetach
		for _, l := range links {
			if name := v1alpha1.Identifier(l.column.name); !slices.Contains(d.Detach, name) {
				d.Detach = append(d.Detach, name)
			}
		}
	}
	return d
}

// own says that rows belong to a person through their one reference and no other foreign key of the schema. Rows with several,
// or with identities of their own, may be those of others too: without ownedThrough these are kept.
func (r *reader) own(t *table, d *v1alpha1.DatasetTable) {
	switch several := len(d.References) + len(d.SubjectKeys); {
	case len(d.References) == 1 && several == 1:
		d.OwnedThrough = []v1alpha1.OwnerReference{{Columns: d.References[0].Columns}}
	case len(d.References) > 0:
		r.lose("%s: rows can belong to several people, by %d columns; those that others share are kept, unless ownedThrough names the owner", t.name, several)
	}
}

// refer adds a reference.
func (r *reader) refer(d *v1alpha1.DatasetTable, l link) {
	schema, name := r.split(l.parent.name)
	columns := []v1alpha1.Identifier{v1alpha1.Identifier(l.column.name)}
	d.References = append(d.References, v1alpha1.TableReference{
		Columns: columns, Schema: v1alpha1.Identifier(schema), Table: v1alpha1.Identifier(name), ToColumns: []v1alpha1.Identifier{v1alpha1.Identifier(l.keyColumn.name)}})
}

// column writes a column. An address or a number that is searched for becomes a pseudonym, since it is seldom NULL; one that
// is a copy goes, since a pseudonym would be another than that to which it refers.
func (r *reader) column(t *table, f *field) v1alpha1.DatasetColumn {
	c := v1alpha1.DatasetColumn{Name: v1alpha1.Identifier(f.name), Sensitivity: sensitivity(f.categories), Mask: f.mask, Constant: f.constant}
	if c.Mask == "" && exposes(f.identity) && !f.copied {
		c.Mask = v1alpha1.MaskPseudonym
	}
	switch {
	case len(f.categories) == 0:
	case len(f.categories[0]) <= maxCategory:
		c.Category = f.categories[0]
	default:
		r.lose("%s.%s: its category, which is longer than %d bytes", t.name, f.name, maxCategory)
	}
	if len(f.categories) > 1 {
		r.lose("%s.%s: a column has one category; it is not said that it is %s too", t.name, f.name, strings.Join(f.categories[1:], ", "))
	}
	return c
}

// room tells whether the API has room for one more.
func (r *reader) room(t *table, f *field, have, most int, what string) bool {
	if have >= most {
		r.lose("%s.%s is left out: a table has at most %d %s", t.name, f.name, most, what)
	}
	return have < most
}
