package erasure

import (
	"fmt"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// narrow leaves of the input what a request about purposes concerns: stores that hold data for these purposes and for no other. What
// another purpose needs too has another ground (Article 17(1)(b)), and the ledger of consents proves what was agreed to before
// (Article 7(1)): neither is touched. What was planned and no purpose needs any more stays a target. It returns the stores that were left
// out for another purpose, in the order of the registers.
func narrow(in *RequestInput) (shared []place) {
	if len(in.Request.Spec.Purposes) == 0 {
		return nil
	}
	in.Policies = nil
	in.Registers = slices.Clone(in.Registers)
	targets := Fold(in.Request.Status.Targets, in.Request.UID, in.Runs)
	for i := range in.Registers {
		r := &in.Registers[i]
		var stores []v1alpha1.DataStore
		for _, s := range r.Spec.Stores {
			at := place{v1alpha1.ObjectName(r.Name), v1alpha1.TargetStore, s.Name}
			needed, alone := neededFor(r, s.Name, in.Request.Spec.Purposes)
			switch {
			case (needed || targeted(in.Request, at)) && alone, begunAt(in, targets, at):
				stores = append(stores, s)
			case needed, targeted(in.Request, at): // which another purpose needs
				shared = append(shared, at)
			}
		}
		r.Spec.Stores = stores
	}
	return shared
}

// targeted tells whether a place is a target of a request.
func targeted(request *v1alpha1.ErasureRequest, at place) bool {
	return slices.ContainsFunc(request.Status.Targets, func(t v1alpha1.ErasureTarget) bool { return placeOf(&t) == at })
}

// begunAt tells whether an erasure was begun at a place: what the register says from then on changes nothing of it.
func begunAt(in *RequestInput, targets []v1alpha1.ErasureTarget, at place) bool {
	return slices.ContainsFunc(targets, func(t v1alpha1.ErasureTarget) bool {
		return placeOf(&t) == at && (t.ExecutedTime != nil || Final(t.Result) && t.Result != v1alpha1.TargetManual)
	}) || slices.ContainsFunc(in.Runs, func(r v1alpha1.ErasureRun) bool {
		return r.Spec.Mode == v1alpha1.RunExecute && workplace(&r) == at && Lists(&r, in.Request.UID) && valueOf(r.Status.Attempts) > 0 && r.Status.EndedTime == nil
	})
}

// shrink takes back the targets of a request about purposes that another purpose needs by now. An approval covers what is left of its
// plan.
func (j *judgement) shrink() {
	shared := func(t v1alpha1.ErasureTarget) bool { return slices.Contains(j.shared, placeOf(&t)) }
	left := slices.DeleteFunc(slices.Clone(j.status.Targets), shared)
	if len(left) == len(j.status.Targets) {
		return
	}
	seen := j.Request.Status.Targets // as they were approved: a run that was refused has taken its plan with it
	if before := PlanDigest(seen); before != "" && before == j.approvedDigest() {
		j.status.PlanDigest = PlanDigest(slices.DeleteFunc(slices.Clone(seen), shared))
		j.status.ApprovedPlanDigest = j.status.PlanDigest
	}
	j.status.Targets = left
}

// approvedDigest is the digest of the plan that was approved; empty when none was.
func (j *judgement) approvedDigest() string {
	decision := j.Request.Spec.Decision
	switch {
	case j.status.ApprovedPlanDigest != "":
		return j.status.ApprovedPlanDigest
	case decision == nil || decision.Verdict != v1alpha1.ErasureApproved:
		return ""
	case decision.PlanDigest != "":
		return decision.PlanDigest
	default:
		return j.status.PlanDigest
	}
}

// unknown are the purposes of a request that no activity has: misspelt, or not declared yet. Too early to say that nothing was found.
func unknown(request *v1alpha1.ErasureRequest, registers []v1alpha1.DataRegister) []string {
	var names []string
	for _, purpose := range request.Spec.Purposes {
		if !slices.ContainsFunc(registers, func(r v1alpha1.DataRegister) bool {
			needed := func(a v1alpha1.ProcessingActivity) bool {
				return slices.ContainsFunc(a.Purposes, func(p v1alpha1.Purpose) bool { return p.Name == purpose })
			}
			return slices.ContainsFunc(r.Spec.Activities, needed)
		}) {
			names = append(names, string(purpose))
		}
	}
	return names
}

// another tells whether a purpose that a request is not about needs the store of a run.
func another(request *v1alpha1.ErasureRequest, register *v1alpha1.DataRegister, run *v1alpha1.ErasureRun) bool {
	if len(request.Spec.Purposes) == 0 || register == nil || workplace(run).kind != v1alpha1.TargetStore {
		return false
	}
	_, alone := neededFor(register, run.Spec.Store, request.Spec.Purposes)
	return !alone
}

// neededFor tells whether a store holds data for one of the purposes, and whether it holds data for these alone.
func neededFor(r *v1alpha1.DataRegister, store v1alpha1.PartName, purposes []v1alpha1.PartName) (needed, alone bool) {
	alone = true
	for _, activity := range r.Spec.Activities {
		if !slices.Contains(activity.Stores, store) {
			continue
		}
		for _, purpose := range activity.Purposes {
			if slices.Contains(purposes, purpose.Name) {
				needed = true
			} else {
				alone = false
			}
		}
	}
	return needed, alone
}

// sharedWords say which stores a request about purposes leaves alone.
func sharedWords(shared []place) string {
	names := make([]string, len(shared))
	for i, p := range shared {
		names[i] = p.String()
	}
	return fmt.Sprintf("not covered, for other purposes need it: %s; what only the withdrawn purposes needed there is for a person to remove", condition.Names(names, mostNamed))
}
