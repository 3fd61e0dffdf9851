package erasure

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// A store that leaves its register, or a dataset or a policy, while a request waits for it is erased by nobody any more. The request
// says so, waits a day for what was taken off by mistake, or is made again, and then leaves the place to a person: it neither hangs nor
// claims to have erased there.

// returnWait is how long a place may be gone.
const returnWait = 24 * time.Hour

// leftWords are those of a place that did not come back.
const leftWords = "The register no longer has this store, or the store has no dataset, so nothing is erased here any more; erase the person here by hand, or put it back and make another request"

// depart notes which places of open targets are gone, and leaves those that did not come back to a person. One at which a run works is
// the run's, and one that waits for a hold waits on.
func (j *judgement) depart() {
	for i := range j.status.Targets {
		t := &j.status.Targets[i]
		switch {
		case Final(t.Result):
		case len(t.HeldBy) > 0, waitsForHold(t), j.there(placeOf(t)):
			t.MissingTime = nil
		case j.worked(t):
		case t.MissingTime == nil:
			t.MissingTime = ptr.To(metav1.NewTime(j.Now))
		case !j.Now.Before(t.MissingTime.Add(returnWait)):
			j.leave(t)
		}
	}
}

// leave leaves a target to a person. What it had been planned to do is told no more; what was done before stays.
func (j *judgement) leave(t *v1alpha1.ErasureTarget) {
	if !j.settled() { // who decides approves what is left
		t.PlanDigest = ""
	}
	t.Result, t.Reason, t.Message = v1alpha1.TargetManual, v1alpha1.ReasonStoreMissing, leftWords
	t.Tables, t.Kept, t.TablesOmitted, t.KeptOmitted, t.HeldBy, t.DeferredBy, t.RetryTime = nil, nil, nil, nil, nil, nil, nil
}

// worked tells whether a run of a target has not ended.
func (j *judgement) worked(t *v1alpha1.ErasureTarget) bool {
	return slices.ContainsFunc(j.Runs, func(r v1alpha1.ErasureRun) bool { return r.Status.EndedTime == nil && Serves(&r, j.Request.UID, t) })
}

// there tells whether a run may be made at a place.
func (j *judgement) there(at place) bool {
	return slices.ContainsFunc(j.places, func(p place) bool { return p == at })
}

// placesOf are those at which runs may be made.
func placesOf(registers []v1alpha1.DataRegister, policies []v1alpha1.ConsentPolicy) []place {
	var list []place
	for i := range registers {
		if registers[i].DeletionTimestamp != nil {
			continue
		}
		for _, s := range sitesOf(&registers[i], policies) {
			list = append(list, s.place)
		}
	}
	return list
}

// missing objects to the first target with a result that waits for its place, under a condition.
func (j *judgement) missing(result v1alpha1.TargetResult, conditionType string) objection {
	for i := range j.status.Targets {
		if t := &j.status.Targets[i]; t.MissingTime != nil && t.Result == result {
			return objection{condition: conditionType, reason: v1alpha1.ReasonStoreMissing, stance: broken, wait: pollSecret,
				message: fmt.Sprintf("%s: %s. Put it back, and the request goes on; from %s on it is left to a person", placeOf(t), say(v1alpha1.ReasonStoreMissing), shown(ptr.To(metav1.NewTime(t.MissingTime.Add(returnWait)))))}
		}
	}
	return objection{}
}
