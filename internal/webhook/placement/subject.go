package placement

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lean"
)

// subject is a pod, or a workload and its template of pods.
type subject struct {
	kind string
	// field is the path of the pod's spec within the object.
	field string
	// meta is of the object, labels are the pod's.
	meta   metav1.ObjectMeta
	labels map[string]string
	spec   *corev1.PodSpec
	// template of a workload; nil for a pod.
	template *corev1.PodTemplateSpec
	// claimLabels are of the claims that the object makes.
	claimLabels []map[string]string
	// made says that a controller of Kubernetes made the object: the owner that it names is true.
	made bool
}

// pod tells a pod from a template.
func (s *subject) pod() bool { return s.template == nil }

// controlled tells whether a controller made the object.
func (s *subject) controlled() bool { return metav1.GetControllerOf(&s.meta) != nil }

// required returns the required node affinity; nil when there is none.
func (s *subject) required() *corev1.NodeSelector {
	if s.spec.Affinity == nil || s.spec.Affinity.NodeAffinity == nil {
		return nil
	}
	return s.spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
}

// subjectOf reads a pod or a workload; nil when the workload has no template.
func subjectOf(kind metav1.GroupVersionKind, raw runtime.RawExtension) (*subject, error) {
	var s *subject
	var err error
	switch kind.Group + "/" + kind.Kind {
	case "/Pod":
		pod := &corev1.Pod{}
		err = lean.Decode(raw, pod)
		s = ofPod(pod)
	case "/ReplicationController":
		s, err = decoded(raw, func(o *corev1.ReplicationController) *corev1.PodTemplateSpec { return o.Spec.Template })
	case "apps/Deployment":
		s, err = decoded(raw, func(o *appsv1.Deployment) *corev1.PodTemplateSpec { return &o.Spec.Template })
	case "apps/ReplicaSet":
		s, err = decoded(raw, func(o *appsv1.ReplicaSet) *corev1.PodTemplateSpec { return &o.Spec.Template })
	case "apps/DaemonSet":
		s, err = decoded(raw, func(o *appsv1.DaemonSet) *corev1.PodTemplateSpec { return &o.Spec.Template })
	case "apps/StatefulSet":
		set := &appsv1.StatefulSet{}
		err = lean.Decode(raw, set)
		s = ofTemplate(set, &set.Spec.Template)
		for i := range set.Spec.VolumeClaimTemplates {
			s.claimLabels = append(s.claimLabels, set.Spec.VolumeClaimTemplates[i].Labels)
		}
	case "batch/Job":
		s, err = decoded(raw, func(o *batchv1.Job) *corev1.PodTemplateSpec { return &o.Spec.Template })
	case "batch/CronJob":
		s, err = decoded(raw, func(o *batchv1.CronJob) *corev1.PodTemplateSpec { return &o.Spec.JobTemplate.Spec.Template })
		if s != nil {
			s.field = "spec.jobTemplate.spec.template.spec"
		}
	default:
		return nil, fmt.Errorf("reading a %s: its pods are not known", kind.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("decoding the object: %w", err)
	}
	if s != nil {
		s.kind = kind.Kind
	}
	return s, nil
}

func decoded[T any, P interface {
	*T
	client.Object
}](raw runtime.RawExtension, template func(P) *corev1.PodTemplateSpec) (*subject, error) {
	object := P(new(T))
	if err := lean.Decode(raw, object); err != nil {
		return nil, err
	}
	return ofTemplate(object, template(object)), nil
}

func ofPod(pod *corev1.Pod) *subject {
	return &subject{kind: "Pod", field: "spec", meta: pod.ObjectMeta, labels: pod.Labels, spec: &pod.Spec}
}

func ofTemplate(object client.Object, template *corev1.PodTemplateSpec) *subject {
	if template == nil {
		return nil
	}
	s := &subject{field: "spec.template.spec", labels: template.Labels, spec: &template.Spec, template: template}
	s.meta = metav1.ObjectMeta{Name: object.GetName(), OwnerReferences: object.GetOwnerReferences()}
	return s
}

// ties says what may tie the subject to registers, but for the labels of claims that exist.
func (s *subject) ties(namespace string) residency.Ties {
	t := residency.TiesOf(namespace, s.labels, s.spec.Volumes, s.workloads())
	t.ClaimLabels = append(t.ClaimLabels, s.claimLabels...)
	return t
}

// workloads are what the subject is, and what controls it.
func (s *subject) workloads() []residency.Workload {
	return residency.WorkloadsOf(s.kind, &s.meta, s.labels)
}

// target is the subject, for exceptions; with it what made it, if that is sure.
func (s *subject) target(namespace string) residency.Target {
	objects := s.workloads()
	if !s.made {
		objects = objects[:1]
	}
	return residency.Target{Namespace: namespace, Objects: objects}
}

// moves are the rules that an exception must lift for the subject to run anywhere. A pod that names its node is not placed.
func (s *subject) moves() []string {
	if s.pod() && s.spec.NodeName != "" {
		return []string{residency.RulePlacement, residency.RuleNode}
	}
	return []string{residency.RulePlacement}
}

// moved tells whether an update of a template changes where its pods run, or who governs them.
func (s *subject) moved(old *subject) bool {
	return s.labels[v1alpha1.LabelRegister] != old.labels[v1alpha1.LabelRegister] || s.spec.NodeName != old.spec.NodeName ||
		!equality.Semantic.DeepEqual(s.spec.NodeSelector, old.spec.NodeSelector) || !equality.Semantic.DeepEqual(s.required(), old.required()) ||
		!equality.Semantic.DeepEqual(s.spec.Volumes, old.spec.Volumes)
}
