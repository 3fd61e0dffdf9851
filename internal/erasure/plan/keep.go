package plan

import (
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// KeepThrough is the reference of a member whose rows have no day of their own, to the row that says how long they are kept.
type KeepThrough struct {
	Link  Link
	Owner *Member `json:"-"`
}

// keptAlone says that a table's rows are kept by a day of their own.
func keptAlone(d *v1alpha1.DatasetTable) bool { return d.Keep != nil && len(d.Keep.Through) == 0 }

// keepThrough finds the rows through which others are kept: an invoice and its lines, which would be an invoice no more without
// them. They are kept alike, so that no row outlives the one that says how long.
func (b *builder) keepThrough() error {
	for i := range b.plan.Members {
		m, d := &b.plan.Members[i], &b.declared[i]
		if d.Keep == nil || keptAlone(d) {
			continue
		}
		name := columnsOf(m.Table.Path(), texts(d.Keep.Through))
		var links []Link
		for _, l := range b.plan.Links {
			if l.From == i && sameSet(l.Columns, texts(d.Keep.Through)) {
				links = append(links, l)
			}
		}
		if len(links) != 1 {
			return refuse(task.PlanImpossible, []string{name}, "keep.through %s is not one reference to a table of the dataset; declare it in references or declare the table", name)
		}
		owner := b.declared[links[0].To].Keep
		if owner == nil || owner.FromColumn != d.Keep.FromColumn || owner.Period != d.Keep.Period {
			return refuse(task.PlanImpossible, []string{name}, "%s is kept through %s, whose rows are not kept for the same period from the same column", name, b.plan.Members[links[0].To].Table.Path())
		}
		m.KeepThrough = &KeepThrough{Link: links[0], Owner: &b.plan.Members[links[0].To]}
	}
	return b.keptByADay()
}

// keptByADay refuses rows that are kept through each other.
func (b *builder) keptByADay() error {
	for i := range b.plan.Members {
		m := &b.plan.Members[i]
		for seen := []*Member{m}; m.KeepThrough != nil; seen = append(seen, m) {
			if m = m.KeepThrough.Owner; slices.Contains(seen, m) {
				return refuse(task.PlanImpossible, []string{m.Table.Path()}, "%s is kept through itself; one of its tables must have the day", m.Table.Path())
			}
		}
	}
	return nil
}

// partNotes names tables whose rows go although all that they belong to is kept: the lines of a bill.
func (b *builder) partNotes() []string {
	var notes []string
	for i := range b.plan.Members {
		m := &b.plan.Members[i]
		var owners []string
		kept := m.Action == v1alpha1.EraseDeleteRows && len(m.Keys) == 0
		for _, l := range b.plan.Links {
			if l.From == i && l.Owning {
				to := &b.plan.Members[l.To]
				owners, kept = append(owners, to.Table.Path()), kept && to.Action == v1alpha1.EraseKeep
			}
		}
		if kept {
			notes = append(notes, "rows of "+m.Table.Path()+" go although those that they belong to are kept: "+list(owners)+"; keep.through keeps them alike")
		}
	}
	return notes
}
