package postgres

import (
	"cmp"
	"context"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Bounds of what one transaction remembers: rows of a table in which nobody is found by a subject key, beside one for each person; and
// texts and their bytes in all. What people have many of are not the values that say who they are.
const (
	fewRows     = 16
	mostTexts   = 100_000
	mostOfTexts = 16 << 20
)

// holder is a member of which the run destroys texts, in rows of one state.
type holder struct {
	i, state int
	columns  []plan.Column
	// masks are what the columns become, in their order; none where the rows are deleted.
	masks []plan.Change
}

// lostPieces is the temporary table through which pieces of texts come to the store: no log has them, as it has what is bound to a
// statement. It stays with the session; see prepare.
const lostPieces = "pg_temp.rempart_pieces"

// remember writes down, under the run's salt, hashes of the values that the transaction is about to destroy, so that the verifier
// can look for them; and removes old ones of the store. The texts pass through this process's memory and are forgotten. A store that
// was prepared before there was a place for hashes remembers nothing, and nothing is read there. One with texts that are none in its encoding is erased all the
// same, and says that they could not be read.
func (s *settlement) remember(ctx context.Context, t task.Task, people []subject.Subject) error {
	if len(t.Salt) != task.SaltSize {
		return nil
	}
	var ready bool
	m := &memory{salt: t.Salt, blanks: s.blanks, given: given(people), places: map[spot]*remembered{}}
	if _, err := s.row(ctx, prepared("SELECT, INSERT, DELETE"), nil, &ready); err != nil || !ready {
		return err
	}
	queries := []query{{sql: "SAVEPOINT rempart_texts"}}
	for _, h := range s.holders(len(t.Requests), m) {
		queries = append(queries, s.texts(h, m))
	}
	err := s.several(ctx, queries...)
	if err == nil {
		err = s.write(ctx, t, m)
	}
	if !unreadable(err) {
		return err
	}
	if err := s.all(ctx, "ROLLBACK TO SAVEPOINT rempart_texts"); err != nil {
		return err
	}
	return s.write(ctx, t, &memory{salt: t.Salt, places: map[spot]*remembered{{attribute: markUnreadable}: {}}})
}

// unreadable tells whether a failure says that a text cannot be converted: a database of SQL_ASCII has any bytes, and one of WIN1252
// such as are no character.
func unreadable(err error) bool {
	f, ok := err.(*task.Failure) //nolint:errorlint // failure returns the type itself
	return ok && (f.Trace.SQLState == "22021" || f.Trace.SQLState == "22P05")
}

// prepared asks whether the role has privileges on the table of hashes; false too where it does not exist.
func prepared(privileges string) string {
	var parts []string
	for privilege := range strings.SplitSeq(privileges, ", ") {
		parts = append(parts, "pg_catalog.has_table_privilege(pg_catalog.to_regclass("+literal(grant.Destroyed)+"), '"+privilege+"')")
	}
	// Who may not enter the schema may not even ask for a table in it.
	return "SELECT CASE WHEN pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('rempart'), 'USAGE') THEN COALESCE(" + strings.Join(parts, " AND ") + ", false) ELSE false END"
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
				out = append(out, holder{i: i, state: stateDelete, columns: valued(m.Table)})
			}
			continue
		}
		for state, rows := range s.states[i] {
			if rows == 0 || state != stateDelete && !slices.Contains(treated, state) {
				continue
			}
			h := destroys(m, i, state)
			if beyond := rows - mostTexts; beyond > 0 && len(h.columns) > 0 { // which texts does not read
				into.at(spot{relation: m.Table.Path()}).passed += beyond * int64(len(h.columns))
			}
			out = append(out, h)
		}
	}
	out = slices.DeleteFunc(out, func(h holder) bool { return len(h.columns) == 0 })
	slices.SortFunc(out, func(a, b holder) int {
		own := func(h holder) int { return min(1, len(s.plan.Members[h.i].Keys)) }
		return cmp.Or(cmp.Compare(own(b), own(a)), cmp.Compare(a.i, b.i), cmp.Compare(a.state, b.state))
	})
	return out
}

// destroys says which texts are destroyed in the rows of a member that have a state.
func destroys(m *plan.Member, i, state int) holder {
	h := holder{i: i, state: state}
	if state == stateDelete {
		h.columns = valued(m.Table)
		return h
	}
	for _, c := range valued(m.Table) {
		for _, change := range changing(m)[state] {
			if change.Column == c.Name && change.Mask != "" {
				h.columns = append(h.columns, c)
				h.masks = append(h.masks, change)
			}
		}
	}
	return h
}

