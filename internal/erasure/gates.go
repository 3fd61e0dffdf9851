package erasure

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// maxTargets is how many stores a request can follow.
const maxTargets = 64

// readPerson binds the person as soon as the Secret can be read, and the Secret that names them: it alone is deleted at
// the end. Once there are targets the person does not change any more.
func (j *judgement) readPerson() {
	if j.Person.Problem == "" {
		j.status.SubjectRef, j.status.SubjectSecretUID, j.status.RecallRefs = j.Person.Reference, j.Person.SecretUID, j.Person.Recall
	}
}

// accepted asks whether anything is in the way of a plan. What is done already needs no acceptance any more: a Secret
// that vanished after the last commit holds nothing up.
func (j *judgement) accepted() objection {
	if len(searchable(j.status.Targets)) > 0 && j.allFinal() {
		j.accept()
		return objection{}
	}
	spec := &j.Request.Spec
	no := func(reason, message string, s stance) objection {
		return objection{condition: v1alpha1.ConditionAccepted, reason: reason, message: message, stance: s, wait: pollSecret}
	}
	if spec.ReceivedTime.After(j.Now.Add(futureSlack)) {
		return no(v1alpha1.ReasonReceivedInFuture, say(v1alpha1.ReasonReceivedInFuture), waiting)
	}
	bindClock(j.status, j.Officer)
	if _, _, err := calendarOf(j.status); err != nil {
		return no(v1alpha1.ReasonOfficerMissing, "The officer's time zone cannot be loaded, so no due time can be computed; correct it", broken)
	}
	if err := setDue(j.status, spec); err != nil {
		return no(v1alpha1.ReasonClockNotSet, say(v1alpha1.ReasonClockNotSet), broken)
	}
	j.moved(j.why())
	j.shrink()
	switch {
	case asking(spec):
		return no(v1alpha1.ReasonAwaitingIdentity, say(v1alpha1.ReasonAwaitingIdentity), waiting)
	case len(j.Missing) > 0 && len(j.status.Targets) == 0:
		return no(v1alpha1.ReasonRegisterMissing, fmt.Sprintf("DataRegister %s does not exist in this namespace; create it or make a request without it", strings.Join(j.Missing, ", ")), waiting)
	case len(j.Registers) == 0 && len(j.status.Targets) == 0: // perhaps not made yet: too early to say that nothing was found
		return no(v1alpha1.ReasonRegisterMissing, "This namespace has no DataRegister; create one, or make the request where the data are", waiting)
	case len(j.status.Targets) == 0 && len(unknown(j.Request, j.Registers)) > 0:
		return no(v1alpha1.ReasonPurposeUnknown, fmt.Sprintf("No activity of the chosen registers has the purpose %s; correct the register, or make a new request", strings.Join(unknown(j.Request, j.Registers), ", ")), waiting)
	case j.Person.Problem == v1alpha1.ReasonSubjectMissing:
		return no(j.Person.Problem, say(j.Person.Problem), waiting)
	case j.Person.Problem != "":
		return no(j.Person.Problem, say(j.Person.Problem), broken)
	case j.Taken != "" && len(j.status.Targets) == 0:
		return no(v1alpha1.ReasonRequestIDTaken, fmt.Sprintf("The older ErasureRequest %q has requestID %q, and is about another person, or was for a plan alone, or its person was never read; make a new request with a requestID of its own", j.Taken, spec.RequestID), broken)
	}
	if len(j.status.Targets) == 0 {
		if j.status.Targets = inOrder(append(targetsOf(j.Registers, j.Policies), manual(j.Registers)...)); len(j.status.Targets) > maxTargets {
			j.status.Targets = nil
			return no(v1alpha1.ReasonTooManyStores, say(v1alpha1.ReasonTooManyStores), broken)
		}
		if n := len(likely(j.Request, j.status.Targets, j.Registers)); n > maxRecipients {
			j.status.Targets = nil
			return no(v1alpha1.ReasonTooManyRecipients, fmt.Sprintf("The registers have %d recipients to tell and a request tells %d at most (Article 19); make several requests that each name some of the registers (spec.registers, mode Named), or declare those whom one contactChannel reaches as one recipient", n, maxRecipients), broken)
		}
	}
	j.widen()
	j.judgeBases()
	j.accept()
	return objection{}
}

