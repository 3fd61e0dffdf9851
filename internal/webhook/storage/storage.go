// Package storage judges claims for storage in guarded namespaces: claims themselves, claim templates of StatefulSets,
// and generic ephemeral volumes of pods and pod templates.
package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// Path is where the API server calls.
const Path = "/validate/storage"

var (
	errNotLoaded = errors.New("the operator has not read the cluster yet; try again")
	errBehind    = errors.New("a ResidencyPolicy was made a moment ago; try again")
)

// Snapshots hands out the newest snapshot; nil before the first.
type Snapshots interface{ Load() *residency.Snapshot }

// Handler judges claims by map look-ups in the snapshot. Reader reads live what the snapshot does not have yet.
type Handler struct {
	snapshots Snapshots
	reader    client.Reader
	decoder   admission.Decoder
}

// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies;dataregisters,verbs=list

// New makes a handler.
func New(scheme *runtime.Scheme, snapshots Snapshots, reader client.Reader) *Handler {
	return &Handler{snapshots: snapshots, reader: reader, decoder: admission.NewDecoder(scheme)}
}

// Handle answers one request.
func (h *Handler) Handle(ctx context.Context, req admission.Request) admission.Response {
	snapshot := h.snapshots.Load()
	if snapshot == nil {
		return admission.Errored(http.StatusServiceUnavailable, errNotLoaded)
	}
	claims, err := h.claims(req)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, errors.New("the object in the request cannot be read"))
	}
	if len(claims) == 0 {
		return admission.Allowed("")
	}
	guard := snapshot.GuardOf(req.Namespace)
	if guard == nil {
		guard, err = h.late(ctx, snapshot, req.Namespace)
	}
	switch {
	case errors.Is(err, errBehind):
		return admission.Errored(http.StatusServiceUnavailable, errBehind)
	case err != nil:
		return review.Failed(ctx, err)
	case guard == nil:
		return admission.Allowed("")
	}
	answer, err := h.judge(ctx, snapshot, guard, claims)
	if err != nil {
		return review.Failed(ctx, err)
	}
	return answer.Response(req)
}

// claims finds what the request adds or changes.
func (h *Handler) claims(req admission.Request) ([]claim, error) {
	claims, err := claimsOf(h.decoder, req.Kind, req.Object)
	if err != nil || req.Operation != admissionv1.Update {
		return claims, err
	}
	old, err := claimsOf(h.decoder, req.Kind, req.OldObject)
	if err != nil {
		return nil, err
	}
	if old == nil {
		old = []claim{}
	}
	return news(claims, old), nil
}

func (h *Handler) judge(ctx context.Context, snapshot *residency.Snapshot, guard *residency.Guard, claims []claim) (review.Answer, error) {
	var answer review.Answer
	var failed error
	for _, c := range claims {
		unseen := func(policy *residency.Judged) *residency.ClassVerdict {
			verdict, err := h.unseen(ctx, policy, *c.class)
			failed = errors.Join(failed, err)
			return verdict
		}
		byDefault := c.class == nil
		if byDefault && snapshot.DefaultClass() != "" {
			name := snapshot.DefaultClass()
			c.class = &name
		}
		var objections []residency.Objection
		if c.class == nil {
			objections = guard.JudgeNoClass()
		} else {
			objections = guard.JudgeClass(*c.class, unseen)
		}
		if failed != nil {
			return answer, failed
		}
		add(&answer, c, objections, c.class != nil && *c.class != "" && *c.class == snapshot.DefaultClass())
	}
	return answer, nil
}

// add turns objections into refusals where a policy enforces, and into warnings where it audits.
func add(answer *review.Answer, c claim, objections []residency.Objection, isDefault bool) {
	for _, objection := range objections {
		message := objection.Message
		if isDefault {
			message += `. (It is the cluster's default class, which may have been filled in.)`
		}
		if !objection.Enforced {
			answer.Warn(message)
			continue
		}
		answer.Refuse(objection.Rule, c.field, message)
		policy := objection.Policy
		if policy == "" {
			policy = residency.BuiltInPolicy
		}
		answer.Cause("policy", policy)
		answer.Cause("class", objection.Class)
		answer.Cause("region", objection.Place.Code())
		answer.Cause("country", string(objection.Place.Country))
		answer.Cause("reason", string(objection.Reason))
	}
}

// unseen reads a class live that the snapshot does not have; nil when there is none.
func (h *Handler) unseen(ctx context.Context, policy *residency.Judged, name string) (*residency.ClassVerdict, error) {
	class := &storagev1.StorageClass{}
	err := h.reader.Get(ctx, client.ObjectKey{Name: name}, class)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading a class: %w", err)
	}
	verdict := policy.Rules.JudgeClass(class, policy.Nodes)
	return &verdict, nil
}

// late judges a namespace that carries the label of guarded ones while the snapshot does not know it: a register or a
// policy came a moment ago, or the label is forged. Nil means that nothing guards it.
func (h *Handler) late(ctx context.Context, snapshot *residency.Snapshot, name string) (*residency.Guard, error) {
	namespace := &corev1.Namespace{}
	if err := h.reader.Get(ctx, client.ObjectKey{Name: name}, namespace); err != nil {
		return nil, fmt.Errorf("reading the namespace: %w", err)
	}
	policies, registers := &v1alpha1.ResidencyPolicyList{}, &v1alpha1.DataRegisterList{}
	if err := errors.Join(h.reader.List(ctx, policies), h.reader.List(ctx, registers, client.InNamespace(name))); err != nil {
		return nil, fmt.Errorf("reading what guards the namespace: %w", err)
	}
	guard, known := snapshot.GuardLive(namespace, policies.Items, residency.RegistersOf(registers.Items))
	if !known {
		return nil, errBehind
	}
	return guard, nil
}
