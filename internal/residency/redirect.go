package residency

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

const kindService = "Service"

// Redirects tells whether a Service stands for a host outside of the cluster: it is of type ExternalName, and its name is not
// that of a Service. What a Service of the cluster stands for is where its pods are.
func Redirects(service *corev1.Service) bool {
	host := hostOf(service.Spec.ExternalName)
	return service.Spec.Type == corev1.ServiceTypeExternalName && !strings.HasSuffix(host, ".svc") && !strings.HasSuffix(host, ".svc.cluster.local")
}

// JudgeRedirect judges the host that a Service stands for, by what the registers of its namespace and the policy say of it: an
// external store that is reached there, else a declared server. Data that go to a third country are transferred: a register must
// record that (Article 30(1)(e), Chapter V).
func (r *Rules) JudgeRedirect(service *corev1.Service, registers []*v1alpha1.DataRegister) ExternalVerdict {
	host := hostOf(service.Spec.ExternalName)
	for _, register := range registers {
		for i := range register.Spec.Stores {
			store := &register.Spec.Stores[i]
			if store.External != nil && store.Connection != nil && hostOf(store.Connection.Host) == host {
				judged := r.JudgeExternal(register, store)
				if judged.Message != "" {
					judged.Message = fmt.Sprintf("it stands for %s, store %q of DataRegister %q: %s", quote(host), store.Name, register.Name, judged.Message)
				}
				return judged
			}
		}
	}
	place := r.locateServer(host)
	verdict, reason := r.JudgePlace(place)
	third := place.Law != v1alpha1.ZoneEU && place.Law != v1alpha1.ZoneEEA
	switch {
	case !place.Known():
		return ExternalVerdict{v1alpha1.VerdictUnknown, reason, place, fmt.Sprintf(
			"it stands for %s, and nobody says where that is. If personal data go there, record it in a DataRegister as an external store with that connection.host, and the transfer, or declare the host in spec.storage.servers", quote(host))}
	case !third && verdict != v1alpha1.VerdictAllowed:
		return ExternalVerdict{verdict, reason, place, fmt.Sprintf("it stands for %s in %s; allowed: %s", quote(host), place.Country, r.Allows())}
	case third && !slices.ContainsFunc(registers, func(register *v1alpha1.DataRegister) bool { return transferred(register, "", place.Country) }):
		if verdict == v1alpha1.VerdictAllowed {
			reason = ReasonTransferMissing
		}
		return ExternalVerdict{v1alpha1.VerdictDenied, reason, place, fmt.Sprintf(
			"it stands for %s in %s (%s); allowed: %s. Record the transfer with its mechanism in spec.activities[].transfers of a DataRegister (Articles 30(1)(e) and 44 to 49)",
			quote(host), place.Country, place.Law, r.Allows())}
	default:
		return ExternalVerdict{Verdict: v1alpha1.VerdictAllowed, Reason: ReasonDeclared, Place: place}
	}
}

// redirect judges where a Service sends what asks for it. That is only found, and never refused: a Service moves no data.
func (s *scanner) redirect(service *corev1.Service) {
	guard := s.Snapshot.GuardOf(service.Namespace)
	if guard == nil || !Redirects(service) {
		return
	}
	var registers []*v1alpha1.DataRegister
	for i := range s.Registers {
		if s.Registers[i].Namespace == service.Namespace {
			registers = append(registers, &s.Registers[i])
		}
	}
	for _, policy := range guard.Policies {
		judged := policy.Rules.JudgeRedirect(service, registers)
		s.see(policy, Finding{Rule: RuleDeclaredPlace, Kind: kindService, Namespace: service.Namespace, Name: service.Name, UID: string(service.UID),
			Verdict: judged.Verdict, Reason: judged.Reason, Place: judged.Place,
			Message: unlessAllowed(judged.Verdict, func() string { return fmt.Sprintf("service %s: %s", quote(service.Name), judged.Message) })}, Target{})
	}
}
