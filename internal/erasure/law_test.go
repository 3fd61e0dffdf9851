package erasure_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestAnyHistoryKeepsTheLaws plays random days in a namespace and checks after each act what must always hold.
func TestAnyHistoryKeepsTheLaws(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld()
		w.act(t, strings.Fields("officer Europe/Paris FR"))
		w.act(t, strings.Fields("register crm mailer=mail"))
		ends := map[types.UID]string{}
		for i := range rapid.IntRange(3, 25).Draw(r, "acts") {
			w.act(t, strings.Fields(drawAct(r, w, i)))
			if rapid.Bool().Draw(r, "settles") {
				w.settle()
			} else {
				w.pass()
			}
			laws(r, w, ends)
		}
	})
}

func drawAct(r *rapid.T, w *world, i int) string {
	any := func() string {
		if len(w.requests) == 0 {
			return "r0"
		}
		return w.requests[rapid.IntRange(0, len(w.requests)-1).Draw(r, "which")].Name
	}
	secret := fmt.Sprintf("p%d", rapid.IntRange(0, 2).Draw(r, "secret"))
	step := rapid.SampledFrom([]task.Step{task.Plan, task.Erase, task.Verify}).Draw(r, "step")
	reason := rapid.SampledFrom([]task.Reason{task.Unreachable, task.TableMissing, task.Interrupted, task.PlanChanged, task.SubjectChanged, task.Contradicted}).Draw(r, "reason")
	execution := rapid.SampledFrom([]string{"PlanOnly", "AfterApproval", "Automatic"}).Draw(r, "execution")
	return rapid.SampledFrom([]string{
		"secret " + secret + " email=" + secret + "@example.org",
		"secret " + secret + " email=stranger@example.org",
		"lose " + secret,
		fmt.Sprintf("request r%d %s 2026-03-05T08:00:00Z %s id=id%d", i, secret, execution, rapid.IntRange(0, 9).Draw(r, "id")),
		fmt.Sprintf("request r%d %s 2026-03-05T08:00:00Z %s", i, secret, execution),
		fmt.Sprintf("hold h%d 2026-03-%02d", i, rapid.IntRange(1, 31).Draw(r, "until")) + rapid.SampledFrom([]string{" person=" + secret, " person=none",
			" person=" + secret + " register=crm", " register=other", " register=crm", " table=orders", " table=invoices"}).Draw(r, "scope"),
		fmt.Sprintf("release h%d", rapid.IntRange(0, 24).Draw(r, "released")), fmt.Sprintf("forget h%d", rapid.IntRange(0, 24).Draw(r, "forgotten")),
		"jobs " + rapid.SampledFrom([]string{"hang", "hang", "commit", "part", "plan", "end"}).Draw(r, "jobs"),
		"approve " + any(), "refuse " + any() + " LegalClaims", "delete " + any(),
		"store " + string(step) + " fails " + string(reason), "store " + string(step) + " works",
		"store changes " + rapid.SampledFrom([]string{"a", "b"}).Draw(r, "plan"),
		"at " + w.now.Add(time.Duration(rapid.IntRange(0, 72).Draw(r, "hours"))*time.Hour).Format(time.RFC3339),
	}).Draw(r, "act")
}

func laws(r *rapid.T, w *world, ends map[types.UID]string) {
	if len(w.broke) > 0 {
		r.Fatalf("a hold that was Ready was broken: %s", w.broke)
	}
	busy := map[string]bool{}
	for i := range w.runs {
		run := &w.runs[i]
		if run.Status.EndedTime == nil {
			key := string(run.Spec.Store) + "/" + string(run.Spec.Mode)
			if busy[key] {
				r.Fatalf("two runs work on %s", key)
			}
			busy[key] = true
		}
		for j := range w.runs[:i] {
			if w.runs[j].Name == run.Name || w.runs[j].Spec.Epoch >= run.Spec.Epoch {
				r.Fatalf("runs %s and %s: names and epochs must be new", w.runs[j].Name, run.Name)
			}
		}
	}
	for i := range w.requests {
		request := &w.requests[i]
		s := &request.Status
		if s.End != "" {
			recorded := fmt.Sprint(s.End, s.EndedTime.Unix(), s.PlanDigest)
			if was, ok := ends[request.UID]; ok && was != recorded {
				r.Fatalf("%s ended as %s, then as %s", request.Name, was, recorded)
			}
			ends[request.UID] = recorded
		}
		executedOnce(r, w, request)
		if meta.IsStatusConditionTrue(s.Conditions, "Ready") && s.End == "" {
			r.Fatalf("%s is Ready without an end", request.Name)
		}
		if meta.IsStatusConditionTrue(s.Conditions, "Reconciling") && meta.IsStatusConditionTrue(s.Conditions, "Stalled") {
			r.Fatalf("%s is Reconciling and Stalled", request.Name)
		}
		if again := erasure.Fold(s.Targets, request.UID, w.runs); s.End == "" && request.DeletionTimestamp == nil {
			if diff := cmp.Diff(again, erasure.Fold(again, request.UID, w.runs)); diff != "" {
				r.Fatalf("folding twice differs: %s", diff)
			}
		}
	}
}

