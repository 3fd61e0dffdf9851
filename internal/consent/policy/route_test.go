package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// routed is a pass of a policy that names a Gateway of another namespace.
func routed(t *testing.T, served bool) Input {
	t.Helper()
	in := input(t, "managed")
	s := &in.Policy.Spec.Service
	s.IngressClassName, s.TLSSecretRef, s.GatewayRef = "", nil, &v1alpha1.GatewayRef{Name: "public", Namespace: "infra", SectionName: "https"}
	in.RoutesServed = served
	return in
}

const wantRoute = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  labels:
    app.kubernetes.io/managed-by: rempart
    gdpr.rempart.dev/component: consentd
    gdpr.rempart.dev/consent-policy: chat
  name: chat-consentd
  namespace: shop
  ownerReferences:
  - apiVersion: gdpr.rempart.dev/v1alpha1
    blockOwnerDeletion: true
    controller: true
    kind: ConsentPolicy
    name: chat
    uid: one
spec:
  hostnames:
  - consent.acme.example
  parentRefs:
  - group: gateway.networking.k8s.io
    kind: Gateway
    name: public
    namespace: infra
    sectionName: https
  rules:
  - backendRefs:
    - group: ""
      kind: Service
      name: chat-consentd
      port: 80
      weight: 1
    matches:
    - path:
        type: PathPrefix
        value: /w/
    - path:
        type: PathPrefix
        value: /v1/sites/
    - path:
        type: PathPrefix
        value: /me/
    - path:
        type: PathPrefix
        value: /.well-known/
`

func TestARouteTakesThePlaceOfTheIngressWhereThereCanBeOne(t *testing.T) {
	if have := kinds(t, routed(t, true)); !strings.HasSuffix(have, " Deployment HorizontalPodAutoscaler HTTPRoute") || strings.Contains(have, "Ingress") {
		t.Error(have)
	}
	if have := kinds(t, routed(t, false)); !strings.HasSuffix(have, " Deployment HorizontalPodAutoscaler") {
		t.Errorf("without Gateway API: %s", have)
	}
	in := routed(t, true)
	if in.Policy.Spec.Service.Host = ""; strings.Contains(kinds(t, in), "HTTPRoute") {
		t.Error("a route of no host takes all hosts of the Gateway")
	}
	in = routed(t, true)
	text, err := yaml.Marshal(route(in, owned(in.Policy)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantRoute, string(text)); diff != "" {
		t.Error(diff)
	}
}

// answered is a route as it is read, of generation 2, with the status of its parents.
func answered(t *testing.T, parents string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte("metadata: {generation: 2}\nstatus: {parents: ["+parents+"]}"), &object.Object); err != nil {
		t.Fatal(err)
	}
	object.SetGeneration(2)
	return object
}

func TestProvisionedSaysWhatTheGatewaySaysOfTheRoute(t *testing.T) {
	const (
		parent   = `{parentRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public, namespace: infra, sectionName: https}, controllerName: acme.example/gateway, conditions: [`
		accepted = `{type: Accepted, status: "True", reason: Accepted, observedGeneration: 2, lastTransitionTime: "2026-11-24T12:00:00Z", message: ""}, `
		refused  = `{type: Accepted, status: "False", reason: NotAllowedByListeners, observedGeneration: 2, lastTransitionTime: "2026-11-24T12:00:00Z", message: ""}, `
		resolved = `{type: ResolvedRefs, status: "True", reason: ResolvedRefs, observedGeneration: 2, lastTransitionTime: "2026-11-24T12:00:00Z", message: ""}`
		unfound  = `{type: ResolvedRefs, status: "False", reason: BackendNotFound, observedGeneration: 2, lastTransitionTime: "2026-11-24T12:00:00Z", message: ""}`
	)
	older := func(text string) string {
		return strings.ReplaceAll(text, "observedGeneration: 2", "observedGeneration: 1")
	}
	for name, test := range map[string]struct {
		route  *unstructured.Unstructured
		served bool
		want   string
	}{
		"no Gateway API":                 {nil, false, v1alpha1.ReasonGatewayAPIMissing},
		"not written yet":                {nil, true, v1alpha1.ReasonRoutePending},
		"nobody answered":                {answered(t, ""), true, v1alpha1.ReasonRoutePending},
		"taken":                          {answered(t, parent+accepted+resolved+"]}"), true, ""},
		"not let in":                     {answered(t, parent+refused+resolved+"]}"), true, v1alpha1.ReasonRouteNotAccepted},
		"the service is not found":       {answered(t, parent+accepted+unfound+"]}"), true, v1alpha1.ReasonRouteUnresolved},
		"half an answer":                 {answered(t, parent+accepted+"]}"), true, v1alpha1.ReasonRoutePending},
		"an answer to an older route":    {answered(t, parent+older(accepted+resolved)+"]}"), true, v1alpha1.ReasonRoutePending},
		"another listener":               {answered(t, strings.Replace(parent, "https", "http", 1)+accepted+resolved+"]}"), true, v1alpha1.ReasonRoutePending},
		"a Gateway of the same name":     {answered(t, strings.Replace(parent, "namespace: infra", "namespace: shop", 1)+accepted+resolved+"]}"), true, v1alpha1.ReasonRoutePending},
		"two controllers, one refuses":   {answered(t, parent+refused+resolved+"]}, "+parent+accepted+resolved+"]}"), true, v1alpha1.ReasonRouteNotAccepted},
		"two controllers, the other one": {answered(t, parent+accepted+resolved+"]}, "+parent+refused+resolved+"]}"), true, v1alpha1.ReasonRouteNotAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			in := routed(t, test.served)
			if have := reached(in, Seen{Route: test.route}); have.Reason != test.want {
				t.Errorf("%+v", have)
			}
			for host, want := range map[string]bool{"consent.acme.example": test.want == "", "before.acme.example": true} {
				seen := Seen{Route: test.route, Ingress: &networkingv1.Ingress{Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: host}}}}}
				if have := IngressGoes(in, seen); have != want {
					t.Errorf("the Ingress for %s goes: %t", host, have)
				}
			}
			in.Policy.Spec.Service.GatewayRef = nil
			if have := reached(in, Seen{}); have.Any() {
				t.Errorf("an Ingress is not asked: %+v", have)
			}
		})
	}
	within := routed(t, true)
	within.Policy.Spec.Service.GatewayRef = &v1alpha1.GatewayRef{Name: "public"}
	own := strings.Replace(strings.Replace(parent, ", namespace: infra", "", 1), ", sectionName: https", "", 1)
	if have := reached(within, Seen{Route: answered(t, own+accepted+resolved+"]}")}); have.Any() {
		t.Errorf("a Gateway of the namespace: %+v", have)
	}
}
