package postgres_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
)

func TestDatabasesOfOtherEncodings(t *testing.T) {
	const logs = `
- {name: logs, subjectKeys: [{column: doc, path: [mail], identifier: Email}], onErasure: DeleteRows}`
	for _, c := range []struct{ encoding, address string }{
		{"LATIN1", "ada@example.org"}, {"LATIN1", composed}, {"LATIN1", "иван@example.org"}, {"EUC_JP", "ada@example.org"}, {"SQL_ASCII", "ada@example.org"}, {"WIN1251", "иван@example.org"},
	} {
		name := strings.ToLower(c.encoding) + "_" + strings.Map(func(r rune) rune {
			if r < 'a' || r > 'z' {
				return -1
			}
			return r
		}, c.address)
		t.Run(name, func(t *testing.T) {
			s := &store{T: t, server: server, name: name, dataset: &v1alpha1.Dataset{}}
			if _, err := server.Connect(t, "postgres").Exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING '"+c.encoding+"' LC_COLLATE 'C' LC_CTYPE 'C'"); err != nil {
				t.Fatal(err)
			}
			s.db = server.Connect(t, name)
			s.eraser = postgres.Login{Username: "eraser_" + name, Password: "secret of eraser"}
			s.verifier = postgres.Login{Username: "verifier_" + name, Password: "secret of verifier"}
			s.sql("SET client_encoding = UTF8")
			s.sql(strings.ReplaceAll(twoPeople, "ada@example.org", "zoe@example.org"))
			s.sql(`CREATE TABLE logs (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, doc json); INSERT INTO logs (doc) VALUES ('{"a": "\u0000"}')`)
			if c.encoding == "SQL_ASCII" { // which takes any byte
				s.sql(`INSERT INTO logs (doc) VALUES (('{"a": "\u0000' || chr(233) || '"}')::json)`)
			}
			if err := yaml.UnmarshalStrict([]byte(deletesPeople+logs), s.dataset); err != nil {
				t.Fatal(err)
			}
			if o := s.provision(); !o.OK {
				t.Fatalf("%+v", o)
			}
			want := ""
			if c.encoding != "LATIN1" || c.address != "иван@example.org" { // which nothing can be there
				s.sql("INSERT INTO people VALUES (9, $1, 'x')", c.address)
				want = "0 public.people DeleteRows 1"
			}
			s.erased(want, email(c.address))
			s.want("2", "SELECT count(*) FROM people")
		})
	}
}

func TestSettingsOfTheDatabaseChangeNothing(t *testing.T) {
	s := newStore(t, twoPeople+`
CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people, doc jsonb, tel text DEFAULT 'none', CHECK (tel <> 'x'));
INSERT INTO notes VALUES (1, 1, '{"a": "x\nada@example.org"}', '+33 6 12 34 56 78'), (2, 2, NULL, NULL);`, deletesPeople+`
- {name: notes, columns: [{name: doc}, {name: tel, mask: Constant, constant: 'a\b'}], onErasure: MaskColumns}`)
	who := person("email", "ada@example.org", "phone", "+33612345678")
	digest := s.plan(who).PlanDigest
	for _, setting := range []string{
		"default_transaction_read_only = on", "standard_conforming_strings = off", "quote_all_identifiers = on", "bytea_output = escape", "array_nulls = off",
		"default_transaction_isolation = serializable", "transform_null_equals = on", "client_min_messages = debug5", "client_encoding = LATIN1", "search_path = ''", "xmloption = document",
	} {
		s.sql("ALTER DATABASE " + s.name + " SET " + setting)
		if o := s.plan(who); !o.OK || o.PlanDigest != digest {
			t.Errorf("%s: %v %s %s", setting, o.OK, o.Reason, o.PlanDigest)
		}
	}
	s.erased("0 public.notes MaskColumns 1\n0 public.people DeleteRows 1", who)
	s.want(`a\b`, "SELECT tel FROM notes WHERE id = 1")
	if o := s.provision(); !o.OK {
		t.Errorf("%+v", o)
	}
}
