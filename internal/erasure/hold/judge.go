package hold

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// Waits between two looks at what is not watched.
const (
	pollSecret = 30 * time.Second
	pollRuns   = 5 * time.Second
	longest    = time.Hour
)

// mostNamed is how many registers and stores a message names.
const mostNamed = 5

// Input is all that the judgement of a hold depends on.
type Input struct {
	Hold *v1alpha1.LegalHold
	// Problem is why the subject Secret cannot be used, as a reason of an ErasureRequest's condition Accepted, and Words say it.
	Problem, Words string
	// References to the person and SecretUID are read once, while status has none.
	References []string
	SecretUID  string
	// Forgotten tells that the subject Secret was deleted, found gone, or left to a request that names it.
	Forgotten bool
	// Runs of the namespace, past every cache.
	Runs []v1alpha1.ErasureRun
	// Requests of the namespace, while a reference of the hold is Unknown.
	Requests []v1alpha1.ErasureRequest
	// Registers of the namespace.
	Registers []v1alpha1.DataRegister
	Now       time.Time
}

// Verdict is what becomes of a hold's status.
type Verdict struct {
	Status     v1alpha1.LegalHoldStatus
	Conditions []metav1.Condition
	Wait       time.Duration
}

// Judge says whether a hold is in force, and whether every erasure that it forbids is known to have stopped.
func Judge(in Input) Verdict {
	v := Verdict{Status: *in.Hold.Status.DeepCopy()}
	if len(v.Status.SubjectRefs) == 0 && in.Problem == "" {
		v.Status.SubjectRefs, v.Status.SubjectSecretUID = in.References, in.SecretUID
	}
	if len(Unknown(in.Hold)) > 0 {
		v.Status.SubjectRefs = resolve(in.Hold, in.Requests)
	}
	if in.Forgotten && v.Status.SubjectDeletedTime == nil {
		v.Status.SubjectDeletedTime = ptr.To(metav1.NewTime(in.Now))
	}
	if !InForce(in.Hold, in.Now) {
		return v.over(in.Hold)
	}
	v.Wait = longest
	if end, dated := Ends(in.Hold); dated && in.Now.Before(end) {
		v.Wait = min(v.Wait, end.Sub(in.Now)+time.Second)
	}
	if in.Problem != "" && len(v.Status.SubjectRefs) == 0 {
		words := in.Words + "; until then the hold keeps everybody's data"
		v.tell(metav1.ConditionTrue, v1alpha1.ConditionInForce, in.Problem, words)
		v.tell(metav1.ConditionFalse, v1alpha1.ConditionReady, in.Problem, words)
		v.tell(metav1.ConditionTrue, v1alpha1.ConditionStalled, in.Problem, words)
		v.Wait = min(v.Wait, pollSecret)
		return v
	}
	if n := len(Unknown(&v1alpha1.LegalHold{Spec: in.Hold.Spec, Status: v.Status})); n > 0 {
		words := fmt.Sprintf("%d of spec.subjectRefs are of no ErasureRequest of this namespace, so nobody can tell which identifiers they stand for; until then the hold keeps everybody's data. Release it and make one with spec.subject, or with status.recallRefs of a request", n)
		v.tell(metav1.ConditionTrue, v1alpha1.ConditionInForce, v1alpha1.ReasonReferenceUnknown, words)
		v.tell(metav1.ConditionFalse, v1alpha1.ConditionReady, v1alpha1.ReasonReferenceUnknown, words)
		v.tell(metav1.ConditionTrue, v1alpha1.ConditionStalled, v1alpha1.ReasonReferenceUnknown, words)
		v.Wait = min(v.Wait, pollSecret)
		return v
	}
	v.tell(metav1.ConditionTrue, v1alpha1.ConditionInForce, v1alpha1.ReasonInForce, "The hold forbids erasures")
	if n := pending(in); n > 0 {
		words := fmt.Sprintf("%d runs that began before the hold are being stopped, or waited for", n)
		v.tell(metav1.ConditionFalse, v1alpha1.ConditionReady, v1alpha1.ReasonTakingEffect, words)
		v.tell(metav1.ConditionTrue, v1alpha1.ConditionReconciling, v1alpha1.ReasonTakingEffect, words)
		v.Wait = min(v.Wait, pollRuns)
		return v
	}
	if missing := Missing(in.Hold, in.Registers); len(missing) > 0 {
		words := fmt.Sprintf("The hold keeps nothing of %s, which this namespace does not have; release it and make one with the right names, or create what is missing", condition.Names(missing, mostNamed))
		v.tell(metav1.ConditionFalse, v1alpha1.ConditionReady, v1alpha1.ReasonRegisterMissing, words)
		v.tell(metav1.ConditionTrue, v1alpha1.ConditionStalled, v1alpha1.ReasonRegisterMissing, words)
		v.Wait = min(v.Wait, pollSecret)
		return v
	}
	v.tell(metav1.ConditionTrue, v1alpha1.ConditionReady, v1alpha1.ReasonInForce, "The hold forbids erasures, and none that it forbids is under way"+again(in))
	return v
}

// again asks for a look at a restriction whose day is over: it holds on until the person was told.
func again(in Input) string {
	end, dated := Ends(in.Hold)
	if !Restriction(in.Hold) || !dated || in.Now.Before(end) {
		return ""
	}
	return "; its day is over, and a restriction ends when the person was told before (Article 18(3)): tell them, and release it with noticeSentTime, or set a later untilOn"
}

// over reports a hold that has ended.
func (v Verdict) over(h *v1alpha1.LegalHold) Verdict {
	reason, words := v1alpha1.ReasonExpired, "The last day of the hold is over; what it deferred is erased by itself"
	if h.Spec.Release != nil {
		reason, words = v1alpha1.ReasonReleased, "The hold was lifted; what it deferred is erased by itself"
	}
	v.tell(metav1.ConditionFalse, v1alpha1.ConditionInForce, reason, words)
	v.tell(metav1.ConditionTrue, v1alpha1.ConditionReady, reason, words)
	return v
}

func (v *Verdict) tell(status metav1.ConditionStatus, conditionType, reason, message string) {
	v.Conditions = append(v.Conditions, condition.New(conditionType, status, reason, message))
}

// pending counts the runs that may still erase without knowing the hold.
func pending(in Input) int {
	n := 0
	for i := range in.Runs {
		run := &in.Runs[i]
		if run.Spec.Mode != v1alpha1.RunPlan && run.Status.EndedTime == nil && Concerns(in.Hold, string(run.Spec.RegisterRef.Name)) && !Known(run.Status.Holds, in.Hold) {
			n++
		}
	}
	return n
}
