package placement

import (
	"context"
	"net/http"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Mutating returns the handler that pins pods and templates to allowed nodes.
func (h *Handler) Mutating() admission.Handler { return admission.HandlerFunc(h.pin) }

// pin answers one request with the node affinity that is missing. What cannot be pinned is left to validation, which
// refuses it.
func (h *Handler) pin(ctx context.Context, req admission.Request) admission.Response {
	if h.world.Load() == nil {
		return admission.Errored(http.StatusServiceUnavailable, errNotLoaded)
	}
	now, err := subjectOf(req.Kind, req.Object)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, errUnreadable)
	}
	if now == nil || isMirror(req, now) || !pinnable(now) {
		return admission.Allowed("")
	}
	now.made = rights.IsController(req.UserInfo)
	if req.Operation == admissionv1.Update {
		old, err := subjectOf(req.Kind, req.OldObject)
		if err != nil {
			return admission.Errored(http.StatusBadRequest, errUnreadable)
		}
		if now.pod() || (old != nil && equality.Semantic.DeepEqual(now.template, old.template)) {
			return admission.Allowed("")
		}
	}
	guard, err := h.guard(ctx, req.Namespace, now, now.moves()...)
	if err != nil {
		return review.Failed(ctx, req, err)
	}
	if guard == nil {
		return admission.Allowed("")
	}
	pinned, changed := guard.Pin(now.required())
	if !changed {
		return admission.Allowed("")
	}
	return admission.Patched("", patch(now, pinned))
}

// pinnable tells whether the affinity of an object may be changed. Pods always are. A template with terms of its own
// belongs to who wrote them, and one that a controller made is compared with its source: their pods are pinned instead.
// A DaemonSet makes a pod for each node that its template admits, so its template always is.
func pinnable(s *subject) bool {
	return s.pod() || s.kind == "DaemonSet" || (!s.controlled() && s.required() == nil)
}

// patch sets the required terms and touches nothing else.
func patch(s *subject, required *corev1.NodeSelector) jsonpatch.JsonPatchOperation {
	path := "/" + strings.ReplaceAll(s.field, ".", "/") + "/affinity"
	node := &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}
	switch {
	case s.spec.Affinity == nil:
		return jsonpatch.NewOperation("add", path, &corev1.Affinity{NodeAffinity: node})
	case s.spec.Affinity.NodeAffinity == nil:
		return jsonpatch.NewOperation("add", path+"/nodeAffinity", node)
	default:
		return jsonpatch.NewOperation("add", path+"/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution", required)
	}
}
