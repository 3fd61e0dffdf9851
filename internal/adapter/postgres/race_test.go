package postgres_test

import (
	"context"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestARowThatIsAddedMeanwhileIsTriedAgain: an order that the application adds after the run saw the store refers to the customer who
// goes. The next attempt sees it. A trigger that puts it back does so each time, and that is told.
func TestARowThatIsAddedMeanwhileIsTriedAgain(t *testing.T) {
	const tables = `CREATE TABLE customers (id int PRIMARY KEY, email text); INSERT INTO customers VALUES (1, 'ann@example.org'), (2, 'bob@example.org');
CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers`
	const rows = `); INSERT INTO orders (customer) VALUES (1), (2);`
	const back = ` CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$BEGIN INSERT INTO orders (customer) VALUES (OLD.customer); RETURN NULL; END$$;
CREATE TRIGGER back AFTER DELETE ON orders FOR EACH ROW WHEN (OLD.customer = 1) EXECUTE FUNCTION back();`
	for name, c := range map[string]struct {
		schema string
		again  bool
	}{
		"at once":               {tables + rows, true},
		"deferred":              {tables + ` DEFERRABLE INITIALLY DEFERRED` + rows, true},
		"put back by a trigger": {tables + rows + back, false},
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
			e.Hook = func(_ context.Context, stage string) error {
				if stage == "execute" && c.again {
					s.sql(`INSERT INTO orders (customer) VALUES (1)`)
				}
				return nil
			}
			first := e.Erase(s.Context(), work, []subject.Subject{email("ann@example.org")})
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
