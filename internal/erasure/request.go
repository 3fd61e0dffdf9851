package erasure

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// Waits between two looks at things that are not watched, and at most.
const (
	pollSecret  = 30 * time.Second
	longestWait = time.Hour
)

// RequestInput is all that the judgement of a request depends on.
type RequestInput struct {
	Request *v1alpha1.ErasureRequest
	// Twin tells whether an older request of the namespace has the same requestID and person, so that this one repeats it; Taken is the name
	// of one that has the same requestID and which this one does not repeat.
	Twin  bool
	Taken string
	// Person is what the subject Secret says.
	Person Person
	// Registers are those that the request chose and that exist, sorted by name; Missing are those that do not.
	Registers []v1alpha1.DataRegister
	Missing   []string
	// Policies are the ConsentPolicies of the namespace: the ledgers of those that name one of Registers are concerned too.
	Policies []v1alpha1.ConsentPolicy
	// Officer of the registers; nil when none exists.
	Officer *v1alpha1.DataProtectionOfficer
	// Holds of the namespace.
	Holds []v1alpha1.LegalHold
	// Runs are the runs that list the request.
	Runs []v1alpha1.ErasureRun
	// Messages to recipients that exist, by name.
	Messages map[string]*v1alpha1.Notification
	// Backups are objects of backup tools (backup.Kinds); read only when the request may end.
	Backups []unstructured.Unstructured
	// Forgotten tells, for a request that has ended, that its subject Secret was deleted or found gone.
	Forgotten bool
	// Evidence, for a request that has ended, is where its certificate is; nil while it is not written.
	Evidence *v1alpha1.ErasureEvidence
	Now      time.Time
}

// RequestVerdict is what becomes of the status.
type RequestVerdict struct {
	// Status without its conditions and observedGeneration.
	Status v1alpha1.ErasureRequestStatus
	// Conditions that were judged; Dropped are those that ended.
	Conditions []metav1.Condition
	Dropped    []string
	// Wait until the next look; zero waits for an event.
	Wait time.Duration
}

// stance is what an objection means to people and tools.
type stance int

const (
	waiting stance = iota // for a person's decision or input
	working               // the operator is at it
	broken                // only a person can repair it
)

// An objection is why the request has not ended yet, told under the condition that it keeps from being True. The zero
// value objects to nothing.
type objection struct {
	condition, reason, message string
	stance                     stance
	wait                       time.Duration
}

// judgement is one pass over a request: facts are added to status, conditions to told.
type judgement struct {
	RequestInput
	status *v1alpha1.ErasureRequestStatus
	told   []metav1.Condition
	// onHold are the holds that keep a part of the request now.
	onHold []*v1alpha1.LegalHold
	// shared are stores that a request about purposes leaves alone, for others need them.
	shared []place
	// findings are all that the law says of the request, worst first; the status holds as many as it may.
	findings []v1alpha1.Finding
	// places are those at which runs may be made, also where a request about purposes does not concern them.
	places []place
}

// gates run in order; the first one that objects gives the reason of Ready.
var gates = []func(*judgement) objection{
	(*judgement).accepted,
	(*judgement).planned,
	(*judgement).approved,
	(*judgement).executed,
	(*judgement).verified,
	(*judgement).recipientsInformed,
}

// MayEnd tells whether every store may have a result, the ends of all runs counted: then the backups are to be read. Of a request about
// purposes the targets that wait may be taken back, and a place that is gone may be left to a person.
func MayEnd(request *v1alpha1.ErasureRequest, runs []v1alpha1.ErasureRun) bool {
	final := func(t v1alpha1.ErasureTarget) bool { return Final(t.Result) || t.MissingTime != nil }
	targets := Fold(request.Status.Targets, request.UID, runs)
	if len(request.Spec.Purposes) > 0 {
		return slices.ContainsFunc(targets, final)
	}
	return len(targets) > 0 && !slices.ContainsFunc(targets, func(t v1alpha1.ErasureTarget) bool { return !final(t) })
}

