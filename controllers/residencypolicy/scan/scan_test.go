package scan

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// bench is a scanner on a fake API server that counts what is written.
type bench struct {
	*Scanner
	clock  *clocktesting.FakePassiveClock
	mapper *meta.DefaultRESTMapper
	writes int
	refuse error
}

func newBench(t *testing.T, apis ...schema.GroupVersionKind) *bench {
	t.Helper()
	s := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s)); err != nil {
		t.Fatal(err)
	}
	b := &bench{clock: clocktesting.NewFakePassiveClock(noon), mapper: meta.NewDefaultRESTMapper(nil)}
	for gvk := range s.AllKnownTypes() {
		scope := meta.RESTScopeNamespace
		if gvk.Kind == "ResidencyPolicy" || gvk.Kind == "PersistentVolume" {
			scope = meta.RESTScopeRoot
		}
		b.mapper.Add(gvk, scope)
	}
	for _, api := range apis {
		b.mapper.Add(api, meta.RESTScopeNamespace)
	}
	base := fake.NewClientBuilder().WithScheme(s).WithRESTMapper(b.mapper).WithTypeConverters(managedfields.NewDeducedTypeConverter()).WithObjects(
		&v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{Role: v1alpha1.RoleController,
			OfficerRef: v1alpha1.ClusterRef{Name: "acme"}, Stores: []v1alpha1.DataStore{{Name: "main", Managed: &v1alpha1.ManagedStore{}}}}},
		&v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only", UID: "u1", Generation: 1}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Default"}},
		claim("data-crm-main-0", "paris"), claim("cache", "london"), volume("pv-data", "us-east-1", "data-crm-main-0"), volume("pv-cache", "eu-west-3", "cache")).Build()
	count := func(write func() error) error {
		if b.refuse != nil {
			return b.refuse
		}
		err := write()
		if err == nil {
			b.writes++
		}
		return err
	}
	c := interceptor.NewClient(base, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			return count(func() error { return c.Create(ctx, o, options...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			return count(func() error { return c.Apply(ctx, o, options...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			return count(func() error { return c.Delete(ctx, o, options...) })
		},
	})
	b.Scanner = &Scanner{Client: c, Reader: c, Snapshots: &residency.Holder{}, Scans: &residency.ScanHolder{}, Clock: b.clock}
	b.snapshot(t)
	return b
}

func claim(name, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}}
}

func volume(name, region, claim string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-of-" + name)}, Spec: corev1.PersistentVolumeSpec{
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "ebs.csi.aws.com", VolumeHandle: "vol-1"}},
		ClaimRef:               &corev1.ObjectReference{Namespace: "shop", Name: claim},
		NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelTopologyRegion, Operator: corev1.NodeSelectorOpIn, Values: []string{region}}}}}}}}}
}

func class(name, region string) storagev1.StorageClass {
	return storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: []corev1.TopologySelectorTerm{
		{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}
}

// snapshot judges the policies and registers that are there.
func (b *bench) snapshot(t *testing.T) {
	t.Helper()
	policies, registers := &v1alpha1.ResidencyPolicyList{}, &v1alpha1.DataRegisterList{}
	if err := errors.Join(b.Client.List(t.Context(), policies), b.Client.List(t.Context(), registers)); err != nil {
		t.Fatal(err)
	}
	b.Snapshots.Store(residency.Build(residency.Input{Policies: policies.Items, Registers: residency.RegistersOf(registers.Items), Stores: register.StoresOf(registers.Items),
		Classes: []storagev1.StorageClass{class("paris", "eu-west-3"), class("london", "eu-west-2")}, Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}}, On: "2026-11-24"}))
}

// pass scans once and returns what was written.
func (b *bench) pass(t *testing.T) int {
	t.Helper()
	before := b.writes
	if _, err := b.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Fatal(err)
	}
	return b.writes - before
}

