package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// halfMasked is a table of which the register declares the address alone.
const halfMasked = `
CREATE TABLE people (id int PRIMARY KEY, email text, full_name text, birth_date date, iban text, street text, created_at timestamptz);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada L.', '1990-12-10', 'FR7630006000011234567890189', 'Rue A', now());`

const masksAddress = `tables: [{name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}], onErasure: MaskColumns}]`

func TestAScanFindsWhatWouldStayOfAPerson(t *testing.T) {
	s := newStore(t, halfMasked+`CREATE TABLE files (id int PRIMARY KEY, filename text, hostname text, name text);`, masksAddress)
	want := []string{"public.people.birth_date", "public.people.full_name", "public.people.iban", "public.people.street"}
	if o := s.scan(); !o.OK || o.Reason != task.Undeclared || o.UndeclaredTables != 0 || o.UndeclaredColumns != 4 || !slices.Equal(o.Names, want) {
		t.Errorf("%+v", o)
	}
	s.dataset.Tables[0].OnErasure, s.dataset.Tables[0].Columns = "DeleteRows", nil
	if o := s.scan(); !o.OK || o.Reason != task.Accurate {
		t.Errorf("%+v", o)
	}
}

func TestAPlanSaysWhatWouldStayOfAPerson(t *testing.T) {
	s := newStore(t, halfMasked, masksAddress)
	s.erased("0 public.people MaskColumns 1", email("ada@example.org"))
	s.want("Ada L.", "SELECT full_name FROM people")
	if want := "rows of public.people stay with what is in full_name, birth_date, iban, street, created_at, of which the register says nothing"; !strings.HasPrefix(s.planned.Message, want) {
		t.Errorf("%q", s.planned.Message)
	}
}
