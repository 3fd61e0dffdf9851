package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestPathsThatMeanNothingAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ columns, want string }{
		"none":                              {"{name: body}", ""},
		"beside each other":                 {`{name: body, within: [{path: [a, b]}, {path: [a, c]}, {path: [b]}]}`, ""},
		"in two columns":                    {`{name: body, within: [{path: [a]}]}, {name: more, within: [{path: [a]}]}`, ""},
		"the same":                          {`{name: body, within: [{path: [a]}, {path: [a]}]}`, "columns[0].within[1].path leads to"},
		"around":                            {`{name: body, within: [{path: [a, b]}, {path: [a]}]}`, "columns[0].within[1].path leads to"},
		"each element and one of them":      {`{name: body, within: [{path: [a, "1", b]}, {path: [a, "*"]}]}`, "columns[0].within[1].path leads to"},
		"each element and a name":           {`{name: body, within: [{path: [a, x]}, {path: [a, "*"]}]}`, ""},
		"an element taken out by its place": {`{name: body, within: [{path: [addresses, "0"], mask: Remove}]}`, "columns[0].within[0].mask would move the elements"},
		"two stars":                         {`{name: body, within: [{path: ["*", "*"]}]}`, "columns[0].within[0].path has more than one *"},
		"a key twice":                       {`{name: body}], subjectKeys: [{column: body, path: [a], identifier: Email}, {column: body, path: [b], identifier: Email}, {column: body, path: [a], identifier: Phone}`, "subjectKeys[2] names a column and path"},
		"a mask without its constant":       {`{name: body, within: [{path: [a], mask: Constant}]}`, "columns[0].within[0].constant is set exactly"},
	} {
		t.Run(name, func(t *testing.T) {
			d := dataset(t, "tables: [{name: forms, onErasure: MaskColumns, columns: ["+c.columns+"]}]")
			field, why := Misdeclared(&d.Tables[0])
			if got := strings.TrimSpace(field + " " + why); (c.want == "") != (got == "") || !strings.HasPrefix(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestAPathThatCoversAnotherMeetsIt(t *testing.T) {
	path := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "0", "1", each}), 1, 4)
	rapid.Check(t, func(t *rapid.T) {
		x, y := path.Draw(t, "x"), path.Draw(t, "y")
		switch {
		case covers(x, y) && !meet(x, y):
			t.Errorf("%v covers %v, and does not meet it", x, y)
		case meet(x, y) != meet(y, x):
			t.Errorf("%v and %v meet from one side", x, y)
		case !covers(x, append(slices.Clip(x), y...)):
			t.Errorf("%v does not cover what is within it", x)
		}
	})
}

func TestAKeyWithinJSONIsMaskedUnlessThatIsOrdered(t *testing.T) {
	key := Key{Column: "body", Path: []string{"contact", "email"}}
	whole := Change{Column: "body", Mask: v1alpha1.MaskDefault}
	within := func(path ...string) Change { return Change{Column: "body", Within: []Edit{{Path: path}}} }
	for name, c := range map[string]struct {
		changes []Change
		edits   int
	}{
		"nothing ordered":             {nil, 1},
		"the whole document":          {[]Change{whole}, 0},
		"another value":               {[]Change{within("name")}, 2},
		"the value":                   {[]Change{within("contact", "email")}, 1},
		"what is around it":           {[]Change{within("contact")}, 1},
		"something within what it is": {[]Change{within("contact", "email", "x")}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&Member{}).complete(c.changes, key); len(got) != 1 || len(got[0].Within) != c.edits {
				t.Errorf("%+v, want %d edits", got, c.edits)
			}
		})
	}
}

