package admission

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/expect"
)

// newNodes makes a node in Paris and one in Virginia, once, and waits until the handlers know both.
func newNodes(t *testing.T) {
	t.Helper()
	for name, region := range map[string]string{"paris": "eu-west-3", "virginia": "us-east-1"} {
		err := admin.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelTopologyRegion: region}}})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	expect.Eventually(t, func() error {
		policy := &v1alpha1.ResidencyPolicy{}
		if err := admin.Get(t.Context(), client.ObjectKey{Name: "eu-only"}, policy); err != nil {
			return err
		}
		if nodes := policy.Status.Nodes; ptr.Deref(nodes.Allowed, 0) != 1 || ptr.Deref(nodes.Denied, 0) != 1 {
			return fmt.Errorf("nodes %+v", nodes)
		}
		return nil
	})
}

// governed makes a pod that carries the label of register crm.
func governed(namespace, name string, changes ...func(*corev1.PodSpec)) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: meta(namespace, name), Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}}}
	pod.Labels = map[string]string{"app": name, v1alpha1.LabelRegister: "crm"}
	for _, change := range changes {
		change(&pod.Spec)
	}
	return pod
}

func templateOf(pod *corev1.Pod) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pod.Labels}, Spec: pod.Spec}
}

func selecting(app string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
}

func abroad(spec *corev1.PodSpec) {
	spec.NodeSelector = map[string]string{corev1.LabelTopologyRegion: "us-east-1"}
}

func on(node string) func(*corev1.PodSpec) {
	return func(spec *corev1.PodSpec) { spec.NodeName = node }
}

// pinned expects that every term of the required affinity keeps the pod on allowed nodes.
func pinned(t *testing.T, spec *corev1.PodSpec, terms int) {
	t.Helper()
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil || spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		t.Error("not pinned")
		return
	}
	list := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	if len(list) != terms {
		t.Errorf("%d terms, want %d", len(list), terms)
	}
	for _, term := range list {
		ours := func(r corev1.NodeSelectorRequirement) bool {
			return (r.Key == corev1.LabelTopologyRegion && slices.Equal(r.Values, []string{"eu-west-3"})) || strings.HasPrefix(r.Key, "rempart.node-restriction.kubernetes.io/policy.")
		}
		if !slices.ContainsFunc(term.MatchExpressions, ours) {
			t.Errorf("a term is open: %+v", term)
		}
	}
}

// bind puts a pod on a node through pods/binding.
func bind(t *testing.T, c client.Client, namespace, pod, node string) error {
	t.Helper()
	return c.SubResource("binding").Create(t.Context(), &corev1.Pod{ObjectMeta: meta(namespace, pod)},
		&corev1.Binding{ObjectMeta: meta(namespace, pod), Target: corev1.ObjectReference{Kind: "Node", Name: node}})
}

func withRegister(t *testing.T, namespace string) {
	t.Helper()
	newNodes(t)
	newNamespace(t, namespace, map[string]string{"data": "personal"})
	guarded(t, namespace, "true")
	if err := admin.Create(t.Context(), newRegister(namespace, "crm", managedIn("eu-fast"))); err != nil {
		t.Fatal(err)
	}
}

func TestGovernedPodsArePinnedToAllowedNodes(t *testing.T) {
	withRegister(t, "pods")
	plain := governed("pods", "plain")
	expect.Accepted(t, admin.Create(t.Context(), plain))
	pinned(t, &plain.Spec, 1)

	alternatives := governed("pods", "alternatives", func(spec *corev1.PodSpec) {
		term := func(key, value string) corev1.NodeSelectorTerm {
			return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}}}}
		}
		spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{term(corev1.LabelTopologyRegion, "us-east-1"), term(corev1.LabelTopologyRegion, "eu-west-3")}}}}
	})
	expect.Accepted(t, admin.Create(t.Context(), alternatives))
	pinned(t, &alternatives.Spec, 2)

	mounting := governed("pods", "mounting", func(spec *corev1.PodSpec) {
		spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-crm-main-0"}}}}
	})
	mounting.Labels = nil
	expect.Accepted(t, admin.Create(t.Context(), mounting))
	pinned(t, &mounting.Spec, 1)

	rehearsed := governed("pods", "")
	rehearsed.GenerateName = "rehearsed-"
	expect.Accepted(t, admin.Create(t.Context(), rehearsed, client.DryRunAll))
	pinned(t, &rehearsed.Spec, 1)

	stranger := governed("pods", "stranger", on("virginia"))
	stranger.Labels = nil
	expect.Accepted(t, admin.Create(t.Context(), stranger))
	if stranger.Spec.Affinity != nil {
		t.Error("a pod that nobody governs was changed")
	}

	expect.Refused(t, admin.Create(t.Context(), governed("pods", "abroad", abroad)), "ResidencyPolicy eu-only, rule placement", "virginia", "us-east-1 (US, AdequatePartial)", "allowed: EU")
	expect.Refused(t, admin.Create(t.Context(), governed("pods", "preset", on("virginia"))), "us-east-1")
	expect.Refused(t, admin.Create(t.Context(), governed("pods", "preset", on("gone"))), "does not exist")
	expect.Accepted(t, admin.Create(t.Context(), governed("pods", "preset", on("paris"))))
}

