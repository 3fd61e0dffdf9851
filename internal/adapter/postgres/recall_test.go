package postgres_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/erasure/restore"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

// TestAPersonWhoComesBackWithABackupIsFoundAndErasedAgain: a base backup is taken, a person is erased, and the backup is restored.
// The scan sees that the ledger forgot the request; the replay finds the person by keyed hashes alone, erases them and nobody
// else, and the next scan misses nothing.
func TestAPersonWhoComesBackWithABackupIsFoundAndErasedAgain(t *testing.T) {
	s := newStore(t, heldSQL, heldDataset)
	ring := ringOf(t)
	ada := email("ada@example.org")
	if o := s.erase("run-0", email("nobody@example.org")); !o.OK { // in the backup too
		t.Fatalf("%+v", o)
	}
	s.sql("UPDATE rempart.ledger SET request_uids = '{older}'")
	before := s.scan()
	bringBack := server.Restore(t)
	if o := s.erase("run-1", ada); !o.OK {
		t.Fatalf("%+v", o)
	}
	s.want("0", "SELECT count(*) FROM customers WHERE email = 'ada@example.org'")
	ended := func(uids ...string) task.Task {
		scan := s.task("")
		scan.Ended = uids
		return scan
	}
	if o := s.engine(s.verifier).Scan(t.Context(), ended("older", "request-0")); !o.OK || o.LostTotal != 0 {
		t.Fatalf("before the restore: %+v", o)
	}

	back := bringBack()
	old, err := pgx.Connect(t.Context(), back.URL(s.name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = old.Close(t.Context()) })
	again := *s
	again.db = old
	engine := func(as postgres.Login) *postgres.Engine {
		e := again.engine(as)
		e.Config.Connection.Port = back.Port
		return e
	}
	again.want("1", "SELECT count(*) FROM customers WHERE email = 'ada@example.org'")
	eve := again.sum("SELECT * FROM customers WHERE id = 2") + again.sum("SELECT * FROM orders WHERE customer = 2")

	o := engine(s.verifier).Scan(t.Context(), ended("older", "request-0"))
	if kind := restore.Kind(before.Identity, o.Identity, o.LedgerBlank); kind != v1alpha1.RestoreSameServer {
		t.Errorf("what is seen of the restore is %s: files that start where they were copied begin no timeline", kind)
	}
	if !o.OK || o.LostTotal != 1 || !slices.Equal(o.Lost, []string{"request-0"}) || o.Identity == "" || before.Identity == "" {
		t.Fatalf("after the restore: %+v", o)
	}
	work := s.task("run-2")
	work.Epoch = time.Now().UnixMilli()
	work.Requests = []task.Request{{UID: "request-0", Recall: ring.Recall("shop", ada)}}
	work.RecallKeys = ring.RecallKeys("shop")
	work.Connection.Port = back.Port
	people, err := engine(s.eraser).Recall(t.Context(), work)
	if err != nil || len(people) != 1 || people[0].MAC([]byte("x")) != ada.MAC([]byte("x")) {
		t.Fatalf("recalled %d people: %v", len(people), err)
	}
	if o := engine(s.eraser).Erase(t.Context(), work, people); !o.OK {
		t.Fatalf("%s: %s", o.Reason, o.Message)
	}
	if o := engine(s.verifier).Verify(t.Context(), work, people); !o.OK {
		t.Errorf("%s: %s", o.Reason, o.Message)
	}
	if gone, err := engine(s.verifier).Recall(t.Context(), work); err != nil || len(gone[0].Kinds()) > 0 {
		t.Errorf("the person is still there: %v", err)
	}
	again.want("0", "SELECT count(*) FROM customers WHERE email = 'ada@example.org'")
	if eve != again.sum("SELECT * FROM customers WHERE id = 2")+again.sum("SELECT * FROM orders WHERE customer = 2") {
		t.Error("another person's rows changed")
	}
	if o := engine(s.verifier).Scan(t.Context(), ended("older", "request-0")); !o.OK || o.LostTotal != 0 {
		t.Errorf("after the replay: %+v", o)
	}
	if text, err := json.Marshal(work); err != nil || strings.Contains(string(text), "ada@") {
		t.Error("the task holds the person")
	}
}

// TestALostLedgerLooksLikeNoRestore: somebody is erased and comes back by themselves; then the ledger is emptied, or dropped. The scan
// says that the ledger is blank, and that it is the same database.
func TestALostLedgerLooksLikeNoRestore(t *testing.T) {
	s := newStore(t, heldSQL, heldDataset)
	if o := s.erase("run-0", email("ada@example.org")); !o.OK {
		t.Fatalf("%+v", o)
	}
	scan := s.task("")
	scan.Ended = []string{"request-0"}
	before := s.engine(s.verifier).Scan(t.Context(), scan)
	if !before.OK || before.LostTotal != 0 || before.LedgerBlank || strings.Count(before.Identity, "/") != 2 {
		t.Fatalf("before: %+v", before)
	}
	s.sql("TRUNCATE rempart.ledger")
	if o := s.engine(s.verifier).Scan(t.Context(), scan); !o.OK || o.LostTotal != 1 || !o.LedgerBlank || restore.Kind(before.Identity, o.Identity, o.LedgerBlank) != v1alpha1.RestoreSameServer {
		t.Errorf("emptied: %+v", o)
	}
}