// executedOnce: nothing is erased without an approval of just that plan, and never twice.
func executedOnce(r *rapid.T, w *world, request *v1alpha1.ErasureRequest) {
	commits := 0
	for i := range w.runs {
		run := &w.runs[i]
		if run.Spec.Mode != v1alpha1.RunExecute || run.Status.CommittedTime == nil {
			continue
		}
		for _, o := range run.Status.Outcomes {
			if o.UID == string(request.UID) && o.Result != v1alpha1.TargetPending && o.Result != v1alpha1.TargetDeferred {
				commits++
			}
		}
	}
	switch {
	case commits > 1:
		r.Fatalf("%s was erased %d times", request.Name, commits)
	case commits == 1 && request.Spec.Execution == v1alpha1.ExecutionPlanOnly:
		r.Fatalf("%s asked for a plan only", request.Name)
	case commits == 1 && request.Status.ApprovedPlanDigest == "":
		r.Fatalf("%s was erased without an approved plan", request.Name)
	}
}

// TestNothingIsErasedWhileOnHold plays a hold that is placed and lifted at any moment of an erasure, with Jobs that begin,
// commit and are stopped in between; when all holds are lifted, every person is erased.
func TestNothingIsErasedWhileOnHold(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld()
		for _, act := range []string{"officer Europe/Paris FR", "register crm", "secret p0 email=a@example.org", "secret p1 email=b@example.org",
			"secret claim email=a@example.org", "request r0 p0 2026-03-05T08:00:00Z", "request r1 p1 2026-03-05T08:00:00Z"} {
			w.act(t, strings.Fields(act))
			w.settle()
		}
		w.act(t, []string{"jobs", "hang"})
		for i := range rapid.IntRange(1, 12).Draw(r, "acts") {
			w.act(t, strings.Fields(rapid.SampledFrom([]string{
				fmt.Sprintf("hold h%d 2026-12-31 person=claim", i), fmt.Sprintf("hold h%d 2026-12-31 table=orders", i), fmt.Sprintf("hold h%d 2026-12-31 register=crm", i),
				fmt.Sprintf("release h%d", rapid.IntRange(0, i).Draw(r, "released")), fmt.Sprintf("forget h%d", rapid.IntRange(0, i).Draw(r, "forgotten")),
				"jobs hang", "jobs commit", "jobs commit", "jobs part", "jobs part", "jobs plan", "jobs end", "approve r0", "approve r1", "approve r0", "approve r1",
			}).Draw(r, "act")))
			for range rapid.IntRange(0, 12).Draw(r, "passes") { // in any order
				rapid.SampledFrom(w.controllers()).Draw(r, "controller")()
			}
			if len(w.broke) > 0 {
				r.Fatalf("a hold that was Ready was broken: %s", w.broke)
			}
		}
		w.holds = nil
		w.act(t, []string{"approve", "r0"})
		w.act(t, []string{"approve", "r1"})
		for range 6 { // stopped Jobs end, and what was withheld waits for its turn
			w.act(t, []string{"jobs", "end"})
			w.settle()
		}
		for i := range w.requests {
			if s := &w.requests[i].Status; s.End != v1alpha1.EndErased {
				r.Fatalf("%s: %s", w.requests[i].Name, describe(&w.requests[i]))
			}
			if done := w.recorded(&w.requests[i]); done != w.gone[string(w.requests[i].UID)] {
				r.Fatalf("%s was in %d transactions, and runs tell of %d", w.requests[i].Name, w.gone[string(w.requests[i].UID)], done)
			}
		}
	})
}

// TestAHoldStopsAnErasureOfWhomTheSecretIsGone: the Job has the identifiers, whatever becomes of the Secret while it works.
func TestAHoldStopsAnErasureOfWhomTheSecretIsGone(t *testing.T) {
	for _, how := range []string{"lose p0", "secret p0 email=other@example.org"} {
		w := newWorld()
		for _, act := range []string{"officer Europe/Paris FR", "register crm", "secret p0 email=a@example.org", "secret claim email=a@example.org",
			"request r0 p0 2026-03-05T08:00:00Z", "jobs hang", "approve r0", how, "hold h0 2026-12-31 person=claim"} {
			w.act(t, strings.Fields(act))
			w.settle()
		}
		w.act(t, []string{"jobs", "commit"})
		w.settle()
		if len(w.broke) > 0 || w.erased > 0 {
			t.Errorf("after %q %d transactions were committed: %s", how, w.erased, w.broke)
		}
	}
}

