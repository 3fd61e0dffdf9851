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
		"[":          "document 1 of the manifest",
		"dataset: [{fides_key: a}, {fides_key: b}]":                  "name one of: a, b",
		"dataset: [{fides_key: a}]\n---\ndataset: [{fides_key: b}]":  "name one of: a, b",
		"dataset: [{fides_key: a}]\n...\ndataset: [{fides_key: b}]":  "name one of: a, b",
		"dataset: [{fides_key: a}]\n--- {dataset: [{fides_key: b}]}": "name one of: a, b",
		"dataset: []\ndataset: [{fides_key: b}]":                     `key "dataset" already set`,
		"- fides_key: a":                                             "document 1 of the manifest is no object",
		"dataset: []\n---\nfides_key: a\n":                           `no list "dataset"`,
		"dataset: [{fides_key: \xff}]":                               "no text in UTF-8",
		one(`{name: t, fields: [{name: a}]}`):                        "no collection with an identity",
		one(strings.Repeat(people+",", 200)):                         "",
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

func TestADatasetIsFoundInAnyDocumentOfAStream(t *testing.T) {
	stream := "\ufeff%YAML 1.2\n# first\n---\nsystem: [{fides_key: s}]\r\n---\r\n" + one(people) + "\n---\n\n--- # more\n" +
		strings.Replace(one(people), "fides_key: d", "fides_key: e", 1) + "\n---\n" + strings.Replace(one("null"), "fides_key: d", "fides_key: f", 1) + "\n...\n"
	got, err := fides.Read([]byte(stream), "e")
	if err != nil || len(got.Dataset.Tables) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, want := range []string{"the manifest: system has no place", "other datasets: d, f;"} {
		if !strings.Contains(strings.Join(got.Losses, "\n"), want) {
			t.Errorf("%q is not in %v", want, got.Losses)
		}
	}
	for key, want := range map[string]string{"x": `no dataset "x"; name one of: d, e, f`, "f": "no collection with an identity"} {
		if got, err := fides.Read([]byte(stream), key); err == nil || !strings.Contains(err.Error(), want) || len(got.Losses) == 0 {
			t.Errorf("%s: %v %v", key, got.Losses, err)
		}
	}
	if _, err := fides.Read([]byte(stream+"---\n"+one(people)), "d"); err == nil || !strings.Contains(err.Error(), `the dataset "d" 2 times`) {
		t.Errorf("the same key twice: %v", err)
	}
}

