package placement

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
)

const ours = "rempart.node-restriction.kubernetes.io/policy.eu-only"

func scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func node(name, region string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelTopologyRegion: region}}}
}

func policy(name string, role v1alpha1.PolicyRole, enforcement v1alpha1.Enforcement, label string) v1alpha1.ResidencyPolicy {
	return v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: enforcement, Role: role, Provider: "aws",
		Namespaces: v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesSelected, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"data": label}}}}}
}

// handler knows register crm in shop, an audited namespace lab, one namespace that places every pod, and reads live what
// else is there.
func handler(t testing.TB, live ...client.Object) *Handler {
	t.Helper()
	paris := node("paris", "eu-west-3")
	paris.Labels[ours] = "Allowed"
	whole := policy("whole", v1alpha1.PolicyRoleNamed, v1alpha1.EnforcementEnforce, "whole")
	whole.Spec.Workloads.Scope = v1alpha1.WorkloadsAll
	holder := &residency.Holder{}
	holder.Store(residency.Build(residency.Input{
		Policies: []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, v1alpha1.EnforcementEnforce, "personal"),
			policy("watch", v1alpha1.PolicyRoleNamed, v1alpha1.EnforcementAudit, "maybe"), whole},
		Nodes: []corev1.Node{*paris, *node("virginia", "us-east-1")},
		Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, {ObjectMeta: metav1.ObjectMeta{Name: "lab", Labels: map[string]string{"data": "maybe"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "whole", Labels: map[string]string{"data": "whole"}}}},
		Registers: []residency.Register{{Namespace: "shop", Name: "crm"}, {Namespace: "lab", Name: "trial", Policy: "watch"}},
		Stores:    []residency.Store{{Namespace: "shop", Register: "crm", Claim: "data-crm-main-0"}},
		On:        "2026-11-24", OperatorNamespace: "rempart-system",
	}))
	for _, name := range []string{"shop", "free"} {
		live = append(live, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	reader := fake.NewClientBuilder().WithScheme(scheme(t)).WithObjects(live...).Build()
	return New(lookup.World{Snapshots: holder, Live: reader, Cached: reader,
		Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)), OperatorNamespace: "rempart-system"})
}

func raw(t testing.TB, object any) runtime.RawExtension {
	t.Helper()
	if object == nil {
		return runtime.RawExtension{}
	}
	content, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: content}
}

var podKind = metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}

func request(t testing.TB, kind metav1.GroupVersionKind, namespace string, object, old any) admission.Request {
	t.Helper()
	operation := admissionv1.Create
	if old != nil {
		operation = admissionv1.Update
	}
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: operation, Kind: kind, Namespace: namespace, Name: "x", Object: raw(t, object), OldObject: raw(t, old)}}
}

// pod makes a pod of register crm; changes come on top.
func pod(changes ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "x", Labels: map[string]string{v1alpha1.LabelRegister: "crm"}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}}}
	for _, change := range changes {
		change(p)
	}
	return p
}

func unlabelled(p *corev1.Pod) { p.Labels = nil }

func mounting(claim string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Labels = nil
		p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}}
	}
}

func on(node string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.NodeName = node } }

func in(region string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{corev1.LabelTopologyRegion: region} }
}

func gate(p *corev1.Pod) { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "wait"}} }

func mirror(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "hash"} }

func pinned(p *corev1.Pod) { require(&p.Spec, ours, "Allowed") }

func require(spec *corev1.PodSpec, key string, values ...string) {
	spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
		{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}}}}}}}
}

