package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Rows that hold identifiers of several people, in an array or in one within JSON. One that holds the person's alone is theirs.
// One with others' too is shared: it loses the person's elements, and stays otherwise.

// severalOf names the temporary table of a member's rows that hold identifiers of people of the run and of others. They come to
// the set when all is collected, so that what refers to them is nobody's; fresh says which are not there yet.
func severalOf(i int) string { return fmt.Sprintf("pg_temp.rempart_several_%d", i) }

// several tells whether a row of a member can hold identifiers of several people.
func several(m *plan.Member) bool {
	return slices.ContainsFunc(m.Keys, func(k plan.Key) bool { return k.Several })
}

// filled says that a text is more than white space.
func filled(text string) string {
	return "COALESCE(" + text + " OPERATOR(pg_catalog.~) '[^[:space:]]', false)"
}

// values are the elements x of a live row's subject key that may hold several identifiers, as a table: txt is the identifier, and
// there says that an element is somebody's. An object in JSON is, also where it lacks the identifier.
func values(t *plan.Table, k plan.Key) string {
	from, text, there := items(t, k)
	return "(SELECT u.x, " + text + " AS txt, " + there + " AS there FROM " + from + ")"
}

// items are the parts of values: the elements u.x, the identifier of one, and whether it is somebody's.
func items(t *plan.Table, k plan.Key) (from, text, there string) {
	c := t.Column(k.Column)
	if len(k.Path) == 0 {
		text = itemText(c, "u.x")
		return "pg_catalog.unnest(" + column(live, c.Name) + ") AS u (x)", text, filled(text)
	}
	array, element, _ := plan.Split(k.Path)
	list := at(document(c), array)
	text = textAt("u.x", element)
	there = filled(text)
	if len(element) > 0 {
		there = "(pg_catalog.jsonb_typeof(u.x) OPERATOR(pg_catalog.<>) 'null')"
	}
	return "pg_catalog.jsonb_array_elements(CASE WHEN pg_catalog.jsonb_typeof(" + list + ") OPERATOR(pg_catalog.=) 'array' THEN " + list + " END) AS u (x)", text, there
}

// itemText is the text of an element of an array, in the database's collation.
func itemText(c *plan.Column, element string) string {
	if c.Collated {
		return "(" + element + `::pg_catalog.text COLLATE pg_catalog."default")`
	}
	return element + "::pg_catalog.text"
}

// anyOf says that a condition on the text of a subject key is met, by one of its elements e where it may have several.
func anyOf(t *plan.Table, k plan.Key, condition string) string {
	if !k.Several {
		return condition
	}
	return "EXISTS (SELECT FROM " + values(t, k) + " AS e WHERE " + condition + ")"
}

// known says that a text is an identifier, of a kind, of a person; of somebody of the run where req is empty.
func (s *session) known(kind v1alpha1.IdentifierKind, fold bool, text, req string) string {
	same := text + " OPERATOR(pg_catalog.=) y.value"
	switch {
	case kind == v1alpha1.IdentifierPhone:
		same = dialled(text, "y")
	case kind == v1alpha1.IdentifierEmail:
		same = "pg_catalog.lower(" + s.trimmed(text) + ") OPERATOR(pg_catalog.=) y.folded"
	case fold:
		same = "pg_catalog.lower(" + text + ") OPERATOR(pg_catalog.=) y.folded"
	}
	return fmt.Sprintf("EXISTS (SELECT FROM %s AS y WHERE %s AND %s)", identifiers, of(kind, req), same)
}

// theirs says that an element of an array within JSON is of somebody of the run: it has their identifier, and, where that is a
// telephone number, no address of somebody else beside it, if they gave addresses. That is asked of each person alone, as where they are found.
func (s *session) theirs(kind v1alpha1.IdentifierKind, beside [][]string, element string, way []string) string {
	text := textAt(element, way)
	if len(beside) == 0 {
		return s.known(kind, false, text, "")
	}
	conditions := []string{dialled(text, "p")}
	for _, b := range beside {
		conditions = append(conditions, "NOT "+s.anothersAddress(textAt(element, b), "p.req"))
	}
	return "EXISTS (SELECT FROM " + identifiersOf(kind) + " AS p WHERE " + strings.Join(conditions, " AND ") + ")"
}

