-- The newest signed head of a log, while it is newer than the newest checkpoint: the sequencer signs as soon as events wait, and keeps a
-- checkpoint each interval. One row for each tenant at most, that is written over.
CREATE TABLE consent.heads (
  tenant_id uuid NOT NULL,
  size bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  note text NOT NULL,
  PRIMARY KEY (tenant_id))
WITH (fillfactor = 50)

ALTER TABLE consent.heads ENABLE ROW LEVEL SECURITY

ALTER TABLE consent.heads FORCE ROW LEVEL SECURITY

CREATE POLICY tenant ON consent.heads USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
  WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)

GRANT SELECT ON consent.heads TO consent_app

GRANT SELECT, INSERT, DELETE ON consent.heads TO consent_seq

GRANT UPDATE (size, recorded_at, note) ON consent.heads TO consent_seq
