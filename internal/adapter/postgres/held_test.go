package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

const heldSQL = `
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL, name text);
CREATE TABLE addresses (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, street text);
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, address int REFERENCES addresses, placed_on date, total numeric, state text, mood mood, follows int REFERENCES orders);
CREATE TABLE items (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE, what text);
CREATE TABLE invoices (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, issued_on date);
INSERT INTO customers VALUES (1, 'ada@example.org', 'Ada'), (2, 'eve@example.org', 'Eve');
INSERT INTO addresses VALUES (1, 1, 'Here'), (2, 1, 'There'), (3, 2, 'Elsewhere');
INSERT INTO orders VALUES (1, 1, 1, '2024-01-10', 10, 'paid', 'calm'), (2, 1, 2, '2025-06-01', 20, 'disputed', 'cross'), (3, 1, 1, NULL, 30, 'paid', 'calm'), (4, 2, 3, '2025-06-01', 40, 'disputed', 'cross');
INSERT INTO items SELECT n, 1 + n % 4, 'thing' FROM generate_series(1, 8) AS n;
INSERT INTO invoices VALUES (1, 1, '2024-01-10'), (2, 2, '2024-01-10');
`

const heldDataset = `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: addresses, onErasure: DeleteRows}
- {name: orders, onErasure: DeleteRows}
- {name: items, onErasure: DeleteRows}
- {name: invoices, onErasure: DeleteRows}
`

func onOrders(conditions ...v1alpha1.HeldCondition) task.Hold {
	return task.Hold{Index: 3, Schema: "public", Table: "orders", UntilOn: "2030-12-31", Where: conditions}
}

func where(column string, operator v1alpha1.HoldOperator, literal string) v1alpha1.HeldCondition {
	return v1alpha1.HeldCondition{Column: v1alpha1.Identifier(column), Operator: operator, Literal: literal}
}

// TestHeldRowsStayAsTheyAreAndGoWhenTheHoldGoes: one order is in dispute. It stays, with the customer and the address that
// it names; the rest goes, and when the hold is over what was held goes too.
func TestHeldRowsStayAsTheyAreAndGoWhenTheHoldGoes(t *testing.T) {
	s := newStore(t, heldSQL, heldDataset)
	s.holds = []task.Hold{onOrders(where("state", v1alpha1.HoldEqual, "disputed"))}
	kept := []string{"SELECT * FROM orders WHERE id = 2", "SELECT * FROM customers WHERE id = 1", "SELECT * FROM addresses WHERE id = 2"}
	var before []string
	for _, query := range kept {
		before = append(before, s.sum(query))
	}
	eve := s.sum("SELECT * FROM customers WHERE id = 2") + s.sum("SELECT * FROM orders WHERE customer = 2") + s.sum("SELECT * FROM items WHERE order_id = 4")
	s.erased(`
		0 public.addresses DeleteRows 1
		0 public.addresses Keep 1 until 2030-12-31 hold 3
		0 public.customers Keep 1 until 2030-12-31 hold 3
		0 public.invoices DeleteRows 1
		0 public.items DeleteRows 6
		0 public.orders DeleteRows 2
		0 public.orders Keep 1 until 2030-12-31 hold 3`, email("ada@example.org"))
	for i, query := range kept {
		if s.sum(query) != before[i] {
			t.Errorf("changed: %s", query)
		}
	}
	s.holds = nil
	if o := s.verify(email("ada@example.org")); o.OK || o.Reason != task.Contradicted {
		t.Errorf("without the hold the verifier says %v %s", o.OK, o.Reason)
	}
	done := s.erase("run-2", email("ada@example.org"))
	if !done.OK {
		t.Fatalf("%+v", done)
	}
	if o := s.verify(email("ada@example.org")); !o.OK {
		t.Errorf("%+v", o)
	}
	s.want("0", "SELECT count(*) FROM orders WHERE customer = 1")
	if after := s.sum("SELECT * FROM customers WHERE id = 2") + s.sum("SELECT * FROM orders WHERE customer = 2") + s.sum("SELECT * FROM items WHERE order_id = 4"); after != eve {
		t.Error("another person's rows changed")
	}
}

