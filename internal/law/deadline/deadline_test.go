package deadline

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// golden reads a table of examples: one map per row, by column.
func golden(t *testing.T, name string) []map[string]string {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestEveryGoldenRow(t *testing.T) {
	rows := golden(t, "deadline_golden_tests.csv")
	if len(rows) != 18 {
		t.Fatalf("%d golden rows, want 18", len(rows))
	}
	for _, row := range rows {
		t.Run(row["id"]+" "+row["why"], func(t *testing.T) { checkGolden(t, row) })
	}
}

func checkGolden(t *testing.T, row map[string]string) {
	zone := load(t, row["tz"])
	amount, err := strconv.Atoi(row["amount"])
	if err != nil {
		t.Fatal(err)
	}
	if row["unit"] == "HOURS" {
		got := Hours(instant(t, row["event_instant_or_date"]), amount, zone)
		equal(t, "counted from", stamp(got.CountedFrom), row["period_counted_from"])
		equal(t, "legal due", stamp(got.LegalDueTime), row["expires_at_utc_exclusive"])
		equal(t, "due", stamp(got.DueTime), row["safe_internal_target"])
		return
	}
	day, err := ParseDate(row["event_instant_or_date"])
	if err != nil {
		t.Fatal(err)
	}
	period := fmt.Sprintf("P%d%c", amount, row["unit"][0])
	for _, hour := range []time.Duration{0, 12*time.Hour + 30*time.Minute, 23*time.Hour + 59*time.Minute} {
		got, err := Calendar(StartOfDay(day, zone).Add(hour), period, zone, holidays(t, row["holiday_country"]), nil)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "counted from", CivilDate(got.CountedFrom, zone).String(), row["period_counted_from"])
		equal(t, "raw end", got.RawEndOn.String(), row["raw_end"])
		equal(t, "last day", got.LastDayOn.String(), row["legal_last_day_or_end"])
		equal(t, "legal due", stamp(got.LegalDueTime), row["expires_at_utc_exclusive"])
		safe, err := ParseDate(row["safe_internal_target"])
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "due", stamp(got.DueTime), stamp(StartOfDay(safe.Plus(1), zone)))
	}
}

