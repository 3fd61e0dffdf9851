// Package deadline computes legal periods by Regulation (EEC, Euratom) 1182/71, as Article 33 and Article 12 of the
// GDPR need them. It has no clock and no zone of its own: everything is an input, so the same question always has the
// same answer.
//
// Each deadline has two instants. DueTime is the safe target that reminders and escalation run on. LegalDueTime is the
// legal limit, never earlier. An instant t is past the safe target when t > DueTime, and past the limit when
// t >= LegalDueTime.
package deadline

import (
	"errors"
	"fmt"
	"slices"
	"time"

	// The zone database travels with the program: an empty image has none.
	_ "time/tzdata"
)

// Deadline is the answer, with the steps that led to it. All instants have second resolution.
type Deadline struct {
	// StartTime is the event.
	StartTime time.Time
	// CountedFrom is the first counted hour (Article 3(1) of Regulation 1182/71: the hour of the event is not
	// counted); for calendar periods the start of the event's day, which gives the day number.
	CountedFrom time.Time
	// RawEndOn is the last day before any roll-over. For hours, the civil date of the legal limit.
	RawEndOn Date
	// LastDayOn is the last day after the roll-over to a working day (Article 3(4)). For hours, as RawEndOn.
	LastDayOn Date
	// DueTime is the safe target.
	DueTime time.Time
	// LegalDueTime is the legal limit.
	LegalDueTime time.Time
	// CalendarVersion is the version of the holidays that were used; empty for hours.
	CalendarVersion string
}

// SafeTargetPassed tells whether now is past the safe target.
func (d Deadline) SafeTargetPassed(now time.Time) bool { return now.After(d.DueTime) }

// LegalLimitPassed tells whether now is past the legal limit.
func (d Deadline) LegalLimitPassed(now time.Time) bool { return !now.Before(d.LegalDueTime) }

// Pause is a question to the person that stops the clock, from asking to answering. A zero Answered is a question
// still open: it adds nothing yet, and the caller shows no due time meanwhile.
type Pause struct {
	Asked, Answered time.Time
}

// Hours counts n elapsed hours from start (Article 33(1): 72). Hours never roll over a weekend or a holiday, and a
// clock change does not stretch them: they are counted on the UTC line.
func Hours(start time.Time, n int, zone *time.Location) Deadline {
	start = second(start)
	local := start.In(zone)
	into := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second
	counted := start.Add(time.Hour - into)
	period := time.Duration(n) * time.Hour
	legal := counted.Add(period)
	return Deadline{
		StartTime: start, CountedFrom: counted,
		RawEndOn: CivilDate(legal, zone), LastDayOn: CivilDate(legal, zone),
		DueTime: start.Add(period), LegalDueTime: legal,
	}
}

// Calendar counts a period in days, weeks, months or years from the civil date of start in zone. The day of the event
// is not counted but gives the day number; closed pauses add their days; a last day that is no working day rolls to
// the next one.
func Calendar(start time.Time, period string, zone *time.Location, holidays Holidays, pauses []Pause) (Deadline, error) {
	p, err := calendarPeriod(period)
	if err != nil {
		return Deadline{}, err
	}
	start = second(start)
	first := CivilDate(start, zone)
	paused, err := pausedDays(pauses, first, zone)
	if err != nil {
		return Deadline{}, err
	}
	raw := first.Add(p).Plus(paused)
	last := raw
	for !holidays.WorkingDay(last) {
		last = last.Plus(1)
	}
	return Deadline{
		StartTime: start, CountedFrom: StartOfDay(first, zone),
		RawEndOn: raw, LastDayOn: last,
		DueTime: StartOfDay(raw.Plus(1), zone), LegalDueTime: StartOfDay(last.Plus(1), zone),
		CalendarVersion: holidays.Version(),
	}, nil
}

// Retention returns the instant at which a retention or consent period ends: the start of the day after its last day.
// It never rolls to a working day.
func Retention(start time.Time, period string, zone *time.Location) (time.Time, error) {
	p, err := calendarPeriod(period)
	if err != nil {
		return time.Time{}, err
	}
	return StartOfDay(CivilDate(second(start), zone).Add(p).Plus(1), zone), nil
}

// Timely tells whether an identity question was asked within limit (a period such as P7D) of start: only such a
// question pauses the clock.
func Timely(start, asked time.Time, limit string, zone *time.Location) (bool, error) {
	end, err := Retention(start, limit, zone)
	if err != nil {
		return false, err
	}
	return !asked.Before(second(start)) && asked.Before(end), nil
}

func calendarPeriod(period string) (Period, error) {
	p, err := ParsePeriod(period)
	if err != nil {
		return Period{}, err
	}
	if p.Hours != 0 || p == (Period{}) {
		return Period{}, fmt.Errorf("reading the period %q: calendar units are needed, such as P1M", period)
	}
	return p, nil
}

// pausedDays merges overlapping closed pauses, then sums the days between question and answer. Days before the start
// do not count.
func pausedDays(pauses []Pause, first Date, zone *time.Location) (int, error) {
	type span struct{ from, until int }
	var spans []span
	for _, p := range pauses {
		if p.Answered.IsZero() {
			continue
		}
		if p.Answered.Before(p.Asked) {
			return 0, errors.New("counting the pauses: a question was answered before it was asked")
		}
		from := max(CivilDate(p.Asked, zone).number(), first.number())
		if until := CivilDate(p.Answered, zone).number(); until > from {
			spans = append(spans, span{from, until})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	days, end := 0, first.number()
	for _, s := range spans {
		from := max(s.from, end)
		if s.until > from {
			days += s.until - from
			end = s.until
		}
	}
	return days, nil
}

// second drops what the API cannot carry: fractions of a second and the monotonic reading.
func second(t time.Time) time.Time { return t.Round(0).Truncate(time.Second).UTC() }
