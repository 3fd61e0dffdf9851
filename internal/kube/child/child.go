// Package child applies, prunes and removes the objects that a reconciler owns.
package child

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

// identified is what every generated apply configuration of an object offers.
type identified interface {
	GetName() *string
	GetNamespace() *string
	GetKind() *string
	GetAPIVersion() *string
}

// OwnedBy returns the owner reference of a child.
func OwnedBy(owner client.Object, kind string) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind(kind).
		WithName(owner.GetName()).WithUID(owner.GetUID()).WithController(true).WithBlockOwnerDeletion(true)
}

// Apply writes children by server-side apply. An object of a child's name that another owner made, or nobody, is never
// adopted: the answer is a Permanent error NameTaken. Reads go to reader, writes to c.
func Apply(ctx context.Context, c client.Client, reader client.Reader, owner client.Object, field client.FieldOwner, children []runtime.ApplyConfiguration) error {
	for _, desired := range children {
		if _, err := exists(ctx, reader, owner, desired); err != nil {
			return err
		}
		if err := apply(ctx, c, desired, field); err != nil {
			return err
		}
	}
	return nil
}

// Once writes children that never change, such as messages: one that is there stays as it is. Otherwise as Apply.
func Once(ctx context.Context, c client.Client, reader client.Reader, owner client.Object, field client.FieldOwner, children []runtime.ApplyConfiguration) error {
	for _, desired := range children {
		there, err := exists(ctx, reader, owner, desired)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if err := apply(ctx, c, desired, field); err != nil {
			return err
		}
	}
	return nil
}

// apply writes one child. A kind of others is in no scheme: the client writes it without knowing its shape.
func apply(ctx context.Context, c client.Client, desired runtime.ApplyConfiguration, field client.FieldOwner) error {
	if id, ok := desired.(identified); ok && !c.Scheme().Recognizes(kindOf(id)) {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(desired)
		if err != nil {
			return fmt.Errorf("writing out a child: %w", err)
		}
		desired = client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: content})
	}
	if err := c.Apply(ctx, desired, field, client.ForceOwnership); err != nil {
		return fmt.Errorf("applying a child: %w", err)
	}
	return nil
}

func kindOf(id identified) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(*id.GetAPIVersion(), *id.GetKind())
}

// exists tells whether the child is there already; a stranger in its place is an error.
func exists(ctx context.Context, reader client.Reader, owner client.Object, desired runtime.ApplyConfiguration) (bool, error) {
	id, ok := desired.(identified)
	if !ok {
		return false, fmt.Errorf("applying a child: %T has no name", desired)
	}
	existing := &unstructured.Unstructured{}
	existing.SetGroupVersionKind(kindOf(id))
	key := types.NamespacedName{Name: *id.GetName()}
	if ns := id.GetNamespace(); ns != nil {
		key.Namespace = *ns
	}
	err := reader.Get(ctx, key, existing)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for a stranger: %w", err)
	case Ours(existing, owner):
		return true, nil
	default:
		return false, &flow.Permanent{Reason: v1alpha1.ReasonNameTaken, Elsewhere: true,
			Message: fmt.Sprintf("%s %q exists and was not made by Rempart for this object; rename or remove it", *id.GetKind(), key.Name)}
	}
}

// Find reads an object; nil when there is none.
func Find[T client.Object](ctx context.Context, reader client.Reader, namespace, name string, into T) (T, error) {
	var none T
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, into)
	switch {
	case apierrors.IsNotFound(err):
		return none, nil
	case err != nil:
		return none, err
	default:
		return into, nil
	}
}

// Ours tells whether Rempart made the object for this owner: by owner reference, or, where data outlives their owner,
// by the label LabelOwnerUID.
func Ours(object, owner client.Object) bool {
	for _, ref := range object.GetOwnerReferences() {
		if ref.UID == owner.GetUID() {
			return true
		}
	}
	return object.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.ManagedByRempart &&
		object.GetLabels()[v1alpha1.LabelOwnerUID] == string(owner.GetUID())
}

// Delete removes an object as it was read: another object of the same name, or a newer version, is left alone.
func Delete(ctx context.Context, c client.Client, object client.Object, options ...client.DeleteOption) error {
	uid, version := object.GetUID(), object.GetResourceVersion()
	options = append(options, client.Preconditions{UID: &uid, ResourceVersion: &version})
	return client.IgnoreNotFound(c.Delete(ctx, object, options...))
}

// Finalize adds a finalizer and tells whether it wrote: the pass then ends, before any outside effect.
func Finalize(ctx context.Context, c client.Client, object client.Object, finalizer string) (bool, error) {
	before := object.DeepCopyObject().(client.Object)
	if !controllerutil.AddFinalizer(object, finalizer) {
		return false, nil
	}
	return true, c.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// Release removes a finalizer; the object may then go.
func Release(ctx context.Context, c client.Client, object client.Object, finalizer string) error {
	before := object.DeepCopyObject().(client.Object)
	if !controllerutil.RemoveFinalizer(object, finalizer) {
		return nil
	}
	return client.IgnoreNotFound(c.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}
