package postgres_test

import "testing"

func TestOrdersGoWithTheirCustomer(t *testing.T) {
	s := newStore(t, `
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers);
INSERT INTO customers VALUES (1, 'Ada@example.org'), (2, 'bob@example.org');
INSERT INTO orders SELECT n, 1 + n % 2 FROM generate_series(1, 10) n;`, `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: orders, onErasure: DeleteRows}`)
	if o := s.scan(); !o.OK {
		t.Errorf("scan %+v", o)
	}
	s.erased(`
		0 public.customers DeleteRows 1
		0 public.orders DeleteRows 5`, email("ADA@example.org"))
	s.want("1", "SELECT count(*) FROM customers")
	s.want("5", "SELECT count(*) FROM orders")
}
