package postgres

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// facts are the rows of the system tables, by OID, from which the live schema is put together.
type facts struct {
	schemas     map[uint32]string
	relations   []relation
	parents     map[uint32][]uint32 // those of a part, in their order
	inherited   map[uint32]bool
	rules       map[uint32]bool
	attributes  map[uint32][]attribute // those of a relation, in their order
	defaults    map[place]string
	types       map[uint32]typeFacts
	indexes     []index
	constraints []constraint
	triggers    map[uint32][]string
	hidden      map[uint32]bool        // relations of which row security may hide rows
	touched     map[uint32][]place     // columns on which an index depends
	reads       map[uint32][]plan.Name // tables that a materialised view reads
	disabled    map[enforced]bool
	made        map[place][]int16 // what a generated column is made of
	copied      bool              // whether copies come or go at all
	copies      []copied
	narrow      bool // the database has another encoding than UTF-8
}

func newFacts(narrow bool) *facts {
	return &facts{narrow: narrow, schemas: map[uint32]string{}, parents: map[uint32][]uint32{}, inherited: map[uint32]bool{}, rules: map[uint32]bool{},
		attributes: map[uint32][]attribute{}, defaults: map[place]string{}, types: map[uint32]typeFacts{}, triggers: map[uint32][]string{},
		hidden: map[uint32]bool{}, touched: map[uint32][]place{}, reads: map[uint32][]plan.Name{},
		disabled: map[enforced]bool{}, made: map[place][]int16{}}
}

// place is a column: the relation's OID and the number in it.
type place struct {
	relation uint32
	number   int16
}

// enforced is a foreign key where a relation's triggers enforce it.
type enforced struct{ constraint, relation uint32 }

// copied is a way by which copies of a relation come or go: kind p for a publication, s for a subscription, l for a slot, which is of
// no relation. Bare is a published one whose rows have no identity.
type copied struct {
	relation   uint32
	name, kind string
	bare       bool
}

// relation has of a table what pg_class says.
type relation struct {
	oid uint32
	plan.Table
}

// attribute has of a column what pg_attribute says.
type attribute struct {
	place
	plan.Column
	quoted    string // the name as SQL writes it
	typ       uint32
	mod       int32
	generated bool
}

// typeFacts is a row of pg_type. Kind is its typtype, base what a domain is made of, element what an array has.
type typeFacts struct {
	name, kind, category string
	native               bool // of the schema pg_catalog
	base, element        uint32
	mod                  int32
	notNull              bool
	defaults             string
}

// index has of an index what pg_index says. An expression among its columns is 0.
type index struct {
	oid, relation                         uint32
	unique, exclusion, partition, primary bool
	columns                               []int16
	plan.Unique
}

// distinguishes tells whether two rows with the same keys cannot be.
func (i *index) distinguishes() bool { return i.unique || i.exclusion }

// constraint is a row of pg_constraint: of a relation, or of a domain.
type constraint struct {
	oid, relation, domain, to uint32
	name, kind                string
	columns, toColumns        []int16
	onDelete, onUpdate        string
	matchFull, valid          bool
	expression                string
}

// schema puts the tables of users together, in the order of their names.
func (f *facts) schema() *plan.Schema {
	slices.SortFunc(f.relations, func(a, b relation) int {
		return cmp.Or(strings.Compare(a.Schema, b.Schema), strings.Compare(a.Name, b.Name))
	})
	names := make(map[uint32]plan.Name, len(f.relations))
	for _, r := range f.relations {
		names[r.oid] = plan.Name{Schema: r.Schema, Table: r.Name}
	}
	rules, out := f.domainRules(), &plan.Schema{}
	at := map[uint32]int{}
	for _, r := range f.relations {
		if strings.HasPrefix(r.Schema, "pg_") || r.Schema == "information_schema" || r.Schema == ledgerSchema {
			continue
		}
		t := r.Table
		t.RowSecurity, t.Triggers, t.Reads = f.hidden[r.oid], f.triggers[r.oid], f.reads[r.oid]
		t.Rules = f.rules[r.oid] && (t.Kind == plan.Ordinary || t.Kind == plan.Partitioned)
		t.Inherited = f.inherited[r.oid] && t.Kind == plan.Ordinary
		for _, parent := range f.parents[r.oid] {
			t.Parents = append(t.Parents, names[parent])
		}
		for _, a := range f.attributes[r.oid] {
			t.Columns = append(t.Columns, f.column(a, rules))
		}
		at[r.oid] = len(out.Tables)
		out.Tables = append(out.Tables, t)
	}
	for _, i := range f.indexes {
		if n, ok := at[i.relation]; ok {
			f.addIndex(&out.Tables[n], i)
		}
	}
	for _, c := range f.constraints {
		if n, ok := at[c.relation]; ok {
			f.addConstraint(&out.Tables[n], c, names[c.to])
		}
	}
	f.addCopies(out, at)
	return out
}

