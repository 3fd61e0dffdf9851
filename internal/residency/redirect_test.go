package residency

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func externalName(namespace, name, host string) corev1.Service {
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: host}}
}

func TestServicesThatStandForAHostAreFound(t *testing.T) {
	s := scene(func(in *Input) {
		in.Policies[0].Spec.Storage.Servers = []v1alpha1.StorageServer{{Host: "eu.example.com", Country: "FR"}, {Host: "us.example.com", Country: "US"},
			{Host: "ca.example.com", Country: "CA"}, {Host: "twice.example.com", Country: "FR"}, {Host: "TWICE.example.com", Country: "US"}}
	})
	inside := externalName("shop", "was", "us.example.com")
	inside.Spec.Type = corev1.ServiceTypeClusterIP
	s.Services = []corev1.Service{externalName("shop", "mail", "smtp.example.org"), externalName("shop", "home", "EU.example.com."), externalName("shop", "abroad", "us.example.com"),
		externalName("shop", "recorded", "ca.example.com"), externalName("shop", "odd", "twice.example.com"), externalName("shop", "db", "db.example.com"), externalName("shop", "crm", "crm.example.com"),
		externalName("shop", "alias", "other.shop.svc.cluster.local"), externalName("shop", "short", "other.shop.svc"), inside, externalName("free", "mail", "smtp.example.org")}
	s.Registers = []v1alpha1.DataRegister{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{
		Activities: []v1alpha1.ProcessingActivity{{Stores: []v1alpha1.PartName{"home"}, Transfers: []v1alpha1.Transfer{{Country: "CA"}}}},
		Stores: []v1alpha1.DataStore{
			{Name: "home", External: &v1alpha1.ExternalStore{Country: "FR"}, Connection: &v1alpha1.StoreConnection{Host: "db.example.com"}},
			{Name: "away", External: &v1alpha1.ExternalStore{Country: "US"}, Connection: &v1alpha1.StoreConnection{Host: "crm.example.com"}}}}},
		{ObjectMeta: metav1.ObjectMeta{Namespace: "free", Name: "all"}, Spec: v1alpha1.DataRegisterSpec{Activities: []v1alpha1.ProcessingActivity{{Transfers: []v1alpha1.Transfer{{Country: "US"}}}}}}}
	scanned := Look(s).Of(&s.Policies[0])
	want := []string{
		"declared-place DataRegister shop/crm US ZoneNotAllowed [crm]",
		"declared-place Service shop/abroad US ZoneNotAllowed []",
		"declared-place Service shop/crm US ZoneNotAllowed []",
		"declared-place Service shop/mail  ServerUnknown []",
		"declared-place Service shop/odd  Conflicting []",
	}
	if diff := cmp.Diff(want, lines(scanned)); diff != "" {
		t.Error(diff)
	}
	if scanned.Namespaces["shop"].Pass != 4 { // home, recorded and db, and the store at home
		t.Errorf("%+v", scanned.Namespaces)
	}
	for i, want := range []string{"store \"away\"", `service "abroad": it stands for "us.example.com" in US`, `store "away" of DataRegister "crm"`, "spec.storage.servers"} {
		if !strings.Contains(scanned.Findings[i].Message, want) {
			t.Errorf("%q does not say %q", scanned.Findings[i].Message, want)
		}
	}
}

func TestATransferIsAskedForWhateverThePolicyAllows(t *testing.T) {
	rules := Compile("wide", v1alpha1.ResidencyPolicySpec{Allowed: v1alpha1.AllowedPlaces{Countries: []v1alpha1.Country{"BR"}},
		Denied:  v1alpha1.DeniedPlaces{Countries: []v1alpha1.Country{"FR"}},
		Storage: v1alpha1.PolicyStorage{Servers: []v1alpha1.StorageServer{{Host: "br.example.com", Country: "BR"}, {Host: "fr.example.com", Country: "FR"}}}}, today)
	for host, want := range map[string]Reason{"br.example.com": ReasonTransferMissing, "fr.example.com": ReasonCountryDenied} {
		service := externalName("shop", "x", host)
		if got := rules.JudgeRedirect(&service, nil); got.Verdict != v1alpha1.VerdictDenied || got.Reason != want {
			t.Errorf("%s: %+v", host, got)
		}
	}
}

func TestEndpointsThatSomebodyWroteAreFoundWhereTheyLeadOut(t *testing.T) {
	s := scene(func(in *Input) {
		in.Policies[0].Spec.Storage.Servers = []v1alpha1.StorageServer{{Host: "198.51.100.7", Country: "FR"}, {Host: "2001:db8::1", Country: "US"}}
	})
	to := func(namespace, name, by string, addresses ...string) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{discoveryv1.LabelManagedBy: by}},
			Endpoints: []discoveryv1.Endpoint{{Addresses: addresses}}}
	}
	s.Endpoints = []discoveryv1.EndpointSlice{to("shop", "home", "", "198.51.100.7"), to("shop", "pods", ManagedEndpoints, "203.0.113.9"), to("shop", "private", "me", "10.0.0.1", "100.64.3.4", "fd00::1"),
		to("shop", "unknown", "me", "198.51.100.7", "203.0.113.9"), to("shop", "name", "me", "db.example.org"), to("shop", "abroad", "me", "2001:DB8::1"), to("free", "unknown", "me", "203.0.113.9"),
		to("shop", "mirrored", "endpointslicemirroring-controller.k8s.io", "203.0.113.9")}
	want := []string{
		"declared-place EndpointSlice shop/abroad US ZoneNotAllowed []",
		"declared-place EndpointSlice shop/mirrored  ServerUnknown []",
		"declared-place EndpointSlice shop/name  ServerUnknown []",
		"declared-place EndpointSlice shop/unknown  ServerUnknown []",
	}
	scanned := Look(s).Of(&s.Policies[0])
	if diff := cmp.Diff(want, lines(scanned)); diff != "" {
		t.Error(diff)
	}
	if o := scanned.Findings[0].Object(); o.APIVersion != "discovery.k8s.io/v1" {
		t.Errorf("%+v", o)
	}
}
