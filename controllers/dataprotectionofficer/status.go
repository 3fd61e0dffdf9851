package dataprotectionofficer

import (
	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
	"github.com/rempart-dev/rempart/internal/officer"
)

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(dpo *v1alpha1.DataProtectionOfficer, verdict officer.Verdict, err error) {
	status, generation := &dpo.Status, dpo.Generation
	status.ObservedGeneration = &generation
	if err == nil {
		status.Registers = &verdict.Registers
		status.OpenErasureRequests, status.OverdueErasureRequests = &verdict.OpenRequests, &verdict.OverdueRequests
		status.OpenBreaches, status.OverdueBreaches = &verdict.OpenBreaches, &verdict.OverdueBreaches
		status.NextDeadlineTime, status.NextDeadlineFor = verdict.NextTime, verdict.NextFor
	}
	conditions.Report(&status.Conditions, generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}
