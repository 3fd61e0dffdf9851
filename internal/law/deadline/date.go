package deadline

import (
	"fmt"
	"time"
)

// Date is a civil date, without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// CivilDate returns the date that a calendar on the wall shows in zone at the instant t.
func CivilDate(t time.Time, zone *time.Location) Date {
	y, m, d := t.In(zone).Date()
	return Date{Year: y, Month: m, Day: d}
}

// ParseDate reads a date such as 2026-11-24.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("parsing a date: %q is not of the form 2026-11-24", s)
	}
	return CivilDate(t, time.UTC), nil
}

// String writes the date as 2026-11-24; the zero Date is the empty string.
func (d Date) String() string {
	if d == (Date{}) {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// Weekday of the date.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// Before tells whether d is earlier than e.
func (d Date) Before(e Date) bool { return d.number() < e.number() }

// Plus returns the date n days later.
func (d Date) Plus(days int) Date {
	return CivilDate(time.Unix(int64(d.number()+days)*secondsPerDay, 0), time.UTC)
}

// DaysSince returns the number of days from e to d.
func (d Date) DaysSince(e Date) int { return d.number() - e.number() }

const secondsPerDay = 24 * 60 * 60

// utc is the midnight of the date in UTC, where every midnight exists once.
func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// number counts days; 1970-01-01 is 0.
func (d Date) number() int { return int(d.utc().Unix() / secondsPerDay) }

// daysIn is the length of a month.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// addMonths returns the same day number n months later, or the last day of that month where it has no such day
// (Regulation 1182/71, Article 3(2)(c)): 31 January and a month is 28 or 29 February.
func (d Date) addMonths(n int) Date {
	months := d.Year*12 + int(d.Month) - 1 + n
	year, month := months/12, time.Month(months%12+1)
	return Date{Year: year, Month: month, Day: min(d.Day, daysIn(year, month))}
}

// Offsets from UTC lie within 16 hours, and no zone changes its offset twice within a quarter of an hour.
const (
	widestOffset = 16 * time.Hour
	stride       = 15 * time.Minute
)

// StartOfDay returns the earliest instant whose civil date in zone is d. That midnight may not exist (clocks that
// spring forward at midnight) or come twice. A day that zone left out begins where the next one does.
//
// It looks at each offset in use around that day. Time.ZoneBounds would be shorter, but ends one day early in leap
// years beyond the zone's table.
func StartOfDay(d Date, zone *time.Location) time.Time {
	midnight := d.utc()
	var earliest time.Time
	consider := func(at time.Time) {
		if CivilDate(at, zone) == d && (earliest.IsZero() || at.Before(earliest)) {
			earliest = at
		}
	}
	before := offset(midnight.Add(-widestOffset), zone)
	consider(midnight.Add(-before))
	for at := midnight.Add(-widestOffset); at.Before(midnight.Add(widestOffset)); at = at.Add(stride) {
		if after := offset(at.Add(stride), zone); after != before {
			consider(change(at, at.Add(stride), zone))
			consider(midnight.Add(-after))
			before = after
		}
	}
	if earliest.IsZero() {
		return StartOfDay(d.Plus(1), zone)
	}
	return earliest
}

// change returns the first second after from, and until at the latest, with another offset than from.
func change(from, until time.Time, zone *time.Location) time.Time {
	old := offset(from, zone)
	for until.Sub(from) > time.Second {
		middle := from.Add((until.Sub(from) / 2).Truncate(time.Second))
		if offset(middle, zone) == old {
			from = middle
		} else {
			until = middle
		}
	}
	return until
}

func offset(at time.Time, zone *time.Location) time.Duration {
	_, seconds := at.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}
