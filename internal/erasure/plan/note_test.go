package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAsManyNamesAsFitAreWritten(t *testing.T) {
	names := []string{"alpha", "beta", "gamma"}
	for most, want := range map[int]string{1: "alpha and 2 more", 17: "alpha and 2 more", 18: "alpha, beta, gamma", 22: "alpha, beta, gamma"} {
		if got := Fit(names, most); got != want {
			t.Errorf("%d bytes: %q, want %q", most, got, want)
		}
	}
	if got := Fit(append(names, "delta", "epsilon"), 22); got != "alpha, beta and 3 more" {
		t.Errorf("%q", got)
	}
	if got := Fit(nil, 10); got != "" {
		t.Errorf("%q", got)
	}
}

func TestWhatIsRefusedInSeveralTablesIsToldAtOnce(t *testing.T) {
	_, err := New(dataset(t, `
tables:
- {name: users, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}], onErasure: MaskColumns}
- {name: notes, subjectKeys: [{column: email, identifier: Email}], onErasure: MaskColumns, columns: [{name: email, mask: Default}]}`), tables("users: id! email!", "notes: id! email!"))
	if err == nil {
		t.Fatal("planned")
	}
	for _, part := range []string{"public.users.email is NOT NULL", "public.notes.email is NOT NULL"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestAPlanSaysWhatStaysInRowsThatStay(t *testing.T) {
	schema := tables("people: id! shop>shops.id email seen full_name iban street upper", "shops: id! name", "notes: id! person>people.id body kind reply_email", "bills: id! email issued full_name",
		"gone: id! email full_name", "wide: id! email "+strings.Repeat("a_column_of_many ", 30), "tidy: id! email name")
	schema.Table("public", "bills").Column("issued").Class = Date
	upper := schema.Table("public", "people").Column("upper")
	upper.Computed, upper.From = true, []string{"full_name"}
	for i := range schema.Table("public", "wide").Columns {
		if c := &schema.Table("public", "wide").Columns[i]; i > 1 {
			c.Name += string(rune('A' + i))
		}
	}
	p, err := New(dataset(t, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}], onErasure: MaskColumns}
- {name: notes, columns: [{name: body}], detach: [person], onErasure: Detach}
- {name: bills, subjectKeys: [{column: email, identifier: Email}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued}}
- {name: gone, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: wide, subjectKeys: [{column: email, identifier: Email}], onErasure: MaskColumns, columns: [{name: email}]}
- {name: tidy, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}, {name: name}], onErasure: MaskColumns}`), schema)
	if err != nil {
		t.Fatal(err)
	}
	stays := slices.DeleteFunc(slices.Clone(p.Notes), func(n string) bool { return !strings.Contains(n, " stay with ") })
	want := []string{
		"rows of public.notes stay with what is in reply_email, kind, of which the register says nothing",
		"rows of public.people stay with what is in full_name, iban, street, seen, of which the register says nothing",
		"rows of public.bills stay with what is in full_name, of which the register says nothing",
		"rows of public.wide stay with what is in a_column_of_manyC, a_column_of_manyD, a_column_of_manyE, a_column_of_manyF, a_column_of_manyG, a_column_of_manyH, a_column_of_manyI and 23 more, of which the register says nothing",
	}
	if diff := cmp.Diff(want, stays); diff != "" {
		t.Error(diff)
	}
}
