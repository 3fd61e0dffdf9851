package postgres_test

import "testing"

// office is a table in which two people have the telephone number of the house, as sample databases have it too.
const office = `
CREATE TABLE staff (id int PRIMARY KEY, email text, phone text, note text);
INSERT INTO staff VALUES (1, 'ada@example.org', '+33 1 47 42 71 71', NULL), (2, 'bob@example.org', '(+33) 147.42.71.71', NULL), (3, NULL, '+33147427171', NULL), (4, ' ', '+33147427171', NULL), (5, 'cy@example.org', '+33147427172', NULL);
CREATE TABLE calls (id int PRIMARY KEY, staff int REFERENCES staff, body text);
INSERT INTO calls VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');`

const officeDataset = `
tables:
- {name: staff, subjectKeys: [{column: email, identifier: Email}, {column: phone, identifier: Phone}], onErasure: DeleteRows}
- {name: calls, onErasure: DeleteRows}`

func TestATelephoneOfAnOfficeErasesNoColleague(t *testing.T) {
	ada := person("email", "Ada@example.org", "phone", "+33 147 42 71 71")
	colleagues := []string{"SELECT * FROM staff WHERE id IN (2, 5)", "SELECT * FROM calls WHERE id = 2"}
	const masks = `
tables:
- {name: staff, subjectKeys: [{column: email, identifier: Email}, {column: phone, identifier: Phone}], columns: [{name: email}, {name: phone}, {name: note}], onErasure: MaskColumns}`
	playAll(t, map[string]foreign{
		"deleted": {sql: office, dataset: officeDataset, who: ada, others: colleagues,
			erased: "0 public.calls DeleteRows 2\n0 public.staff DeleteRows 3", noted: []string{"a telephone number in public.staff.phone is also that of others"}},
		"masked": {sql: office, dataset: masks, who: ada, others: colleagues, erased: "0 public.staff MaskColumns 3"},
		"a colleague's note that names the person": {sql: office + "UPDATE staff SET note = 'as ada@example.org said' WHERE id = 2", dataset: officeDataset, who: ada, others: colleagues,
			contradicted: "1 rows in public.staff", noted: []string{"people are named in texts of public.staff"}},
		"a number that is all that is known": {sql: office, dataset: officeDataset, who: person("phone", "+33147427171"), others: []string{"SELECT * FROM staff WHERE id = 5"},
			erased: "0 public.calls DeleteRows 3\n0 public.staff DeleteRows 4", noted: []string{"in rows with several addresses, all of which are taken for theirs: public.staff.phone"}},
		"a number with one address": {sql: office + "UPDATE staff SET email = ' BOB@example.org' WHERE id = 1", dataset: officeDataset, who: person("phone", "+33147427171"), others: []string{"SELECT * FROM staff WHERE id = 5"},
			erased: "0 public.calls DeleteRows 3\n0 public.staff DeleteRows 4", silent: "several addresses"},
	})
}

// Many programs keep a number in E.164 without its plus, as text or as a number.
func TestATelephoneIsFoundWithoutItsPlus(t *testing.T) {
	for typ, mine := range map[string]string{"text": "('33612345678'), ('33 6 12 34 56 78'), ('+33612345678')", "bigint": "(33612345678)", "numeric": "(33612345678)"} {
		t.Run(typ, func(t *testing.T) {
			foreign{sql: "CREATE TABLE calls (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, phone " + typ + "); INSERT INTO calls (phone) VALUES ('33612345679'), ('612345678'), ('336123456780'), ('133612345678'); INSERT INTO calls (phone) VALUES " + mine,
				dataset: `
tables:
- {name: calls, subjectKeys: [{column: phone, identifier: Phone}], onErasure: DeleteRows}`,
				who: person("phone", "+33 6 12 34 56 78"), others: []string{"SELECT * FROM calls WHERE id < 5"},
				after: map[string]string{"SELECT count(*) FROM calls": "4"}}.play(t)
		})
	}
}

// TestTheNumberOfAnOfficeDeletesNobodyElse: whatever the type of its column, and where others share the row.
func TestTheNumberOfAnOfficeDeletesNobodyElse(t *testing.T) {
	ada := person("email", "ada@example.org", "phone", "+33147427171")
	for typ, number := range map[string]string{"text": "'+33 1 47 42 71 71'", "bigint": "33147427171", "numeric": "33147427171"} {
		t.Run(typ, func(t *testing.T) {
			foreign{sql: "CREATE TABLE staff (id int PRIMARY KEY, email text, phone " + typ + "); INSERT INTO staff VALUES (1, 'ada@example.org', " + number + "), (2, 'bob@example.org', " + number + "), (3, NULL, " + number + ")",
				dataset: `
tables:
- {name: staff, subjectKeys: [{column: email, identifier: Email}, {column: phone, identifier: Phone}], onErasure: DeleteRows}`,
				who: ada, erased: "0 public.staff DeleteRows 2", others: []string{"SELECT * FROM staff WHERE id = 2"}, noted: []string{"public.staff.phone is also that of others"}}.play(t)
		})
	}
	foreign{sql: `CREATE TABLE teams (id int PRIMARY KEY, phone text, mails text[]); INSERT INTO teams VALUES
  (1, '+33147427171', '{ada@example.org,bob@example.org}'), (2, '+33147427171', '{ada@example.org}'), (3, '+33147427171', '{bob@example.org}'), (4, '+33147427171', NULL)`,
		dataset: `
tables:
- {name: teams, subjectKeys: [{column: phone, identifier: Phone}, {column: mails, identifier: Email}], onErasure: DeleteRows}`,
		who: ada, erased: "0 public.teams DeleteRows 2\n0 public.teams Detach 1", others: []string{"SELECT * FROM teams WHERE id = 3"},
		after: map[string]string{"SELECT string_agg(concat(id, phone, mails), ' ' ORDER BY id) FROM teams": "1+33147427171{bob@example.org} 3+33147427171{bob@example.org}"}}.play(t)
}

