package escalationpolicy

import (
	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/breach"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
)

func statusOf(policy *v1alpha1.EscalationPolicy) any { return &policy.Status }

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(policy *v1alpha1.EscalationPolicy, verdict breach.PolicyVerdict, err error) {
	generation := policy.Generation
	policy.Status.ObservedGeneration = &generation
	if len(verdict.Conditions) > 0 {
		policy.Status.OpenIncidents = &verdict.OpenIncidents
	}
	conditions.Report(&policy.Status.Conditions, generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}
