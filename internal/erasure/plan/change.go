package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// A pseudonym has 128 bits in hexadecimal where the column has room, and never fewer than 48, so that two of a table are
// not alike.
const longestPseudonym, shortestPseudonym = 32, 12

// addressSuffix makes a pseudonym that a CHECK takes for an address. Nobody can own the domain (RFC 2606).
const addressSuffix = "@erased.invalid"

// change decides what columns become, and refuses what a constraint forbids: the first thing of each table, of all tables at once.
func (b *builder) change() error {
	var names, refusals []string
	for i := range b.plan.Members {
		m := &b.plan.Members[i]
		var done []Change
		switch m.Action {
		case v1alpha1.EraseMaskColumns, v1alpha1.EraseDetach:
			changes, refusal := b.changes(i, b.ordered(i))
			if refusal != "" {
				names, refusals = append(names, m.Table.Path()), append(refusals, refusal)
			}
			m.Changes, done = changes, changes
		case v1alpha1.EraseDeleteRows, v1alpha1.EraseKeep:
			m.Fallback = b.fallback(i)
			done = m.Fallback.Changes
		}
		if err := b.take(i); err != nil {
			return err
		}
		for k := range m.Keys {
			key := m.Keys[k].Column
			m.Keys[k].Structural = b.structural(m.Table, key) && !changed(done, key) && !follows(m.Table, key, done)
		}
	}
	if len(refusals) > 0 {
		return refuse(task.PlanImpossible, names, "%s", Summary(refusals, task.MaxMessage))
	}
	return nil
}

// structural tells whether a column is part of the primary key or referred to.
func (b *builder) structural(t *Table, column string) bool {
	return slices.Contains(t.PrimaryKey, column) || b.referredBy(t, column) != ""
}

// follows tells whether a generated column is computed from one that changes.
func follows(t *Table, column string, changes []Change) bool {
	return slices.ContainsFunc(t.Column(column).From, func(name string) bool { return changed(changes, name) })
}

// computedFrom lists the generated columns that are computed from a column.
func computedFrom(t *Table, column string) []string {
	var names []string
	for _, c := range t.Columns {
		if slices.Contains(c.From, column) {
			names = append(names, c.Name)
		}
	}
	return names
}

