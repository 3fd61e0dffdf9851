package kubectlgdpr

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// units are the letters of ISO 8601 for what --unit takes.
var units = map[string]string{"hours": "H", "days": "D", "weeks": "W", "months": "M", "years": "Y"}

// maxAmount is the longest period that is read, as in the API: four digits.
const maxAmount = 9999

// period is a question for the end of a period.
type period struct {
	unit   string // key of units
	amount int
	// from is the instant of the event; onDay means that only its civil day was given.
	from     time.Time
	onDay    bool
	zone     *time.Location
	holidays deadline.Holidays
	country  string
}

// ends is the answer of deadline: instants in RFC 3339, UTC. What is done before one is in time.
type ends struct {
	Safe  string `json:"safeTime"`
	Legal string `json:"legalTime"`
}

func deadlineCommand(w World) *cobra.Command {
	var unit, from, zone, country string
	var amount int
	var form format
	command := leaf("deadline", "Say when a legal period ends (Regulation 1182/71): the safe target and the legal limit",
		"  kubectl gdpr deadline --unit hours --amount 72 --from 2026-03-27T09:20:00Z --tz Europe/Paris\n"+
			"  kubectl gdpr deadline --unit months --amount 1 --from 2026-03-05 --tz Europe/Paris --holidays FR -o json", func() error {
			p, err := readPeriod(unit, amount, from, zone, country)
			if err != nil {
				return err
			}
			return answerDeadline(w, p, form)
		})
	flags := command.Flags()
	flags.StringVar(&unit, "unit", "", "unit of the period: hours, days, weeks, months or years")
	flags.IntVar(&amount, "amount", 0, "length of the period")
	flags.StringVar(&from, "from", "", "event that starts the period: an instant such as 2026-03-27T09:20:00Z, or for all units but hours a day such as 2026-03-05")
	flags.StringVar(&zone, "tz", "", "time zone of the place where the controller must act, such as Europe/Paris")
	flags.StringVar(&country, "holidays", "", "state of the European Economic Area whose public holidays count, such as FR; hours need none")
	outputFlag(command, &form, asJSON)
	return command
}

// readPeriod reads the flags, and says of the first that is wrong how to write it.
func readPeriod(unit string, amount int, from, zone, country string) (period, error) {
	p := period{unit: strings.ToLower(unit), amount: amount, country: country}
	if _, known := units[p.unit]; !known {
		return p, fmt.Errorf("--unit %q is none; it is one of hours, days, weeks, months, years", unit)
	}
	if amount < 1 || amount > maxAmount {
		return p, fmt.Errorf("--amount %d is out of range; it is a whole number from 1 to %d", amount, maxAmount)
	}
	var err error
	if p.zone, err = time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return p, fmt.Errorf("--tz %q is no time zone; name one of the IANA database, such as Europe/Paris, or UTC", zone)
	}
	if country != "" || p.unit != "hours" {
		if p.holidays, err = deadline.HolidaysOf(country); err != nil {
			return p, fmt.Errorf("--holidays %q is no state of the European Economic Area; name one whose public holidays count: %s", country, strings.Join(deadline.Countries(), ", "))
		}
	}
	return p, p.readStart(from)
}

func (p *period) readStart(from string) error {
	var err error
	if p.from, err = time.Parse(time.RFC3339, from); err == nil {
		return nil
	}
	day, err := deadline.ParseDate(from)
	switch {
	case err == nil && p.unit == "hours":
		return fmt.Errorf("--from %s is a day, and hours are counted from an instant; write it with its offset from UTC, such as %sT09:20:00Z", from, from)
	case err != nil:
		return fmt.Errorf("--from %q is neither an instant with its offset from UTC, such as 2026-03-27T09:20:00Z, nor a day, such as 2026-03-05", from)
	}
	p.from, p.onDay = deadline.StartOfDay(day, p.zone), true
	return nil
}

// end computes the answer.
func (p period) end() (deadline.Deadline, error) {
	if p.unit == "hours" {
		return deadline.Hours(p.from, p.amount, p.zone), nil
	}
	return deadline.Calendar(p.from, fmt.Sprintf("P%d%s", p.amount, units[p.unit]), p.zone, p.holidays, nil)
}

