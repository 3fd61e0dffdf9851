// Package flow turns the outcome of a reconciler's step into what the work queue should do next. It alone knows
// ctrl.Result.
package flow

import (
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// soon is how long a pass waits after it lost a race for an object: the winner's version is then in the cache.
const soon = 200 * time.Millisecond

// Permanent is an error that no retry mends: only a person can. Reason and Message are shown to users, so both are
// chosen words, never the text of another error. Err is for the operator's log.
type Permanent struct {
	Reason, Message string
	Err             error
	// Elsewhere says that what a person is to change is another object, of whose change nobody hears: it is looked at again, less and less often.
	Elsewhere bool
}

// Error returns the chosen words.
func (p *Permanent) Error() string { return p.Reason + ": " + p.Message }

// Unwrap returns the cause.
func (p *Permanent) Unwrap() error { return p.Err }

// Next says when to look again. Wait counts when nothing failed; zero waits for the next event. A conflict, of the step
// or of the status, is quietly tried again soon; a Permanent error is not tried again until the object changes,
// unless it is about another one.
func Next(wait time.Duration, step, status error) (ctrl.Result, error) {
	var hopeless *Permanent
	switch {
	case apierrors.IsConflict(step) || apierrors.IsConflict(status):
		return ctrl.Result{RequeueAfter: soon}, nil
	case apierrors.IsNotFound(status) && step == nil: // the object went while we worked
		return ctrl.Result{}, nil
	case errors.As(step, &hopeless) && !hopeless.Elsewhere && status == nil:
		return ctrl.Result{}, reconcile.TerminalError(step)
	case step != nil || status != nil:
		return ctrl.Result{}, errors.Join(step, status)
	default:
		return ctrl.Result{RequeueAfter: wait}, nil
	}
}

// Refused tells whether an error says that what was asked for was not done: we did not ask, or the API server answered that it will not.
// After any other error it may have been done.
func Refused(err error) bool {
	var hopeless *Permanent
	var answer apierrors.APIStatus
	return errors.As(err, &hopeless) || errors.As(err, &answer) && answer.Status().Code/100 == 4 && answer.Status().Code != http.StatusRequestTimeout
}

// Backoff is the rate limiter of every controller: from 1 s to about 7 min per object.
func Backoff() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](time.Second, 7*time.Minute)
}

// Earliest returns the shorter of two waits, where zero means no wait of its own.
func Earliest(a, b time.Duration) time.Duration {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}
