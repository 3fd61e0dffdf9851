package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// around is the white space that forms and imports leave before and after an e-mail address.
var around = [][2]string{
	{"", ""}, {" ", ""}, {"", " "}, {" ", " "}, {"\t", ""}, {"", "\t"}, {"\u00a0", ""}, {"", "\u00a0"}, {"", "\n"}, {"", "\r\n"},
}

// probeCost is how many rows of a table take as long to read, and to write in lower case, as one search in its index.
const probeCost = 8

// finding is how the rows t of a table are found that have identifiers q: these as a table, the condition, and what keeps the
// planner from merging a part of a statement into what is around it.
// Through joins the rows with what they are found by where they hold several identifiers.
type finding struct{ from, where, fence, through string }

// find chooses how people are found by a subject key: by one way, or by two of which each finds others. Addresses may have white space
// around them. Where they are few, an index is asked for each way to write them. Where they are more, it is asked for the addresses alone,
// and the table is read once for texts with white space around them, of which there are few to write in lower case. Where they are many,
// or there is no index, each of the table's texts is trimmed. To read the table finds more white space still. The planner cannot choose: to
// it, lower() is as cheap as a comparison.
func (s *session) find(m *plan.Member, k plan.Key) []finding {
	c, text := m.Table.Holder(k), keyText(m.Table, k)
	if k.Identifier != v1alpha1.IdentifierEmail {
		return []finding{{from: identifiersOf(k.Identifier), where: s.matches(m, k, text, "q"), through: through(m.Table, k)}}
	}
	trimmed := finding{from: identifiersOf(k.Identifier), where: s.matches(m, k, s.trimmed(text), "q"), through: through(m.Table, k)}
	if c.Class != plan.Text || !m.Table.Searchable(k) {
		return []finding{trimmed}
	}
	exact := finding{where: s.matches(m, k, text, "q"), fence: " OFFSET 0"}
	probes := s.kinds[k.Identifier] * probeCost
	switch {
	case m.Table.Rows == 0 || probes*int64(len(s.spaces)) < m.Table.Rows:
		exact.from = s.padded()
		return []finding{exact}
	case probes < m.Table.Rows:
		exact.from = trimmed.from
		trimmed.where = s.trimmed(text) + " OPERATOR(pg_catalog.<>) " + text + " AND " + trimmed.where
		return []finding{exact, trimmed}
	default:
		return []finding{trimmed}
	}
}

// trimmed is a text without the white space around it.
func (s *session) trimmed(text string) string {
	return "pg_catalog.btrim(" + text + ", " + literal(s.blanks) + ")"
}

// matches says that a live row has an identifier, a row of an alias, in the column of a subject key, of which the text is given.
func (s *session) matches(m *plan.Member, k plan.Key, text, identifier string) string {
	if k.Identifier == v1alpha1.IdentifierPhone {
		return "(" + holdsSame(m, k, text, identifier) + " AND NOT " + s.anothers(m, k, identifier+".req") + ")"
	}
	return holdsSame(m, k, text, identifier)
}

// holdsSame says so, whosever the row is.
func holdsSame(m *plan.Member, k plan.Key, text, identifier string) string {
	c, expression := m.Table.Holder(k), column(live, k.Column)
	switch {
	case c.Class == plan.Text && k.Identifier == v1alpha1.IdentifierPhone:
		return "(" + dialled(text, identifier) + ")"
	case c.Class == plan.Text && (c.Fold || k.Identifier == v1alpha1.IdentifierEmail):
		return "(pg_catalog.lower(" + text + ") OPERATOR(pg_catalog.=) " + identifier + ".folded)"
	case c.Class == plan.Integer || c.Class == plan.Numeric:
		return "(" + expression + " OPERATOR(pg_catalog.=) " + identifier + ".number)"
	case c.Class == plan.UUID:
		return "(" + expression + " OPERATOR(pg_catalog.=) " + identifier + ".uuid)"
	default:
		return "(" + text + " OPERATOR(pg_catalog.=) " + identifier + ".value)"
	}
}

// dialled says that a text is a telephone number, a row of an alias.
func dialled(text, identifier string) string {
	return "pg_catalog.regexp_replace(" + text + ", '[^+0-9]+', '', 'g') OPERATOR(pg_catalog.=) " + identifier + ".digits"
}

