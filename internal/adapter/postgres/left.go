package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// left adds to what was found the members in whose texts people would be found after the run: rows of others that name them,
// and columns that the dataset leaves as they are in rows that stay. The verifier will contradict an erasure for each. It returns
// those with rows of others in which people may be named: the law keeps them, or they are shared.
func (v *search) left(ctx context.Context, s *settlement) (rightly []string, err error) {
	v.held = s.held
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		staying, kept := v.staying(i), v.keptText(i)
		ofOthers := "CASE WHEN NOT " + s.reached(i) + " THEN '2000-01-01'::pg_catalog.date END" // any day: it marks them
		following := v.following(m)
		ways := v.byTextOf(m, without(m.Table, following), staying, table(m.Table), "("+s.reached(i)+" OR "+kept+")", ofOthers)
		for _, state := range treated {
			if s.states[i][state] == 0 {
				continue
			}
			changes := changing(m)[state]
			rest := without(m.Table, append(changedColumns(m.Table, changes), following...))
			ways = append(ways, v.byTextOf(m, rest, staying, v.becoming(i, m, changes, state), kept, "NULL::pg_catalog.date")...)
		}
		if err := v.look(ctx, m.Table, m.Action, m.KeepFrom != "", ways); err != nil {
			return nil, err
		}
	}
	for at, e := range v.tally.entries {
		if len(e.until) > 0 {
			rightly = append(rightly, at.Name)
		}
	}
	return rightly, nil
}

// following are the columns by which rows of a member refer to addresses of people: the store lets none stay there that is gone from
// where it leads. A row on legal hold keeps its own, and so does what refers to it.
func (v *search) following(m *plan.Member) (names []string) {
	if len(v.held.holds) > 0 {
		return nil
	}
	for _, fk := range m.Table.ForeignKeys {
		to := slices.IndexFunc(v.plan.Members, func(o plan.Member) bool { return o.Table.Schema == fk.Schema && o.Table.Name == fk.Table })
		unchecked := !fk.Valid || fk.OnUpdate == "DISABLED" || len(fk.Columns) > 1 && !fk.MatchFull // where another column is NULL
		if to < 0 || unchecked || v.plan.Members[to].Action == v1alpha1.EraseKeep {
			continue
		}
		for at, name := range fk.ToColumns {
			if slices.ContainsFunc(v.plan.Members[to].Keys, func(k plan.Key) bool { return k.Column == name && k.Identifier == v1alpha1.IdentifierEmail }) {
				names = append(names, fk.Columns[at])
			}
		}
	}
	return names
}

// rowsOf are the live rows of a member that have a state, as a table: only they are read.
func rowsOf(i int, m *plan.Member, state int) string {
	return fmt.Sprintf("(SELECT t.tableoid, t.ctid, t.* FROM %s AS t JOIN %s AS s ON %s AND s.state OPERATOR(pg_catalog.=) %d)", table(m.Table), setOf(i), sameRow(m, "s"), state)
}

// phones names the telephone keys of members, if the people gave a number, of which one of the questions that ask puts is answered yes.
func (v *search) phones(ctx context.Context, ask func(*plan.Member, plan.Key) []string) ([]string, error) {
	var names []string
	for i := range v.plan.Members {
		m := &v.plan.Members[i]
		for _, k := range m.Keys {
			if k.Identifier != v1alpha1.IdentifierPhone || v.kinds[k.Identifier] == 0 {
				continue
			}
			for _, question := range ask(m, k) {
				var found bool
				if _, err := v.row(ctx, "SELECT EXISTS ("+question+")", nil, &found); err != nil {
					return nil, err
				}
				if found {
					names = append(names, m.Table.Path()+"."+k.Name())
					break
				}
			}
		}
	}
	return names, nil
}

// dialling are the rows of a member with a telephone number of the people, each with whose it is, as q.
func dialling(m *plan.Member, k plan.Key) string {
	return fmt.Sprintf(`SELECT FROM %s AS t%s JOIN %s AS q ON q.kind OPERATOR(pg_catalog.=) '%s' AND %s`,
		table(m.Table), through(m.Table, k), identifiers, k.Identifier, holdsSame(m, k, keyText(m.Table, k), "q"))
}

// alike returns the members with rows that have a telephone number of the people and addresses or keys of others alone: these stay.
func (v *search) alike(ctx context.Context) ([]string, error) {
	return v.phones(ctx, func(m *plan.Member, k plan.Key) []string {
		return []string{dialling(m, k) + " AND " + v.anothers(m, k, "q.req")}
	})
}

// mixed returns the columns with e-mail addresses that nobody of the run gave, in rows that are theirs by an address in another
// column: a message from one person to another is erased for both. Led are those in rows that are theirs by a reference alone:
// second addresses of people, or somebody else whose account has their address.
func (v *search) mixed(ctx context.Context, s *settlement) (names, led []string, err error) {
	for i := range v.plan.Members {
		m := &v.plan.Members[i]
		reached := slices.ContainsFunc(v.plan.Links, func(l plan.Link) bool { return l.From == i && l.Owning })
		for _, k := range m.Keys {
			if k.Identifier != v1alpha1.IdentifierEmail || k.Several || s.mine[i] == 0 {
				continue // others' addresses among several make a row shared
			}
			name := m.Table.Path() + "." + k.Name()
			if slices.ContainsFunc(m.Keys, func(o plan.Key) bool { return o.Identifier == k.Identifier && o.Column != k.Column }) {
				found, err := v.ungiven(ctx, i, k, "s.seed")
				if err != nil {
					return nil, nil, err
				}
				if found {
					names = append(names, name)
				}
			}
			if !reached {
				continue
			}
			found, err := v.ungiven(ctx, i, k, "NOT s.seed")
			if err != nil {
				return nil, nil, err
			}
			if found {
				led = append(led, name)
			}
		}
	}
	return names, led, nil
}