func TestEveryPodIsPinnedWhereAPolicyPlacesAll(t *testing.T) {
	newNodes(t)
	newNamespace(t, "whole", map[string]string{"data": "whole"})
	guarded(t, "whole", "all")
	pod := governed("whole", "plain")
	pod.Labels = nil
	expect.Accepted(t, admin.Create(t.Context(), pod))
	pinned(t, &pod.Spec, 1)
	expect.Refused(t, admin.Create(t.Context(), claim("whole", "data", "us-fast")), "ResidencyPolicy whole")
}

func TestTemplatesArePinnedAndContradictionsRefused(t *testing.T) {
	withRegister(t, "templates")
	for kind, build := range map[string]func(name string, change ...func(*corev1.PodSpec)) (client.Object, *corev1.PodSpec){
		"deployment": func(name string, change ...func(*corev1.PodSpec)) (client.Object, *corev1.PodSpec) {
			o := &appsv1.Deployment{ObjectMeta: meta("templates", name), Spec: appsv1.DeploymentSpec{Selector: selecting(name), Template: templateOf(governed("", name, change...))}}
			return o, &o.Spec.Template.Spec
		},
		"statefulset": func(name string, change ...func(*corev1.PodSpec)) (client.Object, *corev1.PodSpec) {
			o := &appsv1.StatefulSet{ObjectMeta: meta("templates", name), Spec: appsv1.StatefulSetSpec{Selector: selecting(name), Template: templateOf(governed("", name, change...))}}
			return o, &o.Spec.Template.Spec
		},
		"daemonset": func(name string, change ...func(*corev1.PodSpec)) (client.Object, *corev1.PodSpec) {
			o := &appsv1.DaemonSet{ObjectMeta: meta("templates", name), Spec: appsv1.DaemonSetSpec{Selector: selecting(name), Template: templateOf(governed("", name, change...))}}
			return o, &o.Spec.Template.Spec
		},
		"replicaset": func(name string, change ...func(*corev1.PodSpec)) (client.Object, *corev1.PodSpec) {
			o := &appsv1.ReplicaSet{ObjectMeta: meta("templates", name), Spec: appsv1.ReplicaSetSpec{Selector: selecting(name), Template: templateOf(governed("", name, change...))}}
			return o, &o.Spec.Template.Spec
		},
		"replicationcontroller": func(name string, change ...func(*corev1.PodSpec)) (client.Object, *corev1.PodSpec) {
			template := templateOf(governed("", name, change...))
			o := &corev1.ReplicationController{ObjectMeta: meta("templates", name), Spec: corev1.ReplicationControllerSpec{Selector: map[string]string{"app": name}, Template: &template}}
			return o, &template.Spec
		},
		"job": func(name string, change ...func(*corev1.PodSpec)) (client.Object, *corev1.PodSpec) {
			o := &batchv1.Job{ObjectMeta: meta("templates", name), Spec: batchv1.JobSpec{Template: templateOf(governed("", name, append(change, never)...))}}
			return o, &o.Spec.Template.Spec
		},
		"cronjob": func(name string, change ...func(*corev1.PodSpec)) (client.Object, *corev1.PodSpec) {
			o := &batchv1.CronJob{ObjectMeta: meta("templates", name), Spec: batchv1.CronJobSpec{Schedule: "0 0 * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: templateOf(governed("", name, append(change, never)...))}}}}
			return o, &o.Spec.JobTemplate.Spec.Template.Spec
		},
	} {
		t.Run(kind, func(t *testing.T) {
			object, spec := build(kind)
			expect.Accepted(t, admin.Create(t.Context(), object))
			if rc, is := object.(*corev1.ReplicationController); is {
				spec = &rc.Spec.Template.Spec
			}
			pinned(t, spec, 1)
			object, _ = build(kind+"-abroad", abroad)
			expect.Refused(t, admin.Create(t.Context(), object), "rule placement", "us-east-1")
		})
	}
}

func never(spec *corev1.PodSpec) { spec.RestartPolicy = corev1.RestartPolicyNever }

func TestATemplateIsPinnedAgainOnlyWhenItChanges(t *testing.T) {
	withRegister(t, "again")
	older := &appsv1.Deployment{ObjectMeta: meta("again", "older"), Spec: appsv1.DeploymentSpec{Selector: selecting("older"), Template: templateOf(governed("", "older"))}}
	delete(older.Spec.Template.Labels, v1alpha1.LabelRegister)
	expect.Accepted(t, admin.Create(t.Context(), older))
	newer := &appsv1.Deployment{ObjectMeta: meta("again", "newer"), Spec: appsv1.DeploymentSpec{Selector: selecting("newer"), Template: templateOf(governed("", "newer"))}}
	expect.Accepted(t, admin.Create(t.Context(), newer))
	generation := newer.Generation
	newer.Spec.Template.Spec.Affinity = nil
	expect.Accepted(t, admin.Update(t.Context(), newer))
	pinned(t, &newer.Spec.Template.Spec, 1)
	if newer.Generation != generation {
		t.Error("a template that was pinned already was rolled out again")
	}
	older.Spec.Replicas = ptr.To[int32](3)
	expect.Accepted(t, admin.Update(t.Context(), older))
	if older.Spec.Template.Spec.Affinity != nil {
		t.Error("a template that nobody governs was changed")
	}
	older.Spec.Template.Labels[v1alpha1.LabelRegister] = "crm"
	expect.Accepted(t, admin.Update(t.Context(), older))
	pinned(t, &older.Spec.Template.Spec, 1)
	for _, patch := range []string{`{"spec":{"template":{"metadata":{"labels":{"gdpr.rempart.dev/register":null}}}}}`, `{"spec":{"template":{"metadata":{"labels":{"gdpr.rempart.dev/register":""}}}}}`} {
		expect.Refused(t, admin.Patch(t.Context(), older.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch))), "rule placement", "may not be taken off")
	}

	owned := &appsv1.ReplicaSet{ObjectMeta: meta("again", "owned"), Spec: appsv1.ReplicaSetSpec{Selector: selecting("owned"), Template: templateOf(governed("", "owned"))}}
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "older", UID: older.UID, Controller: ptr.To(true)}}
	expect.Accepted(t, admin.Create(t.Context(), owned))
	if owned.Spec.Template.Spec.Affinity != nil {
		t.Error("what a controller makes no longer equals what it makes it of")
	}
}

