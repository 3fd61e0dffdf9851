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
	for range 2 {
		if got := reason(b.pass(), "Provisioned"); got != "False RoutePending" || b.route() == nil || b.get("chat-consentd", &networkingv1.Ingress{}) {
			t.Errorf("%s", got)
		}
	}
	answered := b.route()
	answered.Object["status"] = map[string]any{"parents": []any{map[string]any{"controllerName": "acme.example/gateway",
		"parentRef": map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"},
		"conditions": []any{map[string]any{"type": "Accepted", "status": "True", "reason": "Accepted"},
			map[string]any{"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs"}}}}}
	b.must(b.Update(t.Context(), answered))
	for range 2 {
		if got := reason(b.pass(), "Provisioned"); got != "True ServiceProvisioned" {
			t.Error(got)
		}
	}
	point(nil)
	for range 2 {
		if b.pass(); b.route() != nil || !b.get("chat-consentd", &networkingv1.Ingress{}) {
			t.Error("the route stays, or there is no Ingress again")
		}
	}
}
