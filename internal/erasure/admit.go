package erasure

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
)

// Live is one request of a run as the API server has it now, past every cache.
type Live struct {
	UID types.UID
	// Request is nil when it is gone, or when another one has its name.
	Request *v1alpha1.ErasureRequest
	Person  Person
	// Identifiers are the data of the subject Secret: for the run's own Secret, and for nothing else. They are not printed.
	Identifiers map[string][]byte
}

// Admit tells why a request may not run, as a reason; empty when it may. It is asked of live reads right before the Job is
// made: a request that was deleted, refused or changed since it was dispatched stays out.
// Register is the run's, as it is now; holds are the LegalHolds in force.
func Admit(run *v1alpha1.ErasureRun, live Live, register *v1alpha1.DataRegister, runs []v1alpha1.ErasureRun, holds []*v1alpha1.LegalHold) string {
	if run.Spec.Mode == v1alpha1.RunReplay {
		return admitReplay(run, live, holds)
	}
	if reason := Unfit(live.Request); reason != "" {
		return reason
	}
	if live.Person.Problem != "" {
		return live.Person.Problem
	}
	targets := Fold(live.Request.Status.Targets, live.UID, runs)
	i := slices.IndexFunc(targets, func(t v1alpha1.ErasureTarget) bool {
		return placeOf(&t) == workplace(run)
	})
	if i < 0 || valueOf(targets[i].Epoch) >= run.Spec.Epoch {
		return v1alpha1.ReasonRequestEnded
	}
	if targets[i].ExecutedTime == nil && another(live.Request, register, run) {
		return v1alpha1.ReasonPurposeChanged
	}
	if run.Spec.Mode == v1alpha1.RunPlan {
		if targets[i].Result != v1alpha1.TargetPending {
			return v1alpha1.ReasonRequestEnded
		}
		return ""
	}
	switch {
	case !Approved(live.Request, targets):
		return v1alpha1.ReasonNotApproved
	case targets[i].Result != v1alpha1.TargetPlanned || targets[i].PlanDigest != run.Spec.PlanDigest:
		return v1alpha1.ReasonPlanChanged
	case kept(run, live.Person, holds):
		return v1alpha1.ReasonOnLegalHold
	default:
		return ""
	}
}

// kept tells whether a hold keeps all that a run could erase of a person.
func kept(run *v1alpha1.ErasureRun, person Person, holds []*v1alpha1.LegalHold) bool {
	return slices.ContainsFunc(holds, func(h *v1alpha1.LegalHold) bool {
		return hold.Keeps(h, string(run.Spec.RegisterRef.Name), person.References)
	})
}

// refusals are the outcomes of the requests that may not run, in the order of the run, with those whose identifiers do
// not fit into the room that is left in the run's own Secret.
func (t *trial) refusals() []v1alpha1.RunOutcome {
	holds, room := t.live(), peopleRoom(siteOf(&t.RunInput).dataset)
	var list []v1alpha1.RunOutcome
	for _, l := range t.Live {
		reason := Admit(t.Run, l, t.Register, t.Runs, holds)
		if reason == "" {
			if room -= sizeOf(l); room < 0 {
				reason = v1alpha1.ReasonNoRoom
			}
		}
		if reason != "" {
			list = append(list, v1alpha1.RunOutcome{UID: string(l.UID), Result: v1alpha1.TargetPending, Reason: reason})
		}
	}
	return list
}

// admitted are the requests of a run without those that its status refuses.
func admitted(run *v1alpha1.ErasureRun) []v1alpha1.RunRequest {
	refused := map[string]bool{}
	for i := range run.Status.Outcomes {
		if run.Status.Outcomes[i].Result == v1alpha1.TargetPending {
			refused[run.Status.Outcomes[i].UID] = true
		}
	}
	var list []v1alpha1.RunRequest
	for _, r := range run.Spec.Requests {
		if !refused[r.UID] {
			list = append(list, r)
		}
	}
	return list
}

// Trusted tells whether Rempart made a run for this register: its owner, labels and name say so. It does not rest on
// that alone: whatever a run asks for, each request is asked again by Admit.
func Trusted(run *v1alpha1.ErasureRun, register *v1alpha1.DataRegister) bool {
	owned := false
	for _, owner := range run.OwnerReferences {
		owned = owned || owner.Kind == "DataRegister" && (register == nil || owner.UID == register.UID)
	}
	return owned && run.Labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagedByRempart &&
		run.Name == RunName(types.UID(run.Labels[v1alpha1.LabelOwnerUID]), run.Spec.Kind, run.Spec.Store, run.Spec.Mode, run.Spec.Requests)
}

// behindOther tells whether another run of the same store and mode works, or was made, before this one. Two can exist
// only when a dispatcher saw an old list; then they work one after the other.
func behindOther(run *v1alpha1.ErasureRun, runs []v1alpha1.ErasureRun) bool {
	return slices.ContainsFunc(runs, func(o v1alpha1.ErasureRun) bool {
		return o.UID != run.UID && workplace(&o) == workplace(run) && o.Spec.Mode == run.Spec.Mode && o.Status.EndedTime == nil &&
			(o.Spec.Epoch < run.Spec.Epoch || o.Spec.Epoch == run.Spec.Epoch && o.Name < run.Name)
	})
}