func TestPodsAreJudgedWhereTheyAreToRun(t *testing.T) {
	labelledClaim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "uploads", Labels: map[string]string{v1alpha1.LabelRegister: "crm"}}}
	standing := policy("eu-only", v1alpha1.PolicyRoleDefault, v1alpha1.EnforcementEnforce, "personal")
	bare := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cache"}}
	for name, test := range map[string]struct {
		namespace string
		now, old  *corev1.Pod
		refused   string // part of the message; empty: allowed
		warned    bool
	}{
		"pinned":                                   {"shop", pod(pinned), nil, "", false},
		"not pinned, whatever took it away":        {"shop", pod(), nil, "affinity that keeps the pod on allowed nodes is missing", false},
		"a selector abroad":                        {"shop", pod(pinned, in("us-east-1")), nil, `such as "virginia"`, false},
		"a node abroad":                            {"shop", pod(pinned, on("virginia")), nil, "us-east-1", false},
		"an allowed node":                          {"shop", pod(pinned, on("paris")), nil, "", false},
		"a node that does not exist":               {"shop", pod(pinned, on("gone")), nil, "does not exist", false},
		"a new node, allowed":                      {"shop", pod(pinned, on("lille")), nil, "", false},
		"a new node abroad":                        {"shop", pod(pinned, on("ohio")), nil, "us-east-2", false},
		"the claim of a store":                     {"shop", pod(mounting("data-crm-main-0"), on("virginia")), nil, "us-east-1", false},
		"a claim with the label":                   {"shop", pod(mounting("uploads"), on("virginia")), nil, "us-east-1", false},
		"a claim without the label":                {"shop", pod(mounting("cache"), on("virginia")), nil, "", false},
		"a claim that is not there":                {"shop", pod(mounting("later"), on("virginia")), nil, "", false},
		"nothing governs it":                       {"shop", pod(unlabelled, on("virginia")), nil, "", false},
		"every pod is placed":                      {"whole", pod(unlabelled, on("virginia")), nil, "ResidencyPolicy whole", false},
		"a label in a namespace without registers": {"free", pod(on("virginia")), nil, "us-east-1", false},
		"audited":                                  {"lab", pod(on("virginia"), func(p *corev1.Pod) { p.Labels[v1alpha1.LabelRegister] = "trial" }), nil, "", true},

		"the label removed":                 {"shop", pod(unlabelled, pinned), pod(pinned), "may not be taken off", false},
		"the label emptied":                 {"shop", pod(pinned, relabelled("")), pod(pinned), "may not be taken off", false},
		"the label of no register removed":  {"shop", pod(unlabelled), pod(relabelled("gone")), "", false},
		"the label given to a pinned pod":   {"shop", pod(pinned), pod(unlabelled, pinned), "", false},
		"the label given to a waiting pod":  {"shop", pod(), pod(unlabelled), "is missing", false},
		"the label given to a pod at home":  {"shop", pod(on("paris")), pod(unlabelled, on("paris")), "", false},
		"the label given to a pod abroad":   {"shop", pod(on("virginia")), pod(unlabelled, on("virginia")), "us-east-1", false},
		"another label, on a pod abroad":    {"shop", pod(on("virginia"), func(p *corev1.Pod) { p.Labels["a"] = "b" }), pod(on("virginia")), "", false},
		"a gated pod that becomes narrower": {"shop", pod(gate, pinned, in("eu-west-3")), pod(gate, pinned), "", false},
		"a gated pod that contradicts":      {"shop", pod(gate, pinned, in("us-east-1")), pod(gate, pinned), `such as "virginia"`, false},
		"a gated pod that stays":            {"shop", pod(gate, in("us-east-1")), pod(gate, in("us-east-1")), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			var old any
			if test.old != nil {
				old = test.old
			}
			got := handler(t, labelledClaim, bare, &standing, node("virginia", "us-east-1"), node("lille", "eu-west-3"), node("ohio", "us-east-2")).Handle(t.Context(), request(t, podKind, test.namespace, test.now, old))
			switch {
			case got.Allowed != (test.refused == ""):
				t.Fatalf("allowed %v: %+v", got.Allowed, got.Result)
			case !got.Allowed && (got.Result.Code != http.StatusForbidden || !strings.Contains(got.Result.Message, test.refused) || len(got.Result.Message) > 500):
				t.Errorf("%d %s", got.Result.Code, got.Result.Message)
			case (len(got.Warnings) > 0) != test.warned:
				t.Errorf("warnings %q", got.Warnings)
			}
		})
	}
}

func relabelled(register string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels = map[string]string{v1alpha1.LabelRegister: register} }
}

