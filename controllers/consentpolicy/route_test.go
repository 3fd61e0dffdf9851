package consentpolicy

import (
	"errors"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
)

// route reads the route of the policy, as a Gateway's controller would.
func (b *bench) route() *unstructured.Unstructured {
	b.t.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(policy.RouteKind)
	if !b.get("chat-consentd", object) {
		return nil
	}
	return object
}

// answer plays the controller of the Gateway, which says of the route whether it is Accepted and whether its Service is found.
func (b *bench) answer(accepted, resolved string) {
	b.t.Helper()
	route := b.route()
	route.Object["status"] = map[string]any{"parents": []any{map[string]any{"controllerName": "acme.example/gateway",
		"parentRef": map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"},
		"conditions": []any{map[string]any{"type": "Accepted", "status": accepted, "reason": "Said"},
			map[string]any{"type": "ResolvedRefs", "status": resolved, "reason": "Said"}}}}}
	b.must(b.Update(b.t.Context(), route))
}

func TestAGatewayTakesThePlaceOfTheIngressAndBack(t *testing.T) {
	b := settled(t, func(s *v1alpha1.ConsentPolicySpec) { s.Service.Host = "consent.acme.example" })
	if !b.get("chat-consentd", &networkingv1.Ingress{}) || b.route() != nil {
		t.Fatal("a host without a Gateway has an Ingress")
	}
	point := func(ref *v1alpha1.GatewayRef) {
		t.Helper()
		cpol := &v1alpha1.ConsentPolicy{}
		b.get("chat", cpol)
		cpol.Spec.Service.GatewayRef = ref
		b.must(b.Update(t.Context(), cpol))
	}
	point(&v1alpha1.GatewayRef{Name: "public"})
	b.fail = func(verb string, object any) error {
		if child, is := object.(interface{ GetKind() *string }); is && verb == "apply" && *child.GetKind() == "HTTPRoute" {
			return errors.New("the API server is away")
		}
		return nil
	}
	b.pass()
	if b.route() != nil || !b.get("chat-consentd", &networkingv1.Ingress{}) {
		t.Error("the Ingress went before the route was there")
	}
	b.fail = func(string, any) error { return nil }
	ingress := func() bool { return b.get("chat-consentd", &networkingv1.Ingress{}) }
	for range 2 {
		if got := reason(b.pass(), "Provisioned"); got != "False RoutePending" || b.route() == nil || !ingress() {
			t.Errorf("%s, and pages reach the service by an Ingress: %t", got, ingress())
		}
	}
	b.answer("False", "True")
	for range 2 {
		if got := reason(b.pass(), "Provisioned"); got != "False RouteNotAccepted" || !ingress() {
			t.Errorf("%s, and pages reach the service by an Ingress: %t", got, ingress())
		}
	}
	b.answer("True", "False")
	for range 2 {
		if got := reason(b.pass(), "Provisioned"); got != "False RouteUnresolved" || !ingress() {
			t.Errorf("%s, and pages reach the service by an Ingress: %t", got, ingress())
		}
	}
	b.answer("True", "True")
	for range 2 {
		if got := reason(b.pass(), "Provisioned"); got != "True ServiceProvisioned" || ingress() {
			t.Errorf("%s, and the Ingress stays: %t", got, ingress())
		}
	}
	point(nil)
	for range 2 {
		if b.pass(); b.route() != nil || !b.get("chat-consentd", &networkingv1.Ingress{}) {
			t.Error("the route stays, or there is no Ingress again")
		}
	}
}

// TestAHostThatIsLetGoHasNoIngress: another policy may have it from then on.
func TestAHostThatIsLetGoHasNoIngress(t *testing.T) {
	b := settled(t, func(s *v1alpha1.ConsentPolicySpec) { s.Service.Host = "consent.acme.example" })
	cpol := &v1alpha1.ConsentPolicy{}
	b.get("chat", cpol)
	cpol.Spec.Service.Host, cpol.Spec.Service.GatewayRef = "other.acme.example", &v1alpha1.GatewayRef{Name: "public"}
	b.must(b.Update(t.Context(), cpol))
	for range 2 {
		if got := reason(b.pass(), "Provisioned"); got != "False RoutePending" || b.get("chat-consentd", &networkingv1.Ingress{}) {
			t.Errorf("%s, or an Ingress for a host that the policy no longer has", got)
		}
	}
}
