package erasure

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestEveryRequestIsAskedForInTurn: whatever there are, as many scans as are said ask for all, each for no more than it may, and
// each for the youngest.
func TestEveryRequestIsAskedForInTurn(t *testing.T) {
	const most = 10
	for n := range 64 {
		var all []string
		for i := range n {
			all = append(all, string(rune('A'+i)))
		}
		_, scans := inTurn(all, most, 0)
		asked := map[string]bool{}
		for nth := int64(7); nth < int64(7+scans); nth++ {
			some, _ := inTurn(all, most, nth)
			if len(some) > most || n > 0 && !slices.Equal(some[len(some)-min(n, most/2):], all[n-min(n, most/2):]) {
				t.Fatalf("of %d, scan %d asks for %v", n, nth, some)
			}
			for _, one := range some {
				asked[one] = true
			}
		}
		if len(asked) != n {
			t.Errorf("of %d, %d scans ask for %d", n, scans, len(asked))
		}
	}
}

// TestNobodyWaitsForWhomAHoldKeeps: after a restore a person whom a hold keeps whole stays in the store until it is over. The others
// are erased meanwhile; who is lost and not held goes first, as ever.
func TestNobodyWaitsForWhomAHoldKeeps(t *testing.T) {
	now := time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)
	ended := func(uid string) v1alpha1.ErasureRequest {
		return v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: uid, UID: types.UID(uid)}, Status: v1alpha1.ErasureRequestStatus{
			RecallRefs: []string{"ref-" + uid}, End: v1alpha1.EndErased, BackupsClearTime: ptr.To(metav1.NewTime(now.Add(time.Hour))),
			Targets: []v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetErased, ExecutedTime: ptr.To(metav1.NewTime(now))}}}}
	}
	fresh := v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "new", UID: "new"}, Status: v1alpha1.ErasureRequestStatus{
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue}},
		Targets:    []v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetPending}}}}
	keeps := v1alpha1.LegalHold{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "claim", UID: "hold"},
		Spec: v1alpha1.LegalHoldSpec{UntilOn: "2026-12-31", SubjectRefs: []string{"ref-held"}}}
	released := *keeps.DeepCopy()
	released.Spec.Release = &v1alpha1.HoldRelease{Reason: "settled"}
	unread := *keeps.DeepCopy()
	unread.Spec.Subject, unread.Spec.SubjectRefs = &v1alpha1.ErasureSubject{}, nil
	register := v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm", UID: "register"}}
	register.Spec.Stores = []v1alpha1.DataStore{{Name: "main", Dataset: &v1alpha1.Dataset{}}}
	for name, c := range map[string]struct {
		lost  []string
		more  int32
		holds []v1alpha1.LegalHold
		want  v1alpha1.RunMode
	}{
		"held alone":                   {[]string{"held"}, 0, []v1alpha1.LegalHold{keeps}, v1alpha1.RunPlan},
		"held, and another one":        {[]string{"held", "other"}, 0, []v1alpha1.LegalHold{keeps}, v1alpha1.RunReplay},
		"held, and some not named":     {[]string{"held"}, 1, []v1alpha1.LegalHold{keeps}, v1alpha1.RunReplay},
		"no hold":                      {[]string{"held"}, 0, nil, v1alpha1.RunReplay},
		"a hold that is over":          {[]string{"held"}, 0, []v1alpha1.LegalHold{released}, v1alpha1.RunReplay},
		"a hold of which nobody knows": {[]string{"held"}, 0, []v1alpha1.LegalHold{unread}, v1alpha1.RunReplay},
	} {
		register.Status.Stores = []v1alpha1.StoreStatus{{Name: "main", Lost: c.lost, LostRequests: ptr.To(int32(len(c.lost)) + c.more), RestoreKind: v1alpha1.RestoreOtherTimeline, Scans: ptr.To(int64(3))}} //nolint:gosec // a few
		in := DispatchInput{Register: &register, Requests: []v1alpha1.ErasureRequest{ended("held"), ended("other"), fresh}, Holds: c.holds, Image: "eraser:1", Now: now}
		if made := Dispatch(in).Create; len(made) != 1 || made[0].Spec.Mode != c.want {
			t.Errorf("%s: %d runs, want one of mode %s", name, len(made), c.want)
		}
	}

	// A person tells where the store does not show that it was restored: until then nothing is erased there, and nobody again.
	seen := metav1.NewTime(now)
	for cause, want := range map[v1alpha1.LossCause]v1alpha1.RunMode{"": "", v1alpha1.LossRestored: v1alpha1.RunReplay, v1alpha1.LossLedger: v1alpha1.RunPlan} {
		register.Status.Stores = []v1alpha1.StoreStatus{{Name: "main", Lost: []string{"other"}, LostRequests: ptr.To(int32(1)), RestoreKind: v1alpha1.RestoreSameServer, RestoredTime: &seen, Scans: ptr.To(int64(3))}}
		if register.Spec.Stores[0].Loss = nil; cause != "" {
			register.Spec.Stores[0].Loss = &v1alpha1.StoreLoss{SeenTime: &seen, Cause: cause}
		}
		made := Dispatch(DispatchInput{Register: &register, Requests: []v1alpha1.ErasureRequest{ended("other"), fresh}, Image: "eraser:1", Now: now}).Create
		if want == "" && len(made) != 0 || want != "" && (len(made) != 1 || made[0].Spec.Mode != want) {
			t.Errorf("stated %q: %d runs, want mode %q", cause, len(made), want)
		}
	}

	status := &v1alpha1.StoreStatus{Name: "main", Held: []string{"held"}}
	uids, held, _ := Executed([]v1alpha1.ErasureRequest{ended("held"), ended("other")}, []v1alpha1.LegalHold{keeps}, "crm", status, now)
	if !slices.Equal(uids, []string{"other", "held"}) || !slices.Equal(held, []string{"held"}) {
		t.Errorf("asked for %v, of whom %v are held: they come last", uids, held)
	}
	uids, held, _ = Executed([]v1alpha1.ErasureRequest{ended("held"), ended("other")}, []v1alpha1.LegalHold{released}, "crm", status, now.Add(2*time.Hour))
	if !slices.Equal(uids, []string{"held"}) || len(held) != 0 {
		t.Errorf("after the hold, and when backups are clear, asked for %v", uids)
	}
}
