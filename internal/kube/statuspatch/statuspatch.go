// Package statuspatch writes the status of an object once per pass, and only when it changed.
package statuspatch

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patcher remembers an object as it was read, to patch what a pass changed in its status.
type Patcher[T client.Object] struct {
	writer   client.StatusWriter
	before   T
	statusOf func(T) any
}

// New remembers the object as it is now. StatusOf returns a pointer to its status.
func New[T client.Object](c client.Client, object T, statusOf func(T) any) *Patcher[T] {
	return &Patcher[T]{writer: c.Status(), before: object.DeepCopyObject().(T), statusOf: statusOf}
}

// Patch writes the status by a merge patch that carries the resourceVersion that was read, so that a decision made on
// an old version fails with a conflict. It writes nothing when nothing changed since then, or since it last wrote.
func (p *Patcher[T]) Patch(ctx context.Context, object T) error {
	if equality.Semantic.DeepEqual(p.statusOf(p.before), p.statusOf(object)) {
		return nil
	}
	// Finalizers may have been written in this pass: the newer version is then ours, and nobody else's.
	p.before.SetResourceVersion(object.GetResourceVersion())
	if err := p.writer.Patch(ctx, object, client.MergeFromWithOptions(p.before, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	p.before = object.DeepCopyObject().(T)
	return nil
}
