package postgres_test

import (
	"testing"
)

// The shapes below are those of well-known sample databases of trade, music and film rental, written anew with a few rows:
// what others publish is what people try first.

const trade = `
CREATE TABLE region (region_id smallint PRIMARY KEY, region_description varchar(60) NOT NULL);
CREATE TABLE territories (territory_id varchar(20) PRIMARY KEY, territory_description varchar(60) NOT NULL, region_id smallint NOT NULL REFERENCES region);
CREATE TABLE employees (employee_id smallint PRIMARY KEY, last_name varchar(20) NOT NULL, first_name varchar(10) NOT NULL, birth_date date, home_phone varchar(24), photo bytea, notes text, reports_to smallint REFERENCES employees);
CREATE TABLE employee_territories (employee_id smallint NOT NULL REFERENCES employees, territory_id varchar(20) NOT NULL REFERENCES territories, PRIMARY KEY (employee_id, territory_id));
CREATE TABLE customers (customer_id varchar(5) PRIMARY KEY, company_name varchar(40) NOT NULL, contact_name varchar(30), contact_title varchar(30), address varchar(60), city varchar(15), phone varchar(24), fax varchar(24));
CREATE TABLE customer_demographics (customer_type_id varchar(5) PRIMARY KEY, customer_desc text);
CREATE TABLE customer_customer_demo (customer_id varchar(5) NOT NULL REFERENCES customers, customer_type_id varchar(5) NOT NULL REFERENCES customer_demographics, PRIMARY KEY (customer_id, customer_type_id));
CREATE TABLE shippers (shipper_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL, phone varchar(24));
CREATE TABLE categories (category_id smallint PRIMARY KEY, category_name varchar(15) NOT NULL);
CREATE TABLE suppliers (supplier_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL, contact_name varchar(30), phone varchar(24));
CREATE TABLE products (product_id smallint PRIMARY KEY, product_name varchar(40) NOT NULL, supplier_id smallint REFERENCES suppliers, category_id smallint REFERENCES categories, unit_price real);
CREATE TABLE orders (order_id smallint PRIMARY KEY, customer_id varchar(5) REFERENCES customers, employee_id smallint REFERENCES employees, order_date date, ship_via smallint REFERENCES shippers, freight real, ship_name varchar(40), ship_address varchar(60));
CREATE TABLE order_details (order_id smallint NOT NULL REFERENCES orders, product_id smallint NOT NULL REFERENCES products, unit_price real NOT NULL, quantity smallint NOT NULL, discount real NOT NULL, PRIMARY KEY (order_id, product_id));
INSERT INTO region VALUES (1, 'East'); INSERT INTO territories VALUES ('01581', 'Westboro', 1);
INSERT INTO employees VALUES (1, 'Davo', 'Nan', '1968-12-08', '(206) 555-9857', NULL, 'x', NULL), (2, 'Full', 'And', '1952-02-19', NULL, NULL, 'y', 1);
INSERT INTO employee_territories VALUES (1, '01581'), (2, '01581');
INSERT INTO customers SELECT c, 'Company ' || c, 'Contact ' || c, 'Owner', 'Street ' || c, 'Town', '030-00' || ascii(c) || '321', NULL FROM unnest(ARRAY['ALFKI', 'BLAUS', 'COMMI', 'DRACD']) c;
INSERT INTO customer_demographics VALUES ('RETAI', 'retail'); INSERT INTO customer_customer_demo SELECT customer_id, 'RETAI' FROM customers;
INSERT INTO shippers VALUES (1, 'Fast', '(503) 555-9831'); INSERT INTO categories VALUES (1, 'Beverages'); INSERT INTO suppliers VALUES (1, 'Exotic', 'Cha', '(171) 555-2222');
INSERT INTO products SELECT n, 'Product ' || n, 1, 1, n FROM generate_series(1, 9) n;
INSERT INTO orders SELECT 10247 + n, (ARRAY['ALFKI', 'BLAUS', 'COMMI', 'DRACD'])[1 + n % 4], 1 + n % 2, date '2024-01-01' + n, 1, 1.5, 'Company', 'Street' FROM generate_series(1, 80) n;
INSERT INTO order_details SELECT o.order_id, p.product_id, 1, 1, 0 FROM orders o JOIN products p ON (o.order_id + p.product_id) % 3 = 0;`

