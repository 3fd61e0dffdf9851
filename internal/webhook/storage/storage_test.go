package storage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
)

func scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func class(name, region string) storagev1.StorageClass {
	return storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: []corev1.TopologySelectorTerm{
		{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}
}

// world has a register in namespace shop, an audited namespace lab, and an unguarded one.
func world() residency.Input {
	return residency.Input{
		Policies: []v1alpha1.ResidencyPolicy{
			{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: v1alpha1.EnforcementEnforce, Role: v1alpha1.PolicyRoleDefault,
				Namespaces: v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesSelected, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"data": "personal"}}}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "watch"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: v1alpha1.EnforcementAudit, Role: v1alpha1.PolicyRoleNamed,
				Namespaces: v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesSelected, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"data": "maybe"}}}}},
		},
		Classes: []storagev1.StorageClass{class("paris", "eu-west-3"), class("london", "eu-west-2")},
		Namespaces: []corev1.Namespace{
			{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, {ObjectMeta: metav1.ObjectMeta{Name: "free"}},
			{ObjectMeta: metav1.ObjectMeta{Name: "lab", Labels: map[string]string{"data": "maybe"}}},
		},
		Registers: []residency.Register{{Namespace: "shop", Name: "crm"}}, On: "2026-11-24", OperatorNamespace: "rempart-system",
	}
}

func handler(t testing.TB, in residency.Input, live ...client.Object) *Handler {
	t.Helper()
	holder := &residency.Holder{}
	holder.Store(residency.Build(in))
	live = append(live, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "free"}})
	return New(reading(t, holder, live...))
}

func reading(t testing.TB, holder *residency.Holder, live ...client.Object) lookup.World {
	t.Helper()
	reader := fake.NewClientBuilder().WithScheme(scheme(t)).WithObjects(live...).Build()
	return lookup.World{Snapshots: holder, Live: reader, Cached: reader, Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)), OperatorNamespace: "rempart-system"}
}

func request(t testing.TB, operation admissionv1.Operation, kind metav1.GroupVersionKind, namespace string, object, old any) admission.Request {
	t.Helper()
	raw := func(o any) runtime.RawExtension {
		if o == nil {
			return runtime.RawExtension{}
		}
		content, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return runtime.RawExtension{Raw: content}
	}
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: operation, Kind: kind, Namespace: namespace, Name: "data", Object: raw(object), OldObject: raw(old)}}
}

var (
	claimKind = metav1.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"}
	create    = admissionv1.Create
)

// pvc makes a claim; annotation "-" stands for none, class "-" for none.
func pvc(class, annotation, size string) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, ObjectMeta: metav1.ObjectMeta{Name: "data"}}
	if class != "-" {
		claim.Spec.StorageClassName = &class
	}
	if annotation != "-" {
		claim.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: annotation}
	}
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	return claim
}

func TestClaimsAreJudgedByTheClassThatCounts(t *testing.T) {
	for name, test := range map[string]struct {
		namespace string
		object    *corev1.PersistentVolumeClaim
		old       *corev1.PersistentVolumeClaim
		refused   string // part of the message; empty: allowed
		warned    bool
	}{
		"an allowed class":                   {"shop", pvc("paris", "-", "1Gi"), nil, "", false},
		"a class abroad":                     {"shop", pvc("london", "-", "1Gi"), nil, `class "london" provisions in aws eu-west-2 (GB, Adequate)`, false},
		"the annotation wins":                {"shop", pvc("paris", "london", "1Gi"), nil, "eu-west-2", false},
		"the annotation wins, the other way": {"shop", pvc("london", "paris", "1Gi"), nil, "", false},
		"an empty annotation wins":           {"shop", pvc("paris", "", "1Gi"), nil, "the empty class", false},
		"the empty class":                    {"shop", pvc("", "-", "1Gi"), nil, "the empty class", false},
		"no class and no default":            {"shop", pvc("-", "-", "1Gi"), nil, "the cluster has no default one", false},
		"a class that does not exist":        {"shop", pvc("gone", "-", "1Gi"), nil, `"gone" does not exist`, false},
		"a namespace that nothing guards":    {"free", pvc("london", "-", "1Gi"), nil, "", false},
		"an audited namespace":               {"lab", pvc("london", "-", "1Gi"), nil, "", true},
		"an annotation gained later":         {"shop", pvc("paris", "london", "1Gi"), pvc("paris", "-", "1Gi"), "eu-west-2", false},
		"a class assigned later":             {"shop", pvc("london", "-", "1Gi"), pvc("-", "-", "1Gi"), "eu-west-2", false},
		"growth in a class abroad":           {"shop", pvc("london", "-", "2Gi"), pvc("london", "-", "1Gi"), "eu-west-2", false},
		"growth in an allowed class":         {"shop", pvc("paris", "-", "2Gi"), pvc("paris", "-", "1Gi"), "", false},
		"cleanup of what was there before":   {"shop", pvc("london", "-", "1Gi"), pvc("london", "-", "1Gi"), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			operation := create
			var old any
			if test.old != nil {
				operation, old = admissionv1.Update, test.old
			}
			got := handler(t, world()).Handle(t.Context(), request(t, operation, claimKind, test.namespace, test.object, old))
			if got.Allowed != (test.refused == "") {
				t.Fatalf("allowed %t: %+v", got.Allowed, got.Result)
			}
			if test.refused != "" && (!strings.Contains(got.Result.Message, test.refused) || got.Result.Code != http.StatusForbidden) {
				t.Errorf("%d %s", got.Result.Code, got.Result.Message)
			}
			if (len(got.Warnings) > 0) != test.warned {
				t.Errorf("warnings %q", got.Warnings)
			}
		})
	}
}