func TestAStaticPodPassesForItsNodeOnly(t *testing.T) {
	h, req := handler(t), request(t, podKind, "shop", pod(mirror, on("virginia")), nil)
	if got := h.Handle(t.Context(), req); got.Allowed {
		t.Error("a forged mirror passed")
	}
	req.UserInfo = authenticationv1.UserInfo{Username: "system:node:virginia"}
	if got := h.Handle(t.Context(), req); !got.Allowed {
		t.Errorf("%+v", got.Result)
	}
	if got := h.pin(t.Context(), req); !got.Allowed || len(got.Patches) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestBindingsAreJudgedByThePodAndTheNode(t *testing.T) {
	kind := metav1.GroupVersionKind{Version: "v1", Kind: "Binding"}
	named := func(name string, p *corev1.Pod) *corev1.Pod { p.Namespace, p.Name = "shop", name; return p }
	h := handler(t, named("governed", pod()), named("free", pod(unlabelled)), node("ohio", "us-east-2"))
	for name, test := range map[string]struct {
		pod, node string
		labels    map[string]string
		allowed   bool
	}{
		"an allowed node":           {"governed", "paris", nil, true},
		"a node abroad":             {"governed", "virginia", nil, false},
		"a new node abroad":         {"governed", "ohio", nil, false},
		"no such node":              {"governed", "gone", nil, false},
		"a pod that nobody governs": {"free", "virginia", nil, true},
		"no such pod":               {"gone", "virginia", nil, true},
		"a label that it changes":   {"governed", "paris", map[string]string{v1alpha1.LabelRegister: ""}, false},
		"labels of the node":        {"governed", "paris", map[string]string{corev1.LabelTopologyRegion: "eu-west-3"}, true},
	} {
		binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: test.pod, Labels: test.labels}, Target: corev1.ObjectReference{Kind: "Node", Name: test.node}}
		if got := h.Handle(t.Context(), request(t, kind, "shop", binding, nil)); got.Allowed != test.allowed {
			t.Errorf("%s: %v %+v", name, got.Allowed, got.Result)
		}
	}
}

// templates holds each kind around a template, and where the template's pod spec is.
var templates = map[string]struct {
	kind metav1.GroupVersionKind
	path string
	make func(corev1.PodTemplateSpec) client.Object
}{
	"ReplicationController": {metav1.GroupVersionKind{Version: "v1", Kind: "ReplicationController"}, "/spec/template/spec", func(s corev1.PodTemplateSpec) client.Object {
		return &corev1.ReplicationController{Spec: corev1.ReplicationControllerSpec{Template: &s}}
	}},
	"Deployment": {metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, "/spec/template/spec", func(s corev1.PodTemplateSpec) client.Object {
		return &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: s}}
	}},
	"ReplicaSet": {metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSet"}, "/spec/template/spec", func(s corev1.PodTemplateSpec) client.Object {
		return &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Template: s}}
	}},
	"DaemonSet": {metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"}, "/spec/template/spec", func(s corev1.PodTemplateSpec) client.Object {
		return &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: s}}
	}},
	"StatefulSet": {metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "StatefulSet"}, "/spec/template/spec", func(s corev1.PodTemplateSpec) client.Object {
		return &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Template: s}}
	}},
	"Job": {metav1.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}, "/spec/template/spec", func(s corev1.PodTemplateSpec) client.Object {
		return &batchv1.Job{Spec: batchv1.JobSpec{Template: s}}
	}},
	"CronJob": {metav1.GroupVersionKind{Group: "batch", Version: "v1", Kind: "CronJob"}, "/spec/jobTemplate/spec/template/spec", func(s corev1.PodTemplateSpec) client.Object {
		return &batchv1.CronJob{Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: s}}}}
	}},
}

func templateOf(p *corev1.Pod) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: p.Labels}, Spec: p.Spec}
}

