package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Key is a column by which a person's rows are found.
type Key struct {
	Column string
	// Path leads to the identifier within a column of JSON; empty where the column itself holds it.
	Path       []string `json:",omitempty"`
	Identifier v1alpha1.IdentifierKind
	// Several says that a row may hold several identifiers: in an array, or in the elements of one within JSON.
	Several bool `json:",omitempty"`
	// Structural keys are part of the primary key or are referred to: they cannot be masked, and stay where a row stays.
	Structural bool
}

// Name returns the column, with the path where there is one, for people.
func (k Key) Name() string {
	if len(k.Path) == 0 {
		return k.Column
	}
	return k.Column + " at " + steps(k.Path)
}

// Holder returns the column of a key. A value within JSON or an array is text, whatever the column is.
func (t *Table) Holder(k Key) *Column {
	column := t.Column(k.Column)
	if len(k.Path) > 0 || k.Several {
		return &Column{Name: k.Column, Type: "pg_catalog.text", Class: Text, Fold: len(k.Path) == 0 && column.FoldItems}
	}
	return column
}

// Change is what a column becomes.
type Change struct {
	Column   string
	Mask     v1alpha1.ColumnMask
	Constant string
	// Digits and Suffix are the shape of a pseudonym: so many hexadecimal digits, then the suffix.
	Digits int    `json:",omitempty"`
	Suffix string `json:",omitempty"`
	// Within are the changes of values in a column of JSON, in their order. Mask is empty then, and the column stays otherwise.
	Within []Edit `json:",omitempty"`
	// Elements are the kinds of identifiers of which the person's are taken out of an array. Mask is empty then too.
	Elements []v1alpha1.IdentifierKind `json:",omitempty"`
	// Last says that the column is part of what identifies the row or is referred to: it changes after all else.
	Last bool `json:",omitempty"`
}

// Link is a reference between two tables of the dataset.
type Link struct {
	Name               string
	From, To           int // indexes into Plan.Members
	Columns, ToColumns []string
	// Real links are foreign keys of the schema; others are declared by the register alone and bind nothing.
	Real bool
	// Owning links make a row belong to the person to whom the row belongs that it refers to.
	Owning bool
	// Clear holds the columns that are nulled to detach a row; empty when that is impossible.
	Clear []string
	// Where says which rows have the link; nil for all.
	Where *Condition `json:",omitempty"`
}

// Condition says that a column has one of some values, as text.
type Condition struct {
	Column string
	Values []string
}

// Fallback is what becomes of a row that was to be deleted while a row that stays refers to it.
type Fallback struct {
	Action  v1alpha1.TableErasure
	Changes []Change
	// Refusal says why such a row can be treated in no way; empty when it can.
	Refusal string
}

// Member is a table of the dataset, matched with the live schema.
type Member struct {
	Table  *Table
	Action v1alpha1.TableErasure
	Keys   []Key
	// Explicit says that the register names the owning links. Otherwise all links own, and what others reach is shared.
	Explicit bool
	// Cyclic says that the table owns itself over some way: its rows can be people and not just belongings.
	Cyclic bool
	// RowKey identifies a row; empty when only its physical place does.
	RowKey []string
	// Carry holds the columns beyond RowKey to which links refer.
	Carry []string
	// Changes of MaskColumns and Detach.
	Changes []Change
	// Take holds the changes of a row that is somebody else's too, since it has identifiers of several people.
	Take []Change `json:",omitempty"`
	// KeepFrom and KeepPeriod of Keep.
	KeepFrom   string
	KeepPeriod v1alpha1.Period
	// KeepThrough leads to the row that has KeepFrom, where it is another one.
	KeepThrough *KeepThrough `json:",omitempty"`
	// Fallback of a table whose rows may go.
	Fallback *Fallback
}

// MayGo tells whether rows of the table may be deleted.
func (m *Member) MayGo() bool {
	return m.Action == v1alpha1.EraseDeleteRows || m.Action == v1alpha1.EraseKeep
}

