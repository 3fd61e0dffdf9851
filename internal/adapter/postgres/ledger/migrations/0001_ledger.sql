-- A paragraph is a statement. Columns of fixed width come first: that saves padding in every row.

CREATE TABLE consent.tenants (
  tenant_id uuid PRIMARY KEY,
  namespace text NOT NULL,
  policy text NOT NULL,
  UNIQUE (namespace, policy))

CREATE TABLE consent.purposes (
  tenant_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL,
  revision int NOT NULL,
  purpose text NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (tenant_id, purpose, revision))

CREATE TABLE consent.notices (
  tenant_id uuid NOT NULL,
  published_at timestamptz NOT NULL,
  version int NOT NULL,
  notice text NOT NULL,
  lang text NOT NULL,
  body jsonb NOT NULL,
  body_sha256 bytea NOT NULL,
  material_sha256 bytea NOT NULL,
  PRIMARY KEY (tenant_id, notice, version, lang))

CREATE TABLE consent.subject_keys (
  tenant_id uuid NOT NULL,
  subject_ref uuid NOT NULL,
  created_at timestamptz NOT NULL,
  shredded_at timestamptz,
  kek_id text NOT NULL,
  wrapped_key bytea,
  PRIMARY KEY (tenant_id, subject_ref))

-- Under kind 'merged' the link is the 16 bytes of a reference that Link made part of subject_ref.
CREATE TABLE consent.subject_links (
  tenant_id uuid NOT NULL,
  subject_ref uuid NOT NULL,
  kind text NOT NULL,
  link bytea NOT NULL,
  pepper_id text NOT NULL,
  PRIMARY KEY (tenant_id, kind, link))

CREATE INDEX subject_links_subject ON consent.subject_links (tenant_id, subject_ref)

-- receipt_id is the event_id of the act's first event, and the others follow it: the range of the primary key finds them.
CREATE TABLE consent.events (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  receipt_id uuid NOT NULL,
  subject_ref uuid,
  occurred_at timestamptz,
  recorded_at timestamptz NOT NULL,
  valid_until timestamptz,
  notice_version int,
  decision smallint,
  gpc smallint,
  type text NOT NULL,
  purpose text,
  notice text,
  notice_lang text,
  notice_sha256 bytea,
  method text,
  collected_by text,
  site text,
  evidence_ct bytea,
  leaf_hash bytea NOT NULL,
  PRIMARY KEY (tenant_id, event_id) WITH (fillfactor = 100))

CREATE INDEX events_subject ON consent.events (tenant_id, subject_ref) WHERE subject_ref IS NOT NULL

-- What is published, rotated and pruned is about nobody, and little.
CREATE INDEX events_house ON consent.events (tenant_id, type, event_id) WHERE subject_ref IS NULL

CREATE TABLE consent.pending (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, event_id))
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0)

CREATE TABLE consent.leaves (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  idx bigint NOT NULL,
  PRIMARY KEY (tenant_id, idx) WITH (fillfactor = 100),
  UNIQUE (tenant_id, event_id) WITH (fillfactor = 100))

CREATE TABLE consent.tiles (
  tenant_id uuid NOT NULL,
  n bigint NOT NULL,
  level smallint NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (tenant_id, level, n))

-- Hashes do not compress.
ALTER TABLE consent.tiles ALTER COLUMN data SET STORAGE EXTERNAL

CREATE TABLE consent.checkpoints (
  tenant_id uuid NOT NULL,
  size bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  note text NOT NULL,
  PRIMARY KEY (tenant_id, size))

-- A projection of events, kept for answers in one look-up.
CREATE TABLE consent.state (
  tenant_id uuid NOT NULL,
  subject_ref uuid NOT NULL,
  event_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL,
  valid_until timestamptz,
  notice_version int,
  decision smallint NOT NULL,
  purpose text NOT NULL,
  notice text,
  notice_lang text,
  notice_sha256 bytea,
  material_sha256 bytea,
  PRIMARY KEY (tenant_id, subject_ref, purpose))
WITH (fillfactor = 90)

CREATE TABLE consent.idem (
  tenant_id uuid NOT NULL,
  receipt_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL,
  site text NOT NULL,
  key_sha256 bytea NOT NULL,
  PRIMARY KEY (tenant_id, site, key_sha256))

-- Without the tenant: the planner would take it for a cheap way to find an act by its key.
CREATE INDEX idem_age ON consent.idem USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on)

