package deadline

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var zones = []string{"Europe/Paris", "Europe/Lisbon", "Atlantic/Azores", "Europe/Dublin", "Europe/Helsinki", "Asia/Kolkata",
	"America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Asuncion", "Asia/Beirut", "UTC"}

func drawStart(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(1_100_000_000, 3_500_000_000).Draw(t, "start"), 0)
}

func drawZone(t *rapid.T) *time.Location {
	zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func drawPeriod(t *rapid.T) string {
	return rapid.SampledFrom([]string{"P1M", "P3M", "P8W", "P14W", "P7D", "P1Y", "P13M", "P1Y1M1W1D"}).Draw(t, "period")
}

func drawHolidays(t *rapid.T) Holidays {
	h, err := HolidaysOf(rapid.SampledFrom(Countries()).Draw(t, "country"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTheSafeTargetIsNeverLaterThanTheLegalLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start, zone, h := drawStart(t), drawZone(t), drawHolidays(t)
		got, err := Calendar(start, drawPeriod(t), zone, h, nil)
		if err != nil {
			t.Fatal(err)
		}
		hours := Hours(start, rapid.IntRange(1, 400).Draw(t, "hours"), zone)
		for _, d := range []Deadline{got, hours} {
			if d.DueTime.After(d.LegalDueTime) {
				t.Fatalf("due %s after limit %s", d.DueTime, d.LegalDueTime)
			}
			if !d.StartTime.Before(d.DueTime) {
				t.Fatalf("due %s not after start %s", d.DueTime, d.StartTime)
			}
		}
		if !h.WorkingDay(got.LastDayOn) {
			t.Fatalf("last day %s is no working day", got.LastDayOn)
		}
		if back := CivilDate(got.LegalDueTime.Add(-time.Second), zone); back != got.LastDayOn && zone.String() != "Pacific/Apia" && zone.String() != "America/St_Johns" {
			t.Fatalf("the limit is not the start of the day after %s", got.LastDayOn)
		}
	})
}

func TestALaterStartNeverEndsEarlier(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start, zone, h, period := drawStart(t), drawZone(t), drawHolidays(t), drawPeriod(t)
		// From one civil day to a later one: within a fold at midnight the civil date itself goes back.
		later := start.Add(time.Duration(rapid.Int64Range(2*3600, 40*86400).Draw(t, "later")) * time.Second)
		first, err := Calendar(start, period, zone, h, nil)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Calendar(later, period, zone, h, nil)
		if err != nil {
			t.Fatal(err)
		}
		if second.DueTime.Before(first.DueTime) || second.LegalDueTime.Before(first.LegalDueTime) {
			t.Fatalf("%s ends %s, later %s ends %s", start, first.LegalDueTime, later, second.LegalDueTime)
		}
	})
}

func TestPausesNeverShorten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start, zone, h := drawStart(t), drawZone(t), drawHolidays(t)
		var pauses []Pause
		for range rapid.IntRange(0, 4).Draw(t, "pauses") {
			asked := start.Add(time.Duration(rapid.Int64Range(-86400, 30*86400).Draw(t, "asked")) * time.Second)
			pauses = append(pauses, Pause{Asked: asked, Answered: asked.Add(time.Duration(rapid.Int64Range(0, 20*86400).Draw(t, "for")) * time.Second)})
		}
		with, err := Calendar(start, "P1M", zone, h, pauses)
		if err != nil {
			t.Fatal(err)
		}
		without, err := Calendar(start, "P1M", zone, h, nil)
		if err != nil {
			t.Fatal(err)
		}
		if with.LegalDueTime.Before(without.LegalDueTime) || with.RawEndOn.Before(without.RawEndOn) {
			t.Fatal("a pause shortened the period")
		}
	})
}

func TestHoursAreElapsedTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start, n := drawStart(t), rapid.IntRange(0, 400).Draw(t, "n")
		got := Hours(start, n, drawZone(t))
		if got.DueTime.Sub(got.StartTime) != time.Duration(n)*time.Hour || got.LegalDueTime.Sub(got.CountedFrom) != time.Duration(n)*time.Hour {
			t.Fatal("hours are not elapsed time")
		}
		if wait := got.CountedFrom.Sub(got.StartTime); wait <= 0 || wait > time.Hour {
			t.Fatalf("counted from %s after the start", wait)
		}
	})
}

func TestTheStartOfADayIsItsFirstInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := drawZone(t)
		d := CivilDate(drawStart(t), zone)
		start := StartOfDay(d, zone)
		if CivilDate(start, zone) != d {
			t.Fatalf("%s starts at %s", d, start.In(zone))
		}
		for earlier := time.Second; earlier <= 30*time.Hour; earlier += 600 * time.Second {
			if CivilDate(start.Add(-earlier), zone) == d {
				t.Fatalf("%s was %s before its start %s", d, earlier, start.In(zone))
			}
		}
	})
}

