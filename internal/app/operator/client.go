package operator

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// consistentKinds are the kinds, beside our own, that controllers both write and watch.
var consistentKinds = map[schema.GroupKind]bool{
	appsv1.SchemeGroupVersion.WithKind("StatefulSet").GroupKind():         true,
	appsv1.SchemeGroupVersion.WithKind("Deployment").GroupKind():          true,
	batchv1.SchemeGroupVersion.WithKind("Job").GroupKind():                true,
	corev1.SchemeGroupVersion.WithKind("Service").GroupKind():             true,
	networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy").GroupKind(): true,
}

// selective is a client that reads its own writes of the kinds that controllers watch, and of no other: the library
// starts a cluster-wide watch of every kind that is written, which for Secrets we neither may nor want.
type selective struct{ client.Client }

// newClient is a client.NewClientFunc.
func newClient(config *rest.Config, options client.Options) (client.Client, error) {
	c, err := client.New(config, options)
	if err != nil {
		return nil, err
	}
	return selective{c}, nil
}

// consistent tells whether writes of the object's kind are waited for.
func (s selective) consistent(object any) bool {
	var gvk schema.GroupVersionKind
	switch o := object.(type) {
	case runtime.Object:
		found, err := s.GroupVersionKindFor(o)
		if err != nil {
			return false
		}
		gvk = found
	case interface {
		GetKind() *string
		GetAPIVersion() *string
	}:
		if o.GetKind() == nil || o.GetAPIVersion() == nil {
			return false
		}
		gvk = schema.FromAPIVersionAndKind(*o.GetAPIVersion(), *o.GetKind())
	}
	return gvk.Group == v1alpha1.GroupName || consistentKinds[gvk.GroupKind()]
}

func withOption[O any](options []O, consistent bool, option O) []O {
	if consistent {
		return options
	}
	return append(options, option)
}

// Get reads an object.
func (s selective) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return s.Client.Get(ctx, key, object, withOption[client.GetOption](options, s.consistent(object), client.DisableReadYourWritesConsistency)...)
}

// List reads objects.
func (s selective) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return s.Client.List(ctx, list, withOption[client.ListOption](options, s.consistentList(list), client.DisableReadYourWritesConsistency)...)
}

func (s selective) consistentList(list client.ObjectList) bool {
	gvk, err := s.GroupVersionKindFor(list)
	if err != nil {
		return false
	}
	gvk.Kind = gvk.Kind[:max(0, len(gvk.Kind)-len("List"))]
	return gvk.Group == v1alpha1.GroupName || consistentKinds[gvk.GroupKind()]
}

// Create writes a new object.
func (s selective) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	return s.Client.Create(ctx, object, withOption[client.CreateOption](options, s.consistent(object), client.DisableReadYourWritesConsistency)...)
}

// Update replaces an object.
func (s selective) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	return s.Client.Update(ctx, object, withOption[client.UpdateOption](options, s.consistent(object), client.DisableReadYourWritesConsistency)...)
}

// Patch changes an object.
func (s selective) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	return s.Client.Patch(ctx, object, patch, withOption[client.PatchOption](options, s.consistent(object), client.DisableReadYourWritesConsistency)...)
}

// Delete removes an object.
func (s selective) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	return s.Client.Delete(ctx, object, withOption[client.DeleteOption](options, s.consistent(object), client.DisableReadYourWritesConsistency)...)
}

// DeleteAllOf is not used: it would delete without preconditions.
func (selective) DeleteAllOf(context.Context, client.Object, ...client.DeleteAllOfOption) error {
	return fmt.Errorf("deleting objects: only one at a time, by UID")
}

// Apply writes an object by server-side apply.
func (s selective) Apply(ctx context.Context, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
	return s.Client.Apply(ctx, object, withOption[client.ApplyOption](options, s.consistent(object), client.DisableReadYourWritesConsistency)...)
}
