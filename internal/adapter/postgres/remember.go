package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// remember writes down, under the run's salt, hashes of the values that the transaction is about to destroy, so that the verifier
// can look for them; and removes those of earlier runs of the store, which have ended. The texts pass through this process's memory
// and are forgotten. A store that was prepared before there was a place for hashes remembers nothing.
func (s *settlement) remember(ctx context.Context, t task.Task, people []subject.Subject) error {
	if len(t.Salt) != task.SaltSize {
		return nil
	}
	var ready bool
	m := &memory{salt: t.Salt, blanks: s.blanks, given: given(people), places: map[spot]*remembered{}}
	queries := []query{{sql: prepared("SELECT, INSERT, DELETE"), into: []any{&ready}}}
	for _, h := range s.holders(len(t.Requests), m) {
		queries = append(queries, s.texts(h, m))
	}
	if err := s.several(ctx, queries...); err != nil || !ready {
		return err
	}
	return s.several(ctx, m.write(t)...)
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
				into.places[spot{m.Table.Path(), ""}] = &remembered{pieces: []string{}, hashes: [][]byte{}, rows: [][]byte{}, passed: rows * int64(columns)}
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
			if rows > 0 && (state == stateDelete || slices.Contains(treated, state)) {
				out = append(out, destroys(m, i, state))
			}
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
	row := ""
	values := make([]string, len(h.columns))
	scanned, selected := []any{&row}, []string{rowText(m)}
	for n := range h.columns {
		text := textOf(&h.columns[n], live)
		scanned = append(scanned, &values[n])
		selected = append(selected, fmt.Sprintf("COALESCE(CASE WHEN pg_catalog.octet_length(%s) OPERATOR(pg_catalog.<=) %d THEN pg_catalog.lower(%[1]s) ELSE '-' END, '')", text, longestValue))
	}
	sql := fmt.Sprintf("SELECT %s FROM %s LIMIT %d", strings.Join(selected, ", "), from, mostTexts)
	return query{sql: sql, into: scanned, each: func() error {
		key := into.row(m.Table, row)
		for n, c := range h.columns {
			keyed, same := slices.ContainsFunc(m.Keys, func(k plan.Key) bool { return k.Column == c.Name && len(k.Path) == 0 }), key
			if len(h.masks) > 0 {
				switch h.masks[n].Mask {
				case v1alpha1.MaskDefault:
					same = nil // the value may have been the default
				case v1alpha1.MaskConstant:
					if strings.EqualFold(strings.Trim(values[n], s.blanks), h.masks[n].Constant) {
						continue // it is not destroyed
					}
				}
			}
			into.take(spot{m.Table.Path(), c.Name}, values[n], same, keyed)
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

// spot is a column from which values go.
type spot struct{ relation, attribute string }

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
	return m.salt.hash(saltedRow, t.Path()+unit+key)
}

// take cuts a value into pieces and hashes them. Row is the hash of the row's key, or nil; keyed says that the column is searched for
// identifiers in any case.
func (m *memory) take(from spot, value string, row []byte, keyed bool) {
	value = strings.Trim(value, m.blanks)
	if value == "" {
		return
	}
	at := m.places[from]
	if at == nil {
		at = &remembered{pieces: []string{}, hashes: [][]byte{}, rows: [][]byte{}}
		m.places[from] = at
	}
	found := slices.DeleteFunc(pieces(value, m.blanks), func(piece string) bool { return m.given[piece] })
	if m.texts++; len(found) == 0 || m.texts > mostTexts || m.bytes > mostOfTexts {
		if !keyed {
			at.passed++
		}
		return
	}
	for _, piece := range found {
		m.bytes += len(piece) + 2*hashSize
		at.pieces, at.hashes, at.rows = append(at.pieces, strings.Clone(piece)), append(at.hashes, m.salt.hash(saltedValue, piece)), append(at.rows, row)
	}
}

// write returns what puts the hashes into the store. The quick ones are the store's own, of the pieces, which it still has.
func (m *memory) write(t task.Task) []query {
	queries := []query{{sql: `DELETE FROM ` + grant.Destroyed + ` WHERE register OPERATOR(pg_catalog.=) $1 AND store OPERATOR(pg_catalog.=) $2 AND run_uid OPERATOR(pg_catalog.<>) $3`,
		args: []any{t.Register, t.Store, t.RunUID}}}
	for _, from := range slices.SortedFunc(maps.Keys(m.places), func(a, b spot) int {
		return cmp.Or(strings.Compare(a.relation, b.relation), strings.Compare(a.attribute, b.attribute))
	}) {
		r, args := m.places[from], &arguments{}
		addresses := slices.ContainsFunc(r.pieces, plainAddress.MatchString)
		numbers := slices.ContainsFunc(r.pieces, func(p string) bool { return strings.Trim(p, "0123456789") == "" })
		quick := m.salt.quick("u.piece", args)
		queries = append(queries, query{sql: fmt.Sprintf(`INSERT INTO %s (run_uid, register, store, relation, attribute, key_check, quick, hashes, row_keys, passed, addresses, numbers)
SELECT %s, %s, %s, %s, %s, %s::pg_catalog.bytea, COALESCE((SELECT pg_catalog.array_agg(%s) FROM pg_catalog.unnest(%s::pg_catalog.text[]) AS u (piece)), '{}'), %s::pg_catalog.bytea[], %s::pg_catalog.bytea[], %s::pg_catalog.int8, %t, %t`,
			grant.Destroyed, args.add(t.RunUID), args.add(t.Register), args.add(t.Store), args.add(from.relation), args.add(from.attribute), args.add(m.salt.hash(saltedCheck, "")),
			quick, args.add(r.pieces), args.add(r.hashes), args.add(r.rows), args.add(r.passed), addresses, numbers), args: args.values})
	}
	return queries
}
