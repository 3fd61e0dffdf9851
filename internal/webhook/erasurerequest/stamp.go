package erasurerequest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// MutatePath is where the API server calls to have stamps written.
const MutatePath = "/mutate/erasurerequest"

// NewMutating makes the handler that writes who made a request, and who decided on it. What a user writes there is replaced.
func NewMutating(scheme *runtime.Scheme, clock clock.PassiveClock) admission.Handler {
	decoder := admission.NewDecoder(scheme)
	return admission.HandlerFunc(func(ctx context.Context, req admission.Request) admission.Response {
		request := &v1alpha1.ErasureRequest{}
		var old *v1alpha1.ErasureRequest
		err := decoder.DecodeRaw(req.Object, request)
		if len(req.OldObject.Raw) > 0 {
			old = &v1alpha1.ErasureRequest{}
			err = errors.Join(err, decoder.DecodeRaw(req.OldObject, old))
		}
		if err != nil {
			return admission.Errored(http.StatusBadRequest, errors.New("the object in the request cannot be read"))
		}
		before := request.DeepCopy()
		stamp(old, request, req.UserInfo.Username, clock.Now())
		return patched(ctx, req, before, request)
	})
}

// patched answers with what the stamps changed, and with nothing else: defaults of our types are not the user's words.
func patched(ctx context.Context, req admission.Request, before, after *v1alpha1.ErasureRequest) admission.Response {
	if equality.Semantic.DeepEqual(before, after) {
		return admission.Allowed("")
	}
	was, err := json.Marshal(before)
	is, bad := json.Marshal(after)
	if err = errors.Join(err, bad); err != nil {
		return review.Failed(ctx, req, fmt.Errorf("encoding the request: %w", err))
	}
	return admission.PatchResponseFromRaw(was, is)
}

// stamp writes who made the request, once, and who decided, when the decision is new.
func stamp(old, updated *v1alpha1.ErasureRequest, user string, now time.Time) {
	mine := &v1alpha1.DecisionStamp{By: user, Time: ptr.To(metav1.NewTime(now.UTC().Truncate(time.Second)))}
	before := &v1alpha1.ErasureRequestSpec{RequestedBy: mine}
	if old != nil {
		before = &old.Spec
	}
	updated.Spec.RequestedBy = before.RequestedBy.DeepCopy()
	switch decision := updated.Spec.Decision; {
	case decision == nil:
	case before.Decision != nil:
		decision.Stamp = before.Decision.Stamp.DeepCopy()
	default:
		decision.Stamp = mine
	}
}

// stamped refuses a stamp that is not of the requesting user: then another webhook, or nobody, wrote it.
func stamped(answer *review.Answer, req request) {
	check := func(field string, s *v1alpha1.DecisionStamp) {
		if s == nil || s.By != req.UserInfo.Username {
			answer.Refuse(RuleStamp, field, field+" does not name the user of this request; Rempart's mutating webhook writes it, so see that it runs and that no other changes it")
		}
	}
	if req.Created() {
		check("spec.requestedBy", req.Object.Spec.RequestedBy)
	}
	if decision := req.Object.Spec.Decision; decision != nil && (req.Created() || req.Old.Spec.Decision == nil) {
		check("spec.decision.stamp", decision.Stamp)
	}
}
