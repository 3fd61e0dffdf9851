package residency

import (
	"slices"

	storagev1 "k8s.io/api/storage/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// JudgeClassInUse returns what a policy objects to a class that is made, or changed, under a name that a claim of its
// namespaces has. Old is the class as it was; nil when it is new. A change that brings no new place passes, whatever was
// there before.
func (j *Judged) JudgeClassInUse(class, old *storagev1.StorageClass, claim string) []Objection {
	now := j.JudgeClass(class)
	if now.Verdict == v1alpha1.VerdictAllowed || (old != nil && !widens(j.JudgeClass(old), now)) {
		return nil
	}
	objection := j.refuse(RuleStorageClass, now.Verdict, now.Reason, now.Decisive, "claim "+quote(claim)+" names it, and "+Sentence(now), "Use another name for the class")
	objection.Class = class.Name
	return []Objection{objection}
}

// widens tells whether a class that is not allowed keeps data where it did not before, or hides more than before.
func widens(before, now ClassVerdict) bool {
	return before.Verdict == v1alpha1.VerdictAllowed || before.Reason != now.Reason ||
		slices.ContainsFunc(now.Places, func(p Place) bool { return !slices.Contains(before.Places, p) })
}