// ungiven tells whether rows of a member that do not stay for the law have, at a key, an address that nobody of the run gave.
func (v *search) ungiven(ctx context.Context, i int, k plan.Key, which string) (found bool, err error) {
	m := &v.plan.Members[i]
	text := keyText(m.Table, k)
	_, err = v.row(ctx, fmt.Sprintf(`SELECT EXISTS (SELECT FROM %s AS t JOIN %s AS s ON %s WHERE %s AND s.state OPERATOR(pg_catalog.<>) %d AND pg_catalog.strpos(%s, '@') OPERATOR(pg_catalog.>) 0
AND NOT EXISTS (SELECT FROM %s AS y WHERE y.kind OPERATOR(pg_catalog.=) '%s' AND %s))`,
		table(m.Table), setOf(i), sameRow(m, "s"), which, stateKeep, text, identifiers, k.Identifier, v.matches(m, k, v.trimmed(text), "y")), nil, &found)
	return found, err
}

// crowds returns the keys by which a person who gave no address is found by a telephone number, beside several addresses in the same
// column: it may be that of an office, all of whose rows go.
func (v *search) crowds(ctx context.Context) ([]string, error) {
	return v.phones(ctx, func(m *plan.Member, k plan.Key) (questions []string) {
		for _, a := range m.Keys {
			if a.Identifier != v1alpha1.IdentifierEmail || a.Several && !k.Together(a) {
				continue
			}
			text := keyText(m.Table, a)
			if a.Several {
				_, way, _ := plan.Split(a.Path)
				text = textAt("e.x", way)
			}
			questions = append(questions, dialling(m, k)+fmt.Sprintf(`
WHERE pg_catalog.strpos(%s, '@') OPERATOR(pg_catalog.>) 0 AND NOT EXISTS (SELECT FROM %s AS y WHERE %s) GROUP BY q.req HAVING pg_catalog.count(DISTINCT pg_catalog.lower(%s)) OPERATOR(pg_catalog.>) 1`,
				text, identifiers, of(v1alpha1.IdentifierEmail, "q.req"), v.trimmed(text)))
		}
		return questions
	})
}

// becoming are the live rows of a member that have a state, with the rest of each document and array of which values change.
func (s *session) becoming(i int, m *plan.Member, changes []plan.Change, state int) string {
	if !slices.ContainsFunc(changes, func(c plan.Change) bool { return c.Mask == "" }) {
		return rowsOf(i, m, state)
	}
	parts := []string{"t.tableoid", "t.ctid"}
	for _, c := range m.Table.Columns {
		expression := column("t", c.Name)
		if at := slices.IndexFunc(changes, func(x plan.Change) bool { return x.Column == c.Name && x.Mask == "" }); at >= 0 {
			expression = s.parted(&c, changes[at], func(int, string, string) string { return "''::pg_catalog.text" })
		}
		parts = append(parts, expression+" AS "+quote(c.Name))
	}
	return "(SELECT " + strings.Join(parts, ", ") + " FROM " + rowsOf(i, m, state) + " AS t)"
}

// changedColumns are those that change as a whole, and the generated ones that follow any change.
func changedColumns(t *plan.Table, changes []plan.Change) []string {
	var names []string
	for _, c := range changes {
		if c.Mask != "" {
			names = append(names, c.Column)
		}
		for _, g := range t.Columns {
			if slices.Contains(g.From, c.Column) {
				names = append(names, g.Name)
			}
		}
	}
	return names
}

// unsearched names the columns of all tables into which nobody looks, or only in part: bytes, as far as they are text; numbers of
// large objects, if the store has any; and vectors of words, in which an identifier is one word and a name is several.
func (s *session) unsearched(ctx context.Context, schema *plan.Schema) (notes []string, err error) {
	var columns, texts, numbers, vectors []string
	for i := range schema.Tables {
		t := &schema.Tables[i]
		if !t.Stores() || t.Partition {
			continue
		}
		for _, c := range t.Columns {
			switch name := t.Path() + "." + c.Name; {
			case c.Bytes && c.Searchable:
				texts = append(texts, name)
			case c.Bytes:
				columns = append(columns, name)
			case c.Object:
				numbers = append(numbers, name)
			case c.Vector && len(c.From) == 0: // what is computed from columns has no other words than these
				vectors = append(vectors, name)
			}
		}
	}
	var objects bool
	if _, err := s.row(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)`, nil, &objects); err != nil {
		return nil, err
	}
	switch {
	case objects && len(numbers) > 0:
		notes = append(notes, "large objects are not searched, and stay when rows go that refer to them: "+list(numbers))
	case objects:
		notes = append(notes, "large objects are not searched")
	}
	if len(vectors) > 0 {
		notes = append(notes, "vectors of words are searched for identifiers alone, and not for names and other values: "+list(vectors))
	}
	if len(texts) > 0 {
		notes = append(notes, "bytes are searched only where they are text of at most 1 MiB: "+list(texts))
	}
	if len(columns) > 0 {
		notes = append(notes, "bytes are not searched: "+list(columns))
	}
	joint, err := s.jointSamples(ctx)
	if len(joint) > 0 {
		notes = append(notes, "statistics of several columns or of expressions keep values until the owner runs ANALYZE, and are not searched: "+list(joint))
	}
	return notes, err
}
