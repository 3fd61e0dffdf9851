// Package placement keeps the pods that a register governs on allowed nodes: it pins new pods, and refuses what cannot
// be pinned, what is bound elsewhere, and what slips away.
package placement

import (
	"context"
	"errors"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Paths where the API server calls.
const (
	Path       = "/validate/placement"
	MutatePath = "/mutate/placement"
)

var (
	errNotLoaded  = errors.New("the operator has not read the cluster yet; try again")
	errUnreadable = errors.New("the object in the request cannot be read")
)

// Handler judges pods, templates and bindings.
type Handler struct{ world lookup.World }

// New makes a handler.
func New(world lookup.World) *Handler { return &Handler{world: world} }

// Handle answers one request.
func (h *Handler) Handle(ctx context.Context, req admission.Request) admission.Response {
	if h.world.Load() == nil {
		return admission.Errored(http.StatusServiceUnavailable, errNotLoaded)
	}
	if req.Kind.Group == "" && req.Kind.Kind == "Binding" {
		return h.bind(ctx, req)
	}
	now, err := subjectOf(req.Kind, req.Object)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, errUnreadable)
	}
	if now == nil || isMirror(req, now) {
		return admission.Allowed("")
	}
	now.made = rights.IsController(req.UserInfo)
	var old *subject
	if req.Operation == admissionv1.Update {
		if old, err = subjectOf(req.Kind, req.OldObject); err != nil {
			return admission.Errored(http.StatusBadRequest, errUnreadable)
		}
	}
	answer, err := h.judge(ctx, req.Namespace, now, old)
	if err != nil {
		return review.Failed(ctx, req, err)
	}
	return answer.Response(req)
}

// judge judges what is new. An update that changes nothing of placement passes, whatever was there before.
func (h *Handler) judge(ctx context.Context, namespace string, now, old *subject) (review.Answer, error) {
	var answer review.Answer
	if old != nil {
		done, err := h.keep(ctx, &answer, namespace, now, old)
		if done || err != nil {
			return answer, err
		}
	}
	guard, err := h.guard(ctx, namespace, now, now.moves()...)
	if guard == nil || err != nil {
		return answer, err
	}
	node := now.spec.NodeName
	live, err := h.unseen(ctx, guard, node)
	if err != nil {
		return answer, err
	}
	var objections []residency.Objection
	switch {
	case !now.pod(), gated(old):
		objections = guard.JudgeTemplate(now.spec, live)
	case old != nil && node != "": // it runs already, and is labelled now
		objections = guard.JudgeNode(node, live)
	default:
		objections = guard.JudgePod(now.spec, live)
	}
	add(&answer, now.field, objections)
	return answer, nil
}

// keep refuses an update that takes a pod or a template from its register, and tells whether nothing is left to judge.
func (h *Handler) keep(ctx context.Context, answer *review.Answer, namespace string, now, old *subject) (bool, error) {
	was, is := old.labels[v1alpha1.LabelRegister], now.labels[v1alpha1.LabelRegister]
	if was == is {
		return !now.moved(old) || (now.pod() && !gated(old)), nil
	}
	snapshot, err := h.snapshot(ctx, namespace, was, is)
	if err != nil {
		return true, err
	}
	register, released := snapshot.Released(namespace, old.labels, now.labels, now.pod())
	if !released {
		_, labelled := now.labels[v1alpha1.LabelRegister]
		return !labelled && now.pod(), nil
	}
	if guard := snapshot.Placing(namespace, []string{register}); guard != nil {
		add(answer, "metadata.labels", guard.JudgeRelease(register))
	}
	return answer.Refused(), nil
}

// gated tells whether a pod waits at a scheduling gate: until then its node affinity may become narrower.
func gated(pod *subject) bool { return pod != nil && pod.pod() && len(pod.spec.SchedulingGates) > 0 }

// isMirror tells whether a kubelet shows a static pod that it runs already: refusing or changing it would only hide it.
func isMirror(req admission.Request, s *subject) bool {
	_, mirror := s.meta.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror && s.pod() && s.spec.NodeName != "" && req.UserInfo.Username == "system:node:"+s.spec.NodeName
}

// guard returns the policies under which a subject is placed; nil when nothing places it, or exceptions lift the rules of
// all that would.
func (h *Handler) guard(ctx context.Context, namespace string, s *subject, rules ...string) (*residency.Guard, error) {
	guard, err := h.placing(ctx, namespace, s)
	if guard == nil || err != nil {
		return nil, err
	}
	return guard.Without(s.target(namespace), h.world.Clock.Now(), rules...), nil
}

// placing returns the policies under which a subject is placed, but for exceptions; nil when nothing places it.
func (h *Handler) placing(ctx context.Context, namespace string, s *subject) (*residency.Guard, error) {
	ties, snapshot := s.ties(namespace), h.world.Load()
	registers := registerOf(ties.Labels)
	if len(registers)+len(ties.Claims)+len(ties.ClaimLabels) == 0 {
		return snapshot.Placing(namespace, snapshot.Governors(ties)), nil
	}
	snapshot, err := h.snapshot(ctx, namespace, registers...)
	if err != nil {
		return nil, err
	}
	for _, name := range ties.Claims {
		if snapshot.Governs(namespace, name) {
			continue
		}
		claim, err := h.world.Claim(ctx, namespace, name)
		if err != nil {
			return nil, err
		}
		if claim != nil {
			ties.ClaimLabels = append(ties.ClaimLabels, claim.Labels)
		}
	}
	return snapshot.Placing(namespace, snapshot.Governors(ties)), nil
}

func registerOf(labels map[string]string) []string {
	if register, labelled := labels[v1alpha1.LabelRegister]; labelled {
		return []string{register}
	}
	return nil
}

// snapshot returns the newest snapshot, or what the API server says now where that may be behind: it does not know one of
// the registers, or not why the namespace is guarded.
func (h *Handler) snapshot(ctx context.Context, namespace string, registers ...string) (*residency.Snapshot, error) {
	snapshot := h.world.Load()
	known := snapshot.GuardOf(namespace) != nil
	for _, register := range registers {
		known = known && (register == "" || snapshot.HasRegister(namespace, register))
	}
	if known {
		return snapshot, nil
	}
	return h.world.Fresh(ctx, namespace)
}

// unseen reads a node that is named and that the snapshot does not have; nil when it has it, or when there is none.
func (h *Handler) unseen(ctx context.Context, guard *residency.Guard, node string) (*corev1.Node, error) {
	if node == "" || guard.HasNode(node) {
		return nil, nil
	}
	return h.world.Node(ctx, node)
}

// add turns objections into refusals where a policy enforces, and into warnings where it audits.
func add(answer *review.Answer, field string, objections []residency.Objection) {
	for _, objection := range objections {
		if !objection.Enforced {
			answer.Warn(objection.Message)
			continue
		}
		answer.Refuse(objection.Rule, field, objection.Message)
		policy := objection.Policy
		if policy == "" {
			policy = residency.BuiltInPolicy
		}
		answer.Cause("policy", policy)
		answer.Cause("region", objection.Place.Code())
		answer.Cause("country", string(objection.Place.Country))
		answer.Cause("reason", string(objection.Reason))
	}
}
