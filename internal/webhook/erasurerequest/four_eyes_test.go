package erasurerequest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	jsonpatch "gomodules.xyz/jsonpatch/v2"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

func automatic(r *v1alpha1.ErasureRequest) { r.Spec.Execution = v1alpha1.ExecutionAutomatic }

// by lets a user change a request that alice made, as the API server does: stamps first.
func by(user string, change func(*v1alpha1.ErasureRequest)) *v1alpha1.ErasureRequest {
	r := ereq(nil)
	change(r)
	stamp(ereq(nil), r, user, now)
	return r
}

func TestFourEyesWantASecondPerson(t *testing.T) {
	unsigned := func() *v1alpha1.ErasureRequest {
		r := ereq(nil)
		r.Spec.RequestedBy = nil
		return r
	}
	unsignedApproved := unsigned()
	approve(unsignedApproved)
	stamp(unsigned(), unsignedApproved, "bob", now)
	other := func(r *v1alpha1.ErasureRequest) {
		r.Spec.Registers = v1alpha1.RegisterChoice{Mode: v1alpha1.RegistersNamed, Names: []v1alpha1.ObjectName{"hr"}}
	}
	for name, test := range map[string]struct {
		user        string
		object, old *v1alpha1.ErasureRequest
		mode        v1alpha1.ApprovalMode
		refused     string
	}{
		"approved by another":                {"bob", by("bob", approve), ereq(nil), v1alpha1.ApprovalFourEyes, ""},
		"approved by who made it":            {"alice", by("alice", approve), ereq(nil), v1alpha1.ApprovalFourEyes, "you made this request"},
		"one person is enough":               {"alice", by("alice", approve), ereq(nil), v1alpha1.ApprovalOnePerson, ""},
		"refused by who made it":             {"alice", by("alice", refuse), ereq(nil), v1alpha1.ApprovalFourEyes, ""},
		"made and approved at once":          {"alice", ereq(approve), none, v1alpha1.ApprovalFourEyes, "you made this request"},
		"automatic":                          {"alice", ereq(automatic), none, v1alpha1.ApprovalFourEyes, "so none is Automatic"},
		"automatic, and one person":          {"alice", ereq(automatic), none, v1alpha1.ApprovalOnePerson, ""},
		"about other registers":              {"alice", ereq(func(r *v1alpha1.ErasureRequest) { other(r); automatic(r) }), none, v1alpha1.ApprovalFourEyes, ""},
		"made before creators were recorded": {"bob", unsignedApproved, unsigned(), v1alpha1.ApprovalFourEyes, "nothing says who made this request"},
		"without a stamp":                    {"alice", func() *v1alpha1.ErasureRequest { r := ereq(nil); r.Spec.RequestedBy = nil; return r }(), none, v1alpha1.ApprovalOnePerson, "does not name the user"},
		"with the stamp of another":          {"mallory", ereq(nil), none, v1alpha1.ApprovalOnePerson, "does not name the user"},
		"with the decision of another":       {"mallory", by("bob", approve), ereq(nil), v1alpha1.ApprovalFourEyes, "does not name the user"},
	} {
		t.Run(name, func(t *testing.T) {
			h := New(harness.Scheme(t), &harness.Rights{}, clocktesting.NewFakePassiveClock(now), live(t, test.mode))
			harness.Expect(t, h.Handle(t.Context(), harness.Request(t, test.user, test.object, test.old)), test.refused)
		})
	}
}

// mutate applies what the mutating handler answers to an object.
func mutate(t *testing.T, user string, object, old *v1alpha1.ErasureRequest) *v1alpha1.ErasureRequest {
	t.Helper()
	req := harness.Request(t, user, object, old)
	got := NewMutating(harness.Scheme(t), clocktesting.NewFakePassiveClock(now)).Handle(t.Context(), req)
	if !got.Allowed {
		t.Fatalf("%+v", got.Result)
	}
	var raw map[string]any
	if err := json.Unmarshal(req.Object.Raw, &raw); err != nil {
		t.Fatal(err)
	}
	spec := raw["spec"].(map[string]any)
	for _, op := range got.Patches {
		applied(spec, op)
	}
	text, err := json.Marshal(raw)
	out := &v1alpha1.ErasureRequest{}
	if err != nil || json.Unmarshal(text, out) != nil {
		t.Fatal("the patch makes no request")
	}
	return out
}

// applied knows the few operations below spec that stamps need.
func applied(spec map[string]any, op jsonpatch.Operation) {
	at, last := spec, ""
	for part := range strings.SplitSeq(strings.TrimPrefix(op.Path, "/spec/"), "/") {
		if last != "" {
			at = at[last].(map[string]any)
		}
		last = part
	}
	if op.Operation == "remove" {
		delete(at, last)
		return
	}
	at[last] = op.Value
}

func TestWhoMadeARequestCannotBeForged(t *testing.T) {
	forged := ereq(nil)
	forged.Spec.RequestedBy = &v1alpha1.DecisionStamp{By: "mallory", Time: at(-time.Hour)}
	if got := mutate(t, "alice", forged, none).Spec.RequestedBy; got.By != "alice" || !got.Time.Equal(at(0)) {
		t.Errorf("made by %+v", got)
	}
	changed := ereq(approve)
	changed.Spec.RequestedBy = &v1alpha1.DecisionStamp{By: "mallory"}
	changed.Spec.Decision.Stamp = &v1alpha1.DecisionStamp{By: "carol"}
	got := mutate(t, "bob", changed, ereq(nil)).Spec
	if got.RequestedBy.By != "alice" || got.Decision.Stamp.By != "bob" {
		t.Errorf("made by %s, decided by %s", got.RequestedBy.By, got.Decision.Stamp.By)
	}
	decided := by("bob", approve)
	again := decided.DeepCopy()
	again.Spec.Decision.Stamp = nil
	if got := mutate(t, "carol", again, decided).Spec.Decision.Stamp; got == nil || got.By != "bob" {
		t.Errorf("decided by %+v", got)
	}
}
