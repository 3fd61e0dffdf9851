package plan

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestPathsThatMeanNothingAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ columns, want string }{
		"none":                         {"{name: body}", ""},
		"beside each other":            {`{name: body, within: [{path: [a, b]}, {path: [a, c]}, {path: [b]}]}`, ""},
		"in two columns":               {`{name: body, within: [{path: [a]}]}, {name: more, within: [{path: [a]}]}`, ""},
		"the same":                     {`{name: body, within: [{path: [a]}, {path: [a]}]}`, "columns[0].within[1].path leads to"},
		"around":                       {`{name: body, within: [{path: [a, b]}, {path: [a]}]}`, "columns[0].within[1].path leads to"},
		"each element and one of them": {`{name: body, within: [{path: [a, "1", b]}, {path: [a, "*"]}]}`, "columns[0].within[1].path leads to"},
		"each element and a name":      {`{name: body, within: [{path: [a, x]}, {path: [a, "*"]}]}`, ""},
		"two stars":                    {`{name: body, within: [{path: ["*", "*"]}]}`, "columns[0].within[0].path has more than one *"},
		"a mask without its constant":  {`{name: body, within: [{path: [a], mask: Constant}]}`, "columns[0].within[0].constant is set exactly"},
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
		case !covers(x, append(x[:len(x):len(x)], y...)):
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
			if got := complete(c.changes, key); len(got) != 1 || len(got[0].Within) != c.edits {
				t.Errorf("%+v, want %d edits", got, c.edits)
			}
		})
	}
}
