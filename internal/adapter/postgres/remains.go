package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Temporary tables of what was destroyed: the hashes, each once, with a number; the columns and rows that had each; and the keys of
// the salt, of which no log of statements may have any.
const (
	sought  = "pg_temp.rempart_sought"
	sources = "pg_temp.rempart_sources"
	salted  = "pg_temp.rempart_keys"
)

// saltKey is a key of the salt, as an expression.
func saltKey(name string) string { return "(SELECT k." + name + " FROM " + salted + " AS k)" }

// remains are the values that a run destroyed, and where they were found. The rule:
//
//   - A value that is all of what is in the row and column from which it was to go is a contradiction, unless another row has it too.
//   - A value that another row of the same table has, in any column, says nothing of a person: Berlin, Martin, the street of two
//     people. It is not looked for.
//   - Any other, wherever it is, is a second copy: it is named by its column, and contradicts nothing, since nobody can say that no
//     other person has the same. Those in rows that the law keeps are named apart.
//
// A row of which values were destroyed and that stays is the person's own, and no other row.
type remains struct {
	salt               salt
	encoding           string
	addresses, numbers bool
	names              bool // some are names, which are looked for within sentences
	all, passed        int64
	lengths            []int32         // of values, as lengthOf has them, and of one byte more or less, which another case may take
	missing            []string        // why some, or none, are looked for
	own                map[string]bool // tables from which values went
	late               []string        // tables that could not be compared in time
	places             map[int32]map[string]bool
	shared             map[int32]bool
	back               map[string]map[string][]int32 // by table and row, values that are in their place
}

// recollect reads what a run destroyed into temporary tables; nil when the task has no salt, so that nobody expects it.
func (s *session) recollect(ctx context.Context, t task.Task) (*remains, error) {
	if len(t.Salt) != task.SaltSize || t.RunUID == "" {
		return nil, nil //nolint:nilnil // nothing to look for
	}
	r := &remains{salt: t.Salt, encoding: s.encoding(), places: map[int32]map[string]bool{}, shared: map[int32]bool{}, back: map[string]map[string][]int32{}, own: map[string]bool{}}
	var ready bool
	if _, err := s.row(ctx, prepared("SELECT"), nil, &ready); err != nil {
		return nil, err
	}
	if !ready {
		r.missing = []string{"values that were destroyed were not looked for: the store lacks rempart.destroyed, or the verifier may not read it; run the statements of kubectl gdpr grants again"}
		return r, nil
	}
	var written, others, unread bool
	check := r.salt.hash(saltedCheck, "")
	if _, err := s.row(ctx, `SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0, COALESCE(pg_catalog.sum(passed), 0)::pg_catalog.int8, COALESCE(pg_catalog.bool_or(addresses), false), COALESCE(pg_catalog.bool_or(numbers), false),
COALESCE(pg_catalog.bool_or(key_check OPERATOR(pg_catalog.<>) $2::pg_catalog.bytea), false), COALESCE(pg_catalog.bool_or(relation OPERATOR(pg_catalog.=) '' AND attribute OPERATOR(pg_catalog.=) '`+markUnreadable+`'), false),
COALESCE(pg_catalog.bool_or(relation OPERATOR(pg_catalog.=) '' AND attribute OPERATOR(pg_catalog.=) '`+markSpoken+`'), false)
FROM `+grant.Destroyed+` WHERE run_uid OPERATOR(pg_catalog.=) $1`,
		[]any{t.RunUID, check}, &written, &r.passed, &r.addresses, &r.numbers, &others, &unread, &r.names); err != nil {
		return nil, err
	}
	if !written {
		r.missing = []string{"values that were destroyed were not looked for: the eraser wrote nothing down of them; it lacks a right on rempart.destroyed, or did not have it then: run the statements of kubectl gdpr grants again"}
		return r, nil
	}
	if others {
		r.missing = append(r.missing, "values that were destroyed were not all looked for: the run's secret was lost meanwhile")
	}
	if unread {
		r.missing = append(r.missing, "values that were destroyed were not all looked for: the store has texts that are none in its encoding")
	}
	if err := s.makeTemporary(ctx, []string{
		`CREATE TEMPORARY TABLE ` + sought + ` (n pg_catalog.int4 NOT NULL, quick pg_catalog.int4 NOT NULL, length pg_catalog.int4 NOT NULL, hash pg_catalog.bytea NOT NULL) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE ` + sources + ` (n pg_catalog.int4 NOT NULL, relation pg_catalog.text NOT NULL, attribute pg_catalog.text NOT NULL, row_key pg_catalog.bytea) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE ` + salted + ` (seed pg_catalog.int8, of_value pg_catalog.bytea, of_row pg_catalog.bytea, last pg_catalog.bytea) ON COMMIT DROP`,
	}); err != nil {
		return nil, err
	}
	value, last := r.salt.pads(saltedValue)
	row, _ := r.salt.pads(saltedRow)
	if _, err := s.conn.CopyFrom(ctx, pgx.Identifier{"pg_temp", "rempart_keys"}, []string{"seed", "of_value", "of_row", "last"}, pgx.CopyFromRows([][]any{{r.salt.seed(), value, row, last}})); err != nil {
		return nil, failure(err)
	}
	read := query{sql: `WITH d AS MATERIALIZED (SELECT d.relation, d.attribute, u.* FROM ` + grant.Destroyed + ` AS d
  CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(d.quick), pg_catalog.unnest(d.hashes), pg_catalog.unnest(d.row_keys)) AS u (quick, hash, row_key)
  WHERE d.run_uid OPERATOR(pg_catalog.=) $1 AND d.key_check OPERATOR(pg_catalog.=) $2::pg_catalog.bytea),
s AS (INSERT INTO ` + sought + ` SELECT pg_catalog.row_number() OVER (), x.quick OPERATOR(pg_catalog.&) ` + decimal(quickBits) + `, x.quick OPERATOR(pg_catalog.>>) 24, x.hash FROM (SELECT DISTINCT quick, hash FROM d WHERE pg_catalog.octet_length(d.hash) OPERATOR(pg_catalog.>) 0) AS x RETURNING n, hash)
INSERT INTO ` + sources + ` SELECT COALESCE(s.n, 0), d.relation, d.attribute, d.row_key FROM d LEFT JOIN s ON s.hash OPERATOR(pg_catalog.=) d.hash`, args: []any{t.RunUID, check}}
	var path string
	count := query{sql: "SELECT pg_catalog.count(*) FROM " + sought, into: []any{&r.all}}
	own := query{sql: "SELECT DISTINCT relation FROM " + sources, into: []any{&path}, each: func() error {
		r.own[path] = true
		return nil
	}}
	return r, s.several(ctx, read, query{sql: "CREATE INDEX ON " + sources + " (n, relation)"}, query{sql: "CREATE INDEX ON " + sources + " (row_key)"}, query{sql: "ANALYZE " + sought}, query{sql: "ANALYZE " + sources}, count, own, r.measure())
}

