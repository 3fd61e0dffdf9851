package erasure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// late are the places that came after the targets were fixed: stores that got a dataset, and ledgers of policies whose service has
// answered since. Before that a ledger has nobody in it, and one that never starts must not hold a request up.
func (j *judgement) late() []v1alpha1.ErasureTarget {
	serving := slices.DeleteFunc(slices.Clone(j.Policies), func(p v1alpha1.ConsentPolicy) bool { return p.Status.Notice == nil })
	staying := slices.DeleteFunc(slices.Clone(j.Registers), func(r v1alpha1.DataRegister) bool { return r.DeletionTimestamp != nil })
	return slices.DeleteFunc(append(targetsOf(staying, serving), manual(staying)...), func(t v1alpha1.ErasureTarget) bool {
		return slices.ContainsFunc(j.status.Targets, func(known v1alpha1.ErasureTarget) bool {
			dataset := known.Result == v1alpha1.TargetManual && t.Result != v1alpha1.TargetManual
			return placeOf(&known) == placeOf(&t) && !dataset
		})
	})
}

// widen makes targets of the places that came since, until somebody decides. The plan of before is then none to approve: nobody can
// approve what they did not see.
func (j *judgement) widen() {
	late := j.late()
	if len(late) == 0 || j.settled() || len(j.status.Targets)+len(late) > maxTargets {
		return
	}
	known := slices.DeleteFunc(j.status.Targets, func(t v1alpha1.ErasureTarget) bool { // it got a dataset
		return slices.ContainsFunc(late, func(l v1alpha1.ErasureTarget) bool { return placeOf(&l) == placeOf(&t) })
	})
	j.status.Targets = inOrder(append(known, late...))
	j.status.PlanDigest = ""
}

// settled tells that what is erased is decided, or being done.
func (j *judgement) settled() bool { return j.Request.Spec.Decision != nil || j.executing() }

// inOrder sorts targets as they stand in every list.
func inOrder(targets []v1alpha1.ErasureTarget) []v1alpha1.ErasureTarget {
	slices.SortFunc(targets, func(a, b v1alpha1.ErasureTarget) int { return strings.Compare(placeOf(&a).key(), placeOf(&b).key()) })
	return targets
}

// mostNamed is how many places a sentence names.
const mostNamed = 5

// lateWords say what a request does not cover, and why.
func (j *judgement) lateWords(late []v1alpha1.ErasureTarget) string {
	why := "for it came after the decision"
	if !j.settled() {
		why = fmt.Sprintf("for a request follows %d stores at most", maxTargets)
	}
	var names, bare []string
	for i := range late {
		if late[i].Result == v1alpha1.TargetManual {
			bare = append(bare, placeOf(&late[i]).String())
		} else {
			names = append(names, placeOf(&late[i]).String())
		}
	}
	var words []string
	if len(names) > 0 {
		words = append(words, fmt.Sprintf("not covered, %s: %s; make another request for it", why, condition.Names(names, mostNamed)))
	}
	if len(bare) > 0 { // which no request searches
		words = append(words, fmt.Sprintf("not covered, %s, and without a dataset no request searches it: %s; give it one and make another request, or erase the person there by hand", why, condition.Names(bare, mostNamed)))
	}
	return strings.Join(words, "; ")
}
