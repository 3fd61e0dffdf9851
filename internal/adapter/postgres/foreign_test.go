package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// foreign is a schema that somebody else made, what the person is, and what must come of it.
type foreign struct {
	sql, dataset string
	who          subject.Subject // Ada when zero
	// One of these says how it ends: refused by the plan, stopped by the run, contradicted by the verifier, or erased
	// with these counts. The first three hold a part of the message.
	refused, stopped, contradicted, erased string
	// others are queries whose rows must be the same before and after.
	others []string
	// after are queries of one value with what they must answer once the run is over.
	after map[string]string
	// noted is a part of the plan's message; noted are names too.
	noted []string
	// silent is what it must not say.
	silent string
	// grows says that triggers write rows of the person while the run works.
	grows bool
}

func (h foreign) play(t *testing.T) {
	t.Helper()
	s := newStore(t, h.sql, h.dataset)
	who := h.who
	if len(who.Kinds()) == 0 {
		who = email("ada@example.org")
	}
	s.grows = h.grows
	before := s.sums(h.others)
	switch {
	case h.refused != "":
		if planned := s.plan(who); planned.OK || planned.Reason == task.Internal || !strings.Contains(planned.Message, h.refused) {
			t.Errorf("plan: OK %v %s %q, want a refusal with %q", planned.OK, planned.Reason, planned.Message, h.refused)
		}
	case h.stopped != "":
		if done := s.erase("run-1", who); done.OK || done.Reason == task.Internal || !strings.Contains(done.Message, h.stopped) {
			t.Errorf("erase: OK %v %s %q, want a stop with %q", done.OK, done.Reason, done.Message, h.stopped)
		}
	default:
		h.finish(s, who)
	}
	for _, part := range h.noted {
		if !strings.Contains(s.planned.Message, part) {
			t.Errorf("plan says %q, want %q", s.planned.Message, part)
		}
	}
	if h.silent != "" && strings.Contains(s.planned.Message, h.silent) {
		t.Errorf("plan says %q, and should not say %q", s.planned.Message, h.silent)
	}
	for query, want := range h.after {
		s.want(want, query)
	}
	if after := s.sums(h.others); after != before {
		t.Error("other people's rows changed")
	}
}

func (h foreign) finish(s *store, who subject.Subject) {
	s.Helper()
	done := s.erase("run-1", who)
	if !done.OK {
		s.Errorf("erase: %s: %s", done.Reason, done.Message)
		return
	}
	if got := counts(done); h.erased != "" && got != clean(h.erased) {
		s.Errorf("erased\n%s\nwant\n%s", got, clean(h.erased))
	}
	o := s.verify(who)
	switch {
	case h.contradicted == "" && !o.OK:
		s.Errorf("verify: %s: %s", o.Reason, o.Message)
	case h.contradicted != "" && (o.Reason != task.Contradicted || !strings.Contains(o.Message, h.contradicted)):
		s.Errorf("verify: OK %v %s %q, want Contradicted with %q", o.OK, o.Reason, o.Message, h.contradicted)
	}
}

// sums are the checksums of some queries.
func (s *store) sums(queries []string) string {
	s.Helper()
	var all []string
	for _, q := range queries {
		all = append(all, s.sum(q))
	}
	return strings.Join(all, " ")
}

func playAll(t *testing.T, cases map[string]foreign) {
	for name, h := range cases {
		t.Run(name, func(t *testing.T) { h.play(t) })
	}
}

const peopleByAddress = `
CREATE TABLE customers (email text PRIMARY KEY, name text);
INSERT INTO customers VALUES ('ada@example.org', 'Ada'), ('bob@example.org', 'Bob');`