// measure asks for the lengths of what is looked for.
func (r *remains) measure() query {
	return query{sql: "SELECT COALESCE(pg_catalog.array_agg(DISTINCT (d.length OPERATOR(pg_catalog.+) w.n) OPERATOR(pg_catalog.&) 127), '{}') FROM " + sought + " AS d CROSS JOIN (VALUES (0), (1), (-1)) AS w (n)", into: []any{&r.lengths}}
}

// texts are what a table's texts are compared by: rows t of from, whether one rightly stays (kept), or is a person's own although it
// stays (mine), or has a key that was masked, by which it is not known again (masked), the text of its key, and whether keep periods
// are judged.
type texts struct {
	table                   *plan.Table
	from                    string
	kept, mine, masked, row string
	dated, some             bool // some says that not all rows are read
}

// glimpse is how many rows of a table are compared before all: enough to meet what nearly everybody has.
const glimpse = 500

// texts are what is compared of a member: of all of its rows, or of some.
func (v *search) texts(i int, some bool) texts {
	m := &v.plan.Members[i]
	t := texts{table: m.Table, from: table(m.Table), kept: v.keptPeriod(i), mine: v.mine(m), masked: v.maskedKey(i), row: rowText(m), dated: m.Action == v1alpha1.EraseKeep}
	if some {
		t.some, t.from = true, fmt.Sprintf("(SELECT t.tableoid, t.ctid, t.* FROM %s AS t LIMIT %d)", t.from, glimpse)
	}
	return t
}

