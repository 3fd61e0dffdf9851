package restore

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestWhatIsSeenOfARestore(t *testing.T) {
	for identities, want := range map[[2]string][2]v1alpha1.RestoreKind{
		{"7/1/5", "7/1/5"}: {v1alpha1.RestoreSameServer, v1alpha1.RestoreSameServer},
		{"7/1/5", "7/2/5"}: {v1alpha1.RestoreOtherTimeline, v1alpha1.RestoreOtherTimeline},
		{"7/2/5", "7/1/5"}: {v1alpha1.RestoreOtherTimeline, v1alpha1.RestoreOtherTimeline},
		{"7/1/5", "8/1/5"}: {v1alpha1.RestoreOtherServer, v1alpha1.RestoreNotKnown},
		{"7/1/5", "7/1/6"}: {v1alpha1.RestoreOtherDatabase, v1alpha1.RestoreNotKnown},
		{"7/1", "7/1/5"}:   {v1alpha1.RestoreSameServer, v1alpha1.RestoreSameServer}, // written before the database was part of it
		{"7/1", "7/2/5"}:   {v1alpha1.RestoreOtherTimeline, v1alpha1.RestoreOtherTimeline},
		{"", "7/1/5"}:      {v1alpha1.RestoreNotKnown, v1alpha1.RestoreNotKnown},
		{"7/1/5", ""}:      {v1alpha1.RestoreNotKnown, v1alpha1.RestoreNotKnown},
		{"", ""}:           {v1alpha1.RestoreNotKnown, v1alpha1.RestoreNotKnown},
	} {
		for i, blank := range []bool{false, true} {
			if got := Kind(identities[0], identities[1], blank); got != want[i] {
				t.Errorf("%v, blank %t: %s, want %s", identities, blank, got, want[i])
			}
		}
		if got := Other(identities[0], identities[1]); got != Sure(want[0]) {
			t.Errorf("%v: other %t", identities, got)
		}
	}
}

// TestOnlyAPersonTellsALostLedger: what was seen decides where it can, and a statement where it names what was seen.
func TestOnlyAPersonTellsALostLedger(t *testing.T) {
	seen := metav1.NewTime(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC))
	earlier := metav1.NewTime(seen.Add(-time.Hour))
	for name, c := range map[string]struct {
		kind   v1alpha1.RestoreKind
		stated *v1alpha1.StoreLoss
		want   v1alpha1.LossCause
	}{
		"another timeline":         {v1alpha1.RestoreOtherTimeline, nil, v1alpha1.LossRestored},
		"the same server":          {v1alpha1.RestoreSameServer, nil, ""},
		"not known":                {v1alpha1.RestoreNotKnown, nil, ""},
		"never written":            {"", nil, ""},
		"stated: restored":         {v1alpha1.RestoreSameServer, &v1alpha1.StoreLoss{SeenTime: &seen, Cause: v1alpha1.LossRestored}, v1alpha1.LossRestored},
		"stated: the ledger alone": {v1alpha1.RestoreOtherTimeline, &v1alpha1.StoreLoss{SeenTime: &seen, Cause: v1alpha1.LossLedger}, v1alpha1.LossLedger},
		"stated of an earlier one": {v1alpha1.RestoreSameServer, &v1alpha1.StoreLoss{SeenTime: &earlier, Cause: v1alpha1.LossRestored}, ""},
	} {
		register := &v1alpha1.DataRegister{Spec: v1alpha1.DataRegisterSpec{Stores: []v1alpha1.DataStore{{Name: "main", Loss: c.stated}}}}
		if got := Cause(register, &v1alpha1.StoreStatus{Name: "main", RestoreKind: c.kind, RestoredTime: &seen}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
