package erasure

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestRowsAreSummedBeforeListsAreCut: a status has room for 128 tables and 32 that keep rows. What is beyond is counted, and said.
func TestRowsAreSummedBeforeListsAreCut(t *testing.T) {
	now := metav1.Now()
	run := v1alpha1.ErasureRun{}
	run.Spec.RegisterRef.Name, run.Spec.Store, run.Spec.Mode, run.Spec.Epoch = "crm", "main", v1alpha1.RunExecute, 5
	run.Spec.Requests = []v1alpha1.RunRequest{{UID: "u"}}
	run.Status.EndedTime, run.Status.CommittedTime, run.Status.VerifiedTime = &now, &now, &now
	o := v1alpha1.RunOutcome{UID: "u", Result: v1alpha1.TargetPartlyKept}
	add := func(n int, action v1alpha1.TableErasure) {
		for i := range n {
			run.Status.Tables = append(run.Status.Tables, v1alpha1.RunTable{Table: fmt.Sprintf("public.t%03d", i), Action: action, Article: "17(3)(b)"})
			o.Rows = append(o.Rows, 1)
		}
	}
	add(100, v1alpha1.EraseDeleteRows)
	add(60, v1alpha1.EraseKeep)
	run.Status.Outcomes = []v1alpha1.RunOutcome{o}
	planned := v1alpha1.ErasureTarget{Register: "crm", Store: "main", Result: v1alpha1.TargetPlanned}
	done := Fold([]v1alpha1.ErasureTarget{planned}, "u", []v1alpha1.ErasureRun{run})[0]
	if valueOf(done.RowsDeleted) != 100 || valueOf(done.RowsKept) != 60 || len(done.Tables) != maxTables || len(done.Kept) != maxKept ||
		valueOf(done.TablesOmitted) != 32 || valueOf(done.KeptOmitted) != 28 {
		t.Errorf("deleted %d, kept %d; %d tables and %d more, %d kept and %d more", valueOf(done.RowsDeleted), valueOf(done.RowsKept),
			len(done.Tables), valueOf(done.TablesOmitted), len(done.Kept), valueOf(done.KeptOmitted))
	}
	if words := planWords([]v1alpha1.ErasureTarget{done}); !strings.Contains(words, "at least") {
		t.Errorf("a plan of which tables are not listed: %q", words)
	}

	run.Spec.Epoch, run.Status.Tables, run.Status.Outcomes[0].Rows = 6, run.Status.Tables[:1], []int64{2}
	done.Result = v1alpha1.TargetPlanned // after a hold
	if again := Fold([]v1alpha1.ErasureTarget{done}, "u", []v1alpha1.ErasureRun{run})[0]; again.TablesOmitted != nil || again.KeptOmitted != nil || valueOf(again.RowsDeleted) != 102 {
		t.Errorf("a second execution: %+v", again)
	}
}
