package postgres_test

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// shop has a person's own row, a table that says more of them, and second copies that carry no identifier.
const shop = `
CREATE TABLE customers (id int PRIMARY KEY, email text UNIQUE, name text, city text, phone text, status text, profile jsonb);
CREATE TABLE addresses (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, street text NOT NULL);
CREATE INDEX ON addresses (customer);
CREATE TABLE orders (id int PRIMARY KEY, ship_name text, ship_street text, ship_city text, state text);
CREATE TABLE audit (id int PRIMARY KEY, change jsonb);
CREATE TABLE tickets (id int PRIMARY KEY, body text);
CREATE TABLE labels (id int PRIMARY KEY, lines text[], code text);
CREATE TABLE states (name text PRIMARY KEY);
INSERT INTO customers VALUES (1, 'ada@example.org', 'Ada King-Noel', 'Frankfurt am Main', '+33 6 12 34 56 78', 'confirmed', '{"nick": "the enchantress", "other": "ada.king@work.example"}'),
 (2, 'bob@example.org', 'Bob Baumeister', 'Frankfurt am Main', '+33 6 99 88 77 66', 'confirmed', '{"nick": "builder"}');
INSERT INTO addresses VALUES (1, 1, '12, rue de l''Université'), (2, 2, '7, chemin des Dames');
INSERT INTO orders VALUES (1, 'ADA KING-NOEL ', 'Via Roma 1', 'Frankfurt am Main', 'confirmed'), (2, 'Bob Baumeister', '7, chemin des Dames', 'Frankfurt am Main', 'confirmed'), (3, 'A. K.', '12, rue de l''Université', 'Wien', 'confirmed');
INSERT INTO audit VALUES (1, '{"old": {"street": "12, rue de l''Université", "zip": 75007}}'), (2, '{"old": {"street": "7, chemin des Dames"}}');
INSERT INTO tickets VALUES (1, 'please call +33612345678 before noon'), (2, 'please call +33699887766'), (3, 'wrote from Ada.King@work.example, again');
INSERT INTO labels VALUES (1, '{"The Enchantress","c/o somebody"}', 'x'), (2, '{builder}', 'y');
INSERT INTO states VALUES ('confirmed'), ('cancelled');`

const shopped = `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: addresses, onErasure: DeleteRows}`

// salted is the task of a run with a secret.
func (s *store) salted(run string, people ...subject.Subject) task.Task {
	t := s.task(run, people...)
	t.Salt = bytes.Repeat([]byte{7}, task.SaltSize)
	return t
}

// gone erases with a secret.
func (s *store) gone(run string, people ...subject.Subject) task.Outcome {
	s.Helper()
	t := s.salted(run, people...)
	planned := s.plan(people...)
	t.PlanDigest = planned.PlanDigest
	o := s.engine(s.eraser).Erase(s.Context(), t, people)
	if !planned.OK || !o.OK {
		s.Fatalf("plan: %s %s; erase: %s %s", planned.Reason, planned.Message, o.Reason, o.Message)
	}
	return o
}

// looked verifies with the run's secret, on a new connection.
func (s *store) looked(run string, people ...subject.Subject) task.Outcome {
	return s.engine(s.verifier).Verify(s.Context(), s.salted(run, people...), people)
}

// copies compares the second copies that the verifier names.
func (s *store) copies(o task.Outcome, want ...string) {
	s.Helper()
	if !o.OK || strings.Join(o.Names, " ") != strings.Join(want, " ") {
		s.Errorf("verify: %v %s %q names %v, want %v", o.OK, o.Reason, o.Message, o.Names, want)
	}
}

