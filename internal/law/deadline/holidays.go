package deadline

import (
	"fmt"
	"slices"
	"time"

	"github.com/rickar/cal/v2"
)

// calendarVersion names the state of the holiday tables; it rises with each change to them.
const calendarVersion = "2026-11.3"

// Holidays are the public holidays of one Member State (Regulation 1182/71, Article 2(1)): national days only, no
// regional ones, and no substitute for a holiday at a weekend. Where it is doubtful whether a day is a public holiday
// by statute it is left out, so that the computed limit is never later than the legal one. The zero value has none.
type Holidays struct {
	country string
	days    []*cal.Holiday
}

// HolidaysOf returns the holidays of a country of the European Economic Area, by its ISO 3166-1 code. EL, which the
// Union writes for Greece, is understood.
func HolidaysOf(country string) (Holidays, error) {
	if country == "EL" {
		country = "GR"
	}
	days, ok := national[country]
	if !ok {
		return Holidays{}, fmt.Errorf("finding the holidays of %q: not a state of the European Economic Area", country)
	}
	return Holidays{country: country, days: days}, nil
}

// Countries returns the codes that HolidaysOf knows, sorted.
func Countries() []string {
	var codes []string
	for code := range national {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// Version names the country and the state of its table.
func (h Holidays) Version() string {
	if h.country == "" {
		return ""
	}
	return h.country + "/" + calendarVersion
}

// Holiday tells whether d is a public holiday.
func (h Holidays) Holiday(d Date) bool {
	return slices.ContainsFunc(h.days, func(day *cal.Holiday) bool {
		actual, _ := day.Calc(d.Year)
		return !actual.IsZero() && dateOf(actual) == d
	})
}

// WorkingDay tells whether d is neither a Saturday, nor a Sunday, nor a public holiday.
func (h Holidays) WorkingDay(d Date) bool {
	weekday := d.Weekday()
	return weekday != time.Saturday && weekday != time.Sunday && !h.Holiday(d)
}

// In lists the public holidays of a year, sorted.
func (h Holidays) In(year int) []Date {
	var dates []Date
	for _, day := range h.days {
		if actual, _ := day.Calc(year); !actual.IsZero() {
			dates = append(dates, dateOf(actual))
		}
	}
	slices.SortFunc(dates, func(a, b Date) int { return a.number() - b.number() })
	return slices.Compact(dates)
}

// dateOf reads the date that the library means. The library makes midnights in the process's own zone; where one does
// not exist it may come out as 23:00 of the day before, so we look two hours later.
func dateOf(t time.Time) Date { return CivilDate(t.Add(2*time.Hour), t.Location()) }
