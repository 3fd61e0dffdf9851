// Package dataregister runs the controller of DataRegister against a real API server. The database, its node and the
// eraser are played by the test: no kubelet runs here.
package dataregister

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	controller "github.com/rempart-dev/rempart/controllers/dataregister"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/apiserver"
)

var server *apiserver.Server

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(apiserver.Run(m, func(s *apiserver.Server) { server = s }))
}

const namespace = "shop"

// patience is how long the test waits for the controller.
const patience = 3 * time.Minute

// everywhere allows all places.
type everywhere struct{}

var paris = register.Place{Region: "eu-west-3", Country: "FR", Zone: v1alpha1.ZoneEU, Verdict: v1alpha1.VerdictAllowed}

func (everywhere) AllowedRegions(*v1alpha1.DataRegister) ([]string, error) {
	return []string{"eu-west-3"}, nil
}
func (everywhere) JudgeNode(*v1alpha1.DataRegister, *corev1.Node) register.Place { return paris }
func (everywhere) JudgeClass(*v1alpha1.DataRegister, string) register.Place      { return paris }
func (everywhere) JudgeDeclared(*v1alpha1.DataRegister, *v1alpha1.ExternalStore) register.Place {
	return paris
}
func (everywhere) Found(*v1alpha1.DataRegister) []residency.Finding { return nil }
func (everywhere) ZoneOf(v1alpha1.Country) v1alpha1.LegalZone       { return v1alpha1.ZoneEU }

// operate runs the controller in a manager of its own, until stop is called.
func operate(t *testing.T) (stop func()) {
	t.Helper()
	mgr := manager(t)
	must(t, controller.Register(t.Context(), mgr, controller.Config{Image: "eraser:1", Places: everywhere{}, Chance: rand.Reader, Clock: clock.RealClock{}}))
	return run(t, mgr)
}

func manager(t *testing.T) ctrl.Manager {
	t.Helper()
	mgr, err := ctrl.NewManager(server.Config, ctrl.Options{Scheme: server.Scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: new(true)}})
	must(t, err)
	return mgr
}

// run runs a manager until stop is called, or the test ends.
func run(t *testing.T, mgr ctrl.Manager) (stop func()) {
	t.Helper()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- mgr.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline.C:
			dreg := &v1alpha1.DataRegister{}
			_ = server.Client.Get(t.Context(), key("crm"), dreg)
			t.Fatalf("not within %s: %s; conditions: %+v", patience, what, dreg.Status.Conditions)
		}
	}
}

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: namespace, Name: name} }

func there(t *testing.T, name string, into client.Object) func() bool {
	return func() bool { return server.Client.Get(t.Context(), key(name), into) == nil }
}

func has(t *testing.T, kind string, status metav1.ConditionStatus, reason string) func() bool {
	return func() bool {
		dreg := &v1alpha1.DataRegister{}
		must(t, server.Client.Get(t.Context(), key("crm"), dreg))
		c := meta.FindStatusCondition(dreg.Status.Conditions, kind)
		return c != nil && c.Status == status && c.Reason == reason
	}
}

// playDatabase plays the StatefulSet controller, the scheduler and the kubelet.
func playDatabase(t *testing.T) {
	t.Helper()
	ctx, database := t.Context(), &appsv1.StatefulSet{}
	eventually(t, "a database", there(t, "crm-main", database))
	must(t, client.IgnoreAlreadyExists(server.Client.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "paris"}})))
	template := database.Spec.VolumeClaimTemplates[0]
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data-crm-main-0", Namespace: namespace, Labels: template.Labels}, Spec: template.Spec}
	must(t, server.Client.Create(ctx, claim))
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "crm-main-0", Namespace: namespace, Labels: database.Spec.Template.Labels}, Spec: *database.Spec.Template.Spec.DeepCopy()}
	pod.Spec.NodeName = "paris"
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name}}})
	must(t, server.Client.Create(ctx, pod))
	play(t, database, func() {
		database.Status = appsv1.StatefulSetStatus{ObservedGeneration: database.Generation, Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
			UpdatedReplicas: 1, CurrentReplicas: 1, CurrentRevision: "r1", UpdateRevision: "r1"}
	})
}