// recorded is how many runs say that the store committed the erasure of a request.
func (w *world) recorded(request *v1alpha1.ErasureRequest) (n int) {
	for i := range w.runs {
		for _, o := range w.runs[i].Status.Outcomes {
			if w.runs[i].Status.CommittedTime != nil && o.UID == string(request.UID) && o.Result != v1alpha1.TargetPending {
				n++
			}
		}
	}
	return n
}

func TestTenThousandRequestsAreTensOfRuns(t *testing.T) {
	w := newWorld()
	in := erasure.DispatchInput{Image: image, Now: w.now, Register: ptr.To(w.register("crm", nil))}
	for i := range 10_000 {
		in.Requests = append(in.Requests, v1alpha1.ErasureRequest{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("r%d", i), UID: types.UID(fmt.Sprintf("uid-%05d", i))},
			Status: v1alpha1.ErasureRequestStatus{
				Conditions: []metav1.Condition{{Type: "Accepted", Status: metav1.ConditionTrue}},
				Targets:    []v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetPending}},
			}})
	}
	seen, runs := map[string]bool{}, 0
	for {
		verdict := erasure.Dispatch(in)
		if len(verdict.Create) == 0 {
			break
		}
		runs++
		run := *verdict.Create[0]
		run.Status.EndedTime = ptr.To(metav1.NewTime(in.Now))
		for _, r := range run.Spec.Requests {
			if seen[r.UID] {
				t.Fatalf("%s is served twice", r.UID)
			}
			seen[r.UID] = true
			run.Status.Outcomes = append(run.Status.Outcomes, v1alpha1.RunOutcome{UID: r.UID, Result: v1alpha1.TargetPlanned})
		}
		run.Status.PlanDigest = digestOf("a")
		for i := range in.Requests { // as its own controller counts it
			if seen[string(in.Requests[i].UID)] {
				in.Requests[i].Status.Targets[0].Result = v1alpha1.TargetPlanned
			}
		}
	}
	if len(seen) != 10_000 || runs > 30 {
		t.Errorf("%d requests in %d runs", len(seen), runs)
	}
}

// TestOneWhoCannotBePlannedSoonStandsAlone: of a thousand people one makes every plan fail in which they are.
func TestOneWhoCannotBePlannedSoonStandsAlone(t *testing.T) {
	w := newWorld()
	in := erasure.DispatchInput{Image: image, Now: w.now, Register: ptr.To(w.register("crm", nil))}
	for i := range 1000 {
		in.Requests = append(in.Requests, v1alpha1.ErasureRequest{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("r%d", i), UID: types.UID(fmt.Sprintf("uid-%05d", i))},
			Status: v1alpha1.ErasureRequestStatus{
				Conditions: []metav1.Condition{{Type: "Accepted", Status: metav1.ConditionTrue}},
				Targets:    []v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetPending}},
			}})
	}
	const bad = "uid-00421"
	planned, runs := 0, 0
	for ; planned < 999; runs++ {
		if runs > 100 {
			t.Fatalf("%d are planned after %d runs", planned, runs)
		}
		verdict := erasure.Dispatch(in)
		if len(verdict.Create) == 0 {
			if verdict.Wait == 0 {
				t.Fatalf("%d are planned, and nobody waits", planned)
			}
			in.Now = in.Now.Add(verdict.Wait)
			continue
		}
		run := *verdict.Create[0]
		result, reason := v1alpha1.TargetPlanned, ""
		if erasure.Lists(&run, bad) {
			result, reason = v1alpha1.TargetPending, "PlanImpossible"
		}
		run.Status.EndedTime, run.Status.PlanDigest, run.Status.Reason = ptr.To(metav1.NewTime(in.Now)), digestOf("a"), reason
		for _, r := range run.Spec.Requests {
			run.Status.Outcomes = append(run.Status.Outcomes, v1alpha1.RunOutcome{UID: r.UID, Result: result, Reason: reason})
		}
		for i := range in.Requests { // as its own controller counts it
			targets := erasure.Fold(in.Requests[i].Status.Targets, in.Requests[i].UID, []v1alpha1.ErasureRun{run})
			if targets[0].Result == v1alpha1.TargetPlanned && in.Requests[i].Status.Targets[0].Result != v1alpha1.TargetPlanned {
				planned++
			}
			in.Requests[i].Status.Targets = targets
		}
	}
	if in.Requests[421].Status.Targets[0].Result == v1alpha1.TargetPlanned {
		t.Error("the one who cannot be planned is planned")
	}
	t.Logf("%d runs, %s", runs, in.Now.Sub(w.now))
}
