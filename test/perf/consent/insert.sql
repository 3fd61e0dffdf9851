\set tenant random(0, :tenants - 1)
BEGIN;
SELECT set_config('app.tenant', ('00000000-0000-4000-8000-' || lpad((:tenant)::text, 12, '0'))::text, true);
WITH t AS MATERIALIZED (SELECT current_setting('app.tenant')::uuid AS tenant, gen_random_uuid() AS subject, clock_timestamp() AS now,
  encode(substring(int8send((extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 16) from 2) || substring(uuid_send(gen_random_uuid()) from 1 for 9), 'hex')::uuid AS id),
i AS (INSERT INTO consent.idem (tenant_id, site, key_sha256, receipt_id, recorded_at)
  SELECT tenant, 'shop', uuid_send(gen_random_uuid()) || uuid_send(subject), id, now FROM t),
k AS (INSERT INTO consent.subject_keys (tenant_id, subject_ref, created_at, kek_id, wrapped_key) SELECT tenant, subject, now, 'f00dcafe', decode(repeat('ab', 60), 'hex') FROM t),
l AS (INSERT INTO consent.subject_links (tenant_id, subject_ref, kind, link, pepper_id)
  SELECT tenant, subject, 'receipt', uuid_send(gen_random_uuid()) || uuid_send(subject), 'f00dcafe' FROM t),
e AS (INSERT INTO consent.events (tenant_id, event_id, receipt_id, subject_ref, occurred_at, recorded_at, valid_until, notice_version, decision, gpc, type, purpose, notice,
    notice_lang, notice_sha256, method, collected_by, site, evidence_ct, leaf_hash)
  SELECT tenant, id, id, subject, now, now, now + interval '6 months', 3, 1, 0, 'consent.given', 'conversation', 'shop', 'fr', decode(repeat('ab', 32), 'hex'),
    'button', 'widget', 'shop', NULL, decode(repeat('cd', 32), 'hex') FROM t),
p AS (INSERT INTO consent.pending (tenant_id, event_id) SELECT tenant, id FROM t)
INSERT INTO consent.state (tenant_id, subject_ref, event_id, recorded_at, valid_until, notice_version, decision, purpose, notice, notice_lang, notice_sha256, material_sha256)
  SELECT tenant, subject, id, now, now + interval '6 months', 3, 1, 'conversation', 'shop', 'fr', decode(repeat('ab', 32), 'hex'), decode(repeat('ef', 32), 'hex') FROM t;
COMMIT;
