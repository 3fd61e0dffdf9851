package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// States of a row in a set.
const (
	stateDelete   = 1
	stateMask     = 2
	stateDetach   = 3
	stateKeep     = 4
	stateFallback = 5   // was to be deleted; a row that stays refers to it
	stateDone     = 6   // was treated in a round before
	stateTake     = 7   // has identifiers of others too; loses the person's
	stateHeld     = 100 // and up, one state per legal hold: stays as it is
)

// treated are the states of rows that change.
var treated = []int{stateMask, stateDetach, stateFallback, stateTake}

// Columns of every set: req is the place of the request in the task, seed says that the row was found by a subject key,
// rnd is the round of a cycle in which it was reached, state what becomes of it, until the last day of a keep period.
// Row keys follow as k0, k1 …, carried columns as r0, r1 ….

// live is the alias of the live table in every statement that joins it with a set.
const live = "t"

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// quote quotes a name of the catalogue.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// table is a qualified table name.
func table(t *plan.Table) string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

// column is a column of an alias.
func column(alias, name string) string { return alias + "." + quote(name) }

// setOf and sharedOf name the temporary tables of a member: its rows that belong to people of the run, and those that
// belong to others too.
func setOf(i int) string    { return "pg_temp.rempart_set_" + strconv.Itoa(i) }
func sharedOf(i int) string { return "pg_temp.rempart_shared_" + strconv.Itoa(i) }

// identifiers is the temporary table of the people's identifiers.
const identifiers = "pg_temp.rempart_identifiers"

// equal compares two expressions that hold the same type: by the type's own operator when the database made the type,
// by text otherwise.
func equal(a, b string, by *plan.Column) string {
	switch {
	case by == nil || by.Native:
		return "(" + a + " OPERATOR(pg_catalog.=) " + b + ")"
	case by.Fold:
		return "(pg_catalog.lower(" + a + "::pg_catalog.text) OPERATOR(pg_catalog.=) pg_catalog.lower(" + b + "::pg_catalog.text))"
	default:
		return "(" + a + "::pg_catalog.text OPERATOR(pg_catalog.=) " + b + "::pg_catalog.text)"
	}
}

// keyNames returns the names of the row key's columns within a set.
func keyNames(m *plan.Member) []string {
	n := len(m.RowKey)
	if n == 0 {
		n = 2 // tableoid, ctid
	}
	names := make([]string, n)
	for i := range names {
		names[i] = "k" + strconv.Itoa(i)
	}
	return names
}

// keyExpressions returns what identifies a row of the live table.
func keyExpressions(m *plan.Member, alias string) []string {
	if len(m.RowKey) == 0 {
		return []string{alias + ".tableoid", alias + ".ctid"}
	}
	out := make([]string, len(m.RowKey))
	for i, name := range m.RowKey {
		out[i] = column(alias, name)
	}
	return out
}

// sameRow joins a row of the live table with a row of a set.
func sameRow(m *plan.Member, set string) string { return sameRowOf(m, live, set) }

func sameRowOf(m *plan.Member, live, set string) string {
	names, parts := keyNames(m), []string{}
	for i, expression := range keyExpressions(m, live) {
		var by *plan.Column
		if len(m.RowKey) > 0 {
			by = m.Table.Column(m.RowKey[i])
		}
		parts = append(parts, equal(expression, set+"."+names[i], by))
	}
	return strings.Join(parts, " AND ")
}

// sameSetRow joins rows of two sets of one member.
func sameSetRow(m *plan.Member, a, b string) string {
	parts := []string{}
	for i, name := range keyNames(m) {
		var by *plan.Column
		if len(m.RowKey) > 0 {
			by = m.Table.Column(m.RowKey[i])
		}
		parts = append(parts, equal(a+"."+name, b+"."+name, by))
	}
	return strings.Join(parts, " AND ")
}

// setColumn is the name, within the set of m, of a column to which a link refers.
func setColumn(m *plan.Member, name string) string {
	if i := slices.Index(m.RowKey, name); i >= 0 {
		return "k" + strconv.Itoa(i)
	}
	return "r" + strconv.Itoa(slices.Index(m.Carry, name))
}

