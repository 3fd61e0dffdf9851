package postgres

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

func TestWhatTheLedgerRemembers(t *testing.T) {
	tables := []task.Table{{Name: "public.a", Action: v1alpha1.EraseDeleteRows}, {Name: "public.b", Action: v1alpha1.EraseKeep}}
	some := counted{tables, []task.Counts{{UID: "u1", Rows: []int64{3, 0}}, {UID: "u2", Rows: []int64{0, 12}, Until: map[int]string{1: "2031-01-31"}}}}
	none := counted{[]task.Table{}, []task.Counts{{UID: "u1", Rows: []int64{}}}}
	uids := []string{"u1", "u2"}
	old, err := json.Marshal(map[string]any{"tables": some.Tables, "requests": some.Requests})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		text string
		uids []string
		want *counted // nil for a row that cannot be read
	}{
		"as it is written":              {inLedger(t, some), uids, &some},
		"no table":                      {inLedger(t, none), uids[:1], &none},
		"as it was written before":      {string(old), uids, &some},
		"of fewer requests than it has": {inLedger(t, some), uids[:1], nil},
		"no number":                     {`{"tables": [{"name": "public.a"}], "rows": ["x"]}`, uids[:1], nil},
		"a number too few":              {`{"tables": [{"name": "public.a"}], "rows": [""]}`, uids[:1], nil},
	} {
		var r record
		if err := json.Unmarshal([]byte(row.text), &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, ok := r.counted(row.uids)
		if ok != (row.want != nil) || ok && !reflect.DeepEqual(got, *row.want) {
			t.Errorf("%s: %+v, %t", name, got, ok)
		}
	}
}

func inLedger(t *testing.T, c counted) string {
	t.Helper()
	text, err := json.Marshal(recordOf(c))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