func TestAnAddressInAPrimaryKeyIsErasedOrRefusedByName(t *testing.T) {
	orders := func(onUpdate, null string) string {
		return peopleByAddress + `
CREATE TABLE orders (id int PRIMARY KEY, customer text ` + null + ` REFERENCES customers ` + onUpdate + `, placed date NOT NULL);
INSERT INTO orders VALUES (1, 'ada@example.org', '2026-01-01'), (2, 'bob@example.org', '2026-01-01');`
	}
	const people, masked = `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`, `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], columns: [{name: name}], onErasure: MaskColumns}`
	const pseudonym = `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}`
	const kept = `
- {name: orders, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: placed}}`
	const goes = `
- {name: orders, onErasure: DeleteRows}`
	bob := []string{"SELECT * FROM customers WHERE name = 'Bob'", "SELECT * FROM orders WHERE id = 2"}
	playAll(t, map[string]foreign{
		"deleted with what refers to it": {sql: orders("", "NOT NULL"), dataset: people + goes, others: bob,
			erased: "0 public.customers DeleteRows 1\n0 public.orders DeleteRows 1"},
		"stays since its mask was forgotten": {sql: peopleByAddress, dataset: masked,
			refused: "public.customers.email"},
		"masked": {sql: peopleByAddress, dataset: pseudonym, others: bob[:1], erased: "0 public.customers MaskColumns 1",
			after: map[string]string{"SELECT count(*) FROM customers WHERE email ~ '^[0-9a-f]{32}$' AND name IS NULL": "1"}},
		"masked, and what refers to it cannot follow": {sql: orders("", "NOT NULL"), dataset: pseudonym + goes,
			refused: "public.customers.email cannot be masked: public.orders (customer) refers to it"},
		"stays since rows refer to it": {sql: orders("", "NOT NULL"), dataset: masked + goes,
			refused: "public.customers.email"},
		"held by an invoice": {sql: orders("", "NOT NULL"), dataset: people + kept,
			refused: "public.customers.email"},
		"gone, with an invoice that lost it": {sql: orders("", ""), dataset: people + kept, others: bob,
			erased: "0 public.customers DeleteRows 1\n0 public.orders Keep 1 until 2036-01-01"},
		"masked, and what refers to it follows": {sql: orders("ON UPDATE CASCADE", "NOT NULL"),
			dataset: pseudonym + kept, others: bob,
			erased: "0 public.customers MaskColumns 1\n0 public.orders Keep 1 until 2036-01-01",
			after:  map[string]string{"SELECT count(*) FROM customers c JOIN orders o ON o.customer = c.email WHERE c.email ~ '^[0-9a-f]{32}$'": "1"}},
		"held and masked, and what refers to it follows": {sql: orders("ON UPDATE CASCADE", "NOT NULL"),
			dataset: strings.Replace(people, "onErasure", "columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure", 1) + kept, others: bob,
			erased: "0 public.customers MaskColumns 1\n0 public.orders Keep 1 until 2036-01-01"},
		"followed by a table that nobody declared": {sql: orders("ON UPDATE CASCADE", "NOT NULL"), dataset: pseudonym,
			refused: "public.orders (customer)"},
	})
}

