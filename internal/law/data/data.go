// Package data embeds the legal tables that decisions read. Facts and short restatements of EUR-Lex texts, EDPB
// guidelines, the EDPB's list of members and acts of the states, in our own words; each change comes with its source and raises the data
// version of the law profile.
package data

import (
	_ "embed" // tables travel with the program
	"encoding/csv"
	"fmt"
	"strings"
)

// DeadlineRules has every period, by law profile.
//
//go:embed deadline_rules.csv
var DeadlineRules string

// SupervisoryAuthorities has one authority per state of the European Economic Area.
//
//go:embed supervisory_authorities.csv
var SupervisoryAuthorities string

// GermanLandAuthorities has the authorities of the German Länder, by code.
//
//go:embed german_land_authorities.csv
var GermanLandAuthorities string

// OneStopShopRules says which authority is competent for a case across borders.
//
//go:embed one_stop_shop_rules.csv
var OneStopShopRules string

// ConsentAge has the age of digital consent of each state, with the act that sets it and how sure that is.
//
//go:embed consent_age.csv
var ConsentAge string

// Rows reads a table: one map per line, by column.
func Rows(table string) ([]map[string]string, error) {
	lines, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading an embedded table: %w", err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("reading an embedded table: it has no header")
	}
	rows := make([]map[string]string, 0, len(lines)-1)
	for _, line := range lines[1:] {
		row := make(map[string]string, len(line))
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}
