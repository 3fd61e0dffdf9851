package erasurerequest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoapplyconfigurations "k8s.io/client-go/applyconfigurations"
	batchac "k8s.io/client-go/applyconfigurations/batch/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	v1alpha1ac "github.com/rempart-dev/rempart/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/erasurerequest"
	"github.com/rempart-dev/rempart/controllers/erasurerequest/dispatch"
	"github.com/rempart-dev/rempart/controllers/erasurerun"
	"github.com/rempart-dev/rempart/controllers/legalhold"
	"github.com/rempart-dev/rempart/internal/archive"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

const (
	canary = "ada.canary@example.org"
	digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

var start = time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)

// shop is a namespace on a fake API server, with the three controllers of an erasure and a kubelet that ends Jobs.
type shop struct {
	t        *testing.T
	client   client.WithWatch
	cache    client.Client // what the controllers see: the client, unless it is old
	old      bool
	clock    *clocktesting.FakePassiveClock
	recorder *events.FakeRecorder
	requests *erasurerequest.Reconciler
	dispatch *dispatch.Reconciler
	holds    *legalhold.Reconciler
	runs     *erasurerun.Reconciler
	// writes counts every write. Fault, when set, is asked before and after each.
	writes int
	fault  func(n int, after bool) error
	serial int
	// hang keeps Jobs from ending; lose takes that many pods away with their answers; contradict lets the verifier find
	// the person again.
	hang, lose, contradict bool
	away                   int            // so many Jobs do not reach the store
	undelivered            bool           // messages stay under way
	quota                  bool           // no Job may be made
	commits                map[string]int // transactions by run UID, as the ledger counts
	done                   map[string]int // requests of a run, in its order, that they erased
	erased                 map[string]int // transactions by request UID
	salts                  []string       // of Jobs that ended, in their order
}

type keys struct{ ring subjectkey.Ring }

func (k keys) Ring(context.Context) (subjectkey.Ring, error) { return k.ring, nil }

type places struct{}

func (places) AllowedRegions(*v1alpha1.DataRegister) ([]string, error) {
	return []string{"eu-west-3"}, nil
}

type messages struct{ notice.Erasures }

func (messages) Name(r *v1alpha1.ErasureRequest, d erasure.Disclosure) string {
	return fmt.Sprintf("er-%s-%s-%d", r.UID, d.Recipient, max(1, d.Notice))
}

func (m messages) Message(r *v1alpha1.ErasureRequest, d erasure.Disclosure) runtime.ApplyConfiguration {
	return v1alpha1ac.Notification(m.Name(r, d), r.Namespace).
		WithLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelOwnerUID: string(r.UID)}).
		WithSpec(v1alpha1ac.NotificationSpec().WithTemplate("recipient-erasure").
			WithObjectRef(v1alpha1ac.ObjectRef().WithUID(string(r.UID))).
			WithCause(v1alpha1ac.NotificationCause().WithEvent(v1alpha1.EventRecipientErasure).WithOrdinal(max(1, d.Notice))).
			WithParameters(
				v1alpha1ac.NotificationParameter().WithName("register").WithValue(string(d.Register)),
				v1alpha1ac.NotificationParameter().WithName("recipient").WithValue(string(d.Recipient))))
}

// typeConverters know how objects merge. Reading them takes longer than a whole play, so all shops share them.
var typeConverters = sync.OnceValue(func() []managedfields.TypeConverter {
	return []managedfields.TypeConverter{clientgoapplyconfigurations.NewTypeConverter(clientgoscheme.Scheme), managedfields.NewDeducedTypeConverter()}
})

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, clock: clocktesting.NewFakePassiveClock(start), recorder: events.NewFakeRecorder(1000), commits: map[string]int{}, done: map[string]int{}, erased: map[string]int{}}
	scheme := runtime.NewScheme()
	s.must(corev1.AddToScheme(scheme))
	s.must(batchv1.AddToScheme(scheme))
	s.must(v1alpha1.AddToScheme(scheme))
	builder := fake.NewClientBuilder().WithScheme(scheme).WithTypeConverters(typeConverters()...).
		WithStatusSubresource(&v1alpha1.ErasureRequest{}, &v1alpha1.ErasureRun{}, &v1alpha1.LegalHold{}, &v1alpha1.DataRegister{}, &v1alpha1.Notification{}, &batchv1.Job{})
	for _, i := range erasurerequest.Indexes() {
		builder.WithIndex(i.Object, i.Field, i.Values)
	}
	inner := builder.Build()
	s.client = interceptor.NewClient(inner, s.funcs())
	data, err := subjectkey.Data(bytes.Repeat([]byte{7}, subjectkey.Size))
	s.must(err)
	ring, err := subjectkey.Parse(data)
	s.must(err)
	s.requests = &erasurerequest.Reconciler{Client: s.client, Reader: s.client, Recorder: s.recorder, Clock: s.clock, Keys: keys{ring}, Messages: messages{},
		Evidence: &archive.Archive{Reader: s.client, Client: s.client, Namespace: "rempart-system", Random: rand.Reader}}
	s.dispatch = &dispatch.Reconciler{Client: s.client, Reader: s.client, Clock: s.clock, Image: "eraser:1"}
	s.runs = &erasurerun.Reconciler{Client: s.client, Reader: s.client, Recorder: s.recorder, Clock: s.clock, Keys: keys{ring}, Places: places{}, Evidence: s.requests.Evidence.(*archive.Archive), Image: "eraser:1"}
	s.holds = &legalhold.Reconciler{Client: s.client, Reader: s.client, Recorder: events.NewFakeRecorder(1000), Clock: s.clock, Keys: keys{ring}}
	s.cache = s.client
	return s
}

