package flow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/internal/kube/flow"
)

func TestNextTellsTheQueueWhatTheStepCameTo(t *testing.T) {
	gr := schema.GroupResource{Resource: "things"}
	conflict := apierrors.NewConflict(gr, "a", errors.New("newer"))
	missing := apierrors.NewNotFound(gr, "a")
	permanent := &flow.Permanent{Reason: "Bad", Message: "Mend it"}
	other := errors.New("reading: refused")
	cases := []struct {
		name            string
		wait            time.Duration
		step, status    error
		after           time.Duration
		failed, forGood bool
	}{
		{name: "nothing to do waits for events"},
		{name: "a wait is kept", wait: time.Minute, after: time.Minute},
		{name: "a conflict of the step comes back soon and is no error", step: conflict, after: 200 * time.Millisecond},
		{name: "a conflict of the status too, even beside an error", step: other, status: conflict, after: 200 * time.Millisecond},
		{name: "an object that went away is done", status: missing},
		{name: "an error backs off", wait: time.Minute, step: other, failed: true},
		{name: "a status that could not be written backs off", status: other, failed: true},
		{name: "a permanent error ends the attempts", step: permanent, failed: true, forGood: true},
		{name: "a permanent error about another object backs off", step: &flow.Permanent{Reason: "NameTaken", Elsewhere: true}, failed: true},
		{name: "a permanent error that could not be reported is tried again", step: permanent, status: other, failed: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			result, err := flow.Next(c.wait, c.step, c.status)
			if result.RequeueAfter != c.after {
				t.Errorf("comes back after %v, want %v", result.RequeueAfter, c.after)
			}
			if (err != nil) != c.failed {
				t.Errorf("error is %v, want one: %v", err, c.failed)
			}
			if errors.Is(err, reconcile.TerminalError(nil)) != c.forGood {
				t.Errorf("terminal is %v, want %v", !c.forGood, c.forGood)
			}
		})
	}
}

func TestEarliestIgnoresZero(t *testing.T) {
	for _, c := range []struct{ a, b, want time.Duration }{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 3, 3}, {3, 5, 3}} {
		if got := flow.Earliest(c.a, c.b); got != c.want {
			t.Errorf("Earliest(%d, %d) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestWhatIsRefusedWasNotDone(t *testing.T) {
	gr := schema.GroupResource{Resource: "things"}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"none":           {nil, false},
		"not asked":      {fmt.Errorf("applying: %w", &flow.Permanent{Reason: "NameTaken"}), true},
		"forbidden":      {fmt.Errorf("applying: %w", apierrors.NewForbidden(gr, "a", errors.New("quota"))), true},
		"invalid":        {apierrors.NewInvalid(schema.GroupKind{Kind: "Thing"}, "a", nil), true},
		"too many":       {apierrors.NewTooManyRequests("later", 1), true},
		"timed out":      {apierrors.NewTimeoutError("late", 1), false},
		"server timeout": {apierrors.NewServerTimeout(gr, "create", 1), false},
		"server error":   {apierrors.NewInternalError(errors.New("etcd")), false},
		"network":        {errors.New("connection reset"), false},
		"own deadline":   {context.DeadlineExceeded, false},
	} {
		if got := flow.Refused(c.err); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
