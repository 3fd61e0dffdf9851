package erasure

import (
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Attempts of one run: a plan is made anew by the request's own next run, so few are enough; an execution keeps its run,
// since only that run finds its row in the ledger.
const (
	planAttempts    = 3
	executeAttempts = 100
	firstAttempt    = 5 * time.Second
	queueWait       = 5 * time.Second
)

// RunInput is all that the judgement of a run depends on. Register, Live and Job are read past every cache.
type RunInput struct {
	Run *v1alpha1.ErasureRun
	// Register is nil when it is gone.
	Register *v1alpha1.DataRegister
	// Policy whose ledger the run works on; nil for a run at a store, and when it is gone.
	Policy *v1alpha1.ConsentPolicy
	// Live are the requests of the run; read only while the Job of the present attempt does not exist.
	Live []Live
	// Runs of the register, this one included; read only before the first Job.
	Runs []v1alpha1.ErasureRun
	// Waits says that it is another run's turn, by Turn; asked only while the Job of the present attempt does not exist.
	Waits bool
	// Holds of the namespace, read past every cache.
	Holds []v1alpha1.LegalHold
	// CheckKey is the run's own key (subjectkey.Ring.CheckKey).
	CheckKey []byte
	// Salt of the run (task.Task.Salt): of the task that there is already, or a new one; read only before a Job is made.
	Salt []byte
	// RecallKeys find people who came back with a backup (subjectkey.Ring.RecallKeys); set for a replay alone.
	RecallKeys map[string][]byte
	// Regions that the register's residency policy allows; nil pins nothing.
	Regions []string
	// Job of the present attempt; nil when it does not exist.
	Job *batchv1.Job
	// Lingers says that a pod of the run has not ended although its Job is not there; asked only then.
	Lingers bool
	// LostNode is the node that does not end a pod of the run; asked while the Job is not there, or while pods of it are being deleted.
	LostNode string
	// Answers of the containers of its newest pod.
	Answers []task.Outcome
	// Evidence, for a run that Certifies, is where its certificate is; nil while it is not written.
	Evidence *v1alpha1.ErasureEvidence
	// Image of the operator's own eraser.
	Image string
	Now   time.Time
}

// RunVerdict is what becomes of a run's status.
type RunVerdict struct {
	// Status without its conditions and observedGeneration.
	Status     v1alpha1.ErasureRunStatus
	Conditions []metav1.Condition
	Wait       time.Duration
}

// Attempt is the number of the run's present Job, from 1.
func Attempt(run *v1alpha1.ErasureRun) int32 { return max(1, valueOf(run.Status.Attempts)) }

// begun tells whether a Job of the run was made, or may have been: from then on the run is what the ledger says.
func (in *RunInput) begun() bool { return in.Job != nil || valueOf(in.Run.Status.Attempts) > 0 }

// trial is one pass over a run.
type trial struct {
	RunInput
	status *v1alpha1.ErasureRunStatus
}

// JudgeRun says what a run has come to. An end is written once and kept.
func JudgeRun(in RunInput) RunVerdict {
	t := &trial{RunInput: in, status: in.Run.Status.DeepCopy()}
	switch {
	case t.status.EndedTime != nil:
		if Certifies(in.Run) {
			t.status.Evidence = in.Evidence
		}
		return RunVerdict{Status: *t.status, Conditions: runEnd(t.status, in.Run.Spec.Mode)}
	case !in.begun():
		return t.judgeStart()
	}
	t.start()
	if in.Job == nil {
		return t.judgeAbsent()
	}
	t.status.SeenAttempts = t.status.Attempts
	switch {
	case job.Ended(in.Job) != job.Working:
		return t.judgeEnd()
	case in.Unmet() || ptr.Deref(in.Job.Spec.Suspend, false):
		return t.unlessLost(t.stopping())
	case job.Leaves(in.Job):
		return t.unlessLost(t.busy(v1alpha1.ReasonPodEnding, "A pod of the Job is being deleted; the run goes on when it has ended"+t.committedSoFar(), leaveWait))
	default:
		return t.busy(v1alpha1.ReasonJobRunning, "A Job works on the store"+t.committedSoFar(), 0)
	}
}

// judgeStart decides whether the first Job is made. What keeps requests out is recorded first, and judged again by the
// next pass, so that the Job serves exactly the requests that status does not refuse.
func (t *trial) judgeStart() RunVerdict {
	run := t.Run
	switch {
	case run.DeletionTimestamp != nil:
		return t.undone(v1alpha1.ReasonCancelled)
	case run.Spec.Image != t.Image:
		return t.undone(v1alpha1.ReasonImageChanged)
	case siteOf(&t.RunInput) == nil:
		return t.undone(v1alpha1.ReasonStoreMissing)
	}
	if behindOther(run, t.Runs) {
		return t.busy(v1alpha1.ReasonQueued, "Another run works on the store", queueWait)
	}
	if t.Waits {
		return t.busy(v1alpha1.ReasonQueued, "As many runs work as may at once", queueWait)
	}
	if t.crowded() {
		return t.undone(v1alpha1.ReasonTooManyHolds)
	}
	refused := t.refusals()
	t.meet()
	if !equality.Semantic.DeepEqual(refused, run.Status.Outcomes) {
		t.status.Outcomes = refused
	}
	if len(refused) == len(run.Spec.Requests) {
		if peopleRoom(siteOf(&t.RunInput).dataset) <= 0 {
			return t.undone(v1alpha1.ReasonTaskTooLarge)
		}
		return t.undone(v1alpha1.ReasonNothingAdmitted)
	}
	return t.busy(v1alpha1.ReasonStarting, "The Job is being made", time.Second)
}

// judgeEnd reads what an ended Job answered.
func (t *trial) judgeEnd() RunVerdict {
	if t.Run.Spec.Mode == v1alpha1.RunPlan {
		return t.judgePlan()
	}
	return t.judgeExecution()
}

func (t *trial) judgePlan() RunVerdict {
	plan := t.answer(task.Plan)
	switch {
	case plan.OK:
		t.status.PlanDigest = plan.PlanDigest
		t.begin(v1alpha1.TargetPlanned)
		t.absorb(plan, t.answer(task.Report))
		t.leaveRest()
		return t.end("", plan.Message)
	case plan.Reason == task.Internal && t.more(planAttempts):
		return t.retry(plan)
	default:
		t.all(v1alpha1.TargetPending, string(plan.Reason))
		return t.end(string(plan.Reason), plan.Message)
	}
}

// judgeExecution: a commit is recorded as soon as it is known. Before one, only an answer that the store gave can say
// that nothing was done; after one, the run ends when the verifier has answered.
func (t *trial) judgeExecution() RunVerdict {
	erase := t.answer(task.Erase)
	t.progressed(erase)
	if !erase.OK {
		return t.judgeUncommitted(erase)
	}
	if t.status.CommittedTime == nil {
		t.status.CommittedTime = t.instant(erase.At)
		t.status.LedgerPosition, t.status.PlanDigest = ptr.To(erase.Ledger), erase.PlanDigest
		t.begin(v1alpha1.TargetErased)
	}
	fresh := t.absorb(erase, t.answer(task.Report))
	if t.status.VerifiedTime != nil {
		return t.judgeCounts(fresh)
	}
	verify := t.answer(task.Verify)
	switch {
	case verify.OK:
		t.status.VerifiedTime, t.status.Message = t.instant(verify.At), verify.Message
		return t.judgeCounts(fresh)
	case verify.Reason != task.Contradicted && t.more(executeAttempts):
		return t.retry(verify)
	default:
		t.fail(string(verify.Reason))
		return t.end(string(verify.Reason), verify.Message)
	}
}

func (t *trial) judgeUncommitted(erase task.Outcome) RunVerdict {
	t.untouched(erase)
	switch {
	case t.stoppedPartly(erase):
		return t.part(erase)
	case t.checking() && t.status.CommittedTime == nil:
		return t.judgeCheck(erase)
	case erase.Reason == task.Unfinished && t.more(executeAttempts):
		t.status.Attempts, t.status.Turns = ptr.To(valueOf(t.status.Attempts)+1), ptr.To(valueOf(t.status.Turns)+1)
		return t.busy(v1alpha1.ReasonJobRunning, "The next Job goes on"+t.committedSoFar(), time.Second)
	case erase.Reason.Retryable() && t.more(executeAttempts):
		return t.retry(erase)
	case t.status.CommittedTime != nil: // it committed, and a later attempt could not get as far as its check
		if t.more(executeAttempts) {
			return t.retry(erase)
		}
		if t.status.VerifiedTime != nil {
			return t.endUncounted()
		}
		t.fail(string(erase.Reason))
		return t.end(string(erase.Reason), erase.Message)
	case t.unsure(erase) && t.Run.DeletionTimestamp != nil:
		return t.lost(v1alpha1.ReasonCommitUnknown)
	case t.unsure(erase):
		t.check(string(erase.Reason))
		t.status.Attempts = ptr.To(valueOf(t.status.Attempts) + 1)
		return t.busy(v1alpha1.ReasonCheckingLedger, t.checkWords(), time.Second)
	default:
		t.all(v1alpha1.TargetPending, string(erase.Reason))
		return t.end(string(erase.Reason), erase.Message)
	}
}

// afterLedger are the answers that the eraser gives only when its ledger has no row of the run: nothing was committed,
// however many attempts there were.
var afterLedger = map[task.Reason]bool{task.Withheld: true, task.HoldUnclear: true, task.PlanChanged: true, task.PlanImpossible: true, task.Fenced: true}

// answer reads what a step left. A container that left nothing, since its pod vanished or never started, and one that
// failed for a reason that we do not know, count as Internal.
func (t *trial) answer(step task.Step) task.Outcome {
	answer, ended := job.Of(t.Answers, step)
	switch {
	case !ended:
		return task.Outcome{Step: step, Reason: task.Internal, Message: "The container ended without a readable answer"}
	case !answer.OK && say(string(answer.Reason)) == "":
		answer.Reason = task.Internal
	}
	return answer
}

// more tells whether another Job may be begun. A Job that got on with the run does not count.
func (t *trial) more(most int32) bool {
	return t.Run.DeletionTimestamp == nil && valueOf(t.status.Attempts) < most+valueOf(t.status.Turns)
}

// retry begins the next attempt when its time has come. The ledger turns it into a check if this one committed.
func (t *trial) retry(answer task.Outcome) RunVerdict {
	message := fmt.Sprintf("The Job ended without a result (%s) and is tried again", answer.Reason)
	wait := endedAt(t.Job).Add(backoff(valueOf(t.status.Attempts), firstAttempt)).Sub(t.Now)
	if wait > 0 {
		return t.busy(v1alpha1.ReasonRetrying, message, wait)
	}
	t.status.Attempts = ptr.To(valueOf(t.status.Attempts) + 1)
	return t.busy(v1alpha1.ReasonRetrying, message, time.Second)
}

func endedAt(j *batchv1.Job) time.Time {
	var at time.Time
	for _, c := range j.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.LastTransitionTime.After(at) {
			at = c.LastTransitionTime.Time
		}
	}
	return at
}

