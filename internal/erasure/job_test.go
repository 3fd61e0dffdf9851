package erasure_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	batchac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// workingJob is a Job with its task, and what its eraser answered when it ended.
type workingJob struct {
	batchv1.Job
	task    task.Task
	answers []task.Outcome
	steps   []task.Step
	quick   bool // ends also while others hang: a plan, where only erasures hang
}

// seen is the Job of the present attempt, with its answers.
func (w *world) seen(run *v1alpha1.ErasureRun) (*batchv1.Job, []task.Outcome) {
	if j := w.jobs[erasure.JobName(run, erasure.Attempt(run))]; j != nil {
		return &j.Job, j.answers
	}
	return nil, nil
}

func (w *world) make(run *v1alpha1.ErasureRun, children []runtime.ApplyConfiguration) {
	j := &workingJob{}
	j.Name, j.UID = erasure.JobName(run, erasure.Attempt(run)), w.uid("job")
	if err := json.Unmarshal(children[0].(*corev1ac.SecretApplyConfiguration).Data[job.TaskKey], &j.task); err != nil {
		panic(err)
	}
	made := children[1].(*batchac.JobApplyConfiguration)
	apart(made)
	nameless(made)
	pod := made.Spec.Template.Spec
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		if step := task.Step(*c.Name); step != task.Report {
			j.steps = append(j.steps, step)
		}
	}
	j.quick = w.planning && run.Spec.Mode == v1alpha1.RunPlan
	w.jobs[j.Name] = j
}

// apart panics where a Job has one login for two duties: who erases must not be who verifies.
func apart(made *batchac.JobApplyConfiguration) {
	roles := map[string]string{}
	for _, volume := range made.Spec.Template.Spec.Volumes {
		if volume.Secret == nil || !strings.HasPrefix(*volume.Name, "credentials-") {
			continue
		}
		if other, twice := roles[*volume.Secret.SecretName]; twice {
			panic(*volume.Name + " has the login of " + other)
		}
		roles[*volume.Secret.SecretName] = *volume.Name
	}
}

// nameless panics where a Job names somebody, in an argument, a variable or anywhere else: all people of plays have such an address.
func nameless(made *batchac.JobApplyConfiguration) {
	text, err := json.Marshal(made)
	if err != nil || strings.Contains(string(text), "example.org") {
		panic(fmt.Sprintf("a Job names somebody: %v", err))
	}
}

// work says what Jobs do: hang until they end, all or only the erasures, commit or commit the first person alone and be killed
// before they can say so, or end.
func (w *world) work(how string) {
	w.slow, w.planning = how != "end", how == "plan"
	for i := range w.runs {
		run := &w.runs[i]
		j := w.jobs[erasure.JobName(run, erasure.Attempt(run))]
		switch {
		case j == nil || run.Status.EndedTime != nil || how == "hang":
		case (how == "commit" || how == "part") && run.Spec.Mode == v1alpha1.RunExecute && !j.task.CheckOnly && !suspended(j):
			to := len(j.task.Requests)
			if how == "part" {
				to = 1
			}
			w.commit(run, j, to)
		case how == "end":
			w.end(run)
		}
	}
}

func suspended(j *workingJob) bool { return j.Spec.Suspend != nil && *j.Spec.Suspend }

// end lets the Job of the present attempt end, unless it is suspended: then it stops.
func (w *world) end(run *v1alpha1.ErasureRun) {
	j := w.jobs[erasure.JobName(run, erasure.Attempt(run))]
	if j == nil || len(j.Status.Conditions) > 0 {
		return
	}
	ended := batchv1.JobCondition{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(w.now.Add(-3600e9))}
	if run.Status.CheckTime != nil { // these alone wait
		ended.LastTransitionTime = metav1.NewTime(w.now)
	}
	if suspended(j) {
		ended.Type = batchv1.JobSuspended
		j.Status.Conditions = append(j.Status.Conditions, ended)
		return
	}
	for _, step := range j.steps {
		answer := w.answer(run, j, step)
		j.answers = append(j.answers, answer)
		if !answer.OK {
			ended.Type = batchv1.JobFailed
			break
		}
	}
	j.Status.Conditions = append(j.Status.Conditions, ended)
}

// connects are the reasons for which an eraser stops before it begins.
var connects = map[task.Reason]bool{task.Unreachable: true, task.AuthenticationFailed: true, task.TLSFailed: true, task.DatabaseMissing: true, task.RoleTooStrong: true}

