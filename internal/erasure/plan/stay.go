package plan

import (
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// roomOfColumns is how many bytes the columns of a table may take in a note.
const roomOfColumns = 150

// personalNotes names the tables whose rows stay for good, with columns that look like a person's and of which the register
// says nothing; stayNotes names all others whose rows stay with such columns, also for as long as the law keeps them.
func (b *builder) personalNotes() []string { return b.staying(true) }
func (b *builder) stayNotes() []string     { return b.staying(false) }

func (b *builder) staying(weighty bool) []string {
	var notes []string
	for i := range b.plan.Members {
		m := &b.plan.Members[i]
		if m.Action == v1alpha1.EraseDeleteRows {
			continue
		}
		persons, others := b.untold(i)
		if all := slices.Concat(persons, others); len(all) > 0 && weighty == (len(persons) > 0 && stays(m.Action)) {
			notes = append(notes, "rows of "+m.Table.Path()+" stay with what is in "+Fit(all, roomOfColumns)+", of which the register says nothing")
		}
	}
	return notes
}

// untold lists the columns of a member that are neither declared nor changed: those that look like a person's, and others that are
// no keys of the schema and not computed.
func (b *builder) untold(i int) (persons, others []string) {
	m, declared := &b.plan.Members[i], &b.declared[i]
	known := declaredColumns(declared)
	if declared.Keep != nil {
		known = append(known, declared.Keep.FromColumn)
	}
	structure := slices.Clone(m.Table.PrimaryKey)
	for _, fk := range m.Table.ForeignKeys {
		structure = append(structure, fk.Columns...)
	}
	looks := personal(m.Table, true, len(m.Keys) > 0)
	for _, c := range m.Table.Columns {
		switch {
		case slices.Contains(known, v1alpha1.Identifier(c.Name)), changed(m.Changes, c.Name), follows(m.Table, c.Name, m.Changes):
		case slices.Contains(looks, c.Name), c.Class == Text && (words[v1alpha1.IdentifierEmail].MatchString(c.Name) || words[v1alpha1.IdentifierPhone].MatchString(c.Name)):
			persons = append(persons, c.Name)
		case !c.Computed && !slices.Contains(structure, c.Name):
			others = append(others, c.Name)
		}
	}
	return persons, others
}