// last tells whether a change of the table comes after all else.
func (m *Member) last() bool {
	changes := m.Changes
	if m.Fallback != nil {
		changes = slices.Concat(changes, m.Fallback.Changes)
	}
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Last })
}

// Plan is how a store's people are erased.
type Plan struct {
	// Members in the order of their names.
	Members []Member
	Links   []Link
	// Collect holds groups of members, owners before what they own. A group of several is a cycle.
	Collect [][]int
	// Delete holds groups of members whose rows may go, those that refer before those that are referred to. The rows
	// of a group go in one statement.
	Delete [][]int
	// Last holds the members with changes that come after all else, those that refer before those that are referred to.
	Last []int
	// Triggered says that a table of the dataset has triggers: what they write must be looked for.
	Triggered bool
	// Digest is sha256:<hex> over the dataset and the schema facts that matter to it.
	Digest string
	// Notes for people: triggers, keys that stay. They stop nothing. Costs are those on missing indexes, which come last.
	Notes, Costs []string
}

// New plans the erasure of a dataset from a live schema. The error is a *task.Failure that names what is wrong.
func New(dataset *v1alpha1.Dataset, schema *Schema) (*Plan, error) {
	b := &builder{schema: schema, plan: &Plan{}}
	b.declare(dataset)
	for _, stage := range []func() error{b.declaredWell, b.match, b.refuseParts, b.link, b.keepThrough, b.own, b.refuseStrangers, b.change} {
		if err := stage(); err != nil {
			return nil, err
		}
	}
	b.order()
	b.note()
	b.plan.Digest = digest(b.declared, b.plan)
	return b.plan, nil
}

// builder holds what the stages of New share.
type builder struct {
	declared []v1alpha1.DatasetTable // sorted, parallel to plan.Members
	schema   *Schema
	plan     *Plan
	partOf   map[Name]int // parts of members, to the member
}

// declare sorts the tables of the dataset, so that their order in a manifest means nothing.
func (b *builder) declare(dataset *v1alpha1.Dataset) {
	for _, t := range dataset.Tables {
		declared := *t.DeepCopy()
		if declared.Schema == "" {
			declared.Schema = "public"
		}
		b.declared = append(b.declared, declared)
	}
	slices.SortFunc(b.declared, func(x, y v1alpha1.DatasetTable) int {
		return strings.Compare(string(x.Schema)+"\x00"+string(x.Name), string(y.Schema)+"\x00"+string(y.Name))
	})
}

// match finds every declared table and column in the schema, and says all that is missing at once.
func (b *builder) match() error {
	var tables, columns []string
	for i := range b.declared {
		d := &b.declared[i]
		live := b.schema.Table(string(d.Schema), string(d.Name))
		if live == nil {
			tables = append(tables, string(d.Schema)+"."+string(d.Name))
			continue
		}
		for _, name := range declaredColumns(d) {
			if live.Column(string(name)) == nil {
				columns = append(columns, live.Path()+"."+string(name))
			}
		}
		live, err := whole(b.schema, live)
		if err != nil {
			return err
		}
		b.plan.Members = append(b.plan.Members, member(d, live))
	}
	switch {
	case len(tables) > 0:
		return refuse(task.TableMissing, tables, "The dataset declares tables that the store does not have: %s", Fit(tables, roomOfNames))
	case len(columns) > 0:
		return refuse(task.ColumnMissing, columns, "The dataset declares columns that the store does not have: %s", Fit(columns, roomOfNames))
	}
	for i := range b.plan.Members {
		if err := treatable(&b.plan.Members[i], keptAlone(&b.declared[i])); err != nil {
			return err
		}
	}
	b.parts()
	return nil
}