// What no dataset here can say is named, wherever it stands.
func TestNothingOfAManifestIsLostSilently(t *testing.T) {
	with := func(field string) string {
		return one(strings.Replace(people, "{name: mail", field+", {name: mail", 1))
	}
	for manifest, want := range map[string]string{
		with(`{name: a, data_categories: [usr.name]}`):                                                                                  `people.a: whether the category "usr.name" is about people is not known`,
		with(`{name: a, data_categories: [users.name, system.operations]}`):                                                             `"users.name"`,
		with(`{name: a, data_categories: user.name}`):                                                                                   "people.a: data_categories has no place",
		with(`{name: a, data_categories: [user.` + strings.Repeat("x", 96) + `]}`):                                                      "people.a: its category, which is longer than 100 bytes",
		with(`{name: a, data_uses: [essential], retention: 1 year}`):                                                                    "people.a: data_uses, retention has no place",
		with(`{name: a, fides_meta: {read_only: true, colour: red}}`):                                                                   "people.a fides_meta: colour, read_only has no place",
		with(`{name: a, fides_meta: {references: [{dataset: d, field: people.id, direction: from, where: x}]}}`):                        "people.a reference: where has no place",
		with(`{name: a, fides_meta: {references: [{dataset: [d], field: people.id, direction: from}]}}`):                                "people.a reference: dataset has no place",
		with(`{name: a, fides_meta: {references: [people.id]}}`):                                                                        "people.a: a reference that is no object",
		with(`{name: a, fides_meta: {references: [{field: people.b.c, direction: from}]}}, {name: b, fields: [{name: c}]}`):             "people.a refers to people.b.c: it is within the column people.b",
		with(`{name: a, data_categories: [user.name], fides_meta: {masking_strategy_override: {strategy: shuffle}}}`):                   "people.a: the masking strategy shuffle",
		with(`{name: a, data_categories: [user.name], masking_strategy_override: {strategy: hmac}}`):                                    "people.a: masking_strategy_override has no place",
		with(`{name: a, data_categories: [user.name], fides_meta: {masking_strategy_override: {strategy: hash, if: x}}}`):               "people.a fides_meta masking_strategy_override: if has no place",
		with(`{name: a, fides_meta: {masking_strategy_override: {strategy: null_rewrite}}}`):                                            "people.a: the mask Null of what has no category",
		with(`{name: a, fields: [{name: b, data_categories: [user.name], fides_meta: {masking_strategy_override: {strategy: hmac}}}]}`): "people.a.b: the mask Pseudonym of a part",
		with(`{name: a, fields: [{fields: [], data_categories: [user.name]}]}`):                                                         "people.a: field 1 within it is left out",
		with(`{name: a, fields: [{name: b, fields: [null]}]}`):                                                                          "people.a.b: field 1 within it is left out",
		with(`{name: a, fides_meta: {identity: phone, data_type: "string[]"}}`):                                                         "people.a: an identity within string[]",
		with(`{name: a, fides_meta: {identity: phone}, fidesops_meta: {read_only: true}}`):                                              "people.a: fidesops_meta has no place",
		with(`{name: 7, data_categories: [user.name]}`):                                                                                 "people: field 2 is left out",
		one(people + `, {name: [x], fields: []}`):                                                                                       "collection 2 is left out: it is no object with a name",
		one(people + `, {name: a, data_categories: [customer], fields: []}`):                                                            "a has data_categories",
		one(people + `, {name: a, fides_meta: {masking_strategy_override: {strategy: delete}}, fields: [{name: b}]}`):                   "a is left out, though its rows are to be deleted",
		one(people + `, {name: a, fides_meta: {masking_strategy_override: {strategy: delete, after: 1}}, fields: []}`):                  "a fides_meta masking_strategy_override: after has no place",
		strings.Replace(one(people), "collections", "data_qualifier: aggregated, collections", 1):                                       "the dataset: data_qualifier has no place",
		one(people) + "\npolicy: []\n":                                "the manifest: policy has no place",
		"dataset: [x, {fides_key: d, collections: [" + people + "]}]": `an item of the list "dataset" is no object`,
		with(`{name: a, data_categories: [user.name], fides_meta: {masking_strategy_override: {strategy: string_rewrite, configuration: {rewrite_value: x, format_preservation: {suffix: y}}}}}`): "configuration: format_preservation has no place",
	} {
		got, err := fides.Read([]byte(manifest), "")
		if err != nil || len(got.Dataset.Tables) != 1 {
			t.Errorf("%s: %+v, %v", manifest, got.Dataset, err)
		}
		if !strings.Contains(strings.Join(got.Losses, "\n"), want) {
			t.Errorf("%s: %q is not in %q", manifest, want, got.Losses)
		}
	}
}

func TestTheCategoriesOfEveryFideslangHaveTheirSensitivity(t *testing.T) {
	for category, want := range map[string]v1alpha1.Sensitivity{
		"user.name": "", "user.healthy": "", "user.contact.email": "", "account.contact.email": "", "user.provided.identifiable.name": "",
		"user.health": "Special", "user.health.medications": "Special", "user.health_and_medical.genetic": "Special", "user.provided.identifiable.health_and_medical": "Special",
		"user.biometrics.voice": "Special", "user.biometric.voice": "Special", "user.biometric_health": "Special", "user.derived.identifiable.biometric_health": "Special",
		"user.authorization.biometrics": "Special", "user.credentials.biometric_credentials": "Special", "user.derived.identifiable.religious_belief": "Special",
		"user.demographic.union_membership": "Special", "user.demographic.philosophical_belief": "Special",
		"user.payment": "Sensitive", "account.payment.financial_account_number": "Sensitive", "user.provided.identifiable.credentials.password": "Sensitive",
	} {
		got, err := fides.Read([]byte(one(strings.Replace(people, "{name: mail", "{name: a, data_categories: ["+category+"]}, {name: mail", 1))), "")
		if err != nil || len(got.Dataset.Tables) != 1 || got.Dataset.Tables[0].Columns[0].Name != "a" {
			t.Fatalf("%s: %+v, %v", category, got, err)
		}
		if c := got.Dataset.Tables[0].Columns[0]; c.Sensitivity != want {
			t.Errorf("%s is %q, want %q", category, c.Sensitivity, want)
		}
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