// pair compares the values a and b of the nth columns of a link. A number or a UUID that the one table keeps as text is
// compared as text.
func pair(p *plan.Plan, l plan.Link, n int, a, b string) string {
	return sameValue(p.Members[l.From].Table.Column(l.Columns[n]), p.Members[l.To].Table.Column(l.ToColumns[n]), a, b)
}

// sameValue compares the value a of one column with the value b of one to which it refers.
func sameValue(mine, theirs *plan.Column, a, b string) string {
	switch {
	case mine.Class != theirs.Class && (mine.Class == plan.Text || theirs.Class == plan.Text):
		return equal(a, b, &plan.Column{Fold: true})
	case !mine.Native:
		return equal(a, b, mine)
	default:
		return equal(a, b, theirs)
	}
}

// refers joins a row of the live table that has the link with a row of the set to which it refers.
func refers(p *plan.Plan, l plan.Link, set string) string {
	to, parts := &p.Members[l.To], []string{}
	for i, name := range l.Columns {
		parts = append(parts, pair(p, l, i, column(live, name), set+"."+setColumn(to, l.ToColumns[i])))
	}
	if l.Real && to.Table.Inherited {
		// A foreign key to a table refers to no row of those that inherit from it, which may have the same key.
		parts = append(parts, set+".k0 OPERATOR(pg_catalog.=) "+literal(table(to.Table))+"::pg_catalog.regclass")
	}
	if l.Where != nil {
		parts = append(parts, has(l.Where, live))
	}
	return strings.Join(parts, " AND ")
}

