-- Wishes wait in a queue for each way by which people ask, so that none hides another. What was asked before there were ways is in one of
-- its own: by what it came about is sealed.
ALTER TABLE consent.wishes ADD COLUMN way text NOT NULL DEFAULT 'unsaid', ADD COLUMN turn timestamptz NOT NULL DEFAULT now()

-- Row security binds the owner too, who is to see all tenants here: a withdrawal is known by its purposes.
ALTER TABLE consent.wishes NO FORCE ROW LEVEL SECURITY

UPDATE consent.wishes SET way = 'withdrawal' WHERE purposes <> '{}'

ALTER TABLE consent.wishes FORCE ROW LEVEL SECURITY

CREATE INDEX wishes_waiting ON consent.wishes (tenant_id, way, turn, event_id) WHERE opened_at IS NULL

CREATE INDEX wishes_opened ON consent.wishes (tenant_id, way, turn, event_id) WHERE opened_at IS NOT NULL

GRANT UPDATE (turn) ON consent.wishes TO consent_app