// valued are the columns of a table with values of people: texts, documents and arrays of texts. What refers to another table says
// what that table says.
func valued(t *plan.Table) []plan.Column {
	return slices.DeleteFunc(slices.Clone(t.Columns), func(c plan.Column) bool {
		text := c.Class == plan.Text || c.Document || c.Items == plan.Text
		refers := slices.ContainsFunc(t.ForeignKeys, func(fk plan.ForeignKey) bool { return slices.Contains(fk.Columns, c.Name) })
		return !text || !c.Searchable || refers
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
	values := make([]string, len(h.columns))
	scanned, selected := []any{&row}, []string{rowText(m)}
	for n := range h.columns {
		text := textOf(&h.columns[n], live)
		scanned = append(scanned, &values[n])
		value := fmt.Sprintf("COALESCE(CASE WHEN pg_catalog.octet_length(%s) OPERATOR(pg_catalog.<=) %d THEN pg_catalog.lower(%[1]s) ELSE '-' END, '')", text, longestValue)
		if len(h.masks) > 0 && h.masks[n].Mask == v1alpha1.MaskConstant { // what is masked already is not destroyed
			value = "CASE WHEN " + s.looksMasked(m, h.masks[n], args) + " THEN '' ELSE " + value + " END"
		}
		selected = append(selected, value)
	}
	sql := fmt.Sprintf("SELECT %s FROM %s LIMIT %d", strings.Join(selected, ", "), from, mostTexts)
	return query{sql: sql, args: args.values, into: scanned, each: func() error {
		key := into.row(m.Table, row)
		for n, c := range h.columns {
			l := loss{from: spot{m.Table.Path(), c.Name}, value: values[n], row: key}
			l.keyed = slices.ContainsFunc(m.Keys, func(k plan.Key) bool { return k.Column == c.Name && len(k.Path) == 0 })
			if len(h.masks) > 0 {
				l.mask = &h.masks[n]
			}
			into.take(l)
		}
		return nil
	}}
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

// remembered is what is written down of a column.
type remembered struct {
	pieces       []string
	hashes, rows [][]byte
	passed       int64 // values of which no piece says enough
}

// spot is a column from which values go. Without an attribute it is a table, of whose rows it is not said that these values cannot
// rightly be in them again.
type spot struct{ relation, attribute string }

// markUnreadable is the attribute, of no relation, under which a transaction says that it could not read the texts. Under none it says
// that it wrote down what there was.
const markUnreadable = "unreadable"

// loss is a value that goes from a column: the hash of its row's key, or nil; whether the column is searched for identifiers in any
// case; and what it becomes, or nil where the row goes.
type loss struct {
	from  spot
	value string
	row   []byte
	keyed bool
	mask  *plan.Change
}

// unit separates the parts of what is hashed (the unit separator of ASCII).
const unit = "\x1f"

// memory gathers what is written down.
type memory struct {
	salt   salt
	blanks string
	given  map[string]bool
	places map[spot]*remembered
	texts  int
	bytes  int
	mac    hash.Hash         // under the salt: to make one takes as long as to use it
	known  map[string][]byte // hashes of pieces
}

// given are the pieces that are identifiers, which are looked for as such.
func given(people []subject.Subject) map[string]bool {
	out := map[string]bool{}
	for _, person := range people {
		for _, kind := range person.Kinds() {
			for _, value := range forms(person, kind) {
				out[strings.ToLower(value)], out[bareNumber(value)] = true, true
			}
		}
	}
	return out
}

// row is the hash of a row's key; nil where it has none.
func (m *memory) row(t *plan.Table, key string) []byte {
	if key == "" {
		return nil
	}
	return m.hash(saltedRow, t.Path()+unit+key)
}

func (m *memory) hash(what, text string) []byte {
	if m.mac == nil {
		m.mac, m.known = m.salt.mac(), map[string][]byte{}
	}
	return sum(m.mac, what, text)
}

// piece is the hash of a piece, of which many people have the same.
func (m *memory) piece(text string) []byte {
	known, ok := m.known[text]
	if !ok {
		known = m.hash(saltedValue, text)
		m.known[text] = known
	}
	return known
}

// take cuts a value into pieces and hashes them. That a piece of the value, or what a constant replaced, is in the row again does not
// say that the value is back, so that their row is written down without the column; and nothing is of a default, which may be the value.
func (m *memory) take(l loss) {
	value := strings.Trim(l.value, m.blanks)
	if value == "" {
		return
	}
	at := m.at(l.from)
	found := slices.DeleteFunc(pieces(value, m.blanks), func(piece string) bool { return m.given[piece] })
	inPlace := true
	if l.mask != nil {
		switch l.mask.Mask {
		case v1alpha1.MaskConstant:
			stay := pieces(strings.ToLower(l.mask.Constant), m.blanks)
			found, inPlace = slices.DeleteFunc(found, func(piece string) bool { return slices.Contains(stay, piece) }), false
		case v1alpha1.MaskDefault:
			l.row = nil
		case v1alpha1.MaskNull, v1alpha1.MaskPseudonym:
		}
	}
	if m.texts++; len(found) == 0 || m.texts > mostTexts || m.bytes > mostOfTexts {
		if !l.keyed {
			at.passed++
		}
		return
	}
	for _, piece := range found {
		m.bytes += len(piece) + 2*hashSize
		to := at
		if !inPlace || !isWhole(piece, value) {
			to = m.at(spot{relation: l.from.relation})
		}
		to.pieces, to.hashes, to.rows = append(to.pieces, strings.Clone(piece)), append(to.hashes, m.piece(piece)), append(to.rows, l.row)
	}
}

// at is what is written down of a spot.
func (m *memory) at(from spot) *remembered {
	if m.places[from] == nil {
		m.places[from] = &remembered{}
	}
	return m.places[from]
}

// write puts the hashes into the store, and in any case that this was done, and ends the savepoint. The quick ones are the store's
// own, of the pieces, which it still has. What is old is removed: runs that old have ended, and the hashes say nothing any more.
func (s *session) write(ctx context.Context, t task.Task, m *memory) error {
	m.at(spot{})
	var (
		relations, attributes []string
		passed                []int64
		addresses, numbers    []bool
		rows                  [][]any
	)
	for _, from := range slices.SortedFunc(maps.Keys(m.places), func(a, b spot) int {
		return cmp.Or(strings.Compare(a.relation, b.relation), strings.Compare(a.attribute, b.attribute))
	}) {
		r := m.places[from]
		relations, attributes, passed = append(relations, from.relation), append(attributes, from.attribute), append(passed, r.passed)
		addresses = append(addresses, slices.ContainsFunc(r.pieces, plainAddress.MatchString))
		numbers = append(numbers, slices.ContainsFunc(r.pieces, func(p string) bool { return strings.Trim(p, "0123456789") == "" }))
		for n, piece := range r.pieces {
			rows = append(rows, []any{int64(len(relations)), m.salt.seed(), piece, r.hashes[n], r.rows[n]})
		}
	}
	if err := s.all(ctx, `CREATE TEMPORARY TABLE IF NOT EXISTS `+lostPieces+` (at pg_catalog.int8, seed pg_catalog.int8, piece pg_catalog.text, hash pg_catalog.bytea, row_key pg_catalog.bytea) ON COMMIT DELETE ROWS`); err != nil {
		return err
	}
	if len(rows) > 0 {
		if _, err := s.conn.CopyFrom(ctx, pgx.Identifier{"pg_temp", "rempart_pieces"}, []string{"at", "seed", "piece", "hash", "row_key"}, pgx.CopyFromRows(rows)); err != nil {
			return failure(err)
		}
	}
	gathered := func(what string) string {
		return "COALESCE(pg_catalog.array_agg(" + what + ") FILTER (WHERE p.at IS NOT NULL), '{}')"
	}
	return s.several(ctx,
		query{sql: `DELETE FROM ` + grant.Destroyed + ` WHERE register OPERATOR(pg_catalog.=) $1 AND store OPERATOR(pg_catalog.=) $2 AND run_uid OPERATOR(pg_catalog.<>) $3
AND recorded_at OPERATOR(pg_catalog.<) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '30 days'::pg_catalog.interval)`, args: []any{t.Register, t.Store, t.RunUID}},
		query{sql: `INSERT INTO ` + grant.Destroyed + ` (run_uid, register, store, relation, attribute, key_check, quick, hashes, row_keys, passed, addresses, numbers)
SELECT $1, $2, $3, w.relation, w.attribute, $4::pg_catalog.bytea, ` + gathered(quick("p.piece", "p.seed")) + ", " + gathered("p.hash") + ", " + gathered("p.row_key") + `, w.passed, w.addresses, w.numbers
FROM ROWS FROM (pg_catalog.unnest($5::pg_catalog.text[]), pg_catalog.unnest($6::pg_catalog.text[]), pg_catalog.unnest($7::pg_catalog.int8[]), pg_catalog.unnest($8::pg_catalog.bool[]), pg_catalog.unnest($9::pg_catalog.bool[]))
  WITH ORDINALITY AS w (relation, attribute, passed, addresses, numbers, at)
LEFT JOIN ` + lostPieces + ` AS p ON p.at OPERATOR(pg_catalog.=) w.at GROUP BY w.at, w.relation, w.attribute, w.passed, w.addresses, w.numbers`,
			args: []any{t.RunUID, t.Register, t.Store, m.salt.hash(saltedCheck, ""), relations, attributes, passed, addresses, numbers}},
		query{sql: "RELEASE SAVEPOINT rempart_texts"})
}