func TestTheProcessZoneChangesNothing(t *testing.T) {
	local := time.Local
	defer func() { time.Local = local }()
	want := everyDay(t)
	for _, name := range []string{"UTC", "Asia/Kolkata", "America/St_Johns", "Asia/Beirut", "America/Asuncion"} {
		time.Local = load(t, name)
		if diff := cmp.Diff(want, everyDay(t)); diff != "" {
			t.Errorf("under TZ=%s: %s", name, diff)
		}
	}
}

func everyDay(t *testing.T) map[string][]Date {
	all := map[string][]Date{}
	for _, country := range Countries() {
		for year := 2024; year <= 2030; year++ {
			all[country] = append(all[country], holidays(t, country).In(year)...)
		}
	}
	return all
}

func TestEveryStateOfTheEEAHasACalendar(t *testing.T) {
	want := []string{"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"}
	if diff := cmp.Diff(want, Countries()); diff != "" {
		t.Error(diff)
	}
	for _, country := range want {
		if n := len(holidays(t, country).In(2026)); n < 8 || n > 16 {
			t.Errorf("%s has %d holidays in 2026", country, n)
		}
	}
	if _, err := HolidaysOf("GB"); err == nil {
		t.Error("GB is no state of the EEA")
	}
	if holidays(t, "EL").Version() != holidays(t, "GR").Version() {
		t.Error("EL is GR")
	}
}

// TestMovableDays pins days that a wrong rule would miss, one per rule and country of ours.
func TestMovableDays(t *testing.T) {
	for country, days := range map[string][]string{
		"BG": {"2024-05-01", "2027-05-01", "2027-05-03"},
		"CY": {"2026-02-23", "2026-04-10", "2026-04-13", "2026-06-01"},
		"EE": {"2026-04-03", "2026-02-24", "2026-06-23"},
		"FI": {"2026-06-20", "2026-10-31", "2026-05-14", "2027-06-26"},
		"HU": {"2026-04-03", "2026-05-25", "2026-10-23"},
		"IS": {"2026-04-02", "2026-04-23", "2026-08-03"},
		"IT": {"2026-10-04", "2027-10-04"},
		"LI": {"2026-06-04", "2026-09-08"},
		"LU": {"2026-05-09", "2026-05-14", "2026-06-23"},
		"MT": {"2026-02-10", "2026-04-03", "2026-09-21"},
		"PL": {"2025-12-24", "2026-06-04"},
		"PT": {"2026-04-03", "2026-06-04", "2026-10-05"},
		"RO": {"2026-01-06", "2026-04-10", "2026-04-13"},
		"GR": {"2026-02-23", "2026-04-13"},
		"SK": {"2025-05-08", "2027-05-08", "2027-09-15"},
	} {
		for _, day := range days {
			d, err := ParseDate(day)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(holidays(t, country).In(d.Year), d) {
				t.Errorf("%s: %s is a holiday", country, day)
			}
		}
	}
	for country, days := range map[string][]string{"BG": {"2024-05-07", "2027-05-04"}, "DK": {"2026-06-05"}, "SE": {"2026-12-24"}, "SK": {"2026-05-08", "2026-09-15", "2026-11-17"},
		"IT": {"2024-10-04"}, "PL": {"2024-12-24"}, "PT": {"2026-04-06"}} {
		for _, day := range days {
			d, err := ParseDate(day)
			if err != nil {
				t.Fatal(err)
			}
			if holidays(t, country).Holiday(d) {
				t.Errorf("%s: %s is a working day", country, day)
			}
		}
	}
}

func TestPeriodsAreReadStrictly(t *testing.T) {
	for in, want := range map[string]Period{
		"P1M": {Months: 1}, "P3Y": {Years: 3}, "P1Y6M": {Years: 1, Months: 6}, "P2W3D": {Weeks: 2, Days: 3}, "PT72H": {Hours: 72}, "PT0H": {},
	} {
		if got, err := ParsePeriod(in); err != nil || got != want {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "P", "PT", "P1", "1M", "P1.5M", "P-1M", "+P1M", "P1M1Y", "P1DT2H", "PT1M", "P1H", "P12345D", "P1M ", "p1m", "P1M1M", "P١M"} {
		if got, err := ParsePeriod(in); err == nil {
			t.Errorf("%q was read as %+v", in, got)
		}
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, seed := range []string{"P1M", "PT72H", "P1Y2M3W4D", "P", "P1.5M", "-P1M", "P99999Y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePeriod(s)
		if err != nil {
			return
		}
		again, err := ParsePeriod(p.String())
		if err != nil || again != p {
			t.Fatalf("%q is %+v, written %q, read %+v (%v)", s, p, p.String(), again, err)
		}
	})
}