// anothersItem says that an element of the array of a subject key is somebody's, and nobody's of the run by any key that leads into
// the same array.
func (s *session) anothersItem(m *plan.Member, k plan.Key) string {
	from, text, there := items(m.Table, k)
	if len(k.Path) == 0 {
		return "EXISTS (SELECT FROM " + from + " WHERE " + there + " AND NOT " + s.known(k.Identifier, m.Table.Holder(k).Fold, text, "") + ")"
	}
	for _, other := range m.Keys {
		if k.Together(other) {
			_, way, _ := plan.Split(other.Path)
			there += " AND NOT " + s.theirs(other.Identifier, m.Beside(other), "u.x", way)
		}
	}
	return "EXISTS (SELECT FROM " + from + " WHERE " + there + ")"
}

// withoutPeople is a live array without the elements that are identifiers, of some kinds, of people of the run.
func (s *session) withoutPeople(c *plan.Column, kinds []v1alpha1.IdentifierKind) string {
	return "CASE WHEN " + column(live, c.Name) + " IS NOT NULL THEN CAST(ARRAY(SELECT u.x FROM pg_catalog.unnest(" + column(live, c.Name) +
		") WITH ORDINALITY AS u (x, n) WHERE NOT " + s.knownOf(c, kinds) + " ORDER BY u.n) AS " + c.Type + ") END"
}

// looksWithoutPeople says that a live array looks as withoutPeople leaves it.
func (s *session) looksWithoutPeople(c *plan.Column, kinds []v1alpha1.IdentifierKind) string {
	return "NOT EXISTS (SELECT FROM pg_catalog.unnest(" + column(live, c.Name) + ") AS u (x) WHERE " + s.knownOf(c, kinds) + ")"
}

