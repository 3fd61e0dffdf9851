package residency

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Suspicion is a volume with governed data in a place that an enforcing policy denies: it may be a breach (Article 4(12)), and
// a person must say.
type Suspicion struct {
	Finding
	Policy string
}

// Suspicions are the volumes of a scan that may be breaches, once each, by the first policy that denies them.
func (s *Scan) Suspicions() []Suspicion {
	var found []Suspicion
	seen := map[string]struct{}{}
	for _, policy := range s.All() {
		if !policy.Enforced {
			continue
		}
		for _, f := range policy.Findings {
			if f.Rule != RuleVolume || f.Verdict != v1alpha1.VerdictDenied || len(f.Registers) == 0 || has(seen, f.UID) {
				continue
			}
			seen[f.UID] = struct{}{}
			found = append(found, Suspicion{f, policy.Policy})
		}
	}
	return found
}

// IncidentName is the name of the incident about a volume: one for as long as the volume is.
func (s Suspicion) IncidentName() string {
	sum := sha256.Sum256([]byte(s.UID))
	return "residency-" + hex.EncodeToString(sum[:8])
}

// Incident is the suspected breach, for the officer of a register that governs the volume. Awareness, risk and verdict are for
// people: the provisional clock counts from when it was seen.
func (s Suspicion) Incident(register *v1alpha1.DataRegister) *v1alpha1.BreachIncident {
	detected, title := s.FirstSeen, "ResidencyPolicy "+s.Policy
	if s.Policy == "" {
		title = "the " + BuiltInPolicy
	}
	incident := &v1alpha1.BreachIncident{Spec: v1alpha1.BreachIncidentSpec{
		OfficerRef: register.Spec.OfficerRef, Role: v1alpha1.BreachRoleController, Verdict: v1alpha1.BreachSuspected, DetectedTime: &detected,
		Description: fmt.Sprintf("A scan found data of DataRegister %s where %s does not allow them: %s. Say whether personal data were disclosed or transferred without a ground (Articles 44 to 49)",
			register.Name, title, s.Message),
		Affected: []v1alpha1.AffectedThing{{Kind: v1alpha1.AffectedVolume, Name: v1alpha1.ObjectName(s.Name), FromTime: &detected}},
	}}
	incident.Namespace, incident.Name = s.Namespace, s.IncidentName()
	incident.Labels = map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelRegister: register.Name}
	switch {
	case register.Spec.Role == v1alpha1.RoleProcessor:
		incident.Spec.Role = v1alpha1.BreachRoleProcessor
		for _, controller := range register.Spec.Controllers {
			incident.Spec.Controllers = append(incident.Spec.Controllers, v1alpha1.InformedController{Name: controller.Name})
		}
	case len(register.Spec.JointControllers) > 0:
		incident.Spec.Role = v1alpha1.BreachRoleJointController
	}
	return incident
}

// Governor returns the first of the registers that govern the volume; nil when none is there any more.
func (s Suspicion) Governor(registers []v1alpha1.DataRegister) *v1alpha1.DataRegister {
	var first *v1alpha1.DataRegister
	for i := range registers {
		r := &registers[i]
		if r.Namespace == s.Namespace && slices.Contains(s.Registers, r.Name) && (first == nil || r.Name < first.Name) {
			first = r
		}
	}
	return first
}