// dropShared looks into some rows of each table from which values went, and then no more for what others have there: nearly every row of
// a store may have one of a few names, and each would be hashed well.
func (v *search) dropShared(ctx context.Context) error {
	r := v.values
	if r == nil || len(r.lengths) == 0 {
		return nil
	}
	for i := range v.plan.Members {
		if t := v.plan.Members[i].Table; r.own[t.Path()] && t.Rows > 4*glimpse {
			if err := v.compare(ctx, v.texts(i, true)); err != nil {
				return err
			}
		}
	}
	return v.forgetShared(ctx)
}

// forgetShared removes what others have from what is looked for, of which nothing may be left.
func (v *search) forgetShared(ctx context.Context) error {
	return v.several(ctx, query{sql: "DELETE FROM " + sought + " WHERE n OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.int4[])", args: []any{slices.Collect(maps.Keys(v.values.shared))}}, v.values.measure())
}

// mine says that a live row that may be kept has an identifier of the people.
func (v *search) mine(m *plan.Member) string {
	ways := []string{"false"}
	for _, k := range m.Keys {
		if v.kinds[k.Identifier] == 0 {
			continue
		}
		text := keyText(m.Table, k)
		if k.Identifier == v1alpha1.IdentifierEmail {
			text = v.trimmed(text)
		}
		ways = append(ways, "EXISTS (SELECT FROM "+identifiers+" AS y WHERE "+of(k.Identifier, "")+" AND "+anyOf(m.Table, k, v.matches(m, k, text, "y"))+")")
	}
	return "(" + strings.Join(ways, " OR ") + ")"
}

// maskedKey says that what identifies a row of a member is a pseudonym, be it of its own or of a row that it refers to: the row is of
// somebody who was erased.
func (v *search) maskedKey(i int) string {
	ways := []string{"false"}
	for _, name := range v.plan.Members[i].RowKey {
		if c := v.pseudonymAt(i, name, nil); c != nil {
			c.Column = name
			if looks := v.looksMasked(&v.plan.Members[i], *c, &arguments{}); looks != "" {
				ways = append(ways, looks)
			}
		}
	}
	return strings.Join(ways, " OR ")
}

// pseudonymAt is the change that puts a pseudonym into a column, or into one that it follows; nil where there is none. Seen are the
// members that it was asked of, since references may lead around.
func (v *search) pseudonymAt(i int, name string, seen []int) *plan.Change {
	for _, changes := range changing(&v.plan.Members[i]) {
		for _, c := range changes {
			if c.Column == name && c.Mask == v1alpha1.MaskPseudonym {
				return &c
			}
		}
	}
	for _, l := range v.plan.Links {
		if at := slices.Index(l.Columns, name); l.Real && l.From == i && at >= 0 && !slices.Contains(seen, l.To) {
			if c := v.pseudonymAt(l.To, l.ToColumns[at], append(seen, i)); c != nil {
				return c
			}
		}
	}
	return nil
}

// hit is a value in a column: own says that another row of a table that had it has it, back is the row from which it went. Code says that
// it is written as a key is, without spaces.
type hit struct {
	n                  int32
	name               string
	own, rightly, code bool
	back               []byte
}

