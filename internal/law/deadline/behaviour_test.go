package deadline

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// elsewhere is where the rows of deadline_behaviour_tests.csv are tested that are about what a request or an incident must hold.
var elsewhere = map[string]string{
	"X04": "internal/webhook/erasurerequest/behaviour_test.go", "X05": "internal/webhook/erasurerequest/behaviour_test.go",
	"X10": "internal/breach/behaviour_test.go", "X11": "internal/breach/behaviour_test.go", "X13": "test/api/api_test.go",
	"X16": "internal/erasure/behaviour_test.go", "X17": "internal/erasure/behaviour_test.go",
}

// unbuilt are the rows of which the product does nothing: X14, for an incident does not say in which states its people live.
var unbuilt = []string{"X14"}

// behaviours are the rows that are arithmetic of periods.
var behaviours = map[string]func(t *testing.T){
	// The extension was told before the first limit, 2026-03-02: three months from receipt.
	"X01": func(t *testing.T) {
		first, extended := extension(t)
		equal(t, "first last day", first.LastDayOn.String(), "2026-03-02")
		if first.LegalLimitPassed(instant(t, "2026-03-01T12:00:00Z")) {
			t.Error("a notice of 1 March is in time")
		}
		equal(t, "new last day", extended.LastDayOn.String(), "2026-04-30")
	},
	// One day later it extends nothing: the limit passed at the end of 2026-03-02.
	"X02": func(t *testing.T) {
		first, _ := extension(t)
		if !first.LegalLimitPassed(instant(t, "2026-03-03T00:00:00+01:00")) || first.LegalLimitPassed(instant(t, "2026-03-02T23:59:59+01:00")) {
			t.Errorf("the limit is the end of 2 March, not %s", first.LegalDueTime)
		}
	},
	// A question asked 21 days after receipt pauses nothing.
	"X07": func(t *testing.T) {
		received := instant(t, "2026-09-01T10:00:00Z")
		if timely, err := Timely(received, received.Add(21*24*time.Hour), "P7D", load(t, "Europe/Paris")); err != nil || timely {
			t.Errorf("timely %v, %v", timely, err)
		}
	},
	// The controller's clock starts when it is told, Wednesday 09:20: strictly from then, legally from 10:00.
	"X08": func(t *testing.T) {
		zone := load(t, "Europe/Paris")
		told := Hours(instant(t, "2026-09-09T09:20:00+02:00"), 72, zone)
		equal(t, "counted from", told.CountedFrom.In(zone).Format("Mon 15:04"), "Wed 10:00")
		equal(t, "safe", told.DueTime.In(zone).Format("Mon 15:04"), "Sat 09:20")
		equal(t, "legal", told.LegalDueTime.In(zone).Format("Mon 15:04"), "Sat 10:00")
	},
}

func extension(t *testing.T) (first, extended Deadline) {
	t.Helper()
	var err error
	received, zone := instant(t, "2026-01-31T10:00:00Z"), load(t, "Europe/Paris")
	if first, err = Calendar(received, "P1M", zone, holidays(t, "FR"), nil); err != nil {
		t.Fatal(err)
	}
	if extended, err = Calendar(received, "P3M", zone, holidays(t, "FR"), nil); err != nil {
		t.Fatal(err)
	}
	return first, extended
}

func TestEveryBehaviourRow(t *testing.T) {
	rows := golden(t, "deadline_behaviour_tests.csv")
	if want := len(behaviours) + len(elsewhere) + len(unbuilt); len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
	for _, row := range rows {
		id := row["id"]
		if check, is := behaviours[id]; is {
			t.Run(id+" "+row["given"], check)
			continue
		}
		if slices.Contains(unbuilt, id) {
			continue
		}
		text, err := os.ReadFile("../../../" + elsewhere[id])
		if err != nil || !strings.Contains(string(text), "func Test"+id) {
			t.Errorf("%s is tested nowhere: %v", id, err)
		}
	}
}
