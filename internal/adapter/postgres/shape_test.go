package postgres_test

import (
	"fmt"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

func TestOrdersGoWithTheirCustomer(t *testing.T) {
	s := newStore(t, `
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers);
INSERT INTO customers VALUES (1, 'Ada@example.org'), (2, 'bob@example.org');
INSERT INTO orders SELECT n, 1 + n % 2 FROM generate_series(1, 10) n;`, `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: orders, onErasure: DeleteRows}`)
	if o := s.scan(); !o.OK || o.Reason != task.Accurate {
		t.Errorf("scan %+v", o)
	}
	others := s.sum("SELECT * FROM customers WHERE id = 2") + s.sum("SELECT * FROM orders WHERE customer_id = 2")
	s.erased(`
		0 public.customers DeleteRows 1
		0 public.orders DeleteRows 5`, email("ADA@example.org"))
	if after := s.sum("SELECT * FROM customers") + s.sum("SELECT * FROM orders"); after != others {
		t.Error("other people's rows changed")
	}
}

func TestRequestsOfOneRunAreCountedApart(t *testing.T) {
	s := newStore(t, `
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers);
INSERT INTO customers VALUES (1, 'ada@example.org'), (2, 'bob@example.org'), (3, 'cy@example.org');
INSERT INTO orders SELECT n, 1 + n % 3 FROM generate_series(1, 10) n;`, `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: orders, onErasure: DeleteRows}`)
	s.erased(`
		0 public.customers DeleteRows 1
		0 public.orders DeleteRows 4
		2 public.customers DeleteRows 1
		2 public.orders DeleteRows 3`, email("bob@example.org"), email("nobody@example.org"), email("cy@example.org"))
}

// Customers and conversations refer to each other; both NOT NULL in one direction, and neither deferrable.
const cycle = `
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, last_conversation bigint);
CREATE TABLE conversations (id bigint PRIMARY KEY, opened_by bigint NOT NULL REFERENCES customers);
ALTER TABLE customers ADD FOREIGN KEY (last_conversation) REFERENCES conversations;
INSERT INTO customers VALUES (1, 'ada@example.org', NULL), (2, 'bob@example.org', NULL), (3, 'cy@example.org', NULL);
INSERT INTO conversations VALUES (10, 1), (11, 1), (20, 2);
UPDATE customers SET last_conversation = 11 WHERE id = 1;
UPDATE customers SET last_conversation = 20 WHERE id = 2;`

func TestCycleOfForeignKeysGoesInOneStatement(t *testing.T) {
	s := newStore(t, cycle, `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: conversations, onErasure: DeleteRows}`)
	s.erased(`
		0 public.conversations DeleteRows 2
		0 public.customers DeleteRows 1`, email("ada@example.org"))
	s.want("20", "SELECT string_agg(id::text, ',') FROM conversations")
}

func TestPersonWhoPointsIntoAnothersConversationIsDetachedAndStays(t *testing.T) {
	s := newStore(t, cycle+`UPDATE customers SET last_conversation = 11 WHERE id = 3`, `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: conversations, onErasure: DeleteRows}`)
	s.erased(`
		0 public.conversations DeleteRows 2
		0 public.customers DeleteRows 1
		0 public.customers Detach 1`, email("ada@example.org"))
	s.want("cy@example.org NULL", "SELECT email || ' ' || coalesce(last_conversation::text, 'NULL') FROM customers WHERE id = 3")
}

func TestCompositeKeysAndSelfReferences(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (tenant int, id int, email text, boss int, PRIMARY KEY (tenant, id), FOREIGN KEY (tenant, boss) REFERENCES people);
CREATE TABLE notes (tenant int NOT NULL, n int, author int, reply_to int, body text, PRIMARY KEY (tenant, n),
  FOREIGN KEY (tenant, author) REFERENCES people, FOREIGN KEY (tenant, reply_to) REFERENCES notes);
INSERT INTO people VALUES (1, 1, 'ada@example.org', NULL), (1, 2, 'bob@example.org', 1), (2, 1, 'bob@example.org', NULL), (2, 2, 'cy@example.org', 1);
INSERT INTO notes VALUES (1, 1, 1, NULL, 'a'), (1, 2, 2, 1, 'b'), (1, 3, 1, 2, 'c'), (2, 1, 1, NULL, 'd'), (2, 2, 1, 1, 'e');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: notes, ownedThrough: [{columns: [tenant, author]}], onErasure: DeleteRows}`)
	s.erased(`
		0 public.notes DeleteRows 2
		0 public.notes Detach 1
		0 public.people DeleteRows 1
		0 public.people Detach 1`, email("ada@example.org"))
	s.want("1/2/", "SELECT tenant || '/' || n || '/' || coalesce(reply_to::text, '') FROM notes WHERE tenant = 1")
	s.want("1/2/bob@example.org/", "SELECT tenant || '/' || id || '/' || email || '/' || coalesce(boss::text, '') FROM people WHERE tenant = 1")
}

func TestJunctionRowsGoAndTheOtherSideStays(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE groups (id int PRIMARY KEY, title text);
CREATE TABLE members (person int REFERENCES people, grp int REFERENCES groups, PRIMARY KEY (person, grp));
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO groups VALUES (1, 'chess'), (2, 'go');
INSERT INTO members VALUES (1, 1), (1, 2), (2, 1);`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: members, onErasure: DeleteRows}`)
	s.erased(`
		0 public.members DeleteRows 2
		0 public.people DeleteRows 1`, email("ada@example.org"))
	s.want("2", "SELECT count(*) FROM groups")
}

const shared = `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE conversations (id int PRIMARY KEY, opened_by int %s REFERENCES people, title text);
CREATE TABLE messages (id int PRIMARY KEY, conversation int NOT NULL REFERENCES conversations, sender int REFERENCES people, body text NOT NULL);
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO conversations VALUES (1, 1, 'ours'), (2, 1, 'mine'), (3, 2, 'his');
INSERT INTO messages VALUES (1, 1, 1, 'I'), (2, 1, 2, 'you'), (3, 2, 1, 'alone'), (4, 3, 1, 'I'), (5, 3, 2, 'you');`

const sharedDataset = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: conversations, ownedThrough: [{columns: [opened_by]}], columns: [{name: title}], onErasure: DeleteRows}
- {name: messages, ownedThrough: [{columns: [sender]}], onErasure: DeleteRows}`

