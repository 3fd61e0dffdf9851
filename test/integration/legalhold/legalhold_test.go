// Package legalhold lets a hold arrive while a Job works, on a real API server. The test plays the kubelet.
package legalhold

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/erasurerequest/dispatch"
	"github.com/rempart-dev/rempart/controllers/erasurerun"
	holds "github.com/rempart-dev/rempart/controllers/legalhold"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/subjectkey"
	"github.com/rempart-dev/rempart/internal/subjectkey/keeper"
	"github.com/rempart-dev/rempart/test/apiserver"
)

const (
	system, shop = "rempart-system", "shop"
	// patience is how long the test waits for the controllers.
	patience = 3 * time.Minute
)

var (
	server *apiserver.Server
	plan   = "sha256:" + strings.Repeat("a", 64)
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(apiserver.Run(m, func(s *apiserver.Server) { server = s }))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until asks again until it is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func TestAHoldStopsAJobAndIsReadyOnlyThen(t *testing.T) {
	prepare(t)
	stop := operate(t)
	var first *batchv1.Job
	until(t, "a Job", func() bool { first = job(t, "-g1"); return first != nil })

	must(t, server.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: "claim"}, Data: map[string][]byte{"email": []byte("ADA@example.org")}}))
	hold := &v1alpha1.LegalHold{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: "claim-2026-17"}}
	hold.Spec = v1alpha1.LegalHoldSpec{Article: "17(3)(e)", LegalReference: "Claim 2026/17", Reason: "A claim is before the court", UntilOn: "2099-12-31",
		Subject: &v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: "claim"}}}
	must(t, server.Client.Create(t.Context(), hold))
	until(t, "the Job is suspended", func() bool { return ptr.Deref(job(t, "-g1").Spec.Suspend, false) })
	until(t, "the hold takes effect", func() bool { // the controller of holds may be behind that of runs
		ready := condition(t, hold, "Ready")
		if ready.Status == metav1.ConditionTrue {
			t.Fatal("the hold is Ready while the Job has not stopped")
		}
		return ready.Status == metav1.ConditionFalse && ready.Reason == v1alpha1.ReasonTakingEffect
	})

	play(t, first, batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionTrue, Reason: "JobSuspended", LastTransitionTime: metav1.Now()}}})
	until(t, "a Job that asks the ledger", func() bool { return job(t, "-g2") != nil })
	second := job(t, "-g2")
	work := taskOf(t, second)
	if !work.CheckOnly {
		t.Error("the second Job may erase")
	}
	until(t, "the hold is Ready", func() bool { return condition(t, hold, "Ready").Status == metav1.ConditionTrue })
	until(t, "its subject Secret is gone", func() bool {
		err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: shop, Name: "claim"}, &corev1.Secret{})
		must(t, client.IgnoreNotFound(err))
		return err != nil
	})
	until(t, "and that is written down", func() bool { condition(t, hold, "Ready"); return hold.Status.SubjectDeletedTime != nil })

	end(t, second, task.Outcome{Step: task.Erase, Reason: task.Withheld})
	runs := &v1alpha1.ErasureRunList{}
	until(t, "the run has ended", func() bool {
		must(t, server.Client.List(t.Context(), runs, client.InNamespace(shop)))
		for _, run := range runs.Items {
			if run.Spec.Mode == v1alpha1.RunExecute && run.Status.EndedTime != nil {
				return run.Status.CommittedTime == nil && run.Status.WithheldTime != nil && run.Status.Outcomes[0].Result == v1alpha1.TargetPending
			}
		}
		return false
	})
	text, err := json.Marshal(hold)
	must(t, err)
	if strings.Contains(strings.ToLower(string(text)), "example.org") {
		t.Error("the hold holds the person")
	}
	stop()
	resting(t, hold)
}

// play writes what the Job controller would say of a Job, whatever the operator wrote meanwhile.
func play(t *testing.T, j *batchv1.Job, status batchv1.JobStatus) {
	t.Helper()
	must(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := server.Client.Get(t.Context(), client.ObjectKeyFromObject(j), j); err != nil {
			return err
		}
		j.Status = status
		return server.Client.Status().Update(t.Context(), j)
	}))
}

// resting checks that looking again at a hold in force writes nothing, once what came last was looked at. Nobody else looks meanwhile.
func resting(t *testing.T, hold *v1alpha1.LegalHold) {
	t.Helper()
	key := client.ObjectKeyFromObject(hold)
	r := &holds.Reconciler{Client: server.Client, Reader: server.Client, Clock: clock.RealClock{}, Keys: keeper.Keeper{Reader: server.Client, Client: server.Client, Namespace: system}}
	pass := func() {
		must(t, server.Client.Get(t.Context(), key, hold))
		_, err := r.Reconcile(t.Context(), hold)
		must(t, err)
		must(t, server.Client.Get(t.Context(), key, hold))
	}
	pass()
	before := hold.ResourceVersion
	for range 3 {
		pass()
	}
	if hold.ResourceVersion != before {
		t.Error("three passes over a hold in force wrote")
	}
}

