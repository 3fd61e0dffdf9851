package erasure_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

const image = "eraser:1"

// world is a namespace with its stores, in memory, on a simulated clock. It does what the controllers do, in the same
// order, and the eraser answers as the play says.
type world struct {
	now       time.Time
	ring      subjectkey.Ring
	officer   *v1alpha1.DataProtectionOfficer
	registers []v1alpha1.DataRegister
	policies  []v1alpha1.ConsentPolicy
	secrets   map[string]*corev1.Secret
	requests  []v1alpha1.ErasureRequest
	runs      []v1alpha1.ErasureRun
	messages  map[string]*v1alpha1.Notification
	// undelivered messages are written, and wait.
	undelivered bool
	holds       []v1alpha1.LegalHold
	// jobs that were made, by name, and their tasks; slow ones end when a play says so.
	jobs           map[string]*workingJob
	slow, planning bool
	lingers        bool              // a pod whose Job was deleted goes on
	ledger         map[types.UID]int // of how many requests of a run, in its order, the store committed the erasure
	broke          []string          // what a commit did against a hold that was Ready
	// answers of the eraser by step; digest of the store's plan now.
	fails  map[task.Step]task.Reason
	digest string
	rows   []int64        // deleted, kept
	erased int            // transactions that were committed
	gone   map[string]int // of which each request was in so many
	told   map[string]string
	serial int
}

func newWorld() *world {
	data, err := subjectkey.Data(bytes.Repeat([]byte{7}, subjectkey.Size))
	if err != nil {
		panic(err)
	}
	ring, err := subjectkey.Parse(data)
	if err != nil {
		panic(err)
	}
	return &world{now: time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC), ring: ring, secrets: map[string]*corev1.Secret{},
		told: map[string]string{}, gone: map[string]int{}, messages: map[string]*v1alpha1.Notification{}, jobs: map[string]*workingJob{}, ledger: map[types.UID]int{}, fails: map[task.Step]task.Reason{}, digest: digestOf("a"), rows: []int64{3, 0}}
}

