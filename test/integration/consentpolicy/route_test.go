package consentpolicy

import (
	"path/filepath"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
)

func routeOf() *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(policy.RouteKind)
	return object
}

// playGateway plays the controller of a Gateway, which answers to the route as it is.
func playGateway(t *testing.T, accepted metav1.ConditionStatus, reason string) {
	t.Helper()
	object := routeOf()
	must(t, server.Client.Get(t.Context(), key("chat-consentd"), object))
	said := func(kind string, status metav1.ConditionStatus, reason string) any {
		return map[string]any{"type": kind, "status": string(status), "reason": reason, "message": "", "observedGeneration": object.GetGeneration(),
			"lastTransitionTime": time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).Format(time.RFC3339)}
	}
	parents, _, err := unstructured.NestedSlice(object.Object, "spec", "parentRefs")
	must(t, err)
	must(t, unstructured.SetNestedSlice(object.Object, []any{map[string]any{"parentRef": parents[0], "controllerName": "acme.example/gateway",
		"conditions": []any{said("Accepted", accepted, reason), said("ResolvedRefs", metav1.ConditionTrue, "ResolvedRefs")}}}, "status", "parents"))
	must(t, server.Client.Status().Update(t.Context(), object))
}

// gatewayTakesThePlaceOfTheIngress names a Gateway before there is Gateway API, installs that, and goes back to the Ingress.
func gatewayTakesThePlaceOfTheIngress(w *walker) {
	kinds := envtest.CRDInstallOptions{Paths: []string{filepath.Join("testdata", "gateway.networking.k8s.io_httproutes.yaml")}}
	says := func(status metav1.ConditionStatus, reason string) {
		w.Helper()
		w.until(reason, has(w.T, "Provisioned", status, reason))
	}
	ingress := there(w.T, "chat-consentd", &networkingv1.Ingress{})
	route := there(w.T, "chat-consentd", routeOf())

	w.change(func(s *v1alpha1.ConsentService) {
		s.IngressClassName, s.TLSSecretRef, s.GatewayRef = "", nil, &v1alpha1.GatewayRef{Name: "public", Namespace: "infra"}
	})
	says(metav1.ConditionFalse, v1alpha1.ReasonGatewayAPIMissing)
	if !ingress() {
		w.Error("pages have no way to the service until there can be a route")
	}
	_, err := envtest.InstallCRDs(server.Config, kinds)
	must(w.T, err)
	says(metav1.ConditionFalse, v1alpha1.ReasonRoutePending)
	playGateway(w.T, metav1.ConditionFalse, "NotAllowedByListeners")
	says(metav1.ConditionFalse, v1alpha1.ReasonRouteNotAccepted)
	if !ingress() || !route() {
		w.Error("pages have no way to the service until the Gateway takes the route")
	}
	playGateway(w.T, metav1.ConditionTrue, "Accepted")
	says(metav1.ConditionTrue, v1alpha1.ReasonServiceProvisioned)
	if ingress() || !route() {
		w.Error("the route does not take the place of the Ingress")
	}
	w.served()
	w.change(func(s *v1alpha1.ConsentService) { s.GatewayRef.SectionName = "https" })
	says(metav1.ConditionFalse, v1alpha1.ReasonRoutePending)

	w.change(func(s *v1alpha1.ConsentService) { s.GatewayRef = nil })
	w.until("the Ingress back, and no route", func() bool { return ingress() && !route() })
	w.served()

	w.change(func(s *v1alpha1.ConsentService) { s.GatewayRef = &v1alpha1.GatewayRef{Name: "public"} })
	w.until("a route again", route)
	must(w.T, envtest.UninstallCRDs(server.Config, kinds))
	eventually(w.T, "GatewayAPIMissing", func() bool {
		if err := w.step(); err != nil {
			w.Log("a step while the kind goes:", err) // it can go between two looks at it
		}
		return has(w.T, "Provisioned", metav1.ConditionFalse, v1alpha1.ReasonGatewayAPIMissing)()
	})
	w.change(func(s *v1alpha1.ConsentService) { s.GatewayRef = nil })
	w.served()
}