// compare compares texts with what was destroyed. A table for which the store takes too long is named, and the values that went from
// it are not judged: whether others have them is not known.
func (v *search) compare(ctx context.Context, t texts) error {
	r := v.values
	if r == nil || len(r.lengths) == 0 {
		return nil
	}
	args := &arguments{}
	if t.dated {
		args.add(v.asOf) // as the first, by which keep periods ask for it
	}
	var cells []string
	for _, c := range t.table.Columns {
		if c.Searchable && !c.Bytes { // a file takes a second a megabyte to cut; identifiers are looked for in it
			cells = append(cells, "("+literal(c.Name)+"::pg_catalog.text, "+textOf(&c, live)+")")
		}
	}
	if first, last := t.table.NameParts(); last != "" { // as joined writes them down, since each of them may be short
		cells = append(cells, "("+literal(last)+"::pg_catalog.text, pg_catalog.concat(pg_catalog.btrim("+textOf(t.table.Column(first), live)+"), ' ', pg_catalog.btrim("+textOf(t.table.Column(last), live)+")))")
	}
	if len(cells) == 0 {
		return nil
	}
	trim := func(text string) string { return "pg_catalog.btrim(" + text + ", " + literal(v.blanks) + ")" }
	of := fmt.Sprintf("%s AS t CROSS JOIN LATERAL (VALUES %s) AS c (name, txt)", t.from, strings.Join(cells, ", "))
	least := fmt.Sprintf(" OPERATOR(pg_catalog.>=) %d", shortestPiece)
	long := "pg_catalog.octet_length(c.txt)" + least
	through := " CROSS JOIN LATERAL (SELECT pg_catalog.unnest(" + parts("c.txt", r.addresses, r.numbers) + ") AS piece) AS p"
	ways := []string{
		r.hits(of, "pg_catalog.lower(c.txt)", "true", lengthOf("c.txt")+" OPERATOR(pg_catalog.=) ANY ("+args.add(r.lengths)+"::pg_catalog.int4[]) AND "+long, t),
		r.hits(of+through, trim("p.piece"), fills(trim("p.piece"), "c.txt", v.blanks), long+" AND "+parted("c.txt", v.blanks, r.addresses, r.numbers)+" AND pg_catalog.octet_length(p.piece)"+least, t),
	}
	if r.names && !t.some {
		ways = append(ways, r.mentions(of, sentence("c.txt"), t))
	}
	var (
		h    hit
		hits []hit
	)
	sql := "SELECT DISTINCT h.n, h.name, h.own, h.back, h.kept, h.code FROM (" + strings.Join(ways, " UNION ALL ") + ") AS h"
	compare := query{sql: sql, args: args.values, into: []any{&h.n, &h.name, &h.own, &h.back, &h.rightly, &h.code}, each: func() error {
		hits = append(hits, h)
		return nil
	}}
	// In the order that is written: the planner takes the texts of a row for one, and would look at all that is sought anew for each row.
	err := v.several(ctx, query{sql: "SAVEPOINT rempart_compare"}, query{sql: "SET LOCAL join_collapse_limit TO 1"}, compare,
		query{sql: "SET LOCAL join_collapse_limit TO DEFAULT"}, query{sql: "RELEASE SAVEPOINT rempart_compare"})
	if f, ok := err.(*task.Failure); ok && f.Trace.SQLState == "57014" { //nolint:errorlint // several returns the type itself
		return v.late(ctx, t.table.Path())
	}
	for _, h := range hits {
		r.take(t.table, h)
	}
	return err
}

// late remembers that a table was not compared in time.
func (v *search) late(ctx context.Context, path string) error {
	v.values.late = append(v.values.late, path)
	var n int32
	return v.several(ctx, query{sql: "ROLLBACK TO SAVEPOINT rempart_compare"},
		query{sql: "SELECT DISTINCT n FROM " + sources + " WHERE relation OPERATOR(pg_catalog.=) $1", args: []any{path}, into: []any{&n}, each: func() error {
			v.values.shared[n] = true
			return nil
		}})
}

// take remembers what was found in a table. A code in its key is no copy: rows that went referred to that row, whether the schema says so
// or not.
func (r *remains) take(t *plan.Table, h hit) {
	path := t.Path()
	switch {
	case h.back != nil && !h.rightly:
		if r.back[path] == nil {
			r.back[path] = map[string][]int32{}
		}
		r.back[path][string(h.back)] = append(r.back[path][string(h.back)], h.n)
	case h.own:
		r.shared[h.n] = true
	case h.code && slices.Equal(t.PrimaryKey, []string{h.name}):
	default:
		if r.places[h.n] == nil {
			r.places[h.n] = map[string]bool{}
		}
		place := path + "." + h.name
		r.places[h.n][place] = r.places[h.n][place] || !h.rightly
	}
}

// addReturned adds, when all tables are compared, the rows in which a value is back that no other row has.
func (v *search) addReturned() {
	if v.values == nil {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(v.values.back)) {
		var rows int64
		for _, values := range v.values.back[path] {
			if slices.ContainsFunc(values, func(n int32) bool { return !v.values.shared[n] }) {
				rows++
			}
		}
		v.add(path, rows)
	}
}

