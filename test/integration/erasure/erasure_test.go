// Package erasure runs ten thousand approved requests as tens of runs on a real API server. The test plays the kubelet and
// the store: what the Jobs are asked and what they answer is as it is in a cluster.
package erasure

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
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
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/subjectkey"
	"github.com/rempart-dev/rempart/internal/subjectkey/keeper"
	"github.com/rempart-dev/rempart/test/apiserver"
)

const (
	system   = "rempart-system"
	crowd    = 10_000 // requests of one namespace
	quiet    = 10     // of another one, which come last
	people   = 500    // who make the requests of a namespace, each several
	writers  = 16
	patience = 20 * time.Minute
)

var server *apiserver.Server

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

// world is what the test plays and what it has seen.
type world struct {
	*testing.T
	ring    subjectkey.Ring
	plan    string
	dataset *v1alpha1.Dataset
	jobs    map[string]int           // by namespace
	commits map[string]int           // by run, as a ledger has them
	rows    map[string]map[int]int64 // by run and request, as a ledger has them
	largest map[string]int           // bytes of the largest object of a kind
	ahead   int                      // Jobs of the crowd that came before the first of the quiet
}

func TestTenThousandApprovedRequestsAreTensOfRuns(t *testing.T) {
	w := &world{T: t, plan: "sha256:" + strings.Repeat("a", 64), jobs: map[string]int{}, commits: map[string]int{},
		rows: map[string]map[int]int64{}, largest: map[string]int{}}
	w.prepare()
	w.request("crowd", crowd)
	w.request("quiet", quiet)
	began := time.Now()
	w.operate()
	for tick := time.NewTicker(50 * time.Millisecond); w.pass(); <-tick.C {
		if time.Since(began) > patience {
			w.explain()
			t.Fatalf("not within %s: %v", patience, w.jobs)
		}
	}
	t.Logf("%d requests in %s: Jobs %v, %d of the crowd's before the first of the quiet, largest objects %v", crowd+quiet, time.Since(began).Round(time.Second), w.jobs, w.ahead, w.largest)
	w.judge("crowd", crowd, crowd/task.MaxRequests)
	w.judge("quiet", quiet, 1)
	if w.jobs["crowd"] > 60 {
		t.Errorf("%d Jobs, want tens", w.jobs["crowd"])
	}
	if w.ahead > w.jobs["crowd"]/2 {
		t.Errorf("the quiet namespace waited for its Job behind %d of %d Jobs of the crowd", w.ahead, w.jobs["crowd"])
	}
	for kind, size := range w.largest {
		if size > 1_400_000 {
			t.Errorf("a %s of %d bytes; etcd takes 1.5 MB", kind, size)
		}
	}
}

// prepare makes the namespaces, each with the register of the demo company.
func (w *world) prepare() {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(apiserver.Root(), "config/samples/demo/register.yaml"))
	must(w.T, err)
	for _, name := range []string{system, "crowd", "quiet"} {
		must(w.T, server.Client.Create(w.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	}
	keys := keeper.Keeper{Reader: server.Client, Client: server.Client, Namespace: system}
	data, err := subjectkey.Data([]byte(strings.Repeat("k", subjectkey.Size)))
	must(w.T, err)
	must(w.T, server.Client.Create(w.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: subjectkey.SecretName}, Data: data}))
	w.ring, err = keys.Ring(w.Context())
	must(w.T, err)
	for _, name := range []string{"crowd", "quiet"} {
		register := &v1alpha1.DataRegister{}
		must(w.T, yaml.Unmarshal([]byte(text), register))
		register.Namespace, register.Name = name, "crm"
		must(w.T, server.Client.Create(w.Context(), register))
		w.dataset = register.Spec.Stores[0].Dataset
	}
}

// request makes approved requests, as their own controller leaves them.
func (w *world) request(namespace string, n int) {
	w.Helper()
	group, ctx := errgroup.WithContext(w.Context())
	group.SetLimit(writers)
	secrets := make([]*corev1.Secret, min(n, people))
	for i := range secrets {
		secrets[i] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("person-%03d", i)},
			Data: map[string][]byte{"email": fmt.Appendf(nil, "p%d@%s.example.org", i, namespace)}}
		must(w.T, server.Client.Create(ctx, secrets[i]))
	}
	for i := range n {
		group.Go(func() error { return w.requestOne(ctx, namespace, i, secrets[i%len(secrets)]) })
	}
	must(w.T, group.Wait())
}

