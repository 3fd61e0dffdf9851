package consentpolicy

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// load reads each input once, so that every decision of this pass sees one instant.
func (r *Reconciler) load(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (policy.Input, error) {
	in := policy.Input{Policy: cpol, Image: r.Image, Now: r.Clock.Now(), Operator: policy.Operator{Namespace: r.Namespace, ServiceAccount: r.Account}}
	var err error
	if in.Officer, err = child.Find(ctx, r.Client, "", string(cpol.Spec.OfficerRef.Name), &v1alpha1.DataProtectionOfficer{}); err != nil {
		return in, fmt.Errorf("reading the officer: %w", err)
	}
	if in.Register, err = child.Find(ctx, r.Client, cpol.Namespace, string(cpol.Spec.RegisterRef.Name), &v1alpha1.DataRegister{}); err != nil {
		return in, fmt.Errorf("reading the register: %w", err)
	}
	if in.Deployment, err = child.Find(ctx, r.Client, cpol.Namespace, policy.ServiceName(cpol.Name), &appsv1.Deployment{}); err != nil {
		return in, fmt.Errorf("reading the service: %w", err)
	}
	if in.Checkpoint, err = r.checkpoint(ctx, cpol); err != nil {
		return in, err
	}
	if in.Forgotten, err = r.forgotten(ctx, cpol); err != nil {
		return in, err
	}
	if in.Issuers, err = r.Tokens.Issuers(ctx); err != nil {
		return in, fmt.Errorf("asking who issues tokens: %w", err)
	}
	if _, in.RoutesServed, err = r.route(ctx, cpol); err != nil {
		return in, err
	}
	if err := r.place(&in); err != nil {
		return in, err
	}
	return in, r.ledger(ctx, &in)
}

// place asks where the service and its ledger may be. Without a register nobody knows.
func (r *Reconciler) place(in *policy.Input) (err error) {
	if in.Register == nil {
		return nil
	}
	if in.Regions, err = r.Places.AllowedRegions(in.Register); err != nil {
		return fmt.Errorf("asking for the allowed regions: %w", err)
	}
	if m := in.Policy.Spec.Service.Mail; m != nil {
		in.MailPlace = r.Places.JudgeDeclared(in.Register, &m.Place)
	}
	if c := in.Policy.Spec.Service.Database.Connection; c != nil {
		in.Declared = r.Places.JudgeDeclared(in.Register, &c.Place)
		return nil
	}
	in.Class = r.Places.JudgeClass(in.Register, string(in.Policy.Spec.Service.Database.Managed.Storage.StorageClassName))
	return nil
}

// ledger reads what is there of a managed ledger.
func (r *Reconciler) ledger(ctx context.Context, in *policy.Input) (err error) {
	p := in.Policy
	if p.Spec.Service.Database.Managed == nil {
		return nil
	}
	name := policy.DatabaseName(p.Name)
	if in.StatefulSet, err = child.Find(ctx, r.Client, p.Namespace, name, &appsv1.StatefulSet{}); err != nil {
		return fmt.Errorf("reading the database: %w", err)
	}
	if in.Claim, err = child.Find(ctx, r.Reader, p.Namespace, database.ClaimName(name), &corev1.PersistentVolumeClaim{}); err != nil {
		return fmt.Errorf("reading the claim: %w", err)
	}
	if in.Claim != nil && !policy.Kept(in.Claim, p.Name) {
		return taken("PersistentVolumeClaim", database.ClaimName(name))
	}
	return nil
}

func taken(kind, name string) error {
	return &flow.Permanent{Reason: v1alpha1.ReasonNameTaken, Elsewhere: true,
		Message: fmt.Sprintf("%s %q exists and was not made by Rempart for this object; rename or remove it", kind, name)}
}

// observe reads what became of the children. What is not there yet is an answer, not an error.
func (r *Reconciler) observe(ctx context.Context, in *policy.Input) (policy.Seen, error) {
	var seen policy.Seen
	if in.Register == nil {
		return seen, nil
	}
	pods := &corev1.PodList{}
	if err := r.Reader.List(ctx, pods, client.InNamespace(in.Policy.Namespace), client.MatchingLabels{
		v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelConsentPolicy: in.Policy.Name}); err != nil {
		return seen, fmt.Errorf("listing the pods: %w", err)
	}
	judged := map[string]struct{}{}
	for i := range pods.Items {
		name := pods.Items[i].Spec.NodeName
		if _, done := judged[name]; done || name == "" {
			continue
		}
		judged[name] = struct{}{}
		node, err := child.Find(ctx, r.Client, "", name, &corev1.Node{})
		if err != nil {
			return seen, fmt.Errorf("reading a node: %w", err)
		}
		if node != nil {
			seen.Places = append(seen.Places, r.Places.JudgeNode(in.Register, node))
		}
	}
	var err error
	if seen.Route, _, err = r.route(ctx, in.Policy); err != nil {
		return seen, err
	}
	if policy.Routed(in.Policy) {
		if seen.Ingress, err = child.Find(ctx, r.Reader, in.Policy.Namespace, policy.ServiceName(in.Policy.Name), &networkingv1.Ingress{}); err != nil {
			return seen, fmt.Errorf("reading the Ingress: %w", err)
		}
	}
	seen.Answer, err = r.ask(ctx, in)
	return seen, err
}

// route reads the route of Gateway API that a policy wants; nil where there is none. It tells whether the cluster has such routes. Nothing
// watches them, as nothing watches Ingresses: the next pass sees what a Gateway says of one, and whether Gateway API has come.
func (r *Reconciler) route(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (object *unstructured.Unstructured, served bool, err error) {
	if !policy.Routed(cpol) {
		return nil, false, nil
	}
	object = routeOf(policy.ServiceName(cpol.Name))
	err = r.Reader.Get(ctx, client.ObjectKey{Namespace: cpol.Namespace, Name: object.GetName()}, object)
	switch {
	case err == nil:
		return object, true, nil
	case unserved(err):
		return nil, false, nil
	case apierrors.IsNotFound(err):
		return nil, true, nil
	default:
		return nil, false, fmt.Errorf("reading the route: %w", err)
	}
}

// routeOf is a route of Gateway API of which only the name is known.
func routeOf(name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(policy.RouteKind)
	object.SetName(name)
	return object
}

// unserved tells whether an error means that the cluster does not have the kind that was asked for: it never had, or no longer has.
func unserved(err error) bool {
	return meta.IsNoMatchError(err) || (apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse))
}
