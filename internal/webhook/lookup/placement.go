package lookup

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// +kubebuilder:rbac:groups="",resources=nodes,verbs=get
// +kubebuilder:rbac:groups="",resources=pods,verbs=get
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch

// Node reads a node live; nil when there is none.
func (w World) Node(ctx context.Context, name string) (*corev1.Node, error) {
	node := &corev1.Node{}
	return found(node, "a node", w.Live.Get(ctx, client.ObjectKey{Name: name}, node))
}

// Pod reads a pod live; nil when there is none.
func (w World) Pod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	return found(pod, "a pod", w.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, pod))
}

// Claim reads a claim from the cache, and live when the cache does not have it; nil when there is none.
func (w World) Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	claim, key := &corev1.PersistentVolumeClaim{}, client.ObjectKey{Namespace: namespace, Name: name}
	err := w.Cached.Get(ctx, key, claim)
	if apierrors.IsNotFound(err) {
		err = w.Live.Get(ctx, key, claim)
	}
	return found(claim, "a claim", err)
}

func found[T any](object *T, what string, err error) (*T, error) {
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", what, err)
	default:
		return object, nil
	}
}