func TestSecondCopiesOfDestroyedValuesAreNamed(t *testing.T) {
	s := newStore(t, shop, shopped)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.want("true", "SELECT count(*) > 0 FROM rempart.destroyed WHERE run_uid = 'run-1'")
	s.want("0", "SELECT count(*) FROM rempart.destroyed d WHERE d::text ILIKE '%noel%' OR d::text ILIKE '%universit%' OR d::text LIKE '%612345678%'")
	o := s.looked("run-1", ada)
	s.copies(o, "public.audit.change", "public.labels.lines", "public.orders.ship_name", "public.orders.ship_street", "public.tickets.body")
	for _, part := range []string{"also in public.audit.change, public.labels.lines, public.orders.ship_name", "were looked for, and"} {
		if !strings.Contains(o.Message, part) {
			t.Errorf("%q lacks %q", o.Message, part)
		}
	}
	for _, secret := range []string{"noel", "universit", "Frankfurt", "612345678"} {
		if strings.Contains(strings.ToLower(fmt.Sprintf("%+v", o)), strings.ToLower(secret)) {
			t.Errorf("the answer has a value: %+v", o)
		}
	}
}

// What others have in the same column says nothing of a person, and neither does a street that two of one run shared with somebody.
func TestValuesThatOthersHaveAreNotLookedFor(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, street text, city text);
CREATE TABLE deliveries (id int PRIMARY KEY, street text, city text, name text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada Lovelace', 'Am Alten Markt 3', 'Friedrichshafen'), (2, 'bea@example.org', 'Bea Lovelace', 'Am Alten Markt 3', 'Friedrichshafen'),
 (3, 'cy@example.org', 'Cy Lovelace', 'Am Alten Markt 3', 'Konstanz am See'), (4, 'dan@example.org', 'Dan Short', 'Weg 5', 'Ulm');
INSERT INTO deliveries VALUES (1, 'Am Alten Markt 3', 'Friedrichshafen', 'Cy Lovelace'), (2, 'Weg 5', 'Ulm', 'x');`, deletesPeople)
	ada, bea := email("ada@example.org"), email("bea@example.org")
	s.gone("run-1", ada, bea)
	o := s.looked("run-1", ada, bea)
	s.copies(o, "public.deliveries.city") // nobody lives there any more; the street is still Cy's
	if !strings.Contains(o.Message, "3 were looked for, and 1 were not") {
		t.Error(o.Message)
	}
	cy := email("cy@example.org")
	s.gone("run-2", cy)
	s.copies(s.looked("run-2", cy), "public.deliveries.name", "public.deliveries.street")
	dan := email("dan@example.org")
	s.gone("run-3", dan)
	s.copies(s.looked("run-3", dan))
}

// A value that is back where it was destroyed is a contradiction, also of a row by which nobody is found any more.
func TestAValueThatIsBackInItsPlaceContradicts(t *testing.T) {
	const people = `
CREATE TABLE people (id int PRIMARY KEY, email text, name text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada Lovelace'), (2, 'bob@example.org', 'Bob Baumeister');`
	masked := func(mask string) string {
		return strings.Replace(deletesPeople, "onErasure: DeleteRows", "columns: [{name: name, "+mask+"}], onErasure: MaskColumns", 1)
	}
	nulls, masks := masked(`mask: "Null"`), masked("mask: Constant, constant: somebody")
	for name, c := range map[string]struct {
		dataset, after string
		contradicted   bool
	}{
		"deleted and back":      {deletesPeople, "INSERT INTO people VALUES (1, NULL, 'Ada Lovelace')", true},
		"masked and undone":     {nulls, "UPDATE people SET name = 'Ada Lovelace' WHERE id = 1", true},
		"masked":                {masks, "", false},
		"another of that name":  {deletesPeople, "INSERT INTO people VALUES (3, 'other@example.org', 'Ada Lovelace')", false},
		"another with that key": {deletesPeople, "INSERT INTO people VALUES (1, 'other@example.org', 'Another Person')", false},
		"masked before":         {masks, "UPDATE people SET name = 'somebody'", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, people, c.dataset)
			ada := email("ada@example.org")
			s.gone("run-1", ada)
			s.sql(c.after)
			o := s.looked("run-1", ada)
			if c.contradicted != (o.Reason == task.Contradicted) || c.contradicted == o.OK || !c.contradicted && len(o.Names) > 0 {
				t.Errorf("%v %s %q %v", o.OK, o.Reason, o.Message, o.Names)
			}
			if c.contradicted && (len(o.Names) != 1 || o.Names[0] != "public.people") {
				t.Errorf("names %v", o.Names)
			}
		})
	}
}

