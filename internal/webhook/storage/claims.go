package storage

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lean"
)

// claim is a wish for storage, wherever it is written.
type claim struct {
	// field is its path within the object.
	field string
	// class that counts; nil when none is named.
	class *string
	// bytes that are asked for.
	bytes int64
	// template is whether a claim will be made of it, and is not made yet.
	template bool
}

// wishesOf finds every claim that an object makes or will make, what a claim ties itself to, and the volumes that pods
// bring.
func wishesOf(kind metav1.GroupVersionKind, raw runtime.RawExtension) (wishes, error) {
	switch kind.Group + "/" + kind.Kind {
	case "/PersistentVolumeClaim":
		return decoded(raw, func(o *corev1.PersistentVolumeClaim) wishes {
			return wishes{claims: []claim{claimOf("spec", o.Annotations, &o.Spec)}, links: linksOf(o), labels: o.Labels}
		})
	case "/Pod":
		return decoded(raw, func(o *corev1.Pod) wishes { return ofPods("spec", &o.Spec) })
	case "/ReplicationController":
		return decoded(raw, func(o *corev1.ReplicationController) wishes {
			if o.Spec.Template == nil {
				return wishes{}
			}
			return ofPods("spec.template.spec", &o.Spec.Template.Spec)
		})
	case "apps/Deployment":
		return decoded(raw, func(o *appsv1.Deployment) wishes { return ofPods("spec.template.spec", &o.Spec.Template.Spec) })
	case "apps/ReplicaSet":
		return decoded(raw, func(o *appsv1.ReplicaSet) wishes { return ofPods("spec.template.spec", &o.Spec.Template.Spec) })
	case "apps/DaemonSet":
		return decoded(raw, func(o *appsv1.DaemonSet) wishes { return ofPods("spec.template.spec", &o.Spec.Template.Spec) })
	case "apps/StatefulSet":
		return decoded(raw, ofStatefulSet)
	case "batch/Job":
		return decoded(raw, func(o *batchv1.Job) wishes { return ofPods("spec.template.spec", &o.Spec.Template.Spec) })
	case "batch/CronJob":
		return decoded(raw, func(o *batchv1.CronJob) wishes {
			return ofPods("spec.jobTemplate.spec.template.spec", &o.Spec.JobTemplate.Spec.Template.Spec)
		})
	default:
		return wishes{}, fmt.Errorf("reading a %s: its claims are not known", kind.Kind)
	}
}

func decoded[T any, P interface {
	*T
	runtime.Object
}](raw runtime.RawExtension, read func(P) wishes) (wishes, error) {
	object := P(new(T))
	if err := lean.Decode(raw, object); err != nil {
		return wishes{}, fmt.Errorf("decoding the object: %w", err)
	}
	return read(object), nil
}

func ofStatefulSet(o *appsv1.StatefulSet) wishes {
	w := ofPods("spec.template.spec", &o.Spec.Template.Spec)
	for i := range o.Spec.VolumeClaimTemplates {
		template := &o.Spec.VolumeClaimTemplates[i]
		w.claims = append(w.claims, templateOf("spec.volumeClaimTemplates["+template.Name+"]", template.Annotations, &template.Spec))
	}
	return w
}

// ofPods finds generic ephemeral volumes, of each of which a controller makes a claim, and the other volumes.
func ofPods(path string, spec *corev1.PodSpec) wishes {
	var w wishes
	for i := range spec.Volumes {
		volume := &spec.Volumes[i]
		field := path + ".volumes[" + volume.Name + "]"
		switch {
		case !residency.LiesWithThePod(&volume.VolumeSource):
			w.brought = append(w.brought, brought{field, volume})
		case volume.Ephemeral != nil && volume.Ephemeral.VolumeClaimTemplate != nil:
			template := volume.Ephemeral.VolumeClaimTemplate
			w.claims = append(w.claims, templateOf(field+".ephemeral.volumeClaimTemplate", template.Annotations, &template.Spec))
		}
	}
	return w
}

// claimOf reads the class that counts: the beta annotation wins over the field, even when it is empty.
func claimOf(field string, annotations map[string]string, spec *corev1.PersistentVolumeClaimSpec) claim {
	c := claim{field: field, class: spec.StorageClassName}
	if annotated, found := annotations[corev1.BetaStorageClassAnnotation]; found {
		c.class = &annotated
	}
	if size, found := spec.Resources.Requests[corev1.ResourceStorage]; found {
		c.bytes = size.Value()
	}
	return c
}

// templateOf reads a template of claims.
func templateOf(field string, annotations map[string]string, spec *corev1.PersistentVolumeClaimSpec) claim {
	c := claimOf(field, annotations, spec)
	c.template = true
	return c
}

// news returns the claims that an update adds, moves to another class, or lets grow. What was there before passes: an
// object that violates already can be cleaned up.
func news(claims, old []claim) []claim {
	if old == nil {
		return claims
	}
	before := make(map[string]claim, len(old))
	for _, c := range old {
		before[c.field] = c
	}
	var changed []claim
	for _, c := range claims {
		was, found := before[c.field]
		if !found || !same(c.class, was.class) || c.bytes > was.bytes {
			changed = append(changed, c)
		}
	}
	return changed
}

func same(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