// play writes the status that another controller would write, whatever the operator wrote meanwhile.
func play(t *testing.T, object client.Object, status func()) {
	t.Helper()
	must(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := server.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		status()
		return server.Client.Status().Update(t.Context(), object)
	}))
}

// playScan plays the Job controller and an eraser that finds all as declared.
func playScan(t *testing.T) {
	t.Helper()
	ctx, jobs := t.Context(), &batchv1.JobList{}
	eventually(t, "a scan", func() bool {
		must(t, server.Client.List(ctx, jobs, client.InNamespace(namespace)))
		return len(jobs.Items) == 1
	})
	scan := &jobs.Items[0]
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: scan.Name + "-x", Namespace: namespace, Labels: scan.Spec.Template.Labels,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(scan, batchv1.SchemeGroupVersion.WithKind("Job"))}}, Spec: *scan.Spec.Template.Spec.DeepCopy()}
	must(t, server.Client.Create(ctx, pod))
	for _, c := range pod.Spec.InitContainers {
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, ended(c.Name, ""))
	}
	for _, c := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, ended(c.Name, `,"reason":"Accurate"`))
	}
	pod.Status.Phase = corev1.PodSucceeded
	must(t, server.Client.Status().Update(ctx, pod))
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	yes := func(kind batchv1.JobConditionType) batchv1.JobCondition {
		return batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now, Reason: "Played"}
	}
	play(t, scan, func() {
		scan.Status = batchv1.JobStatus{StartTime: &now, CompletionTime: &now, Succeeded: 1, Conditions: []batchv1.JobCondition{yes(batchv1.JobSuccessCriteriaMet), yes(batchv1.JobComplete)}}
	})
}

func ended(step, more string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: step, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		Message: fmt.Sprintf(`{"step":%q,"ok":true%s}`, step, more)}}}
}

// versions are the resourceVersions of all that the controller writes.
func versions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, list := range []client.ObjectList{&v1alpha1.DataRegisterList{}, &appsv1.StatefulSetList{}, &corev1.ServiceList{}, &networkingv1.NetworkPolicyList{},
		&batchv1.JobList{}, &corev1.SecretList{}, &corev1.PersistentVolumeClaimList{}} {
		must(t, server.Client.List(t.Context(), list, client.InNamespace(namespace)))
		must(t, meta.EachListItem(list, func(o runtime.Object) error {
			object := o.(client.Object)
			all[fmt.Sprintf("%T %s", object, object.GetName())] = object.GetResourceVersion()
			return nil
		}))
	}
	return all
}

func sample() *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Name: "crm", Namespace: namespace}, Spec: v1alpha1.DataRegisterSpec{
		Role: v1alpha1.RoleController, OfficerRef: v1alpha1.ClusterRef{Name: "acme"},
		Activities: []v1alpha1.ProcessingActivity{{Name: "support", Purposes: []v1alpha1.Purpose{{Name: "support", LegalBasis: v1alpha1.BasisContract}},
			DataSubjects: []string{"customers"}, DataCategories: []v1alpha1.DataCategory{{Name: "contact details"}}, Stores: []v1alpha1.PartName{"main"}}},
		Stores: []v1alpha1.DataStore{{Name: "main", Engine: v1alpha1.EnginePostgreSQL, Managed: &v1alpha1.ManagedStore{Image: "postgres:17",
			Storage:   v1alpha1.StorageRequest{Size: resource.MustParse("1024Mi"), StorageClassName: "eu-fast"},
			Resources: v1alpha1.StoreResources{Requests: v1alpha1.ResourceAmounts{CPU: new(resource.MustParse("0.05"))}}}}},
	}}
}