func (b *bench) reports(t *testing.T, kind schema.GroupVersionKind) []unstructured.Unstructured {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := b.Client.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestNothingIsScannedBeforeTheClusterWasJudged(t *testing.T) {
	b := newBench(t)
	b.Snapshots.Store(nil)
	if b.pass(t) != 0 || b.Scans.Load() != nil {
		t.Error("something was scanned")
	}
}

func TestASuspectedBreachIsOpenedOnceAndStaysWithThePeople(t *testing.T) {
	b := newBench(t)
	if written := b.pass(t); written != 1 {
		t.Fatalf("%d writes", written)
	}
	incidents := &v1alpha1.BreachIncidentList{}
	if err := b.Client.List(t.Context(), incidents); err != nil || len(incidents.Items) != 1 {
		t.Fatalf("%v, %v", incidents.Items, err)
	}
	incident := &incidents.Items[0]
	if incident.Namespace != "shop" || incident.Spec.Verdict != v1alpha1.BreachSuspected || incident.Spec.Affected[0].Name != "pv-data" {
		t.Errorf("%+v", incident)
	}
	incident.Spec.Verdict, incident.Spec.VerdictReason = v1alpha1.BreachDismissed, "a test volume without data"
	if err := b.Client.Update(t.Context(), incident); err != nil {
		t.Fatal(err)
	}
	b.clock.SetTime(noon.Add(sweepEvery))
	if written := b.pass(t); written != 0 {
		t.Errorf("a second pass wrote %d times", written)
	}
}

func TestWhoListensHearsOfWhatIsNew(t *testing.T) {
	b := newBench(t)
	heard := b.Listen()
	b.pass(t)
	if len(heard) != 1 {
		t.Fatal("nobody was told")
	}
	<-heard
	b.pass(t)
	if len(heard) != 0 {
		t.Error("told of nothing")
	}
	if err := b.Client.Create(t.Context(), claim("second", "london")); err != nil {
		t.Fatal(err)
	}
	b.pass(t)
	b.pass(t)
	if len(heard) != 1 {
		t.Error("nobody was told of a second finding")
	}
}

func TestReportsAreOfOneAPIAndOnlyWrittenWhenTheyChange(t *testing.T) {
	b := newBench(t, policyReports)
	if written := b.pass(t); written != 2 { // the incident, and the report
		t.Fatalf("%d writes", written)
	}
	old := b.reports(t, policyReports)
	summary, _, err := unstructured.NestedMap(old[0].Object, "summary")
	if err != nil || len(old) != 1 || old[0].GetName() != "rempart-residency-eu-only" || old[0].GetOwnerReferences()[0].UID != "u1" || summary["fail"] != int64(2) || summary["pass"] != int64(2) {
		t.Fatalf("%v, %v", old, err)
	}
	for range 2 {
		b.clock.SetTime(b.clock.Now().Add(sweepEvery))
		if written := b.pass(t); written != 0 {
			t.Fatalf("a sweep wrote %d times", written)
		}
	}

	b.mapper.Add(openReports, meta.RESTScopeNamespace) // the better API is installed later
	b.clock.SetTime(b.clock.Now().Add(sweepEvery))
	if written := b.pass(t); written != 2 || len(b.reports(t, openReports)) != 1 || len(b.reports(t, policyReports)) != 0 {
		t.Errorf("%d writes, %d and %d reports", written, len(b.reports(t, openReports)), len(b.reports(t, policyReports)))
	}

	edited := b.reports(t, openReports)[0]
	if err := unstructured.SetNestedField(edited.Object, int64(0), "summary", "fail"); err != nil {
		t.Fatal(err)
	}
	if err := b.Client.Update(t.Context(), &edited); err != nil {
		t.Fatal(err)
	}
	b.clock.SetTime(b.clock.Now().Add(sweepEvery))
	if written := b.pass(t); written != 1 {
		t.Errorf("an edited report was written %d times", written)
	}
	stranger := edited.DeepCopy()
	stranger.SetName("other")
	stranger.SetLabels(nil)
	stranger.SetResourceVersion("")
	if err := b.Client.Create(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Client.Delete(t.Context(), claim("cache", "london")), b.Client.Delete(t.Context(), claim("data-crm-main-0", "paris")),
		b.Client.Delete(t.Context(), volume("pv-data", "", "")), b.Client.Delete(t.Context(), volume("pv-cache", "", ""))); err != nil {
		t.Fatal(err)
	}
	b.pass(t)
	if left := b.reports(t, openReports); len(left) != 1 || left[0].GetName() != "other" {
		t.Errorf("left %v", left)
	}
}

func TestOneFailureDoesNotKeepTheRestFromBeingWritten(t *testing.T) {
	b := newBench(t, openReports)
	heard := b.Listen()
	b.refuse = errors.New("no")
	if _, err := b.Reconcile(t.Context(), reconcile.Request{}); err == nil {
		t.Error("a failure was forgotten")
	}
	if len(heard) != 1 || b.Scans.Load() == nil {
		t.Error("what was found is lost")
	}
	b.refuse = nil
	if written := b.pass(t); written != 2 {
		t.Errorf("%d writes after the failure", written)
	}
}

func TestAScanComesWhenAnExceptionEnds(t *testing.T) {
	end := metav1.NewTime(noon.Add(3 * time.Minute))
	scene := residency.Scene{Now: noon, Policies: []v1alpha1.ResidencyPolicy{{Spec: v1alpha1.ResidencyPolicySpec{Exceptions: []v1alpha1.ResidencyException{{ExpiresTime: &end}}}}}}
	if got := untilNext(scene); got != 3*time.Minute {
		t.Errorf("waits %v", got)
	}
	if got := untilNext(residency.Scene{Now: noon}); got != sweepEvery {
		t.Errorf("waits %v", got)
	}
}

func TestAGaugePerPolicyAndRule(t *testing.T) {
	b := newBench(t)
	if got := samples(b.Scans.Load()); len(got) != 0 {
		t.Errorf("%v before a scan", got)
	}
	b.pass(t)
	found := map[string]float64{}
	for _, sample := range samples(b.Scans.Load()) {
		found[sample.Labels[0]+" "+sample.Labels[1]] = sample.Value
	}
	if len(found) != 6 || found["eu-only storage-class"] != 1 || found["eu-only volume"] != 1 || found["eu-only node"] != 0 {
		t.Errorf("%v", found)
	}
}

func TestOnlyWhatAVerdictRestsOnAsksForAScan(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{"a": "b"}}, Spec: corev1.PodSpec{NodeName: "n"}}
	running := pod.DeepCopy()
	running.Status.Phase, running.Annotations = corev1.PodRunning, map[string]string{"x": "y"}
	moved := pod.DeepCopy()
	moved.Spec.NodeName = "m"
	over := pod.DeepCopy()
	over.Status.Phase = corev1.PodSucceeded
	for name, test := range map[string]struct {
		now  *corev1.Pod
		want bool
	}{"running": {running, false}, "on another node": {moved, true}, "over": {over, true}} {
		if got := podMoved.Update(event.UpdateEvent{ObjectOld: pod, ObjectNew: test.now}); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	bound := claim("c", "paris")
	bound.Status.Phase = corev1.ClaimBound
	if claimChanged.Update(event.UpdateEvent{ObjectOld: claim("c", "paris"), ObjectNew: bound}) || !claimChanged.Update(event.UpdateEvent{ObjectOld: claim("c", "paris"), ObjectNew: claim("c", "london")}) {
		t.Error("claims")
	}
	released := volume("v", "eu-west-3", "c")
	released.Status.Phase = corev1.VolumeReleased
	if volumeChanged.Update(event.UpdateEvent{ObjectOld: volume("v", "eu-west-3", "c"), ObjectNew: released}) || !volumeChanged.Update(event.UpdateEvent{ObjectOld: volume("v", "eu-west-3", "c"), ObjectNew: volume("v", "us-east-1", "c")}) {
		t.Error("volumes")
	}
}