const tradeDataset = `
tables:
- name: customers
  subjectKeys: [{column: customer_id, identifier: CustomerID}, {column: phone, identifier: Phone}, {column: fax, identifier: Phone}]
  onErasure: DeleteRows
- {name: customer_customer_demo, ownedThrough: [{columns: [customer_id]}], onErasure: DeleteRows}
- name: orders
  ownedThrough: [{columns: [customer_id]}]
  columns: [{name: ship_name}, {name: ship_address}, {name: customer_id}]
  onErasure: MaskColumns`

const music = `
CREATE TABLE artist (artist_id int PRIMARY KEY, name varchar(120));
CREATE TABLE album (album_id int PRIMARY KEY, title varchar(160) NOT NULL, artist_id int NOT NULL REFERENCES artist);
CREATE TABLE track (track_id int PRIMARY KEY, name varchar(200) NOT NULL, album_id int REFERENCES album, composer varchar(220), milliseconds int NOT NULL, unit_price numeric(10,2) NOT NULL);
CREATE TABLE playlist (playlist_id int PRIMARY KEY, name varchar(120));
CREATE TABLE playlist_track (playlist_id int NOT NULL REFERENCES playlist, track_id int NOT NULL REFERENCES track, PRIMARY KEY (playlist_id, track_id));
CREATE TABLE employee (employee_id int PRIMARY KEY, last_name varchar(20) NOT NULL, reports_to int REFERENCES employee, email varchar(60));
CREATE TABLE customer (customer_id int PRIMARY KEY, first_name varchar(40) NOT NULL, last_name varchar(20) NOT NULL, phone varchar(24), fax varchar(24), email varchar(60) NOT NULL, support_rep_id int REFERENCES employee);
CREATE TABLE invoice (invoice_id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer, invoice_date timestamp NOT NULL, billing_address varchar(70), total numeric(10,2) NOT NULL);
CREATE TABLE invoice_line (invoice_line_id int PRIMARY KEY, invoice_id int NOT NULL REFERENCES invoice, track_id int NOT NULL REFERENCES track, unit_price numeric(10,2) NOT NULL, quantity int NOT NULL);
INSERT INTO artist SELECT n, 'Artist ' || n FROM generate_series(1, 5) n; INSERT INTO album SELECT n, 'Album ' || n, 1 + n % 5 FROM generate_series(1, 9) n;
INSERT INTO track SELECT n, 'Track ' || n, 1 + n % 9, NULL, 200000, 0.99 FROM generate_series(1, 40) n;
INSERT INTO playlist VALUES (1, 'Music'); INSERT INTO playlist_track SELECT 1, track_id FROM track;
INSERT INTO employee VALUES (1, 'Adams', NULL, 'andrew@chinook.example'), (2, 'Edwards', 1, 'nancy@chinook.example');
INSERT INTO customer SELECT n, 'First', 'Last', '+33 1 47 42 71 7' || n, NULL, 'c' || n || '@example.org', 1 + n % 2 FROM generate_series(1, 9) n;
INSERT INTO invoice SELECT n, 1 + n % 9, timestamp '2009-01-01' + n * interval '60 days', 'Street', 1.98 FROM generate_series(1, 110) n;
INSERT INTO invoice_line SELECT n, 1 + n % 110, 1 + n % 40, 0.99, 1 FROM generate_series(1, 500) n;`

const musicDataset = `
tables:
- name: customer
  subjectKeys: [{column: email, identifier: Email}, {column: phone, identifier: Phone}, {column: fax, identifier: Phone}]
  ownedThrough: []
  columns: [{name: email, mask: Pseudonym}, {name: first_name, mask: Constant, constant: erased}, {name: last_name, mask: Constant, constant: erased}, {name: phone}, {name: fax}]
  onErasure: MaskColumns
- name: invoice
  columns: [{name: billing_address}]
  onErasure: Keep
  keep: {reason: books, article: 17(3)(b), legalReference: the books of trade, period: P10Y, fromColumn: invoice_date}
- {name: invoice_line, ownedThrough: [{columns: [invoice_id]}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: the books of trade, period: P10Y, fromColumn: invoice_date, through: [invoice_id]}}`