// TestAReferenceToAnAddressThatGoesIsNoText: it follows the address, or is nulled with it, so that nobody will be named there.
func TestAReferenceToAnAddressThatGoesIsNoText(t *testing.T) {
	const staff = `
CREATE TABLE staff (email text PRIMARY KEY, name text, boss text REFERENCES staff ON UPDATE CASCADE);
CREATE TABLE badges (id int PRIMARY KEY, holder text REFERENCES staff ON UPDATE CASCADE, note text);
INSERT INTO staff VALUES ('bob@example.org', 'Bob', NULL), ('ada@example.org', 'Ada', 'bob@example.org'), ('cy@example.org', 'Cy', 'ada@example.org');
INSERT INTO badges VALUES (1, 'ada@example.org', 'x'), (2, 'bob@example.org', 'y');`
	const masked = `
tables:
- {name: staff, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}
- {name: badges, columns: [{name: note}], onErasure: MaskColumns}`
	const gone = `
tables:
- {name: staff, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: badges, onErasure: Detach, detach: [holder]}`
	const tenants = `
CREATE TABLE staff (tenant int, email text, name text, PRIMARY KEY (tenant, email));
CREATE TABLE badges (id int PRIMARY KEY, tenant int, holder text, note text, FOREIGN KEY (tenant, holder) REFERENCES staff ON UPDATE CASCADE);
INSERT INTO staff VALUES (1, 'bob@example.org', 'Bob'), (1, 'ada@example.org', 'Ada');
INSERT INTO badges VALUES (1, 1, 'ada@example.org', 'x'), (2, NULL, 'ada@example.org', 'y');`
	const named, elsewhere = "people are named in texts", `UPDATE badges SET note = 'ask ada@example.org' WHERE id = 2;`
	const orphan = `ALTER TABLE badges DROP CONSTRAINT badges_holder_fkey; INSERT INTO badges VALUES (3, 'Ada@example.org', 'z'); ALTER TABLE badges ADD FOREIGN KEY (holder) REFERENCES staff ON UPDATE CASCADE NOT VALID;`
	playAll(t, map[string]foreign{
		"follows":                       {sql: staff, dataset: masked, silent: named},
		"is nulled":                     {sql: staff, dataset: gone, silent: named},
		"and a text beside it":          {sql: staff + elsewhere, dataset: masked, noted: []string{named + " of public.badges"}, contradicted: "public.badges"},
		"of a key that is not enforced": {sql: staff + orphan, dataset: masked, noted: []string{named + " of public.badges"}, contradicted: "public.badges"},
		"of a key that has a NULL":      {sql: tenants, dataset: masked, noted: []string{named + " of public.badges"}, contradicted: "public.badges"},
	})
}