func TestEveryWorkloadThatMakesClaimsIsJudged(t *testing.T) {
	volume := func(class string) corev1.PodSpec {
		return corev1.PodSpec{Volumes: []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{
			VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}}}}}}}
	}
	template := func(class string) corev1.PodTemplateSpec { return corev1.PodTemplateSpec{Spec: volume(class)} }
	for _, test := range []struct {
		kind   metav1.GroupVersionKind
		object func(class string) any
	}{
		{metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, func(c string) any { return corev1.Pod{Spec: volume(c)} }},
		{metav1.GroupVersionKind{Version: "v1", Kind: "ReplicationController"}, func(c string) any {
			spec := template(c)
			return corev1.ReplicationController{Spec: corev1.ReplicationControllerSpec{Template: &spec}}
		}},
		{metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, func(c string) any { return appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: template(c)}} }},
		{metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSet"}, func(c string) any { return appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Template: template(c)}} }},
		{metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"}, func(c string) any { return appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: template(c)}} }},
		{metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "StatefulSet"}, func(c string) any {
			return appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{VolumeClaimTemplates: []corev1.PersistentVolumeClaim{*pvc(c, "-", "1Gi")}}}
		}},
		{metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "StatefulSet"}, func(c string) any {
			return appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{VolumeClaimTemplates: []corev1.PersistentVolumeClaim{*pvc("paris", c, "1Gi")}}}
		}},
		{metav1.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}, func(c string) any { return batchv1.Job{Spec: batchv1.JobSpec{Template: template(c)}} }},
		{metav1.GroupVersionKind{Group: "batch", Version: "v1", Kind: "CronJob"}, func(c string) any {
			return batchv1.CronJob{Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template(c)}}}}
		}},
	} {
		t.Run(test.kind.Kind, func(t *testing.T) {
			h := handler(t, world())
			if got := h.Handle(t.Context(), request(t, create, test.kind, "shop", test.object("paris"), nil)); !got.Allowed {
				t.Errorf("an allowed class: %s", got.Result.Message)
			}
			if got := h.Handle(t.Context(), request(t, create, test.kind, "shop", test.object("london"), nil)); got.Allowed || !strings.Contains(got.Result.Message, "eu-west-2") {
				t.Errorf("a class abroad: %+v", got.Result)
			}
			if got := h.Handle(t.Context(), request(t, admissionv1.Update, test.kind, "shop", test.object("london"), test.object("london"))); !got.Allowed {
				t.Errorf("an update that changes nothing judged: %s", got.Result.Message)
			}
			if got := h.Handle(t.Context(), request(t, admissionv1.Update, test.kind, "shop", test.object("london"), test.object("paris"))); got.Allowed {
				t.Error("a move abroad passed")
			}
		})
	}
}

func TestTheDefaultClassIsNamedAsSuch(t *testing.T) {
	in := world()
	in.Classes[1].Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	for _, object := range []*corev1.PersistentVolumeClaim{pvc("-", "-", "1Gi"), pvc("london", "-", "1Gi")} {
		got := handler(t, in).Handle(t.Context(), request(t, create, claimKind, "shop", object, nil))
		if got.Allowed || !strings.Contains(got.Result.Message, "default class") {
			t.Errorf("%+v", got.Result)
		}
	}
}

