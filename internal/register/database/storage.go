package database

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Growth returns the size to which a database's volume must grow; false when it is large enough, or not there.
func Growth(m *v1alpha1.ManagedStore, claim *corev1.PersistentVolumeClaim) (resource.Quantity, bool) {
	if m == nil || claim == nil {
		return resource.Quantity{}, false
	}
	has := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	return m.Storage.Size, m.Storage.Size.Cmp(has) > 0
}

// StorageTrouble says what no change of a volume can bring about: less storage, another class, or a growth that the API
// server refused. Whose is the subject of a sentence, such as `Store "main"`. Empty when all is well.
func StorageTrouble(whose string, m *v1alpha1.ManagedStore, claim *corev1.PersistentVolumeClaim, growthRefused bool) (reason, message string) {
	if m == nil || claim == nil {
		return "", ""
	}
	has, wanted := claim.Spec.Resources.Requests[corev1.ResourceStorage], m.Storage.Size
	class := claim.Spec.StorageClassName
	switch {
	case wanted.Cmp(has) < 0:
		return v1alpha1.ReasonStorageShrunk, fmt.Sprintf(
			"%s has a volume of %s, and the spec asks for %s; a volume cannot shrink: ask for at least %s", whose, has.String(), wanted.String(), has.String())
	case class != nil && *class != string(m.Storage.StorageClassName):
		return v1alpha1.ReasonStorageClassChanged, fmt.Sprintf(
			"%s has a volume of class %q, and the spec asks for %q; a volume cannot change its class: name %q, or move the data to another store",
			whose, *class, m.Storage.StorageClassName, *class)
	case growthRefused:
		return v1alpha1.ReasonStorageNotExpandable, fmt.Sprintf(
			"%s has a volume that cannot grow to %s: StorageClass %q must allow expansion and be allowed by the residency policy, and the claim must be bound",
			whose, wanted.String(), m.Storage.StorageClassName)
	default:
		return "", ""
	}
}
