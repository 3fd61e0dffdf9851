package register

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/register/database"
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
		d := databaseOf(r, s, in.Regions, owned(r))
		children = append(children, d.Policy(), d.Service())
		if in.placeable(s) || (facts.StatefulSet != nil && len(in.Regions) > 0) {
			children = append(children, d.StatefulSet(facts.StatefulSet))
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

// storageTrouble says what no change of a volume can bring about.
func storageTrouble(s *v1alpha1.DataStore, facts Facts) condition.Objection {
	reason, message := database.StorageTrouble(fmt.Sprintf("Store %q", s.Name), s.Managed, facts.Claim, facts.GrowthRefused)
	return condition.Objection{Reason: reason, Message: message, Stalled: reason != ""}
}
