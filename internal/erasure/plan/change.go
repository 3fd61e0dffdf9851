package plan

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// pseudonymLength is how many characters a pseudonym has: 128 bits in hexadecimal.
const pseudonymLength = 32

// change decides what columns become, and refuses what a constraint forbids.
func (b *builder) change() error {
	for i := range b.plan.Members {
		m := &b.plan.Members[i]
		for k := range m.Keys {
			m.Keys[k].Structural = slices.Contains(m.Table.PrimaryKey, m.Keys[k].Column) || b.referredBy(m.Table, m.Keys[k].Column) != ""
		}
		switch m.Action {
		case v1alpha1.EraseMaskColumns, v1alpha1.EraseDetach:
			changes, refusal := b.changes(i, b.ordered(i))
			if refusal != "" {
				return refuse(task.PlanImpossible, []string{m.Table.Path()}, "%s", refusal)
			}
			m.Changes = changes
		case v1alpha1.EraseDeleteRows, v1alpha1.EraseKeep:
			m.Fallback = b.fallback(i)
		}
	}
	return nil
}

// ordered returns the changes that the register orders.
func (b *builder) ordered(i int) []Change {
	declared := &b.declared[i]
	var out []Change
	if declared.OnErasure == v1alpha1.EraseDetach {
		for _, name := range declared.Detach {
			out = append(out, Change{Column: string(name), Mask: v1alpha1.MaskNull})
		}
		return out
	}
	for _, c := range declared.Columns {
		mask := c.Mask
		if mask == "" {
			mask = v1alpha1.MaskNull
		}
		out = append(out, Change{Column: string(c.Name), Mask: mask, Constant: c.Constant})
	}
	return out
}

// fallback decides what becomes of a row that cannot be deleted since one that stays refers to it: its declared columns
// are masked, and what leads from it to the person is nulled.
func (b *builder) fallback(i int) *Fallback {
	declared := &b.declared[i]
	f := &Fallback{Action: v1alpha1.EraseDetach}
	var wanted []Change
	if len(declared.Columns) > 0 {
		f.Action = v1alpha1.EraseMaskColumns
		wanted = append(wanted, b.ordered(i)...)
	}
	for _, l := range b.plan.Links {
		if l.From != i || !l.Owning {
			continue
		}
		for _, name := range l.Clear {
			if !slices.ContainsFunc(wanted, func(c Change) bool { return c.Column == name }) {
				wanted = append(wanted, Change{Column: name, Mask: v1alpha1.MaskNull})
			}
		}
	}
	f.Changes, f.Refusal = b.changes(i, wanted)
	if f.Refusal == "" && len(f.Changes) == 0 {
		f.Refusal = fmt.Sprintf("%s has no column that could be masked or detached; declare its columns with masks", b.plan.Members[i].Table.Path())
	}
	return f
}

// changes completes a list with the subject keys that it leaves out, since a person must not be found by them
// afterwards, and judges each change. A refusal is a sentence.
func (b *builder) changes(i int, wanted []Change) ([]Change, string) {
	m := &b.plan.Members[i]
	for _, k := range m.Keys {
		if !k.Structural && !slices.ContainsFunc(wanted, func(c Change) bool { return c.Column == k.Column }) {
			wanted = append(wanted, Change{Column: k.Column, Mask: v1alpha1.MaskNull})
		}
	}
	slices.SortFunc(wanted, func(x, y Change) int {
		if x.Column < y.Column {
			return -1
		}
		return 1
	})
	for _, c := range wanted {
		if refusal := b.refusal(m.Table, c); refusal != "" {
			return nil, m.Table.Path() + "." + c.Column + " " + refusal
		}
	}
	return wanted, collision(m.Table, wanted)
}

// refusal says why a column cannot become what is wanted; empty when it can.
func (b *builder) refusal(t *Table, c Change) string {
	column := t.Column(c.Column)
	switch {
	case column.Computed:
		return "is computed by the store; mask the columns that it is computed from"
	case b.referredBy(t, c.Column) != "":
		return "cannot be masked: " + b.referredBy(t, c.Column) + " refers to it; leave it out"
	case c.Mask != v1alpha1.MaskNull && inForeignKey(t, c.Column):
		return "is part of a foreign key; only the mask Null leaves it valid"
	}
	switch c.Mask {
	case v1alpha1.MaskNull:
		if column.NotNull {
			return "is NOT NULL, so it cannot be masked with Null; use Default, Constant or Pseudonym"
		}
	case v1alpha1.MaskDefault:
		if column.NotNull && column.Default == "" {
			return "is NOT NULL and has no default; use Constant or Pseudonym"
		}
	case v1alpha1.MaskConstant:
		return constantRefusal(column, c.Constant)
	case v1alpha1.MaskPseudonym:
		return pseudonymRefusal(column)
	}
	return ""
}

func constantRefusal(column *Column, constant string) string {
	if column.Length > 0 && len([]rune(constant)) > column.Length {
		return fmt.Sprintf("holds %d characters, fewer than its constant has", column.Length)
	}
	if column.Class == Integer {
		if _, err := strconv.ParseInt(constant, 10, 64); err != nil {
			return "is an integer, and its constant is not"
		}
	}
	return ""
}

func pseudonymRefusal(column *Column) string {
	switch {
	case column.Class != Text && column.Class != UUID:
		return "is neither text nor uuid, so it can hold no pseudonym; use Null, Default or Constant"
	case column.Length > 0 && column.Length < pseudonymLength:
		return fmt.Sprintf("holds %d characters, and a pseudonym needs %d; use another mask", column.Length, pseudonymLength)
	default:
		return ""
	}
}

// collision refuses changes that would make two rows alike where the schema wants them unlike.
func collision(t *Table, changes []Change) string {
	alike := func(u Unique, name string) bool {
		return slices.ContainsFunc(changes, func(c Change) bool {
			switch {
			case c.Column != name:
				return false
			case c.Mask == v1alpha1.MaskNull, c.Mask == v1alpha1.MaskDefault && t.Column(name).Default == "":
				return u.NullsNotDistinct
			default:
				return c.Mask != v1alpha1.MaskPseudonym
			}
		})
	}
	for _, u := range t.Uniques {
		if len(u.Columns) > 0 && !slices.ContainsFunc(u.Columns, func(name string) bool { return !alike(u, name) }) {
			return fmt.Sprintf("%s is UNIQUE (%s): its mask would make rows alike; use Pseudonym", columnsOf(t.Path(), u.Columns), u.Name)
		}
	}
	return ""
}

func inForeignKey(t *Table, column string) bool {
	return slices.ContainsFunc(t.ForeignKeys, func(fk ForeignKey) bool { return slices.Contains(fk.Columns, column) })
}

// referredBy returns a foreign key, of any table, that refers to the column; empty when there is none.
func (b *builder) referredBy(t *Table, column string) string {
	for i := range b.schema.Tables {
		for _, fk := range b.schema.Tables[i].ForeignKeys {
			if fk.Schema == t.Schema && fk.Table == t.Name && slices.Contains(fk.ToColumns, column) {
				return columnsOf(b.schema.Tables[i].Path(), fk.Columns)
			}
		}
	}
	return ""
}