// domainRules are the constraints of each domain, as SQL writes them.
func (f *facts) domainRules() map[uint32][]constraint {
	rules := map[uint32][]constraint{}
	for _, c := range f.constraints {
		if c.domain != 0 {
			rules[c.domain] = append(rules[c.domain], c)
		}
	}
	return rules
}

// column completes a column by its type. A domain is followed to what it is made of.
func (f *facts) column(a attribute, rules map[uint32][]constraint) plan.Column {
	c, mod := a.Column, a.mod
	t := f.types[a.typ]
	base := t
	c.Default = cmp.Or(f.defaults[a.place], t.defaults)
	if c.Domain = t.kind == "d"; c.Domain {
		var all []constraint
		mod = -1
		for oid := a.typ; base.kind == "d"; oid = base.base {
			base = f.types[oid]
			c.NotNull = c.NotNull || base.notNull
			all = append(all, rules[oid]...)
			if base.kind == "d" && mod < 0 {
				mod = base.mod
			}
		}
		slices.SortStableFunc(all, func(x, y constraint) int { return strings.Compare(x.name, y.name) })
		var parts []string
		for _, x := range all {
			parts = append(parts, x.expression)
		}
		c.Rules = strings.Join(parts, " ")
	}
	const header = 4 // of a length, in a type's modifier
	if (base.name == "varchar" || base.name == "bpchar") && mod > header {
		c.Length = int(mod - header)
	}
	c.Native = base.native || base.kind == "e"
	var element typeFacts
	if base.category == "A" {
		for element = f.types[base.element]; element.kind == "d"; element = f.types[element.base] {
		}
		c.Items, c.FoldItems = class(element.name, element.category, element.native || element.kind == "e")
	}
	c.Class, c.Fold = class(base.name, base.category, c.Native)
	c.From, _ = f.names(a.relation, f.made[a.place])
	slices.Sort(c.From)
	c.Inet, c.Bytes = base.name == "inet" || base.name == "cidr", base.name == "bytea" || element.name == "bytea"
	c.UUIDs, c.Object, c.Vector = element.name == "uuid", base.name == "oid", base.name == "tsvector"
	c.JSON = base.name == "json" || base.name == "jsonb" || element.name == "json" || element.name == "jsonb"
	c.Verbatim, c.Narrow = base.name == "json", f.narrow
	c.Document = base.name == "json" || base.name == "jsonb"
	c.Searchable = textual(base.category, base.name) || textual(element.category, element.name) || base.name == "bytea"
	c.Several = strings.Contains("ACR", base.category) || slices.Contains([]string{"json", "jsonb", "xml", "bytea", "hstore", "tsvector", "tsquery"}, base.name)
	return c
}

// textual says that a type can hold text: strings, composites, ranges but for those of numbers and times, and of the types
// that are of no other category (JSON, XML, hstore, those of extensions) all but those that never do.
func textual(category, base string) bool {
	switch category {
	case "S", "C":
		return true
	case "R":
		return !plainRange.MatchString(base)
	case "U":
		return base != "uuid" && base != "bytea" && !strings.HasPrefix(base, "pg_") && !strings.HasPrefix(base, "txid") && !strings.HasPrefix(base, "xid")
	default:
		return false
	}
}

// plainRange are the ranges and multiranges that PostgreSQL comes with.
var plainRange = regexp.MustCompile(`^(int4|int8|num|ts|tstz|date)(multi)?range$`)