func (j *judgement) accept() {
	reason, message := v1alpha1.ReasonAccepted, "The subject is known and the clock is set"
	if j.status.TimeZone == "" {
		reason, message = v1alpha1.ReasonOfficerMissing, "Accepted, but no DataProtectionOfficer was found: the due times are in UTC and know no public holidays"
	}
	if e := j.Request.Spec.Extension; e != nil && j.lateNotice() {
		message += "; the extension counts for nothing, since its notice was not sent before the first limit (Article 12(3))"
	}
	if late := j.late(); len(late) > 0 {
		message += "; " + j.lateWords(late)
	}
	if len(j.shared) > 0 {
		message += "; " + sharedWords(j.shared)
	}
	found := j.findings
	if found == nil { // what is done is not judged any more
		found = j.status.Findings
	}
	message += findingWords(found)
	j.tell(metav1.ConditionTrue, v1alpha1.ConditionAccepted, reason, message)
}

func (j *judgement) lateNotice() bool {
	spec := j.Request.Spec.DeepCopy()
	spec.Extension = nil
	first := &v1alpha1.ErasureRequestStatus{TimeZone: j.status.TimeZone, Holidays: j.status.Holidays, LawProfile: j.status.LawProfile, LawData: j.status.LawData}
	if err := setDue(first, spec); err != nil || first.LegalDueTime == nil {
		return false
	}
	sent := j.Request.Spec.Extension.NoticeSentTime
	return sent.Before(spec.ReceivedTime) || !sent.Before(first.LegalDueTime)
}

// targetsOf returns a target for each store with a dataset and for each ledger of consents, in a fixed order.
func targetsOf(registers []v1alpha1.DataRegister, policies []v1alpha1.ConsentPolicy) []v1alpha1.ErasureTarget {
	var targets []v1alpha1.ErasureTarget
	for i := range registers {
		for _, s := range sitesOf(&registers[i], policies) {
			targets = append(targets, v1alpha1.ErasureTarget{Register: s.register, Kind: s.kind, Store: s.name, Result: v1alpha1.TargetPending})
		}
	}
	return inOrder(targets)
}

func (j *judgement) allFinal() bool {
	return !slices.ContainsFunc(j.status.Targets, func(t v1alpha1.ErasureTarget) bool { return !Final(t.Result) })
}

// planned asks for a plan of each store. A store that failed says why; the next run comes by itself, later each time.
func (j *judgement) planned() objection {
	open := 0
	var failed *v1alpha1.ErasureTarget
	for i := range j.status.Targets {
		t := &j.status.Targets[i]
		if t.Result != v1alpha1.TargetPending {
			continue
		}
		open++
		if t.Reason != "" && (failed == nil || (needsRepair(t) && !needsRepair(failed))) {
			failed = t
		}
	}
	if o := j.missing(v1alpha1.TargetPending, v1alpha1.ConditionPlanned); o.reason != "" {
		return o
	}
	switch {
	case failed != nil:
		o := objection{condition: v1alpha1.ConditionPlanned, reason: failed.Reason, stance: working,
			message: fmt.Sprintf("%s: %s", placeOf(failed), failed.Message)}
		if needsRepair(failed) {
			o.stance = broken
		}
		return o
	case open > 0:
		return objection{condition: v1alpha1.ConditionPlanned, reason: v1alpha1.ReasonPlanning, stance: working,
			message: fmt.Sprintf("%d of %d stores wait for a plan", open, len(j.status.Targets)) + j.lostWords()}
	}
	if digest := PlanDigest(j.status.Targets); digest != "" {
		j.status.PlanDigest = digest
	}
	j.tell(metav1.ConditionTrue, v1alpha1.ConditionPlanned, v1alpha1.ReasonPlanned, planWords(j.status.Targets)+lawWords(j.status.Findings))
	return objection{}
}

