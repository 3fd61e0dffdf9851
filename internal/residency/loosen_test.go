package residency

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestLooseningIsSeen(t *testing.T) {
	base := v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Default", Provider: "aws",
		Denied: v1alpha1.DeniedPlaces{Countries: []v1alpha1.Country{"HU"}}, Nodes: v1alpha1.PolicyNodes{Evidence: v1alpha1.EvidenceRestrictedLabels},
		Workloads: v1alpha1.PolicyWorkloads{Scope: v1alpha1.WorkloadsAll}}
	for want, change := range map[string]func(*v1alpha1.ResidencyPolicySpec){
		"": func(s *v1alpha1.ResidencyPolicySpec) {
			s.Denied.Countries = append([]v1alpha1.Country{"PL"}, s.Denied.Countries...)
		},
		"enforcement":       func(s *v1alpha1.ResidencyPolicySpec) { s.Enforcement = "Audit" },
		"role":              func(s *v1alpha1.ResidencyPolicySpec) { s.Role = "Named" },
		"allowed.zones":     func(s *v1alpha1.ResidencyPolicySpec) { s.Allowed.Zones = []v1alpha1.AllowedZone{"EU", "Adequate"} },
		"allowed.countries": func(s *v1alpha1.ResidencyPolicySpec) { s.Allowed.Countries = []v1alpha1.Country{"US"} },
		"denied.countries":  func(s *v1alpha1.ResidencyPolicySpec) { s.Denied.Countries = nil },
		"provider":          func(s *v1alpha1.ResidencyPolicySpec) { s.Provider = "outscale" },
		"nodes.evidence":    func(s *v1alpha1.ResidencyPolicySpec) { s.Nodes.Evidence = "" },
		"nodes.affinity":    func(s *v1alpha1.ResidencyPolicySpec) { s.Nodes.Affinity = v1alpha1.AffinityTopologyRegion },
		"workloads.scope":   func(s *v1alpha1.ResidencyPolicySpec) { s.Workloads.Scope = v1alpha1.WorkloadsGoverned },
		"namespaces":        func(s *v1alpha1.ResidencyPolicySpec) { s.Namespaces.Mode = v1alpha1.NamespacesSelected },
		"storage.quota":     func(s *v1alpha1.ResidencyPolicySpec) { s.Storage.Quota = v1alpha1.QuotaOff },
		"storage.declarations": func(s *v1alpha1.ResidencyPolicySpec) {
			s.Storage.Declarations = []v1alpha1.StorageDeclaration{{StorageClassName: "x", Country: "FR"}}
		},
		"locations": func(s *v1alpha1.ResidencyPolicySpec) {
			s.Locations = []v1alpha1.DeclaredLocation{{Provider: "aws", Region: "x", Country: "FR"}}
		},
	} {
		after := *base.DeepCopy()
		change(&after)
		if got := Loosens(base, after); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestADeclarationThatStaysAsItIsLoosensNothing(t *testing.T) {
	before := v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Storage: v1alpha1.PolicyStorage{Declarations: []v1alpha1.StorageDeclaration{
		{StorageClassName: "files", Provisioner: "files.example.com", Location: &v1alpha1.ProviderRegion{Provider: "aws", Region: "eu-west-3"}}}}}
	after := *before.DeepCopy()
	after.Denied.Countries = []v1alpha1.Country{"PL"}
	if got := Loosens(before, after); got != "" {
		t.Error(got)
	}
	after.Storage.Declarations[0].Location.Region = "eu-west-1"
	if got := Loosens(before, after); got != "storage.declarations" {
		t.Error(got)
	}
}

func TestAPolicyAllowsMoreByPlacesAndExceptionsNotByEvidence(t *testing.T) {
	for name, test := range map[string]struct {
		old, now v1alpha1.ResidencyPolicySpec
		want     string
	}{
		"the same":             {v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce"}, v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce"}, ""},
		"other evidence":       {v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce"}, v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Provider: "aws"}, ""},
		"it audits":            {v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce"}, v1alpha1.ResidencyPolicySpec{Enforcement: "Audit"}, "enforcement"},
		"it audited":           {v1alpha1.ResidencyPolicySpec{Enforcement: "Audit"}, v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Allowed: v1alpha1.AllowedPlaces{Countries: []v1alpha1.Country{"US"}}}, ""},
		"more countries":       {v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce"}, v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Allowed: v1alpha1.AllowedPlaces{Countries: []v1alpha1.Country{"US"}}}, "allowed.countries"},
		"an exception here":    {v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce"}, v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Exceptions: []v1alpha1.ResidencyException{exception("node", nil)}}, "exceptions"},
		"one of another":       {v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce"}, v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Exceptions: []v1alpha1.ResidencyException{exception("node", func(e *v1alpha1.ResidencyException) { e.Namespace = "lab" })}}, ""},
		"the same one in both": {v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Exceptions: []v1alpha1.ResidencyException{exception("node", nil)}}, v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Exceptions: []v1alpha1.ResidencyException{exception("node", nil)}}, ""},
	} {
		if got := AllowsMore(Compile("old", test.old, ""), Compile("now", test.now, ""), "shop"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestDeclarationsThatContradictAreNamed(t *testing.T) {
	got := Contradictions(v1alpha1.ResidencyPolicySpec{Locations: []v1alpha1.DeclaredLocation{
		{Provider: "aws", Region: "us-east-1", Country: "FR"}, {Provider: ProviderCustom, Region: "dc1", Country: "FR"}, {Provider: ProviderCustom, Region: "dc3", Country: "ZZ"}}})
	if len(got) != 2 || !strings.Contains(got[0], "spec.locations[0]") || !strings.Contains(got[1], "no ISO") {
		t.Errorf("%q", got)
	}
	if unknown := UnknownProviders(v1alpha1.ResidencyPolicySpec{Provider: "amazon"}); len(unknown) != 1 {
		t.Errorf("%q", unknown)
	}
}
