package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// holder is a member of which the run destroys texts, in rows of one state.
type holder struct {
	i, state int
	values   []vanishing
}

// vanishing is a value of each row that goes: a column, and what it becomes, nil where the row is deleted. Of a document it is what an
// edit takes out; a generated column follows the changes of what it is computed from.
type vanishing struct {
	column  plan.Column
	mask    *plan.Change
	edit    *plan.Edit
	follows []plan.Change
}

// holders are the members of which values are remembered, those in which people are found first. Of the others the number of values
// is written down.
func (s *settlement) holders(people int, into *memory) []holder {
	var out []holder
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		if rows := s.about(i); len(m.Keys) == 0 && rows > int64(fewRows+people) {
			if columns := len(valued(m.Table)); m.MayGo() && columns > 0 {
				into.places[spot{m.Table.Path(), ""}] = &remembered{passed: rows * int64(columns)}
			}
			continue
		}
		if f := s.leaves[i]; f != nil {
			if s.mine[f.link.To] > 0 {
				out = append(out, holder{i: i, state: stateDelete, values: wholly(m.Table)})
			}
			continue
		}
		for state, rows := range s.states[i] {
			if rows == 0 || state != stateDelete && !slices.Contains(treated, state) {
				continue
			}
			h := destroys(m, i, state)
			if beyond := rows - mostTexts; beyond > 0 && len(h.values) > 0 { // which texts does not read
				into.at(spot{relation: m.Table.Path()}).passed += beyond * int64(len(h.values))
			}
			out = append(out, h)
		}
	}
	out = slices.DeleteFunc(out, func(h holder) bool { return len(h.values) == 0 })
	slices.SortFunc(out, func(a, b holder) int {
		own := func(h holder) int { return min(1, len(s.plan.Members[h.i].Keys)) }
		return cmp.Or(cmp.Compare(own(b), own(a)), cmp.Compare(a.i, b.i), cmp.Compare(a.state, b.state))
	})
	return out
}

// destroys says which texts are destroyed in the rows of a member that have a state.
func destroys(m *plan.Member, i, state int) holder {
	if state == stateDelete {
		return holder{i: i, state: state, values: wholly(m.Table)}
	}
	h := holder{i: i, state: state}
	for _, c := range valued(m.Table) {
		var sources []plan.Change
		for _, change := range changing(m)[state] {
			switch {
			case slices.Contains(c.From, change.Column):
				sources = append(sources, change)
			case change.Column != c.Name:
			case change.Mask != "":
				h.values = append(h.values, vanishing{column: c, mask: &change})
			default:
				for _, edit := range change.Within {
					h.values = append(h.values, vanishing{column: c, edit: &edit})
				}
			}
		}
		if len(sources) > 0 && !slices.ContainsFunc(sources, defaulted) {
			h.values = append(h.values, vanishing{column: c, follows: sources})
		}
	}
	return h
}

// defaulted says that a column becomes its default, which may be the value that it had.
func defaulted(c plan.Change) bool { return c.Mask == v1alpha1.MaskDefault }

// wholly are the values of rows that are deleted.
func wholly(t *plan.Table) (values []vanishing) {
	for _, c := range valued(t) {
		values = append(values, vanishing{column: c})
	}
	return values
}

// valued are the columns of a table with values of people: all that can hold text, but for bytes, vectors of words, and words that the
// application chose. What refers to another table says what that table says.
func valued(t *plan.Table) []plan.Column {
	return slices.DeleteFunc(slices.Clone(t.Columns), func(c plan.Column) bool {
		words := c.Type == "tsvector" || c.Type == "tsquery"
		refers := slices.ContainsFunc(t.ForeignKeys, func(fk plan.ForeignKey) bool { return slices.Contains(fk.Columns, c.Name) })
		return !c.Searchable || c.Bytes || words || refers || c.Labels()
	})
}

// texts reads what the rows of a holder lose. A text that is too long for a value is read as one that is too short.
func (s *settlement) texts(h holder, into *memory) query {
	m := &s.plan.Members[h.i]
	from := fmt.Sprintf("%s AS t JOIN %s AS s ON %s WHERE s.state OPERATOR(pg_catalog.=) %d", table(m.Table), setOf(h.i), sameRow(m, "s"), h.state)
	if f := s.leaves[h.i]; f != nil {
		from = fmt.Sprintf("%s AS t JOIN %s AS s ON %s", table(m.Table), setOf(f.link.To), refers(s.plan, f.link, "s"))
	}
	row, args := "", &arguments{}
	values := make([]string, len(h.values))
	scanned, selected := []any{&row}, []string{rowText(m)}
	for n, v := range h.values {
		scanned = append(scanned, &values[n])
		value := "COALESCE(" + bounded(textOf(&v.column, live)) + ", '')"
		switch {
		case v.edit != nil:
			value = s.within(&v.column, v.edit)
		case v.mask != nil:
			value = s.unlessMasked(m, value, []plan.Change{*v.mask}, args)
		default:
			value = s.unlessMasked(m, value, v.follows, args)
		}
		selected = append(selected, value)
	}
	known := h.state != stateDelete && !slices.ContainsFunc(h.values, func(v vanishing) bool { return v.mask != nil && defaulted(*v.mask) })
	first, last := h.nameParts(m.Table)
	named := func(n int) bool {
		return n != first && n != last && m.Table.Names(&h.values[n].column, len(m.Keys) > 0)
	}
	sql := fmt.Sprintf("SELECT %s FROM %s LIMIT %d", strings.Join(selected, ", "), from, mostTexts)
	return query{sql: sql, args: args.values, into: scanned, each: func() error {
		key := into.row(m.Table, row)
		for n, v := range h.values {
			l := loss{from: spot{m.Table.Path(), v.column.Name}, row: key, mask: v.mask, edit: v.edit, derived: len(v.follows) > 0, name: named(n)}
			l.keyed = slices.ContainsFunc(m.Keys, func(k plan.Key) bool {
				return k.Column == v.column.Name && (len(k.Path) == 0 || v.edit != nil && slices.Equal(k.Path, v.edit.Path))
			})
			for text := range strings.SplitSeq(values[n], unit) { // of a document there may be several
				l.value = text
				into.take(l)
			}
		}
		for _, text := range joined(values, first, last) { // whose parts are counted already
			into.take(loss{from: spot{relation: m.Table.Path()}, value: text, row: key, derived: true, keyed: true, name: true})
		}
		if known {
			into.stays(key)
		}
		return nil
	}}
}

