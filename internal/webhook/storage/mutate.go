package storage

import (
	"context"
	"net/http"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lean"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// MutatePath is where the API server calls for a class.
const MutatePath = "/mutate/storage"

// Mutating returns the handler that names a class for new claims that have none, and the register of what they are copies of.
func (h *Handler) Mutating() admission.Handler { return admission.HandlerFunc(h.fillIn) }

// fillIn answers the creation of a claim with the class that the policies of its namespace name. The API server has filled in
// the cluster's default class before, if there is one. A claim that gets none is left to validation, which refuses it.
func (h *Handler) fillIn(ctx context.Context, req admission.Request) admission.Response {
	snapshot := h.world.Load()
	if snapshot == nil {
		return admission.Errored(http.StatusServiceUnavailable, errNotLoaded)
	}
	claim := &corev1.PersistentVolumeClaim{}
	if err := lean.Decode(req.Object, claim); err != nil {
		return admission.Errored(http.StatusBadRequest, errUnreadable)
	}
	classless := claimOf("spec", claim.Annotations, &claim.Spec).class == nil
	if from := linksOf(claim).source; !classless && from == nil {
		return admission.Allowed("")
	}
	guard := snapshot.GuardOf(req.Namespace)
	if guard == nil || guard.BuiltIn() { // the snapshot may be behind: the namespace carries the label of guarded ones
		fresh, err := h.world.Fresh(ctx, req.Namespace)
		if err != nil {
			return review.Failed(ctx, req, err)
		}
		snapshot, guard = fresh, fresh.GuardOf(req.Namespace)
	}
	register, err := h.heir(ctx, snapshot, req.Namespace, claim)
	if err != nil {
		return review.Failed(ctx, req, err)
	}
	var patches []jsonpatch.JsonPatchOperation
	if class := guard.FillIn(); classless && class != "" {
		patches = append(patches, jsonpatch.NewOperation("add", "/spec/storageClassName", class))
	}
	switch {
	case register == "":
	case claim.Labels == nil:
		patches = append(patches, jsonpatch.NewOperation("add", "/metadata/labels", map[string]string{v1alpha1.LabelRegister: register}))
	default:
		patches = append(patches, jsonpatch.NewOperation("add", "/metadata/labels/"+strings.ReplaceAll(v1alpha1.LabelRegister, "/", "~1"), register))
	}
	if len(patches) == 0 {
		return admission.Allowed("")
	}
	return admission.Patched("", patches...)
}

// heir is the register that governs what a claim is copied from, in its own namespace, so that the copy is governed too: a claim,
// or the one that a snapshot was taken of. Empty where the claim names a register itself, or nothing governs the source.
func (h *Handler) heir(ctx context.Context, snapshot *residency.Snapshot, namespace string, claim *corev1.PersistentVolumeClaim) (string, error) {
	from := linksOf(claim).source
	if _, labelled := claim.Labels[v1alpha1.LabelRegister]; labelled || from == nil || (from.Namespace != nil && *from.Namespace != "" && *from.Namespace != namespace) {
		return "", nil
	}
	name, group := from.Name, ""
	if from.APIGroup != nil {
		group = *from.APIGroup
	}
	switch {
	case group == "" && from.Kind == "PersistentVolumeClaim":
	case group == lookup.SnapshotGroup && from.Kind == "VolumeSnapshot":
		taken, err := h.world.Snapshot(ctx, from.Kind, namespace, name)
		if taken == nil || err != nil {
			return "", err
		}
		name, _, _ = unstructured.NestedString(taken.Object, "spec", "source", "persistentVolumeClaimName")
		if name == "" { // somebody made its content by hand, which the judgement refuses
			return "", nil
		}
	default:
		return "", nil
	}
	ties := residency.Ties{Namespace: namespace, Claims: []string{name}}
	source, err := h.world.Claim(ctx, namespace, name)
	if err != nil {
		return "", err
	}
	if source != nil {
		ties.Labels = source.Labels
	}
	if registers := snapshot.Governors(ties); len(registers) > 0 {
		return registers[0], nil
	}
	return "", nil
}
