package erasure_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// working is a world with two requests of two people that are in one run, whose first Job was told to fail.
func working(t *testing.T, first task.Reason) *world {
	t.Helper()
	w := newWorld()
	w.tellAll(t, "officer Europe/Paris FR", "register crm", "secret p1 email=ada@example.org", "secret p2 email=bob@example.org",
		"request r1 p1 2026-03-05T08:00:00Z", "request r2 p2 2026-03-05T08:00:00Z")
	w.fails[task.Erase] = first
	w.act(t, strings.Fields("approve r1"))
	w.act(t, strings.Fields("approve r2"))
	for range 100 {
		w.pass()
		if run := w.execution(); run != nil && run.Status.Attempts != nil && *run.Status.Attempts == 2 {
			return w
		}
	}
	t.Fatal("the run did not come to its second Job")
	return nil
}

func (w *world) tellAll(t *testing.T, acts ...string) {
	t.Helper()
	for _, act := range acts {
		w.act(t, strings.Fields(act))
		w.settle()
	}
}

// execution is the first run that erases.
func (w *world) execution() *v1alpha1.ErasureRun {
	for i := range w.runs {
		if w.runs[i].Spec.Mode == v1alpha1.RunExecute {
			return &w.runs[i]
		}
	}
	return nil
}

// longer lets controllers work, and waits pass, so many times.
func (w *world) longer(times int) {
	for range times {
		w.settle()
		w.now = w.now.Add(5 * time.Minute)
	}
}

// readyOf is the condition Ready of a request.
func (w *world) readyOf(name string) string {
	for i := range w.requests {
		if c := meta.FindStatusCondition(w.requests[i].Status.Conditions, v1alpha1.ConditionReady); w.requests[i].Name == name && c != nil {
			return string(c.Status) + "/" + c.Reason
		}
	}
	return "gone"
}

// TestAStoreThatWasNeverReachedCommittedNothing: after attempts that did not get as far as the store, no answer leaves anybody in
// doubt; when the store is mended, everybody is erased.
func TestAStoreThatWasNeverReachedCommittedNothing(t *testing.T) {
	for _, later := range []task.Reason{task.AuthenticationFailed, task.TLSFailed, task.PrivilegeMissing, task.DatabaseMissing, task.RoleTooStrong, task.Unreachable} {
		w := working(t, task.Unreachable)
		w.fails[task.Erase] = later
		w.longer(1)
		if later == task.Unreachable && w.execution().Status.EndedTime == nil {
			t.Fatalf("the run goes on after %d Jobs", *w.execution().Status.Attempts)
		}
		for _, run := range w.runs {
			for _, o := range run.Status.Outcomes {
				if o.Result == v1alpha1.TargetFailed || o.Reason == v1alpha1.ReasonCommitUnknown {
					t.Errorf("%s: %s for %q", later, o.Result, o.Reason)
				}
			}
		}
		delete(w.fails, task.Erase)
		w.longer(4)
		if w.readyOf("r1") != "True/Erased" || w.readyOf("r2") != "True/Erased" || w.erased == 0 {
			t.Errorf("%s: r1 %s, r2 %s", later, w.readyOf("r1"), w.readyOf("r2"))
		}
	}
}

// TestTheLedgerIsAskedUntilItAnswers: a Job that may have committed is followed by an answer that says nothing of it. However long it
// takes, the ledger is asked, and what it says counts.
func TestTheLedgerIsAskedUntilItAnswers(t *testing.T) {
	for _, committed := range []int{0, 1, 2} {
		w := working(t, task.Interrupted)
		run := w.execution()
		w.commit(run, w.jobs[w.lastJob(run)], committed)
		w.fails[task.Erase] = task.AuthenticationFailed
		w.longer(30)
		if run = w.execution(); run.Status.EndedTime != nil || run.Status.CheckTime == nil || run.Status.CheckReason != string(task.AuthenticationFailed) {
			t.Fatalf("%d committed: %+v", committed, run.Status)
		}
		if w.readyOf("r1") != "False/Executing" {
			t.Errorf("%d committed: r1 %s", committed, w.readyOf("r1"))
		}
		erased := w.erased
		delete(w.fails, task.Erase)
		w.longer(4)
		if w.readyOf("r1") != "True/Erased" || w.readyOf("r2") != "True/Erased" {
			t.Errorf("%d committed: r1 %s, r2 %s", committed, w.readyOf("r1"), w.readyOf("r2"))
		}
		for uid, times := range w.gone {
			if times != 1 {
				t.Errorf("%d committed: %s was erased %d times", committed, uid, times)
			}
		}
		if again := w.erased - erased; (committed == 2) != (again == 0) {
			t.Errorf("%d committed: erased %d times again", committed, again)
		}
	}
}

// TestTheSecondPodOfAJobDoesNotSpeakForTheFirst: the first may have committed, and what the other says of itself is not an end.
func TestTheSecondPodOfAJobDoesNotSpeakForTheFirst(t *testing.T) {
	for _, answer := range []task.Outcome{
		{Step: task.Erase, Reason: task.Unreachable, Untouched: true}, {Step: task.Erase, Reason: task.AuthenticationFailed, Untouched: true},
		{Step: task.Erase, Reason: task.SubjectChanged}, {Step: task.Erase, Reason: task.PrivilegeMissing},
	} {
		for _, pods := range []int32{1, 2} {
			in := begun(newWorld(), v1alpha1.RunExecute, 1, time.Hour, answer)
			in.Job.Status.Failed = pods
			got := erasure.JudgeRun(in).Status
			if alone := pods == 1; got.CheckTime != nil == alone && !answer.Reason.Retryable() || valueOf(got.UntouchedAttempts) == 1 != (alone && answer.Untouched) {
				t.Errorf("%s of %d pods: %+v", answer.Reason, pods, got)
			}
		}
	}
}