// answer is what the eraser says. A hold on rows keeps one of each person's orders.
func (w *world) answer(run *v1alpha1.ErasureRun, j *workingJob, step task.Step) task.Outcome {
	if reason := w.fails[step]; reason != "" {
		return task.Outcome{Step: step, Reason: reason, Message: "Table public.orders: " + string(reason), Untouched: connects[reason]}
	}
	if step == task.Erase {
		switch {
		case w.ledger[run.UID] >= len(j.task.Requests):
		case j.task.CheckOnly:
			return task.Outcome{Step: step, Reason: task.Withheld, Done: w.ledger[run.UID], At: w.now}
		case run.Spec.PlanDigest != w.digest:
			return task.Outcome{Step: step, Reason: task.PlanChanged, Done: w.ledger[run.UID], At: w.now}
		default:
			w.commit(run, j, len(j.task.Requests))
		}
	}
	answer := task.Outcome{Step: step, OK: true, PlanDigest: w.digest, At: w.now}
	answer.Tables = []task.Table{{Name: "public.orders", Action: v1alpha1.EraseDeleteRows}, {Name: "public.invoices", Action: v1alpha1.EraseKeep}}
	if run.Spec.Kind == v1alpha1.TargetConsentLedger {
		answer.Tables = []task.Table{{Name: "consent.subject_keys", Action: v1alpha1.EraseDeleteRows}, {Name: "consent.events", Action: v1alpha1.EraseKeep}}
	}
	for _, h := range j.task.Holds[:min(1, len(j.task.Holds))] {
		answer.Tables = append(answer.Tables, task.Table{Name: h.Schema + "." + h.Table, Action: v1alpha1.EraseKeep, Hold: h.Index})
	}
	for _, r := range j.task.Requests {
		c := task.Counts{UID: r.UID, Rows: slices.Clone(w.rows), Until: map[int]string{}}
		if w.rows[1] > 0 {
			c.Until[1] = "2034-12-31"
		}
		if len(answer.Tables) > 2 {
			c.Rows, c.Until[2] = append(c.Rows, 1), j.task.Holds[0].UntilOn
		}
		answer.Requests = append(answer.Requests, c)
	}
	return answer
}

// commit erases the people of a run up to one, and notes what a hold that was Ready forbids: its promise is that nothing of that
// happens.
func (w *world) commit(run *v1alpha1.ErasureRun, j *workingJob, to int) {
	from := w.ledger[run.UID]
	if from >= to {
		return
	}
	w.erased++
	w.ledger[run.UID] = to
	for _, r := range j.task.Requests[from:to] {
		w.gone[r.UID]++
	}
	for i := range w.holds {
		h := &w.holds[i]
		if !meta.IsStatusConditionTrue(h.Status.Conditions, "Ready") || !hold.InForce(h, w.now) {
			continue
		}
		for _, r := range j.task.Requests[from:to] {
			for k := range w.requests {
				request := &w.requests[k]
				secret := w.secrets[string(request.Spec.Subject.SecretRef.Name)]
				person := erasure.See(secret, w.ring, request.Status.SubjectRef, nil)
				if person.Problem != "" { // the Job has its own identifiers
					person = erasure.Remembered(request)
				}
				if string(request.UID) == r.UID && hold.Keeps(h, string(run.Spec.RegisterRef.Name), person.References) {
					w.broke = append(w.broke, fmt.Sprintf("%s erased %s in spite of hold %s", run.Name, request.Name, h.Name))
				}
			}
		}
		for _, rows := range hold.Rows(h, string(run.Spec.RegisterRef.Name), string(run.Spec.Store)) {
			if run.Spec.Kind != v1alpha1.TargetConsentLedger && !slices.ContainsFunc(j.task.Holds, func(t task.Hold) bool { return t.Table == string(rows.Table) }) {
				w.broke = append(w.broke, fmt.Sprintf("%s erased rows of %s in spite of hold %s", run.Name, rows.Table, h.Name))
			}
		}
	}
}

// judgeHold does what the controller of holds does.
func (w *world) judgeHold(h *v1alpha1.LegalHold) bool {
	before := h.Status.DeepCopy()
	in := hold.Input{Hold: h, Runs: w.runs, Requests: w.requests, Registers: w.registers, Now: w.now}
	if h.Spec.Subject != nil && len(h.Status.SubjectRefs) == 0 {
		person := erasure.See(w.secrets[string(h.Spec.Subject.SecretRef.Name)], w.ring, "", nil)
		in.Problem, in.Words, in.References, in.SecretUID = person.Problem, "The subject cannot be read", person.References, person.SecretUID
	}
	verdict := hold.Judge(in)
	conditions := h.Status.Conditions
	h.Status = verdict.Status
	h.Status.Conditions = report(conditions, verdict.Conditions, nil)
	return !equality.Semantic.DeepEqual(before, &h.Status)
}

// hold NAME UNTIL [person=SECRET] [register=NAME] [table=NAME]
func (w *world) hold(words []string) v1alpha1.LegalHold {
	h := v1alpha1.LegalHold{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: words[0], UID: w.uid("hold"), CreationTimestamp: metav1.NewTime(w.now)}}
	h.Spec = v1alpha1.LegalHoldSpec{Article: "17(3)(e)", LegalReference: "Claim 2026/17", Reason: "A claim is before the court", UntilOn: v1alpha1.Date(words[1])}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "person":
			h.Spec.Subject = &v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: v1alpha1.ObjectName(value)}}
		case "article":
			h.Spec.Article = value
		case "register":
			h.Spec.Registers = []v1alpha1.ObjectName{v1alpha1.ObjectName(value)}
		case "table":
			h.Spec.Tables = []v1alpha1.HeldTable{{Register: "crm", Store: "main", Schema: "public", Table: v1alpha1.Identifier(value)}}
		}
	}
	return h
}

// lift ends a hold: release sets spec.release, forget deletes it.
func (w *world) lift(act, name string) {
	for i := range w.holds {
		if w.holds[i].Name == name && act == "release" {
			w.holds[i].Spec.Release = &v1alpha1.HoldRelease{Reason: "The claim was settled"}
		}
	}
	if act == "forget" {
		w.holds = slices.DeleteFunc(w.holds, func(h v1alpha1.LegalHold) bool { return h.Name == name })
	}
}
