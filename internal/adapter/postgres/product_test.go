package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// rest is a checksum per table over all rows but those that a predicate takes for the person's.
func (s *store) rest(mine map[string]string) map[string]string {
	s.Helper()
	sums := map[string]string{}
	rows, err := s.db.Query(s.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^pg_' AND schemaname NOT IN ('information_schema', 'rempart')`)
	if err != nil {
		s.Fatal(err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.Fatal(err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		where := "false"
		if p, ok := mine[name]; ok {
			where = p
		}
		sums[name] = s.sum(fmt.Sprintf("SELECT * FROM %s AS t WHERE (%s) IS NOT TRUE", name, where))
	}
	return sums
}

// product is a schema in the shape of a program that many run, with its habits.
type product struct {
	sql, dataset, erased string
	// mine says which rows may change, by table.
	mine map[string]string
	// gone are queries that find nothing afterwards.
	gone         []string
	contradicted string
	noted        []string
}

func (p product) play(t *testing.T) {
	t.Helper()
	s := newStore(t, p.sql, p.dataset)
	before := s.rest(p.mine)
	who := email("ada@example.org")
	done := s.erase("run-1", who)
	if !done.OK {
		t.Fatalf("%s: %s", done.Reason, done.Message)
	}
	if got := counts(done); got != clean(p.erased) {
		t.Errorf("erased\n%s\nwant\n%s", got, clean(p.erased))
	}
	for _, part := range p.noted {
		if !strings.Contains(s.planned.Message, part) {
			t.Errorf("plan says %q, want %q", s.planned.Message, part)
		}
	}
	o := s.verify(who)
	if p.contradicted == "" && !o.OK || p.contradicted != "" && !slices.Equal(o.Names, strings.Fields(p.contradicted)) {
		t.Errorf("verify: %v %s %q %v", o.OK, o.Reason, o.Message, o.Names)
	}
	after := s.rest(p.mine)
	for name, sum := range before {
		if after[name] != sum {
			t.Errorf("other people's rows of %s changed", name)
		}
	}
	for _, query := range p.gone {
		s.want("0", "SELECT count(*) FROM ("+query+") AS x")
	}
}

func TestSchemasOfProductsThatManyRun(t *testing.T) {
	for name, p := range products {
		t.Run(name, func(t *testing.T) { p.play(t) })
	}
}

var products = map[string]product{
	// A rental shop: natural keys, a trigger that writes a time, partitions by month, a vector kept by a trigger.
	"rental": {
		sql: `
CREATE DOMAIN year AS int CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE TYPE rating AS ENUM ('G', 'R');
CREATE TABLE address (address_id serial PRIMARY KEY, street text NOT NULL, phone text NOT NULL, last_update timestamptz NOT NULL DEFAULT '2026-01-01');
CREATE TABLE staff (staff_id serial PRIMARY KEY, email text, address_id int NOT NULL REFERENCES address ON UPDATE CASCADE ON DELETE RESTRICT, picture bytea);
CREATE TABLE customer (customer_id serial PRIMARY KEY, store_id int NOT NULL, first_name text NOT NULL, email text, address_id int NOT NULL REFERENCES address ON UPDATE CASCADE ON DELETE RESTRICT, activebool bool NOT NULL DEFAULT true, last_update timestamptz NOT NULL DEFAULT '2026-01-01');
CREATE TABLE film (film_id serial PRIMARY KEY, title text, release_year year, rating rating DEFAULT 'G', special text[], fulltext tsvector NOT NULL);
CREATE TABLE rental (rental_id serial PRIMARY KEY, during tstzrange NOT NULL, film_id int NOT NULL REFERENCES film ON DELETE RESTRICT, customer_id int NOT NULL REFERENCES customer ON UPDATE CASCADE ON DELETE RESTRICT, staff_id int NOT NULL REFERENCES staff ON DELETE RESTRICT);
CREATE TABLE payment (payment_id int NOT NULL, customer_id int NOT NULL REFERENCES customer ON DELETE RESTRICT, staff_id int NOT NULL REFERENCES staff ON DELETE RESTRICT, rental_id int NOT NULL, amount numeric(5, 2) NOT NULL, payment_date timestamptz NOT NULL, PRIMARY KEY (payment_date, payment_id)) PARTITION BY RANGE (payment_date);
CREATE TABLE payment_01 (amount numeric(5, 2) NOT NULL, gone int, payment_date timestamptz NOT NULL, rental_id int NOT NULL, staff_id int NOT NULL, customer_id int NOT NULL, payment_id int NOT NULL);
ALTER TABLE payment_01 DROP gone; ALTER TABLE payment ATTACH PARTITION payment_01 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE payment_rest PARTITION OF payment DEFAULT;
CREATE FUNCTION last_updated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.last_update = CURRENT_TIMESTAMP; RETURN NEW; END $$;
CREATE TRIGGER last_updated BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION last_updated();
CREATE TRIGGER fulltext BEFORE INSERT OR UPDATE ON film FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger('fulltext', 'pg_catalog.english', 'title');
CREATE VIEW customer_list AS SELECT customer_id, email, phone FROM customer JOIN address USING (address_id);
INSERT INTO address (street, phone) SELECT 's' || n, '' FROM generate_series(1, 4) n;
INSERT INTO staff (email, address_id) VALUES ('mike@example.org', 4), ('ada@example.org', 4);
INSERT INTO customer (store_id, first_name, email, address_id) VALUES (1, 'Ada', 'ADA@example.org', 1), (1, 'Bob', 'bob@example.org', 2), (1, 'Cy', 'cy@example.org', 3);
INSERT INTO film (title) VALUES ('A'), ('B');
INSERT INTO rental (during, film_id, customer_id, staff_id) SELECT '[2026-01-01,2026-01-02)', 1 + n % 2, 1 + n % 3, 1 + n % 2 FROM generate_series(0, 11) n;
INSERT INTO payment SELECT n, 1 + n % 3, 1 + n % 2, n + 1, 1, '2026-01-20'::timestamptz + n * interval '3 days' FROM generate_series(0, 11) n;`,
		dataset: `
tables:
- {name: customer, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: first_name, mask: Constant, constant: gone}], onErasure: MaskColumns}
- {name: rental, ownedThrough: [{columns: [customer_id]}], onErasure: DeleteRows}
- {name: payment, ownedThrough: [{columns: [customer_id]}], onErasure: DeleteRows}
- {name: staff, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: picture}], onErasure: MaskColumns}`,
		erased: `
			0 public.customer MaskColumns 1
			0 public.payment DeleteRows 4
			0 public.rental DeleteRows 4
			0 public.staff MaskColumns 1`,
		mine:  map[string]string{"public.customer": "customer_id = 1", "public.rental": "customer_id = 1", "public.payment": "customer_id = 1", "public.payment_01": "customer_id = 1", "public.payment_rest": "customer_id = 1", "public.staff": "staff_id = 2"},
		gone:  []string{"SELECT FROM rental WHERE customer_id = 1", "SELECT FROM payment WHERE customer_id = 1", "SELECT FROM customer_list WHERE email ILIKE 'ada%'"},
		noted: []string{"triggers of public.customer will run: last_updated", "bytes are searched only where they are text of at most 1 MiB: public.staff.picture"},
	},
	// A login server: text keys of 36 characters, attributes by name, a table of events without keys.
	"logins": {
		sql: `
CREATE TABLE user_entity (id varchar(36) PRIMARY KEY, email varchar(255), email_constraint varchar(255), realm_id varchar(255), username varchar(255), UNIQUE (realm_id, email_constraint), UNIQUE (realm_id, username));
CREATE TABLE user_attribute (name varchar(255) NOT NULL, value varchar(255), user_id varchar(36) NOT NULL REFERENCES user_entity, id varchar(36) PRIMARY KEY);
CREATE TABLE credential (id varchar(36) PRIMARY KEY, salt bytea, user_id varchar(36) REFERENCES user_entity, secret_data text);
CREATE TABLE user_role_mapping (role_id varchar(255), user_id varchar(36) REFERENCES user_entity, PRIMARY KEY (role_id, user_id));
CREATE TABLE event_entity (id varchar(36) PRIMARY KEY, user_id varchar(255), details_json varchar(2550), ip_address varchar(255));
INSERT INTO user_entity VALUES ('u1', 'ada@example.org', 'ada@example.org', 'r', 'ada@example.org'), ('u2', 'bob@example.org', 'bob@example.org', 'r', 'bob'), ('u3', 'ada@example.org', 'x', 'other', 'ada');
INSERT INTO user_attribute VALUES ('phone', '1', 'u1', 'a1'), ('phone', '2', 'u2', 'a2');
INSERT INTO credential VALUES ('c1', 'x', 'u1', '{}'), ('c2', 'x', 'u2', '{}');
INSERT INTO user_role_mapping VALUES ('admin', 'u1'), ('admin', 'u2'), ('user', 'u3');
INSERT INTO event_entity VALUES ('e1', 'u1', '{"username":"ada@example.org"}', '203.0.113.7'), ('e2', 'u2', '{"username":"bob"}', '203.0.113.8');`,
		dataset: `
tables:
- {name: user_entity, subjectKeys: [{column: email, identifier: Email}, {column: username, identifier: Email}], onErasure: DeleteRows}
- {name: user_attribute, onErasure: DeleteRows}
- {name: credential, onErasure: DeleteRows}
- {name: user_role_mapping, onErasure: DeleteRows}`,
		erased: `
			0 public.credential DeleteRows 1
			0 public.user_attribute DeleteRows 1
			0 public.user_entity DeleteRows 2
			0 public.user_role_mapping DeleteRows 2`,
		mine:         map[string]string{"public.user_entity": "id <> 'u2'", "public.user_attribute": "user_id <> 'u2'", "public.credential": "user_id <> 'u2'", "public.user_role_mapping": "user_id <> 'u2'"},
		contradicted: "public.event_entity", noted: []string{"people were found in public.event_entity"},
	},
	// A shop on a content system: no foreign keys, numbers 0 for nobody, values by name, PHP's serialised texts.
	"shop without keys": {
		sql: `
CREATE TABLE wp_users ("ID" bigserial PRIMARY KEY, user_login varchar(60) NOT NULL DEFAULT '', user_email varchar(100) NOT NULL DEFAULT '', user_pass varchar(255) NOT NULL DEFAULT '');
CREATE TABLE wp_usermeta (umeta_id bigserial PRIMARY KEY, user_id bigint NOT NULL DEFAULT 0, meta_key varchar(255), meta_value text);
CREATE TABLE wp_posts ("ID" bigserial PRIMARY KEY, post_author bigint NOT NULL DEFAULT 0, post_content text NOT NULL);
CREATE TABLE wp_comments ("comment_ID" bigserial PRIMARY KEY, user_id bigint NOT NULL DEFAULT 0, comment_author_email varchar(100) NOT NULL DEFAULT '', comment_content text NOT NULL, comment_parent bigint NOT NULL DEFAULT 0);
CREATE TABLE wp_wc_orders (id bigint PRIMARY KEY, customer_id bigint, billing_email varchar(320), date_created_gmt timestamp);
CREATE TABLE wp_postmeta (meta_id bigserial PRIMARY KEY, post_id bigint NOT NULL, meta_key varchar(255), meta_value text);
INSERT INTO wp_users (user_login, user_email) VALUES ('ada', 'ada@example.org'), ('bob', 'bob@example.org');
INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'billing_email', 'ada@example.org'), (2, 'billing_email', 'bob@example.org'), (1, 'session', 'a:1:{s:5:"login";i:1;}'), (0, 'x', 'y');
INSERT INTO wp_posts (post_author, post_content) VALUES (1, 'by Ada'), (2, 'by Bob'), (0, 'by nobody');
INSERT INTO wp_comments (user_id, comment_author_email, comment_content, comment_parent) VALUES (1, 'ada@example.org', 'a', 0), (0, 'Ada@Example.org', 'as a guest', 1), (0, 'cy@example.org', 'c', 2), (2, 'bob@example.org', 'b', 0), (0, '', 'nobody', 0);
INSERT INTO wp_wc_orders VALUES (1, 1, 'ada@example.org', '2026-01-01'), (2, 0, 'ada@example.org ', '2010-01-01'), (3, 2, 'bob@example.org', '2026-01-01'), (4, 0, 'cy@example.org', '2026-01-01');
INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES (1, '_billing_email', 'ada@example.org'), (2, '_billing_email', 'bob@example.org'), (9, 'log', 's:15:"ada@example.org";');`,
		dataset: `
tables:
- {name: wp_users, subjectKeys: [{column: user_email, identifier: Email}], onErasure: DeleteRows}
- {name: wp_usermeta, references: [{columns: [user_id], table: wp_users, toColumns: [ID]}], onErasure: DeleteRows}
- {name: wp_posts, references: [{columns: [post_author], table: wp_users, toColumns: [ID]}], columns: [{name: post_content, mask: Constant, constant: gone}], onErasure: MaskColumns}
- {name: wp_comments, subjectKeys: [{column: comment_author_email, identifier: Email}], columns: [{name: comment_author_email, mask: Constant, constant: gone}, {name: comment_content, mask: Constant, constant: gone}], references: [{columns: [user_id], table: wp_users, toColumns: [ID]}], onErasure: MaskColumns}
- {name: wp_wc_orders, subjectKeys: [{column: billing_email, identifier: Email}], references: [{columns: [customer_id], table: wp_users, toColumns: [ID]}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: date_created_gmt}}
- {name: wp_postmeta, subjectKeys: [{column: meta_value, identifier: Email}], onErasure: DeleteRows}`,
		erased: `
			0 public.wp_comments MaskColumns 2
			0 public.wp_postmeta DeleteRows 1
			0 public.wp_posts MaskColumns 1
			0 public.wp_usermeta DeleteRows 2
			0 public.wp_users DeleteRows 1
			0 public.wp_wc_orders DeleteRows 1
			0 public.wp_wc_orders Keep 1 until 2036-01-01`,
		mine: map[string]string{"public.wp_users": `"ID" = 1`, "public.wp_usermeta": "user_id = 1", "public.wp_posts": "post_author = 1", "public.wp_comments": `"comment_ID" IN (1, 2)`,
			"public.wp_wc_orders": "id IN (1, 2)", "public.wp_postmeta": "meta_id = 1"},
		contradicted: "public.wp_postmeta", noted: []string{"people are named in texts of public.wp_postmeta"},
	},
	// A forum: addresses in a table of their own, soft deletes, documents, conversations, likes of anything.
	"forum": {
		sql: `
CREATE EXTENSION hstore; CREATE EXTENSION citext;
CREATE TABLE users (id serial PRIMARY KEY, username citext NOT NULL UNIQUE, name text, custom hstore, deleted_at timestamp);
CREATE TABLE user_emails (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users ON DELETE CASCADE, email text NOT NULL, "primary" bool NOT NULL);
CREATE UNIQUE INDEX ON user_emails (lower(email)); CREATE UNIQUE INDEX ON user_emails (user_id) WHERE "primary";
CREATE TABLE topics (id serial PRIMARY KEY, user_id int REFERENCES users, last_post_user_id int NOT NULL REFERENCES users, title text);
CREATE TABLE posts (id serial PRIMARY KEY, topic_id int NOT NULL REFERENCES topics, user_id int REFERENCES users, raw text NOT NULL, deleted_by_id int REFERENCES users, reply_to int REFERENCES posts);
CREATE TABLE likes (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, likable_type text NOT NULL, likable_id int NOT NULL, UNIQUE NULLS NOT DISTINCT (user_id, likable_type, likable_id));
CREATE TABLE email_logs (id serial PRIMARY KEY, to_address text NOT NULL, user_id int);
INSERT INTO users (username, name, custom) VALUES ('ada', 'Ada', 'a=>1'), ('bob', 'Bob', NULL), ('cy', 'Cy', 'c=>1'), ('system', 'System', NULL);
INSERT INTO user_emails (user_id, email, "primary") VALUES (1, 'Ada@example.org', true), (1, 'ada@work.example', false), (2, 'bob@example.org', true), (3, 'cy@example.org', true);
INSERT INTO topics (user_id, last_post_user_id, title) VALUES (1, 2, 'by Ada'), (2, 4, 'by Bob');
INSERT INTO posts (topic_id, user_id, raw, deleted_by_id, reply_to) VALUES (1, 1, 'first', NULL, NULL), (1, 2, 'second', 1, 1), (2, 2, 'third', NULL, 2), (2, 1, 'fourth', 3, 3), (2, 3, 'fifth', NULL, 4);
INSERT INTO likes (user_id, likable_type, likable_id) VALUES (1, 'Post', 2), (2, 'Post', 1), (3, 'Topic', 1), (2, 'User', 1), (2, 'User', 2);
INSERT INTO email_logs (to_address, user_id) VALUES ('ada@example.org', 1), ('bob@example.org', 2);`,
		dataset: `
tables:
- {name: user_emails, subjectKeys: [{column: email, identifier: Email}], ownedThrough: [{columns: [user_id]}], onErasure: DeleteRows}
- {name: users, ownedThrough: [{columns: [id]}], references: [{columns: [id], table: user_emails, toColumns: [user_id]}], onErasure: DeleteRows}
- {name: topics, ownedThrough: [{columns: [user_id]}], columns: [{name: title}], onErasure: MaskColumns}
- {name: posts, ownedThrough: [{columns: [user_id]}], columns: [{name: raw, mask: Constant, constant: gone}], onErasure: MaskColumns}
- {name: likes, ownedThrough: [{columns: [user_id]}, {columns: [likable_id]}], references: [{columns: [likable_id], table: users, toColumns: [id], where: {column: likable_type, values: [User]}}], onErasure: DeleteRows}
- {name: email_logs, subjectKeys: [{column: to_address, identifier: Email}], onErasure: DeleteRows}`,
		erased: `
			0 public.email_logs DeleteRows 1
			0 public.likes DeleteRows 2
			0 public.posts Detach 1
			0 public.posts MaskColumns 2
			0 public.topics MaskColumns 1
			0 public.user_emails DeleteRows 2
			0 public.users DeleteRows 1`,
		mine: map[string]string{"public.users": "id = 1", "public.user_emails": "user_id = 1", "public.topics": "id = 1", "public.posts": "id IN (1, 2, 4)", "public.likes": "id IN (1, 4)", "public.email_logs": "user_id = 1"},
		gone: []string{"SELECT FROM posts WHERE user_id = 1 OR deleted_by_id = 1", "SELECT FROM posts WHERE id = 2 AND raw <> 'second'"},
	},
}
