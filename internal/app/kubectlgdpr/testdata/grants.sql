-- In the database of the store, as its owner or a superuser. It can be run again when the dataset changes.
BEGIN;

-- Two login roles, so that who erases does not verify. They have no password yet: see the end.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'gone') THEN
    CREATE ROLE "gone" LOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'seen') THEN
    CREATE ROLE "seen" LOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
END
$$;

-- The ledger keeps a run from being done twice. The other table has hashes of what runs destroyed, for their verifier.
CREATE SCHEMA IF NOT EXISTS "rempart";
REVOKE ALL ON SCHEMA "rempart" FROM PUBLIC;
CREATE TABLE IF NOT EXISTS "rempart"."ledger" (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_uid      text NOT NULL UNIQUE,
  register     text NOT NULL,
  store        text NOT NULL,
  request_uids text[] NOT NULL,
  plan_digest  text NOT NULL,
  epoch        bigint NOT NULL,
  counts       jsonb NOT NULL,
  committed_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_epoch ON "rempart"."ledger" (register, store, epoch);
CREATE TABLE IF NOT EXISTS "rempart"."destroyed" (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_uid   text NOT NULL,
  register  text NOT NULL,
  store     text NOT NULL,
  relation  text NOT NULL,
  attribute text NOT NULL,
  key_check bytea NOT NULL,
  quick     integer[] NOT NULL,
  hashes    bytea[] NOT NULL,
  row_keys  bytea[] NOT NULL,
  passed    bigint NOT NULL,
  addresses boolean NOT NULL,
  numbers   boolean NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = '"rempart"."destroyed"'::regclass AND attname = 'hashes' AND attstorage <> 'e') THEN
    ALTER TABLE "rempart"."destroyed" ALTER quick SET STORAGE EXTERNAL, ALTER hashes SET STORAGE EXTERNAL, ALTER row_keys SET STORAGE EXTERNAL;
  END IF;
END $$;

GRANT CONNECT, TEMPORARY ON DATABASE "crm" TO "gone", "seen";
GRANT USAGE ON SCHEMA "rempart" TO "gone";
GRANT SELECT, INSERT ON "rempart"."ledger" TO "gone";
GRANT SELECT, INSERT, DELETE ON "rempart"."destroyed" TO "gone";
GRANT USAGE ON SCHEMA "rempart" TO "seen";
GRANT SELECT ON "rempart"."ledger", "rempart"."destroyed" TO "seen";

-- The eraser: each table of the dataset (see below), and none that only an earlier one had.
DO $$
DECLARE
  s name;
BEGIN
  FOR s IN SELECT DISTINCT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'rempart') AND EXISTS (
      SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'gone' AND (
        EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) a WHERE a.grantee = r.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) a WHERE t.attrelid = c.oid AND a.grantee = r.oid)))
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM "gone"', s);
    EXECUTE pg_catalog.format('REVOKE USAGE ON SCHEMA %I FROM "gone"', s);
  END LOOP;
END
$$;

-- A schema of the dataset. For every other schema the two lines about the verifier are wise too: what it may not
-- read is not searched for copies of a person, and the messages of plans and runs name it.
GRANT USAGE ON SCHEMA "b""x" TO "gone", "seen";
GRANT SELECT ON ALL TABLES IN SCHEMA "b""x" TO "seen";

-- Run this one as each role that creates tables, so that the verifier sees what the dataset forgets:
ALTER DEFAULT PRIVILEGES IN SCHEMA "b""x" GRANT SELECT ON TABLES TO "seen";

GRANT SELECT, UPDATE ON "b""x"."Notes" TO "gone";

-- A schema of the dataset. For every other schema the two lines about the verifier are wise too: what it may not
-- read is not searched for copies of a person, and the messages of plans and runs name it.
GRANT USAGE ON SCHEMA "public" TO "gone", "seen";
GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "seen";

-- Run this one as each role that creates tables, so that the verifier sees what the dataset forgets:
ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT SELECT ON TABLES TO "seen";

GRANT SELECT, UPDATE, DELETE ON "public"."people" TO "gone";

-- Where a declared table has row security (the plan names it), the roles must see all of its rows:
--   CREATE POLICY "rempart gone" ON "b""x"."Notes" TO "gone" USING (true) WITH CHECK (true);
--   CREATE POLICY "rempart seen" ON "b""x"."Notes" FOR SELECT TO "seen" USING (true);
--   CREATE POLICY "rempart gone" ON "public"."people" TO "gone" USING (true) WITH CHECK (true);
--   CREATE POLICY "rempart seen" ON "public"."people" FOR SELECT TO "seen" USING (true);
COMMIT;

-- Set the passwords in psql, where no log sees them:
--   \password gone
--   \password seen
