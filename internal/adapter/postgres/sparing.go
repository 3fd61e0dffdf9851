package postgres

import (
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// sparing are rows t of a member, as a table, of which the documents lack the people's telephone numbers that rightly stay: at a subject
// key, where a row or an element is somebody else's.
func (s *session) sparing(m *plan.Member, from string) string {
	shared := func(c string) []plan.Key {
		return slices.DeleteFunc(slices.Clone(m.Keys), func(k plan.Key) bool {
			return k.Column != c || len(k.Path) == 0 || k.Identifier != v1alpha1.IdentifierPhone
		})
	}
	if s.kinds[v1alpha1.IdentifierPhone] == 0 || !slices.ContainsFunc(m.Keys, func(k plan.Key) bool { return len(shared(k.Column)) > 0 }) {
		return from
	}
	parts := []string{"t.tableoid", "t.ctid"}
	for _, c := range m.Table.Columns {
		expression := column(live, c.Name)
		if keys := shared(c.Name); len(keys) > 0 {
			expression = s.withoutShared(m, &c, keys)
		}
		parts = append(parts, expression+" AS "+quote(c.Name))
	}
	return "(SELECT " + strings.Join(parts, ", ") + " FROM " + from + " AS t)"
}

// withoutShared is a live document without the values of some keys of telephone numbers where these are another's too. A domain is
// left out: it may refuse what is only looked at.
func (s *session) withoutShared(m *plan.Member, c *plan.Column, keys []plan.Key) string {
	doc, plain := document(c), *c
	for _, k := range keys {
		doc = "(SELECT " + s.withoutNumber(m, k) + " FROM (SELECT " + doc + " AS doc OFFSET 0) AS v)"
	}
	if plain.Type = "pg_catalog.jsonb"; c.Verbatim {
		plain.Type = "pg_catalog.json"
	}
	return written(&plain, doc)
}

func (s *session) withoutNumber(m *plan.Member, k plan.Key) string {
	array, way, all := plan.Split(k.Path)
	number := func(text string) string {
		return s.known(k.Identifier, false, text, "") + " AND " + s.anothers(m, k, "")
	}
	if !all {
		return "CASE WHEN " + number(textAt("v.doc", k.Path)) + " THEN v.doc OPERATOR(pg_catalog.#-) " + pathOf(k.Path) + " ELSE v.doc END"
	}
	without := "e.x OPERATOR(pg_catalog.#-) " + pathOf(way)
	if len(way) == 0 {
		without = "'null'::pg_catalog.jsonb"
	}
	return inArray("v.doc", array, listed("CASE WHEN "+number(textAt("e.x", way))+" THEN "+without+" ELSE e.x END", at("v.doc", array), "true"))
}