func TestPartsOfTablesAreSeen(t *testing.T) {
	const people = `
CREATE TABLE people (id int PRIMARY KEY, email text);
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org');`
	const parts = people + `
CREATE TABLE events (at date NOT NULL, id int, person int REFERENCES people, note text, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
CREATE TABLE events_25 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events VALUES ('2025-05-05', 1, 1, 'a'), ('2026-05-05', 2, 1, 'b'), ('2026-05-05', 3, 2, 'c');`
	const files = people + `
CREATE TABLE files (id int PRIMARY KEY, owner text);
CREATE TABLE images (width int, UNIQUE (id)) INHERITS (files);
INSERT INTO files VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO images VALUES (3, 'ada@example.org', 10), (4, 'bob@example.org', 10);`
	const declared = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`
	const events, owned = `
- {name: events, onErasure: DeleteRows}`, `
- {name: files, subjectKeys: [{column: owner, identifier: Email}], onErasure: DeleteRows}`
	playAll(t, map[string]foreign{
		"part declared for the whole": {sql: parts, dataset: declared + `
- {name: events_25, ownedThrough: [{columns: [person]}], onErasure: DeleteRows}`, refused: "public.events_25 is a part of public.events"},
		"part and whole declared": {sql: parts, dataset: declared + events + `
- {name: events_25, ownedThrough: [{columns: [person]}], onErasure: DeleteRows}`, refused: "public.events_25 is a part of public.events"},
		"undeclared table refers to a part and cascades": {sql: parts + `
CREATE TABLE logs (at date, event int, FOREIGN KEY (at, event) REFERENCES events_25 ON DELETE CASCADE);
INSERT INTO logs VALUES ('2025-05-05', 1);`, dataset: declared + events, refused: "Undeclared table public.logs"},
		"a part has a trigger": {sql: parts + `
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
CREATE TRIGGER watch BEFORE DELETE ON events_25 FOR EACH ROW EXECUTE FUNCTION f();`, dataset: declared + events,
			noted: []string{"watch"}, erased: "0 public.events DeleteRows 2\n0 public.people DeleteRows 1", others: []string{"SELECT * FROM events WHERE person = 2"}},
		"a part refers by a key of its own": {sql: people + `
CREATE TABLE events (at date NOT NULL, person int, note text) PARTITION BY RANGE (at);
CREATE TABLE events_25 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
ALTER TABLE events_25 ADD FOREIGN KEY (person) REFERENCES people ON DELETE CASCADE;
INSERT INTO events VALUES ('2025-05-05', 1, 'a'), ('2026-05-05', 1, 'b'), ('2026-05-05', 2, 'c');`, dataset: declared + `
- {name: events, references: [{columns: [person], table: people, toColumns: [id]}], onErasure: DeleteRows}`,
			erased: "0 public.events DeleteRows 2\n0 public.people DeleteRows 1", others: []string{"SELECT * FROM events WHERE person = 2"}},
		"heir declared beside its parent": {sql: files, dataset: declared + owned + `
- {name: images, subjectKeys: [{column: owner, identifier: Email}], onErasure: DeleteRows}`, refused: "public.images is a part of public.files"},
		"undeclared table refers to an heir and cascades": {sql: files + `
CREATE TABLE thumbs (image int REFERENCES images (id) ON DELETE CASCADE);
INSERT INTO thumbs VALUES (3);`, dataset: declared + owned, refused: "Undeclared table public.thumbs"},
		"an heir's own key": {sql: files + `
CREATE TABLE albums (id int PRIMARY KEY, cover int REFERENCES images (id));
INSERT INTO albums VALUES (1, 3), (2, 4);`, dataset: declared + owned, refused: "Undeclared table public.albums"},
		"an heir's own column holds the person": {sql: files + `
CREATE TABLE films (director text) INHERITS (files); INSERT INTO films VALUES (5, 'bob@example.org', 'ada@example.org');`, dataset: declared + owned,
			contradicted: "public.films"},
		"a unique index of a part": {sql: people + `
CREATE TABLE events (at date NOT NULL, mail text NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_25 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE UNIQUE INDEX ON events_25 (mail);
INSERT INTO events VALUES ('2025-05-05', 'ada@example.org');`, dataset: declared + `
- {name: events, subjectKeys: [{column: mail, identifier: Email}], columns: [{name: mail, mask: Constant, constant: gone}], onErasure: MaskColumns}`,
			refused: "is UNIQUE"},
		"a check of an heir": {sql: files + `ALTER TABLE images ADD CHECK (owner LIKE '%@%')`, dataset: declared + `
- {name: files, subjectKeys: [{column: owner, identifier: Email}], columns: [{name: owner, mask: Constant, constant: gone}], onErasure: MaskColumns}`,
			refused: "images_owner_check"},
		"partitions of lists within hashes": {sql: people + `
CREATE TABLE visits (person int NOT NULL REFERENCES people, country text NOT NULL) PARTITION BY LIST (country);
CREATE TABLE visits_eu PARTITION OF visits FOR VALUES IN ('FR', 'DE') PARTITION BY HASH (person);
CREATE TABLE visits_eu_0 PARTITION OF visits_eu FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE visits_eu_1 PARTITION OF visits_eu FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE visits_rest PARTITION OF visits DEFAULT;
INSERT INTO visits VALUES (1, 'FR'), (1, 'DE'), (1, 'US'), (2, 'FR');`, dataset: declared + `
- {name: visits, onErasure: DeleteRows}`, erased: "0 public.people DeleteRows 1\n0 public.visits DeleteRows 3", others: []string{"SELECT * FROM visits WHERE person = 2"}},
	})
}

func TestTriggersThatWriteThePersonElsewhereOrBack(t *testing.T) {
	const people = `
CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, name text, changed timestamptz);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada'), (2, 'bob@example.org', 'Bob');
CREATE TABLE past (person int, email text, row jsonb);
CREATE TABLE other_past (what text, doc jsonb);
INSERT INTO past VALUES (2, 'bob@example.org', '{}');`
	trigger := func(when, body string) string {
		return people + `
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN ` + body + `; RETURN NEW; END $$;
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN ` + body + `; RETURN OLD; END $$;
CREATE TRIGGER copier ` + when
	}
	const gone, masked = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: name, mask: Constant, constant: erased}], onErasure: MaskColumns}`
	others := []string{"SELECT * FROM people WHERE id = 2", "SELECT * FROM past WHERE person = 2"}
	playAll(t, map[string]foreign{
		"copied into a declared table when deleted": {
			sql: trigger("AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION g()", "INSERT INTO past VALUES (OLD.id, OLD.email, to_jsonb(OLD))"),
			dataset: gone + `
- {name: past, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`,
			others: others, grows: true, erased: "0 public.past DeleteRows 1\n0 public.people DeleteRows 1", noted: []string{"copier"}, after: map[string]string{"SELECT count(*) FROM past": "1"}},
		"copied into a table declared by reference when deleted": {
			sql: trigger("AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION g()", "INSERT INTO past VALUES (OLD.id, NULL, to_jsonb(OLD))"),
			dataset: gone + `
- {name: past, references: [{columns: [person], table: people, toColumns: [id]}], onErasure: DeleteRows}`,
			others: others, grows: true, after: map[string]string{"SELECT count(*) FROM past": "1"}},
		"copied into a declared table when masked": {
			sql: trigger("AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION f()", "INSERT INTO past VALUES (OLD.id, OLD.email, to_jsonb(OLD))"),
			dataset: masked + `
- {name: past, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`,
			others: others, grows: true, after: map[string]string{"SELECT count(*) FROM past": "1"}},
		"copied into a table that nobody declared": {
			sql:     trigger("AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION g()", "INSERT INTO other_past VALUES ('gone', to_jsonb(OLD))"),
			dataset: gone, contradicted: "public.other_past"},
		"put back when deleted": {
			sql:     trigger("AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION g()", "INSERT INTO people VALUES (OLD.id, OLD.email)"),
			dataset: gone, stopped: "copier", others: append(others, "SELECT * FROM people")},
		"put back under another number when deleted": {
			sql:     trigger("AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION g()", "INSERT INTO people VALUES (OLD.id + 10, OLD.email)"),
			dataset: gone, stopped: "copier", others: append(others, "SELECT * FROM people")},
		"key put back when masked": {
			sql:     trigger("BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION f()", "NEW.email := OLD.email"),
			dataset: masked, stopped: "copier", others: append(others, "SELECT * FROM people")},
		"name put back when masked": {
			sql:     trigger("BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION f()", "NEW.name := OLD.name"),
			dataset: masked, stopped: "copier", others: append(others, "SELECT * FROM people")},
		"time of change": {
			sql:     trigger("BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION f()", "NEW.changed := pg_catalog.now()"),
			dataset: masked, erased: "0 public.people MaskColumns 1", others: others},
	})
}

