package postgres_test

import (
	"strings"
	"testing"
)

// letters is a store with a person's name in a column, and texts of others that mention people.
const letters = `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, title text, bio text);
CREATE TABLE letters (id int PRIMARY KEY, body text, doc jsonb);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada King-Noel', 'Project Manager', NULL), (2, 'bob@example.org', 'Bob Baumeister', 'x', NULL),
 (3, 'ursula@example.org', 'Ursula von der Marwitz', 'x', NULL), (4, 'jules@example.org', 'J.-P. Éluard O''Hara', 'x', NULL), (5, 'b2@example.org', 'Bob Baumeister', 'x', NULL);
`

func TestANameIsFoundWithinSentences(t *testing.T) {
	for name, c := range map[string]struct{ who, text, in string }{
		"in the midst":          {"ada", "Called by Ada King-Noel on Monday about the loom", "body"},
		"with what belongs":     {"ada", "I have seen Ada King-Noel's letters, and answered", "body"},
		"at a line's end":       {"ada", "This letter was written by Ada\r\nKing-Noel. It came on a Tuesday", "body"},
		"indented":              {"ada", "This letter was written by Ada\n    King-Noel.  It came on a Tuesday", "body"},
		"in markup":             {"ada", "<p>Dear Ada King-Noel,</p><p>we thank you</p>", "body"},
		"in capitals":           {"ada", "REGARDING ADA KING-NOEL AND THE LOOM", "body"},
		"within a document":     {"ada", `{"events": [{"what": "Assigned to Ada King-Noel by somebody"}]}`, "doc"},
		"with words between":    {"ursula", "Then the board asked Ursula von der Marwitz to speak", "body"},
		"with initials":         {"jules", "A picture that J.-P. Éluard O'Hara painted for the hall", "body"},
		"in lower case":         {"ada", "called by ada king-noel on monday about the loom", ""},
		"a title is no name":    {"ada", "We look for a Project Manager who knows the loom", ""},
		"a part is none either": {"ada", "Ada King was here, and later so was Noel with her", ""},
		"of a namesake too":     {"bob", "Bob Baumeister wrote that he will come on Monday", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, letters, deletesPeople)
			if column := strings.TrimSpace(c.in); column == "doc" {
				s.sql(`INSERT INTO letters (id, doc) VALUES (1, $1)`, c.text)
			} else {
				s.sql(`INSERT INTO letters (id, body) VALUES (1, $1)`, c.text)
			}
			who := email(c.who + "@example.org")
			s.gone("run-1", who)
			var want []string
			if c.in != "" {
				want = []string{"public.letters." + c.in}
			}
			s.copies(s.looked("run-1", who), want...)
		})
	}
}

// TestAMentionBesideOthersIsNamed: that another row of the table of people mentions a name does not make it somebody else's.
func TestAMentionBesideOthersIsNamed(t *testing.T) {
	s := newStore(t, letters+`
UPDATE people SET bio = 'Was taught by Ada King-Noel in the year of the comet' WHERE id = 2;
CREATE TABLE customers (id int PRIMARY KEY, email text, first_name text, last_name text);
INSERT INTO customers VALUES (1, 'ida@example.org', 'Ida', 'Kent'), (2, 'bob@example.org', 'Bob', 'Kent');
INSERT INTO letters VALUES (1, 'a letter that Ida Kent wrote with Ada King-Noel');`, deletesPeople+`
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`)
	ada, ida := email("ada@example.org"), email("ida@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada), "public.letters.body", "public.people.bio")
	s.gone("run-2", ida)
	s.copies(s.looked("run-2", ida), "public.letters.body")
}
