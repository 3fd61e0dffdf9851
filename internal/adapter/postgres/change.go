package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// arguments gathers the bind parameters of a statement.
type arguments struct{ values []any }

// add returns the placeholder of a value.
func (a *arguments) add(value any) string {
	a.values = append(a.values, value)
	return "$" + strconv.Itoa(len(a.values))
}

// numbered is the set of a member with a number per row, from which pseudonyms are made.
func numbered(i, state int) string {
	return fmt.Sprintf("(SELECT *, pg_catalog.row_number() OVER () AS number FROM %s WHERE state OPERATOR(pg_catalog.=) %d)", setOf(i), state)
}

// becomes is the right side of SET for a change. Text is assigned uncast, so that a value that is too long is an error
// and not cut.
func (s *settlement) becomes(m *plan.Member, c plan.Change, args *arguments) string {
	target := m.Table.Column(c.Column)
	if c.Mask == "" {
		return s.parted(target, c, func(k int, _, element string) string {
			text := s.digits(m, c.Column, strconv.Itoa(k), element, 32, args)
			return suffixed(text, c.Within[k].Suffix, args)
		})
	}
	switch c.Mask {
	case v1alpha1.MaskDefault:
		return "DEFAULT"
	case v1alpha1.MaskConstant:
		if target.Class == plan.Text {
			return args.add(c.Constant) + "::pg_catalog.text"
		}
		return "CAST(" + args.add(c.Constant) + "::pg_catalog.text AS " + target.Type + ")"
	case v1alpha1.MaskPseudonym:
		text := s.pseudonym(m, c, args)
		if target.Class == plan.UUID {
			return "CAST(" + text + " AS " + target.Type + ")"
		}
		return text
	default:
		return "NULL"
	}
}

// preview is the value of a change as an expression, for judging constraints.
func (s *settlement) preview(m *plan.Member, c plan.Change, args *arguments) string {
	target := m.Table.Column(c.Column)
	switch {
	case c.Mask == v1alpha1.MaskNull, c.Mask == v1alpha1.MaskDefault && target.Default == "":
		return "NULL::" + target.Type
	case c.Mask == v1alpha1.MaskDefault:
		return "CAST((" + target.Default + ") AS " + target.Type + ")"
	default:
		return "CAST(" + s.becomes(m, c, args) + " AS " + target.Type + ")"
	}
}

// pseudonym is hexadecimal digits, and a suffix where the plan says so, one per row and column: a hash of the run's
// secret, the place of the column and the number of the row. None depends on the person, and the secret is forgotten with
// the run, so nobody can undo it.
func (s *settlement) pseudonym(m *plan.Member, c plan.Change, args *arguments) string {
	return suffixed(s.digits(m, c.Column, "", "", c.Digits, args), c.Suffix, args)
}

// digits are so many of the hash. Within a column there are several: of each edit, and of each element by its number.
func (s *settlement) digits(m *plan.Member, column, edit, element string, n int, args *arguments) string {
	place := m.Table.Path() + "/" + strconv.Itoa(slices.IndexFunc(m.Table.Columns, func(x plan.Column) bool { return x.Name == column }))
	if edit != "" {
		place += "/" + edit
	}
	numbers := "pg_catalog.int8send(s.number)"
	if element != "" {
		numbers += " OPERATOR(pg_catalog.||) pg_catalog.int8send(" + element + ")"
	}
	return fmt.Sprintf("pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(%s::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.convert_to(%s::pg_catalog.text, 'UTF8') OPERATOR(pg_catalog.||) %s), 'hex'), 1, %d)",
		args.add(s.pseudo), args.add(place), numbers, n)
}

func suffixed(text, suffix string, args *arguments) string {
	if suffix == "" {
		return text
	}
	return "(" + text + " OPERATOR(pg_catalog.||) " + args.add(suffix) + "::pg_catalog.text)"
}

// sample is a value such as a change makes, for asking the column's type whether it accepts it.
func sample(m *plan.Member, c plan.Change, args *arguments) string {
	target := m.Table.Column(c.Column)
	switch {
	case c.Mask == v1alpha1.MaskConstant:
		return args.add(c.Constant) + "::pg_catalog.text"
	case c.Mask == v1alpha1.MaskPseudonym:
		return args.add(strings.Repeat("0", c.Digits)+c.Suffix) + "::pg_catalog.text"
	case c.Mask == v1alpha1.MaskDefault && target.Default != "":
		return "(" + target.Default + ")"
	default:
		return "NULL"
	}
}

// looksMasked says that the live row t looks as a change leaves it. A default cannot be told from other values.
func (s *session) looksMasked(m *plan.Member, c plan.Change, args *arguments) string {
	target := m.Table.Column(c.Column)
	value := column("t", c.Column)
	switch {
	case len(c.Elements) > 0:
		return s.looksWithoutPeople(target, c.Elements)
	case c.Mask == "":
		return s.looksEdited(target, c.Within)
	}
	switch {
	case c.Mask == v1alpha1.MaskNull, c.Mask == v1alpha1.MaskDefault && target.Default == "":
		return value + " IS NULL"
	case c.Mask == v1alpha1.MaskConstant:
		return fmt.Sprintf("COALESCE(%s::pg_catalog.text OPERATOR(pg_catalog.=) CAST(%s::pg_catalog.text AS %s)::pg_catalog.text, false)", value, args.add(c.Constant), target.Type)
	case c.Mask == v1alpha1.MaskPseudonym && target.Class == plan.Text:
		return fmt.Sprintf("COALESCE(%s::pg_catalog.text OPERATOR(pg_catalog.~) '^[0-9a-f]{%d}%s$', false)", value, c.Digits, strings.ReplaceAll(c.Suffix, ".", "[.]"))
	default:
		return ""
	}
}
