package postgres_test

import (
	"context"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestARowThatIsAddedMeanwhileIsTriedAgain: an order that the application adds after the run saw the store refers to the customer who
// goes. The next attempt sees it; where a trigger may have added it, the run itself tries again. A trigger that puts it back does so each
// time, and that is told.
func TestARowThatIsAddedMeanwhileIsTriedAgain(t *testing.T) {
	const tables = `CREATE TABLE customers (id int PRIMARY KEY, email text); INSERT INTO customers VALUES (1, 'ann@example.org'), (2, 'bob@example.org');
CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers`
	const rows = `); INSERT INTO orders (customer) VALUES (1), (2);`
	const back = ` CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$BEGIN INSERT INTO orders (customer) VALUES (OLD.customer); RETURN NULL; END$$;
CREATE TRIGGER back AFTER DELETE ON orders FOR EACH ROW WHEN (OLD.customer = 1) EXECUTE FUNCTION back();`
	const stamps = ` CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER stamp BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION stamp();`
	for name, c := range map[string]struct {
		schema string
		again  bool // what is added is told as a race
		within bool // the run itself sees it
	}{
		"at once":                       {tables + rows, true, false},
		"deferred":                      {tables + ` DEFERRABLE INITIALLY DEFERRED` + rows, true, false},
		"put back by a trigger":         {tables + rows + back, false, false},
		"beside a trigger":              {tables + rows + stamps, false, true},
		"beside a trigger and deferred": {tables + ` DEFERRABLE INITIALLY DEFERRED` + rows + stamps, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.schema, `
tables:
  - {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
  - {name: orders, ownedThrough: [{columns: [customer]}], onErasure: DeleteRows}
`)
			work := s.task("run-1", email("ann@example.org"))
			work.PlanDigest = s.plan(email("ann@example.org")).PlanDigest
			e := s.engine(s.eraser)
			added := false
			e.Hook = func(_ context.Context, stage string) error {
				if stage == "execute" && !added && (c.again || c.within) {
					s.sql(`INSERT INTO orders (customer) VALUES (1)`)
					added = true
				}
				return nil
			}
			first := e.Erase(s.Context(), work, []subject.Subject{email("ann@example.org")})
			if c.within {
				if got := counts(first); got != "0 public.customers DeleteRows 1\n0 public.orders DeleteRows 2" {
					t.Errorf("%s %q; erased\n%s", first.Reason, first.Message, got)
				}
				s.want("1 1", "(SELECT count(*) FROM customers) || ' ' || (SELECT count(*) FROM orders)")
				if o := s.verify(email("ann@example.org")); !o.OK {
					t.Errorf("%s %q", o.Reason, o.Message)
				}
				return
			}
			if first.OK || first.Reason.Retryable() != c.again {
				t.Fatalf("%v %s %q; retryable %v", first.OK, first.Reason, first.Message, c.again)
			}
			e.Hook = nil
			second := e.Erase(s.Context(), work, []subject.Subject{email("ann@example.org")})
			if second.OK != c.again || !c.again && second.Reason != task.PlanImpossible {
				t.Errorf("the next attempt: %v %s %q", second.OK, second.Reason, second.Message)
			}
		})
	}
}
