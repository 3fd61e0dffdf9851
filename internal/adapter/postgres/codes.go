package postgres

import (
	"slices"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// staying are the columns of a member that rightly hold an identifier where a row stays: keys of the schema, which are judged
// by themselves, and what refers to such keys.
func (v *search) staying(i int) []string {
	var columns []string
	structural := func(m *plan.Member, name string) bool {
		return slices.ContainsFunc(m.Keys, func(k plan.Key) bool { return k.Column == name && k.Structural })
	}
	m := &v.plan.Members[i]
	for _, k := range m.Keys {
		if k.Structural {
			columns = append(columns, k.Column)
		}
	}
	for _, l := range v.plan.Links {
		for n, name := range l.Columns {
			if l.From == i && structural(&v.plan.Members[l.To], l.ToColumns[n]) {
				columns = append(columns, name)
			}
		}
	}
	return columns
}

// byTextOf returns the searches of some columns of a member, those of a table, of which some rightly hold a code: in these addresses
// and telephone numbers alone are looked for. A user's name can be their address, and a column that refers to users can hold
// something else where a kind beside it says so.
func (v *search) byTextOf(m *plan.Member, t *plan.Table, staying []string, from, kept, until string) []string {
	ways := v.byOwnText(m, without(t, staying), from, kept, until)
	codes := *t
	codes.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c plan.Column) bool { return !slices.Contains(staying, c.Name) })
	if len(codes.Columns) == 0 {
		return ways
	}
	apart := *v
	apart.terms = v.terms.withoutCodes()
	return append(ways, apart.byOwnText(m, &codes, from, kept, until)...)
}

// without is a table that lacks some columns.
func without(t *plan.Table, columns []string) *plan.Table {
	if len(columns) == 0 {
		return t
	}
	rest := *t
	rest.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c plan.Column) bool { return slices.Contains(columns, c.Name) })
	return &rest
}
