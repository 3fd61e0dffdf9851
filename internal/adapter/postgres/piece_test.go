package postgres

import (
	"slices"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

func TestWhatOfAValueIsLookedFor(t *testing.T) {
	const blanks = " \t\r\n\u00a0"
	for value, want := range map[string][]string{
		"ada lovelace":         {"ada lovelace"},
		"  ada lovelace\u00a0": {"ada lovelace"},
		"12, rue de la paix":   {"12, rue de la paix", "rue de la paix"},
		"c/o ada lovelace\nam alten markt 3\n88045 friedrichshafen": {"88045 friedrichshafen", "am alten markt 3", "c/o ada lovelace", "c/o ada lovelace\nam alten markt 3\n88045 friedrichshafen"},
		`{"street": "am alten markt 3", "zip": 88045}`:              {"am alten markt 3", `{"street": "am alten markt 3", "zip": 88045}`},
		`{"tel": "+33 6 12 34 56 78", "at": "2026-11-30"}`:          {"33612345678", `{"tel": "+33 6 12 34 56 78", "at": "2026-11-30"}`},
		"+33 (0)6 12 34 56 78":                                      {"330612345678"},
		"06.12.34.56.78":                                            {"612345678"},
		"ada@work.example":                                          {"ada@work.example"},
		"ольга":                                                     nil,
		"ольга петрова":                                             {"ольга петрова"},
		"berlin":                                                    nil,
		"1234567":                                                   nil,
		"12345678901234567":                                         {"12345678901234567"},
		"2026-11-30":                                                nil,
		"20261130101500":                                            nil,
		"30.11.2026":                                                nil,
		"ab 123456789":                                              nil,
		"true":                                                      nil,
		"":                                                          nil,
	} {
		if got := pieces(value, blanks); !slices.Equal(got, want) {
			t.Errorf("%q gives %q, want %q", value, got, want)
		}
	}
}

func TestHashesSayNothingWithoutTheirSalt(t *testing.T) {
	one, other := salt(make([]byte, 32)), salt(append(make([]byte, 31), 1))
	if string(one.hash(saltedValue, "ada lovelace")) == string(other.hash(saltedValue, "ada lovelace")) || one.seed() == other.seed() {
		t.Error("two salts give the same hash")
	}
	if string(one.hash(saltedValue, "x")) == string(one.hash(saltedRow, "x")) {
		t.Error("a value and a row's key have the same hash")
	}
}

// TestRowsThatAreNotReadAreCounted: nothing is passed over in silence, however many rows people are found in.
func TestRowsThatAreNotReadAreCounted(t *testing.T) {
	people := plan.Member{Table: &plan.Table{Schema: "public", Name: "people", Columns: []plan.Column{{Name: "a", Class: plan.Text, Searchable: true}, {Name: "b", Class: plan.Text, Searchable: true}}}, Keys: []plan.Key{{}}}
	for rows, want := range map[int64]int64{mostTexts: 0, mostTexts + 7: 14} {
		s := &settlement{collector: &collector{plan: &plan.Plan{Members: []plan.Member{people}}, mine: []int64{rows}}, states: []map[int]int64{{stateDelete: rows}}}
		m := &memory{places: map[spot]*remembered{}}
		if held := s.holders(1, m); len(held) != 1 {
			t.Errorf("%d rows: %d holders", rows, len(held))
		}
		if got := m.at(spot{relation: "public.people"}).passed; got != want {
			t.Errorf("of %d rows %d values are counted, want %d", rows, got, want)
		}
	}
}
