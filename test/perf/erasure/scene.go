package erasure

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// scene is a database to erase from, with what the engine is told about it and what a person would write by hand.
type scene struct {
	name    string
	dataset *v1alpha1.Dataset
	// scripts make the schema and fill it.
	scripts []string
	// people is a query of all addresses, sorted.
	people string
	// handwritten is a script for psql; the addresses take the place of a mark.
	handwritten string
	// state are the relations whose rows must be the same, whichever way erased.
	state []string
	// byRow tells whether one commit per row is measured too.
	byRow bool
}

// demo is the company of the samples.
func demo(samples string) (*scene, error) {
	s := &scene{name: "the demo company (about 300,000 rows)", people: "SELECT DISTINCT lower(email) FROM customers ORDER BY 1", handwritten: handwritten, byRow: true,
		state: []string{
			"accounts", "customers", "conversations", "participants", "messages", "attachments", "contact_forms", "orders", "order_lines", "invoices",
			"(SELECT id, customer_id, regexp_replace(card_number, '^[0-9a-f]{32}$', 'pseudonym'), points FROM loyalty_cards)",
			"(SELECT id, at, regexp_replace(actor, '^[0-9a-f]{32}$', 'pseudonym'), action, detail FROM audit_log)",
		}}
	text, err := os.ReadFile(filepath.Join(samples, "register.yaml"))
	if err != nil {
		return nil, err
	}
	var register v1alpha1.DataRegister
	if err := yaml.Unmarshal(text, &register); err != nil {
		return nil, err
	}
	s.dataset = register.Spec.Stores[0].Dataset
	for _, name := range []string{"schema.sql", "generate.sql"} {
		sql, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil {
			return nil, err
		}
		s.scripts = append(s.scripts, string(sql))
	}
	return s, nil
}

// Sizes of the wide schema: tables, people, and how many of the tables hang on another one of them.
const wideTables, widePeople, wideBelow = 40, 20_000, 10

// wide is a schema of 40 tables with so many rows: people, 29 tables of theirs, and 10 tables below these.
func wide(rows int) *scene {
	s := &scene{name: fmt.Sprintf("a schema of %d tables with about %d rows", wideTables, rows), people: "SELECT email FROM people ORDER BY 1",
		dataset: &v1alpha1.Dataset{}, state: []string{"people"}}
	each := max(1, (rows-widePeople)/(wideTables-1))
	add := func(name, sql string, d v1alpha1.DatasetTable) {
		d.Name, d.OnErasure = v1alpha1.Identifier(name), v1alpha1.EraseDeleteRows
		s.dataset.Tables = append(s.dataset.Tables, d)
		s.scripts = append(s.scripts, sql)
	}
	add("people", fmt.Sprintf(`CREATE TABLE people (id int PRIMARY KEY, email text NOT NULL);
INSERT INTO people SELECT n, 'p' || n || '@example.org' FROM generate_series(1, %d) n; CREATE INDEX ON people (lower(email));`, widePeople),
		v1alpha1.DatasetTable{SubjectKeys: []v1alpha1.SubjectKey{{Column: "email", Identifier: v1alpha1.IdentifierEmail}}})
	var below, above []string
	for i := 1; i < wideTables; i++ {
		name, parent, owners := fmt.Sprintf("t%d", i), "people", widePeople
		remove := fmt.Sprintf("DELETE FROM %s x USING gone p WHERE x.owner = p.id;", name)
		if i >= wideTables-wideBelow {
			parent, owners = fmt.Sprintf("t%d", i-(wideTables-wideBelow-1)), each
			below = append(below, fmt.Sprintf("DELETE FROM %s x USING %s y, gone p WHERE x.owner = y.id AND y.owner = p.id;", name, parent))
		} else {
			above = append(above, remove)
		}
		add(name, fmt.Sprintf(`CREATE TABLE %[1]s (id int, owner int NOT NULL, note text, at timestamptz);
INSERT INTO %[1]s SELECT n, 1 + n %% %[2]d, md5(n::text), timestamptz '2026-01-01' + n * interval '1 s' FROM generate_series(1, %[3]d) n;
ALTER TABLE %[1]s ADD PRIMARY KEY (id); CREATE INDEX ON %[1]s (owner); ALTER TABLE %[1]s ADD FOREIGN KEY (owner) REFERENCES %[4]s;`, name, owners, each, parent), v1alpha1.DatasetTable{})
		s.state = append(s.state, name)
	}
	s.handwritten = `\set ON_ERROR_STOP on
BEGIN;
CREATE TEMPORARY TABLE wanted (email text) ON COMMIT DROP;
COPY wanted FROM STDIN;
--addresses--
\.
ANALYZE wanted;
CREATE TEMPORARY TABLE gone ON COMMIT DROP AS SELECT p.id FROM people p JOIN wanted w ON lower(p.email) = w.email;
ANALYZE gone;
` + strings.Join(append(below, above...), "\n") + `
DELETE FROM people x USING gone p WHERE x.id = p.id;
COMMIT;
`
	return s
}

// checksum is a sum over all rows of the scene; pseudonyms differ each time and are left out.
func (s *scene) checksum(ctx context.Context, conn *pgx.Conn) (string, error) {
	var parts []string
	for _, query := range s.state {
		var sum string
		if err := conn.QueryRow(ctx, "SELECT count(*) || ':' || coalesce(sum(hash_record_extended(x, 0)), 0) FROM "+query+" AS x").Scan(&sum); err != nil {
			return "", err
		}
		parts = append(parts, sum)
	}
	return strings.Join(parts, " "), nil
}
