package postgres_test

import "testing"

// forms is a table of documents with Ada's in row 1, and others' in rows above 1.
func forms(kind, ada, others string) string {
	return `CREATE TABLE forms (id int PRIMARY KEY, body ` + kind + `); INSERT INTO forms VALUES (1, '` + ada + `')` + others
}

// maskedForms finds people at contact.email, and masks values within.
func maskedForms(within string) string {
	return `
tables:
- {name: forms, subjectKeys: [{column: body, path: [contact, email], identifier: Email}], columns: [{name: body, within: [` + within + `]}], onErasure: MaskColumns}`
}

func TestValuesWithinJSONAreMaskedByThemselves(t *testing.T) {
	const (
		others = `, (2, '{"contact": {"email": "bob@example.org", "phone": "+33612345678"}, "n": 1.50}'), (3, NULL), (4, '["x"]'), (5, '{"contact": {"email": null}}'), (6, '"text"')`
		ada    = `{"contact": {"email": "ada@example.org", "phone": "+33699999999"}, "n": 1.50, "z": [1, {"a": null}]}`
		one    = "0 public.forms MaskColumns 1"
		body   = "SELECT body::text FROM forms WHERE id = 1"
	)
	rest := []string{"SELECT id, body::text FROM forms WHERE id > 1"}
	playAll(t, map[string]foreign{
		"null": {sql: forms("jsonb", ada, others), dataset: maskedForms(`{path: [contact, email]}, {path: [contact, phone]}`), erased: one, others: rest,
			after: map[string]string{body: `{"n": 1.50, "z": [1, {"a": null}], "contact": {"email": null, "phone": null}}`}},
		"removal": {sql: forms("jsonb", ada, others), dataset: maskedForms(`{path: [contact, email], mask: Remove}, {path: [contact, phone], mask: Remove}`), erased: one, others: rest,
			after: map[string]string{body: `{"n": 1.50, "z": [1, {"a": null}], "contact": {}}`}},
		"constant": {sql: forms("jsonb", ada, others), dataset: maskedForms(`{path: [contact, email], mask: Constant, constant: "it's \"\\gone"}`), erased: one, others: rest,
			after: map[string]string{"SELECT body #>> '{contact,email}' FROM forms WHERE id = 1": `it's "\gone`, "SELECT body #>> '{contact,phone}' FROM forms WHERE id = 1": "+33699999999"}},
		"pseudonym": {sql: forms("jsonb", ada, others), dataset: maskedForms(`{path: [contact, email], mask: Pseudonym}`), erased: one, others: rest,
			after: map[string]string{"SELECT body #>> '{contact,email}' ~ '^[0-9a-f]{32}$' FROM forms WHERE id = 1": "true"}},
		"a key that is not listed": {sql: forms("jsonb", ada, others), dataset: maskedForms(`{path: [contact, phone], mask: Remove}`), erased: one, others: rest,
			after: map[string]string{body: `{"n": 1.50, "z": [1, {"a": null}], "contact": {"email": null}}`}},
		"a path around the key": {sql: forms("jsonb", ada, others), dataset: maskedForms(`{path: [contact], mask: Remove}`), erased: one, others: rest,
			after: map[string]string{body: `{"n": 1.50, "z": [1, {"a": null}]}`}},
		"paths that lead nowhere": {sql: forms("jsonb", ada, others), dataset: maskedForms(`{path: [contact, email]}, {path: [contact, email2, x]}, {path: [z, a], mask: Remove}, {path: ["n", "0"], mask: Constant, constant: x}, {path: [nobody], mask: Pseudonym}`), erased: one, others: rest,
			after: map[string]string{body: `{"n": 1.50, "z": [1, {"a": null}], "contact": {"email": null, "phone": "+33699999999"}}`}},
		"names that need quotes": {sql: forms("jsonb", `{"contact": {"email": "ada@example.org"}, "it''s \\ {a,\"b\"}.C": {"x''; DROP TABLE forms; --": "Ada"}, "n": 1}`, others),
			dataset: maskedForms(`{path: [contact, email]}, {path: ["it's \\ {a,\"b\"}.C", "x'; DROP TABLE forms; --"], mask: Remove}`), erased: one, others: rest,
			after: map[string]string{body: `{"n": 1, "contact": {"email": null}, "it's \\ {a,\"b\"}.C": {}}`}},
		"each element of an array": {sql: forms("jsonb", `{"contact": {"email": "ada@example.org"}, "phones": [{"no": "1", "kind": "home"}, {"kind": "x"}, {"no": null}, "y", null]}`, others),
			dataset: maskedForms(`{path: [contact], mask: Remove}, {path: [phones, "*", "no"]}`), erased: one, others: rest,
			after: map[string]string{body: `{"phones": [{"no": null, "kind": "home"}, {"kind": "x"}, {"no": null}, "y", null]}`}},
		"each element, removed within": {sql: forms("jsonb", `{"contact": {"email": "ada@example.org"}, "phones": [{"no": "1", "kind": "home"}, {"kind": "x"}]}`, others),
			dataset: maskedForms(`{path: [contact], mask: Remove}, {path: [phones, "*", "no"], mask: Remove}`), erased: one, others: rest,
			after: map[string]string{body: `{"phones": [{"kind": "home"}, {"kind": "x"}]}`}},
		"elements themselves": {sql: forms("jsonb", `{"contact": {"email": "ada@example.org"}, "a": ["1", null, 2], "b": ["1"], "c": ["1", "2"], "d": {"x": 1}}`, others),
			dataset: maskedForms(`{path: [contact], mask: Remove}, {path: [a, "*"]}, {path: [b, "*"], mask: Remove}, {path: [c, "*"], mask: Pseudonym}, {path: [d, "*"], mask: Remove}`), erased: one, others: rest,
			after: map[string]string{"SELECT (body - 'c')::text FROM forms WHERE id = 1": `{"a": [null, null, null], "b": [], "d": {"x": 1}}`,
				"SELECT (body #>> '{c,0}') ~ '^[0-9a-f]{32}$' AND (body #>> '{c,0}') <> (body #>> '{c,1}') FROM forms WHERE id = 1": "true"}},
		"a document that is an array": {sql: forms("jsonb", `[{"email": "ada@example.org", "x": 1}, {"email": "x"}]`, others), dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, path: ["0", email], identifier: Email}], columns: [{name: body, within: [{path: ["0", email]}]}], onErasure: MaskColumns}`, erased: one, others: rest,
			after: map[string]string{body: `[{"x": 1, "email": null}, {"email": "x"}]`}},
		"json": {sql: forms("json", `{"z": 1, "contact": {"phone": "1", "email": "ada@example.org"}, "a":  1.50}`, others), dataset: maskedForms(`{path: [contact, email]}`), erased: one, others: rest,
			noted: []string{"public.forms.body is json"},
			after: map[string]string{body: `{"a": 1.50, "z": 1, "contact": {"email": null, "phone": "1"}}`}},
		"a domain": {sql: `CREATE DOMAIN form AS jsonb NOT NULL CHECK (VALUE ? 'contact'); CREATE TABLE forms (id int PRIMARY KEY, body form); INSERT INTO forms VALUES (1, '` + ada + `')`, dataset: maskedForms(`{path: [contact, email]}`), erased: one},
		"a domain that refuses": {sql: `CREATE DOMAIN form AS jsonb CHECK (VALUE ? 'contact'); CREATE TABLE forms (id int PRIMARY KEY, body form); INSERT INTO forms VALUES (1, '` + ada + `')`,
			dataset: maskedForms(`{path: [contact], mask: Remove}`), refused: "public.forms.body does not accept"},
		"the address elsewhere in the document": {sql: forms("jsonb", `{"contact": {"email": "ada@example.org"}, "log": "ada@example.org"}`, others), dataset: maskedForms(`{path: [contact, email]}`), others: rest,
			noted: []string{"people are named in texts of public.forms"}, contradicted: "public.forms"},
		"rows that refer to a row that stays": {sql: onePerson + `
ALTER TABLE people ADD body jsonb; UPDATE people SET body = '{"contact": {"name": "Ada", "x": 1}}' WHERE email = 'ada@example.org';
CREATE TABLE bills (id int PRIMARY KEY, person int NOT NULL REFERENCES people, at date NOT NULL); INSERT INTO bills SELECT 1, id, '2026-01-01' FROM people WHERE email = 'ada@example.org'`, dataset: `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: body, within: [{path: [contact, name], mask: Remove}]}], onErasure: DeleteRows}
- {name: bills, ownedThrough: [{columns: [person]}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: at}}`,
			after: map[string]string{"SELECT count(*) FROM people WHERE body = '{\"contact\": {\"x\": 1}}'": "1"}},
		"within text":             {sql: forms("text", "x", ""), dataset: `{tables: [{name: forms, subjectKeys: [{column: id, identifier: AccountID}], columns: [{name: body, within: [{path: [a]}]}], onErasure: MaskColumns}]}`, refused: "public.forms.body has the type"},
		"two stars":               {sql: forms("jsonb", "{}", ""), dataset: maskedForms(`{path: [a, "*", b, "*"]}`), refused: "has more than one *"},
		"constant without mask":   {sql: forms("jsonb", "{}", ""), dataset: maskedForms(`{path: [a], constant: x}`), refused: "is set exactly when mask is Constant"},
		"paths within each other": {sql: forms("jsonb", "{}", ""), dataset: maskedForms(`{path: [a]}, {path: [a, b]}`), refused: "another path of the column"},
	})
}

func TestValuesWithinJSONAndWhatTheSchemaSaysOfThem(t *testing.T) {
	const one = "0 public.forms MaskColumns 1"
	bob := []string{"SELECT * FROM forms WHERE id > 1"}
	docs := func(more string) string {
		return `CREATE TABLE forms (id int PRIMARY KEY, body jsonb NOT NULL` + more + `);