func changed(changes []Change, column string) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Column == column })
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
	for k := range declared.Columns {
		c := &declared.Columns[k]
		if c.Mask == "" && slices.ContainsFunc(b.plan.Members[i].Keys, func(k Key) bool { return k.Column == string(c.Name) && k.Several && len(k.Path) == 0 }) {
			continue // the person's elements go: see complete
		}
		if len(c.Within) > 0 {
			out = append(out, Change{Column: string(c.Name), Within: edits(c)})
			continue
		}
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
			if !changed(wanted, name) {
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
	keys := slices.Clone(m.Keys)
	slices.SortStableFunc(keys, func(x, y Key) int { // generated ones may follow the others
		return len(m.Table.Column(x.Column).From) - len(m.Table.Column(y.Column).From)
	})
	for _, k := range keys {
		switch {
		case (len(k.Path) > 0 || k.Several) && !b.structural(m.Table, k.Column) && !follows(m.Table, k.Column, wanted):
			wanted = m.complete(wanted, k)
		case changed(wanted, k.Column) || follows(m.Table, k.Column, wanted):
		case !b.structural(m.Table, k.Column):
			wanted = append(wanted, Change{Column: k.Column, Mask: v1alpha1.MaskNull})
		case k.Identifier == v1alpha1.IdentifierEmail || k.Identifier == v1alpha1.IdentifierPhone:
			return nil, b.exposed(m.Table, k)
		}
	}
	slices.SortFunc(wanted, func(x, y Change) int {
		if x.Column < y.Column {
			return -1
		}
		return 1
	})
	for n := range wanted {
		c := &wanted[n]
		column := m.Table.Column(c.Column)
		refusal := ""
		if c.Mask == "" {
			refusal = b.partRefusal(m, *c)
		} else {
			refusal = b.refusal(m.Table, *c)
		}
		if refusal != "" {
			return nil, m.Table.Path() + "." + c.Column + " " + refusal
		}
		for _, name := range append(computedFrom(m.Table, c.Column), c.Column) {
			c.Last = c.Last || slices.Contains(m.RowKey, name) || b.structural(m.Table, name)
			if by := b.behind(m.Table, name, nil); by != "" && name != c.Column {
				return nil, m.Table.Path() + "." + name + " is computed from " + c.Column + ", which cannot be masked: " + by
			}
		}
		if c.Mask == v1alpha1.MaskPseudonym {
			c.Digits, c.Suffix = shape(m.Table, column)
		}
		for e := range c.Within {
			if c.Within[e].Mask == v1alpha1.ValuePseudonym {
				_, c.Within[e].Suffix = shape(m.Table, column)
			}
		}
	}
	if refusal := b.placed(m, wanted); refusal != "" {
		return nil, refusal
	}
	return wanted, collision(m.Table, wanted)
}

// placed refuses changes in two steps, of columns to which others refer after all else, where only their place identifies the
// rows: they have moved by then.
func (b *builder) placed(m *Member, changes []Change) string {
	last := func(c Change) bool { return c.Last }
	if len(m.RowKey) > 0 || !slices.ContainsFunc(changes, last) {
		return ""
	}
	clears := slices.ContainsFunc(b.plan.Links, func(l Link) bool { return b.plan.Members[l.From].Table == m.Table && len(l.Clear) > 0 })
	if !clears && !slices.ContainsFunc(changes, func(c Change) bool { return !c.Last }) {
		return ""
	}
	at := slices.IndexFunc(changes, last)
	return fmt.Sprintf("%s has no key that identifies its rows, and %s, to which others refer, is to change with them; give it a primary key, or make a unique column NOT NULL", m.Table.Path(), changes[at].Column)
}

// refusal says why a column cannot become what is wanted; empty when it can.
func (b *builder) refusal(t *Table, c Change) string {
	column := t.Column(c.Column)
	switch {
	case column.Computed:
		return "is computed by the store; mask the columns that it is computed from"
	case b.behind(t, c.Column, nil) != "":
		return "cannot be masked: " + b.behind(t, c.Column, nil)
	case c.Mask != v1alpha1.MaskPseudonym && b.referredBy(t, c.Column) != "":
		return "cannot be masked with " + string(c.Mask) + ": " + b.referredBy(t, c.Column) + " refers to it; use Pseudonym or leave it out"
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
		return pseudonymRefusal(t, column)
	}
	return ""
}

// exposed is why a row cannot stay: its key is an address or a number of the person.
func (b *builder) exposed(t *Table, k Key) string {
	name, kind := t.Path()+"."+k.Column, strings.ToLower(string(k.Identifier))
	if by := b.behind(t, k.Column, nil); by != "" {
		return fmt.Sprintf("%s is a key of the schema that holds the person's %s, and it would stay: %s", name, kind, by)
	}
	return fmt.Sprintf("%s is a key of the schema that holds the person's %s, and it would stay; give it the mask Pseudonym", name, kind)
}

// behind says which reference would not follow a column that changes; empty when all do. Those that follow are of
// declared tables and have ON UPDATE CASCADE, over any number of steps.
func (b *builder) behind(t *Table, column string, seen []string) string {
	if slices.Contains(seen, t.Path()+"/"+column) {
		return ""
	}
	seen = append(seen, t.Path()+"/"+column)
	for i := range b.schema.Tables {
		from := &b.schema.Tables[i]
		for _, fk := range from.ForeignKeys {
			at := slices.Index(fk.ToColumns, column)
			if fk.Schema != t.Schema || fk.Table != t.Name || at < 0 {
				continue
			}
			_, part := b.partOf[from.name()]
			switch name := columnsOf(from.Path(), fk.Columns); {
			case fk.OnUpdate == "DISABLED":
				return name + " refers to it, and its triggers are disabled, so that it would not follow; enable them"
			case fk.OnUpdate != "CASCADE":
				return name + " refers to it, without ON UPDATE CASCADE; leave it out, delete the rows, or let the reference follow"
			case b.index(from.Schema, from.Name) < 0 && !part:
				return name + ", which would change with it, is not declared; declare it"
			}
			if by := b.behind(from, fk.Columns[at], seen); by != "" {
				return by
			}
		}
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

func pseudonymRefusal(t *Table, column *Column) string {
	if column.Class != Text && column.Class != UUID {
		return "is neither text nor uuid, so it can hold no pseudonym; use Null, Default or Constant"
	}
	if digits, suffix := shape(t, column); digits < shortestPseudonym {
		return fmt.Sprintf("holds %d characters, and a pseudonym needs %d; use another mask", column.Length, shortestPseudonym+len(suffix))
	}
	return ""
}

// shape is how a pseudonym of a column looks: as long as there is room, and like an address where a CHECK of the table or
// of the column's domain speaks of @.
func shape(t *Table, column *Column) (digits int, suffix string) {
	address := strings.Contains(column.Rules, "@") || slices.ContainsFunc(t.Checks, func(c Check) bool {
		return slices.Contains(c.Columns, column.Name) && strings.Contains(c.Expression, "@")
	})
	if address {
		suffix = addressSuffix
	}
	digits = longestPseudonym
	if column.Length > 0 {
		digits = min(digits, column.Length-len(suffix))
	}
	return digits, suffix
}

// collision refuses changes that would make two rows alike where the schema wants them unlike.
func collision(t *Table, changes []Change) string {
	alike := func(u Unique, name string) bool {
		return slices.ContainsFunc(changes, func(c Change) bool {
			switch {
			case c.Column != name || c.Mask == "": // what is within differs
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