// approved asks a person, where the request wants one. What was approved is a digest: when the plan becomes another one,
// the approval does not follow it, and since a decision does not change a new request is needed.
func (j *judgement) approved() objection {
	spec := &j.Request.Spec
	if spec.Execution == v1alpha1.ExecutionAutomatic {
		j.status.ApprovedPlanDigest = j.status.PlanDigest
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionApproved, v1alpha1.ReasonAutomatic, "The request asks for execution without approval")
		return objection{}
	}
	if spec.Decision == nil || spec.Decision.Verdict != v1alpha1.ErasureApproved {
		return objection{condition: v1alpha1.ConditionApproved, reason: v1alpha1.ReasonAwaitingApproval,
			message: "The plan waits for a decision in spec.decision by somebody with the verb approve on erasurerequests"}
	}
	j.status.ApprovedPlanDigest = j.approvedDigest()
	over := j.executing() && j.allFinal()
	if j.status.ApprovedPlanDigest != j.status.PlanDigest && !over {
		return objection{condition: v1alpha1.ConditionApproved, reason: v1alpha1.ReasonPlanChanged, stance: broken,
			message: "The plan is no longer the one that was approved, and a decision does not change; delete this request and make a new one"}
	}
	j.tell(metav1.ConditionTrue, v1alpha1.ConditionApproved, v1alpha1.ReasonApproved, "The plan was approved")
	return objection{}
}

// executed asks for a commit in each store.
func (j *judgement) executed() objection {
	open, held := 0, 0
	for i := range j.status.Targets {
		t := &j.status.Targets[i]
		switch {
		case waitsForHold(t):
			held++
		case t.Result == v1alpha1.TargetManual:
		case Final(t.Result) && t.ExecutedTime == nil:
			return objection{condition: v1alpha1.ConditionExecuted, reason: orInternal(t.Reason), stance: broken,
				message: fmt.Sprintf("%s: %s", placeOf(t), t.Message)}
		case !Final(t.Result):
			open++
		}
	}
	if o := j.missing(v1alpha1.TargetPlanned, v1alpha1.ConditionExecuted); o.reason != "" {
		return o
	}
	if open > 0 {
		return objection{condition: v1alpha1.ConditionExecuted, reason: v1alpha1.ReasonExecuting, stance: working,
			message: fmt.Sprintf("%d of %d stores wait for their erasure", open, len(j.status.Targets)) + j.lostWords()}
	}
	if held > 0 {
		return objection{condition: v1alpha1.ConditionExecuted, reason: v1alpha1.ReasonOnLegalHold, message: j.holdWords()}
	}
	words := "Every store has committed the erasure"
	if len(searchable(j.status.Targets)) == 0 {
		words = "No store could be searched, and nothing was erased"
	}
	j.tell(metav1.ConditionTrue, v1alpha1.ConditionExecuted, v1alpha1.ReasonExecuted, words+left(j.status.Targets))
	return objection{}
}

// verified asks whether the verifier found nothing, in each store.
func (j *judgement) verified() objection {
	for i := range j.status.Targets {
		t := &j.status.Targets[i]
		if t.VerifiedTime == nil && t.Result != v1alpha1.TargetManual || t.Result == v1alpha1.TargetFailed {
			return objection{condition: v1alpha1.ConditionVerified, reason: orInternal(t.Reason), stance: broken,
				message: fmt.Sprintf("%s: %s", placeOf(t), t.Message)}
		}
	}
	words := "The verifier found nothing of the person but what is kept"
	if len(searchable(j.status.Targets)) == 0 {
		words = "Nothing was erased, so there is nothing to verify"
	}
	j.tell(metav1.ConditionTrue, v1alpha1.ConditionVerified, v1alpha1.ReasonVerified, words+left(j.status.Targets))
	return objection{}
}

func orInternal(reason string) string {
	if reason == "" {
		return string(task.Internal)
	}
	return reason
}
