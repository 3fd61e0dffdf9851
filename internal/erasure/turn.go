package erasure

import (
	"cmp"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
)

// mostJobs is how many runs have a Job at work at once, in the whole cluster, and mostOfNamespace how many of one namespace: its Jobs
// may hang for as long as a store does not answer, and leave room for others.
const mostJobs, mostOfNamespace = 16, 6

// Turn tells whether a run whose present Job does not exist may make it, among all runs of the cluster and their Jobs. What counts
// is a Job at work, and not one that waits for its pod to go, as a node that is lost lets it for ever: a run that waits to be tried again, or for somebody, takes nobody's place, and asks again when its time has come.
// Of those that wait for a place, one of a namespace with fewer at work comes first, then the one of the lower epoch. So a namespace
// with ten thousand requests, or with stores that fail, holds up no other.
func Turn(run *v1alpha1.ErasureRun, all []v1alpha1.ErasureRun, jobs []batchv1.Job) bool {
	there, busy, working := map[string]bool{}, map[string]int{}, 0 // Jobs by name, and those at work by namespace
	for i := range jobs {
		there[jobs[i].Namespace+"/"+jobs[i].Name] = true
		if jobs[i].Labels[v1alpha1.LabelRun] != "" && job.Ended(&jobs[i]) == job.Working && jobs[i].DeletionTimestamp == nil && !job.Leaves(&jobs[i]) {
			working++
			busy[jobs[i].Namespace]++
		}
	}
	var waiting []*v1alpha1.ErasureRun
	for i := range all {
		r := &all[i]
		if r.UID != run.UID && r.Status.EndedTime == nil && !elsewhere(r) && !there[r.Namespace+"/"+JobName(r, Attempt(r))] {
			waiting = append(waiting, r)
		}
	}
	before := 0
	for _, other := range waiting {
		place := busy[other.Namespace] + ahead(other, waiting)
		if place < mostOfNamespace && cmp.Or(cmp.Compare(place, busy[run.Namespace]+ahead(run, waiting)),
			cmp.Compare(other.Spec.Epoch, run.Spec.Epoch), cmp.Compare(other.Namespace+"/"+other.Name, run.Namespace+"/"+run.Name)) < 0 {
			before++
		}
	}
	return busy[run.Namespace]+ahead(run, waiting) < mostOfNamespace && working+before < mostJobs
}

// elsewhere tells whether a run says that it waits for something else than a place: for a hold to be read, a subject Secret to come
// back, a pod to end, or since its Job cannot be made. What it said may be old: then another begins before it, and no more than may.
func elsewhere(run *v1alpha1.ErasureRun) bool {
	ready, at := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(run.Status.Conditions, v1alpha1.ConditionReconciling)
	return ready != nil && waitsFor[ready.Reason] || at != nil && at.Reason == v1alpha1.ReasonStepFailed ||
		meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.ConditionStalled)
}

var waitsFor = map[string]bool{v1alpha1.ReasonOnLegalHold: true, v1alpha1.ReasonPodEnding: true, v1alpha1.ReasonNodeLost: true, v1alpha1.ReasonSubjectMissing: true,
	v1alpha1.ReasonSubjectEmpty: true, v1alpha1.ReasonSubjectUnreadable: true, v1alpha1.ReasonSubjectChanged: true, v1alpha1.ReasonSubjectKeyMissing: true}

// ahead is how many runs of the same namespace wait before a run.
func ahead(run *v1alpha1.ErasureRun, waiting []*v1alpha1.ErasureRun) int {
	n := 0
	for _, other := range waiting {
		if other.Namespace == run.Namespace && other.UID != run.UID &&
			cmp.Or(cmp.Compare(other.Spec.Epoch, run.Spec.Epoch), cmp.Compare(other.Name, run.Name)) < 0 {
			n++
		}
	}
	return n
}