func TestCopiesOutsideTheDatasetAreNamed(t *testing.T) {
	const people = `
CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, name text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada'), (2, 'bob@example.org', 'Bob');`
	const gone = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`
	copies := map[string]struct{ sql, where string }{
		"materialised view":      {`CREATE MATERIALIZED VIEW report AS SELECT name, email AS contact FROM people`, "public.report"},
		"a word of another name": {`CREATE TABLE newsletter (recipient varchar(80) PRIMARY KEY); INSERT INTO newsletter VALUES ('Ada@Example.ORG')`, "public.newsletter"},
		"JSON":                   {`CREATE TABLE queue (n int, payload jsonb); INSERT INTO queue VALUES (1, '{"to":[{"mail":"ada@example.org"}]}')`, "public.queue"},
		"array of JSON":          {`CREATE TABLE queue (n int, payload jsonb[]); INSERT INTO queue VALUES (1, ARRAY['{"mail":"ada@example.org"}'::jsonb])`, "public.queue"},
		"composite type":         {`CREATE TYPE contact AS (label text, address text); CREATE TABLE cards (c contact); INSERT INTO cards VALUES (ROW('x', 'ada@example.org'))`, "public.cards"},
		"array of composites":    {`CREATE TYPE contact AS (label text, address text); CREATE TABLE cards (c contact[]); INSERT INTO cards VALUES (ARRAY[ROW('x', 'ada@example.org')::contact])`, "public.cards"},
		"domain over a domain":   {`CREATE DOMAIN a AS text; CREATE DOMAIN b AS a; CREATE TABLE cards (c b); INSERT INTO cards VALUES ('ada@example.org')`, "public.cards"},
		"hstore":                 {`CREATE EXTENSION hstore; CREATE TABLE cards (c hstore); INSERT INTO cards VALUES ('mail=>ada@example.org')`, "public.cards"},
		"xml":                    {`CREATE TABLE cards (c xml); INSERT INTO cards VALUES ('<a href="mailto:ada@example.org"/>')`, "public.cards"},
		"another schema":         {`CREATE SCHEMA "Old.Data"; CREATE TABLE "Old.Data"."T" ("Who" text); INSERT INTO "Old.Data"."T" VALUES ('ada@example.org')`, "Old.Data.T"},
		"partition":              {`CREATE TABLE logs (at date, line text) PARTITION BY RANGE (at); CREATE TABLE logs_1 PARTITION OF logs DEFAULT; INSERT INTO logs VALUES ('2026-01-01', 'login ada@example.org')`, "public.logs"},
		"undeclared column":      {`ALTER TABLE people ADD referrer text; UPDATE people SET referrer = 'ada@example.org' WHERE id = 2`, "public.people"},
	}
	for name, c := range copies {
		t.Run(name, func(t *testing.T) {
			h := foreign{sql: people + c.sql, dataset: gone, contradicted: c.where, others: []string{"SELECT * FROM people WHERE id = 2"}}
			if name != "undeclared column" {
				h.noted = []string{c.where}
			}
			h.play(t)
		})
	}
}

func TestWhatTheVerifierCannotReadIsNamed(t *testing.T) {
	s := newStore(t, onePerson+`
CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE remote (line text) SERVER files OPTIONS (filename '/nowhere');
CREATE TABLE hidden (line text); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE MATERIALIZED VIEW empty AS SELECT 'x'::text AS line WITH NO DATA;
CREATE TABLE private (line text);`, oneTable)
	s.sql("REVOKE ALL ON private FROM " + s.verifier.Username)
	s.sql("REVOKE pg_read_all_data FROM " + s.verifier.Username + "; GRANT SELECT ON people, hidden, remote TO " + s.verifier.Username)
	if o := s.erase("run-1", email("ada@example.org")); !o.OK {
		t.Fatalf("%+v", o)
	}
	o := s.verify(email("ada@example.org"))
	if !o.OK {
		t.Fatalf("%+v", o)
	}
	for _, name := range []string{"public.hidden", "public.private", "public.remote"} {
		if !strings.Contains(o.Message, name) {
			t.Errorf("%q does not name %s", o.Message, name)
		}
	}
}

func TestKeysOfTypesThatHoldSeveralValues(t *testing.T) {
	playAll(t, map[string]foreign{
		"JSON": {sql: `
CREATE TABLE forms (id int PRIMARY KEY, body jsonb);
INSERT INTO forms VALUES (1, '{"mail": "ada@example.org"}');`, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, identifier: Email}], onErasure: DeleteRows}`, refused: "public.forms.body"},
		"a path in text": {sql: `
CREATE TABLE forms (id int PRIMARY KEY, body text);`, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, path: [mail], identifier: Email}], onErasure: DeleteRows}`, refused: "public.forms.body"},
		"a path in an array of JSON": {sql: `
CREATE TABLE forms (id int PRIMARY KEY, body jsonb[]);`, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, path: ["0", mail], identifier: Email}], onErasure: DeleteRows}`, refused: "public.forms.body"},
		"bytes": {sql: `
CREATE TABLE forms (id int PRIMARY KEY, body bytea);`, dataset: `
tables:
- {name: forms, subjectKeys: [{column: body, identifier: Email}], onErasure: DeleteRows}`, refused: "public.forms.body"},
	})
}
