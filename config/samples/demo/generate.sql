-- Fills the schema with about 300,000 rows, the same ones each time: no random numbers, no clock.
-- Customer n has the address <first>.<last>.<n>@example.org. Every twentieth customer is one who also wrote to a
-- second account under the same address. Conversations have one to three participants who answer each other.

BEGIN;

CREATE TEMPORARY TABLE first_names AS
    SELECT i, n FROM unnest(ARRAY['Ada','Bruno','Chloe','Dario','Elif','Femke','Goran','Hana','Ines','Jonas']) WITH ORDINALITY AS t (n, i);
CREATE TEMPORARY TABLE last_names AS
    SELECT i, n FROM unnest(ARRAY['Martin','Novak','Rossi','Jansen','Silva','Kovac','Muller','Dubois','Nagy','Popescu','Virtanen']) WITH ORDINALITY AS t (n, i);

INSERT INTO accounts
SELECT n, 'Account ' || n, (ARRAY['FR','DE','IT','NL','ES'])[1 + n % 5], timestamptz '2016-01-01 08:00Z' + n * interval '3 days'
FROM generate_series(1, 200) AS n;

INSERT INTO customers (id, account_id, email, phone, full_name, created_at)
SELECT g.id,
       1 + (g.id * 7) % 200,
       lower(f.n || '.' || l.n) || '.' || person || '@example.org',
       '+3361' || lpad(person::text, 7, '0'),
       f.n || ' ' || l.n,
       timestamptz '2017-01-01 08:00Z' + (g.id % 3000) * interval '1 day'
FROM generate_series(1, 20000) AS g (id)
CROSS JOIN LATERAL (SELECT CASE WHEN g.id % 20 = 0 THEN g.id - 1 ELSE g.id END AS person) AS p
JOIN first_names f ON f.i = 1 + person % 10
JOIN last_names l ON l.i = 1 + person % 11;

INSERT INTO conversations
SELECT n, c.account_id, c.id, 'Question about order ' || n || ' of ' || c.full_name,
       timestamptz '2020-01-01 08:00Z' + (n % 2200) * interval '1 day'
FROM generate_series(1, 15000) AS n
JOIN customers c ON c.id = 1 + (n * 13) % 20000;

UPDATE customers c SET last_conversation_id = v.last
FROM (SELECT opened_by, max(id) AS last FROM conversations GROUP BY opened_by) AS v
WHERE v.opened_by = c.id;

INSERT INTO participants
SELECT DISTINCT ON (v.id, c.id) v.id, c.id, c.full_name, v.opened_at + k * interval '5 minutes'
FROM conversations v
CROSS JOIN generate_series(0, 2) AS k
JOIN customers c ON c.id = CASE WHEN k = 0 THEN v.opened_by ELSE 1 + (v.opened_by + k * v.id) % 20000 END
WHERE k <= v.id % 3;

INSERT INTO messages
SELECT v.id, s,
       CASE WHEN s % 4 = 0 THEN NULL ELSE who.customer_id END,
       CASE WHEN s > 1 AND s % 3 = 0 THEN s - 1 END,
       CASE WHEN s % 4 = 0 THEN 'We will look into it.'
            WHEN s % 5 = 0 THEN 'You can reach me at ' || c.email || ', ' || c.full_name
            ELSE 'Message ' || s || ' from ' || c.full_name END,
       v.opened_at + s * interval '7 minutes'
FROM conversations v
CROSS JOIN generate_series(1, 7) AS s
JOIN LATERAL (
    SELECT customer_id FROM (
        SELECT customer_id, row_number() OVER (ORDER BY customer_id) - 1 AS r, count(*) OVER () AS total
        FROM participants p WHERE p.conversation_id = v.id) AS ranked
    WHERE r = s % total) AS who ON true
JOIN customers c ON c.id = who.customer_id;

INSERT INTO attachments
SELECT row_number() OVER (ORDER BY conversation_id, seq), conversation_id, seq,
       'scan-' || conversation_id || '-' || seq || '.pdf', 1000 + (conversation_id * seq) % 900000
FROM messages WHERE sender_id IS NOT NULL AND (conversation_id + seq) % 9 = 0;

INSERT INTO contact_forms
SELECT n, c.account_id, c.email, c.phone, 'Please call me back, ' || c.full_name, timestamptz '2021-01-01 09:00Z' + (n % 1800) * interval '1 day'
FROM generate_series(1, 15000) AS n
JOIN customers c ON c.id = 1 + (n * 11) % 20000;

INSERT INTO orders
SELECT n, 1 + (n * 17) % 20000, timestamptz '2012-01-02 10:00Z' + (n % 5300) * interval '1 day', 1000 + (n * 37) % 90000
FROM generate_series(1, 25000) AS n;

INSERT INTO order_lines
SELECT o.id, k, 'Product ' || (o.id * k) % 500, o.total_cents / 2
FROM orders o CROSS JOIN generate_series(1, 2) AS k;

INSERT INTO invoices
SELECT o.id, 'INV-' || lpad(o.id::text, 8, '0'), o.id, c.id, c.full_name, c.email, (o.ordered_at + interval '1 day')::date, o.total_cents
FROM orders o JOIN customers c ON c.id = o.customer_id;

INSERT INTO loyalty_cards
SELECT row_number() OVER (ORDER BY id), id, 'C' || lpad((id * 7919 % 10000019)::text, 8, '0'), (id % 900)::integer
FROM customers WHERE id % 2 = 1;

INSERT INTO audit_log
SELECT n, timestamptz '2023-01-01 00:00Z' + n * interval '47 minutes',
       CASE WHEN n % 3 = 0 THEN upper(c.email) ELSE c.email END,
       (ARRAY['login','password-reset','export'])[1 + n % 3],
       jsonb_build_object('user', c.full_name, 'account', c.account_id)
FROM generate_series(1, 30000) AS n
JOIN customers c ON c.id = 1 + (n * 19) % 20000;

COMMIT;
ANALYZE;
