package grant_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
)

func TestOnlyWhereRowsCanGoMayTheEraserDelete(t *testing.T) {
	for action, want := range map[v1alpha1.TableErasure]string{
		v1alpha1.EraseDeleteRows:  `GRANT SELECT, UPDATE, DELETE ON t TO e`,
		v1alpha1.EraseKeep:        `GRANT SELECT, UPDATE, DELETE ON t TO e`,
		v1alpha1.EraseMaskColumns: `GRANT SELECT, UPDATE ON t TO e`,
		v1alpha1.EraseDetach:      `GRANT SELECT, UPDATE ON t TO e`,
	} {
		if got := grant.Erase("t", "e", action); got != want {
			t.Errorf("%s: %s", action, got)
		}
	}
}

func TestRolesHavePlainNames(t *testing.T) {
	dataset := &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{{Name: "t"}}}
	for _, roles := range [][2]string{{"", "v"}, {"e", "E"}, {"e", "v\n"}, {"e'", "v"}, {`e"`, "v"}, {"e$$", "v"}, {"1e", "v"}, {"e", "e"}, {"e", strings.Repeat("v", 64)}} {
		if script, err := grant.Script("db", dataset, roles[0], roles[1]); err == nil || script != "" {
			t.Errorf("%q: %s", roles, script)
		}
	}
}

// TestNoNameLeavesItsQuotes takes names that try to, and looks at what is left of the script without quoted names and
// comments: it is the same for all names.
func TestNoNameLeavesItsQuotes(t *testing.T) {
	bare := func(database, schema, table string) string {
		script, err := grant.Script(database, &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{
			{Schema: v1alpha1.Identifier(schema), Name: v1alpha1.Identifier(table), OnErasure: v1alpha1.EraseDeleteRows}}}, "e", "v")
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		quoted := false
		for _, r := range strings.ReplaceAll(script, `""`, "") {
			if r == '"' {
				quoted = !quoted
			} else if !quoted {
				out.WriteRune(r)
			}
		}
		return out.String()
	}
	want := bare("db", "s", "t")
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[a-z"';$ \\.-]{1,20}`), rapid.String().Filter(func(s string) bool { return s != "" }))
		if got := bare(name.Draw(r, "database"), name.Draw(r, "schema"), name.Draw(r, "table")); got != want {
			r.Fatalf("%s", got)
		}
	})
}
