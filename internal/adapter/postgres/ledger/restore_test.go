package ledger_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/consent"
)

// tool runs a program of PostgreSQL as the superuser, and returns what it writes.
func tool(t *testing.T, input []byte, name string, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(server.Bin, name), append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(int(server.Port)), "-U", postgrestest.Superuser}, args...)...)
	command.Env = append(command.Environ(), "PGPASSWORD="+postgrestest.Password)
	command.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, complaint.String())
	}
	return out
}

// TestARestoredDumpRevivesNobody takes a dump with pg_dump, forgets a person, loses the database, and restores the dump into another one:
// the person is unknown before anybody can ask, and nobody else is.
func TestARestoredDumpRevivesNobody(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	l := open(t, c)
	gone := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	joined := act(t, l, ledgertest.Act(ledgertest.Visitor(2), "two"))
	act(t, l, ledgertest.Act(ledgertest.Visitor(3), "three"))
	if err := l.Link(t.Context(), ledgertest.Visitor(1), ledgertest.Visitor(2)); err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	dump := tool(t, nil, "pg_dump", "--format=custom", s.name)
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(2), ""); err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	outside := head(t, l)
	marks, to, err := l.Forgotten(t.Context(), 0)
	if err != nil || len(marks) != 2 || to != outside.Size {
		t.Fatalf("%d marks up to %d of %d, %v", len(marks), to, outside.Size, err)
	}
	for _, mark := range marks {
		for _, reference := range []uuid.UUID{gone.Subject, joined.Subject} {
			if bytes.Contains(mark[:], reference[:4]) {
				t.Error("a mark shows a reference")
			}
		}
	}
	for _, pool := range []interface{ Close() }{c.App, c.Seq, c.Prune} {
		pool.Close()
	}

	name, admin := server.Database(t)
	tool(t, dump, "pg_restore", "--dbname="+name, "--exit-on-error")
	restored := &store{name: name, admin: admin, dial: s.dial}
	if err := ledger.Migrate(t.Context(), admin, ledger.Passwords{}); err != nil { // as each start of a pod does
		t.Fatal(err)
	}
	known := restored.config(t, c.Tenant)
	if decisions(t, open(t, known), ledgertest.Visitor(1)) == "" {
		t.Fatal("the dump has nobody to revive")
	}
	known.Outside, known.Marks = outside.Note, func() ([]consent.Mark, error) { return marks, nil }
	again := open(t, known)
	for _, visitor := range []int{1, 2} {
		if got := decisions(t, again, ledgertest.Visitor(visitor)); got != "" {
			t.Errorf("visitor %d was revived: %s", visitor, got)
		}
		if _, err := again.Events(t.Context(), ledgertest.Visitor(visitor)); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("visitor %d is known: %v", visitor, err)
		}
	}
	if n := restored.count(t, "SELECT count(*) FROM consent.subject_keys WHERE wrapped_key IS NOT NULL"); n != 1 {
		t.Errorf("%d keys are there", n)
	}
	for _, r := range []consent.Recorded{gone, joined} {
		events, err := again.Receipt(t.Context(), r.Receipt)
		if err != nil || events[0].Evidence != nil {
			t.Errorf("their evidence is back: %v", err)
		}
	}
	if decisions(t, again, ledgertest.Visitor(3)) == "" {
		t.Error("somebody else was forgotten")
	}
	if _, err := again.Sequencer.Step(t.Context()); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("the older copy was signed on: %v", err)
	}
	if back := act(t, again, ledgertest.Act(ledgertest.Visitor(1), "back")); back.Subject == gone.Subject {
		t.Error("who comes again is who they were")
	}
	third := open(t, known)
	if decisions(t, third, ledgertest.Visitor(1)) == "" {
		t.Error("who came again by themselves was forgotten with who they were")
	}
	if n := restored.count(t, "SELECT count(*) FROM consent.events WHERE type = 'subject.shredded'"); n != 2 {
		t.Errorf("forgotten %d times", n)
	}
}

// TestACopyThatIsPutBackUnderARunningServiceRevivesNobody has no start: the sequencer sees that the log has become shorter.
func TestACopyThatIsPutBackUnderARunningServiceRevivesNobody(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	var marks []consent.Mark
	c.Marks = func() ([]consent.Mark, error) { return marks, nil }
	l := open(t, c)
	act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	sequence(t, l)
	s.remember(t)
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	var err error
	if marks, _, err = l.Forgotten(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	s.putBack(t)
	for range 2 {
		if _, err := l.Sequencer.Step(t.Context()); !errors.Is(err, consent.ErrContradicted) {
			t.Errorf("the older copy was signed on: %v", err)
		}
		if got := decisions(t, l, ledgertest.Visitor(1)); got != "" {
			t.Errorf("somebody was revived: %s", got)
		}
	}
}

// TestPagesOfTheForgottenLeaveNobodyOut asks from each place on.
func TestPagesOfTheForgottenLeaveNobodyOut(t *testing.T) {
	_, l := fresh(t)
	for i := range 3 {
		act(t, l, ledgertest.Act(ledgertest.Visitor(i), strconv.Itoa(i)))
		if _, err := l.Shred(t.Context(), ledgertest.Visitor(i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if marks, to, err := l.Forgotten(t.Context(), 0); err != nil || len(marks) != 0 || to != 0 {
		t.Errorf("before the log has them: %d up to %d, %v", len(marks), to, err)
	}
	sequence(t, l)
	for from, want := range []int{3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0} {
		marks, to, err := l.Forgotten(t.Context(), int64(from))
		if err != nil || len(marks) != want || to != max(12, int64(from)) {
			t.Errorf("from %d: %d up to %d, %v", from, len(marks), to, err)
		}
	}
}