// declaredColumns returns every column that a table of the dataset names, once.
func declaredColumns(d *v1alpha1.DatasetTable) []v1alpha1.Identifier {
	var names []v1alpha1.Identifier
	for _, k := range d.SubjectKeys {
		names = append(names, k.Column)
	}
	for _, r := range d.References {
		names = append(names, r.Columns...)
		if r.Where != nil {
			names = append(names, r.Where.Column)
		}
	}
	for _, o := range d.OwnedThrough {
		names = append(names, o.Columns...)
	}
	for _, c := range d.Columns {
		names = append(names, c.Name)
	}
	names = append(names, d.Detach...)
	if keptAlone(d) {
		names = append(names, d.Keep.FromColumn)
	} else if d.Keep != nil {
		names = append(names, d.Keep.Through...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func member(d *v1alpha1.DatasetTable, live *Table) Member {
	m := Member{Table: live, Action: d.OnErasure, Explicit: len(d.OwnedThrough) > 0, RowKey: live.rowKey()}
	for _, k := range d.SubjectKeys {
		_, _, all := Split(k.Path)
		column := live.Column(string(k.Column))
		m.Keys = append(m.Keys, Key{Column: string(k.Column), Path: k.Path, Identifier: k.Identifier,
			Several: all || len(k.Path) == 0 && column != nil && column.Items != ""})
	}
	if d.Keep != nil {
		m.KeepFrom, m.KeepPeriod = string(d.Keep.FromColumn), d.Keep.Period
	}
	return m
}

// treatable refuses relations in which deleting or changing a row may not mean what it says, and rows without the day by which they
// are kept.
func treatable(m *Member, keptAlone bool) error {
	path, names := m.Table.Path(), []string{m.Table.Path()}
	switch {
	case m.Table.Kind != Ordinary && m.Table.Kind != Partitioned:
		return refuse(task.PlanImpossible, names, "%s is no table; declare the tables behind it", path)
	case m.Table.RowSecurity:
		return refuse(task.PlanImpossible, names, "%s has row security, whose policies may hide rows from the role: it needs a policy of its own with USING (true), which kubectl gdpr grants prints, and no restrictive one", path)
	case m.Table.Bare != "":
		return refuse(task.PlanImpossible, names, "%s is published by %s and has no replica identity, so that the store refuses to change or delete its rows; give it a primary key, or ALTER TABLE ... REPLICA IDENTITY", path, m.Table.Bare)
	case m.Table.Rules:
		return refuse(task.PlanImpossible, names, "%s has rewrite rules, which change what a statement does; replace them by triggers", path)
	}
	for _, k := range m.Keys {
		if why := unfit(m.Table.Column(k.Column), k); why != "" {
			return refuse(task.PlanImpossible, []string{path + "." + k.Column}, "%s.%s has the type %s, %s", path, k.Column, m.Table.Column(k.Column).Type, why)
		}
	}
	if keptAlone {
		if class := m.Table.Column(m.KeepFrom).Class; class != Date && class != Timestamp {
			return refuse(task.PlanImpossible, []string{path + "." + m.KeepFrom}, "%s.%s is neither a date nor a timestamp; keep.fromColumn must be one", path, m.KeepFrom)
		}
	}
	return nil
}

// unfit says why a column cannot be a subject key; empty when it can.
func unfit(c *Column, k Key) string {
	switch {
	case len(k.Path) > 0 && !c.Document:
		return "within which no path leads; a path is for json and jsonb"
	case len(k.Path) == 0 && c.Document:
		return "which is no single identifier; give the path to the one that it holds"
	case k.Several && len(k.Path) == 0 && c.Items != Text && c.Items != Integer && c.Items != UUID:
		return "of which an element is no identifier; use an array of text, integers or UUIDs"
	case !k.Several && len(k.Path) == 0 && c.Several:
		return "which is no single identifier; use a column that holds one as subject key"
	default:
		return ""
	}
}

// refuse makes the failure that stops a plan.
func refuse(reason task.Reason, names []string, format string, args ...any) error {
	return &task.Failure{Reason: reason, Names: names, Message: fmt.Sprintf(format, args...)}
}

// list writes at most five names.
func list(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

func columnsOf(path string, columns []string) string {
	return path + " (" + strings.Join(columns, ", ") + ")"
}