func TestARowOfSeveralPeopleLosesTheElementsOfOne(t *testing.T) {
	schema := tables("teams: id! mails note doc")
	team := &schema.Tables[0]
	mails, doc := team.Column("mails"), team.Column("doc")
	mails.Class, mails.Several, mails.Items = OtherClass, true, Text
	doc.Class, doc.Several, doc.Document = OtherClass, true, true
	for name, c := range map[string]struct {
		keys, columns, action string
		change                func()
		took, becomes         string
		refused               string
	}{
		"an array":                       {keys: "{column: mails, identifier: Email}", action: "DeleteRows", took: "mails Elements [Email]", becomes: "mails Elements [Email]"},
		"an array that is listed":        {keys: "{column: mails, identifier: Email}", columns: "columns: [{name: mails}, {name: note}],", action: "MaskColumns", took: "mails Elements [Email]", becomes: "mails Elements [Email], note Null"},
		"an array with a mask":           {keys: "{column: mails, identifier: Email}", columns: "columns: [{name: mails, mask: Constant, constant: '{}'}],", action: "MaskColumns", took: "mails Elements [Email]", becomes: "mails Constant"},
		"an array within JSON":           {keys: `{column: doc, path: [m, "*", email], identifier: Email}`, columns: "columns: [{name: doc, within: [{path: [x]}]}],", action: "MaskColumns", took: "doc at m.*.email of Email", becomes: "doc at m.*.email of Email at x Null"},
		"and a mask for the same":        {keys: `{column: doc, path: [m, "*", email], identifier: Email}`, columns: `columns: [{name: doc, within: [{path: [m, "*"], mask: Remove}]}],`, action: "MaskColumns", took: "doc at m.*.email of Email", becomes: "doc at m.* Remove"},
		"a place in an array is one":     {keys: `{column: doc, path: [m, "0"], identifier: Email}`, columns: "columns: [{name: note}],", action: "MaskColumns", becomes: "doc at m.0 Null, note Null"},
		"an array that the store makes":  {keys: "{column: mails, identifier: Email}", action: "DeleteRows", change: func() { mails.Computed = true }, refused: "public.teams.mails is computed by the store"},
		"an array of dates":              {keys: "{column: mails, identifier: Email}", action: "DeleteRows", change: func() { mails.Items = Date }, refused: "of which an element is no identifier"},
		"an array that is a key":         {keys: "{column: mails, identifier: AccountID}", action: "DeleteRows", change: func() { team.PrimaryKey = []string{"mails"} }, refused: "public.teams.mails is a key of the schema"},
		"a key that goes through two *":  {keys: `{column: doc, path: ["*", "*"], identifier: Email}`, action: "DeleteRows", refused: "subjectKeys[0].path of public.teams has more than one *"},
		"a structure that is no element": {keys: "{column: note, identifier: Email}", action: "DeleteRows", change: func() { team.Column("note").Several = true }, refused: "which is no single identifier"},
	} {
		t.Run(name, func(t *testing.T) {
			saved := *team
			saved.Columns = slices.Clone(team.Columns)
			defer func() { *team = saved; mails, doc = team.Column("mails"), team.Column("doc") }()
			if c.change != nil {
				c.change()
			}
			p, err := New(dataset(t, "tables: [{name: teams, subjectKeys: ["+c.keys+"], "+c.columns+" onErasure: "+c.action+"}]"), schema)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("%v, want %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			m := &p.Members[0]
			changes := m.Changes
			if m.Fallback != nil {
				changes = m.Fallback.Changes
			}
			if took, becomes := partsOf(m.Take), partsOf(changes); took != c.took || becomes != c.becomes {
				t.Errorf("takes %q, becomes %q; want %q, %q", took, becomes, c.took, c.becomes)
			}
		})
	}
}

// partsOf writes changes for people.
func partsOf(changes []Change) string {
	var all []string
	for _, c := range changes {
		text := c.Column
		if c.Mask != "" {
			text += " " + string(c.Mask)
		}
		if len(c.Elements) > 0 {
			text += fmt.Sprintf(" Elements %v", c.Elements)
		}
		for _, e := range c.Within {
			text += " at " + steps(e.Path)
			if e.Person != "" {
				text += " of " + string(e.Person)
			} else {
				text += " " + string(e.Mask)
			}
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}
