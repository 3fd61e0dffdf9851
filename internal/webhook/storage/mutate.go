package storage

import (
	"context"
	"net/http"

	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/webhook/lean"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// MutatePath is where the API server calls for a class.
const MutatePath = "/mutate/storage"

// Mutating returns the handler that names a class for new claims that have none.
func (h *Handler) Mutating() admission.Handler { return admission.HandlerFunc(h.fillIn) }

// fillIn answers the creation of a claim with the class that the policies of its namespace name. The API server has filled in
// the cluster's default class before, if there is one. A claim that gets none is left to validation, which refuses it.
func (h *Handler) fillIn(ctx context.Context, req admission.Request) admission.Response {
	snapshot := h.world.Load()
	if snapshot == nil {
		return admission.Errored(http.StatusServiceUnavailable, errNotLoaded)
	}
	object := &corev1.PersistentVolumeClaim{}
	if err := lean.Decode(req.Object, object); err != nil {
		return admission.Errored(http.StatusBadRequest, errUnreadable)
	}
	if claimOf("spec", object.Annotations, &object.Spec).class != nil {
		return admission.Allowed("")
	}
	guard := snapshot.GuardOf(req.Namespace)
	if guard == nil || guard.BuiltIn() { // the snapshot may be behind: the namespace carries the label of guarded ones
		fresh, err := h.world.Fresh(ctx, req.Namespace)
		if err != nil {
			return review.Failed(ctx, req, err)
		}
		guard = fresh.GuardOf(req.Namespace)
	}
	class := guard.FillIn()
	if class == "" {
		return admission.Allowed("")
	}
	return admission.Patched("", jsonpatch.NewOperation("add", "/spec/storageClassName", class))
}
