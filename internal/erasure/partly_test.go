package erasure_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestARunThatStopsInItsMidstGoesOnForWhatWasCommitted: of three requests the first two are committed. Whatever stopped the run,
// these are verified and counted; the third is free at the end of the run, and nobody is asked.
func TestARunThatStopsInItsMidstGoesOnForWhatWasCommitted(t *testing.T) {
	for _, reason := range []task.Reason{task.Withheld, task.HoldUnclear, task.PlanChanged, task.PlanImpossible, task.Fenced, task.TooManyRows, task.PrivilegeMissing} {
		for _, attempts := range []int32{1, 7} {
			w := newWorld()
			in := begun(w, v1alpha1.RunExecute, attempts, time.Hour, task.Outcome{Step: task.Erase, Reason: reason, Done: 2, Ledger: 41, At: w.now, PlanDigest: digestOf("a")})
			in.Run.Spec.Requests = []v1alpha1.RunRequest{{Name: "r1", UID: "u1"}, {Name: "r2", UID: "u2"}, {Name: "r3", UID: "u3"}}
			first := erasure.JudgeRun(in)
			s := &first.Status
			if s.EndedTime != nil || s.CommittedTime == nil || *s.LedgerPosition != 41 || *s.Admitted != 2 || *s.StoppedRequests != 1 || s.StopReason != string(reason) || *s.Attempts != attempts+1 {
				t.Fatalf("%s: %+v", reason, s)
			}
			if again := erasure.JudgeRun(in); !cmp.Equal(first, again) { // the write was lost
				t.Errorf("%s: another pass says something else", reason)
			}
			in.Run.Status = first.Status
			if in.Job = nil; erasure.JudgeRun(in).Status.EndedTime != nil {
				t.Fatalf("%s: the run ended without a check", reason)
			}
			ended := checked(w, in)
			if ended.EndedTime == nil || ended.VerifiedTime == nil || ended.Reason != "" {
				t.Fatalf("%s: %+v", reason, ended)
			}
			in.Run.Status = ended
			for uid, want := range map[types.UID]v1alpha1.TargetResult{"u1": v1alpha1.TargetErased, "u2": v1alpha1.TargetErased, "u3": v1alpha1.TargetPending} {
				got := erasure.Fold([]v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetPlanned}}, uid, []v1alpha1.ErasureRun{*in.Run})[0]
				if got.Result != want || (want == v1alpha1.TargetPending) != (got.Reason == string(reason)) {
					t.Errorf("%s: %s is %s %s", reason, uid, got.Result, got.Reason)
				}
			}
			list := erasure.JudgeRun(erasure.RunInput{Run: in.Run, Now: w.now}).Conditions
			if i := slices.IndexFunc(list, func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionExecuted }); list[i].Reason != v1alpha1.ReasonPartlyCommitted {
				t.Errorf("%s: %+v", reason, list)
			}
		}
	}
}

// checked is the status after the Job that lists what was committed alone.
func checked(w *world, in erasure.RunInput) v1alpha1.ErasureRunStatus {
	work := begun(w, v1alpha1.RunExecute, *in.Run.Status.Attempts, time.Hour)
	in.Job = work.Job
	tables := []task.Table{{Name: "public.orders", Action: v1alpha1.EraseDeleteRows}}
	in.Answers = []task.Outcome{{Step: task.Erase, OK: true, Replayed: true, Tables: tables, Requests: []task.Counts{{Rows: []int64{3}}, {Rows: []int64{4}}}}, {Step: task.Verify, OK: true}}
	return erasure.JudgeRun(in).Status
}

// TestAPartIsNeverMistaken: an answer that may still become better is tried again, one that claims all or more than was asked is
// no part, and a run that was deleted says of what it committed that nobody verified it.
func TestAPartIsNeverMistaken(t *testing.T) {
	w := newWorld()
	for name, c := range map[string]struct {
		reason task.Reason
		done   int
		gone   bool
		part   bool
		result v1alpha1.TargetResult
	}{
		"a lost connection":   {reason: task.Interrupted, done: 1},
		"more than there are": {reason: task.PlanChanged, done: 3, part: true},
		"none":                {reason: task.PlanChanged, result: v1alpha1.TargetPending},
		"a run that is gone":  {reason: task.Withheld, done: 1, gone: true, part: true, result: v1alpha1.TargetFailed},
	} {
		in := begun(w, v1alpha1.RunExecute, 2, time.Hour, task.Outcome{Step: task.Erase, Reason: c.reason, Done: c.done})
		in.Run.Spec.Requests = append(in.Run.Spec.Requests, v1alpha1.RunRequest{Name: "r2", UID: "u2"})
		if c.gone {
			in.Run.DeletionTimestamp = ptr.To(metav1.NewTime(w.now))
		}
		got := erasure.JudgeRun(in).Status
		if (got.StoppedRequests != nil) != c.part || (got.EndedTime != nil) != (c.result != "") {
			t.Errorf("%s: %+v", name, got)
		}
		if c.result != "" && got.Outcomes[len(got.Outcomes)-1].Result != c.result {
			t.Errorf("%s: %+v", name, got.Outcomes)
		}
	}
}

// TestProgressIsWhatTheLastJobSaid: it grows, is in the words of the run, takes no retry away, and never says less than before.
func TestProgressIsWhatTheLastJobSaid(t *testing.T) {
	w := newWorld()
	in := begun(w, v1alpha1.RunExecute, 1, time.Hour)
	in.Run.Spec.Requests = []v1alpha1.RunRequest{{Name: "r1", UID: "u1"}, {Name: "r2", UID: "u2"}, {Name: "r3", UID: "u3"}}
	for i, step := range []struct {
		answer task.Outcome
		done   int32
		rows   int64
	}{
		{task.Outcome{Reason: task.Unfinished, Done: 1, Rows: 10}, 1, 10},
		{task.Outcome{Reason: task.Unreachable}, 1, 10},
		{task.Outcome{Reason: task.Unfinished, Done: 2, Rows: 30}, 2, 30},
		{task.Outcome{OK: true, Rows: 35, Requests: []task.Counts{{}, {}, {}}}, 3, 35},
	} {
		step.answer.Step = task.Erase
		in.Answers = []task.Outcome{step.answer}
		verdict := erasure.JudgeRun(in)
		in.Run.Status = verdict.Status
		if s := verdict.Status; *s.ExecutedRequests != step.done || *s.ExecutedRows != step.rows || s.EndedTime != nil || *s.Attempts != int32(i+2) { //nolint:gosec // a few
			t.Fatalf("step %d: %+v", i, s)
		}
	}
	in.Run.Status.CommittedTime, in.Answers = nil, []task.Outcome{{Step: task.Erase, Reason: task.Unreachable}}
	in.Run.Status.Attempts = ptr.To[int32](101) // two of these got on
	if s := erasure.JudgeRun(in).Status; s.EndedTime != nil {
		t.Errorf("%+v", s)
	}
	in.Run.Status.Attempts = ptr.To[int32](102)
	if s := erasure.JudgeRun(in).Status; s.EndedTime != nil || s.CheckTime == nil || *s.Turns != 102 {
		t.Errorf("after the last attempt the ledger is not asked: %+v", s)
	}
}
