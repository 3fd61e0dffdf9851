package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestAPlanIsOfOneDatabase: a copy of the store has the same tables, and who approved the plan did not see its rows.
func TestAPlanIsOfOneDatabase(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	who := email("ada@example.org")
	tsk := s.task("run-1", who)
	tsk.PlanDigest = s.plan(who).PlanDigest
	for _, another := range []func(c *task.Connection){
		func(c *task.Connection) { c.Host += ".staging" }, func(c *task.Connection) { c.Port++ }, func(c *task.Connection) { c.Database += "_copy" },
	} {
		moved := tsk
		another(&moved.Connection)
		if o := s.engine(s.eraser).Erase(t.Context(), moved, []subject.Subject{who}); o.Reason != task.PlanChanged {
			t.Errorf("%+v", o)
		}
	}
	s.want("2", "SELECT count(*) FROM people")
	if o := s.engine(s.eraser).Erase(t.Context(), tsk, []subject.Subject{who}); !o.OK {
		t.Errorf("%+v", o)
	}
}

// TestATableThatFindsNobodyByWhatWasGivenIsNamed: nothing leads there from the rows that the address finds.
func TestATableThatFindsNobodyByWhatWasGivenIsNamed(t *testing.T) {
	s := newStore(t, `CREATE TABLE customers (id int PRIMARY KEY, email text); INSERT INTO customers VALUES (1, 'ann@example.org');
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, phone text); INSERT INTO orders VALUES (1, 1, '+33600000000');
CREATE TABLE tickets (id int PRIMARY KEY, customer_no text, phone text); INSERT INTO tickets VALUES (1, 'C-100', '+33612345678')`, `
tables:
- {name: customers, onErasure: DeleteRows, subjectKeys: [{column: email, identifier: Email}]}
- {name: orders, onErasure: DeleteRows, subjectKeys: [{column: phone, identifier: Phone}]}
- {name: tickets, onErasure: DeleteRows, subjectKeys: [{column: customer_no, identifier: CustomerID}, {column: phone, identifier: Phone}]}
`)
	ann := email("ann@example.org")
	const note = "public.tickets was not searched: it finds people by CustomerID, Phone alone"
	planned, erased := s.plan(ann), s.erase("run-1", ann)
	if !erased.OK {
		t.Fatalf("%+v", erased)
	}
	for step, o := range map[string]task.Outcome{"plan": planned, "verification": s.verify(ann)} {
		if !o.OK || strings.Count(o.Message, "not searched") != 1 || !strings.Contains(o.Message, note) {
			t.Errorf("%s: %v %q", step, o.OK, o.Message)
		}
	}
}