// A value that was the constant of its mask before is not destroyed, and so not back.
func TestAMaskThatWasThereBeforeIsNoContradiction(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, nick text DEFAULT 'some nickname');
INSERT INTO people VALUES (1, 'ada@example.org', 'Somebody Else', 'some nickname');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: name, mask: Constant, constant: somebody else}, {name: nick, mask: Default}], onErasure: MaskColumns}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada))
}

// A pod that is lost after the commit loses nothing: the next one finds the hashes, since they came with the commit.
func TestALostPodStillFindsWhatItDestroyed(t *testing.T) {
	s := newStore(t, shop, shopped)
	ada := email("ada@example.org")
	done := s.gone("run-1", ada)
	again := s.salted("run-1", ada)
	again.PlanDigest = done.PlanDigest
	if o := s.engine(s.eraser).Erase(t.Context(), again, []subject.Subject{ada}); !o.OK || !o.Replayed {
		t.Fatalf("%+v", o)
	}
	s.sql("DELETE FROM orders; DELETE FROM audit; DELETE FROM labels")
	s.copies(s.looked("run-1", ada), "public.tickets.body")
	s.copies(s.looked("run-1", ada), "public.tickets.body")
	other := s.salted("run-1", ada)
	other.Salt = bytes.Repeat([]byte{8}, task.SaltSize)
	if o := s.engine(s.verifier).Verify(t.Context(), other, []subject.Subject{ada}); !o.OK || !strings.Contains(o.Message, "secret was lost") {
		t.Errorf("%+v", o)
	}
	s.want("0", "SELECT count(*) FROM rempart.destroyed WHERE hashes && ARRAY[substr(sha256('ada king-noel'), 1, 16)]")
}

// A failure before the commit leaves no hashes either.
func TestHashesComeWithTheCommit(t *testing.T) {
	s := newStore(t, shop, shopped)
	ada := email("ada@example.org")
	work := s.salted("run-1", ada)
	work.PlanDigest = s.plan(ada).PlanDigest
	e := s.engine(s.eraser)
	e.Hook = func(_ context.Context, stage string) error {
		if stage == "commit" {
			return errors.New("stop")
		}
		return nil
	}
	if o := e.Erase(t.Context(), work, []subject.Subject{ada}); o.OK {
		t.Fatal("it committed")
	}
	s.want("0", "SELECT count(*) FROM rempart.destroyed")
	work.Salt = nil
	if o := s.engine(s.eraser).Erase(t.Context(), work, []subject.Subject{ada}); !o.OK {
		t.Fatalf("%+v", o)
	}
	s.want("0", "SELECT count(*) FROM rempart.destroyed")
}

// A store that was prepared before there was a table for hashes is erased as before, and the verifier says what it lacks.
func TestAStoreWithoutATableForHashesSaysSo(t *testing.T) {
	for name, sql := range map[string]string{
		"no table":  "DROP TABLE rempart.destroyed",
		"no right":  "REVOKE ALL ON rempart.destroyed FROM ERASER, VERIFIER",
		"no schema": "REVOKE ALL ON SCHEMA rempart FROM VERIFIER",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, shop, shopped)
			s.sql(strings.NewReplacer("ERASER", s.eraser.Username, "VERIFIER", s.verifier.Username).Replace(sql))
			if name != "no table" {
				s.sql("REVOKE pg_read_all_data FROM " + s.verifier.Username)
			}
			ada := email("ada@example.org")
			s.gone("run-1", ada)
			if o := s.looked("run-1", ada); !o.OK || !strings.Contains(o.Message, "kubectl gdpr grants") {
				t.Errorf("%+v", o)
			}
		})
	}
}

