package postgres_test

import "testing"

const elementKeys = `
tables:
- {name: teams, subjectKeys: [{column: doc, path: [members, "*", mail], identifier: Email}, {column: doc, path: [members, "*", tel], identifier: Phone}, {column: owner, identifier: Email}], onErasure: DeleteRows}`

func elements(kind string) string {
	return `CREATE TABLE teams (id int PRIMARY KEY, owner text, doc ` + kind + `);
INSERT INTO teams (id, doc) VALUES
  (1, '{"members": [{"tel": "+33 1 47 42 71 71"}, {"mail": "bob@example.org"}]}'),
  (2, '{"members": [{"tel": "+33147427171", "mail": "bob@example.org"}]}'),
  (3, '{"members": [{"tel": "+33147427171", "mail": "bob@example.org"}, {"tel": "+33147427171"}]}'),
  (4, '{"members": [{"mail": "ada@example.org"}, {"tel": "0147427171", "mail": ""}, {"tel": "+33147427171", "mail": "carol@example.org"}]}'),
  (5, '{"members": [{"tel": "+33147427171", "mail": "n/a"}, {"tel": "+33147427171", "mail": null}, null]}'),
  (6, '{"members": {"tel": "+33147427171"}}'), (7, '{"members": [{"tel": "+33147427172"}]}'), (8, NULL);
INSERT INTO teams VALUES (9, 'bob@example.org', '{"members": [{"tel": "+33147427171"}]}'), (10, 'ada@example.org', '{"members": [{"tel": "+33147427171", "mail": "bob@example.org"}]}');`
}

// TestWhoseATelephoneIsWithinAnArrayIsSaidByItsElement: others' addresses in other elements say nothing, one beside the number does.
func TestWhoseATelephoneIsWithinAnArrayIsSaidByItsElement(t *testing.T) {
	ada := person("email", "ada@example.org", "phone", "+33147427171")
	for _, kind := range []string{"jsonb", "json"} {
		t.Run(kind, func(t *testing.T) {
			foreign{sql: elements(kind) + "DELETE FROM teams WHERE id = 6", dataset: elementKeys, who: ada, noted: []string{"in public.teams.doc at members.*.tel is also that of others"},
				others: []string{"SELECT id, owner, doc::text FROM teams WHERE id IN (2, 7, 8, 9)"}, erased: "0 public.teams DeleteRows 2\n0 public.teams Detach 3",
				after: map[string]string{"SELECT string_agg(id || (doc -> 'members')::text, ' ' ORDER BY id) FROM teams WHERE id IN (1, 3, 4, 5, 10)": `1[{"mail": "bob@example.org"}] ` +
					`3[{"tel": "+33147427171", "mail": "bob@example.org"}] 4[{"tel": "0147427171", "mail": ""}, {"tel": "+33147427171", "mail": "carol@example.org"}]`}}.play(t)
		})
	}
	foreign{sql: elements("jsonb"), dataset: elementKeys, who: person("phone", "+33147427171"), others: []string{"SELECT * FROM teams WHERE id > 5 AND id < 9"},
		contradicted: "1 rows in public.teams", noted: []string{"public.teams"}}.play(t) // the sixth is no array
}

// TestATelephoneWithinJSONOfAnothersRow stays where it is at a subject key, and is found where it is elsewhere.
func TestATelephoneWithinJSONOfAnothersRow(t *testing.T) {
	const keys = `
tables:
- {name: forms, subjectKeys: [{column: mail, identifier: Email}, {column: doc, path: [tel], identifier: Phone}, {column: doc, path: ["list", "*"], identifier: Phone}], onErasure: DeleteRows}`
	forms := func(doc string) string {
		return `CREATE DOMAIN form AS jsonb CHECK (VALUE ? 'tel'); CREATE TABLE forms (id int PRIMARY KEY, mail text, doc form);
INSERT INTO forms VALUES (1, 'ada@example.org', '{"tel": "+33147427171"}'), (2, 'bob@example.org', '` + doc + `'), (3, '', '{"tel": "+33147427171"}')`
	}
	ada := person("email", "ada@example.org", "phone", "+33147427171")
	bob := []string{"SELECT * FROM forms WHERE id = 2"}
	const gone = "0 public.forms DeleteRows 2"
	playAll(t, map[string]foreign{
		"at a key":       {sql: forms(`{"tel": "+33 147 42 71 71", "x": 1}`), dataset: keys, who: ada, others: bob, erased: gone, noted: []string{"public.forms.doc at tel"}},
		"in an array":    {sql: forms(`{"tel": "", "list": ["+33147427171", "1"]}`), dataset: keys, who: ada, others: bob, erased: gone, noted: []string{"public.forms.doc at list.*"}},
		"elsewhere":      {sql: forms(`{"tel": "+33147427171", "x": "+33147427171"}`), dataset: keys, who: ada, others: bob, erased: gone, contradicted: "1 rows in public.forms", noted: []string{"people are named in texts of public.forms"}},
		"and an address": {sql: forms(`{"tel": "+33147427171", "x": "ada@example.org"}`), dataset: keys, who: ada, others: bob, erased: gone, contradicted: "1 rows in public.forms"},
	})
}

// TestAnAddressSaysWhoseARowIsBeforeATelephoneDoes, in plain columns.
func TestAnAddressSaysWhoseARowIsBeforeATelephoneDoes(t *testing.T) {
	const sql = `CREATE TABLE contacts (id int PRIMARY KEY, mail text, second text, phone text, mobile text);
INSERT INTO contacts VALUES (1, 'ada@example.org', NULL, '+33600000002', NULL), (2, 'bob@example.org', NULL, '+33600000002', '+33600000001'),
  (3, 'bob@example.org', 'ada@example.org', '+33600000002', '+33600000001'), (4, NULL, NULL, '+33600000002', '+33 6 00 00 00 01'), (5, '', 'bob@example.org', '+33600000001', NULL),
  (6, 'bob@example.org', NULL, '+33600000002', NULL)`
	const keys = `[{column: mail, identifier: Email}, {column: second, identifier: Email}, {column: phone, identifier: Phone}, {column: mobile, identifier: Phone}]`
	ada := person("email", "ada@example.org", "phone", "+33600000001")
	others := []string{"SELECT * FROM contacts WHERE id IN (2, 5, 6)"}
	playAll(t, map[string]foreign{
		"deleted": {sql: sql, who: ada, dataset: "tables: [{name: contacts, subjectKeys: " + keys + ", onErasure: DeleteRows}]", others: others, erased: "0 public.contacts DeleteRows 3",
			noted: []string{"public.contacts.mobile", "public.contacts.phone", "also hold addresses that nobody gave"}},
		"masked": {sql: sql, who: ada, dataset: "tables: [{name: contacts, subjectKeys: " + keys + ", onErasure: MaskColumns}]", others: others, erased: "0 public.contacts MaskColumns 3",
			after: map[string]string{"SELECT count(*) FROM contacts WHERE id IN (1, 3, 4) AND concat(mail, second, phone, mobile) = ''": "3"}},
	})
}