CREATE TABLE consent.mailbox_proofs (
  tenant_id uuid NOT NULL,
  subject_ref uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  spent_at timestamptz,
  token_sha256 bytea NOT NULL,
  kind text NOT NULL,
  purpose text NOT NULL,
  PRIMARY KEY (tenant_id, token_sha256))

CREATE INDEX mailbox_proofs_subject ON consent.mailbox_proofs (tenant_id, subject_ref)

-- The owner cannot log in: it deletes events within consent.prune only.
CREATE FUNCTION consent.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'events' AND current_user = 'consent_owner' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'this table of the ledger only grows' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'append_only';
END $$

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['events', 'leaves', 'tiles', 'checkpoints', 'notices', 'purposes'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent.%I FOR EACH ROW EXECUTE FUNCTION consent.refuse()', name);
    EXECUTE format('CREATE TRIGGER never_empty BEFORE TRUNCATE ON consent.%I FOR EACH STATEMENT EXECUTE FUNCTION consent.refuse()', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['purposes', 'notices', 'subject_keys', 'subject_links', 'events', 'pending', 'leaves', 'tiles', 'checkpoints',
      'state', 'idem', 'mailbox_proofs'] LOOP
    EXECUTE format('ALTER TABLE consent.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE consent.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON consent.%I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)'
      ' WITH CHECK (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', name);
  END LOOP;
END $$

-- Deletes the events that a ledger.pruned event names, if that event is in the log: its evidence is {"below": index} or
-- {"indexes": [...]}. Events below the last full tile only, whose leaf hashes that tile keeps; none that is about nobody, and
-- none that is a state that holds. Returns how many.
CREATE FUNCTION consent.prune(pruned uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  mine uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  told jsonb;
  full_leaves bigint;
  below bigint;
  gone bigint;
BEGIN
  SELECT convert_from(e.evidence_ct, 'UTF8')::jsonb INTO told
  FROM consent.events e JOIN consent.leaves l USING (tenant_id, event_id)
  WHERE e.tenant_id = mine AND e.event_id = pruned AND e.type = 'ledger.pruned' AND e.subject_ref IS NULL;
  IF told IS NULL THEN
    RAISE EXCEPTION 'the log does not tell of this' USING ERRCODE = 'no_data_found';
  END IF;
  SELECT 256 * (coalesce(max(n), -1) + 1) INTO full_leaves FROM consent.tiles WHERE tenant_id = mine AND level = 0;
  below := least(coalesce((told ->> 'below')::bigint, 0), full_leaves);
  DELETE FROM consent.state s USING consent.leaves l
  WHERE s.tenant_id = mine AND l.tenant_id = mine AND l.event_id = s.event_id AND l.idx < below
    AND (s.decision = 0 OR s.valid_until < now());
  DELETE FROM consent.events e USING consent.leaves l
  WHERE e.tenant_id = mine AND l.tenant_id = mine AND l.event_id = e.event_id AND e.subject_ref IS NOT NULL AND l.idx < full_leaves
    AND (l.idx < below OR l.idx IN (SELECT i::bigint FROM jsonb_array_elements_text(coalesce(told -> 'indexes', '[]')) i))
    AND NOT EXISTS (SELECT FROM consent.state s WHERE s.tenant_id = mine AND s.event_id = e.event_id);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$

REVOKE ALL ON FUNCTION consent.prune(uuid), consent.refuse() FROM PUBLIC

GRANT USAGE ON SCHEMA consent TO consent_app, consent_seq, consent_prune

GRANT SELECT ON ALL TABLES IN SCHEMA consent TO consent_app

GRANT INSERT ON consent.tenants, consent.purposes, consent.notices, consent.subject_keys, consent.subject_links, consent.events,
  consent.pending, consent.state, consent.idem, consent.mailbox_proofs TO consent_app

GRANT UPDATE ON consent.state TO consent_app

GRANT UPDATE (wrapped_key, shredded_at) ON consent.subject_keys TO consent_app

GRANT UPDATE (spent_at) ON consent.mailbox_proofs TO consent_app

GRANT DELETE ON consent.state, consent.subject_links, consent.mailbox_proofs TO consent_app

GRANT SELECT ON consent.events, consent.pending, consent.leaves, consent.tiles, consent.checkpoints, consent.idem TO consent_seq

GRANT INSERT ON consent.leaves, consent.tiles, consent.checkpoints TO consent_seq

GRANT DELETE ON consent.pending, consent.idem TO consent_seq

GRANT EXECUTE ON FUNCTION consent.prune(uuid) TO consent_prune
