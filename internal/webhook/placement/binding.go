package placement

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lean"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// bind judges a Binding, which puts a pod on a node and copies its labels to the pod, on both paths that take one:
// pods/binding and bindings.
func (h *Handler) bind(ctx context.Context, req admission.Request) admission.Response {
	binding := &corev1.Binding{}
	if err := lean.Decode(req.Object, binding); err != nil {
		return admission.Errored(http.StatusBadRequest, errUnreadable)
	}
	answer, err := h.judgeBinding(ctx, req.Namespace, binding)
	if err != nil {
		return review.Failed(ctx, req, err)
	}
	return answer.Response(req)
}

func (h *Handler) judgeBinding(ctx context.Context, namespace string, binding *corev1.Binding) (review.Answer, error) {
	var answer review.Answer
	pod, err := h.world.Pod(ctx, namespace, binding.Name)
	if pod == nil || err != nil {
		return answer, err
	}
	if label, sets := binding.Labels[v1alpha1.LabelRegister]; sets && label != pod.Labels[v1alpha1.LabelRegister] {
		answer.Refuse(residency.RulePlacement, "metadata.labels", fmt.Sprintf("rule %s: a Binding may not change label %s of a pod", residency.RulePlacement, v1alpha1.LabelRegister))
		return answer, nil
	}
	bound := ofPod(pod)
	bound.made = true // as far as it was pinned when it was made, its node must fit
	guard, err := h.guard(ctx, namespace, bound, residency.RulePlacement, residency.RuleNode)
	if guard == nil || err != nil {
		return answer, err
	}
	live, err := h.unseen(ctx, guard, binding.Target.Name)
	if err != nil {
		return answer, err
	}
	add(&answer, "target.name", guard.JudgeNode(binding.Target.Name, live))
	return answer, nil
}