INSERT INTO forms VALUES (1, '{"contact": {"email": "ada@example.org"}, "n": 1}'), (2, '{"contact": {"email": "bob@example.org"}}');`
	}
	email := maskedForms(`{path: [contact, email]}`)
	gone := maskedForms(`{path: [contact, email], mask: Remove}`)
	playAll(t, map[string]foreign{
		"a CHECK that wants the value": {sql: docs(`, CONSTRAINT reachable CHECK (body #>> '{contact,email}' IS NOT NULL)`), dataset: email, others: append(bob, "SELECT * FROM forms WHERE id = 1"), refused: `"reachable"`},
		"a CHECK that is met":          {sql: docs(`, CONSTRAINT reachable CHECK (body -> 'contact' ? 'email')`), dataset: email, others: bob, erased: one},
		"a CHECK that wants an address": {sql: docs(`, CONSTRAINT reachable CHECK (body #>> '{contact,email}' LIKE '%@%')`), dataset: maskedForms(`{path: [contact, email], mask: Pseudonym}`), others: bob, erased: one,
			after: map[string]string{"SELECT body #>> '{contact,email}' ~ '^[0-9a-f]{32}@erased.invalid$' FROM forms WHERE id = 1": "true"}},
		"a unique expression, null":            {sql: docs("") + `CREATE UNIQUE INDEX u ON forms ((body #>> '{contact,email}'))`, dataset: email, others: bob, erased: one},
		"a unique expression, pseudonym":       {sql: docs("") + `CREATE UNIQUE INDEX u ON forms ((body #>> '{contact,email}'))`, dataset: maskedForms(`{path: [contact, email], mask: Pseudonym}`), others: bob, erased: one},
		"a unique expression, constant, taken": {sql: docs("") + `CREATE UNIQUE INDEX u ON forms ((body #>> '{contact,email}')); INSERT INTO forms VALUES (3, '{"contact": {"email": "x"}}')`, dataset: maskedForms(`{path: [contact, email], mask: Constant, constant: x}`), others: bob, refused: `"u"`},
		"a unique document":                    {sql: docs("") + `CREATE UNIQUE INDEX u ON forms (body); UPDATE forms SET body = '{"contact": {"email": null}}' WHERE id = 2; UPDATE forms SET body = body - 'n'`, dataset: email, others: bob, refused: `"u"`},
		"a generated column": {sql: docs(`, mail text GENERATED ALWAYS AS (body #>> '{contact,email}') STORED UNIQUE`), dataset: `
tables:
- {name: forms, subjectKeys: [{column: mail, identifier: Email}], columns: [{name: body, within: [{path: [contact, email], mask: Remove}]}], onErasure: MaskColumns}`, others: bob, erased: one,
			after: map[string]string{"SELECT mail IS NULL AND body = '{\"n\": 1, \"contact\": {}}' FROM forms WHERE id = 1": "true"}},
		"a partitioned table, and a row that moves": {sql: `CREATE TABLE forms (id int, body jsonb) PARTITION BY LIST ((body ->> 'kind')); CREATE TABLE forms_a PARTITION OF forms FOR VALUES IN ('a'); CREATE TABLE forms_rest PARTITION OF forms DEFAULT;
INSERT INTO forms VALUES (1, '{"kind": "a", "contact": {"email": "ada@example.org"}}'), (2, '{"kind": "a", "contact": {"email": "bob@example.org"}}')`,
			dataset: maskedForms(`{path: [contact, email]}, {path: [kind]}`), others: bob, erased: one, after: map[string]string{"SELECT tableoid::regclass::text FROM forms WHERE id = 1": "forms_rest"}},
		"a partitioned table that takes no such row": {sql: `CREATE TABLE forms (id int, body jsonb) PARTITION BY LIST ((body ->> 'kind')); CREATE TABLE forms_a PARTITION OF forms FOR VALUES IN ('a');
INSERT INTO forms VALUES (1, '{"kind": "a", "contact": {"email": "ada@example.org"}}'), (2, '{"kind": "a", "contact": {"email": "bob@example.org"}}')`,
			dataset: maskedForms(`{path: [contact, email]}, {path: [kind]}`), others: []string{"SELECT * FROM forms"}, stopped: "No partition takes rows of public.forms"},
		"row security":            {sql: docs("") + `ALTER TABLE forms ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON forms USING (body #>> '{contact,email}' = current_user)`, dataset: email, others: bob, erased: one},
		"row security that hides": {sql: docs("") + `ALTER TABLE forms ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON forms AS RESTRICTIVE USING (body #>> '{contact,email}' = current_user)`, dataset: email, others: bob, refused: "public.forms has row security"},
		"a trigger that puts it back": {sql: docs("") + `CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.body := OLD.body; RETURN NEW; END$$;
CREATE TRIGGER back BEFORE UPDATE ON forms FOR EACH ROW EXECUTE FUNCTION back()`, dataset: email, others: append(bob, "SELECT * FROM forms"), stopped: "back"},
		"a trigger that puts a part back": {sql: docs("") + `CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.body := pg_catalog.jsonb_set(NEW.body, '{contact,email}', '"ada"'); RETURN NEW; END$$;
CREATE TRIGGER back BEFORE UPDATE ON forms FOR EACH ROW EXECUTE FUNCTION back()`, dataset: email, others: append(bob, "SELECT * FROM forms"), stopped: "undo masks"},
		"a trigger that raises": {sql: docs("") + `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no %', NEW.body; END$$;
CREATE TRIGGER no BEFORE UPDATE ON forms FOR EACH ROW EXECUTE FUNCTION no()`, dataset: gone, others: append(bob, "SELECT * FROM forms"), stopped: "raises an error"},
		"a trigger that notes the time": {sql: docs("") + `CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.body := pg_catalog.jsonb_set(NEW.body, '{seen}', '1'); RETURN NEW; END$$;
CREATE TRIGGER seen BEFORE UPDATE ON forms FOR EACH ROW EXECUTE FUNCTION seen()`, dataset: gone, others: bob, erased: one,
			after: map[string]string{"SELECT body::text FROM forms WHERE id = 1": `{"n": 1, "seen": 1, "contact": {}}`}},
	})
}

func TestATelephoneNumberAtAPath(t *testing.T) {
	docs := `CREATE TABLE forms (id int PRIMARY KEY, body jsonb);
INSERT INTO forms VALUES (1, '{"tel": "+33 6 12 34 56 78", "name": "Ada", "contact": {"email": "ada@example.org"}}'), (2, '{"tel": "+33687654321", "name": "Bob"}')`
	dataset := `
tables:
- {name: forms, subjectKeys: [{column: body, path: [tel], identifier: Phone}], columns: [{name: body, within: [{path: [tel], mask: Remove}, {path: [name]}, {path: [contact], mask: Remove}]}], onErasure: MaskColumns}`
	playAll(t, map[string]foreign{
		"found and masked": {sql: docs, dataset: dataset, who: person("phone", "+33612345678"), others: []string{"SELECT * FROM forms WHERE id = 2"}, erased: "0 public.forms MaskColumns 1",
			after: map[string]string{"SELECT body::text FROM forms WHERE id = 1": `{"name": null}`}},
	})
}