const rental = `
CREATE DOMAIN year AS integer CHECK (VALUE >= 1901 AND VALUE <= 2155); CREATE TYPE rating AS ENUM ('G', 'PG', 'R');
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.last_update = now(); RETURN NEW; END';
CREATE TABLE address (address_id int PRIMARY KEY, address text NOT NULL, address2 text, phone text NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE film (film_id int PRIMARY KEY, title text NOT NULL, release_year year, rating rating DEFAULT 'G', special_features text[], fulltext tsvector);
CREATE TABLE store (store_id int PRIMARY KEY, manager_staff_id int UNIQUE NOT NULL, address_id int NOT NULL REFERENCES address);
CREATE TABLE staff (staff_id int PRIMARY KEY, first_name text NOT NULL, address_id int NOT NULL REFERENCES address, email text, store_id int NOT NULL REFERENCES store, picture bytea);
CREATE TABLE inventory (inventory_id int PRIMARY KEY, film_id int NOT NULL REFERENCES film, store_id int NOT NULL REFERENCES store);
CREATE TABLE customer (customer_id int PRIMARY KEY, store_id int NOT NULL REFERENCES store, first_name text NOT NULL, last_name text NOT NULL, email text, address_id int NOT NULL REFERENCES address, activebool boolean NOT NULL DEFAULT true, last_update timestamptz DEFAULT now());
CREATE TABLE rental (rental_id int PRIMARY KEY, rental_date timestamptz NOT NULL, inventory_id int NOT NULL REFERENCES inventory, customer_id int NOT NULL REFERENCES customer ON UPDATE CASCADE ON DELETE RESTRICT, staff_id int NOT NULL REFERENCES staff, UNIQUE (rental_date, inventory_id, customer_id));
CREATE TABLE payment (payment_id int, customer_id int NOT NULL REFERENCES customer, staff_id int NOT NULL REFERENCES staff, rental_id int NOT NULL REFERENCES rental, amount numeric(5,2) NOT NULL, payment_date timestamptz NOT NULL, PRIMARY KEY (payment_date, payment_id)) PARTITION BY RANGE (payment_date);
CREATE TABLE payment_2022_01 PARTITION OF payment FOR VALUES FROM ('2022-01-01') TO ('2022-02-01'); CREATE TABLE payment_2022_02 PARTITION OF payment FOR VALUES FROM ('2022-02-01') TO ('2022-03-01');
CREATE VIEW customer_list AS SELECT c.customer_id AS id, c.first_name || ' ' || c.last_name AS name, a.address, a.phone FROM customer c JOIN address a USING (address_id);
CREATE TRIGGER last_updated BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION touched(); CREATE TRIGGER last_updated BEFORE UPDATE ON address FOR EACH ROW EXECUTE FUNCTION touched();
INSERT INTO address SELECT n, 'Street ' || n, NULL, '1403335682' || n, '2022-01-01' FROM generate_series(1, 12) n;
INSERT INTO store VALUES (1, 1, 1), (2, 2, 2); INSERT INTO staff VALUES (1, 'Mike', 3, 'mike@example.org', 1, NULL), (2, 'Jon', 4, 'jon@example.org', 2, NULL);
ALTER TABLE store ADD FOREIGN KEY (manager_staff_id) REFERENCES staff;
INSERT INTO film SELECT n, 'Film ' || n, 2006, 'PG', ARRAY['Trailers'], to_tsvector('film') FROM generate_series(1, 6) n; INSERT INTO inventory SELECT n, 1 + n % 6, 1 + n % 2 FROM generate_series(1, 30) n;
INSERT INTO customer SELECT n, 1 + n % 2, 'First', 'Last', 'c' || n || '@example.org', CASE WHEN n IN (7, 8) THEN 11 ELSE 4 + n END, true, '2022-01-01' FROM generate_series(1, 8) n;
INSERT INTO rental SELECT n, timestamptz '2022-01-05 00:00Z' + n * interval '4 hours', 1 + n % 30, 1 + n % 8, 1 + n % 2 FROM generate_series(1, 200) n;
INSERT INTO payment SELECT rental_id, customer_id, staff_id, rental_id, 2.99, rental_date FROM rental;`