func TestConversationWithMessagesOfOthersIsMaskedAndDetached(t *testing.T) {
	s := newStore(t, fmt.Sprintf(shared, ""), sharedDataset)
	bob := s.sum("SELECT * FROM messages WHERE sender = 2")
	s.erased(`
		0 public.conversations DeleteRows 1
		0 public.conversations MaskColumns 1
		0 public.messages DeleteRows 3
		0 public.people DeleteRows 1`, email("ada@example.org"))
	s.want("1||, 3|2|his", "SELECT string_agg(id || '|' || coalesce(opened_by::text, '') || '|' || coalesce(title, ''), ', ' ORDER BY id) FROM conversations")
	if after := s.sum("SELECT * FROM messages WHERE sender = 2"); after != bob {
		t.Error("messages of another person changed")
	}
}

func TestHeldRowsHoldTheirOwnerWhenTheirKeyIsNotNull(t *testing.T) {
	s := newStore(t, fmt.Sprintf(shared, "NOT NULL"), sharedDataset)
	// The conversation stays for Bob's message and cannot lose its owner, so Ada's row stays, masked: it has no declared
	// column, and its key is nulled.
	s.erased(`
		0 public.conversations DeleteRows 1
		0 public.conversations MaskColumns 1
		0 public.messages DeleteRows 3
		0 public.people Detach 1`, email("ada@example.org"))
	s.want("1|", "SELECT id || '|' || coalesce(email, '') FROM people WHERE id = 1")
}

func TestRowsOfTwoPeopleAreKeptWhenNoOwnerIsNamed(t *testing.T) {
	dataset := `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: conversations, ownedThrough: [{columns: [opened_by]}], columns: [{name: title}], onErasure: DeleteRows}
- {name: messages, onErasure: DeleteRows}`
	s := newStore(t, fmt.Sprintf(shared, ""), dataset)
	// Message 2 is Bob's in Ada's conversation, message 4 Ada's in Bob's: both are shared. Message 2 holds conversation 1.
	s.erased(`
		0 public.conversations DeleteRows 1
		0 public.conversations MaskColumns 1
		0 public.messages DeleteRows 2
		0 public.messages Detach 2
		0 public.people DeleteRows 1`, email("ada@example.org"))
	s.want("2|1|2, 4|3|, 5|3|2", "SELECT string_agg(id || '|' || conversation || '|' || coalesce(sender::text, ''), ', ' ORDER BY id) FROM messages")
}