func TestACustomerWithTheSameTelephoneStays(t *testing.T) {
	const customers = `
CREATE TABLE customers (code text PRIMARY KEY, phone text);
CREATE TABLE guests (id int PRIMARY KEY, code text, phone text);
INSERT INTO customers VALUES ('ALFKI', '030-0074321'), ('ANATR', '030-0074321');
INSERT INTO guests VALUES (1, 'ALFKI', NULL), (2, '0', '030 0074321'), (3, 'ANATR', NULL);`
	foreign{sql: customers, dataset: `
tables:
- {name: customers, subjectKeys: [{column: code, identifier: CustomerID}, {column: phone, identifier: Phone}], onErasure: DeleteRows}
- {name: guests, subjectKeys: [{column: code, identifier: CustomerID}, {column: phone, identifier: Phone}], onErasure: DeleteRows}`,
		who: person("customerID", "ALFKI", "phone", "030-0074321"), erased: "0 public.customers DeleteRows 1\n0 public.guests DeleteRows 2",
		others: []string{"SELECT * FROM customers WHERE code = 'ANATR'", "SELECT * FROM guests WHERE id = 3"}, noted: []string{"public.customers.phone is also that of others"}}.play(t)
}

func TestColleaguesOfOneRunGoTogether(t *testing.T) {
	s := newStore(t, office, officeDataset)
	s.erased(`
		0 public.calls DeleteRows 2
		0 public.staff DeleteRows 3
		1 public.calls DeleteRows 1
		1 public.staff DeleteRows 1`, person("email", "ada@example.org", "phone", "+33147427171"), person("email", "bob@example.org", "phone", "+33147427171"))
	s.want("cy@example.org", "SELECT email FROM staff")
}

// TestAPersonWithANumberAloneHasTheirElementBesideOthersOfTheRun: who else is erased at once, and what they gave, changes nothing.
func TestAPersonWithANumberAloneHasTheirElementBesideOthersOfTheRun(t *testing.T) {
	const members = `
tables:
- {name: teams, subjectKeys: [{column: doc, path: [members, "*", mail], identifier: Email}, {column: doc, path: [members, "*", tel], identifier: Phone}], onErasure: DeleteRows}`
	ada, bob := person("phone", "+33147427171"), email("bob@example.org")
	cases := map[string]struct{ elements, erased, left string }{
		"beside another's address":             {`{"tel": "+33147427171", "mail": "carol@example.org"}, {"mail": "dan@example.org"}`, "0 public.teams Detach 1", `[{"mail": "dan@example.org"}]`},
		"alone in the array":                   {`{"tel": "+33147427171", "mail": "carol@example.org"}`, "0 public.teams DeleteRows 1", "NULL"},
		"beside the address of another person": {`{"tel": "+33147427171", "mail": "bob@example.org"}, {"mail": "dan@example.org"}`, "1 public.teams Detach 1", `[{"mail": "dan@example.org"}]`},
		"with an element of the other person":  {`{"tel": "+33147427171", "mail": "carol@example.org"}, {"mail": "bob@example.org"}`, "1 public.teams DeleteRows 1", "NULL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, `CREATE TABLE teams (id int PRIMARY KEY, doc jsonb); INSERT INTO teams VALUES (1, '{"members": [`+c.elements+`]}'), (2, '{"members": [{"tel": "+33147427172", "mail": "carol@example.org"}]}')`, members)
			s.erased(c.erased, ada, bob)
			s.want(c.left, "SELECT doc->'members' FROM teams WHERE id = 1")
			s.want("1", "SELECT count(*) FROM teams WHERE id = 2")
		})
	}
}

// TestANumberOfSeveralOfTheRunLeavesAnothersElement: each of them gave an address, and the element has somebody else's.
func TestANumberOfSeveralOfTheRunLeavesAnothersElement(t *testing.T) {
	s := newStore(t, `CREATE TABLE teams (id int PRIMARY KEY, doc jsonb); INSERT INTO teams VALUES
  (1, '[{"tel": "+33147427171", "mail": "ada@example.org"}, {"tel": "+33147427171", "mail": "carol@example.org"}, {"tel": "+33147427171", "mail": "bob@example.org"}, {"tel": "+33147427171"}]')`, `
tables:
- {name: teams, subjectKeys: [{column: doc, path: ["*", mail], identifier: Email}, {column: doc, path: ["*", tel], identifier: Phone}], onErasure: DeleteRows}`)
	s.erased("0 public.teams Detach 1", person("email", "ada@example.org", "phone", "+33147427171"), person("email", "bob@example.org", "phone", "+33147427171"))
	s.want(`[{"tel": "+33147427171", "mail": "carol@example.org"}]`, "SELECT doc FROM teams")
}
