package postgres

import (
	"cmp"
	"context"
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

// lostPieces is the temporary table through which pieces of texts come to the store: no log has them, as it has what is bound to a
// statement. It stays with the session; see prepare.
const (
	lostPieces = "pg_temp.rempart_pieces"
	makePieces = `CREATE TEMPORARY TABLE IF NOT EXISTS ` + lostPieces + ` (at pg_catalog.int8, seed pg_catalog.int8, piece pg_catalog.text, hash pg_catalog.bytea, row_key pg_catalog.bytea) ON COMMIT DELETE ROWS`
)

// destroy executes, and writes down, under the run's salt, hashes of the values that go, so that the verifier can look for them; and
// removes old ones of the store. The texts pass through this process's memory and are forgotten: it hashes them while the store goes
// on to the changes, which are sent with the questions. A store that was prepared before there was a place for hashes
// remembers nothing, and nothing is read there. One with texts that are none in its encoding is erased all the same, and says that
// they could not be read.
func (s *settlement) destroy(ctx context.Context, t task.Task, people []subject.Subject) error {
	if len(t.Salt) != task.SaltSize || !s.remembers {
		return s.execute(ctx)
	}
	m := &memory{salt: t.Salt, blanks: s.blanks, given: given(people), places: map[spot]*remembered{}, rows: map[string]bool{}}
	queries := plain(saveTexts)
	holders := s.holders(len(t.Requests), m)
	for _, h := range holders {
		queries = append(queries, s.texts(h, m))
	}
	queries = append(queries, s.remaining(holders, m)...)
	read := false
	queries = append(queries, query{sql: haveTexts, done: func(int64) error { read = true; return nil }})
	err := s.several(ctx, slices.Concat(queries, s.executing(), plain(makePieces, saveTexts))...)
	if !read && unreadable(err) {
		m = unread(t)
		err = s.several(ctx, slices.Concat(plain(forgetTexts), s.executing(), plain(makePieces, saveTexts))...)
	}
	if err != nil {
		return err
	}
	if err = s.write(ctx, t, m); unreadable(err) {
		if err = s.all(ctx, forgetTexts); err == nil {
			err = s.write(ctx, t, unread(t))
		}
	}
	return err
}

// What is done with texts is undone where they cannot be read.
const (
	saveTexts   = "SAVEPOINT rempart_texts"
	forgetTexts = "ROLLBACK TO SAVEPOINT rempart_texts"
	haveTexts   = "RELEASE SAVEPOINT rempart_texts"
)

// unread is what is written down where the texts could not be read.
func unread(t task.Task) *memory {
	return &memory{salt: t.Salt, places: map[spot]*remembered{{attribute: markUnreadable}: {}}}
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

// markStays is the attribute, of no relation, under which a transaction writes down the people's rows that stay, by the hashes of their
// keys alone: what is in them is not another person's.
const markStays = "stays"

// markSpoken is the attribute, of no relation, under which a transaction writes down names that are looked for within sentences.
const markSpoken = "spoken"

// loss is a value that goes from a column: the hash of its row's key, or nil; whether the column is searched for identifiers in any
// case; what it becomes, or nil where the row goes; and, where it is within a document, the edit that takes it out.
type loss struct {
	from  spot
	value string
	row   []byte
	keyed bool
	mask  *plan.Change
	edit  *plan.Edit
	// derived says that the column is generated: it is computed anew, and may have the same value rightly.
	derived bool
	// name says that the value is the name of a person.
	name bool
}

// becomes is the mask of a loss, with its constant; empty where the value is gone for good.
func (l loss) becomes() (mask v1alpha1.ColumnMask, constant string) {
	switch {
	case l.edit != nil && l.edit.Mask == v1alpha1.ValueConstant:
		return v1alpha1.MaskConstant, l.edit.Constant
	case l.mask != nil:
		return l.mask.Mask, l.mask.Constant
	default:
		return "", ""
	}
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
	rows   map[string]bool   // hashes of the keys of rows that are written down
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

// take cuts a value into pieces and hashes them. That a piece of the value, what was within a document, or what a constant replaced, is in
// the row again does not say that the value is back, so that their row is written down without the column; and nothing is of a default,
// which may be the value.
func (m *memory) take(l loss) {
	value := strings.Trim(l.value, m.blanks)
	if value == "" {
		return
	}
	at := m.at(l.from)
	found := slices.DeleteFunc(pieces(value, m.blanks), func(piece string) bool { return m.given[piece] })
	inPlace := l.edit == nil && !l.derived
	switch mask, constant := l.becomes(); mask {
	case v1alpha1.MaskConstant:
		stay := pieces(strings.ToLower(constant), m.blanks)
		found, inPlace = slices.DeleteFunc(found, func(piece string) bool { return slices.Contains(stay, piece) }), false
	case v1alpha1.MaskDefault:
		l.row = nil
	case v1alpha1.MaskNull, v1alpha1.MaskPseudonym:
	}
	if m.texts++; len(found) == 0 || m.texts > mostTexts || m.bytes > mostOfTexts {
		if !l.keyed {
			at.passed++
		}
		return
	}
	m.rows[string(l.row)] = true
	for _, piece := range found {
		m.bytes += len(piece) + 2*hashSize
		to := at
		if !inPlace || !isWhole(piece, value) {
			to = m.at(spot{relation: l.from.relation})
		}
		m.put(to, piece, l.row)
	}
	if name := spoken(value); l.name && name != "" && !m.given[name] {
		m.put(m.at(spot{attribute: markSpoken}), name, l.row)
	}
}

// put writes a piece down.
func (m *memory) put(to *remembered, piece string, row []byte) {
	to.pieces, to.hashes, to.rows = append(to.pieces, strings.Clone(piece)), append(to.hashes, m.piece(piece)), append(to.rows, row)
}

// stays remembers a row of the people that stays, unless it is known by a value that went from it.
func (m *memory) stays(row []byte) {
	if row == nil || m.rows[string(row)] || len(m.rows) >= mostTexts {
		return
	}
	m.rows[string(row)] = true
	at := m.at(spot{attribute: markStays})
	at.rows = append(at.rows, row)
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
		seed                  = m.salt.seed()
	)
	for _, from := range slices.SortedFunc(maps.Keys(m.places), func(a, b spot) int {
		return cmp.Or(strings.Compare(a.relation, b.relation), strings.Compare(a.attribute, b.attribute))
	}) {
		r := m.places[from]
		relations, attributes, passed = append(relations, from.relation), append(attributes, from.attribute), append(passed, r.passed)
		addresses = append(addresses, slices.ContainsFunc(r.pieces, plainAddress.MatchString))
		numbers = append(numbers, slices.ContainsFunc(r.pieces, func(p string) bool { return strings.Trim(p, "0123456789") == "" }))
		for n, row := range r.rows {
			if from.attribute == markStays && from.relation == "" {
				rows = append(rows, []any{int64(len(relations)), seed, "", []byte{}, row})
				continue
			}
			rows = append(rows, []any{int64(len(relations)), seed, r.pieces[n], r.hashes[n], row})
		}
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
		query{sql: haveTexts})
}
