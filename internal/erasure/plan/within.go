package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// each is the step of a path that leads to every element of an array.
const each = "*"

// Edit is what a value within a column of JSON becomes. Where the path leads nowhere the document stays as it is.
type Edit struct {
	Path []string
	// Person says that the elements of an array go in which the path leads to an identifier of the person, of that kind. Mask is
	// empty then.
	Person v1alpha1.IdentifierKind `json:",omitempty"`
	// Beside are the ways, within an element with a telephone number, to the e-mail address of whose element it is.
	Beside   [][]string         `json:",omitempty"`
	Mask     v1alpha1.ValueMask `json:",omitempty"`
	Constant string             `json:",omitempty"`
	// Suffix of a pseudonym, behind its 32 digits.
	Suffix string `json:",omitempty"`
}

// Split divides a path at its step for each element: the way to the array, and that from an element on. All is false for a
// path without such a step.
func Split(path []string) (array, element []string, all bool) {
	at := slices.Index(path, each)
	if at < 0 {
		return nil, nil, false
	}
	return path[:at], path[at+1:], true
}

// Misdeclared says what is wrong with the paths of a table's declaration, and where; empty when nothing is. It asks what the
// schema of the register does not, where that would cost too much.
func Misdeclared(d *v1alpha1.DatasetTable) (field, why string) {
	for k, key := range d.SubjectKeys {
		twice := slices.ContainsFunc(d.SubjectKeys[:k], func(other v1alpha1.SubjectKey) bool {
			return other.Column == key.Column && slices.Equal(other.Path, key.Path)
		})
		switch {
		case several(key.Path):
			return fmt.Sprintf("subjectKeys[%d].path", k), "has more than one *"
		case twice:
			return fmt.Sprintf("subjectKeys[%d]", k), "names a column and path that another subject key names"
		}
	}
	for c, column := range d.Columns {
		for v, value := range column.Within {
			at := fmt.Sprintf("columns[%d].within[%d]", c, v)
			switch {
			case several(value.Path):
				return at + ".path", "has more than one *"
			case (value.Mask == v1alpha1.ValueConstant) != (value.Constant != ""):
				return at + ".constant", "is set exactly when mask is Constant"
			case value.Mask == v1alpha1.ValueRemove && place(value.Path[len(value.Path)-1]):
				return at + ".mask", "would move the elements behind that place of an array, to which other paths may lead: let it be Null, or the path end in *"
			}
			for _, other := range column.Within[:v] {
				if meet(other.Path, value.Path) {
					return at + ".path", "leads to, into or around what another path of the column leads to"
				}
			}
		}
	}
	return "", ""
}

func several(path []string) bool {
	first := slices.Index(path, each)
	return first >= 0 && slices.Contains(path[first+1:], each)
}

// covers tells whether whatever is at a path is within what is at another one, or the same.
func covers(outer, inner []string) bool {
	if len(outer) > len(inner) {
		return false
	}
	for i, step := range outer {
		if step != inner[i] && (step != each || !place(inner[i])) {
			return false
		}
	}
	return true
}

// meet tells whether two paths may lead to the same, or one into what the other leads to.
func meet(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] && (a[i] != each || !place(b[i])) && (b[i] != each || !place(a[i])) {
			return false
		}
	}
	return true
}

// place tells whether a step is one into an array.
func place(step string) bool {
	_, err := strconv.Atoi(step)
	return err == nil
}

// declaredWell refuses paths that mean nothing.
func (b *builder) declaredWell() error {
	for i := range b.declared {
		d := &b.declared[i]
		if field, why := Misdeclared(d); why != "" {
			path := string(d.Schema) + "." + string(d.Name)
			return refuse(task.PlanImpossible, []string{path}, "%s of %s %s", field, path, why)
		}
	}
	return nil
}

// edits are the changes within a column that the register orders.
func edits(c *v1alpha1.DatasetColumn) (out []Edit) {
	for _, v := range c.Within {
		mask := v.Mask
		if mask == "" {
			mask = v1alpha1.ValueNull
		}
		out = append(out, Edit{Path: v.Path, Mask: mask, Constant: v.Constant})
	}
	return out
}

