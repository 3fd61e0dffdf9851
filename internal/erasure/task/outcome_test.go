package task

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// outcomes generates answers of any size.
func outcomes() *rapid.Generator[Outcome] {
	return rapid.Custom(func(t *rapid.T) Outcome {
		o := Outcome{Step: Erase, OK: true, Message: rapid.String().Draw(t, "message"), Names: rapid.SliceOfN(rapid.StringN(1, 80, 300), 0, 80).Draw(t, "names")}
		tables := rapid.IntRange(0, 128).Draw(t, "tables")
		for i := range tables {
			o.Tables = append(o.Tables, Table{Name: fmt.Sprintf("public.%s%d", rapid.StringMatching("[a-z]{0,40}").Draw(t, "name"), i), Action: v1alpha1.EraseDeleteRows})
		}
		for i := range rapid.IntRange(0, 60).Draw(t, "requests") {
			o.Requests = append(o.Requests, Counts{UID: fmt.Sprint(i, "-uid"), Rows: rapid.SliceOfN(rapid.Int64Range(0, 1<<40), tables, tables).Draw(t, "rows")})
		}
		return o
	})
}

func TestAnOutcomeAlwaysFitsAndDecodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outcomes().Draw(t, "outcome")
		from := rapid.IntRange(0, len(o.Requests)).Draw(t, "from")
		text, next, err := o.Encode(from)
		if err != nil || len(text) > MaxOutcome {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		back, err := Decode(Erase, string(text))
		if err != nil || !back.OK || next < from || len(back.Requests) != next-from {
			t.Fatalf("%v, %d from %d to %d", err, len(back.Requests), from, next)
		}
		if next > from && (back.From != from || !cmp.Equal(back.Tables, o.Tables, cmpopts.EquateEmpty()) || !cmp.Equal(back.Requests, anonymous(o.Requests[from:next]), cmpopts.EquateEmpty())) {
			t.Fatal("other counts came back")
		}
	})
}

// anonymous are counts as a message brings them.
func anonymous(counts []Counts) []Counts {
	list := slices.Clone(counts)
	for i := range list {
		list[i].UID = ""
	}
	return list
}

// company is the dataset of a company with so many tables, and the counts of its people.
func company(tables, people int) (*v1alpha1.Dataset, Outcome) {
	chance := rand.New(rand.NewPCG(1, 2))
	dataset, o := &v1alpha1.Dataset{}, Outcome{Step: Erase, OK: true, PlanDigest: fmt.Sprintf("sha256:%064d", 0), Ledger: 1 << 40, At: time.Unix(1, 0)}
	for i := range tables {
		name, action := fmt.Sprintf("table_of_some_length_%d", i), v1alpha1.EraseDeleteRows
		if i%6 == 0 {
			action = v1alpha1.EraseKeep
		}
		dataset.Tables = append(dataset.Tables, v1alpha1.DatasetTable{Name: v1alpha1.Identifier(name), OnErasure: action})
		o.Tables = append(o.Tables, Table{Name: "public." + name, Action: action})
		if i%3 == 0 {
			o.Tables = append(o.Tables, Table{Name: "public." + name, Action: v1alpha1.EraseMaskColumns})
		}
	}
	for i := range people {
		c := Counts{UID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), Until: map[int]string{}}
		for j, table := range o.Tables {
			c.Rows = append(c.Rows, int64(chance.ExpFloat64()*4))
			if table.Action == v1alpha1.EraseKeep {
				c.Until[j] = time.Date(2030, 1, 1+chance.IntN(3650), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			}
		}
		o.Requests = append(o.Requests, c)
	}
	return dataset, o
}

func TestTheCountsOfAThousandPeopleComeInAFewMessages(t *testing.T) {
	for tables, most := range map[int]int{1: 2, 3: 2, 12: 5, 40: 17, 128: 64} {
		_, o := company(tables, MaxRequests)
		var got []Counts
		messages := 0
		for from := 0; from < len(o.Requests); messages++ {
			text, next, err := o.Encode(from)
			if err != nil || next == from {
				t.Fatalf("%d tables: no progress at %d: %v", tables, from, err)
			}
			page, err := Decode(Erase, string(text))
			if err != nil {
				t.Fatal(err)
			}
			got, from = append(got, page.Requests...), next
		}
		if diff := cmp.Diff(anonymous(o.Requests), got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%d tables: other counts came back:\n%s", tables, diff)
		}
		if messages > most {
			t.Errorf("%d tables: %d messages, want at most %d", tables, messages, most)
		}
	}
}

func TestAPlanServesAboutAsManyAsItCanTellOf(t *testing.T) {
	for tables, least := range map[int]int{1: 1000, 12: 600, 40: 180, 128: 45} {
		dataset, _ := company(tables, 0)
		n := PlanCapacity(dataset)
		_, o := company(tables, n)
		_, next, _ := o.Encode(0)
		_, all, err := Outcome{Step: Report, OK: true, Tables: o.Tables, Requests: o.Requests}.Encode(next)
		if n < least || err != nil || all < n/3 {
			t.Errorf("%d tables: a plan of %d tells of %d: %v", tables, n, all, err)
		}
	}
}

func TestAMessageThatIsNoOutcomeIsNeverASuccess(t *testing.T) {
	_, o := company(3, 5)
	text, _, err := o.Encode(0)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(text)
	for _, message := range []string{"", "ok", "{}", `{"step":"erase"}`, `{"step":"verify","ok":true}`, `{"step":"erase","ok":true`, whole[:len(whole)-20],
		strings.Replace(whole, `"n":5`, `"n":6`, 1), strings.Replace(whole, `"n":5`, `"n":4`, 1), strings.Replace(whole, `"n":5`, `"n":1001`, 1), strings.Replace(whole, `"from":0`, `"from":-1`, 1),
		`{"step":"erase","ok":true,"page":{"from":0,"n":1,"data":"AAAA"}}`, `{"step":"erase","ok":true,"page":{"from":0,"n":1}}`} {
		if o, err := Decode(Erase, message); err == nil {
			t.Errorf("%q decoded to %+v", message, o)
		}
	}
	if _, err := Decode(Erase, whole); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	_, o := company(3, 5)
	text, _, err := o.Encode(0)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"step":"erase","reason":"Fenced"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, message string) {
		o, err := Decode(Erase, message)
		if err != nil {
			if o.OK {
				t.Error("a malformed message is a success")
			}
			return
		}
		if _, _, err := o.Encode(0); err != nil {
			t.Error(err)
		}
		for _, r := range o.Requests {
			if len(r.Rows) > len(o.Tables) || slices.ContainsFunc(r.Rows, func(n int64) bool { return n < 0 }) {
				t.Error("counts without a table, or below zero")
			}
		}
	})
}