// JudgeRequest moves a request as far as what was read allows. An end is written once and kept.
func JudgeRequest(in RequestInput) RequestVerdict {
	places := placesOf(in.Registers, in.Policies)
	shared := narrow(&in)
	j := &judgement{RequestInput: in, status: in.Request.Status.DeepCopy(), shared: shared, places: places}
	if j.status.End != "" {
		return j.ended()
	}
	j.status.Targets = Fold(j.status.Targets, in.Request.UID, in.Runs)
	j.readPerson()
	j.deferred()
	j.depart()
	j.markBlind()
	if end := j.early(); end != "" {
		return j.end(end)
	}
	for _, gate := range gates {
		if o := gate(j); o.reason != "" {
			j.tellMeanwhile(o)
			return j.object(o)
		}
		if end := j.after(); end != "" {
			return j.end(end)
		}
	}
	return j.end(j.result())
}

// early returns the end of a request that runs nothing: a repetition, or a refusal before anything was executed.
func (j *judgement) early() v1alpha1.ErasureEnd {
	switch {
	case j.executing():
		return ""
	case j.Twin:
		return v1alpha1.EndAlreadyExecuted
	case Refused(j.Request):
		j.refused()
		return v1alpha1.EndRefused
	default:
		return ""
	}
}

// after returns the end of a request that is complete although later gates were not asked.
func (j *judgement) after() v1alpha1.ErasureEnd {
	switch {
	case len(j.status.Targets) == 0: // accepted, and other purposes need each store
		return v1alpha1.EndNothingFound
	case j.Request.Spec.Execution == v1alpha1.ExecutionPlanOnly && j.isTrue(v1alpha1.ConditionPlanned):
		j.tell(metav1.ConditionFalse, v1alpha1.ConditionApproved, v1alpha1.ReasonPlanOnly, "Only a plan was asked for, so nothing is executed")
		return v1alpha1.EndPlannedOnly
	default:
		return ""
	}
}

// executing tells whether an execution was begun and not found undone: from then on a refusal comes too late.
func (j *judgement) executing() bool {
	return slices.ContainsFunc(j.status.Targets, func(t v1alpha1.ErasureTarget) bool {
		return Final(t.Result) && t.Result != v1alpha1.TargetManual || t.ExecutedTime != nil
	}) ||
		slices.ContainsFunc(j.Runs, func(r v1alpha1.ErasureRun) bool {
			return r.Spec.Mode == v1alpha1.RunExecute && r.Status.EndedTime == nil
		})
}

// result is the end of a request whose targets are all final and verified.
func (j *judgement) result() v1alpha1.ErasureEnd {
	changes := func(t v1alpha1.ErasureTarget) bool { return changed(&t) }
	is := func(result v1alpha1.TargetResult) bool {
		return slices.ContainsFunc(j.status.Targets, func(t v1alpha1.ErasureTarget) bool { return t.Result == result })
	}
	switch erased := slices.ContainsFunc(j.status.Targets, changes); {
	case erased && (is(v1alpha1.TargetPartlyKept) || is(v1alpha1.TargetManual)):
		return v1alpha1.EndPartlyErased
	case erased:
		return v1alpha1.EndErased
	case is(v1alpha1.TargetPartlyKept):
		return v1alpha1.EndNothingErased
	default:
		return v1alpha1.EndNothingFound
	}
}

// changed tells whether something of the person was erased at a target. Where the counts did not come, what the store committed stands.
// What was erased before a hold kept the rest, or before a place was left to a person, was erased.
func changed(t *v1alpha1.ErasureTarget) bool {
	switch t.Result {
	case v1alpha1.TargetErased:
		return true
	case v1alpha1.TargetPartlyKept, v1alpha1.TargetDeferred:
		return t.Reason == v1alpha1.ReasonCountsMissing || rowsChanged(t) > 0
	default:
		return rowsChanged(t) > 0
	}
}

// rowsChanged are the rows of a person that were changed at a target.
func rowsChanged(t *v1alpha1.ErasureTarget) int64 {
	return valueOf(t.RowsDeleted) + valueOf(t.RowsMasked) + valueOf(t.RowsDetached)
}

