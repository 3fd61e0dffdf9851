package residency

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestCodesBecomePlaces(t *testing.T) {
	rules := Compile("p", v1alpha1.ResidencyPolicySpec{Locations: []v1alpha1.DeclaredLocation{
		{Provider: ProviderCustom, Region: "dc1", Country: "FR"}, {Provider: "gcp", Region: "eur4", Country: "NL"},
		{Provider: "aws", Region: "us-east-1", Country: "FR"}, {Provider: ProviderCustom, Region: "dc2", Country: "FR"},
		{Provider: ProviderCustom, Region: "dc2", Country: "DE"},
	}}, today)
	for _, test := range []struct {
		provider, region, zone string
		country                v1alpha1.Country
		reason                 Reason
	}{
		{"aws", "eu-west-3", "", "FR", ""},
		{"aws", "eu-west-2", "", "GB", ""},
		{"outscale", "eu-west-2", "", "FR", ""},
		{"alibaba", "eu-west-1", "", "GB", ""},
		{"aws", "eu-west-3", "eu-west-3a", "FR", ""},
		{"aws", "", "eu-west-3c", "FR", ""},
		{"aws", "eu-west-3", "eu-west-1a", "", ReasonConflicting},
		{"aws", "eu-west-3", "eu-west-3-wl1-cmn-wlz-1", "MA", ""},
		{"aws", "eu-central-1", "eu-west-3-wl1-cmn-wlz-1", "", ReasonConflicting},
		{"aws", "us-east-1", "us-east-1-qro-1a", "MX", ""},
		{"aws", "eu-west-3", "eu-west-3-xyz-1a", "", ReasonZoneUnknown},
		{"aws", "EU-WEST-3", "", "", ReasonRegionUnknown},
		{"aws", " eu-west-3", "", "", ReasonRegionUnknown},
		{"aws", "eu-wеst-3", "", "", ReasonRegionUnknown}, // a Cyrillic e
		{"aws", "eu-west-9", "", "", ReasonRegionUnknown},
		{"aws", "aws-global", "", "", ReasonNoSinglePlace},
		{"gcp", "eu", "", "", ReasonNoSinglePlace},
		{"gcp", "europe-west9", "europe-west9-a", "FR", ""},
		{"gcp", "europe-west9", "europe-west2-a", "", ReasonConflicting},
		{"azure", "France Central", "", "FR", ""},
		{"azure", "francecentral", "0", "FR", ""},
		{"azure", "", "0", "", ReasonZoneUnknown},
		{"azure", "francecentral", "francecentral-1", "FR", ""},
		{"azure", "europe", "", "", ReasonNoSinglePlace},
		{"scaleway", "fr-par", "fr-par-1", "FR", ""},
		{"hetzner", "fsn1", "fsn1-dc14", "DE", ""},
		{"hetzner", "ash", "ash-dc1", "US", ""},
		{"ovh", "GRA11", "nova", "FR", ""},
		{"ovh", "UK1", "nova", "GB", ""},
		{"ovh", "EU-WEST-LZ-LUX-A", "", "LU", ""},
		{"ovh", "", "EU-WEST-LZ-LUX-A", "LU", ""},
		{"ovh", "EU-WEST-LZ-LUX-A", "nova", "LU", ""},
		{"ovh", "EU-WEST-LZ-LUX-AB", "", "", ReasonRegionUnknown},
		{"ovh", "", "EU-WEST-LZ-LUX-A-A", "", ReasonZoneUnknown},
		{"ovh", "US-EAST-VA", "eu-west-lz-lux", "", ReasonConflicting}, // all that is present must agree
		{"ovh", "GRA11", "EU-WEST-LZ-ZRH-A", "", ReasonConflicting},
		{"aws", "eu-central-1", "eu-central-1-ham-1a", "DE", ""},
		{"aws", "eu-central-1", "eu-central-1-ham-1ab", "", ReasonZoneUnknown}, // a local zone has no zones
		{"aws", "", "eu-central-1-wl1-ber-wlz-1a", "", ReasonZoneUnknown},
		{"ovh", "eu-west-lz-zrh", "", "CH", ""},
		{"oci", "eu-frankfurt-1", "EU-FRANKFURT-1-AD-1", "DE", ""},
		{"ionos", "DE-FRA", "", "DE", ""},
		{"exoscale", "", "at-vie-1", "AT", ""},
		{"linode", "eu-west", "", "GB", ""},
		{"nobody", "eu-west-3", "", "", ReasonRegionUnknown},
		{"", "eu-west-3", "", "", ReasonProviderUnknown},
		{"aws", "", "", "", ReasonNoEvidence},
		{ProviderCustom, "dc1", "", "FR", ReasonDeclared},
		{ProviderCustom, "dc1", "dc1-rack7", "FR", ReasonDeclared},
		{ProviderCustom, "dc1", "elsewhere", "", ReasonZoneUnknown},
		{ProviderCustom, "dc2", "", "", ReasonConflicting},
		{"gcp", "eur4", "", "NL", ReasonDeclared},
		{"aws", "us-east-1", "", "", ReasonConflicting},
	} {
		got := rules.locate(test.provider, test.region, test.zone)
		if got.Country != test.country || got.Reason != test.reason {
			t.Errorf("%s %q %q: %q %q, want %q %q", test.provider, test.region, test.zone, got.Country, got.Reason, test.country, test.reason)
		}
	}
}

