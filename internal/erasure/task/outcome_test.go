package task

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// outcomes generates answers of any size.
func outcomes() *rapid.Generator[Outcome] {
	return rapid.Custom(func(t *rapid.T) Outcome {
		o := Outcome{Step: Erase, OK: true, Message: rapid.String().Draw(t, "message"), Names: rapid.SliceOfN(rapid.StringN(1, 80, 300), 0, 80).Draw(t, "names")}
		tables := rapid.IntRange(0, 128).Draw(t, "tables")
		for i := range tables {
			o.Tables = append(o.Tables, Table{Name: fmt.Sprintf("public.%s%d", rapid.StringN(0, 40, 63).Draw(t, "name"), i), Action: v1alpha1.EraseDeleteRows})
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
		text, err := o.Encode()
		if err != nil || len(text) > MaxOutcome {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		back, err := Decode(Erase, string(text))
		if err != nil || !back.OK {
			t.Fatalf("%v", err)
		}
		if !back.Truncated && len(back.Requests) != len(o.Requests) {
			t.Fatal("requests were lost and nothing says so")
		}
	})
}

func TestAMessageThatIsNoOutcomeIsNeverASuccess(t *testing.T) {
	for _, message := range []string{"", "ok", "{}", `{"step":"erase"}`, `{"step":"verify","ok":true}`, `{"step":"erase","ok":true`,
		`{"step":"erase","ok":true,"requests":[{"u":"x","r":[1]}]}`, `{"step":"erase","ok":true,"requests":[{"u":"","r":[]}]}`,
		`{"step":"erase","ok":true,"tables":[{"t":"a","a":"Keep"}],"requests":[{"u":"x","r":[-1]}]}`,
		`{"step":"erase","ok":true,"tables":[{"t":"a","a":"Keep"}],"requests":[{"u":"x","k":{"7":"2030-01-01"}}]}`} {
		if o, err := Decode(Erase, message); err == nil {
			t.Errorf("%q decoded to %+v", message, o)
		}
	}
}

func TestCapacityLeavesRoomForAllCounts(t *testing.T) {
	for _, tables := range []int{1, 3, 12, 40, 128} {
		dataset, o := &v1alpha1.Dataset{}, Outcome{Step: Erase, OK: true, PlanDigest: fmt.Sprintf("sha256:%064d", 0), Ledger: 1 << 40}
		for i := range tables {
			name, action := fmt.Sprintf("table_of_some_length_%d", i), v1alpha1.EraseDeleteRows
			if i%6 == 0 {
				action = v1alpha1.EraseKeep
			}
			dataset.Tables = append(dataset.Tables, v1alpha1.DatasetTable{Schema: "public", Name: v1alpha1.Identifier(name), OnErasure: action})
			o.Tables = append(o.Tables, Table{"public." + name, action})
			if i%3 == 0 {
				o.Tables = append(o.Tables, Table{"public." + name, v1alpha1.EraseMaskColumns})
			}
		}
		n := Capacity(dataset)
		for i := range n {
			c := Counts{UID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), Until: map[int]string{}}
			for j, table := range o.Tables {
				c.Rows = append(c.Rows, 123)
				if table.Action == v1alpha1.EraseKeep {
					c.Until[j] = "2036-12-31"
				}
			}
			o.Requests = append(o.Requests, c)
		}
		text, err := o.Encode()
		back, bad := Decode(Erase, string(text))
		if err != nil || bad != nil || (n > 1 && !cmp.Equal(back, o)) {
			t.Errorf("%d tables: the counts of %d requests do not fit", tables, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"step":"erase","ok":true,"tables":[{"t":"public.a","a":"Keep"}],"requests":[{"u":"x","r":[1],"k":{"0":"2030-01-01"}}]}`)
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
		if _, err := o.Encode(); err != nil {
			t.Error(err)
		}
		for _, r := range o.Requests {
			if len(r.Rows) > len(o.Tables) {
				t.Error("counts without a table")
			}
		}
	})
}
