// Package storage judges storage in guarded namespaces: claims and what they bind, claim templates of StatefulSets, the
// volumes that pods and pod templates bring, snapshots; and of the cluster the volumes and classes that such claims have.
package storage

import (
	"context"
	"errors"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// Path is where the API server calls.
const Path = "/validate/storage"

var (
	errNotLoaded  = errors.New("the operator has not read the cluster yet; try again")
	errUnreadable = errors.New("the object in the request cannot be read")
)

// Handler judges claims by map look-ups in the snapshot.
type Handler struct{ world lookup.World }

// New makes a handler.
func New(world lookup.World) *Handler { return &Handler{world: world} }

// Handle answers one request.
func (h *Handler) Handle(ctx context.Context, req admission.Request) admission.Response {
	snapshot := h.world.Load()
	if snapshot == nil {
		return admission.Errored(http.StatusServiceUnavailable, errNotLoaded)
	}
	wanted, err := h.wishes(req)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, errUnreadable)
	}
	if wanted.none() {
		return admission.Allowed("")
	}
	answer, err := h.answer(ctx, snapshot, req.Namespace, targetOf(req), func(snapshot *residency.Snapshot, guard *residency.Guard) (review.Answer, error) {
		answer, err := h.judge(ctx, snapshot, guard, wanted.claims)
		if err == nil {
			judgeRelease(&answer, snapshot, req.Namespace, wanted)
			err = h.judgeRest(ctx, &answer, guard, req.Namespace, wanted)
		}
		return answer, err
	})
	if err != nil {
		return review.Failed(ctx, req, err)
	}
	return answer.Response(req)
}

// judging judges a request by a snapshot, under what holds in its namespace.
type judging func(*residency.Snapshot, *residency.Guard) (review.Answer, error)

// answer judges by the snapshot, and by the API server where the snapshot may be behind: the namespace carries the label
// of guarded ones and the snapshot does not know why (a register or a policy came a moment ago, or the label is forged),
// or it knows no policy, and refuses.
func (h *Handler) answer(ctx context.Context, snapshot *residency.Snapshot, namespace string, target func() residency.Target, judge judging) (review.Answer, error) {
	now := h.world.Clock.Now()
	if guard := snapshot.GuardOf(namespace); guard != nil {
		answer, err := judge(snapshot, guard.For(target, now))
		if err != nil || !answer.Refused() || !guard.BuiltIn() {
			return answer, err
		}
	}
	fresh, err := h.world.Fresh(ctx, namespace)
	if err != nil {
		return review.Answer{}, err
	}
	guard := fresh.GuardOf(namespace)
	if guard == nil {
		return review.Answer{}, nil
	}
	return judge(fresh, guard.For(target, now))
}

// wishes finds what the request adds or changes.
func (h *Handler) wishes(req admission.Request) (wishes, error) {
	wanted, err := wishesOf(req.Kind, req.Object)
	if err != nil || req.Operation != admissionv1.Update {
		return wanted, err
	}
	old, err := wishesOf(req.Kind, req.OldObject)
	if err != nil {
		return wishes{}, err
	}
	return wanted.since(old), nil
}

func (h *Handler) judge(ctx context.Context, snapshot *residency.Snapshot, guard *residency.Guard, claims []claim) (review.Answer, error) {
	var answer review.Answer
	var failed error
	for _, c := range claims {
		unseen := func(policy *residency.Judged) *residency.ClassVerdict {
			verdict, err := h.world.Class(ctx, policy, *c.class)
			failed = errors.Join(failed, err)
			return verdict
		}
		if c.class == nil {
			c.class = assigned(snapshot, guard, c)
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

// assigned is the class that a claim without one gets: the cluster's default one, else what is filled in when a claim is made of
// a template; nil for none. A claim that comes here without a class gets none any more.
func assigned(snapshot *residency.Snapshot, guard *residency.Guard, c claim) *string {
	name := snapshot.DefaultClass()
	if name == "" && c.template {
		name = guard.FillIn()
	}
	if name == "" {
		return nil
	}
	return &name
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