// An invoice that the law keeps rightly has the name, and does not hide that another table has it too.
func TestWhatIsKeptRightlyHasValues(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, name text);
CREATE TABLE invoices (id int PRIMARY KEY, email text, name text, country text, issued date);
CREATE TABLE archive (id int PRIMARY KEY, line text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada Lovelace');
INSERT INTO invoices VALUES (1, 'ada@example.org', 'Ada Lovelace', 'Liechtenstein', '2010-01-01'), (2, 'ada@example.org', 'Ada Lovelace', 'Liechtenstein', '2026-01-01'), (3, 'bob@example.org', 'Bob', 'Liechtenstein', '2026-01-01');
INSERT INTO archive VALUES (1, 'invoice 1, Ada Lovelace, Liechtenstein');`, deletesPeople+`
- {name: invoices, subjectKeys: [{column: email, identifier: Email}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued}}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	o := s.looked("run-1", ada)
	s.copies(o, "public.archive.line")
	if !strings.Contains(o.Message, "rightly in rows that are kept: public.invoices.name") {
		t.Error(o.Message)
	}
	s.sql("DELETE FROM archive")
	s.copies(s.looked("run-1", ada))
}

// TestTheRuleOfSecondCopies compares the verifier with the rule, over people who share names, streets and cities, and tables that have
// some of these.
func TestTheRuleOfSecondCopies(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, street text);
CREATE TABLE notes (id int, a text, b jsonb, c text[]);`, deletesPeople)
	pool := []string{"Ada Lovelace", "ADA LOVELACE", " ada lovelace", "Grace Hopper", "12, rue de la Paix", "12 rue de la Paix", "Straße des 17. Juni", "Ulm", "4711", "О́льга Петрова", `a "quoted" value`, "2026-11-30", ""}
	chance := rand.New(rand.NewPCG(1, 2))
	value := func() string { return pool[chance.IntN(len(pool))] }
	plain := func(text string) string { return strings.ToLower(strings.TrimSpace(text)) }
	for run := range 60 {
		uid, size := fmt.Sprint("run-", run), 2+chance.IntN(3)
		s.sql("TRUNCATE people, notes")
		var rows [][]string
		for i := range size {
			rows = append(rows, []string{value(), value()})
			s.sql("INSERT INTO people VALUES ($1, $2, $3, $4)", i, fmt.Sprintf("p%d@example.org", i), rows[i][0], rows[i][1])
		}
		noted := map[string]string{"public.notes.a": value(), "public.notes.b": value(), "public.notes.c": value()}
		s.sql("INSERT INTO notes VALUES (1, $1, jsonb_build_object('x', $2::text), ARRAY[$3::text, 'other'])", noted["public.notes.a"], noted["public.notes.b"], noted["public.notes.c"])
		var gone []subject.Subject
		for i := range 1 + chance.IntN(size-1) {
			gone = append(gone, email(fmt.Sprintf("p%d@example.org", i)))
		}
		s.gone(uid, gone...)
		o := s.looked(uid, gone...)
		has := func(rows [][]string, text string) bool {
			return slices.ContainsFunc(rows, func(row []string) bool { return plain(row[0]) == text || plain(row[1]) == text })
		}
		var want []string
		for place, text := range noted {
			text = plain(text)
			quoted := strings.Contains(text, `"`) && place != "public.notes.a" // in a structure its marks are written otherwise
			if says(text) && !quoted && has(rows[:len(gone)], text) && !has(rows[len(gone):], text) {
				want = append(want, place)
			}
		}
		slices.Sort(want)
		got := slices.DeleteFunc(slices.Clone(o.Names), func(place string) bool {
			return strings.Contains(noted[place], ",") && !slices.Contains(want, place) // rue de la paix, without its number
		})
		if !o.OK || !slices.Equal(got, want) {
			t.Fatalf("%s of %d: people %q, notes %q: names %v, want %v; %s", uid, len(gone), rows, noted, o.Names, want, o.Message)
		}
	}
}

// says is the rule of what says enough, for the values of the pool.
func says(text string) bool {
	return utf8.RuneCountInString(text) >= 8 && text != "2026-11-30"
}
