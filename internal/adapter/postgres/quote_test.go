package postgres_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/internal/erasure/grant"
)

// FuzzQuotedNamesComeBack creates a column of any name and reads it back from the catalogue: what was quoted is what the
// server understood.
func FuzzQuotedNamesComeBack(f *testing.F) {
	for _, seed := range append(names(), ` `) {
		f.Add(seed)
	}
	_, db := server.Database(f)
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || len(name) > 63 || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			t.Skip("no name that a catalogue can hold")
		}
		quoted := pgx.Identifier{name}.Sanitize()
		if ours := grant.Quote(name); ours != quoted {
			t.Fatalf("%q is quoted as %s, and by the driver as %s", name, ours, quoted)
		}
		if _, err := db.Exec(t.Context(), "CREATE TEMPORARY TABLE fuzz ("+quoted+" int)"); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		var back string
		if err := db.QueryRow(t.Context(), "SELECT attname::text FROM pg_attribute WHERE attrelid = 'pg_temp.fuzz'::regclass AND attnum = 1").Scan(&back); err != nil || back != name {
			t.Fatalf("%q came back as %q, %v", name, back, err)
		}
		if _, err := db.Exec(t.Context(), "DROP TABLE fuzz"); err != nil {
			t.Fatal(err)
		}
	})
}
