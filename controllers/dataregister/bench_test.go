package dataregister

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// places allows Paris and denies what is named "us-…".
type places struct{ found []residency.Finding }

func (p places) Found(*v1alpha1.DataRegister) []residency.Finding { return p.found }

var paris = register.Place{Region: "eu-west-3", Country: "FR", Zone: v1alpha1.ZoneEU, Verdict: v1alpha1.VerdictAllowed}

func (places) AllowedRegions(*v1alpha1.DataRegister) ([]string, error) {
	return []string{"eu-west-3"}, nil
}
func (places) JudgeNode(*v1alpha1.DataRegister, *corev1.Node) register.Place { return paris }
func (places) JudgeDeclared(*v1alpha1.DataRegister, *v1alpha1.ExternalStore) register.Place {
	return paris
}
func (places) ZoneOf(v1alpha1.Country) v1alpha1.LegalZone { return v1alpha1.ZoneEU }
func (places) JudgeClass(_ *v1alpha1.DataRegister, class string) register.Place {
	if strings.HasPrefix(class, "us-") {
		return register.Place{Verdict: v1alpha1.VerdictDenied, Message: "class " + class + " is abroad"}
	}
	return paris
}

// bench is a cluster in memory with one register in it.
type bench struct {
	t *testing.T
	client.Client
	reconciler *Reconciler
	clock      *clocktesting.FakePassiveClock
	fail       func(verb string, object any) error
	uid        int
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{t: t, clock: clocktesting.NewFakePassiveClock(noon), fail: func(string, any) error { return nil }}
	// The converter with the schemas of client-go refuses every NetworkPolicy; the deduced one does well enough.
	base := fake.NewClientBuilder().WithScheme(scheme).WithTypeConverters(managedfields.NewDeducedTypeConverter()).
		WithStatusSubresource(&v1alpha1.DataRegister{}).
		WithIndex(&v1alpha1.DataRegister{}, register.IndexClaims, claimsOf).WithIndex(&v1alpha1.DataRegister{}, indexOfficer, officerOf).
		WithObjects(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "paris"}}, &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}).
		WithObjects(objects...).Build()
	b.Client = interceptor.NewClient(base, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if err := b.fail("create", o); err != nil {
				return err
			}
			b.uid++
			o.SetUID(types.UID("made-" + string(rune('a'+b.uid))))
			return c.Create(ctx, o, options...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if err := b.fail("apply", o); err != nil {
				return err
			}
			return c.Apply(ctx, o, options...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			if err := b.fail("delete", o); err != nil {
				return err
			}
			return c.Delete(ctx, o, options...)
		},
	})
	b.reconciler = &Reconciler{Client: b.Client, Reader: b.Client, Recorder: events.NewFakeRecorder(1000), Clock: b.clock,
		Places: places{}, Chance: bytes.NewReader(bytes.Repeat([]byte("0123456789abcdef"), 1000)), Image: "eraser:1"}
	return b
}

func dreg(uid, name string, stores ...v1alpha1.DataStore) *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID(uid), Generation: 1, CreationTimestamp: metav1.NewTime(noon)},
		Spec: v1alpha1.DataRegisterSpec{Role: v1alpha1.RoleController, OfficerRef: v1alpha1.ClusterRef{Name: "acme"}, Stores: stores,
			Activities: []v1alpha1.ProcessingActivity{{Name: "support"}}},
	}
}

func managed(policy v1alpha1.DeletionPolicy) v1alpha1.DataStore {
	return v1alpha1.DataStore{Name: "main", Engine: v1alpha1.EnginePostgreSQL, Managed: &v1alpha1.ManagedStore{Image: "postgres:15", DeletionPolicy: policy,
		Storage: v1alpha1.StorageRequest{Size: resource.MustParse("1Gi"), StorageClassName: "eu-fast"}}}
}

func external(host string) v1alpha1.DataStore {
	return v1alpha1.DataStore{Name: "legacy", Engine: v1alpha1.EnginePostgreSQL, External: &v1alpha1.ExternalStore{Country: "FR", Evidence: "contract"},
		Connection: &v1alpha1.StoreConnection{Host: host, Database: "crm", TLS: v1alpha1.ConnectionTLS{Mode: v1alpha1.TLSRequire},
			EraserSecretRef: v1alpha1.SecretRef{Name: "e"}, VerifierSecretRef: v1alpha1.SecretRef{Name: "v"}}}
}