func (w *world) requestOne(ctx context.Context, namespace string, i int, secret *corev1.Secret) error {
	name := fmt.Sprintf("request-%05d", i)
	who, err := subject.Read(secret.Data)
	if err != nil {
		return err
	}
	r := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	r.Spec.RequestID, r.Spec.Execution, r.Spec.Ground = name, v1alpha1.ExecutionAutomatic, v1alpha1.GroundPointA
	r.Spec.ReceivedTime, r.Spec.Registers.Mode = ptr.To(metav1.NewTime(time.Now().Add(-time.Hour))), v1alpha1.RegistersAll
	r.Spec.Subject.SecretRef.Name = v1alpha1.ObjectName(secret.Name)
	if err := server.Client.Create(ctx, r); err != nil {
		return err
	}
	targets := []v1alpha1.ErasureTarget{{Register: "crm", Store: "crm", Result: v1alpha1.TargetPlanned, PlanDigest: w.plan}}
	digest := erasure.PlanDigest(targets)
	r.Status = v1alpha1.ErasureRequestStatus{ObservedGeneration: ptr.To(r.Generation), SubjectRef: w.ring.Reference(who), SubjectSecretUID: string(secret.UID),
		PlanDigest: digest, ApprovedPlanDigest: digest, Targets: targets,
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, LastTransitionTime: metav1.Now()}}}
	return server.Client.Status().Update(ctx, r)
}

// operate runs the dispatcher and the controller of runs.
func (w *world) operate() {
	w.Helper()
	mgr, err := ctrl.NewManager(rest.CopyConfig(server.Config), ctrl.Options{Scheme: server.Scheme,
		Metrics: metricsserver.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: ptr.To(true)}})
	must(w.T, err)
	must(w.T, dispatch.Register(mgr, dispatch.Config{Image: "eraser:1", Clock: clock.RealClock{}}))
	must(w.T, erasurerun.Register(mgr, erasurerun.Config{Image: "eraser:1", Clock: clock.RealClock{}, Places: anywhere{},
		Keys: keeper.Keeper{Reader: mgr.GetAPIReader(), Client: mgr.GetClient(), Namespace: system}}))
	ctx, stop := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.Cleanup(func() {
		stop()
		must(w.T, <-ended)
	})
}

type anywhere struct{}

func (anywhere) AllowedRegions(*v1alpha1.DataRegister) ([]string, error) { return nil, nil }

// pass ends the Jobs that wait, and tells whether requests are still without their end.
func (w *world) pass() bool {
	w.Helper()
	jobs := &batchv1.JobList{}
	must(w.T, server.Client.List(w.Context(), jobs))
	for i := range jobs.Items {
		if job := &jobs.Items[i]; len(job.Status.Conditions) == 0 && job.DeletionTimestamp == nil {
			if job.Namespace == "quiet" && w.jobs["quiet"] == 0 {
				w.ahead = w.jobs["crowd"]
			}
			w.jobs[job.Namespace]++
			w.end(job)
		}
	}
	runs := &v1alpha1.ErasureRunList{}
	must(w.T, server.Client.List(w.Context(), runs))
	ended := 0
	for i := range runs.Items {
		w.weigh("ErasureRun", &runs.Items[i])
		if runs.Items[i].Status.EndedTime != nil {
			ended += len(runs.Items[i].Spec.Requests)
		}
	}
	return ended < crowd+quiet
}

func (w *world) weigh(kind string, object any) int {
	text, err := json.Marshal(object)
	must(w.T, err)
	w.largest[kind] = max(w.largest[kind], len(text))
	return len(text)
}

// end does what the kubelet and the store do for a Job.
func (w *world) end(job *batchv1.Job) {
	w.Helper()
	ctx, secret := w.Context(), &corev1.Secret{}
	must(w.T, server.Client.Get(ctx, client.ObjectKey{Namespace: job.Namespace, Name: job.Spec.Template.Spec.Volumes[0].Secret.SecretName}, secret))
	w.weigh("Secret", secret)
	w.weigh("Job", job)
	var work task.Task
	var who task.People
	must(w.T, json.Unmarshal(secret.Data["task.json"], &work))
	must(w.T, json.Unmarshal(secret.Data["subjects.json"], &who))
	messages := w.answer(work, who)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: job.Name + "-x", Namespace: job.Namespace, Labels: job.Spec.Template.Labels,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))}}, Spec: *job.Spec.Template.Spec.DeepCopy()}
	must(w.T, server.Client.Create(ctx, pod))
	status := func(name string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: messages[task.Step(name)]}}}
	}
	for _, c := range pod.Spec.InitContainers {
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, status(c.Name))
	}
	for _, c := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status(c.Name))
	}
	pod.Status.Phase = corev1.PodSucceeded
	must(w.T, server.Client.Status().Update(ctx, pod))
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	yes := func(kind batchv1.JobConditionType) batchv1.JobCondition {
		return batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now, Reason: "Played"}
	}
	must(w.T, retry.RetryOnConflict(retry.DefaultBackoff, func() error { // the operator may write it meanwhile
		if err := server.Client.Get(ctx, client.ObjectKeyFromObject(job), job); err != nil {
			return err
		}
		job.Status = batchv1.JobStatus{StartTime: &now, CompletionTime: &now, Succeeded: 1, Conditions: []batchv1.JobCondition{yes(batchv1.JobSuccessCriteriaMet), yes(batchv1.JobComplete)}}
		return server.Client.Status().Update(ctx, job)
	}))
}

