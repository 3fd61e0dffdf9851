package officer

import (
	"testing"
	_ "time/tzdata"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		zone, schedule, email string
		refused               string
	}{
		"all readable":            {"Europe/Paris", "0 8 * * 1-5", "dpo@example.eu", ""},
		"nothing optional":        {"UTC", "", "", ""},
		"a zone that is not":      {"Europe/Atlantis", "", "", "spec.timeZone"},
		"the process's own zone":  {"Local", "", "", "spec.timeZone"},
		"a schedule that is not":  {"UTC", "every monday", "", "spec.digest.schedule"},
		"an address with a name":  {"UTC", "", "DPO <dpo@example.eu>", "spec.officer.email"},
		"an address that is none": {"UTC", "", "dpo@", "spec.officer.email"},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.DataProtectionOfficer{Spec: v1alpha1.DataProtectionOfficerSpec{TimeZone: test.zone, Officer: v1alpha1.Officer{Email: test.email}}}
			if test.schedule != "" {
				object.Spec.Digest = &v1alpha1.Digest{Schedule: test.schedule}
			}
			harness.Expect(t, New(harness.Scheme(t)).Handle(t.Context(), harness.Request(t, "alice", object, nil)), test.refused)
		})
	}
}
