package postgres_test

import (
	"fmt"
	"testing"
)

// TestReferencesToWhatGoesAreNulledAndNoOthers does so where all rows that refer are the person's, and where one is somebody else's;
// with a key, and without: masks come first, and give a row without a key another place; and where the store itself would delete the rows.
func TestReferencesToWhatGoesAreNulledAndNoOthers(t *testing.T) {
	const schema = `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE orders (id int PRIMARY KEY, person int NOT NULL REFERENCES people);
CREATE TABLE notes (id int %[1]s, person int REFERENCES people, first int REFERENCES orders %[2]s, last int REFERENCES orders %[2]s, body text);
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO orders VALUES (10, 1), (11, 1), (20, 2);
INSERT INTO notes VALUES (1, 1, 10, 11, 'a'), (2, 1, 10, 20, 'b'), (3, 1, 20, NULL, 'c'), (4, 2, 20, 20, 'd');`
	const dataset = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: orders, ownedThrough: [{columns: [person]}], onErasure: DeleteRows}
- {name: notes, ownedThrough: [{columns: [person]}], columns: [{name: person}, {name: body}], onErasure: MaskColumns}`
	const counts = `
		0 public.notes MaskColumns 3
		0 public.orders DeleteRows 2
		0 public.people DeleteRows 1`
	for _, how := range [][2]string{{"PRIMARY KEY", ""}, {"PRIMARY KEY", "ON DELETE CASCADE"}, {"", ""}, {"", "ON DELETE CASCADE"}} {
		for more, c := range map[string]struct{ counts, notes string }{
			"": {counts, "1:::: 2:::20: 3::20:: 4:2:20:20:d"},
			"INSERT INTO notes VALUES (5, 2, 20, 11, 'e')": {"0 public.notes Detach 1" + counts, "1:::: 2:::20: 3::20:: 4:2:20:20:d 5:2:20::e"},
		} {
			s := newStore(t, fmt.Sprintf(schema, how[0], how[1])+more, dataset)
			s.erased(c.counts, email("ada@example.org"))
			s.want(c.notes, "SELECT string_agg(concat(id, ':', person, ':', first, ':', last, ':', body), ' ' ORDER BY id) FROM notes")
			s.want("20", "SELECT string_agg(id::text, ' ') FROM orders")
		}
	}
}
