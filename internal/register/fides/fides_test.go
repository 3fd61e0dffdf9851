package fides_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register/fides"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func TestManifests(t *testing.T) {
	accepted := accepts(t)
	for _, name := range []string{"shop", "exported", "market"} {
		t.Run(name, func(t *testing.T) {
			manifest, err := os.ReadFile("testdata/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			got, err := fides.Read(manifest, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := accepted(t.Context(), got.Dataset); err != nil {
				t.Error(err)
			}
			text, err := yaml.Marshal(map[string]any{"dataset": got.Dataset, "losses": got.Losses})
			if err != nil {
				t.Fatal(err)
			}
			golden := "testdata/" + name + ".golden.yaml"
			if *update {
				if err := os.WriteFile(golden, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A row that one person handles and that names another, or that two people made, is not only the one's: ownedThrough would
// say that it is, and their data would go with hers.
func TestRowsOfSeveralPeopleHaveNoOwnerThatNobodyNamed(t *testing.T) {
	for name, collections := range map[string]string{
		"another's address":            people + `, {name: tickets, fields: [{name: mail, fides_meta: {identity: email}}, {name: clerk, fides_meta: {references: [{field: people.id, direction: from}]}}]}`,
		"two references":               people + `, {name: tickets, fields: [{name: body, data_categories: [user.content]}, {name: by, fides_meta: {references: [{field: people.id, direction: from}]}}, {name: to, fides_meta: {references: [{field: people.id, direction: from}]}}]}`,
		"a copied address":             people + `, {name: tickets, fields: [{name: body, data_categories: [user.content]}, {name: who, fides_meta: {references: [{field: people.mail, direction: from}]}}]}`,
		"one column to several tables": people + `, ` + strings.ReplaceAll(people, "people", "staff") + `, {name: tickets, fields: [{name: body, data_categories: [user.content]}, {name: who, fides_meta: {references: [{field: people.id, direction: from}, {field: staff.id, direction: from}]}}]}`,
	} {
		got, err := fides.Read([]byte(one(collections)), "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tickets := got.Dataset.Tables[len(got.Dataset.Tables)-1]
		if tickets.Name != "tickets" || len(tickets.OwnedThrough) > 0 || len(tickets.References) == 0 || !strings.Contains(strings.Join(got.Losses, "\n"), "tickets: rows can belong to several people") {
			t.Errorf("%s: %+v %v", name, tickets, got.Losses)
		}
	}
}

// one is a manifest of collections.
func one(collections string) string {
	return "dataset: [{fides_key: d, collections: [" + collections + "]}]"
}

const people = `{name: people, fields: [{name: id, fides_meta: {primary_key: true}}, {name: mail, data_categories: [user.contact.email], fides_meta: {identity: email}}]}`

func TestOnlyKeysOfRowsSayWhoseARowIs(t *testing.T) {
	notes := func(fields string) string {
		return people + `, {name: notes, fields: [{name: body, data_categories: [user.content]}, ` + fields + `]}`
	}
	for name, test := range map[string]struct {
		collections string
		owned       bool
		loss        string
	}{
		"found by the key of a person's row":             {notes(`{name: who, fides_meta: {references: [{field: people.id, direction: from}]}}`), true, ""},
		"the same without a direction":                   {notes(`{name: who, fides_meta: {references: [{field: people.id}]}}`), true, ""},
		"found by an identity":                           {notes(`{name: who, fides_meta: {references: [{field: people.mail, direction: from}]}}`), true, ""},
		"found by what is no key":                        {strings.Replace(notes(`{name: id, fides_meta: {primary_key: true, references: [{field: people.note_id, direction: from}]}}`), "{name: mail", "{name: note_id}, {name: mail", 1), false, "they may belong to others too"},
		"a key on both sides":                            {notes(`{name: who, fides_meta: {primary_key: true, references: [{field: people.id}]}}`), false, "neither its direction nor the primary keys"},
		"a key of several fields":                        {strings.Replace(notes(`{name: who, fides_meta: {references: [{field: people.id, direction: from}]}}`), "{name: mail", "{name: part, fides_meta: {primary_key: true}}, {name: mail", 1), false, "which is no key of a row"},
		"another dataset":                                {notes(`{name: who, fides_meta: {references: [{dataset: e, field: people.id, direction: from}]}}`), false, "within one store"},
		"a field that is not there":                      {notes(`{name: who, fides_meta: {references: [{field: people.no, direction: from}]}}`), false, "no such field"},
		"a direction that is none":                       {notes(`{name: who, fides_meta: {references: [{field: people.id, direction: up}]}}`), false, "neither its direction"},
		"itself":                                         {notes(`{name: who, fides_meta: {references: [{field: notes.id, direction: from}]}}, {name: id, fides_meta: {primary_key: true}}`), false, "refers to itself"},
		"the person's row says where its notes are":      {strings.Replace(notes(`{name: who}`), "{name: id, fides_meta: {primary_key: true", "{name: id, fides_meta: {primary_key: true, references: [{field: notes.who, direction: to}]", 1), true, ""},
		"a row to which several people's rows may refer": {strings.Replace(notes(`{name: id, fides_meta: {primary_key: true}}`), "{name: mail", "{name: note_id, fides_meta: {references: [{field: notes.id, direction: to}]}}, {name: mail", 1), false, "they may belong to others too"},
	} {
		got, err := fides.Read([]byte(one(test.collections)), "d")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		owned := len(got.Dataset.Tables) == 2 && len(got.Dataset.Tables[1].References) == 1
		if owned != test.owned || !strings.Contains(strings.Join(got.Losses, "\n"), test.loss) {
			t.Errorf("%s: owned %v, %v", name, owned, got.Losses)
		}
		if !owned && !slices.ContainsFunc(got.Losses, func(l string) bool { return strings.HasPrefix(l, "notes is left out, though it has personal data") }) {
			t.Errorf("%s: that notes is left out is not said: %v", name, got.Losses)
		}
	}
}

func TestWhatIsNoManifestIsRefused(t *testing.T) {
	for manifest, want := range map[string]string{
		"":           `no list "dataset"`,
		"dataset: x": `no list "dataset"`,
		"[":          "reading the manifest",
		"dataset: [{fides_key: a}, {fides_key: b}]": "name one of: a, b",
		one(`{name: t, fields: [{name: a}]}`):       "no collection with an identity",
		one(strings.Repeat(people+",", 200)):        "",
	} {
		if _, err := fides.Read([]byte(manifest), ""); (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s: %v", manifest, err)
		}
	}
	many := []string{}
	for i := range 129 {
		many = append(many, strings.Replace(people, "name: people", fmt.Sprintf("name: people%d", i), 1))
	}
	if _, err := fides.Read([]byte(one(strings.Join(many, ","))), ""); err == nil || !strings.Contains(err.Error(), "129 tables") {
		t.Errorf("%v", err)
	}
}

// manifest draws one in which anything may refer to anything.
func manifest(r *rapid.T) (map[string]any, map[string][]string) {
	word := rapid.SampledFrom([]string{"a", "b", "c", "d", "s.a", strings.Repeat("x", 64)})
	maybe := func(name string) bool { return rapid.Bool().Draw(r, name) }
	personal := map[string][]string{}
	collections := []any{}
	for range rapid.IntRange(0, 5).Draw(r, "tables") {
		table := word.Draw(r, "table")
		fields := []any{}
		for range rapid.IntRange(0, 5).Draw(r, "fields") {
			field, meta := word.Draw(r, "field"), map[string]any{"primary_key": maybe("primary")}
			f := map[string]any{"name": field, "fides_meta": meta}
			if maybe("personal") {
				f["data_categories"] = []any{rapid.SampledFrom([]string{"user.name", "user.biometric", "system.operations", "user"}).Draw(r, "category")}
				if f["data_categories"].([]any)[0] != "system.operations" {
					personal[table] = append(personal[table], field)
				}
			}
			if maybe("found") {
				meta["identity"] = rapid.SampledFrom([]string{"email", "phone_number", "customer_id", "odd", "odder"}).Draw(r, "identity")
			}
			if maybe("refers") {
				meta["references"] = []any{map[string]any{"field": word.Draw(r, "to") + "." + word.Draw(r, "key"), "direction": rapid.SampledFrom([]string{"", "from", "to"}).Draw(r, "direction")}}
			}
			fields = append(fields, f)
		}
		meta := map[string]any{}
		if maybe("deletes") {
			meta["masking_strategy_override"] = map[string]any{"strategy": "delete"}
		}
		collections = append(collections, map[string]any{"name": table, "fields": fields, "fides_meta": meta})
	}
	return map[string]any{"dataset": []any{map[string]any{"fides_key": "d", "collections": collections}}}, personal
}

// TestADatasetIsWholeAndWhatIsNotInItIsNamed holds the rules of the API, and that no personal field vanishes silently.
func TestADatasetIsWholeAndWhatIsNotInItIsNamed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		drawn, personal := manifest(r)
		text, err := json.Marshal(drawn)
		if err != nil {
			r.Fatal(err)
		}
		got, err := fides.Read(text, "")
		if err != nil {
			return
		}
		type name struct{ schema, table v1alpha1.Identifier }
		known := map[name]bool{}
		columns := map[string]bool{}
		for _, d := range got.Dataset.Tables {
			if known[name{d.Schema, d.Name}] {
				r.Fatalf("%s twice", d.Name)
			}
			known[name{d.Schema, d.Name}] = true
			path := string(d.Name)
			if d.Schema != "" {
				path = string(d.Schema) + "." + path
			}
			for _, c := range d.Columns {
				if columns[path+"."+string(c.Name)] {
					r.Fatalf("%s.%s twice", path, c.Name)
				}
				columns[path+"."+string(c.Name)] = true
			}
			if (d.OnErasure == v1alpha1.EraseDetach) != (len(d.Detach) > 0) || (d.OnErasure == v1alpha1.EraseMaskColumns && len(d.Columns) == 0) || len(d.SubjectKeys)+len(d.References) == 0 {
				r.Fatalf("%+v", d)
			}
		}
		for _, d := range got.Dataset.Tables {
			for _, ref := range d.References {
				if !known[name{ref.Schema, ref.Table}] {
					r.Fatalf("%s refers to %s, which is not there", d.Name, ref.Table)
				}
			}
		}
		for table, fields := range personal {
			for _, field := range fields {
				named := slices.ContainsFunc(got.Losses, func(l string) bool {
					return strings.HasPrefix(l, table+"."+field+" ") || strings.HasPrefix(l, table+" is left out")
				})
				if !columns[table+"."+field] && !named {
					r.Fatalf("%s.%s vanished: %v", table, field, got.Losses)
				}
			}
		}
	})
}