// busy reports work under way.
func (t *trial) busy(reason, message string, wait time.Duration) RunVerdict {
	return RunVerdict{Status: *t.status, Wait: wait, Conditions: []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: message},
		{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue, Reason: reason, Message: message},
	}}
}

// undone ends a run that never began: its requests wait for another one. Those with a reason of their own keep it.
func (t *trial) undone(reason string) RunVerdict {
	own := map[string]string{}
	for _, o := range t.status.Outcomes {
		own[o.UID] = o.Reason
	}
	t.all(v1alpha1.TargetPending, reason)
	for i := range t.status.Outcomes {
		if r := own[t.status.Outcomes[i].UID]; r != "" {
			t.status.Outcomes[i].Reason = r
		}
	}
	return t.end(reason, say(reason))
}

// lost ends a run of which nobody can say whether it committed. A plan commits nothing.
func (t *trial) lost(reason string) RunVerdict {
	switch {
	case t.Run.Spec.Mode == v1alpha1.RunPlan:
		t.all(v1alpha1.TargetPending, v1alpha1.ReasonCancelled)
		return t.end(v1alpha1.ReasonCancelled, say(v1alpha1.ReasonCancelled))
	case t.status.VerifiedTime != nil:
		return t.endUncounted()
	case t.status.CommittedTime != nil:
		reason = string(task.Interrupted)
	}
	t.fail(reason)
	return t.end(reason, say(reason))
}

