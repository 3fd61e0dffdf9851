-- What an experienced person would write by hand for the demo company: one transaction, set based, no ledger, no plan.
-- psql reads the addresses from standard input, where they follow this script.
\set ON_ERROR_STOP on
BEGIN;
CREATE TEMPORARY TABLE wanted (email text) ON COMMIT DROP;
COPY wanted FROM STDIN;
--addresses--
\.
ANALYZE wanted;
CREATE TEMPORARY TABLE people ON COMMIT DROP AS SELECT c.id FROM customers c JOIN wanted w ON lower(c.email) = w.email;
ANALYZE people;
CREATE TEMPORARY TABLE sold ON COMMIT DROP AS SELECT o.id FROM orders o JOIN people p ON o.customer_id = p.id;
ANALYZE sold;
DELETE FROM attachments a USING messages m JOIN people p ON m.sender_id = p.id WHERE a.conversation_id = m.conversation_id AND a.message_seq = m.seq;
UPDATE messages m SET sender_id = NULL, body = '[erased]' FROM people p WHERE m.sender_id = p.id;
UPDATE conversations v SET opened_by = NULL, subject = NULL FROM people p WHERE v.opened_by = p.id;
DELETE FROM participants x USING people p WHERE x.customer_id = p.id;
DELETE FROM contact_forms f USING wanted w WHERE lower(f.email) = w.email;
DELETE FROM order_lines l USING sold s WHERE l.order_id = s.id;
CREATE TEMPORARY TABLE bills ON COMMIT DROP AS
  SELECT i.id, i.issued_on + interval '10 years' >= date '2026-11-24' AS keep FROM invoices i JOIN people p ON i.customer_id = p.id
  UNION SELECT i.id, i.issued_on + interval '10 years' >= date '2026-11-24' FROM invoices i JOIN wanted w ON lower(i.billing_email) = w.email;
ANALYZE bills;
UPDATE invoices i SET order_id = NULL, customer_id = NULL FROM bills b WHERE i.id = b.id AND b.keep;
DELETE FROM invoices i USING bills b WHERE i.id = b.id AND NOT b.keep;
DELETE FROM orders o USING sold s WHERE o.id = s.id;
UPDATE loyalty_cards l SET customer_id = NULL, card_number = replace(gen_random_uuid()::text, '-', '') FROM people p WHERE l.customer_id = p.id;
UPDATE audit_log a SET actor = replace(gen_random_uuid()::text, '-', ''), detail = NULL FROM wanted w WHERE lower(a.actor) = w.email;
DELETE FROM customers c USING people p WHERE c.id = p.id;
COMMIT;
