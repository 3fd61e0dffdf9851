package residency

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WorkloadsOf are what an object is, and what controls it. Labels are those of the pod or of its template. A Deployment
// controls its pods through a ReplicaSet that it names by its own name and the hash of the template.
func WorkloadsOf(kind string, object *metav1.ObjectMeta, labels map[string]string) []Workload {
	list := append(make([]Workload, 0, 3), Workload{Kind: kind, Name: object.Name})
	owner := metav1.GetControllerOfNoCopy(object)
	if owner == nil {
		return list
	}
	list = append(list, Workload{Kind: owner.Kind, Name: owner.Name})
	hash := labels[appsv1.DefaultDeploymentUniqueLabelKey]
	if name, cut := strings.CutSuffix(owner.Name, "-"+hash); owner.Kind == "ReplicaSet" && hash != "" && cut {
		list = append(list, Workload{Kind: "Deployment", Name: name})
	}
	return list
}

// TiesOf says what may tie a pod, or a template of pods, to registers, but for the labels of claims that exist.
func TiesOf(namespace string, labels map[string]string, volumes []corev1.Volume, workloads []Workload) Ties {
	t := Ties{Namespace: namespace, Labels: labels, Workloads: workloads}
	for i := range volumes {
		volume := &volumes[i]
		if volume.PersistentVolumeClaim != nil {
			t.Claims = append(t.Claims, volume.PersistentVolumeClaim.ClaimName)
		}
		if volume.Ephemeral != nil && volume.Ephemeral.VolumeClaimTemplate != nil {
			t.ClaimLabels = append(t.ClaimLabels, volume.Ephemeral.VolumeClaimTemplate.Labels)
		}
	}
	return t
}