// TestAHoldComparesAsTheColumnDoes: each operator on each kind of type, and NULL, which is held since nobody can say that it is
// not.
func TestAHoldComparesAsTheColumnDoes(t *testing.T) {
	for name, test := range map[string]struct {
		where []v1alpha1.HeldCondition
		want  string // orders of the person that stay
	}{
		"all":                {nil, "{1,2,3}"},
		"a day and no day":   {[]v1alpha1.HeldCondition{where("placed_on", v1alpha1.HoldGreaterOrEqual, "2025-01-01")}, "{2,3}"},
		"before a day":       {[]v1alpha1.HeldCondition{where("placed_on", v1alpha1.HoldLess, "2025-01-01")}, "{1,3}"},
		"no day":             {[]v1alpha1.HeldCondition{where("placed_on", v1alpha1.HoldIsNull, "")}, "{3}"},
		"any day":            {[]v1alpha1.HeldCondition{where("placed_on", v1alpha1.HoldIsNotNull, "")}, "{1,2}"},
		"a number, not text": {[]v1alpha1.HeldCondition{where("total", v1alpha1.HoldGreater, "9")}, "{1,2,3}"},
		"an enum":            {[]v1alpha1.HeldCondition{where("mood", v1alpha1.HoldNotEqual, "calm")}, "{2}"},
		"both":               {[]v1alpha1.HeldCondition{where("state", v1alpha1.HoldEqual, "paid"), where("total", v1alpha1.HoldLessOrEqual, "10")}, "{1}"},
		"hostile":            {[]v1alpha1.HeldCondition{where("state", v1alpha1.HoldEqual, `paid' OR true OR '\`)}, "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, heldSQL, heldDataset)
			s.holds = []task.Hold{onOrders(test.where...)}
			if o := s.erase("run-1", email("ada@example.org")); !o.OK {
				t.Fatalf("%s: %s", o.Reason, o.Message)
			}
			s.want(test.want, "SELECT ARRAY(SELECT id FROM orders WHERE customer = 1 ORDER BY id)")
			if o := s.verify(email("ada@example.org")); !o.OK {
				t.Errorf("%s: %s", o.Reason, o.Message)
			}
		})
	}
}

// TestAHoldThatCannotBeJudgedStopsTheStep: nobody could say what it keeps.
func TestAHoldThatCannotBeJudgedStopsTheStep(t *testing.T) {
	for name, hold := range map[string]task.Hold{
		"no such table":    {Index: 1, Schema: "public", Table: "order", UntilOn: "2030-12-31"},
		"no such column":   onOrders(where("stat", v1alpha1.HoldEqual, "x")),
		"no such day":      onOrders(where("placed_on", v1alpha1.HoldEqual, "2025-02-30")),
		"no such number":   onOrders(where("total", v1alpha1.HoldEqual, "many")),
		"no such mood":     onOrders(where("mood", v1alpha1.HoldEqual, "furious")),
		"without last day": {Index: 1, Schema: "public", Table: "orders", UntilOn: "soon"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, heldSQL, heldDataset)
			s.holds = []task.Hold{hold}
			s.refused(task.HoldUnclear, "legal hold", email("ada@example.org"))
			before := s.sum("SELECT * FROM orders")
			work := s.task("run-1", email("ada@example.org"))
			s.holds = nil
			work.PlanDigest = s.plan(email("ada@example.org")).PlanDigest
			if o := s.engine(s.eraser).Erase(t.Context(), work, []subject.Subject{email("ada@example.org")}); o.OK || o.Reason != task.HoldUnclear || s.sum("SELECT * FROM orders") != before {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestACheckErasesNothingAndFindsWhatWasCommitted: what a run is asked that a hold stopped.
func TestACheckErasesNothingAndFindsWhatWasCommitted(t *testing.T) {
	s := newStore(t, heldSQL, heldDataset)
	ada := []subject.Subject{email("ada@example.org")}
	work := s.task("run-1", ada...)
	work.PlanDigest, work.CheckOnly = s.plan(ada...).PlanDigest, true
	if o := s.engine(s.eraser).Erase(t.Context(), work, ada); o.OK || o.Reason != task.Withheld {
		t.Fatalf("%+v", o)
	}
	s.want("3", "SELECT count(*) FROM orders WHERE customer = 1")
	work.CheckOnly = false
	if o := s.engine(s.eraser).Erase(t.Context(), work, ada); !o.OK {
		t.Fatalf("%+v", o)
	}
	work.CheckOnly = true
	if o := s.engine(s.eraser).Erase(t.Context(), work, ada); !o.OK || !o.Replayed {
		t.Errorf("%+v", o)
	}
}

// TestARowThatLaterOrdersFollowIsHeldWithThem: references are followed to the end, also within one table.
func TestARowThatLaterOrdersFollowIsHeldWithThem(t *testing.T) {
	dataset := strings.Replace(heldDataset, "- {name: orders, onErasure: DeleteRows}", "- {name: orders, onErasure: DeleteRows, ownedThrough: [{columns: [customer]}]}", 1)
	s := newStore(t, heldSQL+"UPDATE orders SET follows = 3 WHERE id = 2;", dataset)
	s.holds = []task.Hold{onOrders(where("id", v1alpha1.HoldEqual, "2"))}
	if o := s.erase("run-1", email("ada@example.org")); !o.OK {
		t.Fatalf("%s: %s", o.Reason, o.Message)
	}
	s.want("{2,3}", "SELECT ARRAY(SELECT id FROM orders WHERE customer = 1 ORDER BY id)")
	s.want("2", "SELECT count(*) FROM addresses WHERE customer = 1")
}
