package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

func TestKeysWithinJSON(t *testing.T) {
	const others = `(2, '{"contact": {"email": "bob@example.org"}, "n": 1.50}'), (3, NULL), (4, '{"contact": ["x"]}'), (5, '{"contact": {"email": null}}'), (6, '"text"')`
	gone := `
tables:
- {name: forms, subjectKeys: [{column: body, path: [contact, email], identifier: Email}], onErasure: DeleteRows}`
	rest := []string{"SELECT id, body::text FROM forms WHERE id > 1 AND id < 10"}
	playAll(t, map[string]foreign{
		"jsonb": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body jsonb);
INSERT INTO forms VALUES (1, '{"contact": {"email": " Ada@Example.ORG"}}'), ` + others, dataset: gone, others: rest,
			after: map[string]string{"SELECT count(*) FROM forms": "5"}},
		"json": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body json);
INSERT INTO forms VALUES (1, '{"contact": {"email": "ada\u0040example.org"}}'), ` + others, dataset: gone, others: rest,
			after: map[string]string{"SELECT count(*) FROM forms": "5"}},
		"a domain": {sql: `CREATE DOMAIN form AS jsonb CHECK (VALUE IS NOT NULL OR true); CREATE TABLE forms (id int PRIMARY KEY, body form);
INSERT INTO forms VALUES (1, '{"contact": {"email": "ada@example.org"}}'), ` + others, dataset: gone, others: rest,
			after: map[string]string{"SELECT count(*) FROM forms": "5"}},
		"names that need quotes, and a place in an array": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body jsonb);
INSERT INTO forms VALUES (1, '{"it''s \\ {a,\"b\"}": ["x", "ada@example.org"]}'), (2, '{"it''s \\ {a,\"b\"}": ["bob@example.org", "x"]}')`, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, path: ["it's \\ {a,\"b\"}", "1"], identifier: Email}], onErasure: DeleteRows}`, others: rest,
			after: map[string]string{"SELECT count(*) FROM forms": "1"}},
		"a row that is masked loses the document": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body jsonb);
INSERT INTO forms VALUES (1, '{"contact": {"email": "ada@example.org"}}'), ` + others, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, path: [contact, email], identifier: Email}], columns: [{name: body}], onErasure: MaskColumns}`, others: rest,
			after: map[string]string{"SELECT body IS NULL FROM forms WHERE id = 1": "true"}},
		"a row that is masked, and a constant that is JSON": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body jsonb NOT NULL);
INSERT INTO forms VALUES (1, '{"contact": {"email": "ada@example.org"}}'), (2, '{"contact": {"email": "bob@example.org"}}')`, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, path: [contact, email], identifier: Email}], columns: [{name: body, mask: Constant, constant: "{}"}], onErasure: MaskColumns}`, others: rest,
			after: map[string]string{"SELECT body::text FROM forms WHERE id = 1": "{}"}},
		"a document that must not be NULL": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body jsonb NOT NULL);`, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, path: [contact, email], identifier: Email}], columns: [{name: body}], onErasure: MaskColumns}`, refused: "public.forms.body"},
		"a row that is masked, and a document that is not listed": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body jsonb NOT NULL, note text);
INSERT INTO forms VALUES (1, '{"contact": {"email": "ada@example.org", "x": 1}}', 'n'), (2, '{"contact": {"email": "bob@example.org"}}', 'n')`, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, path: [contact, email], identifier: Email}], columns: [{name: note}], onErasure: MaskColumns}`, others: rest,
			after: map[string]string{"SELECT body::text FROM forms WHERE id = 1": `{"contact": {"x": 1, "email": null}}`}},
		"a copy elsewhere in another's document": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body jsonb);
INSERT INTO forms VALUES (1, '{"contact": {"email": "ada@example.org"}}'), (2, '{"contact": {"email": "bob@example.org"}, "cc": "ada@example.org"}')`,
			dataset: gone, others: rest, contradicted: "public.forms", noted: []string{"public.forms"}},
		"triggers that write a history of documents": {sql: `CREATE TABLE forms (id int PRIMARY KEY, body jsonb); CREATE TABLE history (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body jsonb);
INSERT INTO forms VALUES (1, '{"contact": {"email": "ada@example.org"}}'), (2, '{"contact": {"email": "bob@example.org"}}');
INSERT INTO history (body) VALUES ('{"contact": {"email": "bob@example.org"}}');
CREATE FUNCTION past() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$BEGIN INSERT INTO public.history (body) VALUES (OLD.body); RETURN OLD; END$$;
CREATE TRIGGER past BEFORE DELETE ON forms FOR EACH ROW EXECUTE FUNCTION past();`, dataset: gone + `
- {name: history, subjectKeys: [{column: body, path: [contact, email], identifier: Email}], onErasure: DeleteRows}`,
			others: append(rest, "SELECT * FROM history WHERE n = 1"), grows: true, after: map[string]string{"SELECT count(*) FROM history": "1"}},
		"a document of somebody else that refers to the person": {sql: onePerson + `
CREATE TABLE forms (id int PRIMARY KEY, person_id int REFERENCES people, body jsonb);
INSERT INTO forms SELECT 1, id, '{"contact": {"email": "bob@example.org"}}' FROM people WHERE email = 'ada@example.org'`, dataset: `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: forms, subjectKeys: [{column: body, path: [contact, email], identifier: Email}], onErasure: DeleteRows}`,
			others: []string{"SELECT id, body::text FROM forms"}, after: map[string]string{"SELECT count(*) FROM forms WHERE person_id IS NULL": "1"}},
	})
}

func TestPathsThatLeadNowhere(t *testing.T) {
	s := newStore(t, `CREATE TABLE forms (id int PRIMARY KEY, body jsonb);
INSERT INTO forms VALUES (1, '{"contact": {"email": "bob@example.org"}}')`, `
tables:
- {name: forms, subjectKeys: [{column: body, path: [contact, mail], identifier: Email}], onErasure: DeleteRows}`)
	o := s.erase("run-1", email("bob@example.org"))
	if !o.OK {
		t.Fatalf("%+v", o)
	}
	// The path leads nowhere, so that the row stays: the verifier finds it in the text.
	if o = s.verify(email("bob@example.org")); o.OK || o.Reason != task.Contradicted || !strings.Contains(o.Message, "public.forms") {
		t.Errorf("%+v", o)
	}
}