func TestWhatTwoRequestsOfARunShareIsErased(t *testing.T) {
	dataset := `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: conversations, ownedThrough: [{columns: [opened_by]}], columns: [{name: title}], onErasure: DeleteRows}
- {name: messages, onErasure: DeleteRows}`
	s := newStore(t, fmt.Sprintf(shared, ""), dataset)
	if o := s.erase("run-1", email("ada@example.org"), email("bob@example.org")); !o.OK {
		t.Fatalf("%+v", o)
	}
	s.want("0", "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM conversations) + (SELECT count(*) FROM messages)")
}

func TestAuditTableWithoutForeignKeyIsFoundByItsOwnKeys(t *testing.T) {
	s := newStore(t, `
CREATE TABLE audit (at timestamptz NOT NULL, actor text NOT NULL, detail jsonb);
INSERT INTO audit VALUES (now(), 'ADA@example.org', '{"by": "ada"}'), (now(), 'ada@example.org', NULL), (now(), 'bob@example.org', '{}'), (now(), 'bob@example.org', '{}');`, `
tables:
- name: audit
  subjectKeys: [{column: actor, identifier: Email}]
  columns: [{name: actor, mask: Pseudonym}, {name: detail}]
  onErasure: MaskColumns`)
	s.erased(`0 public.audit MaskColumns 2`, email("Ada@Example.org"))
	s.want("2", "SELECT count(DISTINCT actor) FROM audit WHERE actor ~ '^[0-9a-f]{32}$' AND detail IS NULL")
	s.want("2", "SELECT count(*) FROM audit WHERE actor = 'bob@example.org' AND detail = '{}'")
}

func TestInvoicesAreKeptUntilTheirPeriodEnds(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE invoices (id int PRIMARY KEY, person int REFERENCES people, email text NOT NULL, issued date);
INSERT INTO people VALUES (1, 'ada@example.org');
INSERT INTO invoices VALUES (1, 1, 'ada@example.org', '2016-11-23'), (2, 1, 'ada@example.org', '2016-11-24'), (3, 1, 'ada@example.org', '2020-02-29'), (4, 1, 'ada@example.org', NULL);`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- name: invoices
  subjectKeys: [{column: email, identifier: Email}]
  ownedThrough: [{columns: [person]}]
  onErasure: Keep
  keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued}`)
	s.erased(`
		0 public.invoices DeleteRows 1
		0 public.invoices Keep 3 until 2030-02-28
		0 public.people DeleteRows 1`, email("ada@example.org"))
	s.want("2,3,4", "SELECT string_agg(id::text, ',' ORDER BY id) FROM invoices WHERE person IS NULL")
}

const keptForever = `
CREATE TABLE people (id int PRIMARY KEY, email text %s);
CREATE TABLE invoices (id int PRIMARY KEY, person int NOT NULL REFERENCES people, issued date NOT NULL);
INSERT INTO people VALUES (1, 'ada@example.org');
INSERT INTO invoices VALUES (1, 1, '2026-01-01');`

