package erasure

import (
	"cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// mostJobs is how many runs have a Job at once, in the whole cluster.
const mostJobs = 16

// Turn tells whether a run that has no Job yet may begin one, among all runs of the cluster: at most mostJobs work at
// once, and of those that wait, one of a namespace with fewer at work comes first, then the one of the lower epoch. So a
// namespace with ten thousand requests holds up no other.
func Turn(run *v1alpha1.ErasureRun, all []v1alpha1.ErasureRun) bool {
	working, busy := 0, map[string]int{} // at work, by namespace
	var waiting []*v1alpha1.ErasureRun
	for i := range all {
		switch {
		case all[i].Status.EndedTime != nil:
		case valueOf(all[i].Status.Attempts) > 0:
			working++
			busy[all[i].Namespace]++
		case all[i].UID != run.UID:
			waiting = append(waiting, &all[i])
		}
	}
	before := 0
	for _, other := range waiting {
		if cmp.Or(cmp.Compare(busy[other.Namespace]+ahead(other, waiting), busy[run.Namespace]+ahead(run, waiting)),
			cmp.Compare(other.Spec.Epoch, run.Spec.Epoch), cmp.Compare(other.Namespace+"/"+other.Name, run.Namespace+"/"+run.Name)) < 0 {
			before++
		}
	}
	return working+before < mostJobs
}

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