// TestTraps are the traps of deadline arithmetic, each by its name.
func TestTraps(t *testing.T) {
	month := func(start, zone, country string, pauses ...Pause) Deadline {
		got, err := Calendar(instant(t, start), "P1M", load(t, zone), holidays(t, country), pauses)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	t.Run("1: 31 January and a month is 28 or 29 February", func(t *testing.T) {
		equal(t, "2026", month("2026-01-31T09:00:00Z", "Europe/Paris", "FR").RawEndOn.String(), "2026-02-28")
		equal(t, "2028", month("2028-01-31T09:00:00Z", "Europe/Paris", "FR").RawEndOn.String(), "2028-02-29")
	})
	t.Run("2: thirteen months are not 396 days", func(t *testing.T) {
		end, err := Retention(instant(t, "2026-01-31T10:00:00Z"), "P13M", load(t, "Europe/Paris"))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "end", stamp(end), "2027-02-28T23:00:00Z")
	})
	t.Run("3: the day of receipt gives the day number", func(t *testing.T) {
		equal(t, "raw", month("2026-09-10T10:00:00Z", "Europe/Paris", "FR").RawEndOn.String(), "2026-10-10")
	})
	t.Run("4: the civil date of the controller counts, not the date in UTC", func(t *testing.T) {
		equal(t, "raw", month("2026-09-09T22:30:00Z", "Europe/Paris", "FR").RawEndOn.String(), "2026-10-10")
	})
	t.Run("5: a request at 23:59 on a Sunday starts on that day", func(t *testing.T) {
		equal(t, "raw", month("2026-06-14T21:59:00Z", "Europe/Paris", "FR").RawEndOn.String(), "2026-07-14")
	})
	t.Run("6: holidays are those of the given country", func(t *testing.T) {
		equal(t, "FR", month("2026-03-05T09:00:00Z", "Europe/Paris", "FR").LastDayOn.String(), "2026-04-07")
		equal(t, "PT", month("2026-03-05T09:00:00Z", "Europe/Lisbon", "PT").LastDayOn.String(), "2026-04-06")
	})
	t.Run("7 and 8: hours roll over nothing, and 72 elapsed hours end at another wall-clock hour in spring", func(t *testing.T) {
		got := Hours(instant(t, "2026-03-27T09:20:00Z"), 72, load(t, "Europe/Paris"))
		equal(t, "safe", got.DueTime.In(load(t, "Europe/Paris")).Format("01-02 15:04"), "03-30 11:20")
		equal(t, "limit", got.LegalDueTime.In(load(t, "Europe/Paris")).Format("01-02 15:04"), "03-30 12:00")
	})
	t.Run("8: the two half past twos of the autumn change are two instants", func(t *testing.T) {
		paris := load(t, "Europe/Paris")
		equal(t, "first", stamp(Hours(instant(t, "2026-10-25T00:30:00Z"), 72, paris).CountedFrom), "2026-10-25T01:00:00Z")
		equal(t, "second", stamp(Hours(instant(t, "2026-10-25T01:30:00Z"), 72, paris).CountedFrom), "2026-10-25T02:00:00Z")
	})
	t.Run("9: a midnight may be missing", func(t *testing.T) {
		azores := load(t, "Atlantic/Azores")
		equal(t, "start", stamp(StartOfDay(Date{2027, time.March, 28}, azores)), "2027-03-28T01:00:00Z")
		equal(t, "due", stamp(month("2027-02-27T10:00:00Z", "Atlantic/Azores", "PT").DueTime), "2027-03-28T01:00:00Z")
	})
	t.Run("9: a midnight may come twice, and a day may be left out", func(t *testing.T) {
		equal(t, "twice", stamp(StartOfDay(Date{2006, time.October, 29}, load(t, "America/St_Johns"))), "2006-10-29T02:30:00Z")
		equal(t, "left out", stamp(StartOfDay(Date{2011, time.December, 30}, load(t, "Pacific/Apia"))), "2011-12-30T10:00:00Z")
	})
	t.Run("10: an extension counts from receipt", func(t *testing.T) {
		got, err := Calendar(instant(t, "2026-11-30T10:00:00Z"), "P3M", load(t, "Europe/Paris"), holidays(t, "FR"), nil)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "last", got.LastDayOn.String(), "2027-03-01")
	})
	t.Run("11: a pause adds its days, and a late question is not timely", func(t *testing.T) {
		pause := Pause{Asked: instant(t, "2026-09-12T10:00:00Z"), Answered: instant(t, "2026-09-17T08:00:00Z")}
		equal(t, "raw", month("2026-09-10T10:00:00Z", "Europe/Paris", "FR", pause).RawEndOn.String(), "2026-10-15")
		for asked, want := range map[string]bool{"2026-09-17T21:59:59Z": true, "2026-09-17T22:00:00Z": false, "2026-09-09T00:00:00Z": false} {
			got, err := Timely(instant(t, "2026-09-10T10:00:00Z"), instant(t, asked), "P7D", load(t, "Europe/Paris"))
			if err != nil || got != want {
				t.Errorf("asked %s: timely %v (%v), want %v", asked, got, err, want)
			}
		}
	})
	t.Run("14: late is later than awareness and 72 hours", func(t *testing.T) {
		got := Hours(instant(t, "2026-06-01T08:15:00Z"), 72, time.UTC)
		equal(t, "at", fmt.Sprint(got.SafeTargetPassed(instant(t, "2026-06-04T08:15:00Z"))), "false")
		equal(t, "after", fmt.Sprint(got.SafeTargetPassed(instant(t, "2026-06-04T08:15:01Z"))), "true")
		equal(t, "limit", fmt.Sprint(got.LegalLimitPassed(instant(t, "2026-06-04T09:00:00Z"))), "true")
	})
}

func TestPausesThatOverlapCountOnce(t *testing.T) {
	start := instant(t, "2026-09-10T10:00:00Z")
	pauses := []Pause{
		{Asked: instant(t, "2026-09-14T10:00:00Z"), Answered: instant(t, "2026-09-18T10:00:00Z")},
		{Asked: instant(t, "2026-09-12T10:00:00Z"), Answered: instant(t, "2026-09-17T10:00:00Z")},
		{Asked: instant(t, "2026-09-20T10:00:00Z")}, // still open
		{Asked: instant(t, "2026-09-08T10:00:00Z"), Answered: instant(t, "2026-09-11T10:00:00Z")},
	}
	got, err := Calendar(start, "P1M", load(t, "Europe/Paris"), holidays(t, "FR"), pauses)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "raw", got.RawEndOn.String(), "2026-10-17") // 12 to 18: six days; 10 to 11: one
	if _, err := Calendar(start, "P1M", time.UTC, Holidays{}, []Pause{{Asked: start, Answered: start.Add(-time.Hour)}}); err == nil {
		t.Error("an answer before its question was accepted")
	}
}

func TestHoursAreNotCalendarUnits(t *testing.T) {
	for _, period := range []string{"PT72H", "P0M", "P", "", "P1M2H", "month"} {
		if _, err := Calendar(time.Unix(0, 0), period, time.UTC, Holidays{}, nil); err == nil {
			t.Errorf("Calendar accepted %q", period)
		}
	}
}

func load(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func holidays(t testing.TB, country string) Holidays {
	t.Helper()
	h, err := HolidaysOf(country)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}
