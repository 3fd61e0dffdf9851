package postgres

import (
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// How values within a column of JSON change. Every expression works on jsonb: what it leaves alone is the same afterwards, to
// the byte of what jsonb keeps. A value that is not there stays so, and is never made.

// at is what a path leads to within a document, as jsonb; NULL where it leads nowhere.
func at(doc string, path []string) string {
	if len(path) == 0 {
		return doc
	}
	return "(" + doc + " OPERATOR(pg_catalog.#>) " + pathOf(path) + ")"
}

// textAt is at as text; NULL for JSON's null too.
func textAt(doc string, path []string) string {
	return "(" + doc + " OPERATOR(pg_catalog.#>>) " + pathOf(path) + ")"
}

// pathOf is a path as PostgreSQL takes it.
func pathOf(path []string) string {
	var steps []string
	for _, step := range path {
		steps = append(steps, literal(step))
	}
	return "ARRAY[" + strings.Join(steps, ", ") + "]::pg_catalog.text[]"
}

// document is a live column of JSON as jsonb.
func document(c *plan.Column) string {
	doc := column(live, c.Name) + "::pg_catalog.jsonb"
	if c.Verbatim {
		return "(CASE WHEN " + odd(c) + " THEN " + marked(c) + " ELSE " + doc + " END)"
	}
	return doc
}

// pseudonyms gives the text of a pseudonym of the kth edit for a value of jsonb, in an element of an array by its number;
// element is empty outside of arrays.
type pseudonyms func(k int, value, element string) string

// edited is a live column of JSON with its edits made, as jsonb. Each is a query of its own around the one before, so that the
// expression grows with their number and not with its power.
func (s *session) edited(c *plan.Column, edits []plan.Edit, pseudonym pseudonyms) string {
	doc := document(c)
	for k, e := range edits {
		doc = "(SELECT " + s.edit(k, e, pseudonym) + " FROM (SELECT " + doc + " AS doc OFFSET 0) AS v)"
	}
	return doc
}

// edit is the document v.doc with an edit made.
func (s *session) edit(k int, e plan.Edit, pseudonym pseudonyms) string {
	array, element, all := plan.Split(e.Path)
	if !all {
		return replaced("v.doc", e, e.Path, func(old string) string { return value(k, e, old, "", pseudonym) })
	}
	if e.Person != "" {
		return inArray("v.doc", array, listed("e.x", at("v.doc", array), "NOT "+s.theirs(e.Person, e.Beside, "e.x", element)))
	}
	became := func(old string) string { return value(k, e, old, "e.n", pseudonym) }
	list := "'[]'::pg_catalog.jsonb"
	switch {
	case len(element) > 0:
		list = listed(replaced("e.x", e, element, became), at("v.doc", array), "true")
	case e.Mask != v1alpha1.ValueRemove:
		list = listed("CASE WHEN pg_catalog.jsonb_typeof(e.x) OPERATOR(pg_catalog.<>) 'null' THEN "+became("e.x")+" ELSE e.x END", at("v.doc", array), "true")
	}
	return inArray("v.doc", array, list)
}

// listed is an array of what becomes of the elements e.x of another one, which have the numbers e.n, where they meet a condition.
func listed(element, array, where string) string {
	return "(SELECT COALESCE(pg_catalog.jsonb_agg(" + element + " ORDER BY e.n), '[]') FROM pg_catalog.jsonb_array_elements(" + array + ") WITH ORDINALITY AS e (x, n) WHERE " + where + ")"
}

// inArray is a document with another array where it has one.
func inArray(doc string, path []string, list string) string {
	if len(path) > 0 {
		list = "pg_catalog.jsonb_set(" + doc + ", " + pathOf(path) + ", " + list + ", false)"
	}
	return "CASE WHEN pg_catalog.jsonb_typeof(" + at(doc, path) + ") OPERATOR(pg_catalog.=) 'array' THEN " + list + " ELSE " + doc + " END"
}

// replaced is a document with another value at a path, or without it. The functions that do it refuse paths that fit no
// document, so that they are asked only where there is something.
func replaced(doc string, e plan.Edit, path []string, became func(old string) string) string {
	old := at(doc, path)
	if e.Mask == v1alpha1.ValueRemove {
		return "CASE WHEN " + old + " IS NOT NULL THEN " + doc + " OPERATOR(pg_catalog.#-) " + pathOf(path) + " ELSE " + doc + " END"
	}
	return "CASE WHEN pg_catalog.jsonb_typeof(" + old + ") OPERATOR(pg_catalog.<>) 'null' THEN pg_catalog.jsonb_set(" + doc + ", " + pathOf(path) + ", " + became(old) + ", false) ELSE " + doc + " END"
}

// value is what an edit puts in the place of an old value, as jsonb.
func value(k int, e plan.Edit, old, element string, pseudonym pseudonyms) string {
	switch e.Mask {
	case v1alpha1.ValueConstant:
		return "pg_catalog.to_jsonb(" + literal(e.Constant) + "::pg_catalog.text)"
	case v1alpha1.ValuePseudonym:
		return "pg_catalog.to_jsonb(" + pseudonym(k, old, element) + ")"
	default:
		return "'null'::pg_catalog.jsonb"
	}
}

// parted is what a live column becomes of which a part changes.
func (s *session) parted(c *plan.Column, change plan.Change, pseudonym pseudonyms) string {
	if len(change.Elements) > 0 {
		return s.withoutPeople(c, change.Elements)
	}
	return written(c, s.edited(c, change.Within, pseudonym))
}

// written is a document as the column takes it. json keeps its text where nothing changed.
func written(c *plan.Column, doc string) string {
	if !c.Verbatim {
		return "CAST(" + doc + " AS " + c.Type + ")"
	}
	text := "CASE WHEN " + odd(c) + " THEN " + unmarked(c, "v.doc::pg_catalog.text") + " ELSE v.doc::pg_catalog.text END"
	return "(SELECT CASE WHEN v.doc OPERATOR(pg_catalog.=) " + document(c) + " THEN " + column(live, c.Name) + " ELSE CAST(" + text + " AS " + c.Type + ") END FROM (SELECT " + doc + " AS doc OFFSET 0) AS v)"
}

// looksEdited says that a live document looks as its edits leave it: made again, they change nothing.
func (s *session) looksEdited(c *plan.Column, edits []plan.Edit) string {
	again := s.edited(c, edits, func(k int, value, _ string) string {
		text := textAt(value, nil)
		return "CASE WHEN " + text + " OPERATOR(pg_catalog.~) '^[0-9a-f]{32}" + strings.ReplaceAll(edits[k].Suffix, ".", "[.]") + "$' THEN " + text + " ELSE '' END"
	})
	return "COALESCE(" + again + " OPERATOR(pg_catalog.=) " + document(c) + ", true)"
}

// pseudonymous tells whether a change makes pseudonyms.
func pseudonymous(c plan.Change) bool {
	return c.Mask == v1alpha1.MaskPseudonym || slices.ContainsFunc(c.Within, func(e plan.Edit) bool { return e.Mask == v1alpha1.ValuePseudonym })
}