// anothers says that a live row holds identifiers of somebody else and none of the person's, of kinds that they gave: addresses, or
// keys of the schema. A telephone number may be that of an office or a household, and the row that has it is not theirs; nor is one
// that others' addresses share, unless the number, of the subject key phone, is one of several too. What is in the array within JSON
// where the number is says whose the element e with it is, and not whose the row is. Req is the person; empty for all of the run.
func (s *session) anothers(m *plan.Member, phone plan.Key, req string) string {
	var others, mine, shared []string
	for _, way := range m.Beside(phone) {
		shared = append(shared, s.anothersAddress(textAt("e.x", way), req))
	}
	for _, k := range m.Keys {
		there, text := holds(m.Table, k), keyText(m.Table, k) // of several, addresses alone are asked for
		switch {
		case k.Identifier == v1alpha1.IdentifierEmail:
			there = anyOf(m.Table, k, "pg_catalog.strpos(pg_catalog.concat("+text+"), '@') OPERATOR(pg_catalog.>) 0") // false for NULL
			text = s.trimmed(text)
		case k.Identifier == v1alpha1.IdentifierPhone || !k.Structural:
			continue
		}
		given := "EXISTS (SELECT FROM " + identifiers + " AS y WHERE " + of(k.Identifier, req)
		if !phone.Together(k) {
			others = append(others, "("+there+" AND "+given+"))")
		}
		if k.Several && !phone.Several {
			shared = append(shared, "("+s.anothersItem(m, k)+" AND "+given+"))")
		}
		mine = append(mine, given+" AND "+anyOf(m.Table, k, s.matches(m, k, text, "y"))+")")
	}
	if len(others) > 0 {
		shared = append(shared, "("+strings.Join(others, " OR ")+") AND NOT ("+strings.Join(mine, " OR ")+")")
	}
	if len(shared) == 0 {
		return "false"
	}
	return "(" + strings.Join(shared, " OR ") + ")"
}

// anothersAddress says that a text is an e-mail address that the person did not give, who gave some. Req is as in anothers.
func (s *session) anothersAddress(text, req string) string {
	return fmt.Sprintf("(pg_catalog.strpos(pg_catalog.concat(%s), '@') OPERATOR(pg_catalog.>) 0 AND NOT %s AND EXISTS (SELECT FROM %s AS y WHERE %s))",
		text, s.known(v1alpha1.IdentifierEmail, false, text, req), identifiers, of(v1alpha1.IdentifierEmail, req))
}

// of says that an identifier y is of a kind, and of a person unless req is empty.
func of(kind v1alpha1.IdentifierKind, req string) string {
	condition := "y.kind OPERATOR(pg_catalog.=) " + literal(string(kind))
	if req != "" {
		condition += " AND y.req OPERATOR(pg_catalog.=) " + req
	}
	return condition
}

// identifiersOf is the identifiers of a kind as a table.
func identifiersOf(kind v1alpha1.IdentifierKind) string {
	return fmt.Sprintf("(SELECT i.* FROM %s AS i WHERE i.kind OPERATOR(pg_catalog.=) %s)", identifiers, literal(string(kind)))
}

// padded is the e-mail addresses as a table, each with and without white space around it.
func (s *session) padded() string {
	return fmt.Sprintf("(SELECT i.req, w.before OPERATOR(pg_catalog.||) i.folded OPERATOR(pg_catalog.||) w.after AS folded FROM %s AS i CROSS JOIN (VALUES %s) AS w (before, after) WHERE i.kind OPERATOR(pg_catalog.=) %s)",
		identifiers, strings.Join(s.spaces, ", "), literal(string(v1alpha1.IdentifierEmail)))
}

// learnSpaces finds out which white space the database can hold.
func (s *session) learnSpaces(ctx context.Context) error {
	s.spaces, s.blanks = nil, "\r\n"
	for _, w := range around {
		held, err := s.writable(ctx, w[:])
		if err != nil {
			return err
		}
		if len(held) == len(w) {
			s.spaces = append(s.spaces, "("+literal(w[0])+", "+literal(w[1])+")")
			s.blanks += w[0]
		}
	}
	return nil
}
