package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// note collects what people should know although it stops nothing, the weightiest first; and apart what the run costs the store.
func (b *builder) note() {
	collect := func(into *[]string, notes []string) {
		slices.Sort(notes)
		*into = append(*into, slices.Compact(notes)...)
	}
	for _, kind := range []func() []string{b.makerNotes, b.partNotes, b.copyNotes, b.personalNotes, b.rewriteNotes, b.triggerNotes, b.keyNotes, b.viewNotes, b.stayNotes} {
		collect(&b.plan.Notes, kind())
	}
	collect(&b.plan.Costs, b.indexNotes())
}

// maker is the name of a column that says who made or treated a row, which is another thing than whose it is: create_uid,
// updated_by_id, modifiedBy.
var maker = regexp.MustCompile(`(?i)^(last_?)?(creat|writ|updat|modifi|chang|edit|delet|remov|clos|approv|assign|invit|verifi)(e|d|ed|er|or)?_?(uid|by|user)?(_?(id|fk))?$`)

// makerNotes names tables whose rows would be those of whoever made them, since the register does not say who owns them.
func (b *builder) makerNotes() []string {
	var notes []string
	for _, l := range b.plan.Links {
		if from := &b.plan.Members[l.From]; l.Owning && !from.Explicit && len(l.Columns) == 1 && maker.MatchString(l.Columns[0]) {
			notes = append(notes, "rows of "+from.Table.Path()+" count as those of whoever made or treated them, by "+l.Columns[0]+": name their owner in ownedThrough")
		}
	}
	return notes
}

// copyNotes names the ways by which rows of the dataset go to other stores, or come from them.
func (b *builder) copyNotes() []string {
	var notes []string
	for _, m := range b.plan.Members {
		if len(m.Table.Published) > 0 {
			notes = append(notes, m.Table.Path()+" is published ("+list(m.Table.Published)+"): whoever subscribes has a copy, which this run does not reach")
		}
		if len(m.Table.Subscribed) > 0 {
			notes = append(notes, m.Table.Path()+" comes from another store by a subscription ("+list(m.Table.Subscribed)+"): erase there first")
		}
	}
	if len(b.schema.Slots) > 0 {
		notes = append(notes, "changes of the database are copied elsewhere by logical replication slots: "+list(b.schema.Slots))
	}
	return notes
}

func (b *builder) triggerNotes() []string {
	var notes []string
	for _, m := range b.plan.Members {
		if len(m.Table.Triggers) > 0 {
			b.plan.Triggered = true
			notes = append(notes, "triggers of "+m.Table.Path()+" will run: "+strings.Join(m.Table.Triggers, ", "))
		}
	}
	return notes
}

// keyNotes names the identifiers that stay where a row stays.
func (b *builder) keyNotes() []string {
	var notes []string
	for i := range b.plan.Members {
		m := &b.plan.Members[i]
		for _, k := range m.Keys {
			if k.Structural && !m.MayGo() {
				notes = append(notes, fmt.Sprintf("%s.%s (%s) stays, since it is a key of the schema", m.Table.Path(), k.Name(), k.Identifier))
			}
		}
	}
	return notes
}

// viewNotes names materialised views that read tables of the dataset: they keep what they read until they are refreshed.
func (b *builder) viewNotes() []string {
	var notes []string
	for i := range b.schema.Tables {
		view := &b.schema.Tables[i]
		if view.Kind == Materialised && slices.ContainsFunc(view.Reads, func(n Name) bool { return b.index(n.Schema, n.Table) >= 0 }) {
			notes = append(notes, view.Path()+" is a materialised view of what goes: refresh it after the run")
		}
	}
	return notes
}

// large is from how many rows on reading a whole table for its subject keys is worth a note.
const large = 10_000

// indexNotes names the columns that a run searches without an index.
func (b *builder) indexNotes() []string {
	var notes []string
	for _, l := range b.plan.Links {
		from, to := b.plan.Members[l.From].Table, &b.plan.Members[l.To]
		switch {
		case from.Indexed(l.Columns):
		case l.Real && to.MayGo():
			notes = append(notes, fmt.Sprintf("%s has no index: each row of %s that goes makes the store read %s", columnsOf(from.Path(), l.Columns), to.Table.Path(), rows(from.Rows)))
		case from.Rows >= large:
			notes = append(notes, fmt.Sprintf("%s has no index: each run reads %s", columnsOf(from.Path(), l.Columns), rows(from.Rows)))
		}
	}
	for i := range b.plan.Members {
		t := b.plan.Members[i].Table
		for _, k := range b.plan.Members[i].Keys {
			if t.Rows >= large && !t.Searchable(k) {
				notes = append(notes, fmt.Sprintf("%s.%s has no index that finds a person: each run reads %s", t.Path(), k.Name(), rows(t.Rows)))
			}
		}
	}
	return notes
}

// Searchable tells whether an index serves the search by a subject key. Addresses are compared in lower case. Indexes over
// what is within JSON, or in arrays, are not known.
func (t *Table) Searchable(k Key) bool {
	if len(k.Path) > 0 || k.Several {
		return false
	}
	column := t.Column(k.Column)
	if column.Class == Text && (column.Fold || k.Identifier == v1alpha1.IdentifierEmail) {
		return slices.ContainsFunc(t.Folded, func(name string) bool { return name == k.Column })
	}
	return t.Indexed([]string{k.Column})
}

// rows writes about how many rows there are: two figures, so that the note does not change with each insert.
func rows(n int64) string {
	if n <= 0 {
		return "the whole table"
	}
	unit := int64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	text := fmt.Sprint((n + unit/2) / unit * unit)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return "about " + text + " rows"
}

// Summary joins notes in at most so many bytes, and says how many it leaves out.
func Summary(notes []string, most int) string {
	if all := strings.Join(notes, "; "); len(all) <= most {
		return all
	}
	for n := len(notes) - 1; n > 0; n-- {
		if text := fmt.Sprintf("%s; and %d more", strings.Join(notes[:n], "; "), len(notes)-n); len(text) <= most {
			return text
		}
	}
	return fmt.Sprintf("%d notes that are too long to write here", len(notes))
}

// roomOfNames is how many bytes of a refusal its names may take, so that what is to be done about them has its place too.
const roomOfNames = task.MaxMessage - 250

// Fit writes as many names as have room in some bytes, at least one, and how many it leaves out.
func Fit(names []string, most int) string {
	if all := strings.Join(names, ", "); len(all) <= most {
		return all
	}
	for n := len(names) - 1; n > 0; n-- {
		if text := fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n); len(text) <= most || n == 1 {
			return text
		}
	}
	return strings.Join(names, ", ")
}
