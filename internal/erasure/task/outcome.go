package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// MaxOutcome is the most bytes that Kubernetes keeps of a termination message.
const MaxOutcome = 4096

// MaxMessage is the most bytes of a message that leave room for the rest of an Outcome.
const MaxMessage = 600

// Table is a table with what is done to its rows: the columns of the counts of an Outcome.
type Table struct {
	Name   string                `json:"t"` // schema.table
	Action v1alpha1.TableErasure `json:"a"`
}

// Counts is the result for one request: Rows[i] rows of Outcome.Tables[i]; Until[i] is the last day on which a kept row of
// that table must be kept, where there is one.
type Counts struct {
	UID   string         `json:"u"`
	Rows  []int64        `json:"r,omitempty"`
	Until map[int]string `json:"k,omitempty"`
}

// Outcome is the answer of one container.
type Outcome struct {
	Step       Step      `json:"step"`
	OK         bool      `json:"ok"`
	Reason     Reason    `json:"reason,omitempty"`
	Message    string    `json:"message,omitempty"`
	PlanDigest string    `json:"digest,omitempty"`
	Ledger     int64     `json:"ledger,omitempty"`
	Replayed   bool      `json:"replayed,omitempty"` // the ledger already had this run: nothing was erased now
	At         time.Time `json:"at,omitzero"`        // of the commit (erase) or of the end (others)
	Tables     []Table   `json:"tables,omitempty"`
	Requests   []Counts  `json:"requests,omitempty"`
	// Truncated says that Rows are missing for lack of room; the store's ledger has them.
	Truncated bool `json:"truncated,omitempty"`
	// Scan results.
	UndeclaredTables  int32    `json:"undeclaredTables,omitempty"`
	UndeclaredColumns int32    `json:"undeclaredColumns,omitempty"`
	Names             []string `json:"names,omitempty"` // tables and columns that Message is about, cut to what fits
}

// errMalformed is the answer to a message that is not an Outcome: never a success.
var errMalformed = errors.New("reading a termination message: not an outcome")

// Encode returns the outcome in at most MaxOutcome bytes. What does not fit is left out and marked, names first, then
// counts per table.
func (o Outcome) Encode() ([]byte, error) {
	o.Message = cut(o.Message, MaxMessage)
	for {
		text, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("encoding an outcome: %w", err)
		}
		switch {
		case len(text) <= MaxOutcome:
			return text, nil
		case len(o.Names) > 0:
			o.Names = o.Names[:len(o.Names)/2]
		case o.Requests != nil:
			o.Requests, o.Truncated = nil, true
		case o.Tables != nil:
			o.Tables, o.Truncated = nil, true
		case o.Message != "":
			o.Message = cut(o.Message, len(o.Message)/2)
		default:
			return nil, fmt.Errorf("encoding an outcome: %d bytes do not fit", len(text))
		}
	}
}

// cut shortens a text to at most so many bytes and leaves whole characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// Decode reads a termination message of the container that did step.
func Decode(step Step, message string) (Outcome, error) {
	var outcome Outcome
	if err := json.Unmarshal([]byte(message), &outcome); err != nil || outcome.Step != step || !outcome.sound() {
		return Outcome{}, errMalformed
	}
	return outcome, nil
}

// sound tells whether the counts fit the tables: a message that was cut or forged is no success.
func (o Outcome) sound() bool {
	for _, r := range o.Requests {
		if r.UID == "" || len(r.Rows) > len(o.Tables) {
			return false
		}
		for _, n := range r.Rows {
			if n < 0 {
				return false
			}
		}
		for i := range r.Until {
			if i < 0 || i >= len(o.Tables) {
				return false
			}
		}
	}
	return o.OK || o.Reason != ""
}

// Capacity is how many requests one run may serve so that the counts of all of them fit into an Outcome. It allows for
// two actions on a third of the tables and for the last day of kept rows.
func Capacity(dataset *v1alpha1.Dataset) int {
	const fixed, perRequest, perCount, perDay = 900, 60, 5, 20
	names, days := 0, 0
	for _, t := range dataset.Tables {
		names += len(t.Schema) + len(t.Name) + 36
		if t.OnErasure == v1alpha1.EraseKeep {
			days += perDay
		}
	}
	pairs := len(dataset.Tables) * 4 / 3
	room := (MaxOutcome - fixed - names*4/3) / (perRequest + perCount*pairs + days)
	return max(1, min(room, 1000))
}
