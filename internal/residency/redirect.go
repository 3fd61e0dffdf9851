package residency

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

const (
	kindService   = "Service"
	kindEndpoints = "EndpointSlice"
)

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
	return r.judgeHost(hostOf(service.Spec.ExternalName), registers)
}

func (r *Rules) judgeHost(host string, registers []*v1alpha1.DataRegister) ExternalVerdict {
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
	if Redirects(service) {
		s.hosts(kindService, &service.ObjectMeta, []string{hostOf(service.Spec.ExternalName)})
	}
}

// HandMade tells whether the endpoints of a Service were written by somebody, as those of one without a selector are, or copied
// from such: those of pods are where the pods are, and those of the API server are its own.
func HandMade(slice *discoveryv1.EndpointSlice) bool {
	return slice.Labels[discoveryv1.LabelManagedBy] != ManagedEndpoints && (slice.Namespace != metav1.NamespaceDefault || slice.Name != "kubernetes")
}

// ManagedEndpoints is who keeps the endpoints of Services that select pods, by the label of its slices.
const ManagedEndpoints = "endpointslice-controller.k8s.io"

// endpoints judges where hand-made endpoints lead out of the cluster: to names, and to public addresses. Private ones may be
// pods and machines beside it; network policies are for those.
func (s *scanner) endpoints(slice *discoveryv1.EndpointSlice) {
	if !HandMade(slice) {
		return
	}
	var hosts []string
	for i := range slice.Endpoints {
		for _, address := range slice.Endpoints[i].Addresses {
			if ip, err := netip.ParseAddr(address); err != nil || (ip.IsGlobalUnicast() && !ip.IsPrivate() && !shared.Contains(ip.Unmap())) {
				hosts = append(hosts, hostOf(address))
			}
		}
	}
	s.hosts(kindEndpoints, &slice.ObjectMeta, hosts)
}

// shared are the addresses that networks of providers share among themselves (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// hosts judges the hosts that an object leads to. The first that is not allowed counts.
func (s *scanner) hosts(kind string, object *metav1.ObjectMeta, hosts []string) {
	guard := s.Snapshot.GuardOf(object.Namespace)
	if guard == nil || len(hosts) == 0 {
		return
	}
	var registers []*v1alpha1.DataRegister
	for i := range s.Registers {
		if s.Registers[i].Namespace == object.Namespace {
			registers = append(registers, &s.Registers[i])
		}
	}
	for _, policy := range guard.Policies {
		var judged ExternalVerdict
		for _, host := range hosts {
			if judged = policy.Rules.judgeHost(host, registers); judged.Verdict != v1alpha1.VerdictAllowed {
				break
			}
		}
		s.see(policy, Finding{Rule: RuleDeclaredPlace, Kind: kind, Namespace: object.Namespace, Name: object.Name, UID: string(object.UID),
			Verdict: judged.Verdict, Reason: judged.Reason, Place: judged.Place,
			Message: unlessAllowed(judged.Verdict, func() string { return fmt.Sprintf("%s %s: %s", lower(kind), quote(object.Name), judged.Message) })}, Target{})
	}
}
