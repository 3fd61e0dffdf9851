package register

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// identity labels and selects what belongs to a managed store.
func identity(register, store, component string) map[string]string {
	return map[string]string{v1alpha1.LabelRegister: register, v1alpha1.LabelStore: store, v1alpha1.LabelComponent: component}
}

// labels of a child are its identity, and who made it.
func labels(register, store, component string) map[string]string {
	all := identity(register, store, component)
	all[v1alpha1.LabelManagedBy] = v1alpha1.ManagedByRempart
	return all
}

// databaseOf is the database of a managed store. The register's own pods, the eraser's among them, may reach it.
func databaseOf(r *v1alpha1.DataRegister, s *v1alpha1.DataStore, regions []string, owner *metav1ac.OwnerReferenceApplyConfiguration) database.Managed {
	return database.Managed{
		Name: Name(r.Name, string(s.Name)), Namespace: r.Namespace, Spec: s.Managed,
		Identity: identity(r.Name, string(s.Name), job.ComponentDatabase), Labels: labels(r.Name, string(s.Name), job.ComponentDatabase),
		AdminSecret: SecretName(r.Name, string(s.Name), task.Admin), Affinity: Affinity(regions),
		Clients: map[string]string{v1alpha1.LabelRegister: r.Name}, Owner: owner,
	}
}
