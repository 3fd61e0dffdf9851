// Package plan decides how people are erased from a store. It matches what a register declares with the live schema,
// finds by which references rows belong to a person, refuses what a constraint forbids, and puts the work in order. It
// reads no row: what it decides holds for every person, and its digest is what a data protection officer approves.
package plan

import "slices"

// Kind is what a relation of the store is.
type Kind string

// Kinds. Only an Ordinary or Partitioned table can be erased from.
const (
	Ordinary    Kind = "Ordinary"
	Partitioned Kind = "Partitioned"
	// Materialised views hold copies of rows until they are refreshed.
	Materialised Kind = "Materialised"
	View         Kind = "View"
	Foreign      Kind = "Foreign" // a foreign table: its rows are elsewhere
)

// Class is what a type means for comparing and masking.
type Class string

// Classes. A type that is none of the first ones is compared by its text.
const (
	Text       Class = "Text"
	Integer    Class = "Integer"
	Numeric    Class = "Numeric"
	UUID       Class = "UUID"
	Date       Class = "Date"
	Timestamp  Class = "Timestamp"
	OtherClass Class = "Other"
)

// Column is a column of a live table.
type Column struct {
	Name   string
	Type   string // as SQL writes it, qualified
	Class  Class
	Domain bool // the type is a domain, whose constraints the store alone can judge
	// Collated says that the column has another collation than the database, one that may not tell all texts apart.
	Collated bool
	Rules    string // the constraints of its domain, as SQL writes them
	Length   int    // most characters; 0 when unlimited
	NotNull  bool   // also by the column's domain
	Default  string // the expression; empty when there is none
	// Computed columns are generated, or identities that accept no value.
	Computed bool
	// Native says that the type's own equality may be used: the type is the database's, not a user's.
	Native bool
	// Fold says that the type compares without regard to case (citext).
	Fold bool
	// Searchable says that the column can hold free text: text, JSON, XML, composites, arrays of these, and bytes, which may be text.
	Searchable bool
	// Several says that a value is not one identifier but a structure: an array, JSON, a composite, bytes.
	Several bool
	// JSON says that text within is escaped.
	JSON bool
	// Items is what the elements of an array are; empty for what is none, and FoldItems says that they compare without regard to case.
	Items     Class `json:"-"`
	FoldItems bool  `json:"-"`
	// Document says that the type is json or jsonb, or a domain over one, within which a path leads.
	Document bool `json:"-"`
	// Verbatim says that it is json, which keeps the text of a document, or a domain over it.
	Verbatim bool `json:"-"`
	// Narrow says that the database has another encoding than UTF-8, and may lack characters.
	Narrow bool `json:"-"`
	// Inet says that the type is inet or cidr, whose text has a mask behind the address.
	Inet bool `json:",omitempty"`
	// UUIDs says that the column is an array of UUIDs.
	UUIDs bool `json:"-"`
	// Bytes says that the column holds bytes, which are searched as far as they are text, or, unless it is Searchable, an array of these.
	Bytes bool `json:"-"`
	// Object says that the column holds the number of a large object, which the store keeps apart (oid, or a domain over it, as lo).
	Object bool `json:"-"`
	// Vector says that the column holds words without their order and endings (tsvector), of which no value can be put together again.
	Vector bool `json:"-"`
	// From are the columns that a generated one is computed from.
	From []string `json:",omitempty"`
}

// Exact tells whether a whole value of the column can be an identifier as it is written.
func (c *Column) Exact() bool { return !c.Several && (c.Searchable || c.Class == UUID || c.Inet) }

// Elements tells whether an element of a value of the column can be an identifier as it is written.
func (c *Column) Elements() bool { return c.Several && c.Searchable || c.UUIDs }

// Unique is a unique index, a primary key or an exclusion constraint.
type Unique struct {
	Name    string
	Columns []string // also those within expressions and predicates
	// Plain says that it has no expression and no predicate and is checked at once: it identifies rows.
	Plain bool
	// NullsNotDistinct says that two NULLs collide.
	NullsNotDistinct bool
	// Keys are the expressions that must not be alike, and Predicate says for which rows; empty for all.
	Keys      []string
	Predicate string
	// Part is the part of the table over which it holds; empty for all of it.
	Part string
}

// Check is a CHECK constraint.
type Check struct {
	Name       string
	Columns    []string
	Expression string
}

