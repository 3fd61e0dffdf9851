package plan

import (
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Findings is what the dataset does not say about the live schema.
type Findings struct {
	// Tables refer to a declared one or have a column with the name and type of a subject key.
	Tables []string
	// Columns have the name and type of a subject key and are not declared.
	Columns []string
}

// Scan compares the dataset with the live schema. Missing tables are New's to refuse; Scan passes over them.
func Scan(dataset *v1alpha1.Dataset, schema *Schema) Findings {
	declared := map[string]v1alpha1.DatasetTable{}
	for _, t := range dataset.Tables {
		if t.Schema == "" {
			t.Schema = "public"
		}
		declared[string(t.Schema)+"."+string(t.Name)] = t
	}
	names := keyNames(declared, schema)
	var f Findings
	for i := range schema.Tables {
		live := &schema.Tables[i]
		if live.Partition || !live.Stores() {
			continue
		}
		known, isDeclared := declared[live.Path()]
		found := slices.ContainsFunc(live.ForeignKeys, func(fk ForeignKey) bool {
			_, ok := declared[fk.Schema+"."+fk.Table]
			return ok
		})
		for _, c := range live.Columns {
			if names[keyName{c.Name, c.Class}] && !slices.Contains(declaredColumns(&known), v1alpha1.Identifier(c.Name)) {
				f.Columns = append(f.Columns, live.Path()+"."+c.Name)
				found = true
			}
		}
		if found && !isDeclared {
			f.Tables = append(f.Tables, live.Path())
		}
	}
	slices.Sort(f.Tables)
	slices.Sort(f.Columns)
	return f
}

type keyName struct {
	name  string
	class Class
}

// keyNames returns the names of subject keys by which other columns are recognised. A primary key named id names
// nothing: every table has one.
func keyNames(declared map[string]v1alpha1.DatasetTable, schema *Schema) map[keyName]bool {
	names := map[keyName]bool{}
	for _, t := range declared {
		live := schema.Table(string(t.Schema), string(t.Name))
		if live == nil {
			continue
		}
		for _, k := range t.SubjectKeys {
			column := live.Column(string(k.Column))
			if column == nil || (slices.Equal(live.PrimaryKey, []string{column.Name}) && column.Name == "id") {
				continue
			}
			names[keyName{column.Name, column.Class}] = true
		}
	}
	return names
}
