package plan

import (
	"regexp"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Findings is what the dataset does not say about the live schema.
type Findings struct {
	// Tables refer to a declared one or have a column that looks like a subject key.
	Tables []string
	// Columns look like a subject key and are not declared: by name and type, by name as a reference to a declared table,
	// by the domain, or by a name that says what they hold.
	Columns []string
	// Personal are other columns that by their names hold something of a person, in tables that are not declared or whose
	// rows stay without it being declared. Nobody is found by them.
	Personal []string
}

// Scan compares the dataset with the live schema. Missing tables are New's to refuse; Scan passes over them.
func Scan(dataset *v1alpha1.Dataset, schema *Schema) Findings {
	declared := map[Name]v1alpha1.DatasetTable{}
	for _, t := range dataset.Tables {
		if t.Schema == "" {
			t.Schema = "public"
		}
		declared[Name{string(t.Schema), string(t.Name)}] = t
	}
	marks, wholes := marksOf(declared, schema), wholesOf(declared, schema)
	var f Findings
	for i := range schema.Tables {
		live := &schema.Tables[i]
		if live.Partition || !live.Stores() {
			continue
		}
		known, isDeclared := declared[live.name()]
		if whole := wholes[live.name()]; len(whole) > 0 && !isDeclared {
			live = besides(live, whole)
		}
		found := slices.ContainsFunc(live.ForeignKeys, func(fk ForeignKey) bool {
			_, ok := declared[Name{fk.Schema, fk.Table}]
			return ok
		})
		for _, c := range live.Columns {
			known := said(&known, &c) || isDeclared && leadsWithin(live, c.Name, declared)
			if !known && (marks.mark(&c) || marks.refersElsewhere(live, &c) && (!isDeclared || !maker.MatchString(c.Name))) {
				f.Columns = append(f.Columns, live.Path()+"."+c.Name)
				found = true
			}
		}
		if !isDeclared || stays(known.OnErasure) {
			for _, name := range personal(live, isDeclared, len(known.SubjectKeys) > 0) {
				path := live.Path() + "." + name
				if !slices.Contains(f.Columns, path) && !said(&known, live.Column(name)) {
					f.Personal = append(f.Personal, path)
				}
			}
		}
		if found && !isDeclared {
			f.Tables = append(f.Tables, live.Path())
		}
	}
	slices.Sort(f.Tables)
	slices.Sort(f.Columns)
	slices.Sort(f.Personal)
	return f
}

// said tells whether the dataset says something of a column: of itself, or, where it is generated, of all that it is computed from.
func said(d *v1alpha1.DatasetTable, c *Column) bool {
	declared := declaredColumns(d)
	unsaid := func(name string) bool { return !slices.Contains(declared, v1alpha1.Identifier(name)) }
	return !unsaid(c.Name) || len(c.From) > 0 && !slices.ContainsFunc(c.From, unsaid)
}

// leadsWithin tells whether a column is part of a foreign key to a declared table: what becomes of it follows from that.
func leadsWithin(t *Table, column string, declared map[Name]v1alpha1.DatasetTable) bool {
	return slices.ContainsFunc(t.ForeignKeys, func(fk ForeignKey) bool {
		_, ok := declared[Name{fk.Schema, fk.Table}]
		return ok && slices.Contains(fk.Columns, column)
	})
}

// wholesOf are, by heir, the declared tables that stand for it: it may inherit from several.
func wholesOf(declared map[Name]v1alpha1.DatasetTable, schema *Schema) map[Name][]*Table {
	wholes := map[Name][]*Table{}
	for name := range declared {
		whole := schema.Table(name.Schema, name.Table)
		if whole == nil || !whole.Inherited {
			continue
		}
		for _, heir := range schema.Heirs(whole) {
			wholes[heir.name()] = append(wholes[heir.name()], whole)
		}
	}
	return wholes
}

// besides is an heir with the columns alone that none of the tables which stand for it has.
func besides(heir *Table, wholes []*Table) *Table {
	own := *heir
	own.Columns = slices.DeleteFunc(slices.Clone(heir.Columns), func(c Column) bool {
		return slices.ContainsFunc(wholes, func(whole *Table) bool { return whole.Column(c.Name) != nil })
	})
	own.ForeignKeys = slices.DeleteFunc(slices.Clone(heir.ForeignKeys), func(fk ForeignKey) bool { return own.Column(fk.Columns[0]) == nil })
	return &own
}

type columnName struct {
	name  string
	class Class
}

// marks is by what columns are recognised as subject keys.
type marks struct {
	names   map[columnName]bool   // of subject keys
	refers  map[columnName][]Name // of columns that refer, somewhere, to declared tables, and to which
	domains map[string]bool
	kinds   map[v1alpha1.IdentifierKind]bool
}

// words are the names, in the languages of the Union, that columns with an identifier have.
var words = map[v1alpha1.IdentifierKind]*regexp.Regexp{
	v1alpha1.IdentifierEmail: regexp.MustCompile(`(?i)e[-_ ]?mail|(^|[-_ ])mail([-_ ]|$)|courriel|correo`),
	v1alpha1.IdentifierPhone: regexp.MustCompile(`(?i)phone|telefon|telefono|(^|[-_ ])(tel|mobile|msisdn|handy)([-_ ]|$)`),
}

func (m *marks) mark(c *Column) bool {
	if m.names[columnName{c.Name, c.Class}] || c.Domain && m.domains[c.Type] {
		return true
	}
	for kind, word := range words {
		if m.kinds[kind] && c.Class == Text && word.MatchString(c.Name) {
			return true
		}
	}
	return false
}

// refersElsewhere says that a column refers to people by its name. The key of a table to which columns of this name refer is what
// they refer to, and a column of a foreign key says by itself where it leads.
func (m *marks) refersElsewhere(t *Table, c *Column) bool {
	to := m.refers[columnName{c.Name, c.Class}]
	own := slices.Equal(t.PrimaryKey, []string{c.Name}) && slices.Contains(to, t.name())
	return len(to) > 0 && !own && !inForeignKey(t, c.Name)
}

// marksOf gathers what the declared tables tell. A column named id names nothing: every table has one; nor does a mere name.
func marksOf(declared map[Name]v1alpha1.DatasetTable, schema *Schema) *marks {
	m := &marks{names: map[columnName]bool{}, refers: map[columnName][]Name{}, domains: map[string]bool{}, kinds: map[v1alpha1.IdentifierKind]bool{}}
	for name, t := range declared {
		live := schema.Table(name.Schema, name.Table)
		if live == nil {
			continue
		}
		for _, k := range t.SubjectKeys {
			column := live.Column(string(k.Column))
			if column == nil || (slices.Equal(live.PrimaryKey, []string{column.Name}) && column.Name == "id") {
				continue
			}
			m.kinds[k.Identifier] = true
			if column.Domain && len(k.Path) == 0 {
				m.domains[column.Type] = true
			}
			if len(k.Path) > 0 || about.plain.MatchString(wordsOf(column.Name)) { // the column's name says nothing of what is within
				continue
			}
			m.names[columnName{column.Name, column.Class}] = true
		}
	}
	m.references(declared, schema)
	return m
}

// references gathers the names of columns that refer to people: by foreign keys of any table, and as the dataset says, since
// many schemas have no foreign keys. A reference of which a kind decides where it leads says nothing of others of its name.
func (m *marks) references(declared map[Name]v1alpha1.DatasetTable, schema *Schema) {
	people := peopleOf(declared, schema)
	for i := range schema.Tables {
		live := &schema.Tables[i]
		refers := func(to Name, columns []string) {
			if column := live.Column(columns[0]); people[to] && len(columns) == 1 && column != nil && column.Name != "id" {
				at := columnName{column.Name, column.Class}
				m.refers[at] = append(m.refers[at], to)
			}
		}
		for _, fk := range live.ForeignKeys {
			refers(Name{fk.Schema, fk.Table}, fk.Columns)
		}
		t := declared[live.name()]
		for _, r := range t.References {
			if mutual := people[live.name()] && len(t.SubjectKeys) == 0; r.Where == nil && !mutual { // it would be by the person's own key
				refers(leadsTo(live, &r), texts(r.Columns))
			}
		}
	}
}

// peopleOf are the declared tables whose rows are people: those with subject keys, and those that own, and are owned by, such
// a one: accounts whose addresses are in a table of their own.
func peopleOf(declared map[Name]v1alpha1.DatasetTable, schema *Schema) map[Name]bool {
	people, led := map[Name]bool{}, map[Name]bool{}
	for name, t := range declared {
		live := schema.Table(name.Schema, name.Table)
		if live == nil || len(t.SubjectKeys) == 0 {
			continue
		}
		people[name] = true
		for _, fk := range live.ForeignKeys {
			led[Name{fk.Schema, fk.Table}] = true
		}
		for _, r := range t.References {
			led[leadsTo(live, &r)] = true
		}
	}
	for name, t := range declared {
		if live := schema.Table(name.Schema, name.Table); live != nil && led[name] && slices.ContainsFunc(t.References, func(r v1alpha1.TableReference) bool {
			return len(declared[leadsTo(live, &r)].SubjectKeys) > 0
		}) {
			people[name] = true
		}
	}
	return people
}

// leadsTo is the table of a declared reference: of the same schema where it names none.
func leadsTo(from *Table, r *v1alpha1.TableReference) Name {
	if r.Schema == "" {
		return Name{from.Schema, string(r.Table)}
	}
	return Name{string(r.Schema), string(r.Table)}
}
