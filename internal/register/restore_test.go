package register

import (
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
	if v, s := scan("7/1"); short(v.Conditions, "Ready") != "Ready=True StoresAnswer" || s.RestoredTime != nil {
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

// TestAStoreThatForgotIsReadyWhenItWasAskedForEveryRequest: of many requests a scan asks for a part.
func TestAStoreThatForgotIsReadyWhenItWasAskedForEveryRequest(t *testing.T) {
	in := input(readRegister(t, "managed"), Facts{})
	name := string(in.Register.Spec.Stores[0].Name)
	in.Executed = map[string]Executed{name: {Scans: 3}}
	for n, step := range []struct {
		lost  []string
		ready string
		left  int32
	}{
		{nil, "Ready=True StoresAnswer", 0}, {[]string{"a"}, "Ready=False Restored", 2}, {nil, "Ready=False Restored", 1}, {nil, "Ready=True StoresAnswer", 0},
		{[]string{"a"}, "Ready=False Restored", 2}, {[]string{"a"}, "Ready=False Restored", 1}, {[]string{"a"}, "Ready=False Restored", 0}, {nil, "Ready=True StoresAnswer", 0},
	} {
		in.Now = in.Now.Add(time.Hour)
		in.Stores[name] = Facts{Class: allowed, StatefulSet: ready(), Job: endedJob(batchv1.JobComplete)}
		outcomes := answers(task.Accurate)
		outcomes[1].Lost, outcomes[1].LostTotal = step.lost, int32(len(step.lost)) //nolint:gosec // a few
		v := Judge(in, map[string]Seen{name: {Places: []Place{allowed}, Outcomes: outcomes}})
		in.Register.Status.Stores = v.Stores
		if got := short(v.Conditions, "Ready"); got != step.ready || value(v.Stores[0].ScansLeft) != step.left || step.left > 0 && scanWait(v.Stores[0]) == scanEvery {
			t.Errorf("step %d: %s, %d scans left, wait %s; want %s, %d", n, got, value(v.Stores[0].ScansLeft), scanWait(v.Stores[0]), step.ready, step.left)
		}
	}
}

func TestWhatIsSeenOfARestore(t *testing.T) {
	for identities, want := range map[[2]string]v1alpha1.RestoreKind{
		{"7/1", "7/1"}: v1alpha1.RestoreSameServer, {"7/1", "7/2"}: v1alpha1.RestoreOtherTimeline, {"7/2", "7/1"}: v1alpha1.RestoreOtherTimeline,
		{"7/1", "8/1"}: v1alpha1.RestoreOtherServer, {"", "7/1"}: v1alpha1.RestoreNotKnown, {"7/1", ""}: v1alpha1.RestoreNotKnown, {"", ""}: v1alpha1.RestoreNotKnown,
	} {
		if got := restoreKind(identities[0], identities[1]); got != want {
			t.Errorf("%v: %s, want %s", identities, got, want)
		}
	}
}

// TestWhomAHoldKeepsIsNotCountedAsLost: they are asked for last, so of those whom a scan does not name it is known what they are.
func TestWhomAHoldKeepsIsNotCountedAsLost(t *testing.T) {
	in := input(readRegister(t, "managed"), Facts{})
	name := in.Register.Spec.Stores[0].Name
	in.Executed = map[string]Executed{string(name): {UIDs: []string{"a", "b", "x", "y"}, Held: []string{"x", "y"}, Scans: 1}}
	for _, c := range []struct {
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
		outcomes[1].Identity, outcomes[1].Lost, outcomes[1].LostTotal = "7/1", c.named, c.total
		verdict := Judge(in, map[string]Seen{string(name): {Places: []Place{allowed}, Outcomes: outcomes}})
		in.Register.Status.Stores = verdict.Stores
		s := verdict.Stores[0]
		if value(s.LostRequests) != c.lost || value(s.HeldRequests) != c.held || short(verdict.Conditions, "Ready") != c.ready || len(s.Lost)+len(s.Held) != len(c.named) {
			t.Errorf("%v of %d: lost %d %v, held %d %v, %s", c.named, c.total, value(s.LostRequests), s.Lost, value(s.HeldRequests), s.Held, short(verdict.Conditions, "Ready"))
		}
	}
}
