package erasure

import (
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Intend is the status that a run gets before the Job of its present attempt is made, and whether it gets one: a plan changes nothing, so
// nothing is lost with its Job. An operator may die with its request for a Job that then commits, and somebody may delete it before
// another operator looks. A run that has this status is never judged as one that did nothing, and a Job that is not there although it was
// intended is followed by one of the next number, for which nobody took it.
func Intend(in RunInput) (v1alpha1.ErasureRunStatus, bool) {
	t := &trial{RunInput: in, status: in.Run.Status.DeepCopy()}
	if in.Run.Spec.Mode == v1alpha1.RunPlan {
		return *t.status, false
	}
	t.start()
	t.status.SeenAttempts = t.status.Attempts
	return *t.status, true
}

// start notes, once, since when and for how many requests a run works.
func (t *trial) start() {
	if t.status.StartedTime != nil {
		return
	}
	t.status.StartedTime, t.status.Attempts = t.started(), ptr.To(Attempt(t.Run))
	t.status.Admitted = ptr.To(int32(len(admitted(t.Run)))) //nolint:gosec // at most 1000
}