func TestARegisterBecomesReadyAndThenNothingIsWritten(t *testing.T) {
	stop := operate(t)
	ctx := t.Context()
	must(t, client.IgnoreAlreadyExists(server.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})))
	must(t, server.Client.Create(ctx, sample()))
	playDatabase(t)
	playScan(t)
	eventually(t, "Ready", has(t, "Ready", metav1.ConditionTrue, v1alpha1.ReasonRegisterReady))
	eventually(t, "no scan left", func() bool {
		jobs := &batchv1.JobList{}
		must(t, server.Client.List(ctx, jobs, client.InNamespace(namespace)))
		return len(jobs.Items) == 0
	})
	stop() // a pass of its own could still have something to write
	t.Run("three more passes write nothing", func(t *testing.T) {
		mgr := manager(t) // of a cache, and no controller
		must(t, controller.Index(ctx, mgr.GetFieldIndexer()))
		run(t, mgr)
		again := &controller.Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: events.NewFakeRecorder(100),
			Clock: clock.RealClock{}, Places: everywhere{}, Chance: rand.Reader, Image: "eraser:2"}
		pass := func() {
			dreg := &v1alpha1.DataRegister{}
			must(t, server.Client.Get(ctx, key("crm"), dreg))
			if _, err := again.Reconcile(ctx, dreg); err != nil {
				t.Fatal(err)
			}
		}
		pass() // may have to write what the last one of the controller saw
		before := versions(t)
		for range 3 {
			pass()
		}
		if diff := cmp.Diff(before, versions(t)); diff != "" {
			t.Error(diff)
		}
	})
	operate(t)
	t.Run("a Service that was deleted comes back", func(t *testing.T) {
		service := &corev1.Service{}
		must(t, server.Client.Get(ctx, key("crm-main"), service))
		must(t, server.Client.Delete(ctx, service))
		eventually(t, "the Service", there(t, "crm-main", &corev1.Service{}))
	})
	t.Run("a volume grows where its class lets it", func(t *testing.T) { grows(t) })
	t.Run("replicas converge", func(t *testing.T) {
		change(t, func(d *v1alpha1.DataRegister) { d.Spec.Stores[0].Managed.Replicas = new(int32) })
		eventually(t, "no replica", func() bool {
			database := &appsv1.StatefulSet{}
			must(t, server.Client.Get(ctx, key("crm-main"), database))
			return *database.Spec.Replicas == 0
		})
		eventually(t, "Paused", has(t, "Ready", metav1.ConditionFalse, v1alpha1.ReasonPaused))
	})
	t.Run("deletion leaves the data", func(t *testing.T) {
		must(t, server.Client.Delete(ctx, &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Name: "crm", Namespace: namespace}}))
		eventually(t, "the register gone", func() bool { return !there(t, "crm", &v1alpha1.DataRegister{})() })
		if there(t, "crm-main", &appsv1.StatefulSet{})() || !there(t, "data-crm-main-0", &corev1.PersistentVolumeClaim{})() || !there(t, "crm-main-admin", &corev1.Secret{})() {
			t.Error("the database must be gone, its volume and the admin's Secret kept")
		}
	})
}

func change(t *testing.T, how func(*v1alpha1.DataRegister)) {
	t.Helper()
	dreg := &v1alpha1.DataRegister{}
	must(t, server.Client.Get(t.Context(), key("crm"), dreg))
	before := dreg.DeepCopy()
	how(dreg)
	must(t, server.Client.Patch(t.Context(), dreg, client.MergeFrom(before)))
}

func grows(t *testing.T) {
	ctx := t.Context()
	change(t, func(d *v1alpha1.DataRegister) { d.Spec.Stores[0].Managed.Storage.Size = resource.MustParse("2Gi") })
	eventually(t, "StorageNotExpandable", has(t, "Stalled", metav1.ConditionTrue, v1alpha1.ReasonStorageNotExpandable))
	must(t, server.Client.Create(ctx, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "eu-fast"}, Provisioner: "example.com/disk", AllowVolumeExpansion: new(true)}))
	claim := &corev1.PersistentVolumeClaim{}
	must(t, server.Client.Get(ctx, key("data-crm-main-0"), claim))
	play(t, claim, func() { claim.Status.Phase = corev1.ClaimBound })
	eventually(t, "the API server knows that the class lets volumes grow", func() bool {
		larger := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}`))
		return server.Client.Patch(ctx, claim.DeepCopy(), larger, client.DryRunAll) == nil
	})
	change(t, func(d *v1alpha1.DataRegister) { d.Spec.Stores[0].Managed.Storage.Size = resource.MustParse("3Gi") })
	eventually(t, "3Gi", func() bool {
		must(t, server.Client.Get(ctx, key("data-crm-main-0"), claim))
		size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		return size.String() == "3Gi"
	})
	eventually(t, "not stalled", func() bool { return !has(t, "Stalled", metav1.ConditionTrue, v1alpha1.ReasonStorageNotExpandable)() })
}