// object reports the first objection: under its own condition, under Ready, and under the conditions behind it.
func (j *judgement) object(o objection) RequestVerdict {
	j.tell(metav1.ConditionFalse, o.condition, o.reason, o.message)
	for i := slices.Index(order, o.condition) + 1; i < len(order); i++ {
		reason := reasonBehind[order[i]]
		j.tell(metav1.ConditionFalse, order[i], reason, behind[reason])
	}
	j.tell(metav1.ConditionFalse, v1alpha1.ConditionReady, o.reason, o.message)
	switch o.stance {
	case waiting: // Ready False says enough
	case working:
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionReconciling, o.reason, o.message)
	case broken:
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionStalled, o.reason, o.message)
	}
	if words := j.meanwhile(); words != "" && o.condition != v1alpha1.ConditionRecipientsInformed {
		j.tell(metav1.ConditionFalse, v1alpha1.ConditionRecipientsInformed, v1alpha1.ReasonNotExecuted, behind[v1alpha1.ReasonNotExecuted]+words)
	}
	verdict := RequestVerdict{Status: *j.status, Conditions: j.told, Wait: j.wait(o.wait)}
	if overdue(j.status, j.Now) && !j.answered(o) {
		verdict.Conditions = append(verdict.Conditions, lateAnswer())
	} else {
		verdict.Dropped = []string{v1alpha1.ConditionOverdue}
	}
	j.tellHolds(&verdict)
	return verdict
}

// order of the conditions, as the gates ask.
var order = []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionPlanned, v1alpha1.ConditionApproved,
	v1alpha1.ConditionExecuted, v1alpha1.ConditionVerified, v1alpha1.ConditionRecipientsInformed}

// reasonBehind is why a condition behind the first objection is False.
var reasonBehind = map[string]string{
	v1alpha1.ConditionPlanned:            v1alpha1.ReasonNotAccepted,
	v1alpha1.ConditionApproved:           v1alpha1.ReasonNotPlanned,
	v1alpha1.ConditionExecuted:           v1alpha1.ReasonNotApproved,
	v1alpha1.ConditionVerified:           v1alpha1.ReasonNotExecuted,
	v1alpha1.ConditionRecipientsInformed: v1alpha1.ReasonNotExecuted,
}

var behind = map[string]string{
	v1alpha1.ReasonNotAccepted: "The request is not accepted",
	v1alpha1.ReasonNotPlanned:  "There is no plan to judge",
	v1alpha1.ReasonNotApproved: "Nothing runs without an approved plan",
	v1alpha1.ReasonNotExecuted: "Nothing was executed everywhere yet",
}

// end records how the request ended. Ready follows when the subject Secret is gone and the certificate is written.
func (j *judgement) end(end v1alpha1.ErasureEnd) RequestVerdict {
	j.status.End, j.status.EndedTime = end, ptr.To(metav1.NewTime(j.Now))
	j.backupsClear()
	message := "The request has ended; its subject Secret is being deleted"
	j.tell(metav1.ConditionFalse, v1alpha1.ConditionReady, v1alpha1.ReasonForgetting, message)
	j.tell(metav1.ConditionTrue, v1alpha1.ConditionReconciling, v1alpha1.ReasonForgetting, message)
	return RequestVerdict{Status: *j.status, Conditions: j.told, Dropped: append(j.unowed(), v1alpha1.ConditionOnLegalHold), Wait: time.Second}
}

// unowed is the condition Overdue, which goes with an end; not where the person is still to be told of it, which is owed since as long.
func (j *judgement) unowed() []string {
	if Answers(j.status.End) {
		return nil
	}
	return []string{v1alpha1.ConditionOverdue}
}

// ended reports a recorded end, once the subject Secret is gone or left to another request. Ready needs the certificate.
func (j *judgement) ended() RequestVerdict {
	if j.Forgotten && j.status.SubjectDeletedTime == nil {
		j.status.SubjectDeletedTime = ptr.To(metav1.NewTime(j.Now))
	}
	if Untold(j.Request) {
		return j.awaitNotice()
	}
	if j.status.Evidence == nil {
		j.status.Evidence = j.Evidence
	}
	if j.status.Evidence == nil {
		message := "The request has ended; its certificate is being written"
		j.tell(metav1.ConditionFalse, v1alpha1.ConditionReady, v1alpha1.ReasonCertifying, message)
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertifying, message)
		return RequestVerdict{Status: *j.status, Conditions: j.told, Dropped: j.unowed(), Wait: time.Second}
	}
	j.tell(metav1.ConditionTrue, v1alpha1.ConditionReady, string(j.status.End), endWords(j.Request, j.status))
	return j.answer()
}

