package plan

import (
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// whole returns a table as it must be treated together with its parts: a statement on it reaches their rows too, so that
// their constraints, foreign keys and triggers are its own. A table without parts is returned as it is.
func whole(schema *Schema, live *Table) (*Table, error) {
	heirs := schema.Heirs(live)
	if len(heirs) == 0 {
		return live, nil
	}
	t := *live
	t.Columns, t.Uniques, t.Checks = slices.Clone(t.Columns), slices.Clone(t.Uniques), slices.Clone(t.Checks)
	t.ForeignKeys, t.Triggers = slices.Clone(t.ForeignKeys), slices.Clone(t.Triggers)
	for _, h := range heirs {
		if h.Kind == Foreign {
			return nil, refuse(task.PlanImpossible, []string{h.Path()}, "%s, a part of %s, is a foreign table; its rows are in another store", h.Path(), live.Path())
		}
		t.inherit(h)
	}
	return &t, nil
}

// inherit takes over what a part has beyond the whole, as far as the whole has the columns.
func (t *Table) inherit(h *Table) {
	for i := range t.Columns {
		if c := h.Column(t.Columns[i].Name); c != nil {
			t.Columns[i].NotNull = t.Columns[i].NotNull || c.NotNull
			t.Columns[i].Computed = t.Columns[i].Computed || c.Computed
		}
	}
	for _, u := range h.Uniques {
		if t.has(u.Columns) {
			u.Plain, u.Part = false, h.Path()
			t.Uniques = append(t.Uniques, u)
		}
	}
	for _, check := range h.Checks {
		known := slices.ContainsFunc(t.Checks, func(c Check) bool { return c.Name == check.Name && c.Expression == check.Expression })
		if !known && t.has(check.Columns) {
			t.Checks = append(t.Checks, check)
		}
	}
	for _, fk := range h.ForeignKeys {
		if t.has(fk.Columns) {
			t.ForeignKeys = append(t.ForeignKeys, fk)
		}
	}
	t.Published, t.Subscribed = union(t.Published, h.Published), union(t.Subscribed, h.Subscribed)
	if t.Bare == "" {
		t.Bare = h.Bare
	}
	for _, trigger := range h.Triggers {
		if !slices.Contains(t.Triggers, trigger) {
			t.Triggers = append(t.Triggers, trigger)
		}
	}
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func (t *Table) has(columns []string) bool {
	return !slices.ContainsFunc(columns, func(name string) bool { return t.Column(name) == nil })
}

// refuseParts refuses tables that are treated by another declared one already, and partitions, to which the keys of the
// whole apply.
func (b *builder) refuseParts() error {
	for i := range b.plan.Members {
		t := b.plan.Members[i].Table
		if at, ok := b.partOf[t.name()]; ok {
			return refuse(task.PlanImpossible, []string{t.Path()}, "%s is a part of %s, which is declared and stands for it; take %s out of the dataset", t.Path(), b.plan.Members[at].Table.Path(), t.Path())
		}
		if t.Partition && len(t.Parents) > 0 {
			whole := t.Parents[0].Schema + "." + t.Parents[0].Table
			return refuse(task.PlanImpossible, []string{t.Path()}, "%s is a part of %s; declare %s, which stands for all its parts", t.Path(), whole, whole)
		}
	}
	return nil
}

// parts notes which tables are parts of members.
func (b *builder) parts() {
	b.partOf = map[Name]int{}
	for i := range b.plan.Members {
		for _, h := range b.schema.Heirs(b.plan.Members[i].Table) {
			b.partOf[h.name()] = i
		}
	}
}

// refuseStrangers refuses tables that refer to rows that may go without being treated: their rows would be lost by
// cascade, changed, or would make the delete fail. A reference to a part alone is such a one even from a declared table:
// its keys say nothing about the rows of other parts.
func (b *builder) refuseStrangers() error {
	found := strangers{names: map[string][]string{}, lose: map[Name]bool{}}
	for i := range b.schema.Tables {
		stranger := &b.schema.Tables[i]
		for _, fk := range stranger.ForeignKeys {
			if err := b.refuseStranger(stranger, fk, &found); err != nil {
				return err
			}
		}
	}
	for grew := len(found.lose) > 0; grew; { // the store's cascade goes on from them
		before := found.total
		for i := range b.schema.Tables {
			t := &b.schema.Tables[i]
			if _, part := b.partOf[t.name()]; !part && b.index(t.Schema, t.Name) < 0 {
				found.follow(t)
			}
		}
		grew = found.total > before
	}
	return found.refuse()
}

// follow adds the references of an undeclared table to others that would lose rows.
func (f *strangers) follow(t *Table) {
	for _, fk := range t.ForeignKeys {
		to := Name{fk.Schema, fk.Table}
		if f.lose[to] && to != t.name() && !slices.Contains(f.names[consequence(fk.OnDelete)], columnsOf(t.Path(), fk.Columns)) {
			f.add(t, fk)
		}
	}
}

// strangers are the references of undeclared tables to rows that may go, by what would come of it. They are told all at once,
// since a schema can have a hundred.
type strangers struct {
	first error // what is said of one alone
	names map[string][]string
	lose  map[Name]bool // those that would lose rows
	total int
}

func (f *strangers) add(t *Table, fk ForeignKey) {
	f.total++
	what := consequence(fk.OnDelete)
	f.names[what] = append(f.names[what], columnsOf(t.Path(), fk.Columns))
	f.lose[t.name()] = f.lose[t.name()] || fk.OnDelete == "CASCADE"
}

func (f *strangers) refuse() error {
	if f.total < 2 {
		return f.first
	}
	var names, ways []string
	for _, what := range []string{consequence("CASCADE"), consequence("SET NULL"), consequence("")} {
		if these := f.names[what]; len(these) > 0 {
			names, ways = append(names, these...), append(ways, "Undeclared tables "+what+": "+Fit(these, roomOfNames/len(f.names)))
		}
	}
	return refuse(task.PlanImpossible, names, "%s; these refer to rows that go: declare them in the dataset", strings.Join(ways, ". "))
}

func (b *builder) refuseStranger(stranger *Table, fk ForeignKey, found *strangers) error {
	to, part := b.index(fk.Schema, fk.Table), false
	if to < 0 {
		to, part = b.partAt(Name{fk.Schema, fk.Table})
	}
	if to < 0 || !b.plan.Members[to].MayGo() {
		return nil
	}
	declared := b.index(stranger.Schema, stranger.Name) >= 0
	if at, ok := b.partOf[stranger.name()]; ok && b.plan.Members[at].Table.has(fk.Columns) {
		declared = true // the whole has taken it over
	}
	columns, gone := columnsOf(stranger.Path(), fk.Columns), fk.Schema+"."+fk.Table
	switch {
	case declared && !part:
		return nil
	case part:
		name := "Undeclared table "
		if declared {
			name = "Table "
		}
		return refuse(task.PlanImpossible, []string{columns}, "%s%s, by %s, %s when rows of %s go, which is a part of %s; a reference to a part cannot be followed, let it refer to %s",
			name, stranger.Path(), columns, consequence(fk.OnDelete), gone, b.plan.Members[to].Table.Path(), b.plan.Members[to].Table.Path())
	case found.total == 0:
		found.first = refuse(task.PlanImpossible, []string{columns}, "Undeclared table %s, by %s, %s when rows of %s go; declare it in the dataset",
			stranger.Path(), columns, consequence(fk.OnDelete), gone)
	}
	found.add(stranger, fk)
	return nil
}

// partAt returns the member of which a table is a part; -1 when it is none.
func (b *builder) partAt(n Name) (member int, part bool) {
	if at, ok := b.partOf[n]; ok {
		return at, true
	}
	return -1, false
}

func consequence(onDelete string) string {
	switch onDelete {
	case "CASCADE":
		return "would lose rows by cascade"
	case "SET NULL", "SET DEFAULT":
		return "would be changed"
	default:
		return "would forbid the delete"
	}
}
