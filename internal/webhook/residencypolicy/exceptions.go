package residencypolicy

import (
	"context"
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// RuleTerm is the rule that an exception ends within a year.
const RuleTerm = "exception-term"

// exceptions are added, prolonged and widened by those who may exempt, each time for a year at most.
func (j judge) exceptions(ctx context.Context, answer *review.Answer, req request) error {
	var before []v1alpha1.ResidencyException
	if !req.Created() {
		before = req.Old.Spec.Exceptions
	}
	for _, overlong := range residency.Overlong(before, req.Object.Spec.Exceptions, j.clock.Now()) {
		answer.Refuse(RuleTerm, "spec.exceptions", overlong+" (rule "+RuleTerm+")")
	}
	if name := residency.Excepts(before, req.Object.Spec.Exceptions); name != "" {
		return j.exempt(ctx, answer, req, "spec.exceptions", fmt.Sprintf("adding, prolonging or widening exception %q", name))
	}
	return nil
}