func answerDeadline(w World, p period, form format) error {
	d, err := p.end()
	if err != nil {
		return err
	}
	if d.LegalDueTime.UTC().Year() > maxAmount {
		return fmt.Errorf("the period ends after the year %d, which RFC 3339 cannot write; ask for a shorter one", maxAmount)
	}
	if d.DueTime.UTC().Year() < 0 {
		return errors.New("the period ends before the year 0, which RFC 3339 cannot write; ask for a later one")
	}
	if form == asJSON {
		return writeJSON(w.Out, ends{Safe: stamp(d.DueTime), Legal: stamp(d.LegalDueTime)})
	}
	fmt.Fprintf(w.Out, "Safe target  %s  (%s)\nLegal limit  %s  (%s)\nWhat is done before an instant is in time.\n\nHow it was counted (Regulation (EEC, Euratom) 1182/71):\n",
		stamp(d.DueTime), p.onWall(d.DueTime), stamp(d.LegalDueTime), p.onWall(d.LegalDueTime))
	for _, line := range p.counted(d) {
		fmt.Fprintf(w.Out, "- %s\n", line)
	}
	return nil
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// onWall is what calendar and clock on the wall show at an instant.
func (p period) onWall(at time.Time) string {
	return at.In(p.zone).Format("Monday 2 January 2006 15:04:05 -07:00") + " " + p.zone.String()
}

// counted says step by step how the answer came about, with the articles of Regulation 1182/71.
func (p period) counted(d deadline.Deadline) []string {
	if p.unit == "hours" {
		return p.countedHours(d)
	}
	lines := []string{fmt.Sprintf("The event is of %s in %s. Its day is not counted, but gives the day number (Article 3(1)).", named(deadline.CivilDate(d.StartTime, p.zone)), p.zone)}
	unit := p.unit
	if p.amount == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	raw := fmt.Sprintf("%d %s later is %s, the last day of the period (Article 3(2)(c)).", p.amount, unit, named(d.RawEndOn))
	if first := deadline.CivilDate(d.StartTime, p.zone); (p.unit == "months" || p.unit == "years") && d.RawEndOn.Day != first.Day {
		raw += fmt.Sprintf(" That month has no day %d, so its last day counts.", first.Day)
	}
	lines = append(lines, raw, fmt.Sprintf("The safe target is the end of that day: the start of the next one in %s.", p.zone))
	for day := d.RawEndOn; day.Before(d.LastDayOn); day = day.Plus(1) {
		why := "a " + day.Weekday().String()
		if p.holidays.Holiday(day) {
			why = "a public holiday in " + p.country + " (a " + day.Weekday().String() + ")"
		}
		lines = append(lines, fmt.Sprintf("%s is %s, so the period does not end on it (Article 3(4)).", day, why))
	}
	if d.LastDayOn == d.RawEndOn {
		lines = append(lines, fmt.Sprintf("%s is a working day in %s, so the legal limit is the same (Article 3(4); holidays %s).", d.LastDayOn, p.country, d.CalendarVersion))
	} else {
		lines = append(lines, fmt.Sprintf("The legal limit is the end of the next working day, %s (holidays %s).", named(d.LastDayOn), d.CalendarVersion))
	}
	return lines
}

func (p period) countedHours(d deadline.Deadline) []string {
	lines := []string{
		fmt.Sprintf("The event is of %s.", p.onWall(d.StartTime)),
		fmt.Sprintf("The safe target is %d elapsed hours after it.", p.amount),
		fmt.Sprintf("The hour of the event is not counted (Article 3(1)), so the legal limit is counted from %s.", p.onWall(d.CountedFrom)),
		"Hours are elapsed time: they run at night, at weekends and on holidays, and never roll over.",
	}
	_, before := d.StartTime.In(p.zone).Zone()
	if _, after := d.LegalDueTime.In(p.zone).Zone(); before != after {
		lines = append(lines, "Clocks change within the period, so the wall shows another time of day at its end than elapsed hours suggest.")
	}
	return lines
}

// named is a date with its day of the week.
func named(d deadline.Date) string { return d.Weekday().String() + " " + d.String() }
