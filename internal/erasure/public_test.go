package erasure_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestWhatWasMadePublicIsToldAndAnsweredFor (A17-02): who decides reads it before, and the request does not end until the register says
// who takes the steps, or why there are none.
func TestWhatWasMadePublicIsToldAndAnsweredFor(t *testing.T) {
	w, request := told(t, 1)
	public := &w.registers[0].Spec.Activities[0].Recipients[0]
	public.Kind, public.ContactChannel = v1alpha1.RecipientPublic, ""
	finding := func() string {
		t.Helper()
		w.settle()
		for _, f := range request.Status.Findings {
			if f.Rule == "A17-02" {
				return string(f.Severity) + " " + f.Article + " " + f.Subject + " " + f.Message
			}
		}
		return ""
	}
	for change, want := range map[string]string{
		"":        "Warning 17(2) crm/recipient/r000 Data were made public",
		"mail":    "is told through mail after the erasure",
		"because": "see that it is true of this person",
	} {
		public.ContactChannel, public.UntoldReason = "", ""
		switch change {
		case "mail":
			public.ContactChannel = "mail"
		case "because":
			public.UntoldReason = "search engines are asked by the web team"
		}
		if got := finding(); !strings.Contains(got, want) || change != "" && !strings.HasPrefix(got, "Info ") {
			t.Errorf("%q: %q, want %q", change, got, want)
		}
	}
	public.ContactChannel, public.UntoldReason = "", ""
	w.act(t, strings.Fields("approve r1"))
	w.settle()
	if c := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionRecipientsInformed); c.Reason != v1alpha1.ReasonNoChannel || request.Status.End != "" {
		t.Errorf("%+v, end %q", c, request.Status.End)
	}
	public.UntoldReason = "search engines are asked by the web team"
	w.settle()
	if got := request.Status.Recipients; request.Status.End == "" || len(got) != 1 || got[0].Result != v1alpha1.RecipientImpossible || got[0].Reason != public.UntoldReason {
		t.Errorf("%+v, end %q", got, request.Status.End)
	}
}
