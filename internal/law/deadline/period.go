package deadline

import (
	"errors"
	"fmt"
	"strings"
)

// Period is an ISO 8601 period: calendar units, or hours, never both.
type Period struct {
	Years, Months, Weeks, Days int
	Hours                      int
}

// errPeriod is what a refused period is told.
var errPeriod = errors.New("a period is P[nY][nM][nW][nD] or PTnH, in whole numbers of at most four digits, without signs")

// ParsePeriod reads P3Y, P6M, P8W, P1Y6M or PT72H. It refuses fractions, signs, units in another order, and calendar
// units mixed with hours.
func ParsePeriod(s string) (Period, error) {
	var p Period
	rest, ok := strings.CutPrefix(s, "P")
	if !ok {
		return Period{}, fmt.Errorf("parsing a period: %w", errPeriod)
	}
	units, into := "YMWD", []*int{&p.Years, &p.Months, &p.Weeks, &p.Days}
	if after, timed := strings.CutPrefix(rest, "T"); timed {
		rest, units, into = after, "H", []*int{&p.Hours}
	}
	if rest == "" {
		return Period{}, fmt.Errorf("parsing a period: %w", errPeriod)
	}
	for next := 0; rest != ""; {
		number, digits := 0, 0
		for digits < len(rest) && digits < 4 && rest[digits] >= '0' && rest[digits] <= '9' {
			number = number*10 + int(rest[digits]-'0')
			digits++
		}
		if digits == 0 || digits == len(rest) {
			return Period{}, fmt.Errorf("parsing a period: %w", errPeriod)
		}
		unit := strings.IndexByte(units[next:], rest[digits])
		if unit < 0 {
			return Period{}, fmt.Errorf("parsing a period: %w", errPeriod)
		}
		*into[next+unit] = number
		next += unit + 1
		rest = rest[digits+1:]
	}
	return p, nil
}

// String writes the period in its shortest form.
func (p Period) String() string {
	if p.Hours != 0 || p == (Period{}) {
		return fmt.Sprintf("PT%dH", p.Hours)
	}
	var b strings.Builder
	b.WriteByte('P')
	for _, part := range []struct {
		n    int
		unit byte
	}{{p.Years, 'Y'}, {p.Months, 'M'}, {p.Weeks, 'W'}, {p.Days, 'D'}} {
		if part.n != 0 {
			fmt.Fprintf(&b, "%d%c", part.n, part.unit)
		}
	}
	return b.String()
}

// Add returns the date after the calendar units of p: years and months first, clamped to the end of a month, then
// weeks and days.
func (d Date) Add(p Period) Date {
	return d.addMonths(12*p.Years + p.Months).Plus(7*p.Weeks + p.Days)
}
