package erasurerequest

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// fourEyes asks for a second person where an officer of the registers concerned wants one: who made the request does not
// approve it, and none runs without an approval.
func (j judge) fourEyes(ctx context.Context, answer *review.Answer, req request) error {
	decision := req.Object.Spec.Decision
	approves := decision != nil && decision.Verdict == v1alpha1.ErasureApproved && (req.Created() || req.Old.Spec.Decision == nil)
	automatic := req.Created() && req.Object.Spec.Execution == v1alpha1.ExecutionAutomatic
	if !approves && !automatic {
		return nil
	}
	officer, err := j.wants(ctx, req.Object)
	if err != nil || officer == "" {
		return err
	}
	by := req.Object.Spec.RequestedBy
	switch {
	case automatic:
		answer.Refuse(RuleFourEyes, "spec.execution", fmt.Sprintf("DataProtectionOfficer %s wants four eyes on each erasure, so none is Automatic (rule %s); use AfterApproval", officer, RuleFourEyes))
	case by == nil || by.By == "":
		answer.Refuse(RuleFourEyes, "spec.decision", fmt.Sprintf("DataProtectionOfficer %s wants four eyes on each erasure, and nothing says who made this request (rule %s); delete it and make a new one", officer, RuleFourEyes))
	case by.By == req.UserInfo.Username:
		answer.Refuse(RuleFourEyes, "spec.decision", fmt.Sprintf("DataProtectionOfficer %s wants four eyes on each erasure, and you made this request (rule %s); another person with the verb approve decides", officer, RuleFourEyes))
	}
	return nil
}

// wants names an officer of the request's registers who wants four eyes; empty when none does. Registers and officers are read
// live: an approval is not undone.
func (j judge) wants(ctx context.Context, request *v1alpha1.ErasureRequest) (string, error) {
	registers := &v1alpha1.DataRegisterList{}
	if err := j.live.List(ctx, registers, client.InNamespace(request.Namespace)); err != nil {
		return "", fmt.Errorf("listing registers: %w", err)
	}
	chosen, _ := erasure.Choose(request, registers.Items)
	seen := map[v1alpha1.ObjectName]bool{}
	for i := range chosen {
		name := chosen[i].Spec.OfficerRef.Name
		if seen[name] {
			continue
		}
		seen[name] = true
		officer := &v1alpha1.DataProtectionOfficer{}
		if err := j.live.Get(ctx, client.ObjectKey{Name: string(name)}, officer); client.IgnoreNotFound(err) != nil {
			return "", fmt.Errorf("reading an officer: %w", err)
		}
		if officer.Spec.Approval == v1alpha1.ApprovalFourEyes {
			return string(name), nil
		}
	}
	return "", nil
}
