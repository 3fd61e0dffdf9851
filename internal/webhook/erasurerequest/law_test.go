package erasurerequest

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

// objects lets a request object to purposes.
func objects(reason v1alpha1.RefusalReason, purposes ...v1alpha1.PartName) func(*v1alpha1.ErasureRequest) {
	return func(r *v1alpha1.ErasureRequest) {
		r.Spec.Ground, r.Spec.Purposes = v1alpha1.GroundPointC, purposes
		if reason != "" {
			r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: reason}
		}
	}
}

// TestAnObjectionToMarketingIsNotRefused (A21-02): the registers say what is direct marketing.
func TestAnObjectionToMarketingIsNotRefused(t *testing.T) {
	register := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{Activities: []v1alpha1.ProcessingActivity{
		{Name: "mail", Purposes: []v1alpha1.Purpose{{Name: "offers", DPV: "dpv:DirectMarketing"}, {Name: "fraud", DPV: "dpv:FraudPreventionAndDetection"}}}}}}
	for name, c := range map[string]struct {
		object, old *v1alpha1.ErasureRequest
		refused     string
	}{
		"refused":                      {ereq(objects(v1alpha1.RefusalLegalClaims, "offers")), ereq(objects("", "offers")), "an objection to it is not refused (Article 21(3)"},
		"made and refused at once":     {ereq(objects(v1alpha1.RefusalExcessive, "offers")), none, "an objection to it is not refused"},
		"nobody knows who asks":        {ereq(objects(v1alpha1.RefusalIdentityNotProven, "offers")), ereq(objects("", "offers")), ""},
		"another purpose beside":       {ereq(objects(v1alpha1.RefusalLegalClaims, "offers", "fraud")), ereq(objects("", "offers", "fraud")), ""},
		"refused before the rule came": {ereq(objects(v1alpha1.RefusalLegalClaims, "offers")), ereq(objects(v1alpha1.RefusalLegalClaims, "offers")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			reader := fake.NewClientBuilder().WithScheme(harness.Scheme(t)).WithObjects(register.DeepCopy()).Build()
			h := New(harness.Scheme(t), &harness.Rights{}, clocktesting.NewFakePassiveClock(now), reader)
			harness.Expect(t, h.Handle(t.Context(), harness.Request(t, "alice", c.object, c.old)), c.refused)
		})
	}
}

func TestWhoApprovesIsRemindedOfTheLaw(t *testing.T) {
	found := func(change func(*v1alpha1.ErasureRequest)) *v1alpha1.ErasureRequest {
		r := ereq(change)
		r.Status.Findings = []v1alpha1.Finding{
			{Rule: "A17-03", Severity: v1alpha1.SeverityWarning, Subject: "crm/activity/invoices", Message: "nothing keeps it here"},
			{Rule: "A17-01", Severity: v1alpha1.SeverityInfo, Subject: "crm/activity/sales", Message: "no longer necessary"}}
		return r
	}
	h := New(harness.Scheme(t), &harness.Rights{}, clocktesting.NewFakePassiveClock(now), live(t))
	got := h.Handle(t.Context(), harness.Request(t, "alice", found(approve), found(nil)))
	if !got.Allowed || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "A17-03, crm/activity/invoices: nothing keeps it here") {
		t.Errorf("%+v", got)
	}
	if again := h.Handle(t.Context(), harness.Request(t, "alice", found(approve), found(approve))); len(again.Warnings) != 0 {
		t.Errorf("%+v", again)
	}
}
