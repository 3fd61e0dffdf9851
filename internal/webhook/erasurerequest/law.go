package erasurerequest

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// marketing refuses the refusal of an objection to purposes that the registers call direct marketing (Article 21(3)). One that says
// itself that it is, the schema refuses. Who cannot be told apart from others can be put on no list (Articles 11(2) and 12(2)).
func (j judge) marketing(ctx context.Context, answer *review.Answer, req request) error {
	spec := &req.Object.Spec
	decided := spec.Decision != nil && (req.Created() || req.Old.Spec.Decision == nil)
	if !decided || spec.Decision.Verdict != v1alpha1.ErasureRefused || spec.Decision.Reason == v1alpha1.RefusalIdentityNotProven ||
		spec.Ground != v1alpha1.GroundPointC || spec.Objection != "" || len(spec.Purposes) == 0 {
		return nil
	}
	registers := &v1alpha1.DataRegisterList{}
	if err := j.live.List(ctx, registers, client.InNamespace(req.Namespace)); err != nil {
		return fmt.Errorf("listing registers: %w", err)
	}
	chosen, _ := erasure.Choose(req.Object, registers.Items)
	if erasure.MarketingObjection(req.Object, chosen) {
		answer.Refuse(RuleMarketing, "spec.decision", fmt.Sprintf("the purposes are direct marketing, and an objection to it is not refused (Article 21(3), rule %s); what another purpose or a claim needs is kept by a LegalHold or the dataset, and the rest is erased", RuleMarketing))
	}
	return nil
}

// lawful reminds who approves of what the law says of the request, as its status does.
func lawful(answer *review.Answer, req request) {
	approves := func(r *v1alpha1.ErasureRequest) bool {
		return r != nil && r.Spec.Decision != nil && r.Spec.Decision.Verdict == v1alpha1.ErasureApproved
	}
	if !approves(req.Object) || approves(req.Old) {
		return
	}
	for _, f := range req.Object.Status.Findings {
		if f.Severity == v1alpha1.SeverityWarning {
			answer.Warn(fmt.Sprintf("%s, %s: %s", f.Rule, f.Subject, f.Message))
		}
	}
}