// complete sees to it that a person is not found by a key within JSON or in an array, unless the register orders something else
// for what is there, or for all of the column: what the path leads to becomes null; of several the person's go, before all else.
func (m *Member) complete(changes []Change, k Key) []Change {
	at := slices.IndexFunc(changes, func(c Change) bool { return c.Column == k.Column })
	if at < 0 {
		changes, at = append(changes, Change{Column: k.Column}), len(changes)
	}
	c := &changes[at]
	switch {
	case c.Mask != "" || slices.ContainsFunc(c.Within, func(e Edit) bool { return e.Person == "" && covers(e.Path, k.Path) }):
	case len(k.Path) == 0:
		c.Elements = append(slices.Clone(c.Elements), k.Identifier)
	case k.Several:
		c.Within = append([]Edit{{Path: k.Path, Person: k.Identifier, Beside: m.Beside(k)}}, c.Within...)
	default:
		c.Within = append(slices.Clone(c.Within), Edit{Path: k.Path, Mask: v1alpha1.ValueNull})
	}
	return changes
}

// Beside returns the ways, within an element of the array in which a key of telephone numbers leads, to e-mail addresses: an element
// with a person's number and another one's address is the other one's.
func (m *Member) Beside(k Key) (ways [][]string) {
	for _, other := range m.Keys {
		if k.Identifier == v1alpha1.IdentifierPhone && other.Identifier == v1alpha1.IdentifierEmail && k.Together(other) {
			_, element, _ := Split(other.Path)
			ways = append(ways, element)
		}
	}
	return ways
}

// Together tells whether two keys lead into the elements of the same array within JSON.
func (k Key) Together(other Key) bool {
	array, _, all := Split(k.Path)
	within, _, too := Split(other.Path)
	return all && too && k.Column == other.Column && slices.Equal(array, within)
}

// take decides what becomes of a row with identifiers of several people: the person's go, and all else stays.
func (b *builder) take(i int) error {
	m := &b.plan.Members[i]
	for _, k := range m.Keys {
		if k.Several {
			m.Take = m.complete(m.Take, k)
		}
	}
	for _, c := range m.Take {
		if why := b.partRefusal(m, c); why != "" {
			path := m.Table.Path() + "." + c.Column
			return refuse(task.PlanImpossible, []string{path}, "%s %s", path, why)
		}
	}
	return nil
}

// partRefusal says why a part of a column's values cannot be changed; empty when it can.
func (b *builder) partRefusal(m *Member, c Change) string {
	column := m.Table.Column(c.Column)
	switch {
	case len(c.Within) > 0 && !column.Document:
		return "has the type " + column.Type + ", within which no path leads; a path is for json and jsonb"
	case column.Computed:
		return "is computed by the store, so that nothing within it can be masked; name the columns that it is computed from"
	case slices.Contains(m.RowKey, column.Name) || b.structural(m.Table, column.Name) || inForeignKey(m.Table, column.Name):
		return "is a key of the schema, so that nothing within it can be masked"
	default:
		return ""
	}
}

// rewriteNotes names the columns of json of which documents are written anew, and those of which, undeclared, only the subject key goes.
func (b *builder) rewriteNotes() []string {
	var notes []string
	for i := range b.plan.Members {
		m := &b.plan.Members[i]
		changes := m.Changes
		if m.Fallback != nil {
			changes = m.Fallback.Changes
		}
		for _, c := range changes {
			for _, e := range c.Within {
				if e.Person == "" && !slices.ContainsFunc(b.declared[i].Columns, func(d v1alpha1.DatasetColumn) bool { return string(d.Name) == c.Column }) {
					notes = append(notes, fmt.Sprintf("of the documents in %s.%s only what is at %s is masked, where a row stays: declare what else of them is a person's", m.Table.Path(), c.Column, steps(e.Path)))
				}
			}
			if len(c.Within) > 0 && m.Table.Column(c.Column).Verbatim {
				notes = append(notes, fmt.Sprintf("%s.%s is json: a document that changes is written anew, without its order, its spaces and names that it has twice", m.Table.Path(), c.Column))
			}
		}
	}
	return notes
}

// steps writes a path for people.
func steps(path []string) string { return strings.Join(path, ".") }