// pass reconciles once. It returns the register as it then is; nil when it is gone.
func (b *bench) pass(name string) *v1alpha1.DataRegister {
	b.t.Helper()
	object := &v1alpha1.DataRegister{}
	if !b.get(name, object) {
		return nil
	}
	if _, err := b.reconciler.Reconcile(b.t.Context(), object); err != nil {
		b.t.Logf("the pass ended with: %v", err)
	}
	after := &v1alpha1.DataRegister{}
	if !b.get(name, after) {
		return nil
	}
	return after
}

// get reads an object of the namespace, or one of the cluster, and tells whether it is there.
func (b *bench) get(name string, into client.Object) bool {
	b.t.Helper()
	err := b.Get(b.t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, into)
	if err != nil && !apierrors.IsNotFound(err) {
		b.t.Fatal(err)
	}
	return err == nil
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// run plays the StatefulSet controller and the kubelet: the database answers, on the node in Paris, with its volume.
func (b *bench) run() {
	b.t.Helper()
	database := &appsv1.StatefulSet{}
	if !b.get("crm-main", database) {
		b.t.Fatal("there is no database")
	}
	database.UID = "database"
	b.must(b.Update(b.t.Context(), database))
	database.Status = appsv1.StatefulSetStatus{ReadyReplicas: 1, UpdatedReplicas: 1}
	b.must(b.Status().Update(b.t.Context(), database))
	template := database.Spec.VolumeClaimTemplates[0]
	b.must(client.IgnoreAlreadyExists(b.Client.Create(b.t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data-crm-main-0", Namespace: "shop", Labels: template.Labels}, Spec: template.Spec})))
	b.must(client.IgnoreAlreadyExists(b.Client.Create(b.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "crm-main-0", Namespace: "shop"}, Spec: corev1.PodSpec{NodeName: "paris"}})))
}

// answer plays the Job controller and the eraser: every scan that is there ends with these messages.
func (b *bench) answer(kind batchv1.JobConditionType, messages map[string]string) {
	b.t.Helper()
	jobs := &batchv1.JobList{}
	b.must(b.List(b.t.Context(), jobs))
	if len(jobs.Items) == 0 {
		b.t.Fatal("there is no scan")
	}
	for i := range jobs.Items {
		scan := &jobs.Items[i]
		scan.Status.Conditions = []batchv1.JobCondition{{Type: kind, Status: corev1.ConditionTrue}}
		b.must(b.Status().Update(b.t.Context(), scan))
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: scan.Name + "-x", Namespace: "shop", Labels: map[string]string{batchv1.JobNameLabel: scan.Name, batchv1.ControllerUidLabel: string(scan.UID)},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(scan, batchv1.SchemeGroupVersion.WithKind("Job"))}}, Spec: scan.Spec.Template.Spec}
		maps.Copy(pod.Labels, scan.Spec.Template.Labels)
		for _, c := range scan.Spec.Template.Spec.InitContainers {
			pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, ended(c.Name, messages[c.Name]))
		}
		for _, c := range scan.Spec.Template.Spec.Containers {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, ended(c.Name, messages[c.Name]))
		}
		b.must(b.Client.Create(b.t.Context(), pod))
	}
}

func ended(name, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: message}}}
}

var good = map[string]string{"provision": `{"step":"provision","ok":true}`, "scan": `{"step":"scan","ok":true,"reason":"Accurate"}`}

func (b *bench) count(list client.ObjectList) int {
	b.t.Helper()
	b.must(b.List(b.t.Context(), list, client.InNamespace("shop")))
	return meta.LenList(list)
}

func reason(object *v1alpha1.DataRegister, kind string) string {
	if c := meta.FindStatusCondition(object.Status.Conditions, kind); c != nil {
		return string(c.Status) + " " + c.Reason
	}
	return ""
}

// settled brings a managed register to its end: Ready.
func settled(t *testing.T, policy v1alpha1.DeletionPolicy) *bench {
	t.Helper()
	b := newBench(t, dreg("one", "crm", managed(policy)))
	b.pass("crm")
	b.pass("crm")
	b.run()
	b.pass("crm")
	b.answer(batchv1.JobComplete, good)
	b.pass("crm")
	b.pass("crm")
	return b
}