func valueOf(p *int32) int32 {
	if p == nil {
		return 0
	}
	return *p
}

// TestAJobThatSomebodyDeletedMayHaveCommitted: the one that follows does not speak for it, and begins when its pod has ended.
func TestAJobThatSomebodyDeletedMayHaveCommitted(t *testing.T) {
	for _, committed := range []int{0, 1, 2} {
		for _, late := range []bool{false, true} {
			w := newWorld()
			w.work("plan")
			w.tellAll(t, "officer Europe/Paris FR", "register crm", "secret p1 email=ada@example.org", "secret p2 email=bob@example.org",
				"request r1 p1 2026-03-05T08:00:00Z", "request r2 p2 2026-03-05T08:00:00Z")
			w.act(t, strings.Fields("approve r1"))
			w.act(t, strings.Fields("approve r2"))
			w.settle()
			run := w.execution()
			j := w.jobs[w.lastJob(run)]
			delete(w.jobs, j.Name)
			if late { // it commits while it is being stopped
				w.lingers = true
				w.longer(2)
				if made := w.lastJob(run); made != "" {
					t.Fatalf("%s began beside a pod that works", made)
				}
			}
			w.commit(run, j, committed)
			w.lingers = false
			w.fails[task.Erase] = task.Unreachable
			w.work("end")
			w.longer(1)
			w.fails[task.Erase] = task.AuthenticationFailed
			w.longer(4)
			delete(w.fails, task.Erase)
			w.longer(4)
			if w.readyOf("r1") != "True/Erased" || w.readyOf("r2") != "True/Erased" {
				t.Errorf("%d committed: r1 %s, r2 %s", committed, w.readyOf("r1"), w.readyOf("r2"))
			}
			for uid, times := range w.gone {
				if times != 1 {
					t.Errorf("%d committed: %s was erased %d times", committed, uid, times)
				}
			}
		}
	}
}

// TestALostSubjectHoldsUpNobodyElse: a subject Secret that is lost or changed in the midst of a run ends the run, not the store.
func TestALostSubjectHoldsUpNobodyElse(t *testing.T) {
	for _, first := range []task.Reason{task.Unreachable, task.Interrupted} {
		for _, committed := range []int{0, 1, 2} {
			for _, who := range []string{"p1", "p2"} {
				for _, act := range []string{"lose ", "secret "} {
					if first == task.Unreachable && committed > 0 {
						continue
					}
					w := working(t, first)
					run := w.execution()
					w.commit(run, w.jobs[w.lastJob(run)], committed)
					erased := map[string]bool{}
					for uid := range w.gone {
						erased[uid] = true
					}
					delete(w.fails, task.Erase)
					w.act(t, strings.Fields(act+who+" email=somebody@example.org"))
					w.longer(16)
					what := string(first) + "/" + act + who
					if run = w.execution(); run.Status.EndedTime == nil {
						t.Fatalf("%s after %d commits: the run goes on: %+v", what, committed, run.Status)
					}
					for i := range w.requests {
						r := &w.requests[i]
						lost := string(r.Spec.Subject.SecretRef.Name) == who
						target, ready := r.Status.Targets[0], w.readyOf(r.Name)
						switch {
						case !lost && ready != "True/Erased":
							t.Errorf("%s after %d commits: %s is %s", what, committed, r.Name, ready)
						case lost && erased[string(r.UID)] && (target.Result != v1alpha1.TargetFailed || target.Reason != v1alpha1.ReasonSubjectLost || target.ExecutedTime == nil || target.VerifiedTime != nil):
							t.Errorf("%s after %d commits: %s is %s: %+v", what, committed, r.Name, ready, target)
						case lost && !erased[string(r.UID)] && target.Result != v1alpha1.TargetPending:
							t.Errorf("%s after %d commits: %s is %s: %+v", what, committed, r.Name, ready, target)
						case lost && !erased[string(r.UID)] && !strings.HasPrefix(ready, "False/Subject"):
							t.Errorf("%s after %d commits: %s is %s", what, committed, r.Name, ready)
						}
					}
					for uid, times := range w.gone {
						if times != 1 {
							t.Errorf("%s after %d commits: %s was erased %d times", what, committed, uid, times)
						}
					}
				}
			}
		}
	}
}

// TestALostSubjectMayReturn: a subject Secret that is made again with the same content within the hour after the commit loses nobody
// their verification; after the hour it is given up.
func TestALostSubjectMayReturn(t *testing.T) {
	for _, after := range []int{0, 4, 11, 15} {
		w := working(t, task.Interrupted)
		run := w.execution()
		w.commit(run, w.jobs[w.lastJob(run)], 2)
		delete(w.fails, task.Erase)
		w.act(t, strings.Fields("lose p1"))
		w.longer(after)
		w.act(t, strings.Fields("secret p1 email=ada@example.org"))
		w.longer(4)
		run = w.execution()
		lost := slices.ContainsFunc(run.Status.Outcomes, func(o v1alpha1.RunOutcome) bool { return o.Reason == v1alpha1.ReasonSubjectLost })
		if run.Status.EndedTime == nil || lost != (after > 12) {
			t.Errorf("after %d times five minutes: %+v", after, run.Status)
		}
	}
}

// lastJob is the name of the Job of a run that was made last.
func (w *world) lastJob(run *v1alpha1.ErasureRun) string {
	last := ""
	for name := range w.jobs {
		if strings.HasPrefix(name, "er-"+strings.ReplaceAll(string(run.UID), "-", "")[:8]) && name > last {
			last = name
		}
	}
	return last
}