// prepare makes the namespace, the register of the demo company, and a request that may be executed.
func prepare(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(apiserver.Root(), "config/samples/demo/register.yaml"))
	must(t, err)
	for _, name := range []string{system, shop} {
		must(t, server.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	}
	data, err := subjectkey.Data([]byte(strings.Repeat("k", subjectkey.Size)))
	must(t, err)
	must(t, server.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: subjectkey.SecretName}, Data: data}))
	ring, err := subjectkey.Parse(data)
	must(t, err)
	register := &v1alpha1.DataRegister{}
	must(t, yaml.Unmarshal(text, register))
	register.Namespace, register.Name = shop, "crm"
	must(t, server.Client.Create(t.Context(), register))

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: "person"}, Data: map[string][]byte{"email": []byte("ada@example.org"), "customerID": []byte("17")}}
	who, err := subject.Read(secret.Data)
	must(t, err)
	must(t, server.Client.Create(t.Context(), secret))
	r := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: "r1"}}
	r.Spec.RequestID, r.Spec.Execution, r.Spec.Ground = "r1", v1alpha1.ExecutionAutomatic, v1alpha1.GroundPointA
	r.Spec.ReceivedTime, r.Spec.Registers.Mode = ptr.To(metav1.NewTime(time.Now().Add(-time.Hour))), v1alpha1.RegistersAll
	r.Spec.Subject.SecretRef.Name = "person"
	must(t, server.Client.Create(t.Context(), r))
	targets := []v1alpha1.ErasureTarget{{Register: "crm", Store: register.Spec.Stores[0].Name, Result: v1alpha1.TargetPlanned, PlanDigest: plan}}
	digest := erasure.PlanDigest(targets)
	r.Status = v1alpha1.ErasureRequestStatus{ObservedGeneration: ptr.To(r.Generation), SubjectRef: ring.Reference(who), SubjectSecretUID: string(secret.UID),
		PlanDigest: digest, ApprovedPlanDigest: digest, Targets: targets,
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, LastTransitionTime: metav1.Now()}}}
	must(t, server.Client.Status().Update(t.Context(), r))
}

// operate runs the dispatcher and the controllers of runs and holds, until stop is called.
func operate(t *testing.T) (stop func()) {
	t.Helper()
	mgr, err := ctrl.NewManager(rest.CopyConfig(server.Config), ctrl.Options{Scheme: server.Scheme,
		Metrics: metricsserver.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: ptr.To(true)}})
	must(t, err)
	keys := keeper.Keeper{Reader: mgr.GetAPIReader(), Client: mgr.GetClient(), Namespace: system}
	must(t, dispatch.Register(mgr, dispatch.Config{Image: "eraser:1", Clock: clock.RealClock{}}))
	must(t, erasurerun.Register(mgr, erasurerun.Config{Image: "eraser:1", Clock: clock.RealClock{}, Places: anywhere{}, Keys: keys}))
	must(t, holds.Register(mgr, holds.Config{Keys: keys, Clock: clock.RealClock{}}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

type anywhere struct{}

func (anywhere) AllowedRegions(*v1alpha1.DataRegister) ([]string, error) { return nil, nil }

// job is the Job whose name ends so, of a run that executes; nil when there is none.
func job(t *testing.T, suffix string) *batchv1.Job {
	t.Helper()
	jobs := &batchv1.JobList{}
	must(t, server.Client.List(t.Context(), jobs, client.InNamespace(shop)))
	for i := range jobs.Items {
		if j := &jobs.Items[i]; strings.HasSuffix(j.Name, suffix) && len(j.Spec.Template.Spec.InitContainers) > 0 && j.Spec.Template.Spec.InitContainers[0].Name == string(task.Erase) {
			return j
		}
	}
	return nil
}

func taskOf(t *testing.T, j *batchv1.Job) task.Task {
	t.Helper()
	secret, work := &corev1.Secret{}, task.Task{}
	must(t, server.Client.Get(t.Context(), client.ObjectKey{Namespace: shop, Name: j.Spec.Template.Spec.Volumes[0].Secret.SecretName}, secret))
	must(t, json.Unmarshal(secret.Data["task.json"], &work))
	return work
}

func condition(t *testing.T, hold *v1alpha1.LegalHold, kind string) *metav1.Condition {
	t.Helper()
	must(t, server.Client.Get(t.Context(), client.ObjectKeyFromObject(hold), hold))
	if c := meta.FindStatusCondition(hold.Status.Conditions, kind); c != nil {
		return c
	}
	return &metav1.Condition{}
}

// end does what the kubelet and the Job controller do when the first container failed.
func end(t *testing.T, j *batchv1.Job, answer task.Outcome) {
	t.Helper()
	text, _, err := answer.Encode(0)
	must(t, err)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: j.Name + "-x", Namespace: shop, Labels: j.Spec.Template.Labels,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(j, batchv1.SchemeGroupVersion.WithKind("Job"))}}, Spec: *j.Spec.Template.Spec.DeepCopy()}
	must(t, server.Client.Create(t.Context(), pod))
	pod.Status.Phase = corev1.PodFailed
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: string(answer.Step),
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 42, Message: string(text)}}}}
	must(t, server.Client.Status().Update(t.Context(), pod))
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	play(t, j, batchv1.JobStatus{StartTime: &now, Failed: 1, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue, Reason: "Played", LastTransitionTime: now},
		{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "Played", LastTransitionTime: now}}})
}
