package register

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// foundElsewhere are the claims, volumes and pods of the register that a scan found where the policy does not allow them. The
// declared places of stores are judged with the stores.
func foundElsewhere(in Input) []v1alpha1.Finding {
	var findings []v1alpha1.Finding
	for i := range in.Found {
		if f := &in.Found[i]; f.Kind != "DataRegister" {
			findings = append(findings, finding(scanRule+f.Rule, "44", v1alpha1.SeverityError, f.Kind+"/"+f.Name, f.Message))
		}
	}
	return findings
}

// resident makes the condition Resident False when a scan found data elsewhere though the stores are where they may be.
func resident(in Input, conditions []metav1.Condition) []metav1.Condition {
	elsewhere := foundElsewhere(in)
	is := meta.FindStatusCondition(conditions, v1alpha1.ConditionResident)
	if len(elsewhere) == 0 || is == nil || is.Status != metav1.ConditionTrue {
		return conditions
	}
	is.Status, is.Reason, is.Message = metav1.ConditionFalse, v1alpha1.ReasonPlaceUnknown, elsewhere[0].Message
	for i := range in.Found {
		if in.Found[i].Verdict == v1alpha1.VerdictDenied {
			is.Reason = v1alpha1.ReasonPlaceNotAllowed
		}
	}
	return conditions
}
