package policy

import (
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// RouteKind is the kind of routes of Gateway API, which a cluster may lack.
var RouteKind = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}

// routeApply is what is written of an HTTPRoute: enough to let one host reach one Service. What the API server would fill
// in is written too, so that a second pass changes nothing.
type routeApply struct {
	metav1ac.TypeMetaApplyConfiguration    `json:",inline"`
	*metav1ac.ObjectMetaApplyConfiguration `json:"metadata,omitempty"`
	Spec                                   routeSpec `json:"spec"`
}

// IsApplyConfiguration says that it is written by server-side apply.
func (*routeApply) IsApplyConfiguration() {}

type routeSpec struct {
	ParentRefs []parentRef `json:"parentRefs"`
	Hostnames  []string    `json:"hostnames"`
	Rules      []routeRule `json:"rules"`
}

// parentRef names a Gateway, as a route asks for it and as the Gateway answers.
type parentRef struct {
	Group       string `json:"group"`
	Kind        string `json:"kind"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName,omitempty"`
	Port        int32  `json:"port,omitempty"`
}

type routeRule struct {
	Matches     []routeMatch   `json:"matches"`
	BackendRefs []routeBackend `json:"backendRefs"`
}

type routeMatch struct {
	Path routePath `json:"path"`
}

type routePath struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type routeBackend struct {
	Group  string `json:"group"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Port   int32  `json:"port"`
	Weight int32  `json:"weight"`
}

// Routed tells whether a policy asks for a route of Gateway API, and not for an Ingress.
func Routed(p *v1alpha1.ConsentPolicy) bool {
	return p.Spec.Service.Host != "" && p.Spec.Service.GatewayRef != nil
}

// parentOf is the Gateway that a policy names.
func parentOf(p *v1alpha1.ConsentPolicy) parentRef {
	ref := p.Spec.Service.GatewayRef
	return parentRef{Group: RouteKind.Group, Kind: "Gateway", Namespace: string(ref.Namespace), Name: string(ref.Name), SectionName: string(ref.SectionName)}
}

// route lets pages and people reach the service by its host, through a Gateway.
func route(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) runtime.ApplyConfiguration {
	p := in.Policy
	rule := routeRule{BackendRefs: []routeBackend{{Kind: "Service", Name: ServiceName(p.Name), Port: ServicePort, Weight: 1}}}
	for _, path := range publicPaths {
		rule.Matches = append(rule.Matches, routeMatch{Path: routePath{Type: "PathPrefix", Value: path}})
	}
	return &routeApply{
		TypeMetaApplyConfiguration: *metav1ac.TypeMeta().WithAPIVersion(RouteKind.GroupVersion().String()).WithKind(RouteKind.Kind),
		ObjectMetaApplyConfiguration: metav1ac.ObjectMeta().WithName(ServiceName(p.Name)).WithNamespace(p.Namespace).
			WithLabels(labels(p.Name, ComponentService)).WithOwnerReferences(owner),
		Spec: routeSpec{ParentRefs: []parentRef{parentOf(p)}, Hostnames: []string{p.Spec.Service.Host}, Rules: []routeRule{rule}},
	}
}

// routeSeen is what is read of a route: what its Gateways answered.
type routeSeen struct {
	Status struct {
		Parents []struct {
			ParentRef  parentRef          `json:"parentRef"`
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"parents"`
	} `json:"status"`
}

// answerOf finds what the policy's Gateway answered to its route as it is now: the conditions by type. A condition about an
// older route is no answer, and where several controllers answer for one Gateway, a refusal counts.
func answerOf(p *v1alpha1.ConsentPolicy, object *unstructured.Unstructured) map[string]metav1.Condition {
	var seen routeSeen
	if object == nil || runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &seen) != nil {
		return nil // another shape is no answer
	}
	wanted, said := within(parentOf(p), p.Namespace), map[string]metav1.Condition{}
	for _, parent := range seen.Status.Parents {
		if within(parent.ParentRef, p.Namespace) != wanted {
			continue
		}
		for _, c := range parent.Conditions {
			if c.ObservedGeneration >= object.GetGeneration() && said[c.Type].Status != metav1.ConditionFalse {
				said[c.Type] = c
			}
		}
	}
	return said
}

// within writes out the namespace of a Gateway that a route of a namespace names.
func within(ref parentRef, namespace string) parentRef {
	if ref.Namespace == "" {
		ref.Namespace = namespace
	}
	return ref
}

// routeConditions are the conditions of a route that pages need, and what a person does about each.
var routeConditions = []struct{ kind, reason, advice string }{
	{"Accepted", v1alpha1.ReasonRouteNotAccepted, "see that a listener of it fits spec.service.host and lets the policy's namespace in (allowedRoutes)"},
	{"ResolvedRefs", v1alpha1.ReasonRouteUnresolved, "see the status of the HTTPRoute"},
}

// reached asks whether the Gateway lets pages in.
func reached(in Input, seen Seen) condition.Objection {
	if !Routed(in.Policy) {
		return condition.Objection{}
	}
	if !in.RoutesServed {
		return condition.Objection{Reason: v1alpha1.ReasonGatewayAPIMissing, Message: "The cluster has no HTTPRoutes of gateway.networking.k8s.io/v1; install Gateway API and a Gateway, or name an ingressClassName in the place of the gatewayRef"}
	}
	said, name := answerOf(in.Policy, seen.Route), in.Policy.Spec.Service.GatewayRef.Name
	for _, needed := range routeConditions {
		switch c := said[needed.kind]; c.Status {
		case metav1.ConditionTrue:
		case metav1.ConditionFalse:
			return condition.Objection{Reason: needed.reason, Message: fmt.Sprintf("Gateway %q says of the route that %s is False with reason %s; %s", name, needed.kind, c.Reason, needed.advice)}
		default:
			return condition.Objection{Reason: v1alpha1.ReasonRoutePending, Working: true, Message: fmt.Sprintf("Gateway %q has not answered for the route yet; see that it exists and that its controller runs", name)}
		}
	}
	return condition.Objection{}
}

// IngressGoes tells whether the policy's Ingress is to be removed: it has no host, or the Gateway that it names lets pages in. Until then
// pages and withdrawals go on by the Ingress of before (Article 7(3): as easy as to give consent), unless that leads another host, which
// another policy may have by now.
func IngressGoes(in Input, seen Seen) bool {
	switch host := in.Policy.Spec.Service.Host; {
	case !Routed(in.Policy):
		return host == ""
	case seen.Ingress != nil && !leads(seen.Ingress, host):
		return true
	default:
		return !reached(in, seen).Any()
	}
}

// leads tells whether an Ingress leads a host, and no other.
func leads(ingress *networkingv1.Ingress, host string) bool {
	return !slices.ContainsFunc(ingress.Spec.Rules, func(rule networkingv1.IngressRule) bool { return rule.Host != host })
}