func class(base, category string, native bool) (class plan.Class, fold bool) {
	switch {
	case base == "citext":
		return plan.Text, true
	case !native:
		return plan.OtherClass, false
	case base == "name" || base == "char":
		return plan.OtherClass, false
	case category == "S":
		return plan.Text, false
	case base == "int2" || base == "int4" || base == "int8":
		return plan.Integer, false
	case base == "numeric":
		return plan.Numeric, false
	case base == "uuid":
		return plan.UUID, false
	case base == "date":
		return plan.Date, false
	case base == "timestamp" || base == "timestamptz":
		return plan.Timestamp, false
	default:
		return plan.OtherClass, false
	}
}

// names returns the columns of a relation by their numbers; an expression has none.
func (f *facts) names(relation uint32, numbers []int16) (names, quoted []string) {
	for _, number := range numbers {
		name, sql := "", ""
		for _, a := range f.attributes[relation] {
			if a.number == number {
				name, sql = a.Name, a.quoted
			}
		}
		names, quoted = append(names, name), append(quoted, sql)
	}
	return names, quoted
}

// addIndex adds an index to its table. One that is the piece, over one part, of an index over the whole makes nothing
// unique by itself.
func (f *facts) addIndex(t *plan.Table, i index) {
	if t.Kind != plan.Ordinary && t.Kind != plan.Partitioned {
		return
	}
	u := i.Unique
	names, quoted := f.names(i.relation, i.columns)
	if u.Columns = names; len(u.Keys) == 0 {
		u.Keys = quoted
	}
	if u.Predicate == "" {
		t.Indexes = append(t.Indexes, names)
		t.Folded = append(t.Folded, folded(t, u.Keys[0])...)
	}
	if i.primary {
		t.PrimaryKey = names
	}
	if !i.distinguishes() || i.partition {
		return
	}
	if !u.Plain { // an index of a constraint depends on no column by itself
		u.Columns = slices.Clone(names)
		for _, at := range f.touched[i.oid] {
			if at.relation == i.relation {
				more, _ := f.names(at.relation, []int16{at.number})
				u.Columns = append(u.Columns, more...)
			}
		}
		slices.Sort(u.Columns)
		u.Columns = slices.DeleteFunc(slices.Compact(u.Columns), func(name string) bool { return name == "" })
	}
	t.Uniques = append(t.Uniques, u)
}

// folded returns the column of which an expression is the text in lower case, as the catalogue writes it.
func folded(t *plan.Table, expression string) []string {
	for _, c := range t.Columns {
		for _, cast := range []string{"", "::text"} {
			if name := quote(c.Name); expression == "lower(("+name+")"+cast+")" || expression == "lower("+name+cast+")" ||
				expression == "lower(("+c.Name+")"+cast+")" || expression == "lower("+c.Name+cast+")" {
				return []string{c.Name}
			}
		}
	}
	return nil
}

// actions are those of pg_constraint.confdeltype and confupdtype.
var actions = map[string]string{"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}

func (f *facts) addConstraint(t *plan.Table, c constraint, to plan.Name) {
	columns, _ := f.names(c.relation, c.columns)
	if c.kind != "f" {
		t.Checks = append(t.Checks, plan.Check{Name: c.name, Columns: columns, Expression: c.expression})
		return
	}
	referred, _ := f.names(c.to, c.toColumns)
	onUpdate := actions[c.onUpdate]
	if f.disabled[enforced{c.oid, c.to}] {
		onUpdate = "DISABLED"
	}
	t.ForeignKeys = append(t.ForeignKeys, plan.ForeignKey{Name: c.name, Columns: columns, Schema: to.Schema, Table: to.Table, ToColumns: referred,
		OnDelete: actions[c.onDelete], OnUpdate: onUpdate, MatchFull: c.matchFull, Valid: c.valid})
}

// addCopies says where copies of tables come from and go to.
func (f *facts) addCopies(out *plan.Schema, at map[uint32]int) {
	for _, c := range f.copies {
		n, known := at[c.relation]
		switch {
		case c.kind == "l":
			out.Slots = append(out.Slots, c.name)
		case !known:
		case c.kind == "s":
			out.Tables[n].Subscribed = append(out.Tables[n].Subscribed, c.name)
		default:
			out.Tables[n].Published = append(out.Tables[n].Published, c.name)
			if c.bare {
				out.Tables[n].Bare = c.name
			}
		}
	}
}
