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

// said is what a user says in a request that is stamped: the place of the stamp, and the old one where it was said before and stays.
type said struct {
	field string
	place **v1alpha1.DecisionStamp
	stays bool
	was   *v1alpha1.DecisionStamp
}

// sayings are the times that people state of what they did outside of the cluster. A time that is stated anew is stamped anew.
func sayings(before, after *v1alpha1.ErasureRequestSpec) []said {
	var list []said
	if n := after.RefusalNotice; n != nil {
		old := ptr.Deref(before.RefusalNotice, v1alpha1.ErasureRefusalNotice{})
		list = append(list, said{"spec.refusalNotice.stamp", &n.Stamp, old.SentTime != nil && old.SentTime.Equal(n.SentTime), old.Stamp})
	}
	if n := after.AnswerNotice; n != nil {
		old := ptr.Deref(before.AnswerNotice, v1alpha1.ErasureAnswerNotice{})
		list = append(list, said{"spec.answerNotice.stamp", &n.Stamp, old.SentTime != nil && old.SentTime.Equal(n.SentTime), old.Stamp})
	}
	if n := after.Extension; n != nil {
		old := ptr.Deref(before.Extension, v1alpha1.ErasureExtension{})
		list = append(list, said{"spec.extension.stamp", &n.Stamp, old.NoticeSentTime != nil && old.NoticeSentTime.Equal(n.NoticeSentTime), old.Stamp})
	}
	if n := after.Deferral; n != nil {
		old := ptr.Deref(before.Deferral, v1alpha1.ErasureDeferral{})
		list = append(list, said{"spec.deferral.stamp", &n.Stamp, old.NoticeSentTime != nil && old.NoticeSentTime.Equal(n.NoticeSentTime), old.Stamp})
	}
	if n := after.IdentityCheck; n != nil {
		old := ptr.Deref(before.IdentityCheck, v1alpha1.IdentityCheck{})
		list = append(list, said{"spec.identityCheck.askedStamp", &n.AskedStamp, n.AskedTime == nil || old.AskedTime != nil && old.AskedTime.Equal(n.AskedTime), old.AskedStamp},
			said{"spec.identityCheck.answeredStamp", &n.AnsweredStamp, n.AnsweredTime == nil || old.AnsweredTime != nil && old.AnsweredTime.Equal(n.AnsweredTime), old.AnsweredStamp})
	}
	return list
}

// stamp writes who made the request, once, and who decided, or stated when a person was told or asked, when that is new.
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
	for _, s := range sayings(before, &updated.Spec) {
		if *s.place = mine.DeepCopy(); s.stays {
			*s.place = s.was.DeepCopy()
		}
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
	before := &v1alpha1.ErasureRequestSpec{}
	if req.Old != nil {
		before = &req.Old.Spec
	}
	for _, s := range sayings(before, &req.Object.Spec) {
		if !s.stays {
			check(s.field, *s.place)
		}
	}
}
