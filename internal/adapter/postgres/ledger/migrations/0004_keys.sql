-- The keys that rows were ever written under, which the database does not have, and how many rows need each. A key is here before a
-- row is written under it: whoever lacks one that is needed knows so. NULL is not counted yet.
CREATE TABLE consent.keys (
  tenant_id uuid NOT NULL,
  adopted_at timestamptz NOT NULL,
  counted_at timestamptz,
  needed_by bigint,
  kind text NOT NULL,
  key_id text NOT NULL,
  PRIMARY KEY (tenant_id, kind, key_id))

-- Row security binds the owner too, who is to see all tenants here.
ALTER TABLE consent.subject_keys NO FORCE ROW LEVEL SECURITY

ALTER TABLE consent.subject_links NO FORCE ROW LEVEL SECURITY

INSERT INTO consent.keys (tenant_id, kind, key_id, adopted_at) SELECT DISTINCT tenant_id, 'kek', kek_id, now() FROM consent.subject_keys

INSERT INTO consent.keys (tenant_id, kind, key_id, adopted_at) SELECT DISTINCT tenant_id, 'pepper', pepper_id, now() FROM consent.subject_links
WHERE kind <> 'merged'

ALTER TABLE consent.subject_keys FORCE ROW LEVEL SECURITY

ALTER TABLE consent.subject_links FORCE ROW LEVEL SECURITY

ALTER TABLE consent.keys ENABLE ROW LEVEL SECURITY

ALTER TABLE consent.keys FORCE ROW LEVEL SECURITY

CREATE POLICY tenant ON consent.keys USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
  WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)

GRANT SELECT, INSERT ON consent.keys TO consent_app

GRANT UPDATE (adopted_at, counted_at, needed_by) ON consent.keys TO consent_app

GRANT UPDATE (kek_id) ON consent.subject_keys TO consent_app