// funcs counts writes, injects faults, and gives objects what a real API server gives them.
func (s *shop) funcs() interceptor.Funcs {
	write := func(do func() error) error {
		s.writes++
		n := s.writes
		if s.fault != nil {
			if err := s.fault(n, false); err != nil {
				return err
			}
		}
		err := do()
		if err == nil && s.fault != nil {
			err = s.fault(n, true)
		}
		return err
	}
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			s.serial++
			o.SetUID(types.UID(fmt.Sprintf("%08d-uid", s.serial)))
			o.SetCreationTimestamp(metav1.NewTime(s.clock.Now().Add(time.Duration(s.serial) * time.Millisecond)))
			return write(func() error { return c.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return write(func() error { return c.Update(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return write(func() error { return c.Delete(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return write(func() error { return c.Patch(ctx, o, p, opts...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if _, job := o.(*batchac.JobApplyConfiguration); job && s.quota {
				return apierrors.NewForbidden(batchv1.Resource("jobs"), "er", errInjected)
			}
			return write(func() error { return c.Apply(ctx, o, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return write(func() error { return c.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	}
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// open makes the officer, the register and the subject.
func (s *shop) open() {
	s.t.Helper()
	s.create(&v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "dpo"}, Spec: v1alpha1.DataProtectionOfficerSpec{
		TimeZone: "Europe/Paris", LawProfile: "eu-gdpr-2016", Organisation: v1alpha1.Organisation{Country: "FR"}}})
	register := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}}
	register.Spec.OfficerRef.Name = "dpo"
	register.Spec.Activities = []v1alpha1.ProcessingActivity{{Name: "sales", Recipients: []v1alpha1.Recipient{
		{Name: "mailer", Kind: v1alpha1.RecipientProcessor, ContactChannel: "mail"}, {Name: "archive", Kind: v1alpha1.RecipientController, UntoldReason: "told by letter"}}}}
	register.Spec.Stores = []v1alpha1.DataStore{{Name: "main", Engine: v1alpha1.EnginePostgreSQL, Managed: &v1alpha1.ManagedStore{Image: "postgres:15"},
		Dataset: &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{{Schema: "public", Name: "orders", OnErasure: v1alpha1.EraseDeleteRows}}}}}
	s.create(register)
	s.secret("person", map[string]string{"email": canary})
}

func (s *shop) create(o client.Object) {
	s.t.Helper()
	fault := s.fault
	s.fault = nil
	s.must(s.client.Create(s.t.Context(), o))
	s.fault = fault
}

func (s *shop) secret(name string, data map[string]string) {
	s.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{}}
	for k, v := range data {
		secret.Data[k] = []byte(v)
	}
	s.create(secret)
}

func (s *shop) request(name, secret string, execution v1alpha1.ErasureExecution) {
	s.t.Helper()
	r := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	r.Spec.RequestID, r.Spec.Execution, r.Spec.Ground = name, execution, v1alpha1.GroundPointA
	r.Spec.ReceivedTime, r.Spec.Registers.Mode = ptr.To(metav1.NewTime(start)), v1alpha1.RegistersAll
	r.Spec.Subject.SecretRef.Name = v1alpha1.ObjectName(secret)
	s.create(r)
}

func (s *shop) approve(name string) {
	s.t.Helper()
	r := s.get(name)
	r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
	fault := s.fault
	s.fault = nil
	s.must(s.client.Update(s.t.Context(), r))
	s.fault = fault
}

// get reads a request; nil when it is gone.
func (s *shop) get(name string) *v1alpha1.ErasureRequest {
	s.t.Helper()
	r := &v1alpha1.ErasureRequest{}
	if err := s.client.Get(s.t.Context(), types.NamespacedName{Namespace: "shop", Name: name}, r); err != nil {
		s.must(client.IgnoreNotFound(err))
		return nil
	}
	return r
}

func (s *shop) ready(name string) string {
	s.t.Helper()
	r := s.get(name)
	if r == nil {
		return "gone"
	}
	c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return "none"
	}
	return string(c.Status) + "/" + c.Reason
}

func (s *shop) secretExists(name string) bool {
	s.t.Helper()
	err := s.client.Get(s.t.Context(), types.NamespacedName{Namespace: "shop", Name: name}, &corev1.Secret{})
	s.must(client.IgnoreNotFound(err))
	return err == nil
}

// pass lets each controller look at each of its objects once. Errors are what the work queue would retry.
func (s *shop) pass() {
	s.t.Helper()
	ctx := s.t.Context()
	requests, registers, runs := &v1alpha1.ErasureRequestList{}, &v1alpha1.DataRegisterList{}, &v1alpha1.ErasureRunList{}
	s.must(s.cache.List(ctx, requests))
	for i := range requests.Items {
		s.tolerate(s.requests.Reconcile(ctx, &requests.Items[i]))
	}
	holds := &v1alpha1.LegalHoldList{}
	s.must(s.cache.List(ctx, holds))
	for i := range holds.Items {
		s.tolerate(s.holds.Reconcile(ctx, &holds.Items[i]))
	}
	s.must(s.cache.List(ctx, registers))
	for i := range registers.Items {
		s.tolerate(s.dispatch.Reconcile(ctx, &registers.Items[i]))
	}
	s.must(s.cache.List(ctx, runs))
	for i := range runs.Items {
		s.tolerate(s.runs.Reconcile(ctx, &runs.Items[i]))
	}
}

var errInjected = errors.New("injected")

func (s *shop) tolerate(_ ctrl.Result, err error) {
	s.t.Helper()
	if err != nil && s.old && outdated(err) {
		return
	}
	if err != nil && s.quota && apierrors.IsForbidden(err) {
		return
	}
	if err != nil && !errors.Is(err, errInjected) && !strings.Contains(err.Error(), "terminal error") {
		s.t.Fatalf("a pass failed: %v", err)
	}
}

// settle passes until nothing is written, letting Jobs end and time go on between.
func (s *shop) settle() {
	s.t.Helper()
	for range 60 {
		before := s.writes
		s.pass()
		s.honest()
		worked := s.kubelet()
		s.deliver()
		if s.writes == before && !worked {
			return
		}
		s.clock.SetTime(s.clock.Now().Add(20 * time.Second))
	}
	s.t.Fatal("the shop does not come to rest")
}

// honest checks that a request that says Ready is what it says.
func (s *shop) honest() {
	s.t.Helper()
	list := &v1alpha1.ErasureRequestList{}
	s.must(s.client.List(s.t.Context(), list))
	for i := range list.Items {
		r := &list.Items[i]
		if !meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionReady) {
			continue
		}
		if r.Status.EndedTime == nil || r.Status.Evidence == nil || r.Status.End == v1alpha1.EndErased && s.committed() == 0 ||
			r.Status.SubjectDeletedTime != nil && s.secretExists(string(r.Spec.Subject.SecretRef.Name)) && r.Spec.RequestID == "r1" && r.Status.End == v1alpha1.EndErased {
			s.t.Errorf("%s is Ready, and it is not so: %+v", r.Name, r.Status)
		}
	}
}

// deliver delivers messages to recipients.
func (s *shop) deliver() {
	if s.undelivered {
		return
	}
	list := &v1alpha1.NotificationList{}
	s.must(s.client.List(s.t.Context(), list))
	for i := range list.Items {
		if n := &list.Items[i]; n.Status.DeliveredTime == nil {
			n.Status.DeliveredTime = ptr.To(metav1.NewTime(s.clock.Now()))
			s.must(s.client.Status().Update(s.t.Context(), n))
		}
	}
}

// kubelet ends Jobs that have not ended, with the answers of their eraser.
func (s *shop) kubelet() bool {
	jobs := &batchv1.JobList{}
	s.must(s.client.List(s.t.Context(), jobs))
	worked := false
	for i := range jobs.Items {
		job := &jobs.Items[i]
		if suspended := job.Spec.Suspend != nil && *job.Spec.Suspend; suspended && len(job.Status.Conditions) == 0 {
			job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.clock.Now())}}
			s.must(s.client.Status().Update(s.t.Context(), job))
			worked = true
			continue
		}
		if len(job.Status.Conditions) > 0 || s.hang {
			continue
		}
		worked = true
		end := batchv1.JobCondition{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.clock.Now())}
		answers := s.eraser(job)
		if s.lose {
			end.Type, s.lose = batchv1.JobFailed, false
		} else {
			s.pod(job, answers)
		}
		job.Status.Conditions = append(job.Status.Conditions, end)
		s.must(s.client.Status().Update(s.t.Context(), job))
	}
	return worked
}

// eraser does what the task says and answers, with a ledger by run.
func (s *shop) eraser(job *batchv1.Job) map[task.Step]task.Outcome {
	work := s.task(job)
	s.salts = append(s.salts, string(work.Salt))
	base := task.Outcome{OK: true, PlanDigest: digest, At: s.clock.Now(), Tables: []task.Table{{Name: "public.orders", Action: v1alpha1.EraseDeleteRows}}}
	for _, r := range work.Requests {
		base.Requests = append(base.Requests, task.Counts{UID: r.UID, Rows: []int64{3}})
	}
	answers := map[task.Step]task.Outcome{}
	for _, c := range append(job.Spec.Template.Spec.InitContainers, job.Spec.Template.Spec.Containers...) {
		answer := base
		answer.Step = task.Step(c.Name)
		if s.away > 0 && answer.Step == task.Erase {
			s.away--
			return map[task.Step]task.Outcome{task.Erase: {Step: task.Erase, Reason: task.Unreachable, Untouched: true, Message: "The store cannot be reached"}}
		}
		if answer.Step == task.Erase {
			done := s.done[work.RunUID]
			answer.Ledger, answer.Replayed = 7, done == len(work.Requests)
			if work.CheckOnly && !answer.Replayed {
				return map[task.Step]task.Outcome{task.Erase: {Step: task.Erase, Reason: task.Withheld, Done: done, Ledger: 7, At: s.clock.Now()}}
			}
			s.commit(work, len(work.Requests))
		}
		if answer.Step == task.Verify && s.contradict {
			answer.OK, answer.Reason = false, task.Contradicted
		}
		answers[answer.Step] = answer
	}
	return answers
}

// commit erases the people of a run up to one, in a transaction, unless the ledger has them.
func (s *shop) commit(work task.Task, to int) {
	from := s.done[work.RunUID]
	if from >= to {
		return
	}
	s.commits[work.RunUID]++
	s.done[work.RunUID] = to
	for _, r := range work.Requests[from:to] {
		s.erased[r.UID]++
	}
}

// commitPart lets Jobs that hang erase the first person of their run, unless they may only ask.
func (s *shop) commitPart() {
	s.t.Helper()
	jobs := &batchv1.JobList{}
	s.must(s.client.List(s.t.Context(), jobs))
	for i := range jobs.Items {
		work := s.task(&jobs.Items[i])
		if len(jobs.Items[i].Status.Conditions) == 0 && !work.CheckOnly && len(work.PlanDigest) > 0 {
			s.commit(work, 1)
		}
	}
}

// task is what a Job was asked to do.
func (s *shop) task(job *batchv1.Job) task.Task {
	s.t.Helper()
	secret := &corev1.Secret{}
	s.must(s.client.Get(s.t.Context(), types.NamespacedName{Namespace: "shop", Name: job.Spec.Template.Spec.Volumes[0].Secret.SecretName}, secret))
	var work task.Task
	s.must(json.Unmarshal(secret.Data["task.json"], &work))
	return work
}

func (s *shop) pod(job *batchv1.Job, answers map[task.Step]task.Outcome) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name + "-x",
		Labels:          map[string]string{batchv1.JobNameLabel: job.Name, batchv1.ControllerUidLabel: string(job.UID)},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))}}}
	maps.Copy(pod.Labels, job.Spec.Template.Labels)
	pod.Spec, pod.Status.Phase = job.Spec.Template.Spec, corev1.PodSucceeded
	status := func(name string) corev1.ContainerStatus {
		text, _, err := answers[task.Step(name)].Encode(0)
		s.must(err)
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: string(text)}}}
	}
	for _, c := range pod.Spec.InitContainers {
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, status(c.Name))
	}
	for _, c := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status(c.Name))
	}
	s.create(pod)
}

// commit counts erasures, replays excepted.
func (s *shop) committed() int {
	sum := 0
	for _, n := range s.commits {
		sum += n
	}
	return sum
}
