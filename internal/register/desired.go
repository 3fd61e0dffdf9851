package register

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Desired returns the children that should exist, in the order in which they are written: what guards a database comes
// before the database. The same Input always gives the same children. A database that exists is never taken away
// because a policy became stricter: Resident says so, and a person decides.
func Desired(in Input) []runtime.ApplyConfiguration {
	var children []runtime.ApplyConfiguration
	for i := range in.Register.Spec.Stores {
		children = append(children, in.childrenOf(&in.Register.Spec.Stores[i])...)
	}
	return children
}

func (in Input) childrenOf(s *v1alpha1.DataStore) []runtime.ApplyConfiguration {
	facts, r := in.Stores[string(s.Name)], in.Register
	children := []runtime.ApplyConfiguration{eraserPolicy(r, s, owned(r))}
	if s.Managed != nil {
		children = append(children, databasePolicy(r, s, owned(r)), service(r, s, owned(r)))
		if in.placeable(s) || (facts.StatefulSet != nil && len(in.Regions) > 0) {
			children = append(children, statefulSet(r, s, in.Regions, facts.StatefulSet, owned(r)))
		}
	}
	if input, scan := in.scan(s, owned(r)); scan != nil {
		children = append(children, input, scan)
	}
	return children
}

// owned refers to the register as the owner of a child.
func owned(r *v1alpha1.DataRegister) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("DataRegister").
		WithName(r.Name).WithUID(r.UID).WithController(true).WithBlockOwnerDeletion(true)
}

// Growth returns the size to which a managed store's volume must grow; false when it is large enough.
func Growth(s *v1alpha1.DataStore, claim *corev1.PersistentVolumeClaim) (resource.Quantity, bool) {
	if s.Managed == nil || claim == nil {
		return resource.Quantity{}, false
	}
	has := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	return s.Managed.Storage.Size, s.Managed.Storage.Size.Cmp(has) > 0
}

// storageTrouble says what no change of a volume can bring about: less storage, or another class.
func storageTrouble(s *v1alpha1.DataStore, facts Facts) objection {
	if s.Managed == nil || facts.Claim == nil {
		return objection{}
	}
	has := facts.Claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if wanted := s.Managed.Storage.Size; wanted.Cmp(has) < 0 {
		return objection{reason: v1alpha1.ReasonStorageShrunk, stalled: true, message: fmt.Sprintf(
			"Store %q has a volume of %s, and the spec asks for %s; a volume cannot shrink: ask for at least %s", s.Name, has.String(), wanted.String(), has.String())}
	}
	if class := facts.Claim.Spec.StorageClassName; class != nil && *class != string(s.Managed.Storage.StorageClassName) {
		return objection{reason: v1alpha1.ReasonStorageClassChanged, stalled: true, message: fmt.Sprintf(
			"Store %q has a volume of class %q, and the spec asks for %q; a volume cannot change its class: name %q, or move the data to another store",
			s.Name, *class, s.Managed.Storage.StorageClassName, *class)}
	}
	if facts.GrowthRefused {
		wanted := s.Managed.Storage.Size
		return objection{reason: v1alpha1.ReasonStorageNotExpandable, stalled: true, message: fmt.Sprintf(
			"The volume of store %q cannot grow to %s: StorageClass %q must allow expansion and be allowed by the residency policy, and the claim must be bound",
			s.Name, wanted.String(), s.Managed.Storage.StorageClassName)}
	}
	return objection{}
}