// ForeignKey is a foreign key of a live table.
type ForeignKey struct {
	Name      string
	Columns   []string
	Schema    string
	Table     string
	ToColumns []string
	OnDelete  string // NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT
	OnUpdate  string // as OnDelete, or DISABLED when its triggers are
	MatchFull bool
	// Valid says that the rows of before it was made were held against it too.
	Valid bool `json:"-"`
}

// Name is the name of a relation.
type Name struct{ Schema, Table string }

// Table is a relation of the live schema.
type Table struct {
	Schema, Name string
	Kind         Kind
	Columns      []Column
	PrimaryKey   []string
	Uniques      []Unique
	Checks       []Check
	ForeignKeys  []ForeignKey
	Triggers     []string
	RowSecurity  bool
	Rules        bool
	// Inherited says that other tables inherit from it (not partitions): its keys do not hold over all its rows.
	Inherited bool
	// Parents are the tables of which it is a part: one by partition, several by inheritance.
	Parents []Name
	// Partition says that it is a part of a partitioned table, which stands for it.
	Partition bool
	// Rows is about how many rows it has, as the store's statistics say: no part of a digest.
	Rows int64 `json:"-"`
	// Indexes holds the leading columns of each index. They change speed, not meaning: no part of a digest.
	Indexes [][]string `json:"-"`
	// Folded holds the columns with an index that leads with their text in lower case.
	Folded []string `json:"-"`
	// Published and Subscribed name the publications that copy its rows elsewhere, and the subscriptions that bring them.
	Published  []string `json:"-"`
	Subscribed []string `json:"-"`
	// Bare names a publication of changes and deletes, for which its rows have no identity: the store refuses both.
	Bare string `json:"-"`
	// Reads are the relations that a materialised view reads, through other views too.
	Reads []Name `json:"-"`
}

// Path returns schema.name.
func (t *Table) Path() string { return t.Schema + "." + t.Name }

// Column returns the column of that exact name, or nil.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// Schema is what a store's catalogue says.
type Schema struct {
	Tables []Table
	// Slots are the logical replication slots of the database, by which its changes are copied elsewhere.
	Slots []string
}

// Table returns the relation of that exact name, or nil.
func (s *Schema) Table(schema, name string) *Table {
	for i := range s.Tables {
		if s.Tables[i].Schema == schema && s.Tables[i].Name == name {
			return &s.Tables[i]
		}
	}
	return nil
}

// Stores tells whether the relation holds rows of its own: a table or a materialised view.
func (t *Table) Stores() bool {
	return t.Kind == Ordinary || t.Kind == Partitioned || t.Kind == Materialised
}

func (t *Table) name() Name { return Name{t.Schema, t.Name} }

// Heirs returns the parts of a table, at any depth, in the order of the schema.
func (s *Schema) Heirs(t *Table) []*Table {
	within := map[Name]bool{t.name(): true}
	for grew := true; grew; {
		grew = false
		for i := range s.Tables {
			h := &s.Tables[i]
			if !within[h.name()] && slices.ContainsFunc(h.Parents, func(n Name) bool { return within[n] }) {
				within[h.name()], grew = true, true
			}
		}
	}
	var heirs []*Table
	for i := range s.Tables {
		if h := &s.Tables[i]; within[h.name()] && h.name() != t.name() {
			heirs = append(heirs, h)
		}
	}
	return heirs
}

// rowKey returns the columns that identify a row: the primary key, else a plain unique index over NOT NULL columns. Nil
// means that only the row's physical place identifies it.
func (t *Table) rowKey() []string {
	if t.Inherited {
		return nil
	}
	if len(t.PrimaryKey) > 0 {
		return t.PrimaryKey
	}
	for _, u := range t.Uniques {
		if u.Plain && u.Part == "" && len(u.Columns) > 0 && !slices.ContainsFunc(u.Columns, func(c string) bool {
			column := t.Column(c)
			return column == nil || !column.NotNull
		}) {
			return u.Columns
		}
	}
	return nil
}

// Indexed tells whether an index leads with these columns, in any order.
func (t *Table) Indexed(columns []string) bool {
	return slices.ContainsFunc(t.Indexes, func(index []string) bool {
		return len(index) >= len(columns) && sameSet(index[:len(columns)], columns)
	})
}

func sameSet(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x string) bool { return !slices.Contains(b, x) })
}
