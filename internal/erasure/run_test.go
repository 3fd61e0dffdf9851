package erasure_test

import (
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

func begun(w *world, mode v1alpha1.RunMode, attempts int32, ago time.Duration, answers ...task.Outcome) erasure.RunInput {
	run := &v1alpha1.ErasureRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "main-x", UID: "12345678-run"}}
	run.Spec = v1alpha1.ErasureRunSpec{RegisterRef: v1alpha1.LocalRef{Name: "crm"}, Store: "main", Mode: mode, Epoch: 1, Image: image,
		Requests: []v1alpha1.RunRequest{{Name: "r1", UID: "u1"}}}
	run.Status.Attempts, run.Status.StartedTime = ptr.To(attempts), ptr.To(metav1.NewTime(w.now))
	return erasure.RunInput{Run: run, Register: ptr.To(w.register("crm", nil)), Image: image, Now: w.now, Answers: answers,
		Job: &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(w.now.Add(-ago))}}}}}
}

func TestWhatAnEndedJobMeans(t *testing.T) {
	ok := func(step task.Step) task.Outcome {
		return task.Outcome{Step: step, OK: true, PlanDigest: digestOf("a"), Requests: []task.Counts{{}}}
	}
	no := func(step task.Step, reason task.Reason) task.Outcome { return task.Outcome{Step: step, Reason: reason} }
	execute, plan := v1alpha1.RunExecute, v1alpha1.RunPlan
	for name, c := range map[string]struct {
		mode     v1alpha1.RunMode
		attempts int32
		ago      time.Duration
		answers  []task.Outcome
		result   v1alpha1.TargetResult // empty: the run goes on
		reason   string
		next     int32
	}{
		"a plan without an answer is tried again":                {plan, 1, time.Hour, nil, "", "", 2},
		"a plan without an answer gives up":                      {plan, 3, time.Hour, nil, v1alpha1.TargetPending, "Internal", 3},
		"an unreachable store ends a plan":                       {plan, 1, time.Hour, []task.Outcome{no(task.Plan, task.Unreachable)}, v1alpha1.TargetPending, "Unreachable", 1},
		"a plan":                                                 {plan, 1, time.Hour, []task.Outcome{ok(task.Plan)}, v1alpha1.TargetPlanned, "", 1},
		"a failure without a known reason is one":                {plan, 3, time.Hour, []task.Outcome{no(task.Plan, "")}, v1alpha1.TargetPending, "Internal", 3},
		"a lost execution is tried again":                        {execute, 1, time.Hour, nil, "", "", 2},
		"but not before its time":                                {execute, 4, time.Second, nil, "", "", 4},
		"a lost connection is tried again":                       {execute, 1, time.Hour, []task.Outcome{no(task.Erase, task.Interrupted)}, "", "", 2},
		"a changed plan erased nothing":                          {execute, 9, time.Hour, []task.Outcome{no(task.Erase, task.PlanChanged)}, v1alpha1.TargetPending, "PlanChanged", 9},
		"a first refusal erased nothing":                         {execute, 1, time.Hour, []task.Outcome{no(task.Erase, task.SubjectChanged)}, v1alpha1.TargetPending, "SubjectChanged", 1},
		"a later refusal may hide a commit: the ledger is asked": {execute, 2, time.Hour, []task.Outcome{no(task.Erase, task.SubjectChanged)}, "", "", 3},
		"a store that is slow for ever is asked again":           {execute, 1, time.Hour, []task.Outcome{no(task.Erase, task.TimedOut)}, "", "", 2},
		"a verifier that cannot connect is tried again":          {execute, 1, time.Hour, []task.Outcome{ok(task.Erase), no(task.Verify, task.Unreachable)}, "", "", 2},
		"a verifier that was refused is tried again":             {execute, 1, time.Hour, []task.Outcome{ok(task.Erase), no(task.Verify, task.AuthenticationFailed)}, "", "", 2},
		"a contradiction is never an end that is well":           {execute, 1, time.Hour, []task.Outcome{ok(task.Erase), no(task.Verify, task.Contradicted)}, v1alpha1.TargetFailed, "Contradicted", 1},
		"an erasure that nothing verified is not verified":       {execute, 100, time.Hour, []task.Outcome{ok(task.Erase)}, v1alpha1.TargetFailed, "Internal", 100},
		"an erasure of somebody who was not there has no rows":   {execute, 1, time.Hour, []task.Outcome{ok(task.Erase), ok(task.Verify)}, v1alpha1.TargetNothing, "", 1},
		"a verification without an erasure is not an execution":  {execute, 100, time.Hour, []task.Outcome{ok(task.Verify)}, "", "", 101},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			got := erasure.JudgeRun(begun(w, c.mode, c.attempts, c.ago, c.answers...)).Status
			if (got.EndedTime == nil) != (c.result == "") || *got.Attempts != c.next {
				t.Fatalf("ended %v, attempts %d", got.EndedTime, *got.Attempts)
			}
			if c.result != "" && (got.Outcomes[0].Result != c.result || got.Reason != c.reason) {
				t.Errorf("%s for %q, want %s for %q", got.Outcomes[0].Result, got.Reason, c.result, c.reason)
			}
			if got.VerifiedTime != nil && c.reason != "" {
				t.Error("verified although it failed")
			}
		})
	}
}

// TestACommitIsKeptThroughALaterFailure: the counts of the first attempt stand when the second cannot be read.
func TestACommitIsKeptThroughALaterFailure(t *testing.T) {
	w := newWorld()
	first := begun(w, v1alpha1.RunExecute, 1, time.Hour, w.answer(&v1alpha1.ErasureRun{Spec: v1alpha1.ErasureRunSpec{PlanDigest: w.digest}},
		&workingJob{task: task.Task{Requests: []task.Request{{UID: "u1"}}}}, task.Erase))
	verdict := erasure.JudgeRun(first)
	if verdict.Status.CommittedTime == nil || verdict.Status.EndedTime != nil {
		t.Fatalf("after the commit: %+v", verdict.Status)
	}
	second := begun(w, v1alpha1.RunExecute, 2, time.Hour, task.Outcome{Step: task.Erase, Reason: task.SubjectChanged})
	second.Run.Status = verdict.Status
	verdict = erasure.JudgeRun(second)
	if o := verdict.Status.Outcomes[0]; o.Result != v1alpha1.TargetErased || o.Rows[0] != 3 || verdict.Status.EndedTime != nil {
		t.Fatalf("after the failure: %+v", verdict.Status)
	}
}

// TestWhatAPlanNotesReachesTheRequest: who approves must see it. The notes name tables, never people.
func TestWhatAPlanNotesReachesTheRequest(t *testing.T) {
	w := newWorld()
	const notes = "people were found in public.newsletter, which the dataset does not have"
	in := begun(w, v1alpha1.RunPlan, 1, time.Hour, task.Outcome{Step: task.Plan, OK: true, PlanDigest: digestOf("a"), Message: notes, Requests: []task.Counts{{}}})
	in.Run.Status = erasure.JudgeRun(in).Status
	targets := erasure.Fold([]v1alpha1.ErasureTarget{{Register: "crm", Store: "main"}}, "u1", []v1alpha1.ErasureRun{*in.Run})
	if got := targets[0]; got.Result != v1alpha1.TargetPlanned || got.Message != notes {
		t.Errorf("%s with %q, want the notes of the plan", got.Result, got.Message)
	}
}