func TestTemplatesAreJudgedAndPinned(t *testing.T) {
	for name, kind := range templates {
		t.Run(name, func(t *testing.T) {
			h := handler(t)
			of := func(changes ...func(*corev1.Pod)) client.Object { return kind.make(templateOf(pod(changes...))) }
			verdict := func(want bool, now, old client.Object) {
				t.Helper()
				var before any
				if old != nil {
					before = old
				}
				if got := h.Handle(t.Context(), request(t, kind.kind, "shop", now, before)); got.Allowed != want {
					t.Errorf("allowed %v: %+v", got.Allowed, got.Result)
				}
			}
			patched := func(path string, now, old client.Object) {
				t.Helper()
				var before any
				if old != nil {
					before = old
				}
				got := h.pin(t.Context(), request(t, kind.kind, "shop", now, before))
				if !got.Allowed || (len(got.Patches) > 0) != (path != "") || (path != "" && got.Patches[0].Path != kind.path+path) {
					t.Errorf("%+v", got)
				}
			}
			verdict(true, of(), nil)
			verdict(false, of(in("us-east-1")), nil)
			verdict(false, of(on("virginia")), nil)
			verdict(true, of(unlabelled, in("us-east-1")), nil)
			verdict(true, of(in("us-east-1"), image), of(in("us-east-1")))
			verdict(false, of(in("us-east-1")), of())
			verdict(false, of(unlabelled), of())
			verdict(false, of(relabelled("gone")), of())

			patched("/affinity", of(), nil)
			patched("", of(unlabelled), nil)
			patched("", of(), of())
			patched("/affinity", of(image), of(pinned))
			controlled := of()
			controlled.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "x", UID: "u", Controller: ptr.To(true)}})
			own := of(func(p *corev1.Pod) { require(&p.Spec, "disk", "ssd") })
			if name == "DaemonSet" {
				patched("/affinity", controlled, nil)
				patched("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution", own, nil)
			} else {
				patched("", controlled, nil)
				patched("", own, nil)
			}
		})
	}
}

func image(p *corev1.Pod) { p.Spec.Containers[0].Image = "newer" }

func TestPodsArePinnedInEveryTermAndOnce(t *testing.T) {
	h := handler(t)
	two := pod(func(p *corev1.Pod) {
		require(&p.Spec, "disk", "ssd")
		terms := &p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
		*terms = append(*terms, corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: "In", Values: []string{"paris"}}}})
	})
	got := h.pin(t.Context(), request(t, podKind, "shop", two, nil))
	if len(got.Patches) != 1 || strings.Count(text(t, got.Patches[0].Value), ours) != 2 {
		t.Fatalf("%+v", got)
	}
	for path, p := range map[string]*corev1.Pod{
		"/spec/affinity":              pod(),
		"/spec/affinity/nodeAffinity": pod(func(p *corev1.Pod) { p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{}} }),
		"/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution": pod(func(p *corev1.Pod) { p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}} }),
		"": pod(pinned),
	} {
		got := h.pin(t.Context(), request(t, podKind, "shop", p, nil))
		if (len(got.Patches) > 0) != (path != "") || (path != "" && got.Patches[0].Path != path) {
			t.Errorf("%q: %+v", path, got)
		}
	}
}

func text(t *testing.T, v any) string { t.Helper(); return string(raw(t, v).Raw) }

func TestNothingIsJudgedBeforeTheClusterWasRead(t *testing.T) {
	h := New(lookup.World{Snapshots: &residency.Holder{}})
	for _, handle := range []admission.Handler{h, h.Mutating()} {
		if got := handle.Handle(t.Context(), request(t, podKind, "shop", pod(), nil)); got.Allowed || got.Result.Code != http.StatusServiceUnavailable {
			t.Errorf("%+v", got)
		}
	}
}

func FuzzHandler(f *testing.F) {
	f.Add([]byte(`{"metadata":{"labels":{"gdpr.rempart.dev/register":"crm"}},"spec":{"nodeName":"virginia"}}`), "Pod", "")
	f.Add([]byte(`{"spec":{"template":null}}`), "ReplicationController", "")
	f.Add([]byte(`{"target":{"name":"virginia"}}`), "Binding", "")
	f.Add([]byte(`{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{}}}}}}}}}`), "CronJob", "batch")
	h := handler(f)
	f.Fuzz(func(t *testing.T, content []byte, kind, group string) {
		req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: admissionv1.Create, Namespace: "shop",
			Kind: metav1.GroupVersionKind{Group: group, Version: "v1", Kind: kind}, Object: runtime.RawExtension{Raw: content}}}
		for _, got := range []admission.Response{h.Handle(t.Context(), req), h.pin(t.Context(), req)} {
			if !got.Allowed && got.Result == nil {
				t.Error("refused without a reason")
			}
		}
	})
}

func BenchmarkPlacementHandler(b *testing.B) {
	h, req := handler(b), request(b, podKind, "shop", pod(pinned), nil)
	b.ReportAllocs()
	for b.Loop() {
		if !h.Handle(b.Context(), req).Allowed {
			b.Fatal("refused")
		}
	}
}