// hits are the pieces of texts c that were destroyed. The good hash is compared by a function, so that the planner takes the quick one
// alone to join by, and asks for the good one of the few texts that are left.
func (r *remains) hits(of, piece, whole, where string, t texts) string {
	source := "FROM " + sources + " AS x WHERE x.n OPERATOR(pg_catalog.=) d.n AND x.relation OPERATOR(pg_catalog.=) " + literal(t.table.Path())
	back, ours := "NULL::pg_catalog.bytea", "("+t.kept+" AND "+t.mine+" OR "+t.masked+")"
	if t.row != "''" {
		row := "x.row_key OPERATOR(pg_catalog.=) " + hashed("pg_catalog.concat("+literal(t.table.Path()+unit)+", "+t.row+")", r.encoding, saltKey("of_row"), saltKey("last"))
		// By the row, of which there is one: many rows may have lost the same value, and the key would be hashed for each.
		back = "CASE WHEN EXISTS (SELECT " + source + ") THEN (SELECT x.row_key FROM " + sources + " AS x WHERE (x.n OPERATOR(pg_catalog.-) d.n) OPERATOR(pg_catalog.=) 0 AND x.relation OPERATOR(pg_catalog.=) " + literal(t.table.Path()) +
			" AND x.attribute OPERATOR(pg_catalog.=) c.name AND " + whole + " AND " + row + " LIMIT 1) END"
		ours = "(" + ours + " OR EXISTS (SELECT FROM " + sources + " AS x WHERE " + row + "))"
	}
	return "SELECT d.n, c.name, EXISTS (SELECT " + source + ") AND NOT " + ours + " AS own, " + back + " AS back, " + t.kept + " AS kept, c.txt OPERATOR(pg_catalog.!~) '[[:space:]@]' AS code FROM " + of +
		" JOIN " + sought + " AS d ON d.quick OPERATOR(pg_catalog.=) " + quickly(piece, saltKey("seed")) +
		" WHERE " + where + " AND pg_catalog.byteacmp(d.hash, " + hashed(piece, r.encoding, saltKey("of_value"), saltKey("last")) + ") OPERATOR(pg_catalog.=) 0"
}

// mentions are the names within sentences. That somebody writes of a person does not say that they are called so.
func (r *remains) mentions(of, where string, t texts) string {
	piece := "p.piece"
	return "SELECT d.n, c.name, false AS own, NULL::pg_catalog.bytea AS back, " + t.kept + " AS kept, false AS code FROM " + of + names("c.txt") +
		" JOIN " + sought + " AS d ON d.quick OPERATOR(pg_catalog.=) " + quickly(piece, saltKey("seed")) +
		" WHERE " + where + " AND EXISTS (SELECT FROM " + sources + " AS x WHERE x.n OPERATOR(pg_catalog.=) d.n AND x.relation OPERATOR(pg_catalog.=) '' AND x.attribute OPERATOR(pg_catalog.=) '" + markSpoken + "')" +
		" AND pg_catalog.byteacmp(d.hash, " + hashed(piece, r.encoding, saltKey("of_value"), saltKey("last")) + ") OPERATOR(pg_catalog.=) 0"
}

// notes say where second copies are, by column, and how much was looked for.
func (r *remains) notes() (copies, notes []string) {
	if r == nil {
		return nil, nil
	}
	stay, rightly, alike := map[string]bool{}, map[string]bool{}, 0
	for n, places := range r.places {
		if r.shared[n] {
			continue
		}
		for place, copied := range places {
			if copied {
				stay[place] = true
			} else {
				rightly[place] = true
			}
		}
	}
	alike = len(r.shared)
	copies = slices.Sorted(maps.Keys(stay))
	if len(copies) > 0 {
		notes = append(notes, "Values that were destroyed are also in "+plan.Fit(copies, roomOfNames)+": second copies that the register does not have treated, or the same values of others; a person must look, and mask or declare these columns")
	}
	maps.DeleteFunc(rightly, func(place string, _ bool) bool { return stay[place] })
	if len(rightly) > 0 {
		notes = append(notes, "Values that were destroyed are rightly in rows that are kept: "+list(slices.Sorted(maps.Keys(rightly))))
	}
	notes = append(notes, r.missing...)
	if len(r.late) > 0 {
		notes = append(notes, "Not compared with the values that were destroyed, since the store took too long: "+list(r.late))
	}
	if r.all+r.passed > 0 {
		notes = append(notes, fmt.Sprintf("Of the values that were destroyed %d were looked for, and %d were not, since they are short, many or of others too", r.all-int64(alike), r.passed+int64(alike)))
	}
	return copies, notes
}
