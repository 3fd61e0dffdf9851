package erasure

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
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

// TestWhoSharesAllRowsWithAnotherIsNotToldThatThereWereNone: a row of two people, or of one who asked twice, is counted for the first of
// the run. The second request says so, in its certificate too, and the backups of what was treated count for it.
func TestWhoSharesAllRowsWithAnotherIsNotToldThatThereWereNone(t *testing.T) {
	now := metav1.Now()
	run := v1alpha1.ErasureRun{}
	run.Spec.RegisterRef.Name, run.Spec.Store, run.Spec.Mode, run.Spec.Epoch = "crm", "main", v1alpha1.RunExecute, 5
	run.Spec.Requests = []v1alpha1.RunRequest{{UID: "first"}, {UID: "second"}}
	run.Status.EndedTime, run.Status.CommittedTime, run.Status.VerifiedTime = &now, &now, &now
	run.Status.Tables = []v1alpha1.RunTable{{Table: "public.contracts", Action: v1alpha1.EraseDeleteRows}}
	run.Status.Outcomes = []v1alpha1.RunOutcome{{UID: "first", Result: v1alpha1.TargetErased, Rows: []int64{2}}, {UID: "second", Result: v1alpha1.TargetNothing}}
	fold := func() *v1alpha1.ErasureRequestStatus {
		planned := v1alpha1.ErasureTarget{Register: "crm", Store: "main", Result: v1alpha1.TargetPlanned}
		return &v1alpha1.ErasureRequestStatus{End: v1alpha1.EndNothingFound, Targets: Fold([]v1alpha1.ErasureTarget{planned}, "second", []v1alpha1.ErasureRun{run})}
	}
	status := fold()
	target := status.Targets[0]
	if words := endWords(&v1alpha1.ErasureRequest{}, status); target.Reason != v1alpha1.ReasonCountedWithOthers || target.Message == "" || !strings.HasPrefix(words, "No row was counted for this request alone") {
		t.Errorf("%s %q, and the end says %q", target.Reason, target.Message, words)
	}
	j := &judgement{status: status}
	j.backupsClear()
	if len(status.BackupsUnclear) != 1 {
		t.Errorf("backups of what was treated: %q", status.BackupsUnclear)
	}
	run.Status.Message = strings.Repeat("v", task.MaxMessage)
	if message := fold().Targets[0].Message; len(message) > 1024 || !strings.HasSuffix(message, run.Status.Message) {
		t.Errorf("what the verifier said is lost, or %d bytes are too many", len(message))
	}
	run.Status.Outcomes[0].Rows = nil
	if status := fold(); status.Targets[0].Reason != "" {
		t.Errorf("of a run without a row: %s", status.Targets[0].Reason)
	}
}
