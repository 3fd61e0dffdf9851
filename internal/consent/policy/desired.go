package policy

import (
	"k8s.io/apimachinery/pkg/runtime"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// Desired returns the children that should exist, in the order in which they are written: what guards comes before what is
// guarded. The same Input always gives the same children. What runs already is never taken away because a policy became
// stricter or a name is missing: conditions say so, and a person decides. It then keeps the configuration that it has.
func Desired(in Input) ([]runtime.ApplyConfiguration, error) {
	if in.Register == nil { // whose residency policy places all that follows
		return nil, nil
	}
	owner := owned(in.Policy)
	var children []runtime.ApplyConfiguration
	if in.managedLedger() {
		db := databaseOf(in, owner)
		children = append(children, db.Policy(), db.Service())
		if in.placeable() || (in.StatefulSet != nil && len(in.Regions) > 0) {
			children = append(children, db.StatefulSet(in.StatefulSet))
		}
	}
	children = append(children, networkPolicy(in, owner), eraserPolicy(in, owner), eraserAccount(in, owner), service(in, owner), disruptionBudget(in, owner))
	if in.known() {
		text, err := in.Config()
		if err != nil {
			return nil, err
		}
		children = append(children, in.configSecret(text, owner))
	}
	children = append(children, in.Forgotten.secrets(in.Policy, owner)...)
	if (in.known() && in.placeable() && in.ledgerReady()) || (in.Deployment != nil && len(in.Regions) > 0) {
		children = append(children, deployment(in, owner))
	}
	if scales(in.Policy) {
		children = append(children, autoscaler(in, owner))
	}
	switch {
	case in.Policy.Spec.Service.Host == "":
	case !Routed(in.Policy):
		children = append(children, ingress(in, owner))
	case in.RoutesServed:
		children = append(children, route(in, owner))
	}
	return children, nil
}

// owned refers to the policy as the owner of a child.
func owned(p *v1alpha1.ConsentPolicy) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("ConsentPolicy").
		WithName(p.Name).WithUID(p.UID).WithController(true).WithBlockOwnerDeletion(true)
}

// databaseOf is the database of a managed ledger. Its StatefulSet always keeps the volume: the controller deletes it, when
// the policy goes and says so, and not before.
func databaseOf(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) database.Managed {
	p := in.Policy
	spec := *p.Spec.Service.Database.Managed
	spec.DeletionPolicy = v1alpha1.DeletionRetain
	return database.Managed{
		Name: DatabaseName(p.Name), Namespace: p.Namespace, Spec: &spec,
		Identity: identity(p.Name, ComponentDatabase), Labels: governed(p, labels(p.Name, ComponentDatabase)),
		AdminSecret: CredentialsName(p.Name, Admin), Affinity: register.Affinity(in.Regions),
		Clients: identity(p.Name, ComponentService), Owner: owner,
	}
}
