package erasure

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
)

// Bounds of the lists of holds of a target and of a request.
const maxHeldBy, maxRecords = 16, 64

// deferred writes down which holds keep what of the request. A target whose rows were held is planned anew when one of
// these holds is over: what was deferred finishes by itself, under the approval that was given.
func (j *judgement) deferred() {
	live := hold.Live(j.Holds, j.Now)
	j.onHold = nil
	for i := range j.status.Targets {
		t := &j.status.Targets[i]
		t.HeldBy = nil
		if Final(t.Result) {
			continue
		}
		for _, h := range live {
			if j.Person.Problem == "" && hold.Keeps(h, string(t.Register), j.Person.References) && len(t.HeldBy) < maxHeldBy {
				t.HeldBy = append(t.HeldBy, v1alpha1.ObjectName(h.Name))
			}
		}
		slices.Sort(t.HeldBy)
		j.reopen(t, live)
		for _, name := range slices.Concat(t.HeldBy, t.DeferredBy) {
			j.remember(name, live)
		}
	}
	for i := range j.status.Holds {
		r := &j.status.Holds[i]
		if r.EndedTime == nil && !slices.ContainsFunc(j.onHold, func(h *v1alpha1.LegalHold) bool { return string(h.UID) == r.UID }) {
			r.EndedTime = ptr.To(metav1.NewTime(j.Now))
		}
	}
}

// reopen sends a target back to its plan when a hold that kept rows of it is over.
func (j *judgement) reopen(t *v1alpha1.ErasureTarget, live []*v1alpha1.LegalHold) {
	if t.Result != v1alpha1.TargetDeferred || len(t.DeferredBy) > 0 && !slices.ContainsFunc(t.DeferredBy, func(name v1alpha1.ObjectName) bool {
		return !slices.ContainsFunc(live, func(h *v1alpha1.LegalHold) bool { return h.Name == string(name) })
	}) {
		return
	}
	t.Result, t.Reason, t.Message = v1alpha1.TargetPending, "", ""
	t.PlannedTime, t.Tables, t.Kept, t.TablesOmitted, t.KeptOmitted, t.DeferredBy = nil, nil, nil, nil, nil, nil
	t.Attempts, t.RetryTime = ptr.To(valueOf(t.Attempts)+1), nil
}

// remember keeps a record of a hold, from the first time that it deferred something. One whose Secret was not read yet
// keeps everybody, for a moment, which is worth no record.
func (j *judgement) remember(name v1alpha1.ObjectName, live []*v1alpha1.LegalHold) {
	i := slices.IndexFunc(live, func(h *v1alpha1.LegalHold) bool { return h.Name == string(name) })
	if i < 0 {
		return
	}
	h := live[i]
	if !slices.Contains(j.onHold, h) {
		j.onHold = append(j.onHold, h)
	}
	if at := slices.IndexFunc(j.status.Holds, func(r v1alpha1.HoldRecord) bool { return r.UID == string(h.UID) }); at >= 0 {
		r := &j.status.Holds[at]
		r.UntilOn, r.CreatedTime, r.EndedTime = h.Spec.UntilOn, h.CreationTimestamp.DeepCopy(), nil
		return
	}
	if (hold.Read(h) || h.Spec.Subject == nil) && len(j.status.Holds) < maxRecords {
		j.status.Holds = append(j.status.Holds, hold.Record(h, j.Now))
	}
}

// waitsForHold tells whether a hold is all that a target waits for.
func waitsForHold(t *v1alpha1.ErasureTarget) bool {
	return t.Result == v1alpha1.TargetDeferred || t.Result == v1alpha1.TargetPlanned && len(t.HeldBy) > 0
}

// holdWords name the holds, each with its article and last day.
func (j *judgement) holdWords() string {
	var parts []string
	for _, h := range j.onHold {
		parts = append(parts, fmt.Sprintf("%s (Article %s, until %s)", h.Name, h.Spec.Article, h.Spec.UntilOn))
	}
	slices.Sort(parts)
	const shown = 4
	if len(parts) > shown {
		parts = append(parts[:shown], fmt.Sprintf("%d more", len(parts)-shown))
	}
	return "Legal holds keep a part, which is erased by itself when they are over: " + strings.Join(parts, ", ")
}

// tellHolds adds the condition OnLegalHold, or drops it.
func (j *judgement) tellHolds(verdict *RequestVerdict) {
	if len(j.onHold) == 0 {
		verdict.Dropped = append(verdict.Dropped, v1alpha1.ConditionOnLegalHold)
		return
	}
	verdict.Conditions = append(verdict.Conditions, metav1.Condition{Type: v1alpha1.ConditionOnLegalHold, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonOnLegalHold, Message: j.holdWords()})
	for _, h := range j.onHold {
		if end, dated := hold.Expires(h); dated {
			verdict.Wait = min(verdict.Wait, end.Sub(j.Now)+time.Second)
		}
	}
}

// Overdue tells whether the safe target of a request has passed while something is owed to the person. Nothing is while a legal hold is all
// that it waits for and they were told. The condition says the same, of what its pass has read.
func Overdue(request *v1alpha1.ErasureRequest, now time.Time) bool {
	return Open(request) && overdue(&request.Status, now) && (request.Status.End != "" || !settledByHold(request, now))
}

// answered tells whether the person knows that a part waits for each of these holds, and for nothing else: of a hold that was made after
// they were told they know nothing.
func (j *judgement) answered(o objection) bool {
	d := j.Request.Spec.Deferral
	return o.reason == v1alpha1.ReasonOnLegalHold && d != nil && !d.NoticeSentTime.After(j.Now) &&
		!slices.ContainsFunc(j.onHold, func(h *v1alpha1.LegalHold) bool { return h.CreationTimestamp.After(d.NoticeSentTime.Time) })
}
