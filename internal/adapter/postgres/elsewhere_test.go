package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestAPersonsOwnRowsHideNoCopyOfTheirValues: of two bills one expires and one is kept. Both have the name of the customer, and the
// one that stays is not another person's: a table that nobody declared has the name too, and is named.
func TestAPersonsOwnRowsHideNoCopyOfTheirValues(t *testing.T) {
	const books = `
CREATE TABLE partners (id int PRIMARY KEY, email text, name text);
CREATE TABLE moves (id int PRIMARY KEY, partner_id int REFERENCES partners, partner_display_name text, narration text, billed_on date);
CREATE TABLE deliveries (id int PRIMARY KEY, contact text);
INSERT INTO partners VALUES (1, 'ada@example.org', 'A.'), (2, 'bob@example.org', 'B.');
INSERT INTO moves VALUES (1, 1, 'Ada King-Noel', 'x', '2010-01-01'), (2, 1, 'Ada King-Noel', 'x', '2026-01-01'), (3, 2, 'Bob Baumeister', 'x', '2026-01-01');
INSERT INTO deliveries VALUES (1, 'Ada King-Noel'), (2, 'Bob Baumeister');`
	const partners = `
tables:
- {name: partners, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: name}], onErasure: MaskColumns}`
	const kept = partners + `
- {name: moves, ownedThrough: [{columns: [partner_id]}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: billed_on}}`
	for name, c := range map[string]struct {
		sql, dataset string
		copies       string
		held         []task.Hold
		rightly      string
	}{
		"kept by the law": {books, kept, "public.deliveries.contact", nil, "rightly in rows that are kept: public.moves.partner_display_name"},
		"another's bill":  {books + `UPDATE moves SET partner_display_name = 'Ada King-Noel' WHERE id = 3;`, kept, "", nil, ""},
		"on legal hold": {books, strings.Replace(kept, "onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: billed_on}", "onErasure: DeleteRows", 1),
			"public.deliveries.contact", []task.Hold{{Index: 3, Schema: "public", Table: "moves", UntilOn: "2030-12-31", Where: []v1alpha1.HeldCondition{where("id", v1alpha1.HoldEqual, "2")}}}, "rightly in rows that are kept: public.moves.partner_display_name"},
		"in another column of a masked row": {books + `UPDATE moves SET partner_display_name = NULL, narration = 'Ada King-Noel' WHERE id = 2;`,
			partners + `
- {name: moves, ownedThrough: [{columns: [partner_id]}], columns: [{name: partner_display_name}], onErasure: MaskColumns}`,
			"public.deliveries.contact public.moves.narration", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.sql, c.dataset)
			s.holds = c.held
			ada := email("ada@example.org")
			s.gone("run-1", ada)
			o := s.looked("run-1", ada)
			s.copies(o, strings.Fields(c.copies)...)
			if !strings.Contains(o.Message, c.rightly) {
				t.Errorf("%q lacks %q", o.Message, c.rightly)
			}
		})
	}
}

// TestValuesThatWereMaskedWithinJSONAreLookedFor: what a path led to is destroyed like any other value.
func TestValuesThatWereMaskedWithinJSONAreLookedFor(t *testing.T) {
	for name, c := range map[string]struct{ kind, columns, copies string }{
		"null":      {"jsonb", `{path: [contact, name]}`, "public.cards.holder public.letters.body"},
		"remove":    {"jsonb", `{path: [contact, name], mask: Remove}`, "public.cards.holder public.letters.body"},
		"constant":  {"jsonb", `{path: [contact, name], mask: Constant, constant: somebody else}`, "public.cards.holder public.letters.body"},
		"pseudonym": {"json", `{path: [contact, name], mask: Pseudonym}`, "public.cards.holder public.letters.body"},
		"an object": {"jsonb", `{path: [contact]}`, "public.cards.holder public.letters.body"},
		"elements":  {"json", `{path: [aliases, "*"]}`, "public.cards.alias"},
		"a number":  {"jsonb", `{path: [tel]}`, "public.cards.tel"},
		"of others": {"jsonb", `{path: [town]}`, ""},
		"nothing":   {"jsonb", `{path: [nowhere, "0"]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, `
CREATE TABLE members (id int PRIMARY KEY, email text, profile `+c.kind+`);
CREATE TABLE cards (id int PRIMARY KEY, holder text, alias text, tel text, town text);
CREATE TABLE letters (id int PRIMARY KEY, body jsonb);
INSERT INTO members VALUES (1, 'ada@example.org', '{"contact": {"name": "Ada King-Noel", "language": "en"}, "aliases": ["x", "The Enchantress"], "tel": "+33 6 12 34 56 78", "town": "Frankfurt am Main"}'),
 (2, 'bob@example.org', '{"contact": {"name": "Bob Baumeister"}, "town": "Frankfurt am Main"}');
INSERT INTO cards VALUES (1, 'ADA KING-NOEL', 'the enchantress', '0033612345678', 'Frankfurt am Main'), (2, 'Bob Baumeister', 'bob', '', 'language');
INSERT INTO letters VALUES (1, '{"to": "Ada King-Noel"}'), (2, '{"to": "Bob Baumeister", "contact": "language"}');`, `
tables:
- {name: members, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: profile, within: [`+c.columns+`]}], onErasure: MaskColumns}`)
			ada := email("ada@example.org")
			s.gone("run-1", ada)
			s.copies(s.looked("run-1", ada), strings.Fields(c.copies)...)
		})
	}
}

// TestWhatElementsOfAnArrayHeldIsLookedFor: a person's element goes from an array that others share, with all that it says.
func TestWhatElementsOfAnArrayHeldIsLookedFor(t *testing.T) {
	s := newStore(t, `
CREATE TABLE rooms (id int PRIMARY KEY, members jsonb);
CREATE TABLE badges (id int PRIMARY KEY, line text);
INSERT INTO rooms VALUES (1, '[{"email": "ada@example.org", "displayName": "Ada King-Noel"}, {"email": "bob@example.org", "displayName": "Bob Baumeister"}]');
INSERT INTO badges VALUES (1, 'Ada King-Noel'), (2, 'Bob Baumeister'), (3, 'displayName');`, `
tables:
- {name: rooms, subjectKeys: [{column: members, path: ["*", email], identifier: Email}], onErasure: DeleteRows}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada), "public.badges.line")
	s.want("1", "SELECT jsonb_array_length(members) FROM rooms")
}

