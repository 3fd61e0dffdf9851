// Package review turns admission requests into typed objects and judgements into answers. Handlers built on it only
// judge: they see an object, and say what they object to.
package review

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// maxWarning is the most characters of a warning that clients show whole.
const maxWarning = 256

// maxObjections bounds how many objections one message holds.
const maxObjections = 5

// errNotJudged is all that a user learns of a failure of ours.
var errNotJudged = errors.New("the request could not be judged, so it is refused; try again")

// Request is an admission request with its object decoded. Object is nil on DELETE, Old on CREATE.
type Request[T client.Object] struct {
	admission.Request
	Object, Old T
}

// Created tells whether the object is new.
func (r Request[T]) Created() bool { return r.Operation == admissionv1.Create }

// Deleted tells whether the object goes.
func (r Request[T]) Deleted() bool { return r.Operation == admissionv1.Delete }

// Answer is what a judgement came to. The zero value allows.
type Answer struct {
	warnings []string
	messages []string
	causes   []metav1.StatusCause
}

// Refuse objects. Field is the path of the field, where there is one; rule names the rule; the message says what was
// found, by which rule it is refused, and what to do. It never holds a value that may name a person.
func (a *Answer) Refuse(rule, field, message string) {
	a.messages = append(a.messages, message)
	a.causes = append(a.causes, metav1.StatusCause{Type: metav1.CauseType(rule), Field: field, Message: message})
}

// Cause adds machine-readable details to a refusal.
func (a *Answer) Cause(kind, message string) {
	if message != "" {
		a.causes = append(a.causes, metav1.StatusCause{Type: metav1.CauseType(kind), Message: message})
	}
}

// Warn tells the user something without refusing.
func (a *Answer) Warn(message string) { a.warnings = append(a.warnings, short(message)) }

// Refused tells whether there is an objection.
func (a *Answer) Refused() bool { return len(a.messages) > 0 }

// Messages returns the objections in the order in which they were made.
func (a *Answer) Messages() []string { return a.messages }

// Warnings returns the warnings in the order in which they were given.
func (a *Answer) Warnings() []string { return a.warnings }

// Response is the answer as the API server reads it: 403 Forbidden with every objection as a cause, or allowed.
func (a *Answer) Response(req admission.Request) admission.Response {
	if !a.Refused() {
		return admission.Allowed("").WithWarnings(a.warnings...)
	}
	shown := a.messages[:min(len(a.messages), maxObjections)]
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Warnings: a.warnings, Result: &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: strings.Join(shown, "; "),
		Details: &metav1.StatusDetails{Name: req.Name, Group: req.Kind.Group, Kind: req.Kind.Kind, Causes: a.causes},
	}}}
}

// Failed is the answer to a failure of ours: refused, and told so, without its cause.
func Failed(ctx context.Context, req admission.Request, err error) admission.Response {
	logf.FromContext(ctx).Error(err, "Could not judge a request", "resource", req.Resource.Resource, "namespace", req.Namespace, "name", req.Name, "requestID", req.UID)
	return admission.Errored(http.StatusInternalServerError, errNotJudged)
}

// Judge judges one request. An error means that it could not: the request is then refused.
type Judge[T client.Object] func(ctx context.Context, req Request[T]) (Answer, error)

// Handler decodes requests about one kind and asks a judge.
func Handler[T client.Object](scheme *runtime.Scheme, fresh func() T, judge Judge[T]) admission.Handler {
	decoder := admission.NewDecoder(scheme)
	return admission.HandlerFunc(func(ctx context.Context, raw admission.Request) admission.Response {
		req, err := decode(decoder, fresh, raw)
		if err != nil {
			return admission.Errored(http.StatusBadRequest, errors.New("the object in the request cannot be read"))
		}
		answer, err := judge(ctx, req)
		if err != nil {
			return Failed(ctx, raw, err)
		}
		return answer.Response(raw)
	})
}

// Decode reads the objects of a request.
func decode[T client.Object](decoder admission.Decoder, fresh func() T, raw admission.Request) (Request[T], error) {
	req := Request[T]{Request: raw}
	if raw.Operation != admissionv1.Delete {
		req.Object = fresh()
		if err := decoder.DecodeRaw(raw.Object, req.Object); err != nil {
			return req, err
		}
	}
	if raw.Operation != admissionv1.Create {
		req.Old = fresh()
		if err := decoder.DecodeRaw(raw.OldObject, req.Old); err != nil {
			return req, err
		}
	}
	return req, nil
}

// short keeps a warning within what clients show.
func short(message string) string {
	if utf8.RuneCountInString(message) <= maxWarning {
		return message
	}
	return string([]rune(message)[:maxWarning-1]) + "…"
}
