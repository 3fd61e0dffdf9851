-- The scripts that pages were given. They prove nothing by themselves: what was published is an event, and a script is
-- given out only while its bytes have the digest of its name. So the oldest may go.
CREATE TABLE consent.builds (
  tenant_id uuid NOT NULL,
  published_at timestamptz NOT NULL,
  site text NOT NULL,
  sha256 bytea NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (tenant_id, site, sha256))

ALTER TABLE consent.builds ENABLE ROW LEVEL SECURITY

ALTER TABLE consent.builds FORCE ROW LEVEL SECURITY

CREATE POLICY tenant ON consent.builds USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
  WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)

GRANT SELECT, INSERT, DELETE ON consent.builds TO consent_app