func TestGatedPodsAndSuspendedJobsCannotLeave(t *testing.T) {
	withRegister(t, "waiting")
	gated := governed("waiting", "gated", func(spec *corev1.PodSpec) {
		spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/wait"}}
	})
	expect.Accepted(t, admin.Create(t.Context(), gated))
	moved := gated.DeepCopy()
	abroad(&moved.Spec)
	expect.Refused(t, admin.Update(t.Context(), moved), "rule placement", "us-east-1")
	gated.Spec.NodeSelector = map[string]string{corev1.LabelTopologyRegion: "eu-west-3"}
	expect.Accepted(t, admin.Update(t.Context(), gated))

	job := &batchv1.Job{ObjectMeta: meta("waiting", "suspended"), Spec: batchv1.JobSpec{Suspend: ptr.To(true), Template: templateOf(governed("", "suspended", never))}}
	expect.Accepted(t, admin.Create(t.Context(), job))
	away := job.DeepCopy()
	abroad(&away.Spec.Template.Spec)
	expect.Refused(t, admin.Update(t.Context(), away), "rule placement", "us-east-1")
	job.Spec.Template.Spec.Affinity = nil
	expect.Accepted(t, admin.Update(t.Context(), job))
	pinned(t, &job.Spec.Template.Spec, 1)
}

func TestEveryPathThatBindsAndEveryPathThatStoresTheLabelIsJudged(t *testing.T) {
	withRegister(t, "paths")
	pod := governed("paths", "pod")
	expect.Accepted(t, admin.Create(t.Context(), pod))
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	legacy := func(node string) error {
		return clientset.CoreV1().RESTClient().Post().Namespace("paths").Resource("bindings").
			Body(&corev1.Binding{ObjectMeta: meta("paths", "pod"), Target: corev1.ObjectReference{Kind: "Node", Name: node}}).Do(t.Context()).Error()
	}
	for _, c := range []client.Client{admin, impersonating(t, "system:kube-scheduler")} {
		expect.Refused(t, bind(t, c, "paths", "pod", "virginia"), "rule placement", "us-east-1")
	}
	expect.Refused(t, bind(t, admin, "paths", "pod", "gone"), "does not exist")
	expect.Refused(t, legacy("virginia"), "rule placement", "us-east-1")
	for _, value := range []string{"null", `""`, `"other"`} {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"gdpr.rempart.dev/register":`+value+`}}}`))
		expect.Refused(t, admin.Patch(t.Context(), pod.DeepCopy(), patch), "may not be taken off")
		expect.Refused(t, admin.Status().Patch(t.Context(), pod.DeepCopy(), patch), "may not be taken off")
	}
	err = admin.SubResource("binding").Create(t.Context(), pod, &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Namespace: "paths", Name: "pod", Labels: map[string]string{v1alpha1.LabelRegister: "other"}},
		Target: corev1.ObjectReference{Kind: "Node", Name: "paris"}})
	expect.Refused(t, err, "a Binding may not change label")
	expect.Accepted(t, legacy("paris"))

	node := as(t, "system:node:virginia", "paths", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"create"}})
	static := governed("paths", "static", on("virginia"))
	static.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "hash"}
	expect.Refused(t, admin.Create(t.Context(), static.DeepCopy()), "us-east-1")
	expect.Accepted(t, node.Create(t.Context(), static))
	if static.Spec.Affinity != nil {
		t.Error("the mirror of a static pod was changed")
	}
}
