package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestACodeIsSeenWithinTexts: identifiers that are long and like no other are found in paths, addresses of the Web and sentences.
// Short ones, and others that only begin alike, are not.
func TestACodeIsSeenWithinTexts(t *testing.T) {
	const id, object, customer, lower = "7b0c9d7e-52a1-4c6f-9f0e-3d2b1a0c9e8f", "64f1c0ffee5f7c8ec7c33c6c", "cus_NffrFeUfNV2Hib", "fpfi4djkrtgnarqyga9dqa5mto"
	for name, c := range map[string]struct {
		code, text string
		found      bool
	}{
		"in a path":                  {id, "users/" + id + "/role-mappings", true},
		"as the name of a file":      {id, "avatar_" + strings.ToUpper(id) + ".png", true},
		"without its hyphens":        {id, "see /u/" + strings.ReplaceAll(id, "-", "") + "?x=1", true},
		"given without its hyphens":  {strings.ReplaceAll(id, "-", ""), "users/" + id, true},
		"another UUID":               {id, "users/7b0c9d7e-52a1-4c6f-9f0e-3d2b1a0c9e80/x", false},
		"in a sentence":              {customer, "charged " + customer + ", declined", true},
		"in an address of the Web":   {object, "https://x.example/u/" + object + "/edit", true},
		"one that only begins alike": {object, "https://x.example/u/" + object + "00", false},
		"of letters mostly":          {lower, "/api/v4/users/" + lower + "/roles", true},
		"joined with another":        {lower, lower + "__" + "gpfi4djkrtgn9rqygagdqa5mto", true},
		"with a mark, and joined":    {customer, "charge-" + customer + "_1", false},
		"a short one":                {"A-471103", "users/A-471103/edit", false},
		"a long word":                {"communication-manager", "our communication-manager is away", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, `
CREATE TABLE users (id text, name text);
CREATE TABLE events (id int PRIMARY KEY, resource text);
CREATE INDEX ON users (id);`, `
tables:
- {name: users, subjectKeys: [{column: id, identifier: AccountID}], onErasure: DeleteRows}`)
			s.sql("INSERT INTO users VALUES ($1, 'Ada'), ('other', 'Bob')", c.code)
			s.sql("INSERT INTO events VALUES (1, $1)", c.text)
			who := person("accountID", c.code)
			if done := s.erase("run-1", who); !done.OK {
				t.Fatalf("%s %s", done.Reason, done.Message)
			}
			if said := strings.Contains(s.planned.Message, "people were found in public.events"); said != c.found {
				t.Errorf("the plan says %q", s.planned.Message)
			}
			if o := s.verify(who); o.OK == c.found || c.found && (o.Reason != task.Contradicted || strings.Join(o.Names, " ") != "public.events") {
				t.Errorf("%v %s %q %v", o.OK, o.Reason, o.Message, o.Names)
			}
		})
	}
}

// TestACodeThatStaysAsAKeyIsNotTextBesideIt: a UUID that stays as a key of the schema, in a row that was masked and in what refers to it,
// contradicts nothing. Within a text it does.
func TestACodeThatStaysAsAKeyIsNotTextBesideIt(t *testing.T) {
	const id = "7b0c9d7e-52a1-4c6f-9f0e-3d2b1a0c9e8f"
	for path, found := range map[string]bool{"logged in": false, "users/" + id: true} {
		s := newStore(t, `
CREATE TABLE users (id varchar(36) PRIMARY KEY, email text);
CREATE TABLE logins (id int PRIMARY KEY, user_id varchar(36) NOT NULL REFERENCES users, path text, note text);
INSERT INTO users VALUES ('`+id+`', 'ada@example.org'); INSERT INTO logins VALUES (1, '`+id+`', '`+path+`', 'x');`, `
tables:
- {name: users, subjectKeys: [{column: id, identifier: AccountID}, {column: email, identifier: Email}], columns: [{name: email}], onErasure: MaskColumns}
- {name: logins, columns: [{name: note}], onErasure: MaskColumns}`)
		who := person("accountID", id, "email", "ada@example.org")
		if done := s.erase("run-1", who); !done.OK {
			t.Fatalf("%s %s", done.Reason, done.Message)
		}
		if o := s.verify(who); o.OK == found || found && strings.Join(o.Names, " ") != "public.logins" {
			t.Errorf("%s: %v %s %q %v", path, o.OK, o.Reason, o.Message, o.Names)
		}
	}
}
