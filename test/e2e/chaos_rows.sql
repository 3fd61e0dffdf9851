-- Every row of the demo's database: table, key, whose it is (the number of a customer, or nobody), and a sum over the row.
COPY (
    SELECT 'accounts', id::text, '', pg_catalog.md5(t::text) FROM public.accounts t
    UNION ALL SELECT 'customers', id::text, id::text, pg_catalog.md5(t::text) FROM public.customers t
    UNION ALL SELECT 'conversations', id::text, opened_by::text, pg_catalog.md5(t::text) FROM public.conversations t
    UNION ALL SELECT 'participants', conversation_id || '/' || customer_id, customer_id::text, pg_catalog.md5(t::text) FROM public.participants t
    UNION ALL SELECT 'messages', conversation_id || '/' || seq, sender_id::text, pg_catalog.md5(t::text) FROM public.messages t
    UNION ALL SELECT 'attachments', t.id::text, m.sender_id::text, pg_catalog.md5(t::text)
        FROM public.attachments t JOIN public.messages m ON (m.conversation_id, m.seq) = (t.conversation_id, t.message_seq)
    UNION ALL SELECT 'contact_forms', id::text, pg_catalog.split_part(pg_catalog.split_part(email, '@', 1), '.', 3), pg_catalog.md5(t::text) FROM public.contact_forms t
    UNION ALL SELECT 'orders', id::text, customer_id::text, pg_catalog.md5(t::text) FROM public.orders t
    UNION ALL SELECT 'order_lines', order_id || '/' || line, o.customer_id::text, pg_catalog.md5(t::text) FROM public.order_lines t JOIN public.orders o ON o.id = t.order_id
    UNION ALL SELECT 'invoices', id::text, customer_id::text, pg_catalog.md5(t::text) FROM public.invoices t
    UNION ALL SELECT 'loyalty_cards', id::text, customer_id::text, pg_catalog.md5(t::text) FROM public.loyalty_cards t
    UNION ALL SELECT 'audit_log', id::text, pg_catalog.split_part(pg_catalog.split_part(actor, '@', 1), '.', 3), pg_catalog.md5(t::text) FROM public.audit_log t
) TO STDOUT (FORMAT csv)
