package e2e

import (
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestWhatACourtNeedsStaysUntilTheHoldIsLiftedAndThenGoesByItself: the person's messages are in dispute; all else is erased.
func TestWhatACourtNeedsStaysUntilTheHoldIsLiftedAndThenGoesByItself(t *testing.T) {
	who := demoCustomer(4231)
	subject(t, "story-held", who)
	hold := &v1alpha1.LegalHold{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: "story-claim"}, Spec: v1alpha1.LegalHoldSpec{
		Article: "17(3)(e)", LegalReference: "Commercial court of Lyon, 2026/17", Reason: "What was promised is in dispute", UntilOn: "2031-06-30",
		Tables: []v1alpha1.HeldTable{{Register: "conversations", Store: "crm", Table: "order_lines"}},
	}}
	create(t, admin, hold)
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, hold)
		expectCondition(g, hold.Status.Conditions, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInForce)
	})
	r := create(t, as(t, "support-agent"), request("story-held"))
	awaitPlanned(t, r)
	if err := approve(t, as(t, "privacy-office"), r); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		g.Expect(meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionOnLegalHold)).To(gomega.BeTrue(), "%v", r.Status.Conditions)
		ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).To(gomega.And(gomega.HaveField("Status", metav1.ConditionFalse), gomega.HaveField("Reason", v1alpha1.ReasonOnLegalHold)))
	})
	if kept := rowsOf(t, who); kept != "1" {
		t.Errorf("%s rows of the person are left; the order lines say by them whose they are", kept)
	}
	release := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"release":{"reason":"The case was settled"}}}`))
	if err := admin.Patch(t.Context(), hold.DeepCopy(), release); err != nil {
		t.Fatal(err)
	}
	awaitErased(t, r)
	if rows := rowsOf(t, who); rows != "0" {
		t.Errorf("%s rows of the person are left after the hold", rows)
	}
	secretIsGone(t, r.Name)
}
