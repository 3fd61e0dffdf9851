package erasure_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestWhatIsErasedBesideAHoldIsToldAtOnce: recipients need not wait for the end of a hold to know what is erased already (Article 19), and
// are told of the rest when that goes.
func TestWhatIsErasedBesideAHoldIsToldAtOnce(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm mailer=mail", "secret p1 email=ada@example.org", "store deletes 3 keeps 0",
		"hold tax 2026-12-31 table=orders", "request r1 p1 2026-03-05T08:00:00Z Automatic")
	r := &w.requests[0].Status
	if len(r.Recipients) != 1 || r.Recipients[0].Result != v1alpha1.RecipientInformed || r.Recipients[0].Notices != nil || len(w.messages) != 1 || r.End != "" {
		t.Fatalf("on hold: %+v, %d messages, end %q", r.Recipients, len(w.messages), r.End)
	}
	if c := meta.FindStatusCondition(r.Conditions, v1alpha1.ConditionRecipientsInformed); c.Status != "False" || !strings.Contains(c.Message, "so far 1 recipients have a result") {
		t.Errorf("on hold: %+v", c)
	}
	acts(t, w, "at 2026-04-01T09:00:00Z", "post waits", "forget tax")
	if r = &w.requests[0].Status; r.Recipients[0].Result != v1alpha1.RecipientPending || r.Recipients[0].Notices == nil || *r.Recipients[0].Notices != 2 || r.End != "" {
		t.Fatalf("after the hold: %+v, end %q", r.Recipients, r.End)
	}
	acts(t, w, "post delivers")
	if r = &w.requests[0].Status; r.Recipients[0].Result != v1alpha1.RecipientInformed || r.End != v1alpha1.EndErased {
		t.Errorf("after the second notice: %+v, end %q", r.Recipients, r.End)
	}
	if w.pass() {
		t.Error("it does not come to rest")
	}
}

// TestANoticeThatWasUnderWaySaysNothingOfWhatIsErasedLater: it was written before, whenever it arrives.
func TestANoticeThatWasUnderWaySaysNothingOfWhatIsErasedLater(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm mailer=mail", "secret p1 email=ada@example.org", "store deletes 3 keeps 0", "post waits",
		"hold tax 2026-12-31 table=orders", "request r1 p1 2026-03-05T08:00:00Z Automatic", "at 2026-04-01T09:00:00Z", "forget tax", "post delivers")
	r := &w.requests[0].Status
	if r.End != v1alpha1.EndErased || r.Recipients[0].Notices == nil || *r.Recipients[0].Notices != 2 {
		t.Errorf("end %q, %+v", r.End, r.Recipients)
	}
}

// TestAStoreThatFailsKeepsNobodyFromBeingToldOfTheOther: nobody knows when it will answer again.
func TestAStoreThatFailsKeepsNobodyFromBeingToldOfTheOther(t *testing.T) {
	w := pair(t)
	for range 50 { // the other run has not begun
		w.judge(&w.requests[0])
		w.dispatch(&w.registers[0])
		for k := range w.runs {
			if w.runs[k].Spec.Store == "main" {
				w.follow(&w.runs[k])
			}
		}
	}
	if len(w.requests[0].Status.Recipients) != 0 {
		t.Error("a request that gets on tells its recipients once, at its end")
	}
	off["its dataset"](w)
	w.settle()
	if r := &w.requests[0].Status; len(r.Recipients) != 1 || r.Recipients[0].Result != v1alpha1.RecipientInformed || r.End != "" {
		t.Errorf("%+v, end %q", r.Recipients, r.End)
	}
}

// TestANoticeIsSaidAndNoMore: a channel took a notice that names nobody; whether the recipient knows whom it concerns is not known.
func TestANoticeIsSaidAndNoMore(t *testing.T) {
	w, request := told(t, 2)
	w.act(t, strings.Fields("approve r1"))
	w.settle()
	c := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionRecipientsInformed)
	if !strings.Contains(c.Message, "channels of 2 recipients accepted a notice") || !strings.Contains(c.Message, "names this request and nobody") || strings.Contains(c.Message, "was told") {
		t.Error(c.Message)
	}
	for _, r := range request.Status.Recipients {
		if r.Reason != v1alpha1.ReasonNoticeAccepted {
			t.Errorf("%+v", r)
		}
	}
}