// TestAContradictionNamesSecondCopiesToo: one who is told that people were found again is told of the copies as well.
func TestAContradictionNamesSecondCopiesToo(t *testing.T) {
	s := newStore(t, shop, shopped)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.sql("INSERT INTO tickets VALUES (9, 'wrote ada@example.org')")
	o := s.looked("run-1", ada)
	if o.OK || o.Reason != task.Contradicted || !strings.HasPrefix(o.Message, "People were found again: 1 rows in public.tickets") || !strings.Contains(o.Message, "also in public.audit.change") {
		t.Errorf("%v %s %q", o.OK, o.Reason, o.Message)
	}
	if got := strings.Join(o.Names, " "); got != "public.tickets public.audit.change public.labels.lines public.orders.ship_name public.orders.ship_street public.tickets.body" {
		t.Errorf("names %s", got)
	}
}

// TestValuesOfAllTypesThatHoldTextAreLookedFor: composites, hstore and XML have texts of people as documents do, and a column that is
// generated from what was masked had its value too.
func TestValuesOfAllTypesThatHoldTextAreLookedFor(t *testing.T) {
	s := newStore(t, `
CREATE EXTENSION hstore;
CREATE TYPE place AS (label text, street text);
CREATE TABLE people (id int PRIMARY KEY, email text, first text, last text, whole text GENERATED ALWAYS AS (first || ' ' || last) STORED, tags hstore, card xml, home place, homes place[], search tsvector GENERATED ALWAYS AS (to_tsvector('simple', coalesce(last, ''))) STORED);
CREATE TABLE copies (id int PRIMARY KEY, a text, b text, c text, d text, e text);
INSERT INTO people (id, email, first, last, tags, card, home, homes) VALUES (1, 'ada@example.org', 'Ada', 'Kingnoel', 'nick=>"The Enchantress"', '<p><n>Countess of Lovelace</n></p>', '(home,"12 Ockham Park Road")', ARRAY['(office,"Saint James Square 10")'::place]),
 (2, 'bob@example.org', 'Bob', 'Kingnoel', 'nick=>builder', '<p/>', NULL, NULL);
INSERT INTO copies VALUES (1, 'Ada Kingnoel', 'the enchantress', 'Countess of Lovelace', '12 Ockham Park Road', 'Saint James Square 10'), (2, 'Bob Kingnoel', 'builder', 'p', 'home', 'office');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: first}, {name: last}, {name: tags}, {name: card}, {name: home}, {name: homes}], onErasure: MaskColumns}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	o := s.looked("run-1", ada)
	s.copies(o, "public.copies.a", "public.copies.b", "public.copies.c", "public.copies.d", "public.copies.e")
}

// TestAGeneratedColumnThatDidNotChangeIsNoCopy: it was computed from the mask before.
func TestAGeneratedColumnThatDidNotChangeIsNoCopy(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, loud text GENERATED ALWAYS AS (upper(name)) STORED);
INSERT INTO people (id, email, name) VALUES (1, 'ada@example.org', 'Somebody Else');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: name, mask: Constant, constant: Somebody Else}], onErasure: MaskColumns}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada))
}

// TestACodeInTheKeyOfATableIsNoCopy: what a deleted row referred to, without a foreign key, is the other table's own; and the word that
// says to which table it referred is the application's.
func TestACodeInTheKeyOfATableIsNoCopy(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE posts (id text PRIMARY KEY, author text);
CREATE TABLE likes (person int, post text, shown_as text, source_type text, state text DEFAULT 'x');
CREATE TABLE routes (id int PRIMARY KEY, source_type text);
CREATE TABLE names (name text PRIMARY KEY);
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO posts VALUES ('p1fi4djkrtgn9rqygagdqa5mto', 'p2fi4djkrtgn9rqygagdqa5mto');
INSERT INTO likes VALUES (1, 'p1fi4djkrtgn9rqygagdqa5mto', 'Ada King-Noel', 'Namespace'); INSERT INTO routes VALUES (1, 'Namespace');
INSERT INTO names VALUES ('Ada King-Noel');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: likes, references: [{columns: [person], table: people, toColumns: [id]}], onErasure: DeleteRows}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada), "public.names.name")
}

// TestANameInTwoColumnsIsLookedForAsOne: shops keep first and last name apart, and write both on a parcel.
func TestANameInTwoColumnsIsLookedForAsOne(t *testing.T) {
	for name, dataset := range map[string]string{
		"deleted": "onErasure: DeleteRows", "masked": "columns: [{name: email}, {name: first_name}, {name: last_name, mask: Constant, constant: gone}], onErasure: MaskColumns",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, first_name text, last_name text);
CREATE TABLE parcels (id int PRIMARY KEY, recipient text, label text, log jsonb, town text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada', ' Kingnoel '), (2, 'bob@example.org', 'Bob', 'Kingnoel'), (3, 'cy@example.org', NULL, 'Baumeister');
INSERT INTO parcels VALUES (1, 'Ada Kingnoel', 'KINGNOEL, Ada', '{"to": "Kingnoel Ada"}', 'Ada'), (2, 'Bob Kingnoel', 'Kingnoel', '{"to": "Bob"}', 'Kingnoel');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], `+dataset+`}`)
			ada, cy := email("ada@example.org"), email("cy@example.org")
			s.gone("run-1", ada, cy)
			s.copies(s.looked("run-1", ada, cy), "public.parcels.label", "public.parcels.log", "public.parcels.recipient")
		})
	}
}

