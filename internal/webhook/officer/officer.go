// Package officer judges DataProtectionOfficers at admission: what a schema cannot parse.
package officer

import (
	"context"
	"fmt"
	"net/mail"
	"time"

	"github.com/robfig/cron/v3"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// Path is where the API server calls.
const Path = "/validate/dataprotectionofficer"

// RuleReadable refuses what cannot be read as what it should be.
const RuleReadable = "readable"

type request = review.Request[*v1alpha1.DataProtectionOfficer]

// New makes a handler.
func New(scheme *runtime.Scheme) admission.Handler {
	return review.Handler(scheme, func() *v1alpha1.DataProtectionOfficer { return &v1alpha1.DataProtectionOfficer{} },
		func(_ context.Context, req request) (review.Answer, error) {
			var answer review.Answer
			if !req.Deleted() {
				judge(&answer, &req.Object.Spec)
			}
			return answer, nil
		})
}

func judge(answer *review.Answer, spec *v1alpha1.DataProtectionOfficerSpec) {
	refuse := func(field, message string) {
		answer.Refuse(RuleReadable, field, fmt.Sprintf("%s %s (rule %s)", field, message, RuleReadable))
	}
	// Local is whatever the process runs in: civil dates would differ between clusters.
	if _, err := time.LoadLocation(spec.TimeZone); err != nil || spec.TimeZone == "Local" || spec.TimeZone == "" {
		refuse("spec.timeZone", "is no IANA time zone; write one such as Europe/Paris")
	}
	if spec.Digest != nil {
		if _, err := cron.ParseStandard(spec.Digest.Schedule); err != nil {
			refuse("spec.digest.schedule", `is no cron expression of five fields; write one such as "0 8 * * 1-5"`)
		}
	}
	if email := spec.Officer.Email; email != "" {
		if parsed, err := mail.ParseAddress(email); err != nil || parsed.Address != email {
			refuse("spec.officer.email", "is no plain mail address; write one such as dpo@example.eu")
		}
	}
}
