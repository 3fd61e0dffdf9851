package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Verify looks, as the verifier on a new connection, for the people by every identifier, in declared tables and in those
// that the dataset forgot. What the law keeps is counted; anything else that is found contradicts the erasure.
func (e *Engine) Verify(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome {
	o, err := e.verify(ctx, t, people)
	return e.outcome(task.Verify, o, err)
}

func (e *Engine) verify(ctx context.Context, t task.Task, people []subject.Subject) (task.Outcome, error) {
	s, err := open(ctx, e.Config)
	if err != nil {
		return task.Outcome{}, err
	}
	defer s.close()
	if err := s.weak(ctx, t.Dataset); err != nil {
		return task.Outcome{}, err
	}
	schema, err := s.catalogue(ctx)
	if err != nil {
		return task.Outcome{}, err
	}
	p, err := plan.New(t.Dataset, schema)
	if err != nil {
		return task.Outcome{}, err
	}
	if err := s.readOnly(ctx, p); err != nil {
		return task.Outcome{}, err
	}
	strangers, unseen, err := s.beyond(ctx, t.Dataset, p, schema)
	if err != nil {
		return task.Outcome{}, err
	}
	if err := s.privileged(ctx, reads(p)); err != nil {
		return task.Outcome{}, err
	}
	v := &search{session: s, plan: p, asOf: day(t.AsOf), tally: newTally(len(t.Requests))}
	if err := s.all(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE"); err != nil {
		return task.Outcome{}, err
	}
	if err := v.load(ctx, people); err != nil {
		return task.Outcome{}, err
	}
	if v.held, err = s.loadHolds(ctx, p, t.Holds); err != nil {
		return task.Outcome{}, err
	}
	if v.values, err = s.recollect(ctx, t); err != nil {
		return task.Outcome{}, err
	}
	if err := s.all(ctx, "SET TRANSACTION READ ONLY"); err != nil {
		return task.Outcome{}, err
	}
	if err := v.members(ctx); err != nil {
		return task.Outcome{}, err
	}
	if err := v.strangers(ctx, strangers); err != nil {
		return task.Outcome{}, err
	}
	if err := s.stillOpen(ctx, p); err != nil {
		return task.Outcome{}, err
	}
	v.addReturned()
	names, notes, err := v.beside(ctx, schema, people, unseen)
	if err != nil {
		return task.Outcome{}, err
	}
	return v.verdict(t, t.Connection.Bound(p.Digest), names, notes)
}

// beside is what is said beside a verdict, whatever that is: the tables and columns that it is about, and the words.
func (v *search) beside(ctx context.Context, schema *plan.Schema, people []subject.Subject, unseen []string) (names, notes []string, err error) {
	copies, notes := v.values.notes()
	notes = append(v.plan.Unsought(gave(people)), notes...)
	if len(unseen) > 0 {
		notes = append(notes, "Not searched, since the verifier may not read them: "+list(unseen))
	}
	sampled, err := v.statistics(ctx, schema)
	if len(sampled) > 0 {
		notes = append(notes, "The planner's statistics still name people, until the owner runs ANALYZE on "+list(sampled))
	}
	return slices.Concat(copies, unseen, sampled), notes, err
}

// search looks for people and remembers what it found.
type search struct {
	*session
	plan     *plan.Plan
	asOf     time.Time
	tally    *tally
	terms    terms
	held     *held
	values   *remains // that were destroyed
	found    []string // tables in which somebody was found who should not be
	foundAll int64    // rows of these
	stale    []string // of these, materialised views
}

// words is the temporary table of what is looked for in text: whole tokens by kind, or parts of the text.
const words = "pg_temp.rempart_words"

func (v *search) load(ctx context.Context, people []subject.Subject) error {
	load, err := v.session.load(ctx, people)
	if err != nil {
		return err
	}
	if err := v.makeTemporary(ctx, []string{makeIdentifiers}, load...); err != nil {
		return err
	}
	return v.loadWords(ctx, people)
}

// loadWords copies what is looked for in text into a temporary table.
func (v *search) loadWords(ctx context.Context, people []subject.Subject) error {
	if err := v.makeTemporary(ctx, []string{`CREATE TEMPORARY TABLE ` + words + ` (req pg_catalog.int4 NOT NULL, kind pg_catalog.text NOT NULL, word pg_catalog.text NOT NULL) ON COMMIT DROP`}); err != nil {
		return err
	}
	var rows [][]any
	for req, person := range people {
		for _, t := range termsOf(person) {
			written, err := v.writable(ctx, []string{t.word})
			if err != nil {
				return err
			}
			for _, word := range written {
				v.terms = v.terms.with(t.kind, word)
				rows = append(rows, []any{int32(req), string(t.kind), word})
			}
		}
	}
	if _, err := v.conn.CopyFrom(ctx, pgx.Identifier{"pg_temp", "rempart_words"}, []string{"req", "kind", "word"}, pgx.CopyFromRows(rows)); err != nil {
		return failure(err)
	}
	// Case is folded by the database, as it folds the text.
	return v.all(ctx, fmt.Sprintf(`UPDATE %s SET word = pg_catalog.lower(word) WHERE kind OPERATOR(pg_catalog.<>) '%s'`, words, termExact), "ANALYZE "+words)
}

// members searches the tables of the dataset.
func (v *search) members(ctx context.Context) error {
	if err := v.dropShared(ctx); err != nil {
		return err
	}
	for i := range v.plan.Members {
		m := &v.plan.Members[i]
		ways := append(v.byKey(i), v.byTextOf(m, m.Table, v.staying(i), table(m.Table), v.keptText(i), until(m))...)
		if err := v.look(ctx, m.Table, m.Action, m.Action == v1alpha1.EraseKeep, ways); err != nil {
			return err
		}
		if err := v.compare(ctx, v.texts(i, false)); err != nil {
			return err
		}
	}
	return nil
}

// add remembers rows that should not be there.
func (v *search) add(table string, rows int64) {
	if v.foundAll += rows; rows > 0 && !slices.Contains(v.found, table) {
		v.found = append(v.found, table)
	}
}

// look runs the one query of a table. Its rows count once, however often a person is found in them. Keeps says that the
// table's rows have a keep period.
func (v *search) look(ctx context.Context, t *plan.Table, action v1alpha1.TableErasure, keeps bool, ways []string) error {
	if action == v1alpha1.EraseDeleteRows {
		action = v1alpha1.EraseDetach // a row that is kept in such a table is another person's too
	}
	if len(ways) == 0 {
		return nil
	}
	sql := fmt.Sprintf(`WITH hits AS (%s), per_row AS (SELECT req, o, c, pg_catalog.bool_and(kept) AS kept, pg_catalog.max(until) AS until FROM hits GROUP BY req, o, c)
SELECT req, kept, pg_catalog.count(*), pg_catalog.max(until) FROM per_row GROUP BY req, kept`, strings.Join(ways, " UNION ALL "))
	var (
		req   int
		kept  bool
		rows  int64
		until *time.Time
		args  []any
	)
	if keeps {
		args = []any{v.asOf} // only keep periods are judged by the day
	}
	return v.rows(ctx, sql, args, []any{&req, &kept, &rows, &until}, func() error {
		if kept {
			v.tally.add(t.Path(), action, req, rows, until)
		} else {
			v.add(t.Path(), rows)
		}
		until = nil
		return nil
	})
}

// verdict is the answer. One who is told that people were found again is told of second copies too: they are for the same person to mend.
func (v *search) verdict(t task.Task, digest string, names, notes []string) (task.Outcome, error) {
	if v.foundAll > 0 {
		message := fmt.Sprintf("People were found again: %d rows in %s", v.foundAll, plan.Fit(v.found, 2*roomOfNames)) + v.advice()
		if room := task.MaxMessage - len(message) - len(". "); len(notes) > 0 && room > leastOfNotes {
			message += ". " + plan.Summary(notes, room)
		}
		return task.Outcome{}, &task.Failure{Reason: task.Contradicted, Names: slices.Concat(v.found, names), Message: message}
	}
	o := task.Outcome{PlanDigest: digest, Names: names, Message: plan.Summary(notes, task.MaxMessage)}
	o.Tables, o.Requests = v.tally.result(t.Requests)
	return o, nil
}

// leastOfNotes is the room for notes beside a contradiction below which they would say nothing.
const leastOfNotes = 60

// byKey returns the searches of a table by its subject keys.
func (v *search) byKey(i int) []string {
	m := &v.plan.Members[i]
	var ways []string
	for _, k := range m.Keys {
		if v.kinds[k.Identifier] == 0 {
			continue
		}
		for _, way := range v.find(m, k) {
			ways = append(ways, fmt.Sprintf(`SELECT q.req, r.* FROM %s AS q CROSS JOIN LATERAL (SELECT t.tableoid AS o, t.ctid AS c, %s AS kept, %s AS until FROM %s AS t%s WHERE %s%s) AS r`,
				way.from, v.keptKey(i, k), until(m), table(m.Table), way.through, way.where, way.fence))
		}
	}
	return ways
}

// keptKey says that a row found by a subject key is rightly there: its keep period runs, or the key is part of the
// schema's structure and all that could be masked was.
func (v *search) keptKey(i int, k plan.Key) string {
	m := &v.plan.Members[i]
	ways := []string{v.keptPeriod(i)}
	if k.Structural {
		for state, changes := range changing(m) {
			refused := state == stateFallback && m.Fallback.Refusal != "" // no row is left so
			if state != stateTake && !refused {                           // a key of the schema is no array
				ways = append(ways, v.masked(m, changes))
			}
		}
	}
	return "(" + strings.Join(ways, " OR ") + ")"
}

// keptPeriod says that a row is on legal hold, or that its keep period runs.
func (v *search) keptPeriod(i int) string {
	m, held := &v.plan.Members[i], v.held.rightly(i, "t")
	if m.Action != v1alpha1.EraseKeep {
		return held
	}
	last := until(m)
	return fmt.Sprintf("(COALESCE(%s OPERATOR(pg_catalog.>=) $1::pg_catalog.date, true) OR %s)", last, held)
}

// masked says that a row looks as its masks leave it, as far as that can be seen without the values of constants.
func (s *session) masked(m *plan.Member, changes []plan.Change) string {
	parts := []string{"true"}
	for _, c := range changes {
		if c.Mask == v1alpha1.MaskConstant {
			continue
		}
		if part := s.looksMasked(m, c, &arguments{}); part != "" {
			parts = append(parts, part)
		}
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// keptText says that a row in whose text a person was found is rightly there: its keep period runs, or it is of a table
// whose rows can be shared and it still belongs to somebody.
func (v *search) keptText(i int) string {
	m := &v.plan.Members[i]
	var owned []string
	for _, l := range v.plan.Links {
		if l.From == i && l.Owning {
			owned = append(owned, "("+set(l, "t")+")")
		}
	}
	if m.Explicit || len(owned) < 2 {
		return v.keptPeriod(i)
	}
	return "(" + v.keptPeriod(i) + " OR " + strings.Join(owned, " OR ") + ")"
}

// byOwnText returns the searches of rows of a member of the dataset in some of its columns. A telephone number may be of somebody else too.
func (v *search) byOwnText(m *plan.Member, t *plan.Table, from, kept, until string) []string {
	var phones, rest []string
	for _, c := range t.Columns {
		if slices.ContainsFunc(m.Keys, func(k plan.Key) bool {
			return k.Column == c.Name && len(k.Path) == 0 && k.Identifier == v1alpha1.IdentifierPhone
		}) {
			phones = append(phones, c.Name)
		} else {
			rest = append(rest, c.Name)
		}
	}
	ways := v.byText(without(t, phones), v.sparing(m, from), kept, until)
	if len(phones) > 0 {
		ways = append(ways, v.byText(without(t, rest), from, "("+kept+" OR "+v.anothers(m, plan.Key{}, "")+")", until)...)
	}
	return ways
}

// byText returns the searches of a table in its columns that can hold text, and for whole values in those of UUIDs and of
// addresses of the Internet too.
func (v *search) byText(t *plan.Table, from, kept, until string) []string {
	var parts, bare, exact, structures []string
	for _, c := range t.Columns {
		text := textOf(&c, "t")
		switch {
		case c.Elements():
			structures = append(structures, text)
		case c.Exact():
			exact = append(exact, "("+text+")")
		}
		if !c.Searchable {
			continue
		}
		bare = append(bare, text)
		if c.JSON {
			text = `pg_catalog.regexp_replace(` + text + `, '\\([bfnrt]|u(00[01][0-9a-fA-F]|00[aA]0|200[0-9a-fA-F]|[fF][eE][fF][fF]))', ' ', 'g')` // an escaped line end is no letter
		}
		parts = append(parts, text)
	}
	// The text of a row is put together once, which OFFSET 0 is for: else it would be at each place that asks for it. Whose row it is,
	// is asked only of those in which somebody was found.
	rows := fmt.Sprintf(`SELECT w.req, t.tableoid AS o, t.ctid AS c, %s AS kept, %s AS until FROM %s AS t CROSS JOIN LATERAL (SELECT pg_catalog.lower(pg_catalog.concat_ws(E'\n', %s)) AS txt OFFSET 0) AS r`,
		kept, until, from, strings.Join(parts, ", "))
	var ways []string
	within := len(parts) > 0 // there is text to look into
	if within && v.terms.emails {
		tokens := `(pg_catalog.btrim(found.m, ` + marks + `))`
		if v.terms.marked {
			tokens += `, (pg_catalog.rtrim(found.m, ` + marks + `))`
		}
		at := `'@'`
		if v.terms.single() { // which texts that are not taken apart cannot have
			at = fmt.Sprintf("(SELECT x.word FROM %s AS x WHERE x.kind OPERATOR(pg_catalog.=) '%s' ORDER BY pg_catalog.octet_length(x.word) LIMIT 1)", words, termEmail)
		}
		// A function in the list of what is selected gives its rows one by one; in FROM they would be stored first.
		ways = append(ways, rows+fmt.Sprintf(` CROSS JOIN LATERAL (SELECT (pg_catalog.regexp_matches(CASE WHEN %[1]s THEN %[2]s ELSE r.txt END, %[3]s, 'g'))[1] AS m) AS found CROSS JOIN LATERAL (VALUES %[4]s) AS token (word) JOIN %[5]s AS w ON w.kind OPERATOR(pg_catalog.=) '%[6]s' AND w.word OPERATOR(pg_catalog.=) token.word WHERE %[7]s AND (pg_catalog.strpos(r.txt, %[8]s) OPERATOR(pg_catalog.>) 0 OR %[1]s)`,
			encoded("r.txt"), decoded("r.txt"), emailToken, tokens, words, termEmail, oneOf(bare, emailHint), at))
	}
	if within && v.terms.phones { // as written, and with what people write between digits taken out
		for _, text := range []string{"r.txt", `pg_catalog.regexp_replace(r.txt, ` + phoneGap + `, '\1', 'g')`} {
			ways = append(ways, rows+fmt.Sprintf(` CROSS JOIN LATERAL pg_catalog.regexp_matches(%s, %s, 'g') AS found (m) JOIN %s AS w ON w.kind OPERATOR(pg_catalog.=) '%s' AND w.word OPERATOR(pg_catalog.=) found.m[1] WHERE %s`, text, phoneToken, words, termPhone, oneOf(bare, phoneHint)))
		}
	}
	for _, code := range v.terms.tokens() {
		if within {
			ways = append(ways, rows+fmt.Sprintf(` CROSS JOIN LATERAL pg_catalog.regexp_matches(r.txt, %s, 'g') AS found (m) JOIN %s AS w ON w.kind OPERATOR(pg_catalog.=) '%s' AND w.word OPERATOR(pg_catalog.=) %s WHERE %s`,
				code.token, words, code.kind, code.word, oneOf(bare, code.hint)))
		}
	}
	if within && v.terms.parts {
		ways = append(ways, rows+fmt.Sprintf(` JOIN %s AS w ON w.kind OPERATOR(pg_catalog.=) '%s' AND pg_catalog.strpos(r.txt, w.word) OPERATOR(pg_catalog.>) 0`, words, termPart))
	}
	if len(exact) > 0 && v.terms.exact {
		ways = append(ways, fmt.Sprintf(`SELECT w.req, t.tableoid AS o, t.ctid AS c, %s AS kept, %s AS until FROM %s AS t CROSS JOIN LATERAL (VALUES %s) AS value (txt) JOIN %s AS w ON w.kind OPERATOR(pg_catalog.=) '%s' AND w.word OPERATOR(pg_catalog.=) value.txt`,
			kept, until, from, strings.Join(exact, ", "), words, termExact))
	}
	if len(structures) > 0 && v.terms.exact {
		ways = append(ways, fmt.Sprintf(`SELECT w.req, r.o, r.c, r.kept, r.until FROM (SELECT t.tableoid AS o, t.ctid AS c, %s AS kept, %s AS until, %s AS txt FROM %s AS t) AS r JOIN %s AS w ON w.kind OPERATOR(pg_catalog.=) '%s' AND %s`,
			kept, until, elements(`pg_catalog.concat_ws(',', `+strings.Join(structures, ", ")+`)`), from, words, termExact, element("r.txt", "w.word")))
	}
	return ways
}
