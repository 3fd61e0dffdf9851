package plan

import (
	"strings"
	"testing"
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