const rentalDataset = `
tables:
- {name: customer, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- name: address
  references: [{columns: [address_id], table: customer, toColumns: [address_id]}]
  columns: [{name: address, mask: Constant, constant: erased}, {name: address2}, {name: phone, mask: Constant, constant: ""}]
  onErasure: MaskColumns
- {name: rental, ownedThrough: [{columns: [customer_id]}], onErasure: DeleteRows}
- {name: payment, ownedThrough: [{columns: [customer_id]}], onErasure: DeleteRows}`

func TestWellKnownSampleDatabases(t *testing.T) {
	playAll(t, map[string]foreign{
		"trade": {sql: trade, dataset: tradeDataset, who: person("customerID", "ALFKI", "phone", "030-0065321"),
			erased: "0 public.customer_customer_demo DeleteRows 1\n0 public.customers DeleteRows 1\n0 public.orders MaskColumns 20",
			others: []string{"SELECT * FROM customers WHERE customer_id <> 'ALFKI'", "SELECT * FROM orders WHERE (order_id - 10247) % 4 <> 0", "SELECT * FROM order_details",
				"SELECT * FROM employees", "SELECT * FROM customer_customer_demo WHERE customer_id <> 'ALFKI'", "SELECT * FROM suppliers", "SELECT * FROM shippers", "SELECT * FROM products"},
			after: map[string]string{"SELECT count(*) FROM orders WHERE customer_id IS NULL AND ship_name IS NULL": "20"}},
		"music": {sql: music, dataset: musicDataset, who: person("email", "C3@example.org", "phone", "+33147427173"),
			erased: "0 public.customer MaskColumns 1\n0 public.invoice DeleteRows 6\n0 public.invoice Keep 7 until 2037-01-27\n0 public.invoice_line DeleteRows 30\n0 public.invoice_line Keep 29 until 2037-01-27",
			others: []string{"SELECT * FROM customer WHERE customer_id <> 3", "SELECT * FROM invoice WHERE customer_id <> 3", "SELECT l.* FROM invoice_line l JOIN invoice i USING (invoice_id) WHERE customer_id <> 3", "SELECT * FROM employee", "SELECT * FROM track"},
			after:  map[string]string{"SELECT count(*) FROM customer WHERE customer_id = 3 AND first_name = 'erased' AND phone IS NULL AND email LIKE '%@%' IS FALSE": "1"}},
		"film rental": {sql: rental, dataset: rentalDataset, who: email("c1@example.org"), grows: true,
			erased: "0 public.address MaskColumns 1\n0 public.customer DeleteRows 1\n0 public.payment DeleteRows 25\n0 public.rental DeleteRows 25",
			others: []string{"SELECT * FROM customer WHERE customer_id <> 1", "SELECT * FROM address WHERE address_id <> 5", "SELECT * FROM rental WHERE customer_id <> 1", "SELECT * FROM payment WHERE customer_id <> 1", "SELECT * FROM staff", "SELECT * FROM store"},
			after:  map[string]string{"SELECT address || phone FROM address WHERE address_id = 5": "erased"}},
		"an address at which two live": {sql: rental, dataset: rentalDataset, who: email("c7@example.org"), grows: true,
			erased: "0 public.address Detach 1\n0 public.customer DeleteRows 1\n0 public.payment DeleteRows 25\n0 public.rental DeleteRows 25",
			others: []string{"SELECT * FROM customer WHERE customer_id <> 7", "SELECT * FROM address", "SELECT * FROM rental WHERE customer_id <> 7", "SELECT * FROM payment WHERE customer_id <> 7"}},
	})
}

// TestWhatTwoHouseholdsShareGoesWithTheLast: two people share every row; who is erased alone takes nothing of the other.
func TestWhatTwoHouseholdsShareGoesWithTheLast(t *testing.T) {
	s := newStore(t, rental, rentalDataset)
	s.grows = true
	before := s.sums([]string{"SELECT * FROM address", "SELECT * FROM customer WHERE customer_id = 8"})
	if o := s.erase("run-1", email("c7@example.org")); !o.OK {
		t.Fatalf("%s %s", o.Reason, o.Message)
	}
	if s.sums([]string{"SELECT * FROM address", "SELECT * FROM customer WHERE customer_id = 8"}) != before {
		t.Error("the other person's rows changed")
	}
	if o := s.erase("run-2", email("c8@example.org")); !o.OK {
		t.Fatalf("%s %s", o.Reason, o.Message)
	}
	s.want("erased", "SELECT address FROM address WHERE address_id = 11")
}
