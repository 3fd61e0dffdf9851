package deadline

import (
	"slices"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/bg"
	"github.com/rickar/cal/v2/cz"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/dk"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gr"
	"github.com/rickar/cal/v2/hr"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/lt"
	"github.com/rickar/cal/v2/lv"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/no"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/ro"
	"github.com/rickar/cal/v2/se"
	"github.com/rickar/cal/v2/si"
	"github.com/rickar/cal/v2/sk"
)

// national has the holidays of each state of the European Economic Area: from the library where it has the state,
// corrected where statutes changed, ours for the others.
var national = map[string][]*cal.Holiday{
	"AT": at.Holidays,
	"BE": be.Holidays,
	"BG": with(without(bg.Holidays, bg.LabourDay), fixed(time.May, 1)), // the library moves it from Easter: a substitute
	"CY": cyprus(),
	"CZ": cz.Holidays,
	"DE": de.Holidays,
	"DK": without(dk.Holidays, dk.Grundlovsdag), // shops close; no public holiday by statute
	"EE": estonia(),
	"ES": es.Holidays,
	"FI": finland(),
	"FR": fr.Holidays,
	"GR": gr.Holidays,
	"HR": hr.Holidays,
	"HU": hungary(),
	"IE": ie.Holidays,
	"IS": iceland(),
	"IT": with(it.Holidays, since(2026, fixed(time.October, 4))), // law 151/2025: Saint Francis
	"LI": liechtenstein(),
	"LT": lt.Holidays,
	"LU": luxembourg(),
	"LV": lv.Holidays,
	"MT": malta(),
	"NL": nl.Holidays,
	"NO": no.Holidays,
	"PL": with(pl.Holidays, since(2025, fixed(time.December, 24))), // act of 27 November 2024
	"PT": portugal(),
	"RO": with(ro.Holidays, since(2024, fixed(time.January, 6)), since(2024, fixed(time.January, 7))), // law 52/2023
	"SE": without(se.Holidays, se.Midsommarafton, se.Julafton, se.Nyarsafton),                         // eves: free by custom
	"SI": si.Holidays,
	"SK": slovakia(),
}

func cyprus() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), fixed(time.January, 6), orthodox(-48), fixed(time.March, 25), fixed(time.April, 1),
		orthodox(-2), orthodox(0), orthodox(1), fixed(time.May, 1), orthodox(50), fixed(time.August, 15),
		fixed(time.October, 1), fixed(time.October, 28), fixed(time.December, 25), fixed(time.December, 26),
	}
}

func estonia() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), fixed(time.February, 24), easter(-2), easter(0), fixed(time.May, 1), easter(49),
		fixed(time.June, 23), fixed(time.June, 24), fixed(time.August, 20),
		fixed(time.December, 24), fixed(time.December, 25), fixed(time.December, 26),
	}
}

func finland() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), fixed(time.January, 6), easter(-2), easter(0), easter(1), fixed(time.May, 1), easter(39), easter(49),
		weekdayFrom(time.June, 20, time.Saturday), weekdayFrom(time.October, 31, time.Saturday),
		fixed(time.December, 6), fixed(time.December, 25), fixed(time.December, 26),
	}
}

func hungary() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), fixed(time.March, 15), since(2017, easter(-2)), easter(0), easter(1), fixed(time.May, 1), easter(49), easter(50),
		fixed(time.August, 20), fixed(time.October, 23), fixed(time.November, 1), fixed(time.December, 25), fixed(time.December, 26),
	}
}

// iceland leaves out 24 and 31 December, which are holidays from midday only.
func iceland() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), easter(-3), easter(-2), easter(0), easter(1), weekdayFrom(time.April, 19, time.Thursday), fixed(time.May, 1),
		easter(39), easter(49), easter(50), fixed(time.June, 17), weekdayFrom(time.August, 1, time.Monday),
		fixed(time.December, 25), fixed(time.December, 26),
	}
}

// liechtenstein leaves out the days on which only banks and offices close.
func liechtenstein() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), fixed(time.January, 6), easter(0), easter(1), fixed(time.May, 1), easter(39), easter(49), easter(50), easter(60),
		fixed(time.August, 15), fixed(time.September, 8), fixed(time.November, 1), fixed(time.December, 8),
		fixed(time.December, 25), fixed(time.December, 26),
	}
}

func luxembourg() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), easter(1), fixed(time.May, 1), since(2019, fixed(time.May, 9)), easter(39), easter(50), fixed(time.June, 23),
		fixed(time.August, 15), fixed(time.November, 1), fixed(time.December, 25), fixed(time.December, 26),
	}
}

func malta() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), fixed(time.February, 10), fixed(time.March, 19), fixed(time.March, 31), easter(-2), fixed(time.May, 1),
		fixed(time.June, 7), fixed(time.June, 29), fixed(time.August, 15), fixed(time.September, 8), fixed(time.September, 21),
		fixed(time.December, 8), fixed(time.December, 13), fixed(time.December, 25),
	}
}

func portugal() []*cal.Holiday {
	return []*cal.Holiday{
		fixed(time.January, 1), easter(-2), easter(0), fixed(time.April, 25), fixed(time.May, 1), since(2016, easter(60)), fixed(time.June, 10),
		fixed(time.August, 15), since(2016, fixed(time.October, 5)), since(2016, fixed(time.November, 1)), since(2016, fixed(time.December, 1)),
		fixed(time.December, 8), fixed(time.December, 25),
	}
}

// slovakia leaves out 1 September and 17 November, working days since 2024 and 2025, and for 2026 alone 8 May and
// 15 September (consolidation act of September 2025).
func slovakia() []*cal.Holiday {
	list := without(sk.Holidays, sk.Constitution, sk.Freedom, sk.Liberation, sk.LadyOfSorrows)
	for _, day := range []*cal.Holiday{sk.Liberation, sk.LadyOfSorrows} {
		list = append(list, day.Clone(&cal.Holiday{Except: []int{2026}}))
	}
	return list
}

func fixed(month time.Month, day int) *cal.Holiday {
	return &cal.Holiday{Month: month, Day: day, Func: cal.CalcDayOfMonth}
}

// easter is a day counted from Easter Sunday: 1 is Easter Monday, 39 Ascension, 50 Whit Monday, 60 Corpus Christi.
func easter(offset int) *cal.Holiday {
	return &cal.Holiday{Offset: offset, Func: cal.CalcEasterOffset}
}

// orthodox is a day counted from Easter Sunday of the Julian calendar: -48 is Green Monday.
func orthodox(offset int) *cal.Holiday {
	return &cal.Holiday{Offset: offset, Julian: true, Func: cal.CalcEasterOffset}
}

// weekdayFrom is the first such weekday on or after a date.
func weekdayFrom(month time.Month, day int, weekday time.Weekday) *cal.Holiday {
	return &cal.Holiday{Month: month, Day: day, Weekday: weekday, Offset: 1, Func: cal.CalcWeekdayFrom}
}

func since(year int, day *cal.Holiday) *cal.Holiday {
	return day.Clone(&cal.Holiday{StartYear: year})
}

func with(list []*cal.Holiday, more ...*cal.Holiday) []*cal.Holiday {
	return append(slices.Clone(list), more...)
}

func without(list []*cal.Holiday, gone ...*cal.Holiday) []*cal.Holiday {
	return slices.DeleteFunc(slices.Clone(list), func(day *cal.Holiday) bool { return slices.Contains(gone, day) })
}
