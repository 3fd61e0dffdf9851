-- What people asked to have erased, until it was answered. The events say what was asked and when; this says what is still open.
CREATE TABLE consent.wishes (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  subject_ref uuid NOT NULL,
  asked_at timestamptz NOT NULL,
  opened_at timestamptz,
  site text NOT NULL,
  PRIMARY KEY (tenant_id, event_id))

CREATE INDEX wishes_subject ON consent.wishes (tenant_id, subject_ref)

-- Row security binds the owner too, who is to see all tenants here: what was asked before there was this table is open as well.
ALTER TABLE consent.events NO FORCE ROW LEVEL SECURITY

ALTER TABLE consent.subject_keys NO FORCE ROW LEVEL SECURITY

ALTER TABLE consent.subject_links NO FORCE ROW LEVEL SECURITY

INSERT INTO consent.wishes (tenant_id, event_id, subject_ref, asked_at, site)
SELECT DISTINCT ON (e.tenant_id, k.subject_ref) e.tenant_id, e.event_id, k.subject_ref, e.recorded_at, e.site
FROM consent.events e
LEFT JOIN consent.subject_links m ON m.tenant_id = e.tenant_id AND m.kind = 'merged' AND m.link = uuid_send(e.subject_ref)
JOIN consent.subject_keys k ON k.tenant_id = e.tenant_id AND k.subject_ref = coalesce(m.subject_ref, e.subject_ref) AND k.shredded_at IS NULL
WHERE e.type = 'erasure.asked' AND e.site IS NOT NULL
ORDER BY e.tenant_id, k.subject_ref, e.event_id

ALTER TABLE consent.events FORCE ROW LEVEL SECURITY

ALTER TABLE consent.subject_keys FORCE ROW LEVEL SECURITY

ALTER TABLE consent.subject_links FORCE ROW LEVEL SECURITY

ALTER TABLE consent.wishes ENABLE ROW LEVEL SECURITY

ALTER TABLE consent.wishes FORCE ROW LEVEL SECURITY

CREATE POLICY tenant ON consent.wishes USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
  WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)

GRANT SELECT, INSERT, DELETE ON consent.wishes TO consent_app

GRANT UPDATE (opened_at) ON consent.wishes TO consent_app
