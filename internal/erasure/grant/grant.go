// Package grant writes the SQL that gives a store's two roles what an erasure needs and no more: the ledger, the eraser
// and the verifier (PostgreSQL). Managed stores and the page for administrators take their statements from here.
package grant

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Ledger is the table with the row of each erasure, quoted.
const Ledger = `"rempart"."ledger"`

// Destroyed is the table with the keyed hashes of values that a run destroyed, quoted.
const Destroyed = `"rempart"."destroyed"`

// LedgerDDL creates the ledger, and the table of what verification needs until the run has ended. They hold counts, digests and hashes
// under a key that the store does not have, and no identifier of a person.
var LedgerDDL = []string{
	`CREATE SCHEMA IF NOT EXISTS "rempart"`,
	`REVOKE ALL ON SCHEMA "rempart" FROM PUBLIC`,
	`CREATE TABLE IF NOT EXISTS ` + Ledger + ` (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_uid      text NOT NULL UNIQUE,
  register     text NOT NULL,
  store        text NOT NULL,
  request_uids text[] NOT NULL,
  plan_digest  text NOT NULL,
  epoch        bigint NOT NULL,
  counts       jsonb NOT NULL,
  committed_at timestamptz NOT NULL
)`,
	`CREATE INDEX IF NOT EXISTS ledger_epoch ON ` + Ledger + ` (register, store, epoch)`,
	`CREATE TABLE IF NOT EXISTS ` + Destroyed + ` (
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
)`,
	// A store would try to compress hashes, in vain, which takes longer than all else about writing them. To ask first waits for no run.
	`DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = '` + Destroyed + `'::regclass AND attname = 'hashes' AND attstorage <> 'e') THEN
    ALTER TABLE ` + Destroyed + ` ALTER quick SET STORAGE EXTERNAL, ALTER hashes SET STORAGE EXTERNAL, ALTER row_keys SET STORAGE EXTERNAL;
  END IF;
END $$`,
}

// Database lets a role connect, and make the temporary tables in which a run gathers rows. Names are quoted already.
func Database(database, role string) string {
	return "GRANT CONNECT, TEMPORARY ON DATABASE " + database + " TO " + role
}

// WriteLedger lets the eraser enter its runs, of which it never changes or removes an entry, and write down hashes of what it
// destroys, of which it removes those of earlier runs.
func WriteLedger(role string) []string {
	return []string{`GRANT USAGE ON SCHEMA "rempart" TO ` + role, "GRANT SELECT, INSERT ON " + Ledger + " TO " + role, "GRANT SELECT, INSERT, DELETE ON " + Destroyed + " TO " + role}
}

// ReadLedger lets the verifier see which runs the store remembers, since one that comes back from a backup has forgotten some, and
// what the run destroyed.
func ReadLedger(role string) []string {
	return []string{`GRANT USAGE ON SCHEMA "rempart" TO ` + role, "GRANT SELECT ON " + Ledger + ", " + Destroyed + " TO " + role}
}

// Erase lets the eraser treat the rows of a table as the dataset says: only where rows can go may it delete any. Rows of
// each table can be changed, since what refers to a row that goes is nulled.
func Erase(table, role string, action v1alpha1.TableErasure) string {
	if action == v1alpha1.EraseDeleteRows || action == v1alpha1.EraseKeep { // kept rows go when their period is over
		return "GRANT SELECT, UPDATE, DELETE ON " + table + " TO " + role
	}
	return "GRANT SELECT, UPDATE ON " + table + " TO " + role
}

// ReadSchema lets the verifier read all tables of a schema.
func ReadSchema(schema, role string) string {
	return "GRANT SELECT ON ALL TABLES IN SCHEMA " + schema + " TO " + role
}

// Policy is a policy of row security that lets a role see all rows of a table, and what takes it away.
type Policy struct{ Create, Drop string }

// Policies let the roles, whose names are not quoted, see all rows of a table with row security. BYPASSRLS would let them
// see more than the table, and is refused.
func Policies(schema, table, eraser, verifier string) []Policy {
	on := Quote(schema) + "." + Quote(table)
	policy := func(role, what string) Policy {
		name := Quote("rempart " + role)
		return Policy{Create: "CREATE POLICY " + name + " ON " + on + what, Drop: "DROP POLICY IF EXISTS " + name + " ON " + on}
	}
	return []Policy{
		policy(eraser, " TO "+Quote(eraser)+" USING (true) WITH CHECK (true)"),
		policy(verifier, " FOR SELECT TO "+Quote(verifier)+" USING (true)"),
	}
}

// Quote quotes a name of the catalogue.
func Quote(name string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(name, "\x00", ""), `"`, `""`) + `"`
}

// SchemaOf is the schema of a declared table.
func SchemaOf(declared v1alpha1.Identifier) string {
	if declared == "" {
		return "public"
	}
	return string(declared)
}