// nameParts are the places, among the values of a holder, of a first and a last name; less than 0 where they are not both there.
func (h holder) nameParts(t *plan.Table) (first, last int) {
	given, family := t.NameParts()
	at := func(name string) int {
		return slices.IndexFunc(h.values, func(v vanishing) bool { return v.column.Name == name && v.edit == nil && v.follows == nil })
	}
	return at(given), at(family)
}

// joined is a name that a table keeps in two columns as others write it in one.
func joined(values []string, first, last int) []string {
	if first < 0 || last < 0 {
		return nil
	}
	given, family := strings.TrimSpace(values[first]), strings.TrimSpace(values[last])
	if given == "" || family == "" || given == "-" || family == "-" { // too long for a value
		return nil
	}
	return []string{given + " " + family, family + " " + given, family + ", " + given}
}

// unlessMasked is a value, or nothing where constants of its masks are there already: then it is not destroyed.
func (s *settlement) unlessMasked(m *plan.Member, value string, masks []plan.Change, args *arguments) string {
	var there []string
	for _, c := range masks {
		if c.Mask == v1alpha1.MaskConstant {
			there = append(there, s.looksMasked(m, c, args))
		}
	}
	if len(there) == 0 {
		return value
	}
	return "CASE WHEN " + strings.Join(there, " AND ") + " THEN '' ELSE " + value + " END"
}

// bounded is a text in lower case; one that is too short for a text that is too long for a value.
func bounded(text string) string {
	return fmt.Sprintf("CASE WHEN pg_catalog.octet_length(%s) OPERATOR(pg_catalog.<=) %d THEN pg_catalog.lower(%[1]s) ELSE '-' END", text, longestValue)
}

// within are the texts that an edit takes out of a live document, whatever is around them there: names of members are not a person's.
func (s *session) within(c *plan.Column, e *plan.Edit) string {
	doc, from := document(c), ""
	array, element, all := plan.Split(e.Path)
	what := at(doc, e.Path)
	if all {
		list := at(doc, array)
		from = "pg_catalog.jsonb_array_elements(CASE WHEN pg_catalog.jsonb_typeof(" + list + ") OPERATOR(pg_catalog.=) 'array' THEN " + list + " END) AS u (x) CROSS JOIN LATERAL "
		what = at("u.x", element)
	}
	where := ""
	if e.Person != "" {
		what, where = "u.x", " WHERE "+s.theirs(e.Person, e.Beside, "u.x", element)
	}
	text := textAt("l.x", nil)
	return "(SELECT COALESCE(pg_catalog.string_agg(" + bounded(text) + ", " + literal(unit) + "), '') FROM " + from +
		"pg_catalog.jsonb_path_query(" + what + `, 'strict $.** ? (@.type() == "string")') AS l (x)` + where + ")"
}

// remaining reads the keys of people's rows that stay, in tables from which values go: those that the law or a hold keeps, and those of
// which no text goes. Another row that has a value says that it is not one person's alone, and these are no others.
func (s *settlement) remaining(holders []holder, into *memory) (queries []query) {
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		if len(m.RowKey) == 0 || s.mine[i] == 0 || !slices.ContainsFunc(holders, func(h holder) bool { return h.i == i }) {
			continue
		}
		var states []string
		for state, rows := range s.states[i] {
			read := slices.ContainsFunc(holders, func(h holder) bool { return h.i == i && h.state == state })
			if rows > 0 && state != stateDelete && state != stateDone && !read {
				states = append(states, decimal(int64(state)))
			}
		}
		if len(states) == 0 {
			continue
		}
		slices.Sort(states)
		row := ""
		sql := fmt.Sprintf("SELECT %s FROM %s AS t JOIN %s AS s ON %s WHERE s.state IN (%s) LIMIT %d", rowText(m), table(m.Table), setOf(i), sameRow(m, "s"), strings.Join(states, ", "), mostTexts)
		queries = append(queries, query{sql: sql, into: []any{&row}, each: func() error {
			into.stays(into.row(m.Table, row))
			return nil
		}})
	}
	return queries
}

// rowText is the text of what identifies a live row; empty where only its place does.
func rowText(m *plan.Member) string {
	if len(m.RowKey) == 0 {
		return "''"
	}
	var parts []string
	for _, expression := range keyExpressions(m, live) {
		parts = append(parts, expression+"::pg_catalog.text")
	}
	return "pg_catalog.concat_ws(" + literal(unit) + ", " + strings.Join(parts, ", ") + ")"
}