func node(name, region, zone, id string, extra ...string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}, Spec: corev1.NodeSpec{ProviderID: id}}
	if region != "" {
		n.Labels[corev1.LabelTopologyRegion] = region
	}
	if zone != "" {
		n.Labels[corev1.LabelTopologyZone] = zone
	}
	for i := 0; i+1 < len(extra); i += 2 {
		n.Labels[extra[i]] = extra[i+1]
	}
	return n
}

func TestNodesAreLocatedByAllThatTheySay(t *testing.T) {
	for name, test := range map[string]struct {
		provider string
		evidence v1alpha1.NodeEvidence
		node     *corev1.Node
		country  v1alpha1.Country
		reason   Reason
	}{
		"labels and provider agree":                {"aws", "", node("n", "eu-west-3", "eu-west-3a", "aws:///eu-west-3a/i-1"), "FR", ""},
		"zone of the id disagrees":                 {"aws", "", node("n", "eu-west-3", "eu-west-3a", "aws:///us-east-1a/i-1"), "", ReasonConflicting},
		"zone of the id without labels":            {"", "", node("n", "", "", "gce://p/europe-west9-a/n"), "FR", ""},
		"the scheme is another provider's":         {"aws", "", node("n", "eu-west-3", "", "gce://p/europe-west9-a/n"), "", ReasonConflicting},
		"aws or outscale, different countries":     {"", "", node("n", "eu-west-2", "eu-west-2a", "aws:///eu-west-2a/i-1"), "", ReasonProviderAmbiguous},
		"aws or outscale, only one has it":         {"", "", node("n", "eu-west-3", "eu-west-3a", "aws:///eu-west-3a/i-1"), "FR", ""},
		"no scheme, one country":                   {"", "", node("n", "fsn1", "", ""), "DE", ""},
		"no labels":                                {"aws", "", node("n", "", "", ""), "", ReasonNoEvidence},
		"only the trusted label counts":            {"aws", v1alpha1.EvidenceRestrictedLabels, node("n", "eu-west-3", "", ""), "", ReasonNoEvidence},
		"the trusted label is there":               {"aws", v1alpha1.EvidenceRestrictedLabels, node("n", "", "", "", LabelLocation, "aws.eu-west-3"), "FR", ""},
		"the trusted label against other evidence": {"aws", "", node("n", "us-east-1", "", "", LabelLocation, "aws.eu-west-3"), "", ReasonConflicting},
		"the old labels":                           {"aws", "", node("n", "", "", "", corev1.LabelFailureDomainBetaRegion, "eu-west-3"), "FR", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Compile("p", v1alpha1.ResidencyPolicySpec{Provider: test.provider, Nodes: v1alpha1.PolicyNodes{Evidence: test.evidence}}, today)
			got := rules.JudgeNode(test.node).Place
			if got.Country != test.country || got.Reason != test.reason {
				t.Errorf("%q %q, want %q %q", got.Country, got.Reason, test.country, test.reason)
			}
		})
	}
}
