-- The least that erasing one person from the demo company asks of a store: what handwritten.sql does, without temporary tables.
BEGIN;
DELETE FROM attachments a USING messages m JOIN customers c ON m.sender_id = c.id WHERE a.conversation_id = m.conversation_id AND a.message_seq = m.seq AND lower(c.email) = $1;
UPDATE messages m SET sender_id = NULL, body = '[erased]' FROM customers c WHERE m.sender_id = c.id AND lower(c.email) = $1;
UPDATE conversations v SET opened_by = NULL, subject = NULL FROM customers c WHERE v.opened_by = c.id AND lower(c.email) = $1;
DELETE FROM participants x USING customers c WHERE x.customer_id = c.id AND lower(c.email) = $1;
DELETE FROM contact_forms f WHERE lower(f.email) = $1;
DELETE FROM order_lines l USING orders o JOIN customers c ON o.customer_id = c.id WHERE l.order_id = o.id AND lower(c.email) = $1;
DELETE FROM invoices i USING (SELECT i.id FROM invoices i JOIN customers c ON i.customer_id = c.id WHERE lower(c.email) = $1 UNION SELECT i.id FROM invoices i WHERE lower(i.billing_email) = $1) b
  WHERE i.id = b.id AND i.issued_on + interval '10 years' < date '2026-11-24';
UPDATE invoices i SET order_id = NULL, customer_id = NULL FROM (SELECT i.id FROM invoices i JOIN customers c ON i.customer_id = c.id WHERE lower(c.email) = $1 UNION SELECT i.id FROM invoices i WHERE lower(i.billing_email) = $1) b
  WHERE i.id = b.id;
DELETE FROM orders o USING customers c WHERE o.customer_id = c.id AND lower(c.email) = $1;
UPDATE loyalty_cards l SET customer_id = NULL, card_number = replace(gen_random_uuid()::text, '-', '') FROM customers c WHERE l.customer_id = c.id AND lower(c.email) = $1;
UPDATE audit_log a SET actor = replace(gen_random_uuid()::text, '-', ''), detail = NULL WHERE lower(a.actor) = $1;
DELETE FROM customers c WHERE lower(c.email) = $1;
COMMIT;