// wait is until the next thing that happens by itself: the objection's own poll, a retry, or the due time.
func (j *judgement) wait(own time.Duration) time.Duration {
	wait := longestWait
	if own > 0 {
		wait = min(wait, own)
	}
	if due := j.status.DueTime; due != nil {
		for _, r := range reminders {
			if next := due.Add(-r.before).Sub(j.Now); next > 0 {
				wait = min(wait, next+time.Second)
			}
		}
	}
	for i := range j.status.Targets {
		if since := j.status.Targets[i].MissingTime; since != nil && !Final(j.status.Targets[i].Result) {
			wait = min(wait, max(since.Add(returnWait).Sub(j.Now), 0)+time.Second)
		}
	}
	if due := j.status.DueTime; due != nil && !overdue(j.status, j.Now) {
		wait = min(wait, due.Sub(j.Now)+time.Second)
	}
	return wait
}

// tell adds a condition; a later word on the same type replaces an earlier one.
func (j *judgement) tell(status metav1.ConditionStatus, conditionType, reason, message string) {
	j.told = slices.DeleteFunc(j.told, func(c metav1.Condition) bool { return c.Type == conditionType })
	j.told = append(j.told, condition.New(conditionType, status, reason, message))
}

// isTrue tells whether this pass found the condition True.
func (j *judgement) isTrue(conditionType string) bool {
	return slices.ContainsFunc(j.told, func(c metav1.Condition) bool {
		return c.Type == conditionType && c.Status == metav1.ConditionTrue
	})
}

// Refused tells whether a person refused the request.
func Refused(request *v1alpha1.ErasureRequest) bool {
	return request.Spec.Decision != nil && request.Spec.Decision.Verdict == v1alpha1.ErasureRefused
}

// Choose returns the registers that the request chose, sorted by name, and the names of those that do not exist.
func Choose(request *v1alpha1.ErasureRequest, all []v1alpha1.DataRegister) ([]v1alpha1.DataRegister, []string) {
	var chosen []v1alpha1.DataRegister
	named := request.Spec.Registers.Mode == v1alpha1.RegistersNamed
	for i := range all {
		if !named || slices.Contains(request.Spec.Registers.Names, v1alpha1.ObjectName(all[i].Name)) {
			chosen = append(chosen, all[i])
		}
	}
	slices.SortFunc(chosen, func(a, b v1alpha1.DataRegister) int { return strings.Compare(a.Name, b.Name) })
	var missing []string
	for _, name := range request.Spec.Registers.Names {
		if named && !slices.ContainsFunc(chosen, func(r v1alpha1.DataRegister) bool { return r.Name == string(name) }) {
			missing = append(missing, string(name))
		}
	}
	slices.Sort(missing)
	return chosen, missing
}

// UsedByOthers tells whether another request that has not ended names the same subject Secret: the last one deletes it.
func UsedByOthers(request *v1alpha1.ErasureRequest, others []v1alpha1.ErasureRequest) bool {
	return slices.ContainsFunc(others, func(o v1alpha1.ErasureRequest) bool {
		return o.UID != request.UID && o.Status.End == "" && o.Spec.Subject.SecretRef.Name == request.Spec.Subject.SecretRef.Name
	})
}

// Counted tells whether a request no longer needs a run: it has ended, or it has counted the run's end.
func Counted(request *v1alpha1.ErasureRequest, run *v1alpha1.ErasureRun) bool {
	if request.Status.End != "" {
		return true
	}
	return !slices.ContainsFunc(request.Status.Targets, func(t v1alpha1.ErasureTarget) bool {
		return Serves(run, request.UID, &t) && valueOf(t.Epoch) < run.Spec.Epoch && !Final(t.Result)
	})
}
