package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestTextInBytesIsSearched: programs keep texts as bytes, such as calendars and cards.
func TestTextInBytesIsSearched(t *testing.T) {
	const dataset = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`
	for name, c := range map[string]struct {
		value string
		found bool
	}{
		"a card":                          {`convert_to(E'BEGIN:VCARD\r\nEMAIL:Ada@Example.org\r\nEND:VCARD', 'UTF8')`, true},
		"beside other characters":         {`convert_to('Zoé <ada@example.org>, né', 'UTF8')`, true},
		"behind a back-slash":             {`convert_to('a\ada@example.org\n', 'UTF8')`, true},
		"somebody else's":                 {`convert_to('EMAIL:joada@example.org', 'UTF8')`, false},
		"none":                            {`NULL`, false},
		"empty":                           {`''`, false},
		"a picture, which nobody reads":   {`'\x89504e470d0a1a0a0000000d'::bytea || convert_to('ada@example.org', 'UTF8')`, false},
		"a text with a zero far behind":   {`convert_to(repeat('x', 2000), 'UTF8') || '\x00'::bytea || convert_to(' ada@example.org', 'UTF8')`, true},
		"a long text, which nobody reads": {`convert_to(repeat('x', 1100000) || ' ada@example.org', 'UTF8')`, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, twoPeople+`
CREATE DOMAIN blob AS bytea; CREATE TABLE cards (id int PRIMARY KEY, card bytea, other blob); INSERT INTO cards VALUES (1, `+c.value+`, NULL), (2, NULL, `+c.value+`)`, dataset)
			ada := email("ada@example.org")
			if done := s.erase("run-1", ada); !done.OK {
				t.Fatalf("%s: %s", done.Reason, done.Message)
			}
			for _, part := range []string{"people were found in public.cards", "bytes are searched only where they are text of at most 1 MiB: public.cards.card, public.cards.other"} {
				if said := strings.Contains(s.planned.Message, part); said != (c.found || strings.HasPrefix(part, "bytes")) {
					t.Errorf("plan says %q", s.planned.Message)
				}
			}
			switch o := s.verify(ada); {
			case !c.found && !o.OK:
				t.Errorf("%s: %s", o.Reason, o.Message)
			case c.found && (o.Reason != task.Contradicted || !strings.HasPrefix(o.Message, "People were found again: 2 rows in public.cards")):
				t.Errorf("OK %v %s %q", o.OK, o.Reason, o.Message)
			}
		})
	}
}
