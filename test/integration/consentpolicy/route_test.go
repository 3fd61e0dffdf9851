package consentpolicy

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
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
func gatewayTakesThePlaceOfTheIngress(t *testing.T, service *program, pass func(*testing.T)) {
	ctx := t.Context()
	change := func(edit func(*v1alpha1.ConsentService)) {
		t.Helper()
		cpol := live(t)
		patch := client.MergeFrom(cpol.DeepCopy())
		edit(&cpol.Spec.Service)
		must(t, server.Client.Patch(ctx, cpol, patch))
	}
	says := func(status metav1.ConditionStatus, reason string) {
		t.Helper()
		eventually(t, reason, func() bool { pass(t); return has(t, "Provisioned", status, reason)() })
	}
	ingress := func() bool { return there(t, "chat-consentd", &networkingv1.Ingress{})() }
	route := func() bool { return there(t, "chat-consentd", routeOf())() }
	written := func() map[string]string {
		all, object := versions(t), routeOf()
		must(t, server.Client.Get(ctx, key("chat-consentd"), object))
		all["the route"] = object.GetResourceVersion()
		return all
	}

	change(func(s *v1alpha1.ConsentService) {
		s.IngressClassName, s.TLSSecretRef, s.GatewayRef = "", nil, &v1alpha1.GatewayRef{Name: "public", Namespace: "infra"}
	})
	says(metav1.ConditionFalse, v1alpha1.ReasonGatewayAPIMissing)
	if !ingress() {
		t.Error("pages have no way to the service until there can be a route")
	}
	_, err := envtest.InstallCRDs(server.Config, envtest.CRDInstallOptions{Paths: []string{filepath.Join("testdata", "gateway.networking.k8s.io_httproutes.yaml")}})
	must(t, err)
	says(metav1.ConditionFalse, v1alpha1.ReasonRoutePending)
	playGateway(t, metav1.ConditionFalse, "NotAllowedByListeners")
	says(metav1.ConditionFalse, v1alpha1.ReasonRouteNotAccepted)
	if !ingress() || !route() {
		t.Error("pages have no way to the service until the Gateway takes the route")
	}
	playGateway(t, metav1.ConditionTrue, "Accepted")
	service.reload()
	says(metav1.ConditionTrue, v1alpha1.ReasonServiceProvisioned)
	if ingress() || !route() {
		t.Error("the route does not take the place of the Ingress")
	}
	eventually(t, "Ready", func() bool { pass(t); return has(t, "Ready", metav1.ConditionTrue, v1alpha1.ReasonServing)() })
	before := written()
	for range 2 {
		pass(t)
	}
	if diff := cmp.Diff(before, written()); diff != "" {
		t.Error(diff)
	}
	change(func(s *v1alpha1.ConsentService) { s.GatewayRef.SectionName = "https" })
	says(metav1.ConditionFalse, v1alpha1.ReasonRoutePending)

	change(func(s *v1alpha1.ConsentService) { s.GatewayRef = nil })
	eventually(t, "the Ingress back, and no route", func() bool { pass(t); return ingress() && !route() })
	service.reload()
	eventually(t, "Ready", func() bool { pass(t); return has(t, "Ready", metav1.ConditionTrue, v1alpha1.ReasonServing)() })

	change(func(s *v1alpha1.ConsentService) { s.GatewayRef = &v1alpha1.GatewayRef{Name: "public"} })
	eventually(t, "a route again", func() bool { pass(t); return route() })
	must(t, envtest.UninstallCRDs(server.Config, envtest.CRDInstallOptions{Paths: []string{filepath.Join("testdata", "gateway.networking.k8s.io_httproutes.yaml")}}))
	// While the kind goes, a pass can fail between two looks at it.
	eventually(t, "GatewayAPIMissing", has(t, "Provisioned", metav1.ConditionFalse, v1alpha1.ReasonGatewayAPIMissing))
	change(func(s *v1alpha1.ConsentService) { s.GatewayRef = nil })
	service.reload()
	eventually(t, "Ready", func() bool { pass(t); return has(t, "Ready", metav1.ConditionTrue, v1alpha1.ReasonServing)() })
}
