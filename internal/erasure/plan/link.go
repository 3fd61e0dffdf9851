package plan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// link gathers the references between members: foreign keys first, then those that the register alone declares.
func (b *builder) link() error {
	for i := range b.plan.Members {
		b.foreignKeys(i)
		if err := b.references(i); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) foreignKeys(from int) {
	table := b.plan.Members[from].Table
	for _, fk := range table.ForeignKeys {
		if to := b.index(fk.Schema, fk.Table); to >= 0 {
			b.plan.Links = append(b.plan.Links, Link{
				Name: fk.Name, From: from, To: to, Columns: fk.Columns, ToColumns: fk.ToColumns, Real: true, Clear: clearable(table, fk),
			})
		}
	}
}

// references adds the declared references. One that a foreign key states already adds nothing.
func (b *builder) references(from int) error {
	table := b.plan.Members[from].Table
	for _, r := range b.declared[from].References {
		schema := string(r.Schema)
		if schema == "" {
			schema = table.Schema
		}
		to := b.index(schema, string(r.Table))
		if to < 0 {
			return refuse(task.PlanImpossible, []string{table.Path()}, "%s declares a reference to %s.%s, which the dataset does not have; add it", table.Path(), schema, r.Table)
		}
		l := Link{From: from, To: to, Columns: texts(r.Columns), ToColumns: texts(r.ToColumns)}
		target := b.plan.Members[to].Table
		for i, name := range l.ToColumns {
			column := target.Column(name)
			if column == nil {
				return refuse(task.ColumnMissing, []string{target.Path() + "." + name}, "%s declares a reference to %s.%s, which the store does not have", table.Path(), target.Path(), name)
			}
			if mine := table.Column(l.Columns[i]); !compares(mine.Class, column.Class) {
				return refuse(task.PlanImpossible, []string{table.Path() + "." + mine.Name}, "%s.%s and %s.%s, which a reference compares, have different types", table.Path(), mine.Name, target.Path(), name)
			}
		}
		if r.Where != nil {
			l.Where = &Condition{Column: string(r.Where.Column), Values: r.Where.Values}
		} else if kind := polymorphic(table, l.Columns); kind != "" {
			return refuse(task.PlanImpossible, []string{columnsOf(table.Path(), l.Columns)},
				"%s seems to lead to several tables, since %s stands beside it: the reference to %s would reach rows of others; give it a where with the values of %s that mean %s",
				columnsOf(table.Path(), l.Columns), kind, target.Path(), kind, target.Path())
		}
		l.Clear = clearable(table, ForeignKey{Columns: l.Columns})
		if !slices.ContainsFunc(b.plan.Links, func(o Link) bool { return o.From == from && o.To == to && sameReference(o, l) }) {
			b.plan.Links = append(b.plan.Links, l)
		}
	}
	return nil
}

// Names of a column that says to which table another one leads, after what both have in common: those of Rails and Laravel
// (commentable_id, commentable_type), Odoo (res_id, res_model), and of Django's generic relations, which are named otherwise.
var (
	leads   = regexp.MustCompile(`(?i)^(.+?)_?(id|uuid|pk|key)$`)
	kinds   = []string{"type", "_type", "type_id", "_type_id", "model", "_model", "kind", "_kind", "class", "_class", "table", "_table"}
	generic = regexp.MustCompile(`(?i)^(object|target)_(id|pk)$`)
	content = regexp.MustCompile(`(?i)^(target_)?content_type(_id)?$`)
)

// polymorphic returns the column that, by its name, says to which of several tables one of these columns leads; empty when
// there is none, or when it is compared too.
func polymorphic(table *Table, columns []string) string {
	for _, name := range columns {
		stem := name
		if parts := leads.FindStringSubmatch(name); parts != nil {
			stem = parts[1]
		}
		for _, c := range table.Columns {
			beside := slices.ContainsFunc(kinds, func(kind string) bool { return strings.EqualFold(c.Name, stem+kind) }) ||
				generic.MatchString(name) && content.MatchString(c.Name)
			if beside && !slices.Contains(columns, c.Name) {
				return c.Name
			}
		}
	}
	return ""
}

// compares tells whether values of two classes can be compared: those of one class, numbers with numbers, and numbers and
// UUIDs with the text in which another table keeps them.
func compares(a, b Class) bool {
	written := func(c Class) bool { return c == Text || c == Integer || c == UUID }
	number := func(c Class) bool { return c == Integer || c == Numeric }
	return a == b || number(a) && number(b) || (a == Text || b == Text) && written(a) && written(b)
}

func sameReference(a, b Link) bool {
	pairs := func(l Link) []string {
		var pairs []string
		for i := range l.Columns {
			pairs = append(pairs, l.Columns[i]+"\x00"+l.ToColumns[i])
		}
		return pairs
	}
	return sameSet(pairs(a), pairs(b))
}

// clearable returns the columns to null so that a row refers to nothing: those that serve this reference alone if there
// are any, else all that may be NULL. A MATCH FULL key is nulled whole or not at all.
func clearable(table *Table, fk ForeignKey) []string {
	var nullable, alone []string
	for _, name := range fk.Columns {
		column := table.Column(name)
		if column.NotNull || column.Computed || slices.Contains(table.PrimaryKey, name) {
			continue
		}
		nullable = append(nullable, name)
		shared := slices.ContainsFunc(table.ForeignKeys, func(other ForeignKey) bool {
			return slices.Contains(other.Columns, name) && !slices.Equal(other.Columns, fk.Columns)
		})
		if !shared {
			alone = append(alone, name)
		}
	}
	switch {
	case fk.MatchFull && len(nullable) < len(fk.Columns):
		return nil
	case fk.MatchFull || len(alone) == 0:
		return nullable
	default:
		return alone
	}
}

// own decides which links make rows belong to a person.
func (b *builder) own() error {
	for i := range b.plan.Members {
		m := &b.plan.Members[i]
		if err := b.ownThrough(i); err != nil {
			return err
		}
		owned := slices.ContainsFunc(b.plan.Links, func(l Link) bool { return l.From == i && l.Owning })
		if !owned && len(m.Keys) == 0 {
			return refuse(task.PlanImpossible, []string{m.Table.Path()},
				"Rows of %s belong to nobody: it has no subjectKeys and no reference to a table of the dataset; add one, or take it out", m.Table.Path())
		}
	}
	for i := range b.plan.Members {
		b.carry(i)
	}
	b.plan.Collect = components(len(b.plan.Members), b.edges(func(l Link) (int, int, bool) { return l.To, l.From, l.Owning }))
	for _, group := range b.plan.Collect {
		for _, i := range group {
			b.plan.Members[i].Cyclic = len(group) > 1 || slices.ContainsFunc(b.plan.Links, func(l Link) bool {
				return l.Owning && l.From == i && l.To == i
			})
		}
	}
	return nil
}

// ownThrough marks the links that the register names, or all when it names none.
func (b *builder) ownThrough(from int) error {
	m, declared := &b.plan.Members[from], b.declared[from].OwnedThrough
	for i := range b.plan.Links {
		if l := &b.plan.Links[i]; l.From == from && !m.Explicit {
			l.Owning = true
		}
	}
	for _, owner := range declared {
		found := false
		for i := range b.plan.Links {
			if l := &b.plan.Links[i]; l.From == from && sameSet(l.Columns, texts(owner.Columns)) {
				l.Owning, found = true, true
			}
		}
		if !found {
			name := columnsOf(m.Table.Path(), texts(owner.Columns))
			return refuse(task.PlanImpossible, []string{name}, "ownedThrough %s is no foreign key to a table of the dataset; declare it in references or declare the table", name)
		}
	}
	return nil
}

// carry notes which columns beyond the row's key others refer to.
func (b *builder) carry(to int) {
	m := &b.plan.Members[to]
	for _, l := range b.plan.Links {
		if l.To != to {
			continue
		}
		for _, name := range l.ToColumns {
			if !slices.Contains(m.RowKey, name) && !slices.Contains(m.Carry, name) {
				m.Carry = append(m.Carry, name)
			}
		}
	}
	slices.Sort(m.Carry)
}

func (b *builder) index(schema, name string) int {
	return slices.IndexFunc(b.plan.Members, func(m Member) bool { return m.Table.Schema == schema && m.Table.Name == name })
}

func (b *builder) edges(of func(Link) (from, to int, ok bool)) [][2]int {
	var edges [][2]int
	for _, l := range b.plan.Links {
		if from, to, ok := of(l); ok {
			edges = append(edges, [2]int{from, to})
		}
	}
	return edges
}

// order puts deletes after those of the rows that refer to what goes, and changes of keys after all else, those of rows
// that refer before those that they refer to: a key that changes carries what refers to it along.
func (b *builder) order() {
	mayGo := func(i int) bool { return b.plan.Members[i].MayGo() }
	groups := components(len(b.plan.Members), b.edges(func(l Link) (int, int, bool) {
		return l.From, l.To, l.Real && mayGo(l.From) && mayGo(l.To)
	}))
	for _, group := range groups {
		if mayGo(group[0]) {
			b.plan.Delete = append(b.plan.Delete, group)
		}
	}
	for _, group := range components(len(b.plan.Members), b.edges(func(l Link) (int, int, bool) { return l.From, l.To, l.Real })) {
		for _, i := range group {
			if b.plan.Members[i].last() {
				b.plan.Last = append(b.plan.Last, i)
			}
		}
	}
}

func texts(names []v1alpha1.Identifier) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return out
}