func digestOf(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

func (w *world) uid(kind string) types.UID {
	w.serial++
	return types.UID(fmt.Sprintf("%08d-%s", w.serial, kind))
}

// settle lets every controller work until nothing changes, waits of up to ten minutes included.
func (w *world) settle() {
	for limit := w.now.Add(10 * time.Minute); ; {
		for w.pass() {
		}
		next := w.nextRetry()
		if next.IsZero() || next.After(limit) {
			return
		}
		w.now = next
	}
}

func (w *world) nextRetry() time.Time {
	var next time.Time
	for i := range w.requests {
		for _, t := range w.requests[i].Status.Targets {
			if t.Result == v1alpha1.TargetPending && t.RetryTime != nil && t.RetryTime.After(w.now) && (next.IsZero() || t.RetryTime.Time.Before(next)) {
				next = t.RetryTime.Time
			}
		}
	}
	return next
}

// pass is one pass of every controller over every object. It tells whether anything changed.
func (w *world) pass() bool {
	changed := false
	for _, controller := range w.controllers() {
		changed = controller() || changed
	}
	return changed
}

// controllers each let one kind be looked at.
func (w *world) controllers() []func() bool {
	each := func(n func() int, one func(i int) bool) func() bool {
		return func() (changed bool) {
			for i := range n() {
				changed = one(i) || changed
			}
			return changed
		}
	}
	return []func() bool{
		each(func() int { return len(w.requests) }, func(i int) bool { return w.judge(&w.requests[i]) }),
		each(func() int { return len(w.holds) }, func(i int) bool { return w.judgeHold(&w.holds[i]) }),
		each(func() int { return len(w.registers) }, func(i int) bool { return w.dispatch(&w.registers[i]) }),
		each(func() int { return len(w.runs) }, func(i int) bool { return w.follow(&w.runs[i]) }),
		w.remove,
	}
}

func (w *world) dispatch(register *v1alpha1.DataRegister) bool {
	verdict := erasure.Dispatch(erasure.DispatchInput{Register: register, Policies: w.policies, Requests: w.requests, Runs: w.runs, Image: image, Now: w.now})
	for _, run := range verdict.Create {
		run.UID, run.CreationTimestamp = w.uid("run"), metav1.NewTime(w.now)
		w.runs = append(w.runs, *run)
	}
	return len(verdict.Create) > 0
}

// remove lets deleted requests go.
func (w *world) remove() bool {
	changed := false
	w.requests = slices.DeleteFunc(w.requests, func(r v1alpha1.ErasureRequest) bool {
		gone := r.DeletionTimestamp != nil && !w.running(&r)
		if gone {
			w.deleteSubject(&r)
		}
		changed = changed || gone
		return gone
	})
	return changed
}

func (w *world) running(request *v1alpha1.ErasureRequest) bool {
	return slices.ContainsFunc(w.runs, func(r v1alpha1.ErasureRun) bool {
		return r.Status.EndedTime == nil && erasure.Lists(&r, request.UID)
	})
}

// deleteSubject deletes what the request's controller would delete.
func (w *world) deleteSubject(request *v1alpha1.ErasureRequest) bool {
	name := string(request.Spec.Subject.SecretRef.Name)
	secret := w.secrets[name]
	switch {
	case request.Status.SubjectSecretUID == "" || erasure.UsedByOthers(request, w.requests):
		return false
	case secret != nil && string(secret.UID) == request.Status.SubjectSecretUID && erasure.Deletable(secret):
		delete(w.secrets, name)
	}
	return true
}

func (w *world) judge(request *v1alpha1.ErasureRequest) bool {
	over := request.Status.End != "" && meta.IsStatusConditionTrue(request.Status.Conditions, "Ready")
	if request.DeletionTimestamp != nil || over && !erasure.AwaitsAnswer(request) {
		return false
	}
	in := erasure.RequestInput{Request: request, Holds: w.holds, Runs: w.runs, Officer: w.officer, Messages: w.messages, Now: w.now}
	name := string(request.Spec.Subject.SecretRef.Name)
	switch {
	case request.Status.End == "":
		bound := ""
		if len(request.Status.Targets) > 0 {
			bound = request.Status.SubjectRef
		}
		in.Person = erasure.See(w.secrets[name], w.ring, bound, nil)
		in.Twin, in.Taken = erasure.Twin(request, in.Person, w.requests)
		in.Registers, in.Missing = erasure.Choose(request, w.registers)
		in.Policies = w.policies
		for _, d := range erasure.Owed(request, in.Registers) {
			message := &v1alpha1.Notification{}
			if !w.undelivered {
				message.Status.DeliveredTime = ptr.To(metav1.NewTime(w.now))
			}
			w.messages[erasure.MessageKey(d.Register, d.Recipient)] = message
		}
	case over:
	case w.running(request):
		return false
	default:
		in.Forgotten = w.deleteSubject(request)
		in.Evidence = &v1alpha1.ErasureEvidence{}
	}
	before := request.Status.DeepCopy()
	judge := erasure.JudgeRequest
	if over {
		judge = erasure.JudgeAnswer
	}
	verdict := judge(in)
	conditions := request.Status.Conditions
	request.Status = verdict.Status
	request.Status.Conditions = report(conditions, verdict.Conditions, verdict.Dropped)
	return !equality.Semantic.DeepEqual(before, &request.Status)
}

// report keeps conditions as internal/kube/conditions does.
func report(list, told []metav1.Condition, dropped []string) []metav1.Condition {
	list = slices.Clone(list)
	for _, t := range append(slices.Clone(dropped), "Reconciling", "Stalled") {
		meta.RemoveStatusCondition(&list, t)
	}
	for _, c := range told {
		c.LastTransitionTime = metav1.NewTime(time.Unix(0, 0))
		meta.SetStatusCondition(&list, c)
	}
	slices.SortFunc(list, func(a, b metav1.Condition) int { return strings.Compare(a.Type, b.Type) })
	return list
}

// follow does what the run's controller, the Job and the eraser do.
func (w *world) follow(run *v1alpha1.ErasureRun) bool {
	if run.Status.EndedTime != nil {
		return false
	}
	in := erasure.RunInput{Run: run, Holds: w.holds, Image: image, Now: w.now, CheckKey: w.ring.CheckKey(string(run.UID)), Runs: w.runs}
	for i := range w.registers {
		if w.registers[i].Name == string(run.Spec.RegisterRef.Name) {
			in.Register = &w.registers[i]
		}
	}
	for i := range w.policies {
		if run.Spec.Kind == v1alpha1.TargetConsentLedger && w.policies[i].Name == string(run.Spec.Store) {
			in.Policy = &w.policies[i]
		}
	}
	for _, listed := range run.Spec.Requests {
		live := erasure.Live{UID: types.UID(listed.UID)}
		for i := range w.requests {
			if string(w.requests[i].UID) == listed.UID {
				live.Request = &w.requests[i]
				live.Person = erasure.See(w.secrets[string(live.Request.Spec.Subject.SecretRef.Name)], w.ring, live.Request.Status.SubjectRef, in.CheckKey)
			}
		}
		in.Live = append(in.Live, live)
	}
	in.Job, in.Answers = w.seen(run)
	in.Lingers = w.lingers && in.Job == nil
	children, err := erasure.DesiredRun(in)
	if err != nil {
		panic(err)
	}
	if len(children) > 0 {
		w.make(run, children)
		if in.Job, in.Answers = w.seen(run); !w.slow || w.jobs[in.Job.Name].quick {
			w.end(run)
			in.Job, in.Answers = w.seen(run)
		}
	}
	if in.Suspends() {
		in.Job.Spec.Suspend = ptr.To(true)
	}
	before := run.Status.DeepCopy()
	verdict := erasure.JudgeRun(in)
	conditions := run.Status.Conditions
	run.Status = verdict.Status
	run.Status.Conditions = report(conditions, verdict.Conditions, nil)
	return !equality.Semantic.DeepEqual(before, &run.Status)
}
