package erasure_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// told plays a request to its approval in a namespace whose register has so many recipients with a channel, and returns it.
func told(t *testing.T, recipients int) (*world, *v1alpha1.ErasureRequest) {
	t.Helper()
	w := newWorld()
	w.act(t, strings.Fields("at 2026-03-05T08:00:00Z"))
	w.act(t, strings.Fields("officer Europe/Paris FR"))
	w.registers = append(w.registers, w.register("crm", channels(recipients)))
	w.act(t, strings.Fields("secret person email=ada@example.org"))
	w.act(t, strings.Fields("request r1 person 2026-03-05T08:00:00Z"))
	w.settle()
	return w, &w.requests[0]
}

func channels(n int) (recipients []string) {
	for i := range n {
		recipients = append(recipients, fmt.Sprintf("r%03d=mail", i))
	}
	return recipients
}

func TestEveryRecipientIsTold(t *testing.T) {
	w, request := told(t, 70)
	w.act(t, strings.Fields("approve r1"))
	w.settle()
	if len(w.messages) != 70 || len(request.Status.Recipients) != 70 || request.Status.End == "" {
		t.Errorf("%d messages, %d recipients, end %q", len(w.messages), len(request.Status.Recipients), request.Status.End)
	}
}

func TestMoreRecipientsThanARequestTellsAreSaidBeforeAnythingIsErased(t *testing.T) {
	w, request := told(t, 513)
	c := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionAccepted)
	if c.Reason != v1alpha1.ReasonTooManyRecipients || !strings.Contains(c.Message, "513") || !strings.Contains(c.Message, "mode Named") || w.erased != 0 || len(request.Status.Targets) != 0 {
		t.Errorf("%+v, %d targets", c, len(request.Status.Targets))
	}
}

func TestARequestDoesNotEndWhileARecipientIsNotTold(t *testing.T) {
	w, request := told(t, 512)
	w.registers[0].Spec.Activities[0].Recipients = w.register("crm", channels(520)).Spec.Activities[0].Recipients
	w.act(t, strings.Fields("approve r1"))
	w.settle()
	c := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionRecipientsInformed)
	if c.Reason != v1alpha1.ReasonTooManyRecipients || !strings.Contains(c.Message, "8 of 520") || !strings.Contains(c.Message, ": crm/r512, crm/r513, crm/r514, crm/r515, crm/r516 and 3 more. Tell them yourself") || len(w.messages) != 512 || request.Status.End != "" {
		t.Errorf("%+v, %d messages, end %q", c, len(w.messages), request.Status.End)
	}
	w.registers[0].Spec.Activities[0].Recipients = w.register("crm", channels(512)).Spec.Activities[0].Recipients
	w.settle()
	if request.Status.End != v1alpha1.EndPartlyErased && request.Status.End != v1alpha1.EndErased {
		t.Errorf("end %q", request.Status.End)
	}
}
