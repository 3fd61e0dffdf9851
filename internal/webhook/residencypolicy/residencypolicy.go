// Package residencypolicy judges ResidencyPolicies at admission: one default only, no loosening by somebody who may not,
// no deletion while a register rests on it.
package residencypolicy

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Path is where the API server calls.
const Path = "/validate/residencypolicy"

// Rules that refusals name.
const (
	RuleDefault = "one-default"
	RuleInUse   = "in-use"
	RuleExempt  = "exempt"
	RuleData    = "declared-place"
)

type request = review.Request[*v1alpha1.ResidencyPolicy]

type judge struct {
	reader client.Reader
	rights rights.Asker
	clock  clock.PassiveClock
}

// New makes a handler. Reader reads live.
func New(scheme *runtime.Scheme, reader client.Reader, asker rights.Asker, clock clock.PassiveClock) admission.Handler {
	j := judge{reader, asker, clock}
	return review.Handler(scheme, func() *v1alpha1.ResidencyPolicy { return &v1alpha1.ResidencyPolicy{} }, j.judge)
}

func (j judge) judge(ctx context.Context, req request) (review.Answer, error) {
	var answer review.Answer
	if req.Deleted() {
		return answer, j.deletion(ctx, &answer, req)
	}
	if !req.Created() && equality.Semantic.DeepEqual(req.Object.Spec, req.Old.Spec) {
		return answer, nil
	}
	for _, contradiction := range residency.Contradictions(req.Object.Spec) {
		answer.Refuse(RuleData, "spec", contradiction+" (rule "+RuleData+")")
	}
	for _, provider := range residency.UnknownProviders(req.Object.Spec) {
		answer.Warn(fmt.Sprintf("provider %q is not in the table of regions: only what spec.locations declares of it is known", provider))
	}
	if err := j.oneDefault(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.exceptions(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.takesOver(ctx, &answer, req); err != nil || req.Created() {
		return answer, err
	}
	if loosened := residency.Loosens(req.Old.Spec, req.Object.Spec); loosened != "" {
		return answer, j.exempt(ctx, &answer, req, "spec."+loosened, "loosening spec."+loosened)
	}
	return answer, nil
}

func (j judge) oneDefault(ctx context.Context, answer *review.Answer, req request) error {
	if req.Object.Spec.Role != v1alpha1.PolicyRoleDefault {
		return nil
	}
	policies := &v1alpha1.ResidencyPolicyList{}
	if err := j.reader.List(ctx, policies); err != nil {
		return fmt.Errorf("listing the policies: %w", err)
	}
	for i := range policies.Items {
		other := &policies.Items[i]
		if other.Name != req.Object.Name && other.Spec.Role == v1alpha1.PolicyRoleDefault {
			answer.Refuse(RuleDefault, "spec.role", fmt.Sprintf("ResidencyPolicy %q is the Default already, and there is one only (rule %s); make this one Named, or change that one first", other.Name, RuleDefault))
			return nil
		}
	}
	return nil
}

// takesOver refuses to who may not loosen that registers get, by the creation of a policy or by its becoming the Default, one
// that allows more than what held for them: the Default, or else the built-in one.
func (j judge) takesOver(ctx context.Context, answer *review.Answer, req request) error {
	isDefault := func(p *v1alpha1.ResidencyPolicy) bool { return p.Spec.Role == v1alpha1.PolicyRoleDefault }
	becomes := isDefault(req.Object) && (req.Created() || !isDefault(req.Old))
	if !req.Created() && !becomes {
		return nil
	}
	policies, registers := &v1alpha1.ResidencyPolicyList{}, &v1alpha1.DataRegisterList{}
	if err := errors.Join(j.reader.List(ctx, policies), j.reader.List(ctx, registers)); err != nil {
		return fmt.Errorf("reading what rests on the default policy: %w", err)
	}
	before, names := residency.BuiltIn(""), map[string]bool{}
	for i := range policies.Items {
		if other := &policies.Items[i]; other.Name != req.Object.Name {
			names[other.Name] = true
			if isDefault(other) {
				before = residency.Compile(other.Name, other.Spec, "")
			}
		}
	}
	now := residency.Compile(req.Object.Name, req.Object.Spec, "")
	for _, register := range residency.RegistersOf(registers.Items) {
		takes := (req.Created() && register.Policy == req.Object.Name) || (becomes && !names[register.Policy])
		if more := residency.AllowsMore(before, now, register.Namespace); takes && more != "" {
			return j.exempt(ctx, answer, req, "spec."+more, fmt.Sprintf("letting DataRegisters such as %s/%s, which %s holds for, have what that refuses (spec.%s)", register.Namespace, register.Name, before.Title(), more))
		}
	}
	return nil
}

// deletion is refused while a register rests on the policy, and to those who may not loosen.
func (j judge) deletion(ctx context.Context, answer *review.Answer, req request) error {
	registers := &v1alpha1.DataRegisterList{}
	if err := j.reader.List(ctx, registers); err != nil {
		return fmt.Errorf("listing the registers: %w", err)
	}
	users, first := 0, ""
	for _, register := range residency.RegistersOf(registers.Items) {
		if register.Policy == req.Old.Name || (register.Policy == "" && req.Old.Spec.Role == v1alpha1.PolicyRoleDefault) {
			if users++; first == "" {
				first = register.Namespace + "/" + register.Name
			}
		}
	}
	if users > 0 {
		answer.Refuse(RuleInUse, "", fmt.Sprintf("ResidencyPolicy %q is in use by %d DataRegister(s), such as %s (rule %s); let them name another policy, or delete them first", req.Old.Name, users, first, RuleInUse))
		return nil
	}
	return j.exempt(ctx, answer, req, "", "deleting a ResidencyPolicy")
}

// exempt asks for the right to let in what a policy refuses.
func (j judge) exempt(ctx context.Context, answer *review.Answer, req request, field, what string) error {
	question := rights.Question{Verb: "exempt", Group: v1alpha1.GroupName, Resource: "residencypolicies", Name: req.Name}
	allowed, err := j.rights.May(ctx, req.UserInfo, question)
	if err == nil && !allowed {
		answer.Refuse(RuleExempt, field, fmt.Sprintf("%s needs the right to %s, which you do not have (rule %s); ask for a role that has it", what, question, RuleExempt))
	}
	return err
}
