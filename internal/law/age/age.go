// Package age knows from which age children consent by themselves to services of the information society (Article 8(1)).
package age

import (
	"strconv"
	"sync"

	"github.com/rempart-dev/rempart/internal/law/data"
)

// Age of a state.
type Age struct {
	// Years, between 13 and 16.
	Years int32
	// Source is the act that sets it, or Article 8(1) itself where the state has none.
	Source string
	// Confirmed tells that the age was found in the source; else it is general knowledge, to be confirmed there.
	Confirmed bool
}

// Of returns the age of a state of the European Economic Area, or of the United Kingdom, by ISO 3166-1; false for others.
func Of(country string) (Age, bool) {
	if country == "EL" {
		country = "GR"
	}
	a, ok := table()[country]
	return a, ok
}

// none is the table's word for a state that has no age of its own.
const none = "no derogation"

var table = sync.OnceValue(func() map[string]Age {
	all := map[string]Age{}
	rows, err := data.Rows(data.ConsentAge)
	if err != nil {
		return all // a test reads the embedded table
	}
	for _, row := range rows {
		years, err := strconv.ParseInt(row["age"], 10, 32)
		if err != nil {
			continue // a test reads each row
		}
		a := Age{Years: int32(years), Source: row["basis"], Confirmed: row["confidence"] != "unverified"}
		if a.Source == none {
			a.Source = "Article 8(1) itself, " + none
		}
		all[row["country"]] = a
	}
	return all
})
