package postgres_test

import "testing"

func TestRowsThatOnlyTheirPlaceIdentifies(t *testing.T) {
	const people = `
CREATE TABLE people (email text UNIQUE, name text);
INSERT INTO people VALUES ('ada@example.org', 'Ada'), ('bob@example.org', 'Bob'), (NULL, 'Nobody'), (NULL, 'Nobody');
CREATE TABLE orders (id int PRIMARY KEY, who text REFERENCES people (email) ON UPDATE CASCADE, placed date);
INSERT INTO orders VALUES (1, 'ada@example.org', '2026-01-01'), (2, 'bob@example.org', '2026-01-01');`
	const kept = `
- {name: orders, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: placed}}`
	others := []string{"SELECT * FROM people WHERE name <> 'Ada'", "SELECT * FROM orders WHERE id = 2"}
	playAll(t, map[string]foreign{
		"one change": {sql: people, dataset: `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}], onErasure: MaskColumns}` + kept,
			erased: "0 public.orders Keep 1 until 2036-01-01\n0 public.people MaskColumns 1", others: others},
		"two changes": {sql: people, dataset: `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}` + kept,
			refused: "public.people has no key that identifies its rows", others: others},
		"no partition for them": {sql: twoPeople + `
CREATE TABLE visits (person int REFERENCES people, page text) PARTITION BY LIST (person);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1); CREATE TABLE visits_2 PARTITION OF visits FOR VALUES IN (2);
INSERT INTO visits VALUES (1, 'a'), (2, 'b');`, dataset: deletesPeople + `
- {name: visits, onErasure: Detach, detach: [person]}`, stopped: "No partition takes rows of public.visits", others: append(bobsRow, "TABLE visits")},
		"to another partition": {sql: twoPeople + `
CREATE TABLE visits (person int REFERENCES people, page text) PARTITION BY LIST (person);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1); CREATE TABLE visits_2 PARTITION OF visits DEFAULT;
INSERT INTO visits VALUES (1, 'a'), (1, 'a'), (2, 'b');`, dataset: deletesPeople + `
- {name: visits, columns: [{name: page}], onErasure: MaskColumns}`, erased: "0 public.people DeleteRows 1\n0 public.visits MaskColumns 2", others: append(bobsRow, "SELECT * FROM visits WHERE person = 2"),
			after: map[string]string{"SELECT count(*) FROM visits WHERE person IS NULL AND page IS NULL": "2"}},
	})
}

func TestNumbersThatAnotherTableKeepsAsText(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, uid uuid UNIQUE, email text);
CREATE TABLE tags (id int PRIMARY KEY, content_type_id int NOT NULL, object_id text NOT NULL, label text);
CREATE TABLE devices (id int PRIMARY KEY, owner varchar(36));
CREATE TABLE scores (id int PRIMARY KEY, person numeric);
INSERT INTO people VALUES (1, '6f2b6f0e-3b1e-4a5e-9f5c-0a1b2c3d4e5f', 'ada@example.org'), (11, '6f2b6f0e-3b1e-4a5e-9f5c-0a1b2c3d4e60', 'bob@example.org');
INSERT INTO tags VALUES (1, 7, '1', 'on Ada'), (2, 8, '1', 'on another thing'), (3, 7, '11', 'on Bob'), (4, 7, '01', 'on nothing');
INSERT INTO devices VALUES (1, '6F2B6F0E-3B1E-4A5E-9F5C-0A1B2C3D4E5F'), (2, '6f2b6f0e-3b1e-4a5e-9f5c-0a1b2c3d4e60');
INSERT INTO scores VALUES (1, 1.0), (2, 11), (3, 1.5);`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: tags, references: [{columns: [object_id], table: people, toColumns: [id], where: {column: content_type_id, values: ["7"]}}], onErasure: DeleteRows}
- {name: devices, references: [{columns: [owner], table: people, toColumns: [uid]}], onErasure: DeleteRows}
- {name: scores, references: [{columns: [person], table: people, toColumns: [id]}], onErasure: DeleteRows}`)
	others := []string{"SELECT * FROM tags WHERE id > 1", "SELECT * FROM devices WHERE id > 1", "SELECT * FROM scores WHERE id > 1", "SELECT * FROM people WHERE id > 1"}
	before := s.sums(others)
	s.erased(`
		0 public.devices DeleteRows 1
		0 public.people DeleteRows 1
		0 public.scores DeleteRows 1
		0 public.tags DeleteRows 1`, email("ada@example.org"))
	if s.sums(others) != before {
		t.Error("other people's rows changed")
	}
}