// literal quotes text of the catalogue or the dataset as a constant.
func literal(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

// has says that a live row meets a condition.
func has(c *plan.Condition, live string) string {
	var values []string
	for _, value := range c.Values {
		values = append(values, literal(value))
	}
	return column(live, c.Column) + "::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY[" + strings.Join(values, ", ") + "]::pg_catalog.text[])"
}

// set says that all columns of a link have a value, and that the row has the link.
func set(l plan.Link, live string) string {
	parts := []string{}
	if l.Where != nil {
		parts = append(parts, has(l.Where, live))
	}
	for _, name := range l.Columns {
		parts = append(parts, column(live, name)+" IS NOT NULL")
	}
	return strings.Join(parts, " AND ")
}

// until is the last day of the keep period: the same day of the month in the last year or month, as Article 3 of
// Regulation (EEC, Euratom) No 1182/71 counts. NULL for tables that are not kept, and for days that nobody means (infinity, the year 294270):
// such a row is kept, as one without a day. The period is checked by pattern.
func until(m *plan.Member) string {
	if m.Action != v1alpha1.EraseKeep {
		return "NULL::pg_catalog.date"
	}
	return lastDay(m, live)
}

// lastDay is until of a row of a kept member. One that is kept through others has theirs: the last one, and none where one of these
// has none.
func lastDay(m *plan.Member, row string) string {
	through := m.KeepThrough
	if through == nil {
		from := column(row, m.KeepFrom) + "::pg_catalog.date"
		return fmt.Sprintf("(CASE WHEN %[1]s OPERATOR(pg_catalog.>=) '0001-01-01'::pg_catalog.date AND %[1]s OPERATOR(pg_catalog.<) '9000-01-01'::pg_catalog.date THEN (%[1]s OPERATOR(pg_catalog.+) INTERVAL '%[2]s')::pg_catalog.date END)", from, interval(m.KeepPeriod))
	}
	owner, of := through.Owner, row+"_owner"
	var parts []string
	for i, name := range through.Link.Columns {
		to := through.Link.ToColumns[i]
		parts = append(parts, sameValue(m.Table.Column(name), owner.Table.Column(to), column(row, name), column(of, to)))
	}
	if through.Link.Where != nil {
		parts = append(parts, has(through.Link.Where, row))
	}
	from := table(owner.Table)
	if through.Link.Real && owner.Table.Inherited { // a foreign key to a table refers to no row of its heirs
		from = "ONLY " + from
	}
	return fmt.Sprintf("(SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) pg_catalog.count(%[1]s) THEN pg_catalog.max(%[1]s) END FROM %[2]s AS %[3]s WHERE %[4]s)",
		lastDay(owner, of), from, of, strings.Join(parts, " AND "))
}

// interval returns a period, emptied of all that an ISO 8601 period in calendar units does not have.
func interval(p v1alpha1.Period) string {
	return strings.Map(func(r rune) rune {
		if (r >= '0' && r <= '9') || strings.ContainsRune("PYMWD", r) {
			return r
		}
		return -1
	}, string(p))
}

// initial is the state of a fresh row of a set.
func initial(m *plan.Member) int {
	switch m.Action {
	case v1alpha1.EraseMaskColumns:
		return stateMask
	case v1alpha1.EraseDetach:
		return stateDetach
	default:
		return stateDelete
	}
}

// setColumns lists the columns of a set for INSERT.
func setColumns(m *plan.Member) string {
	return "req, seed, rnd, state, " + strings.Join(setColumnsOf(m), ", ")
}

// setColumnsOf are the columns of a set that depend on the row.
func setColumnsOf(m *plan.Member) []string {
	names := append([]string{"until"}, keyNames(m)...)
	for i := range m.Carry {
		names = append(names, "r"+strconv.Itoa(i))
	}
	return names
}

// rowColumns lists what a set takes from a live row, keys first, each under its name in the set.
func rowColumns(m *plan.Member) string {
	names, parts := keyNames(m), []string{}
	for i, expression := range keyExpressions(m, live) {
		parts = append(parts, expression+" AS "+names[i])
	}
	for i, name := range m.Carry {
		parts = append(parts, column(live, name)+" AS r"+strconv.Itoa(i))
	}
	return strings.Join(parts, ", ")
}

// keyText is the text of a live row's subject key: of the column, or of what a path leads to within it. NULL where there is none.
// Of several it is that of the element e.
func keyText(t *plan.Table, k plan.Key) string {
	switch {
	case k.Several:
		return "e.txt"
	case len(k.Path) == 0:
		return textOf(t.Column(k.Column), live)
	case t.Column(k.Column).Verbatim:
		c := t.Column(k.Column)
		return "(CASE WHEN " + odd(c) + " THEN " + textAt(marked(c), k.Path) + " ELSE " + textAt(column(live, k.Column), k.Path) + " END)"
	default:
		return textAt(column(live, k.Column), k.Path)
	}
}

// holds says that a live row's subject key has a value.
func holds(t *plan.Table, k plan.Key) string {
	switch {
	case k.Several:
		return anyOf(t, k, "e.there")
	case len(k.Path) == 0:
		return column(live, k.Column) + " IS NOT NULL"
	default:
		return keyText(t, k) + " IS NOT NULL"
	}
}

// through joins a live row with the elements e of a subject key that may hold several identifiers; nothing for another.
func through(t *plan.Table, k plan.Key) string {
	if !k.Several {
		return ""
	}
	return " CROSS JOIN LATERAL " + values(t, k) + " AS e"
}

// textOf is the text of a live column, in the database's collation: texts of two others could not be compared, and a
// collation that takes different texts for alike searches nothing.
func textOf(c *plan.Column, live string) string {
	text := column(live, c.Name) + "::pg_catalog.text"
	if c.Bytes && c.Searchable {
		return textOfBytes(column(live, c.Name))
	}
	if c.Inet { // its text would end with /32
		text = "pg_catalog.abbrev(" + column(live, c.Name) + "::pg_catalog.inet)"
	}
	if c.Collated {
		return "(" + text + ` COLLATE pg_catalog."default")`
	}
	return text
}

// The most bytes that are searched as text, and how many of the first ones say whether they are text.
const (
	longestBytes = 1 << 20
	firstBytes   = 1 << 10
)

// textOfBytes is what bytes say where they are text: what has no zero among its first bytes, as pictures and archives do. Of a text
// beyond ASCII other characters are written as octal numbers. What is longer is not read: the store would have to unpack all of it.
func textOfBytes(bytes string) string {
	return fmt.Sprintf(`(CASE WHEN pg_catalog.octet_length(%[1]s) OPERATOR(pg_catalog.<=) %[2]d AND pg_catalog."position"(pg_catalog.substr(%[1]s, 1, %[3]d), E'\\x00'::pg_catalog.bytea) OPERATOR(pg_catalog.=) 0 THEN pg_catalog.encode(%[1]s, 'escape') END)`,
		bytes, longestBytes, firstBytes)
}
