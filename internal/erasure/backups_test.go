package erasure

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/backup"
)

// TestABackupThatNothingRemovesIsNamedAndNoDayIsSaid: the status says which object it is, of which place, and a store that comes back
// from it is noticed however late.
func TestABackupThatNothingRemovesIsNamedAndNoDayIsSaid(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC))
	snapshot := func(claim string) unstructured.Unstructured {
		o := unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"source": map[string]any{"persistentVolumeClaimName": claim}}}}
		o.SetGroupVersionKind(backup.Snapshot)
		o.SetNamespace("shop")
		o.SetName("of-" + claim)
		o.SetCreationTimestamp(metav1.NewTime(at.Add(-time.Hour)))
		return o
	}
	thirty := &v1alpha1.StoreBackups{Kind: v1alpha1.BackupDeclared, Retention: "P30D"}
	r := v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{Stores: []v1alpha1.DataStore{
		{Name: "main", Managed: &v1alpha1.ManagedStore{}, Backups: thirty},
		{Name: "cloud", External: &v1alpha1.ExternalStore{}, Connection: &v1alpha1.StoreConnection{Host: "db.example.org"}},
	}}}
	chat := v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "chat"}}
	target := func(kind v1alpha1.TargetKind, name v1alpha1.PartName, result v1alpha1.TargetResult) v1alpha1.ErasureTarget {
		return v1alpha1.ErasureTarget{Register: "crm", Kind: kind, Store: name, Result: result, ExecutedTime: &at}
	}
	main := target(v1alpha1.TargetStore, "main", v1alpha1.TargetErased)
	ledger := target(v1alpha1.TargetConsentLedger, "chat", v1alpha1.TargetErased)
	for name, c := range map[string]struct {
		targets []v1alpha1.ErasureTarget
		objects []unstructured.Unstructured
		known   bool
		unclear string
	}{
		"all declared":                    {[]v1alpha1.ErasureTarget{main}, nil, true, ""},
		"a snapshot":                      {[]v1alpha1.ErasureTarget{main}, []unstructured.Unstructured{snapshot("data-crm-main-0")}, false, "Store main of register crm: to be removed, for nothing removes it by itself: VolumeSnapshot shop/of-data-crm-main-0"},
		"a snapshot of the ledger":        {[]v1alpha1.ErasureTarget{main, ledger}, []unstructured.Unstructured{snapshot("data-chat-ledger-0")}, false, "Consent ledger chat of register crm: to be removed, for nothing removes it by itself: VolumeSnapshot shop/of-data-chat-ledger-0"},
		"a ledger alone":                  {[]v1alpha1.ErasureTarget{main, ledger}, nil, true, "Consent ledger chat of register crm: nothing is known of its backups"},
		"nothing is known of a store":     {[]v1alpha1.ErasureTarget{main, target("", "cloud", v1alpha1.TargetPartlyKept)}, nil, false, "Store cloud of register crm: nothing is known of its backups"},
		"it had nothing of the person":    {[]v1alpha1.ErasureTarget{main, target("", "cloud", v1alpha1.TargetNothing)}, nil, true, ""},
		"the register has no such store":  {[]v1alpha1.ErasureTarget{target("", "gone", v1alpha1.TargetErased), main}, nil, false, "Store gone of register crm: nothing is known of its backups"},
		"a snapshot of somebody else's":   {[]v1alpha1.ErasureTarget{main}, []unstructured.Unstructured{snapshot("data-hr-main-0")}, true, ""},
		"nothing was changed, so no date": {nil, nil, false, ""},
	} {
		j := judgement{RequestInput: RequestInput{Registers: []v1alpha1.DataRegister{r}, Policies: []v1alpha1.ConsentPolicy{chat}, Backups: c.objects},
			status: &v1alpha1.ErasureRequestStatus{Targets: c.targets}}
		j.backupsClear()
		if got := strings.Join(j.status.BackupsUnclear, "; "); (j.status.BackupsClearTime != nil) != c.known || got != c.unclear {
			t.Errorf("%s: a day %v, unclear %q; want %v, %q", name, j.status.BackupsClearTime, got, c.known, c.unclear)
		}
		ended := v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", UID: "ada"}, Status: *j.status}
		ended.Status.RecallRefs = []string{"ref"}
		asked, _, _ := Executed([]v1alpha1.ErasureRequest{ended}, nil, "crm", &v1alpha1.StoreStatus{Name: "main"}, at.AddDate(40, 0, 0))
		if has := slices.ContainsFunc(c.targets, func(t v1alpha1.ErasureTarget) bool { return t.Store == "main" }); has && (len(asked) == 1) == c.known {
			t.Errorf("%s: forty years later asked for %v", name, asked)
		}
	}

	j := judgement{status: &v1alpha1.ErasureRequestStatus{}}
	for i := range 64 {
		j.status.Targets = append(j.status.Targets, v1alpha1.ErasureTarget{Register: "crm", Store: v1alpha1.PartName(strings.Repeat("s", i+1)), Result: v1alpha1.TargetErased, ExecutedTime: ptr.To(at)})
	}
	j.backupsClear()
	if got := j.status.BackupsUnclear; len(got) != maxUnclear || got[maxUnclear-1] != "49 more" {
		t.Errorf("of 64 stores %q", got)
	}
}