func ringOf(t *testing.T) subjectkey.Ring {
	t.Helper()
	data, err := subjectkey.Data(bytes.Repeat([]byte{7}, subjectkey.Size))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := subjectkey.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// TestARecallFindsPeopleInEverySpellingAndKind: what is compared is the normalised form, in columns of text, numbers and UUIDs.
func TestARecallFindsPeopleInEverySpellingAndKind(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id bigint PRIMARY KEY, email text, phone text, device uuid);
INSERT INTO people VALUES (17, 'Ada@Example.ORG', '+33 6 12 34 56 78', 'd1a1b4c2-0000-4000-8000-000000000001'), (18, NULL, '33 612345679', NULL), (19, '', 'x', NULL);`, `
tables:
- name: people
  onErasure: DeleteRows
  subjectKeys: [{column: id, identifier: CustomerID}, {column: email, identifier: Email}, {column: phone, identifier: Phone}, {column: device, identifier: DeviceID}]`)
	ring := ringOf(t)
	for name, who := range map[string]subject.Subject{
		"an address": email("ada@example.org"), "a number": person("customerID", "17"), "a telephone": person("phone", "+33612345678"),
		"a device": person("deviceID", "d1a1b4c2-0000-4000-8000-000000000001"), "a telephone without its plus": person("phone", "+33612345679"), "several": person("email", "ada@example.org", "customerID", "17"),
	} {
		work := s.task("", who)
		work.Requests[0].Recall, work.RecallKeys = ring.Recall("shop", who), ring.RecallKeys("shop")
		people, err := s.engine(s.eraser).Recall(t.Context(), work)
		if err != nil || len(people[0].Kinds()) != len(who.Kinds()) {
			t.Errorf("%s: %v", name, err)
		}
		work.RecallKeys = ring.RecallKeys("elsewhere")
		if people, err := s.engine(s.eraser).Recall(t.Context(), work); err != nil || len(people[0].Kinds()) > 0 {
			t.Errorf("%s: found under the key of another namespace: %v", name, err)
		}
	}
}

// TestARecallFindsPeopleInArrays: each element is compared, of a column and within JSON.
func TestARecallFindsPeopleInArrays(t *testing.T) {
	s := newStore(t, `
CREATE TABLE teams (id int PRIMARY KEY, mails text[], doc jsonb);
INSERT INTO teams VALUES (1, '{bob@example.org,NULL,"Ada@Example.ORG"}', '[{"phone": "+33 6 12 34 56 78"}, null, 7]'), (2, NULL, '{}');`, `
tables:
- name: teams
  onErasure: DeleteRows
  subjectKeys: [{column: mails, identifier: Email}, {column: doc, path: ["*", phone], identifier: Phone}]`)
	ring := ringOf(t)
	for name, who := range map[string]subject.Subject{"an address": email("ada@example.org"), "a telephone": person("phone", "+33612345678")} {
		work := s.task("", who)
		work.Requests[0].Recall, work.RecallKeys = ring.Recall("shop", who), ring.RecallKeys("shop")
		if people, err := s.engine(s.eraser).Recall(t.Context(), work); err != nil || len(people[0].Kinds()) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOneWhoComesBackByATelephoneAlone is erased with it as at first; one who gave an address too, which is not there any more, leaves
// the rows of the office's others.
func TestOneWhoComesBackByATelephoneAlone(t *testing.T) {
	ada := person("email", "ada@example.org", "phone", "+33147427171")
	for name, c := range map[string]struct {
		who          subject.Subject
		gone, erased string
	}{
		"all that was given":                    {who: person("phone", "+33147427171"), erased: "0 public.calls DeleteRows 3\n0 public.staff DeleteRows 4"},
		"all that is left":                      {who: ada, gone: "DELETE FROM calls WHERE staff = 1; DELETE FROM staff WHERE id = 1", erased: "0 public.calls DeleteRows 1\n0 public.staff DeleteRows 2"},
		"beside the address":                    {who: ada, erased: "0 public.calls DeleteRows 2\n0 public.staff DeleteRows 3"},
		"given with another than an address":    {who: person("accountID", "x", "phone", "+33147427171"), erased: "0 public.calls DeleteRows 1\n0 public.staff DeleteRows 2"},
		"a number that nobody has any more too": {who: ada, gone: "DELETE FROM calls; DELETE FROM staff WHERE id < 5"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, office, officeDataset)
			if c.gone != "" {
				s.sql(c.gone)
			}
			ring := ringOf(t)
			work := s.task("run-1", c.who)
			work.Requests[0].Recall, work.RecallKeys = ring.Recall("shop", c.who), ring.RecallKeys("shop")
			people, err := s.engine(s.eraser).Recall(t.Context(), work)
			if err != nil {
				t.Fatal(err)
			}
			done := s.engine(s.eraser).Erase(t.Context(), work, people)
			if !done.OK || counts(done) != c.erased {
				t.Errorf("%s %s\n%s\nwant\n%s", done.Reason, done.Message, counts(done), c.erased)
			}
			if o := s.engine(s.verifier).Verify(t.Context(), work, people); !o.OK {
				t.Errorf("%s: %s", o.Reason, o.Message)
			}
			s.want("1", "SELECT count(*) FROM staff WHERE id = 5")
		})
	}
}
