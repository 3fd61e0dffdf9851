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

// MaxMessage is the most bytes of a message that leave room for the rest of an Outcome, and in an event (1024) for where it was.
const MaxMessage = 800

// Table is a table with what is done to its rows: the columns of the counts of an Outcome.
type Table struct {
	Name   string                `json:"t"` // schema.table
	Action v1alpha1.TableErasure `json:"a"`
	// Hold is the Index of the hold that keeps the rows; 0 when none does.
	Hold int `json:"h,omitempty"`
}

// Counts is the result for one request: Rows[i] rows of Outcome.Tables[i]; Until[i] is the last day on which a kept row of
// that table must be kept, where there is one. UID is empty in what a message brought: there the order says whose they are.
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
	// Done, of an erasure that stopped, is of how many requests of the task, in its order, the store has committed the erasure.
	// What was committed stands; the others were not touched by the run, or will be found by the next one as they are.
	Done int `json:"done,omitempty"`
	// Untouched, of an erasure that failed, says that this container ended before the store could commit anything of it.
	Untouched bool `json:"untouched,omitempty"`
	// Rows that the store has changed or deleted for what it committed of the run, in all of its Jobs.
	Rows int64 `json:"rows,omitempty"`
	// Tables and Requests are the counts. In a message they are the Page, which has as many as fit, from the From-th on.
	Tables   []Table  `json:"-"`
	Requests []Counts `json:"-"`
	From     int      `json:"-"`
	Page     *Page    `json:"page,omitempty"`
	// Scan results.
	UndeclaredTables  int32 `json:"undeclaredTables,omitempty"`
	UndeclaredColumns int32 `json:"undeclaredColumns,omitempty"`
	// Identity of the store, where the role may ask for it; and of the requests that a scan asked for those that the ledger does
	// not have: how many, and the UIDs of the first MaxLost.
	Identity  string `json:"identity,omitempty"`
	LostTotal int32  `json:"lostTotal,omitempty"`
	// LedgerBlank says that the ledger has no row of the store, or is not there.
	LedgerBlank bool     `json:"ledgerBlank,omitempty"`
	Lost        []string `json:"lost,omitempty"`
	Names       []string `json:"names,omitempty"` // tables and columns that Message is about, cut to what fits
}

// Changed sums the rows of counts that were changed or deleted: all but those that are kept.
func Changed(tables []Table, requests []Counts) (sum int64) {
	for _, r := range requests {
		for i, n := range r.Rows {
			if i < len(tables) && tables[i].Action != v1alpha1.EraseKeep {
				sum += n
			}
		}
	}
	return sum
}

// errMalformed is the answer to a message that is not an Outcome: never a success.
var errMalformed = errors.New("reading a termination message: not an outcome")

// Encode returns the outcome in at most MaxOutcome bytes, with the counts of requests from the from-th on, as many as fit.
// Next is the first of which the counts are not in it. Names and words give way to what must be said.
func (o Outcome) Encode(from int) (text []byte, next int, err error) {
	o.Message, o.Page = cut(o.Message, MaxMessage), nil
	for {
		text, err := json.Marshal(o)
		if err != nil {
			return nil, 0, fmt.Errorf("encoding an outcome: %w", err)
		}
		switch room := MaxOutcome - len(text) - pageFrame; {
		case len(o.Requests) > from && from >= 0 && (room >= leastRoom || room > 0 && len(o.Names) == 0):
			o.Page = pack(o.Tables, o.Requests, from, room)
			text, err = json.Marshal(o)
			return text, from + o.Page.N, err
		case len(text) <= MaxOutcome && (len(o.Requests) <= from || len(o.Names) == 0 && o.Message == ""):
			return text, from, nil
		case len(o.Names) > 0:
			o.Names = o.Names[:len(o.Names)/2]
		case o.Message != "":
			o.Message = cut(o.Message, len(o.Message)/2)
		default:
			return nil, 0, fmt.Errorf("encoding an outcome: %d bytes do not fit", len(text))
		}
	}
}

// MaxLost is how many lost requests an outcome names.
const MaxLost = 64

// pageFrame is the most bytes of a page beside its data; names give way until counts have leastRoom.
const pageFrame, leastRoom = 60, 1024

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
	err := json.Unmarshal([]byte(message), &outcome)
	if err != nil || outcome.Step != step || !outcome.OK && outcome.Reason == "" || outcome.Done < 0 || outcome.Done > MaxRequests || outcome.Rows < 0 {
		return Outcome{}, errMalformed
	}
	if outcome.Page == nil {
		return outcome, nil
	}
	outcome.From = outcome.Page.From
	if outcome.Tables, outcome.Requests, err = outcome.Page.unpack(); err != nil {
		return Outcome{}, errMalformed // a message that was cut or forged is no success
	}
	outcome.Page = nil
	return outcome, nil
}

// The room of a message for counts, and what one takes there. An ordinary run has counts below a hundred.
const (
	roomBeside = MaxOutcome - 900 // of a message that also says how the step ended
	roomAlone  = MaxOutcome - 200 // of a report
	perName    = 12               // bytes of a packed name of a table
)

// expected is about how many bytes the packed counts of so many requests take, in base64: a third of a byte per count, since
// most people are in few of the tables, and one for the last day of kept rows.
func expected(dataset *v1alpha1.Dataset, requests int) int {
	names, days := len(dataset.Tables)*perName, 0
	for _, t := range dataset.Tables {
		if t.OnErasure == v1alpha1.EraseKeep {
			days++
		}
	}
	columns := len(dataset.Tables) * 4 / 3 // a third of the tables have two actions
	return (names + requests*(columns+3*days)/3) * 4 / 3
}

// Reported tells whether the counts of so many requests want a container of their own to bring more of them.
func Reported(dataset *v1alpha1.Dataset, requests int) bool {
	return requests > 1 && expected(dataset, requests) > roomBeside
}

// PlanCapacity is how many requests one plan serves: about as many as two messages have room for. What does not fit is
// planned again, since a plan changes nothing.
func PlanCapacity(dataset *v1alpha1.Dataset) int {
	n := MaxRequests
	for n > 1 && expected(dataset, n) > roomBeside+roomAlone {
		n = n * 9 / 10
	}
	return n
}