func TestAClassThatTheSnapshotDoesNotHaveIsReadLive(t *testing.T) {
	newParis, newLondon := class("new-paris", "eu-west-3"), class("new-london", "eu-west-2")
	h := handler(t, world(), &newParis, &newLondon)
	if got := h.Handle(t.Context(), request(t, create, claimKind, "shop", pvc("new-paris", "-", "1Gi"), nil)); !got.Allowed {
		t.Errorf("%+v", got.Result)
	}
	if got := h.Handle(t.Context(), request(t, create, claimKind, "shop", pvc("new-london", "-", "1Gi"), nil)); got.Allowed {
		t.Error("a class abroad passed")
	}
}

func TestARegisterThatTheSnapshotDoesNotHaveGuardsAtOnce(t *testing.T) {
	register := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "free", Name: "new"}}
	got := handler(t, world(), register, ptr(class("london", "eu-west-2"))).Handle(t.Context(), request(t, create, claimKind, "free", pvc("london", "-", "1Gi"), nil))
	if got.Allowed {
		t.Error("a class abroad passed beside a new register")
	}
}

func TestAPolicyThatTheSnapshotDoesNotHaveCountsBeforeARefusal(t *testing.T) {
	in := world()
	in.Policies = nil // the register is known, its policy is not: the built-in one would refuse London
	allows := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "wide"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Default",
		Allowed: v1alpha1.AllowedPlaces{Zones: []v1alpha1.AllowedZone{"EU", "Adequate"}}}}
	london := class("london", "eu-west-2")
	h := handler(t, in, allows, &london, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		&v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}})
	if got := h.Handle(t.Context(), request(t, create, claimKind, "shop", pvc("london", "-", "1Gi"), nil)); !got.Allowed {
		t.Errorf("%+v", got.Result)
	}
}

func ptr[T any](v T) *T { return &v }

func TestNothingIsJudgedBeforeTheClusterWasRead(t *testing.T) {
	h := New(reading(t, &residency.Holder{}))
	got := h.Handle(t.Context(), request(t, create, claimKind, "shop", pvc("paris", "-", "1Gi"), nil))
	if got.Allowed || got.Result.Code != http.StatusServiceUnavailable {
		t.Errorf("%+v", got.Result)
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	h := handler(t, world())
	for _, raw := range []string{"", "null", "[]", `{"spec": 1}`, `{"kind":"Pod","apiVersion":"v1"`} {
		got := h.Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: create, Kind: claimKind, Namespace: "shop", Object: runtime.RawExtension{Raw: []byte(raw)}}})
		if got.Allowed {
			t.Errorf("%q passed", raw)
		}
	}
	if got := h.Handle(t.Context(), request(t, create, metav1.GroupVersionKind{Kind: "Secret"}, "shop", pvc("paris", "-", "1Gi"), nil)); got.Allowed {
		t.Error("a kind that nobody knows passed")
	}
}

func FuzzHandler(f *testing.F) {
	f.Add([]byte(`{"spec":{"storageClassName":"london"}}`), "PersistentVolumeClaim", "")
	f.Add([]byte(`{"spec":{"volumes":[{"name":"a","ephemeral":{}}]}}`), "Pod", "")
	f.Add([]byte(`{"spec":{"template":null}}`), "StatefulSet", "apps")
	f.Add([]byte(`{"metadata":{"annotations":{"volume.kubernetes.io/selected-node":"n"}},"spec":{"volumeName":"v","volumeAttributesClassName":"a","dataSourceRef":{"kind":"VolumeSnapshot","apiGroup":"snapshot.storage.k8s.io","name":"s"}}}`), "PersistentVolumeClaim", "")
	f.Add([]byte(`{"spec":{"volumes":[{"name":"a","csi":{"driver":""}},{"name":"b","iscsi":{}}]}}`), "Pod", "")
	h := handler(f, world())
	f.Fuzz(func(t *testing.T, raw []byte, kind, group string) {
		got := h.Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: create, Namespace: "shop",
			Kind: metav1.GroupVersionKind{Group: group, Version: "v1", Kind: kind}, Object: runtime.RawExtension{Raw: raw}}})
		if !got.Allowed && got.Result == nil {
			t.Error("refused without a reason")
		}
	})
}

func BenchmarkStorageHandler(b *testing.B) {
	for _, registers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("registers=%d", registers), func(b *testing.B) {
			in := world()
			for i := range registers - 1 {
				name := fmt.Sprintf("ns-%d", i)
				in.Namespaces = append(in.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
				in.Registers = append(in.Registers, residency.Register{Namespace: name, Name: "r"})
			}
			h, req := handler(b, in), request(b, create, claimKind, "shop", pvc("paris", "-", "1Gi"), nil)
			b.ReportAllocs()
			for b.Loop() {
				if !h.Handle(b.Context(), req).Allowed {
					b.Fatal("refused")
				}
			}
		})
	}
}