// answer is what erase, verify and report leave, with the counts of rowsOf for each person.
func (w *world) answer(work task.Task, who task.People) map[task.Step]string {
	w.Helper()
	erase := task.Outcome{Step: task.Erase, OK: true, PlanDigest: w.plan, At: time.Now(), Ledger: int64(len(w.commits)), Replayed: w.commits[work.RunUID] > 0}
	for _, d := range w.dataset.Tables {
		erase.Tables = append(erase.Tables, task.Table{Name: "public." + string(d.Name), Action: d.OnErasure})
	}
	if !erase.Replayed {
		w.commits[work.RunUID]++
	}
	for _, r := range work.Requests {
		var n int
		_, err := fmt.Sscanf(string(who[r.UID]["email"]), "p%d@", &n)
		must(w.T, err)
		erase.Requests = append(erase.Requests, task.Counts{UID: r.UID, Rows: rowsOf(n, len(erase.Tables))})
	}
	text, next, err := erase.Encode(work.From)
	must(w.T, err)
	report, _, err := task.Outcome{Step: task.Report, OK: true, Tables: erase.Tables, Requests: erase.Requests}.Encode(next)
	must(w.T, err)
	verify, _, err := task.Outcome{Step: task.Verify, OK: true, At: time.Now()}.Encode(0)
	must(w.T, err)
	return map[task.Step]string{task.Erase: string(text), task.Report: string(report), task.Verify: string(verify)}
}

func rowsOf(n, tables int) []int64 {
	rows := []int64{1}
	for i := 1; i < tables; i++ {
		rows = append(rows, int64((n*7919+i*104729)%(3+i*2)))
	}
	return rows
}

// judge checks that each request of a namespace was served once, with its own counts, and that nothing is left of the runs'
// Secrets.
func (w *world) judge(namespace string, want, runs int) {
	w.Helper()
	list, requests, secrets := &v1alpha1.ErasureRunList{}, &v1alpha1.ErasureRequestList{}, &corev1.SecretList{}
	must(w.T, server.Client.List(w.Context(), list, client.InNamespace(namespace)))
	must(w.T, server.Client.List(w.Context(), requests, client.InNamespace(namespace)))
	if len(list.Items) > 3*runs {
		w.Errorf("%s: %d runs, want about %d", namespace, len(list.Items), runs)
	}
	served := 0
	for _, request := range requests.Items {
		var n, times int
		_, err := fmt.Sscanf(request.Name, "request-%d", &n)
		must(w.T, err)
		for i := range list.Items {
			if erasure.Lists(&list.Items[i], request.UID) {
				times++
			}
		}
		target := erasure.Fold(request.Status.Targets, request.UID, list.Items)[0]
		got := map[string]int64{}
		for _, c := range target.Tables {
			got[c.Table] = *c.Rows
		}
		for i, rows := range rowsOf(n%people, len(w.dataset.Tables)) {
			if got["public."+string(w.dataset.Tables[i].Name)] != rows {
				w.Fatalf("%s has %d rows in table %d, want %d", request.Name, got["public."+string(w.dataset.Tables[i].Name)], i, rows)
			}
		}
		if times == 1 && erasure.Final(target.Result) && target.VerifiedTime != nil {
			served++
		}
	}
	if served != want {
		w.Errorf("%s: %d of %d requests were served once, verified and counted", namespace, served, want)
	}
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(100 * time.Millisecond)
	for left := 1; left > 0; <-tick.C {
		must(w.T, server.Client.List(w.Context(), secrets, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}))
		if left = len(secrets.Items); left > 0 && time.Now().After(deadline) {
			w.Fatalf("%s: %d Secrets of runs are left", namespace, left)
		}
	}
}

// explain says how far the runs are.
func (w *world) explain() {
	w.Helper()
	runs := &v1alpha1.ErasureRunList{}
	must(w.T, server.Client.List(w.Context(), runs))
	for i := range runs.Items {
		run := &runs.Items[i]
		w.Logf("%s/%s: %d requests, admitted %d, counted %d, attempts %d, %v", run.Namespace, run.Name, len(run.Spec.Requests),
			ptr.Deref(run.Status.Admitted, 0), ptr.Deref(run.Status.Counted, 0), ptr.Deref(run.Status.Attempts, 0), run.Status.Conditions)
	}
}