func TestServicesAskForAScanOnlyWhileTheyStandForAHost(t *testing.T) {
	service := func(kind corev1.ServiceType, host string) *corev1.Service {
		return &corev1.Service{Spec: corev1.ServiceSpec{Type: kind, ExternalName: host}}
	}
	plain, away, other := service(corev1.ServiceTypeClusterIP, ""), service(corev1.ServiceTypeExternalName, "a.example.com"), service(corev1.ServiceTypeExternalName, "b.example.com")
	alias := service(corev1.ServiceTypeExternalName, "b.shop.svc")
	for object, want := range map[*corev1.Service]bool{plain: false, away: true, alias: false} {
		if redirected.Create(event.CreateEvent{Object: object}) != want || redirected.Delete(event.DeleteEvent{Object: object}) != want {
			t.Errorf("%+v", object.Spec)
		}
	}
	for name, test := range map[string]struct {
		old, now *corev1.Service
		want     bool
	}{"plain": {plain, alias, false}, "turned": {plain, away, true}, "turned back": {away, alias, true}, "another host": {away, other, true}, "the same": {away, away.DeepCopy(), false}} {
		if redirected.Update(event.UpdateEvent{ObjectOld: test.old, ObjectNew: test.now}) != test.want {
			t.Error(name)
		}
	}
}

func TestOfAPodOnlyWhatIsReadIsKept(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p", UID: "u", Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"big": "text"}},
		Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "c"}}, Volumes: []corev1.Volume{
			{Name: "secret", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{}}},
			{Name: "share", VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.example.com"}}},
			{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	lean, err := Lean(pod)
	if err != nil {
		t.Fatal(err)
	}
	got := lean.(*corev1.Pod)
	if got.Name != "p" || got.Spec.NodeName != "n" || got.Labels["a"] != "b" || len(got.Spec.Volumes) != 2 || len(got.Spec.Containers) != 0 || got.Annotations != nil || got.Status.Phase != corev1.PodRunning {
		t.Errorf("%+v", got)
	}
	if other, err := Lean("tombstone"); err != nil || other != "tombstone" {
		t.Error("what is no pod is changed")
	}
}