// end records the end.
func (t *trial) end(reason, message string) RunVerdict {
	if reason != "" && message == "" {
		message = say(reason)
	}
	t.failLost()
	if reason == "" && valueOf(t.status.ClockOffSeconds) != 0 {
		message = strings.TrimPrefix(message+"; "+clockWords, "; ")
	}
	t.status.EndedTime, t.status.Reason, t.status.Message = ptr.To(metav1.NewTime(t.Now)), reason, message
	return RunVerdict{Status: *t.status, Conditions: runEnd(t.status, t.Run.Spec.Mode), Wait: time.Second}
}

// runEnd are the conditions of an ended run. They depend on recorded facts only.
func runEnd(status *v1alpha1.ErasureRunStatus, mode v1alpha1.RunMode) []metav1.Condition {
	no := func(t string) metav1.Condition { return condition.False(t, status.Reason, status.Message) }
	var list []metav1.Condition
	if mode != v1alpha1.RunPlan {
		if status.CommittedTime != nil {
			list = append(list, executedCondition(status))
		} else {
			list = append(list, no(v1alpha1.ConditionExecuted))
		}
		if status.VerifiedTime != nil {
			list = append(list, condition.True(v1alpha1.ConditionVerified, v1alpha1.ReasonVerified, verifiedWords("The verifier found nobody again but where they are kept", status)))
		} else {
			list = append(list, no(v1alpha1.ConditionVerified))
		}
	}
	switch {
	case mode == v1alpha1.RunReplay && status.StartedTime != nil && status.Evidence == nil:
		const message = "The run has ended; its certificate is being written"
		return append(list, condition.False(v1alpha1.ConditionReady, v1alpha1.ReasonCertifying, message),
			condition.True(v1alpha1.ConditionReconciling, v1alpha1.ReasonCertifying, message))
	case status.Reason != "":
		stalled := condition.True(v1alpha1.ConditionStalled, status.Reason, status.Message)
		return append(list, no(v1alpha1.ConditionReady), stalled)
	case mode == v1alpha1.RunPlan:
		return append(list, condition.True(v1alpha1.ConditionReady, v1alpha1.ReasonPlanned, "The plan of each request is in status.outcomes"))
	default:
		return append(list, condition.True(v1alpha1.ConditionReady, v1alpha1.ReasonVerified, verifiedWords(committedWords(status)+"; the verifier found nobody again", status)))
	}
}