// TestANameInTwoColumnsIsSeenInTwoColumns: each of the two may be too short to be looked for; and a namesake has it in two columns too.
func TestANameInTwoColumnsIsSeenInTwoColumns(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, first_name text, last_name text);
CREATE TABLE staff (id int PRIMARY KEY, "givenName" varchar(40), "familyName" varchar(40));
CREATE TABLE badges (id int PRIMARY KEY, holder text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ida', 'Kent'), (2, 'bob@example.org', 'Bob', 'Byrne'), (3, 'cy@example.org', 'Ida', 'Byrne'), (4, 'di@example.org', ' Bob', 'Byrne ');
INSERT INTO staff VALUES (1, 'IDA', ' Kent'), (2, 'Cy', 'King');
INSERT INTO badges VALUES (1, 'Bob Byrne');`, deletesPeople)
	ada, bob := email("ada@example.org"), email("bob@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada), "public.staff.familyName")
	s.gone("run-2", bob)
	s.copies(s.looked("run-2", bob)) // another Bob Byrne is there
}

// TestAKeyThatIsMaskedHidesNoCopy: a row whose key was an address is not known again by its key, and is no other person's either; nor
// is one whose key follows.
func TestAKeyThatIsMaskedHidesNoCopy(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (tenant int, email text, name text, nick text, PRIMARY KEY (tenant, email)) PARTITION BY HASH (email);
CREATE TABLE people_0 PARTITION OF people FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE people_1 PARTITION OF people FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE orders (tenant int, email text, n int, ship text, memo text, PRIMARY KEY (tenant, email, n), FOREIGN KEY (tenant, email) REFERENCES people ON UPDATE CASCADE);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada King-Noel', 'Ada King-Noel'), (1, 'bob@example.org', 'Bob Baumeister', 'b'), (2, 'cy@example.org', 'Cy Twombly', 'c'), (3, 'cy.t@example.org', 'Cyrus', 'Cy Twombly');
INSERT INTO orders VALUES (1, 'ada@example.org', 1, '12 rue des Lilas', '12 rue des Lilas'), (1, 'bob@example.org', 1, 'x', 'y');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}
- {name: orders, columns: [{name: ship}], onErasure: MaskColumns}`)
	ada, cy := email("ada@example.org"), email("cy@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada), "public.orders.memo", "public.people.nick")
	s.gone("run-2", cy)
	s.copies(s.looked("run-2", cy)) // another one is called so
}

// TestOddDocumentsAreRememberedToo: what jsonb refuses beside a value that is masked keeps nobody from looking for that.
func TestOddDocumentsAreRememberedToo(t *testing.T) {
	s := newStore(t, `
CREATE TABLE members (id int PRIMARY KEY, email text, profile json);
CREATE TABLE cards (id int PRIMARY KEY, holder text);
INSERT INTO members VALUES (1, 'ada@example.org', '{"name": "Ada King-Noel", "odd": "\u0000\ud800", "list": ["The Enchantress", "\u0000"], "n": 1e400000}'), (2, 'bob@example.org', '{}');
INSERT INTO cards VALUES (1, 'Ada King-Noel'), (2, 'the enchantress');`, `
tables:
- {name: members, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: profile, within: [{path: [name]}, {path: [list, "*"]}]}], onErasure: MaskColumns}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada), "public.cards.holder")
	s.want("1", "SELECT count(*) FROM members WHERE profile::text LIKE '%1e400000%' AND profile::text NOT LIKE '%King%'")
}
