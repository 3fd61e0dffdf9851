package erasure

import (
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Twin tells whether an older request of the namespace (creation, then UID) has the same requestID and asks for the same for the same
// person: then this one repeats it. Taken is the name of an older one with the requestID when none is repeated. While the person of this
// request is not known it is neither. One that is deleted before its end ran nothing to its end, and so takes nobody's place.
func Twin(request *v1alpha1.ErasureRequest, person Person, others []v1alpha1.ErasureRequest) (twin bool, taken string) {
	if person.Problem != "" {
		if request.Status.SubjectRef == "" {
			return false, ""
		}
		person = Remembered(request)
	}
	for i := range others {
		o := &others[i]
		if o.UID == request.UID || o.Spec.RequestID != request.Spec.RequestID || !older(o, request) || o.DeletionTimestamp != nil && o.Status.End == "" {
			continue
		}
		if repeats(request, person, o) {
			return true, ""
		}
		taken = o.Name
	}
	return false, taken
}

// repeats tells whether a request is about the person of an older one. A person's references are of all identifiers together and of each
// alone, so the number of these is compared too. What was planned alone is not executed yet.
func repeats(request *v1alpha1.ErasureRequest, person Person, earlier *v1alpha1.ErasureRequest) bool {
	plansOnly := func(r *v1alpha1.ErasureRequest) bool { return r.Spec.Execution == v1alpha1.ExecutionPlanOnly }
	return earlier.Status.SubjectRef != "" && slices.Contains(append(slices.Clone(person.References), person.Reference), earlier.Status.SubjectRef) &&
		len(earlier.Status.RecallRefs) == len(person.Recall) && (plansOnly(request) || !plansOnly(earlier))
}