func (s *session) knownOf(c *plan.Column, kinds []v1alpha1.IdentifierKind) string {
	var parts []string
	for _, kind := range kinds {
		parts = append(parts, s.known(kind, c.FoldItems, itemText(c, "u.x"), ""))
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// severalSeeds finds the rows of a member that hold identifiers of people of the run among others, once those are in the set
// that hold nothing else; and puts into the set those that turn out to hold nothing of others.
func (c *collector) severalSeeds(i int) (queries []query) {
	m := &c.plan.Members[i]
	keys := strings.Join(keyExpressions(m, live), ", ")
	for _, k := range m.Keys {
		if !k.Several || c.kinds[k.Identifier] == 0 {
			continue
		}
		for _, way := range c.find(m, k) {
			queries = append(queries, query{done: func(n int64) error { c.few[i] += n; return nil }, sql: fmt.Sprintf(
				`INSERT INTO %[1]s (req, %[2]s, fresh) SELECT DISTINCT ON (%[3]s) q.req, %[3]s, true FROM %[4]s AS t%[5]s JOIN %[6]s AS q ON %[7]s WHERE NOT EXISTS (SELECT FROM %[8]s AS x WHERE %[9]s) AND NOT EXISTS (SELECT FROM %[1]s AS x WHERE %[9]s) ORDER BY %[3]s, q.req LIMIT %[10]d`,
				severalOf(i), strings.Join(keyNames(m), ", "), keys, table(m.Table), way.through, way.from, way.where, setOf(i), sameRow(m, "x"), c.most+1)})
		}
	}
	if len(queries) == 0 {
		return nil
	}
	names, grows := strings.Join(setColumnsOf(m), ", "), c.grows(i)
	alone := func(n int64) error {
		c.few[i] -= n
		return grows(n)
	}
	return append(queries, query{done: alone, sql: fmt.Sprintf(
		`WITH alone AS (DELETE FROM %s AS x USING %s AS t WHERE x.fresh AND %s AND NOT %s RETURNING x.req, %s AS until, %s) INSERT INTO %s (%s) SELECT req, true, 0, %d, %s FROM alone`,
		severalOf(i), table(m.Table), sameRow(m, "x"), c.withOthers(m), until(m), rowColumns(m), setOf(i), setColumns(m), initial(m), names)})
}

// withOthers is true for a row t, found for a person x, of which a subject key has a value that is nobody's of the run. It counts
// as in somebodyElses. None of the keys that hold one identifier has the person's: the row would be theirs.
func (c *collector) withOthers(m *plan.Member) string {
	var parts []string
	for _, k := range m.Keys {
		part := holds(m.Table, k)
		if k.Several {
			part = c.anothersItem(m, k)
		}
		if !m.Cyclic {
			part += fmt.Sprintf(" AND EXISTS (SELECT FROM %s AS q WHERE q.req OPERATOR(pg_catalog.=) x.req AND q.kind OPERATOR(pg_catalog.=) '%s')", identifiers, k.Identifier)
		}
		parts = append(parts, "("+part+")")
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// takeIn puts the rows with identifiers of several people into the set: those that lose an element. A row that is a person's
// by another way is treated as such.
func (s *settlement) takeIn(i int) []query {
	m := &s.plan.Members[i]
	if !several(m) {
		return nil
	}
	grows := s.grows(i)
	queries := []query{
		{sql: fmt.Sprintf("DELETE FROM %s AS x USING %s AS s WHERE x.fresh AND %s", severalOf(i), setOf(i), sameSetRow(m, "x", "s"))},
		{sql: fmt.Sprintf("INSERT INTO %s (%s) SELECT x.req, true, 0, %d, %s AS until, %s FROM %s AS x JOIN %s AS t ON %s WHERE x.fresh",
			setOf(i), setColumns(m), stateTake, until(m), rowColumns(m), severalOf(i), table(m.Table), sameRow(m, "x")), done: func(n int64) error {
			s.states[i][stateTake], s.few[i] = n, 0
			return grows(n)
		}},
		{sql: fmt.Sprintf("UPDATE %s SET fresh = false WHERE fresh", severalOf(i))},
	}
	if s.sharable(i) { // such a row counts once
		queries = append(queries, query{sql: fmt.Sprintf("DELETE FROM %s AS x USING %s AS s WHERE s.state OPERATOR(pg_catalog.=) %d AND %s",
			sharedOf(i), setOf(i), stateTake, sameSetRow(m, "x", "s"))})
	}
	return queries
}

// takeOut takes rows of several people out of the set again: what refers to them is nobody's in the next round either.
func (s *settlement) takeOut(ctx context.Context, i int) error {
	m := &s.plan.Members[i]
	if !several(m) {
		return nil
	}
	n, err := s.exec(ctx, fmt.Sprintf("DELETE FROM %s AS s USING %s AS x WHERE %s", setOf(i), severalOf(i), sameSetRow(m, "s", "x")))
	s.mine[i] -= n
	return err
}

// shapes refuses arrays of several dimensions, or that do not begin at 1: they would not be what they were without an element.
func (s *settlement) shapes(ctx context.Context, i, state int, changes []plan.Change) error {
	m := &s.plan.Members[i]
	for _, c := range changes {
		if len(c.Elements) == 0 {
			continue
		}
		value := column(live, c.Column)
		var odd bool
		if _, err := s.row(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s AS t JOIN %s AS s ON %s WHERE s.state OPERATOR(pg_catalog.=) %d AND (pg_catalog.array_ndims(%[5]s) OPERATOR(pg_catalog.>) 1 OR pg_catalog.array_lower(%[5]s, 1) OPERATOR(pg_catalog.<>) 1))",
			table(m.Table), setOf(i), sameRow(m, "s"), state, value), nil, &odd); err != nil {
			return err
		}
		if odd {
			path := m.Table.Path() + "." + c.Column
			return &task.Failure{Reason: task.PlanImpossible, Names: []string{path},
				Message: path + " has arrays of several dimensions, or that do not begin at 1, in rows from which an element is to go; mask the column, or write them as plain lists"}
		}
	}
	return nil
}