const keptForeverDataset = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows%s}
- name: invoices
  onErasure: Keep
  keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued}`

func TestCustomerOfAKeptInvoiceIsMaskedWhenTheKeyIsNotNull(t *testing.T) {
	s := newStore(t, fmt.Sprintf(keptForever, "NOT NULL UNIQUE"), fmt.Sprintf(keptForeverDataset, ", columns: [{name: email, mask: Pseudonym}]"))
	s.erased(`
		0 public.invoices Keep 1 until 2036-01-01
		0 public.people MaskColumns 1`, email("ada@example.org"))
}

func TestCustomerOfAKeptInvoiceStopsThePlanWhenNothingCanBeMasked(t *testing.T) {
	s := newStore(t, fmt.Sprintf(keptForever, "NOT NULL"), fmt.Sprintf(keptForeverDataset, ""))
	s.refused(task.PlanImpossible, "public.invoices (person) is NOT NULL", email("ada@example.org"))
	s.refused(task.PlanImpossible, "public.people.email is NOT NULL, so it cannot be masked with Null; use Default, Constant or Pseudonym", email("ada@example.org"))
	// Nobody of whom no invoice is kept is refused.
	if o := s.plan(email("bob@example.org")); !o.OK {
		t.Errorf("%+v", o)
	}
}

func TestPartitionedAndInheritedTables(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE events (at date NOT NULL, person int REFERENCES people, body text) PARTITION BY RANGE (at);
CREATE TABLE events_25 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_26 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE files (id int PRIMARY KEY, owner text);
CREATE TABLE images (width int) INHERITS (files);
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO events VALUES ('2025-05-05', 1, 'a'), ('2026-05-05', 1, 'b'), ('2026-05-05', 2, 'c');
INSERT INTO files VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO images VALUES (1, 'ada@example.org', 10), (2, 'bob@example.org', 10);`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: events, onErasure: DeleteRows}
- {name: files, subjectKeys: [{column: owner, identifier: Email}], onErasure: DeleteRows}`)
	s.erased(`
		0 public.events DeleteRows 2
		0 public.files DeleteRows 2
		0 public.people DeleteRows 1`, email("ada@example.org"))
	s.want("1 1 1", "SELECT (SELECT count(*) FROM events) || ' ' || (SELECT count(*) FROM ONLY files) || ' ' || (SELECT count(*) FROM images)")
}

func TestDetachNullsWhatIsDeclared(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE reviews (id int PRIMARY KEY, author int REFERENCES people, author_name text, stars int NOT NULL);
INSERT INTO people VALUES (1, 'ada@example.org');
INSERT INTO reviews VALUES (1, 1, 'Ada', 5);`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: reviews, onErasure: Detach, detach: [author, author_name]}`)
	s.erased(`
		0 public.people DeleteRows 1
		0 public.reviews Detach 1`, email("ada@example.org"))
	s.want("1||5", "SELECT id || '|' || coalesce(author_name, '') || '|' || stars FROM reviews WHERE author IS NULL")
}

func TestDeclaredReferencesStandForForeignKeys(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, code text UNIQUE, email text);
CREATE TABLE carts (id int, person_code text);
INSERT INTO people VALUES (1, 'A', 'ada@example.org'), (2, 'B', 'bob@example.org');
INSERT INTO carts VALUES (1, 'A'), (1, 'A'), (2, 'B'), (3, 'X');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: carts, references: [{columns: [person_code], table: people, toColumns: [code]}], onErasure: DeleteRows}`)
	s.erased(`
		0 public.carts DeleteRows 2
		0 public.people DeleteRows 1`, email("ada@example.org"))
}

func TestKeysOfManyTypesFindTheirRows(t *testing.T) {
	s := newStore(t, `
CREATE EXTENSION citext;
CREATE DOMAIN address AS varchar(80);
CREATE TABLE a (id bigint PRIMARY KEY, x text);
CREATE TABLE b (id uuid PRIMARY KEY, x text);
CREATE TABLE c (k char(20), x text);
CREATE TABLE d (k citext PRIMARY KEY, x text);
CREATE TABLE e (k address, x text);
CREATE TABLE f (k numeric, x text);
INSERT INTO a VALUES (4711), (4712);
INSERT INTO b VALUES ('6f2b6f0e-3b1e-4a5e-9f5c-0a1b2c3d4e5f'), ('00000000-0000-0000-0000-000000000000');
INSERT INTO c VALUES ('+33612345678'), ('x');
INSERT INTO d VALUES ('ADA@example.org'), ('bob@example.org');
INSERT INTO e VALUES ('Ada@Example.org'), ('bob@example.org');
INSERT INTO f VALUES (4711), (4711.5);`, `
tables:
- {name: a, subjectKeys: [{column: id, identifier: CustomerID}], onErasure: DeleteRows}
- {name: b, subjectKeys: [{column: id, identifier: DeviceID}], onErasure: DeleteRows}
- {name: c, subjectKeys: [{column: k, identifier: Phone}], onErasure: DeleteRows}
- {name: d, subjectKeys: [{column: k, identifier: Email}], onErasure: DeleteRows}
- {name: e, subjectKeys: [{column: k, identifier: Email}], onErasure: DeleteRows}
- {name: f, subjectKeys: [{column: k, identifier: CustomerID}], onErasure: DeleteRows}`)
	s.erased(`
		0 public.a DeleteRows 1
		0 public.b DeleteRows 1
		0 public.c DeleteRows 1
		0 public.d DeleteRows 1
		0 public.e DeleteRows 1
		0 public.f DeleteRows 1`,
		person("customerID", "4711", "deviceID", "6F2B6F0E-3B1E-4A5E-9F5C-0A1B2C3D4E5F", "phone", "+33 6 12 34 56 78", "email", "ada@example.org"))
}
