package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

// TestRowsWithSeveralOwnersThatGoAreSaid: a register that names the owners has rows go with any of them.
func TestRowsWithSeveralOwnersThatGoAreSaid(t *testing.T) {
	const homes = `
CREATE TABLE people (id int PRIMARY KEY, email text, home int);
CREATE TABLE homes (id int PRIMARY KEY, street text, made date);
CREATE TABLE letters (id int PRIMARY KEY, sender int REFERENCES people, recipient int REFERENCES people);
INSERT INTO people VALUES (1, 'ada@example.org', 7), (2, 'bob@example.org', 7), (3, 'cleo@example.org', 8), (4, 'dan@example.org', NULL);
INSERT INTO homes VALUES (7, 'Rue A', '2026-01-01'), (8, 'Rue B', '2026-01-01'); INSERT INTO letters VALUES (1, 1, 2), (2, 3, 3), (3, 4, NULL);`
	dataset := func(home, letter, action string) string {
		return `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: homes, ` + home + `references: [{columns: [id], table: people, toColumns: [home]}], onErasure: ` + action + `}
- {name: letters, ` + letter + `onErasure: DeleteRows}`
	}
	const both, home, kept = "ownedThrough: [{columns: [sender]}, {columns: [recipient]}], ", "ownedThrough: [{columns: [id]}], ",
		"Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: made}"
	ada, bob, cleo, dan := email("ada@example.org"), email("bob@example.org"), email("cleo@example.org"), email("dan@example.org")
	for name, c := range map[string]struct {
		dataset, said string
		who           []subject.Subject
	}{
		"an address of two, and a letter": {dataset(home, both, "DeleteRows"), "public.homes, public.letters", []subject.Subject{ada}},
		"of both":                         {dataset(home, both, "DeleteRows"), "", []subject.Subject{ada, bob}},
		"of one":                          {dataset(home, both, "DeleteRows"), "", []subject.Subject{cleo}},
		"of one, without a second":        {dataset(home, both, "DeleteRows"), "", []subject.Subject{dan}},
		"shared, and stays":               {dataset("", "", "DeleteRows"), "", []subject.Subject{ada}},
		"one owner":                       {dataset("", "ownedThrough: [{columns: [sender]}], ", "DeleteRows"), "", []subject.Subject{ada}},
		"kept":                            {dataset(home, both, kept), "public.letters", []subject.Subject{ada}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newStore(t, homes, c.dataset).plan(c.who...)
			if said := strings.Contains(o.Message, "rows of "+c.said+" are others' too"); !o.OK || said != (c.said != "") || strings.Contains(o.Message, "are others' too") != said {
				t.Errorf("OK %v %s %q", o.OK, o.Reason, o.Message)
			}
		})
	}
}
