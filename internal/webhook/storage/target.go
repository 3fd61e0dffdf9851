package storage

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// targetOf is the object of a request, for exceptions, read when there is something to except; with it what made it, if a
// controller of Kubernetes says so: others could name any owner. An object that cannot be read is no exception.
func targetOf(req admission.Request) func() residency.Target {
	return func() residency.Target {
		object := &metav1.PartialObjectMetadata{}
		if json.Unmarshal(req.Object.Raw, object) != nil {
			return residency.Target{}
		}
		objects := residency.WorkloadsOf(req.Kind.Kind, &object.ObjectMeta, object.Labels)
		if !rights.IsController(req.UserInfo) {
			objects = objects[:1]
		}
		return residency.Target{Namespace: req.Namespace, Objects: objects}
	}
}

// targetOfVolume is a volume and the claim that it is reserved for, in whose namespace it counts.
func targetOfVolume(volume *corev1.PersistentVolume) func() residency.Target {
	return func() residency.Target {
		claim := volume.Spec.ClaimRef
		return residency.Target{Namespace: claim.Namespace, Objects: []residency.Workload{{Kind: "PersistentVolume", Name: volume.Name}, {Kind: "PersistentVolumeClaim", Name: claim.Name}}}
	}
}
