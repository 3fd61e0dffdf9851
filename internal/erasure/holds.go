package erasure

import (
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// The choke point. A run writes down each hold of its register before it makes a Job under it, and a hold is Ready when
// every run knows it or has ended. What a hold keeps is left out of a run that has not begun; a run that works is stopped,
// and then only asks the ledger whether it had committed.

// live are the holds in force that concern the run's register.
func (in *RunInput) live() []*v1alpha1.LegalHold {
	return slices.DeleteFunc(hold.Live(in.Holds, in.Now), func(h *v1alpha1.LegalHold) bool {
		return !hold.Concerns(h, string(in.Run.Spec.RegisterRef.Name))
	})
}

// unmet are the live holds that a status does not have.
func (in *RunInput) unmet(status *v1alpha1.ErasureRunStatus) []*v1alpha1.LegalHold {
	return slices.DeleteFunc(in.live(), func(h *v1alpha1.LegalHold) bool {
		return hold.Known(status.Holds, h) || in.Run.Spec.Mode == v1alpha1.RunPlan && unread(h) // a plan erases nothing
	})
}

// Unmet tells whether a hold concerns the run that it does not know yet. Then its requests are to be read, live.
func (in *RunInput) Unmet() bool { return len(in.unmet(&in.Run.Status)) > 0 }

// Suspends tells whether the Job works on what a hold forbids, and is to be stopped.
func (in *RunInput) Suspends() bool {
	return in.Job != nil && !ptr.Deref(in.Job.Spec.Suspend, false) && in.Run.Status.EndedTime == nil && in.forbidden()
}

// forbidden tells whether a hold that the run does not know keeps something that its Job may be erasing.
func (in *RunInput) forbidden() bool {
	if in.Run.Spec.Mode == v1alpha1.RunPlan || in.Run.Status.CommittedTime != nil {
		return false
	}
	unmet := slices.DeleteFunc(in.unmet(&in.Run.Status), unread)
	if slices.ContainsFunc(unmet, func(h *v1alpha1.LegalHold) bool { return len(rowsAt(h, workplace(in.Run))) > 0 }) {
		return true
	}
	served := admitted(in.Run)
	return slices.ContainsFunc(in.Live, func(l Live) bool {
		return slices.ContainsFunc(served, func(r v1alpha1.RunRequest) bool { return r.UID == string(l.UID) }) && in.keeps(l, unmet)
	})
}

// keeps tells whether one of some holds keeps whom a Job may be erasing. The Job has their identifiers, whatever became of the Secret
// since: who has none that can be used is known by what the request remembers, and without the request may be anybody.
func (in *RunInput) keeps(l Live, holds []*v1alpha1.LegalHold) bool {
	switch {
	case l.Request == nil:
		return slices.ContainsFunc(holds, func(h *v1alpha1.LegalHold) bool { return len(h.Spec.Tables) == 0 })
	case l.Person.Problem != "":
		return kept(in.Run, Remembered(l.Request), holds)
	default:
		return kept(in.Run, l.Person, holds)
	}
}

// unread tells whether it is not known yet whom a hold is about. No Job is begun under it, and none that works is stopped
// for it: it is not Ready before it is read.
func unread(h *v1alpha1.LegalHold) bool { return !hold.Read(h) }

// meet writes the holds down that the run does not know, once they were read.
func (t *trial) meet() {
	if t.forbidden() && t.begun() && t.status.WithheldTime == nil {
		t.status.WithheldTime = ptr.To(metav1.NewTime(t.Now))
	}
	for _, h := range slices.DeleteFunc(t.unmet(t.status), unread) {
		t.status.Holds = append(t.status.Holds, hold.Record(h, t.Now))
	}
}

// crowded tells whether more holds concern the run than it can keep account of.
func (t *trial) crowded() bool { return len(t.status.Holds)+len(t.unmet(t.status)) > task.MaxHolds }

// stopping follows a Job that works while a hold arrives. One that was stopped is followed by another, which may only ask
// the ledger; and when the hold has gone meanwhile, by an ordinary one.
func (t *trial) stopping() RunVerdict {
	switch suspended := ptr.Deref(t.Job.Spec.Suspend, false); {
	case !suspended && t.forbidden():
		return t.busy(v1alpha1.ReasonOnLegalHold, "A legal hold arrived; the Job is being stopped", queueWait)
	case !suspended:
		t.meet()
		return t.busy(v1alpha1.ReasonJobRunning, "A Job works on the store", queueWait)
	case !stopped(t.Job):
		return t.busy(v1alpha1.ReasonOnLegalHold, "A legal hold arrived; the Job is being stopped", queueWait)
	default:
		t.meet()
		t.status.Attempts = ptr.To(valueOf(t.status.Attempts) + 1)
		return t.busy(v1alpha1.ReasonOnLegalHold, "A legal hold stopped the Job; the ledger is asked whether it had committed", queueWait)
	}
}

// stopped tells whether a suspended Job has no pod any more.
func stopped(j *batchv1.Job) bool {
	return j.Status.Active == 0 && valueOf(j.Status.Terminating) == 0 && slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == batchv1.JobSuspended && c.Status == corev1.ConditionTrue
	})
}

// rowsAt are the tables at a place of which a hold keeps rows. A ledger of consents has none: it is held as a whole, with its
// register or for its person, whatever it shares its name with.
func rowsAt(h *v1alpha1.LegalHold, at place) []v1alpha1.HeldTable {
	if at.kind != v1alpha1.TargetStore {
		return nil
	}
	return hold.Rows(h, string(at.register), string(at.name))
}

// held are the rows that the task keeps: those of the live holds, under the places that the run's status gives them.
func (t *trial) held() []task.Hold {
	var list []task.Hold
	for _, h := range t.live() {
		index := slices.IndexFunc(t.Run.Status.Holds, func(r v1alpha1.HoldRecord) bool { return r.UID == string(h.UID) })
		for _, table := range rowsAt(h, workplace(t.Run)) {
			schema := string(table.Schema)
			if schema == "" {
				schema = "public"
			}
			list = append(list, task.Hold{Index: index + 1, Schema: schema, Table: string(table.Table), Where: table.Where, UntilOn: string(h.Spec.UntilOn)})
		}
	}
	return list
}

// recordOf is what the run knows of the hold at an index of a task; nil when there is none.
func (t *trial) recordOf(index int) *v1alpha1.HoldRecord {
	if index < 1 || index > len(t.status.Holds) {
		return nil
	}
	return &t.status.Holds[index-1]
}