// plain names need no quotes anywhere, so that they can stand in comments and in constants.
var plain = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// Script returns the SQL by which an administrator prepares a store that Rempart does not run, in one transaction. It can
// be run again whenever the dataset changes: what the eraser may do to tables is then as the dataset says, and no more.
// It holds no password.
func Script(database string, dataset *v1alpha1.Dataset, eraser, verifier string) (string, error) {
	for _, role := range []string{eraser, verifier} {
		if !plain.MatchString(role) {
			return "", fmt.Errorf("a role's name has at most 63 lower-case letters, digits and underscores, and does not begin with a digit; %q is none", role)
		}
	}
	if eraser == verifier {
		return "", fmt.Errorf("eraser and verifier are two roles, so that who erases does not verify; %q is named twice", eraser)
	}
	var text strings.Builder
	write := func(comment string, statements ...string) {
		fmt.Fprintf(&text, "\n%s", comment)
		for _, s := range statements {
			text.WriteString(s + ";\n")
		}
	}
	text.WriteString("-- In the database of the store, as its owner or a superuser. It can be run again when the dataset changes.\nBEGIN;\n")
	e, v := Quote(eraser), Quote(verifier)
	write("-- Two login roles, so that who erases does not verify. They have no password yet: see the end.\n", createRoles(eraser, verifier))
	write("-- The ledger keeps a run from being done twice. The other table has hashes of what runs destroyed, for their verifier.\n", LedgerDDL...)
	write("", append(append([]string{Database(Quote(database), e+", "+v)}, WriteLedger(e)...), ReadLedger(v)...)...)
	write("-- The eraser: each table of the dataset (see below), and none that only an earlier one had.\n", revokeAll(eraser))
	schemas, tables := byTable(dataset, e)
	for _, schema := range schemas {
		s := Quote(schema)
		write("-- A schema of the dataset. For every other schema the two lines about the verifier are wise too: what it may not\n"+
			"-- read is not searched for copies of a person, and the messages of plans and runs name it.\n",
			"GRANT USAGE ON SCHEMA "+s+" TO "+e+", "+v, ReadSchema(s, v))
		write("-- Run this one as each role that creates tables, so that the verifier sees what the dataset forgets:\n",
			"ALTER DEFAULT PRIVILEGES IN SCHEMA "+s+" GRANT SELECT ON TABLES TO "+v)
		write("", tables[schema]...)
	}
	text.WriteString("\n-- Where a declared table has row security (the plan names it), the roles must see all of its rows:\n")
	for _, d := range dataset.Tables {
		for _, p := range Policies(SchemaOf(d.Schema), string(d.Name), eraser, verifier) {
			fmt.Fprintf(&text, "--   %s;\n", oneLine.Replace(p.Create))
		}
	}
	fmt.Fprintf(&text, "COMMIT;\n\n-- Set the passwords in psql, where no log sees them:\n--   \\password %s\n--   \\password %s\n", eraser, verifier)
	return text.String(), nil
}

// revokeAll takes from a role all tables but the ledger's, in whichever schema, and the schemas in which it had some: they may have left
// the dataset. A schema in which it has none is left alone: it may have what columns are made of, such as an extension. The name is plain.
func revokeAll(role string) string {
	return strings.ReplaceAll(`DO $$
DECLARE
  s name;
BEGIN
  FOR s IN SELECT DISTINCT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'rempart') AND EXISTS (
      SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'ROLE' AND (
        EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) a WHERE a.grantee = r.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) a WHERE t.attrelid = c.oid AND a.grantee = r.oid)))
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM "ROLE"', s);
    EXECUTE pg_catalog.format('REVOKE USAGE ON SCHEMA %I FROM "ROLE"', s);
  END LOOP;
END
$$`, "ROLE", role)
}

// createRoles makes the roles that are not there. Their names are plain.
func createRoles(roles ...string) string {
	lines := []string{"DO $$", "BEGIN"}
	for _, role := range roles {
		lines = append(lines,
			"  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '"+role+"') THEN",
			"    CREATE ROLE "+Quote(role)+" LOGIN NOSUPERUSER NOBYPASSRLS;",
			"  END IF;")
	}
	return strings.Join(append(lines, "END", "$$"), "\n")
}

// oneLine keeps a name from ending the comment that it stands in.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// byTable returns the schemas of the dataset, sorted, and what the eraser may do to the tables of each.
func byTable(dataset *v1alpha1.Dataset, eraser string) (schemas []string, statements map[string][]string) {
	statements = map[string][]string{}
	for _, d := range dataset.Tables {
		schema := SchemaOf(d.Schema)
		schemas = append(schemas, schema)
		statements[schema] = append(statements[schema], Erase(Quote(schema)+"."+Quote(string(d.Name)), eraser, d.OnErasure))
	}
	slices.Sort(schemas)
	return slices.Compact(schemas), statements
}
