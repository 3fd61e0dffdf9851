package register

import (
	"fmt"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestAStoreThatForgotRequestsIsNotReady: it came back from a backup. It is looked at again soon, and less often the longer that
// lasts; when the ledger has all requests again the register is Ready.
func TestAStoreThatForgotRequestsIsNotReady(t *testing.T) {
	in := input(readRegister(t, "managed"), Facts{})
	name := in.Register.Spec.Stores[0].Name
	scan := func(identity string, lost ...string) (Verdict, v1alpha1.StoreStatus) {
		in.Now = in.Now.Add(time.Hour)
		in.Stores[string(name)] = Facts{Class: allowed, StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)}
		outcomes := answers(task.Accurate)
		outcomes[1].Identity, outcomes[1].Lost, outcomes[1].LostTotal = identity, lost, int32(len(lost)) //nolint:gosec // a few
		verdict := Judge(in, map[string]Seen{string(name): {Places: []Place{allowed}, Outcomes: outcomes}})
		in.Register.Status.Stores = verdict.Stores
		return verdict, verdict.Stores[0]
	}
	if v, s := scan("7/0"); short(v.Conditions, "Ready") != "Ready=True StoresAnswer" || s.RestoredTime != nil {
		t.Errorf("before: %s, %+v", short(v.Conditions, "Ready"), s)
	}
	v, s := scan("7/1", "a", "b")
	if short(v.Conditions, "Ready", "Reconciling", "Provisioned") != "Ready=False Restored, Reconciling=True Restored, Provisioned=True Provisioned" || value(s.LostRequests) != 2 || s.RestoredTime == nil {
		t.Errorf("restored: %s, %+v", short(v.Conditions, "Ready", "Reconciling"), s)
	}
	since := s.RestoredTime.Time
	for range 8 {
		_, s = scan("7/1", "a", "b")
	}
	if scanWait(s) != scanLate || !s.RestoredTime.Time.Equal(since) {
		t.Errorf("after long: %s, since %s", scanWait(s), s.RestoredTime)
	}
	if v, s = scan("7/1"); short(v.Conditions, "Ready") != "Ready=True StoresAnswer" || s.LostRequests != nil || s.Lost != nil || scanWait(s) != scanEvery {
		t.Errorf("whole again: %s, %+v", short(v.Conditions, "Ready"), s)
	}
	if v, s = scan("7/2"); short(v.Conditions, "Ready") != "Ready=True StoresAnswer" || s.RestoredTime.Time.Equal(since) || s.Identity != "7/2" {
		t.Errorf("restored without a loss: %s, %+v", short(v.Conditions, "Ready"), s)
	}
}

// TestALostLedgerWaitsForAPerson: the same database has forgotten requests, as after a TRUNCATE; or another one whose ledger is blank, as
// after a move without it. Nobody is erased again by themselves. A statement about what was seen says what it was, until more is seen.
func TestALostLedgerWaitsForAPerson(t *testing.T) {
	in := input(readRegister(t, "managed"), Facts{})
	store := &in.Register.Spec.Stores[0]
	name := string(store.Name)
	in.Executed = map[string]Executed{name: {Scans: 1}}
	scan := func(identity string, blank bool, lost int32) (string, v1alpha1.StoreStatus) {
		in.Now = in.Now.Add(time.Hour)
		in.Stores[name] = Facts{Class: allowed, StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)}
		outcomes := answers(task.Accurate)
		outcomes[1].Identity, outcomes[1].LedgerBlank, outcomes[1].LostTotal = identity, blank, lost
		if lost > 0 {
			outcomes[1].Lost = []string{"a"}
		}
		verdict := Judge(in, map[string]Seen{name: {Places: []Place{allowed}, Outcomes: outcomes}})
		in.Register.Status.Stores = verdict.Stores
		return short(verdict.Conditions, "Ready", "Stalled"), verdict.Stores[0]
	}
	const asks, goes, rests = "Ready=False LedgerLost, Stalled=True LedgerLost", "Ready=False Restored", "Ready=True StoresAnswer"
	want := func(step, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", step, got, want)
		}
	}
	state := func(cause v1alpha1.LossCause, of v1alpha1.StoreStatus) {
		store.Loss = &v1alpha1.StoreLoss{SeenTime: of.RestoredTime, Cause: cause}
	}
	ready, _ := scan("7/1/5", false, 0)
	want("before", ready, rests)
	ready, s := scan("7/1/5", true, 1)
	want("truncated", ready, asks)
	state(v1alpha1.LossRestored, s)
	ready, _ = scan("7/1/5", false, 1)
	want("stated: files were put back", ready, goes)
	ready, _ = scan("7/1/5", false, 0)
	want("erased again", ready, rests)
	ready, s = scan("7/1/6", true, 1)
	want("another database, without the ledger", ready, asks)
	state(v1alpha1.LossLedger, s)
	ready, _ = scan("7/1/6", true, 1)
	want("stated: the ledger alone", ready, rests)
	ready, _ = scan("7/1/6", true, 3)
	want("and again", ready, asks)
	ready, _ = scan("7/2/6", false, 2)
	want("a restore, of some who came back by themselves", ready, asks)
	ready, _ = scan("7/2/6", false, 0)
	want("the rows are back", ready, rests)
	ready, _ = scan("7/3/6", true, 1)
	want("a restore from before the first erasure", ready, goes)
	ready, _ = scan("7/3/6", false, 2)
	want("and rows of the ledger are deleted", ready, asks)
}

