package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Unsought names the tables in which some of so many people could not be looked for, as notes, sorted: the tables find people by
// kinds of identifiers that these did not give, and no reference leads there from rows that were found otherwise. Given are the kinds
// that each person gave; one who gave none is not there any more, and does not count.
func (p *Plan) Unsought(given [][]v1alpha1.IdentifierKind) []string {
	given = slices.DeleteFunc(slices.Clone(given), func(kinds []v1alpha1.IdentifierKind) bool { return len(kinds) == 0 })
	var notes []string
	for i := range p.Members {
		m := &p.Members[i]
		led := slices.ContainsFunc(p.Links, func(l Link) bool { return l.From == i && l.To != i && l.Owning })
		if len(m.Keys) == 0 || led {
			continue
		}
		if missed := missed(m, given); missed > 0 {
			note := fmt.Sprintf("%s was not searched: it finds people by %s alone", m.Table.Path(), strings.Join(kindsOf(m), ", "))
			if len(given) > 1 {
				note += fmt.Sprintf(", which %d of %d people did not give", missed, len(given))
			}
			notes = append(notes, note)
		}
	}
	slices.Sort(notes)
	return notes
}

// missed counts the people who gave no kind by which a table finds people.
func missed(m *Member, given [][]v1alpha1.IdentifierKind) int {
	n := 0
	for _, kinds := range given {
		if !slices.ContainsFunc(m.Keys, func(k Key) bool { return slices.Contains(kinds, k.Identifier) }) {
			n++
		}
	}
	return n
}

// kindsOf are the kinds of identifiers by which a table finds people, sorted, each once.
func kindsOf(m *Member) []string {
	var kinds []string
	for _, k := range m.Keys {
		kinds = append(kinds, string(k.Identifier))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
