package evidence_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// TestACertificateSaysWhatLimitsIt: counts that did not come, lists that were cut, what the verifier found elsewhere or could not read,
// what the request was about, and who approved. One that lacks these fields is as it was before there were any (see the golden file).
func TestACertificateSaysWhatLimitsIt(t *testing.T) {
	request := partlyErased()
	at := metav1.NewTime(request.Status.EndedTime.Add(-time.Hour))
	request.Spec.Purposes = []v1alpha1.PartName{"newsletter"}
	request.Spec.Registers = v1alpha1.RegisterChoice{Mode: v1alpha1.RegistersNamed, Names: []v1alpha1.ObjectName{"crm"}}
	request.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved, Stamp: &v1alpha1.DecisionStamp{By: "dpo", Time: &at}}
	s := &request.Status.Targets[0]
	s.Reason, s.Message = v1alpha1.ReasonCountsMissing, "Values that were destroyed are also in public.mail_log.body"
	s.TablesOmitted, s.KeptOmitted = ptr.To[int32](32), ptr.To[int32](28)
	p := must(evidence.Open(certificate(t, request, keyOf(7)), keyOf(7).Public())).Statement.Predicate
	store := p.Stores[0]
	got := []any{p.Purposes, p.Registers, p.ApprovedBy, p.ApprovedTime, store.Reason, store.Message, store.TablesOmitted, store.KeptOmitted}
	want := []any{[]string{"newsletter"}, []string{"crm"}, "dpo", at.UTC().Format(time.RFC3339), s.Reason, s.Message, int32(32), int32(28)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	request.Spec.Decision.Stamp.Time = ptr.To(metav1.NewTime(request.Status.EndedTime.Add(time.Second)))
	if p := must(evidence.Of(request)).Predicate; p.ApprovedBy != "" {
		t.Errorf("a decision after the end approved as %s", p.ApprovedBy)
	}
	request.Spec.Execution, request.Spec.RequestedBy = v1alpha1.ExecutionAutomatic, &v1alpha1.DecisionStamp{By: "portal", Time: &at}
	if p := must(evidence.Of(request)).Predicate; p.ApprovedBy != "portal" {
		t.Errorf("an automatic request was approved by %q", p.ApprovedBy)
	}
}