// TestAStoreThatForgotIsReadyWhenItWasAskedForEveryRequest: of many requests a scan asks for a part.
func TestAStoreThatForgotIsReadyWhenItWasAskedForEveryRequest(t *testing.T) {
	in := input(readRegister(t, "managed"), Facts{})
	name := string(in.Register.Spec.Stores[0].Name)
	in.Executed = map[string]Executed{name: {Scans: 3}}
	for n, step := range []struct {
		timeline string
		lost     []string
		ready    string
		left     int32
	}{
		{"1", nil, "Ready=True StoresAnswer", 0}, {"2", []string{"a"}, "Ready=False Restored", 2}, {"2", nil, "Ready=False Restored", 1}, {"2", nil, "Ready=True StoresAnswer", 0},
		{"3", []string{"a"}, "Ready=False Restored", 2}, {"3", []string{"a"}, "Ready=False Restored", 1}, {"3", []string{"a"}, "Ready=False Restored", 0}, {"3", nil, "Ready=True StoresAnswer", 0},
		{"4", nil, "Ready=False Restored", 2}, {"4", []string{"a"}, "Ready=False Restored", 1}, {"4", nil, "Ready=True StoresAnswer", 0},
	} {
		in.Now = in.Now.Add(time.Hour)
		in.Stores[name] = Facts{Class: allowed, StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)}
		outcomes := answers(task.Accurate)
		outcomes[1].Lost, outcomes[1].LostTotal = step.lost, int32(len(step.lost)) //nolint:gosec // a few
		outcomes[1].Identity = "7/" + step.timeline
		v := Judge(in, map[string]Seen{name: {Places: []Place{allowed}, Outcomes: outcomes}})
		in.Register.Status.Stores = v.Stores
		if got := short(v.Conditions, "Ready"); got != step.ready || value(v.Stores[0].ScansLeft) != step.left || step.left > 0 && scanWait(v.Stores[0]) == scanEvery {
			t.Errorf("step %d: %s, %d scans left, wait %s; want %s, %d", n, got, value(v.Stores[0].ScansLeft), scanWait(v.Stores[0]), step.ready, step.left)
		}
	}
}

// TestWhomAHoldKeepsIsNotCountedAsLost: they are asked for last, so of those whom a scan does not name it is known what they are.
func TestWhomAHoldKeepsIsNotCountedAsLost(t *testing.T) {
	in := input(readRegister(t, "managed"), Facts{})
	name := in.Register.Spec.Stores[0].Name
	in.Executed = map[string]Executed{string(name): {UIDs: []string{"a", "b", "x", "y"}, Held: []string{"x", "y"}, Scans: 1}}
	for i, c := range []struct {
		named             []string
		total, lost, held int32
		ready             string
	}{
		{nil, 0, 0, 0, "Ready=True StoresAnswer"},
		{[]string{"x"}, 1, 0, 1, "Ready=True StoresAnswer"},
		{[]string{"x"}, 70, 0, 70, "Ready=True StoresAnswer"},
		{[]string{"a", "x"}, 2, 1, 1, "Ready=False Restored"},
		{[]string{"x", "a"}, 2, 1, 1, "Ready=False Restored"}, // the hold came after the scan had begun
		{[]string{"a", "x"}, 70, 1, 69, "Ready=False Restored"},
		{[]string{"a", "b"}, 70, 70, 0, "Ready=False Restored"},
	} {
		in.Now = in.Now.Add(time.Hour)
		in.Stores[string(name)] = Facts{Class: allowed, StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)}
		outcomes := answers(task.Accurate)
		outcomes[1].Identity, outcomes[1].Lost, outcomes[1].LostTotal = fmt.Sprint("7/", i), c.named, c.total
		verdict := Judge(in, map[string]Seen{string(name): {Places: []Place{allowed}, Outcomes: outcomes}})
		in.Register.Status.Stores = verdict.Stores
		s := verdict.Stores[0]
		if value(s.LostRequests) != c.lost || value(s.HeldRequests) != c.held || short(verdict.Conditions, "Ready") != c.ready || len(s.Lost)+len(s.Held) != len(c.named) {
			t.Errorf("%v of %d: lost %d %v, held %d %v, %s", c.named, c.total, value(s.LostRequests), s.Lost, value(s.HeldRequests), s.Held, short(verdict.Conditions, "Ready"))
		}
	}
}
