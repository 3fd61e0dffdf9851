package residency

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// term makes one term of allowedTopologies of key, values pairs; values are separated by commas.
func term(pairs ...string) corev1.TopologySelectorTerm {
	var out corev1.TopologySelectorTerm
	for i := 0; i+1 < len(pairs); i += 2 {
		out.MatchLabelExpressions = append(out.MatchLabelExpressions, corev1.TopologySelectorLabelRequirement{Key: pairs[i], Values: strings.Split(pairs[i+1], ",")})
	}
	return out
}

func class(provisioner string, parameters map[string]string, terms ...corev1.TopologySelectorTerm) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}, Provisioner: provisioner, Parameters: parameters, AllowedTopologies: terms}
}

const (
	region = corev1.LabelTopologyRegion
	zone   = corev1.LabelTopologyZone
)

var (
	paris    = node("paris", "eu-west-3", "eu-west-3a", "")
	virginia = node("virginia", "us-east-1", "us-east-1a", "")
	dark     = node("dark", "", "", "")
)

func TestClassesAreJudgedByWhereTheyProvision(t *testing.T) {
	const ebs, local, azure, azureZone = "ebs.csi.aws.com", "local.rempart.dev", "disk.csi.azure.com", "topology.disk.csi.azure.com/zone"
	both := []*corev1.Node{paris, virginia}
	for name, test := range map[string]struct {
		class   *storagev1.StorageClass
		nodes   []*corev1.Node
		verdict v1alpha1.PlacementVerdict
		reason  Reason
	}{
		"a region in the Union":              {class(ebs, nil, term(region, "eu-west-3")), both, v1alpha1.VerdictAllowed, ReasonAllowed},
		"London":                             {class(ebs, nil, term(region, "eu-west-2")), both, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"one of two values abroad":           {class(ebs, nil, term(region, "eu-west-3,us-east-1")), both, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"one of two terms abroad":            {class(ebs, nil, term(region, "eu-west-3"), term(region, "us-east-1")), both, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"region and zone agree":              {class(ebs, nil, term(region, "eu-west-3", zone, "eu-west-3a,eu-west-3b")), both, v1alpha1.VerdictAllowed, ReasonAllowed},
		"region and zone disagree":           {class(ebs, nil, term(region, "eu-west-3", zone, "eu-west-1a")), both, v1alpha1.VerdictUnknown, ReasonConflicting},
		"a zone abroad under its parent":     {class(ebs, nil, term(zone, "eu-west-3-wl1-cmn-wlz-1")), both, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"a topology key nobody knows":        {class(ebs, nil, term("example.com/rack", "eu-west-3")), both, v1alpha1.VerdictUnknown, ReasonTopologyUnknown},
		"a region, and no zone":              {class(azure, map[string]string{"location": "francecentral"}, term(azureZone, "")), both, v1alpha1.VerdictAllowed, ReasonAllowed},
		"no zone, mixed nodes":               {class(azure, nil, term(azureZone, "")), []*corev1.Node{paris, virginia}, v1alpha1.VerdictDenied, ReasonTopologyOpen},
		"a zone, or none, mixed nodes":       {class(azure, nil, term(azureZone, "francecentral-1"), term(azureZone, "")), both, v1alpha1.VerdictDenied, ReasonTopologyOpen},
		"a pointer at nothing":               {class("driver.longhorn.io", map[string]string{"fromBackup": ""}), []*corev1.Node{paris}, v1alpha1.VerdictAllowed, ReasonAllowed},
		"an empty term":                      {class(ebs, nil, term()), []*corev1.Node{paris}, v1alpha1.VerdictUnknown, ReasonTopologyUnknown},
		"no topology, mixed nodes":           {class(ebs, nil), both, v1alpha1.VerdictDenied, ReasonTopologyOpen},
		"no topology, all nodes allowed":     {class(ebs, nil), []*corev1.Node{paris}, v1alpha1.VerdictAllowed, ReasonAllowed},
		"no topology, a node in the dark":    {class(ebs, nil), []*corev1.Node{paris, dark}, v1alpha1.VerdictUnknown, ReasonNoEvidence},
		"no topology, no nodes":              {class(ebs, nil), nil, v1alpha1.VerdictUnknown, ReasonNoEvidence},
		"no topology, nodes of another":      {class("csi.hetzner.cloud", nil), []*corev1.Node{paris}, v1alpha1.VerdictUnknown, ReasonConflicting},
		"an unknown provisioner":             {class("example.com/unknown", nil, term(region, "eu-west-3")), both, v1alpha1.VerdictUnknown, ReasonProvisionerUnknown},
		"an in-tree name":                    {class("kubernetes.io/aws-ebs", map[string]string{"zones": "eu-west-3a, eu-west-3b"}), both, v1alpha1.VerdictAllowed, ReasonAllowed},
		"a zone parameter abroad":            {class("kubernetes.io/aws-ebs", map[string]string{"Zone": "us-east-1a"}), nil, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"parameter and topology, one bad":    {class("disk.csi.azure.com", map[string]string{"location": "eastus"}, term(region, "francecentral")), nil, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"one parameter written twice":        {class("disk.csi.azure.com", map[string]string{"location": "francecentral", "Location": "eastus"}), nil, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"a harmless parameter in any case":   {class(ebs, map[string]string{"Type": "gp3", "csi.storage.k8s.io/fstype": "ext4"}, term(region, "eu-west-3")), nil, v1alpha1.VerdictAllowed, ReasonAllowed},
		"a parameter nobody knows":           {class(ebs, map[string]string{"teleport": "yes"}, term(region, "eu-west-3")), nil, v1alpha1.VerdictUnknown, ReasonParameterUnknown},
		"a pointer beats the location":       {class("file.csi.azure.com", map[string]string{"location": "francecentral", "server": "x"}), nil, v1alpha1.VerdictUnknown, ReasonPointer},
		"copies elsewhere":                   {class("file.csi.azure.com", map[string]string{"location": "francecentral", "skuName": "Standard_GRS"}), nil, v1alpha1.VerdictUnknown, ReasonReplicated},
		"copies in the region":               {class("file.csi.azure.com", map[string]string{"location": "francecentral", "skuName": "Standard_ZRS"}), nil, v1alpha1.VerdictAllowed, ReasonAllowed},
		"the secret of another account":      {class(ebs, map[string]string{"csi.storage.k8s.io/provisioner-secret-name": "x"}, term(region, "eu-west-3")), nil, v1alpha1.VerdictUnknown, ReasonPointer},
		"local, in the Union":                {class(local, nil, term(region, "eu-west-3")), both, v1alpha1.VerdictAllowed, ReasonAllowed},
		"local, abroad":                      {class(local, nil, term(region, "us-east-1")), both, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"local, by node":                     {class(local, nil, term(corev1.LabelHostname, "paris")), both, v1alpha1.VerdictAllowed, ReasonAllowed},
		"local, by a node abroad":            {class(local, nil, term(corev1.LabelHostname, "paris,virginia")), both, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"local, by a node that is not there": {class(local, nil, term(corev1.LabelHostname, "gone")), both, v1alpha1.VerdictUnknown, ReasonNoEvidence},
		"hand-made volumes":                  {class("kubernetes.io/no-provisioner", nil), []*corev1.Node{paris}, v1alpha1.VerdictUnknown, ReasonStaticVolumes},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Compile("eu", v1alpha1.ResidencyPolicySpec{Provider: "aws"}, today)
			got := rules.JudgeClass(test.class, judgeNodes(rules, test.nodes))
			if got.Verdict != test.verdict || got.Reason != test.reason {
				t.Errorf("%s %s (%s), want %s %s", got.Verdict, got.Reason, got.Detail, test.verdict, test.reason)
			}
		})
	}
}

func judgeNodes(rules *Rules, nodes []*corev1.Node) []JudgedNode {
	var out []JudgedNode
	for _, n := range nodes {
		out = append(out, rules.JudgeNode(n))
	}
	return out
}

func TestTheSameCodeIsJudgedByItsDriver(t *testing.T) {
	rules := Compile("eu", v1alpha1.ResidencyPolicySpec{Provider: "aws"}, today)
	if got := rules.JudgeClass(class("bsu.csi.outscale.com", nil, term(zone, "eu-west-2a")), nil); got.Verdict != v1alpha1.VerdictAllowed {
		t.Errorf("Outscale's eu-west-2 is Paris: %s %s", got.Verdict, got.Reason)
	}
	if got := BuiltIn(today).JudgeClass(class("local.rempart.dev", nil, term(region, "eu-west-3")), nil); got.Reason != ReasonProviderUnknown {
		t.Errorf("a local class without a provider: %s %s", got.Verdict, got.Reason)
	}
	if got := BuiltIn(today).JudgeClass(class("ebs.csi.aws.com", nil, term(region, "eu-west-3")), nil); got.Verdict != v1alpha1.VerdictAllowed {
		t.Errorf("a driver with a provider of its own: %s %s", got.Verdict, got.Reason)
	}
}

func TestDeclarationsFillWhatIsUnknownAndNothingElse(t *testing.T) {
	declare := func(country v1alpha1.Country, reviewOn v1alpha1.Date, provisioner string) *Rules {
		return Compile("eu", v1alpha1.ResidencyPolicySpec{Provider: "aws", Storage: v1alpha1.PolicyStorage{Declarations: []v1alpha1.StorageDeclaration{
			{StorageClassName: "fast", Provisioner: provisioner, Country: country, ReviewOn: reviewOn}}}}, today)
	}
	const nfs = "nfs.example.com/provisioner"
	for name, test := range map[string]struct {
		rules  *Rules
		class  *storagev1.StorageClass
		nodes  []*corev1.Node
		reason Reason
	}{
		"fills":                       {declare("FR", "", nfs), class(nfs, nil), nil, ReasonDeclared},
		"fills hand-made volumes":     {declare("FR", "", "kubernetes.io/no-provisioner"), class("kubernetes.io/no-provisioner", nil), nil, ReasonDeclared},
		"abroad":                      {declare("US", "", nfs), class(nfs, nil), nil, ReasonZoneNotAllowed},
		"of another provisioner":      {declare("FR", "", "x.example.com"), class(nfs, nil), nil, ReasonProvisionerUnknown},
		"on the day of its review":    {declare("FR", today, nfs), class(nfs, nil), nil, ReasonDeclared},
		"past its review":             {declare("FR", "2026-11-23", nfs), class(nfs, nil), nil, ReasonProvisionerUnknown},
		"no country":                  {declare("ZZ", "", nfs), class(nfs, nil), nil, ReasonDeclared},
		"against evidence abroad":     {declare("FR", "", "ebs.csi.aws.com"), class("ebs.csi.aws.com", nil, term(region, "us-east-1")), nil, ReasonZoneNotAllowed},
		"against evidence in the EU":  {declare("DE", "", "ebs.csi.aws.com"), class("ebs.csi.aws.com", nil, term(region, "eu-west-3")), nil, ReasonConflicting},
		"against open nodes abroad":   {declare("FR", "", "ebs.csi.aws.com"), class("ebs.csi.aws.com", nil), []*corev1.Node{paris, virginia}, ReasonTopologyOpen},
		"as the evidence says":        {declare("FR", "", "ebs.csi.aws.com"), class("ebs.csi.aws.com", nil, term(region, "eu-west-3")), nil, ReasonAllowed},
		"beside an unknown parameter": {declare("FR", "", "ebs.csi.aws.com"), class("ebs.csi.aws.com", map[string]string{"x": "y"}, term(region, "us-east-1")), nil, ReasonZoneNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.rules.JudgeClass(test.class, judgeNodes(test.rules, test.nodes))
			if got.Reason != test.reason {
				t.Errorf("%s %s, want %s", got.Verdict, got.Reason, test.reason)
			}
			if name == "no country" && got.Verdict != v1alpha1.VerdictUnknown {
				t.Errorf("a declared place without a country is %s", got.Verdict)
			}
		})
	}
}

func TestPoliciesAllowAndDenyPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		spec    v1alpha1.ResidencyPolicySpec
		region  string
		verdict v1alpha1.PlacementVerdict
		reason  Reason
	}{
		"EU by default":               {v1alpha1.ResidencyPolicySpec{}, "eu-west-3", v1alpha1.VerdictAllowed, ReasonAllowed},
		"EEA holds the Union":         {v1alpha1.ResidencyPolicySpec{Allowed: v1alpha1.AllowedPlaces{Zones: []v1alpha1.AllowedZone{"EEA"}}}, "eu-west-3", v1alpha1.VerdictAllowed, ReasonAllowed},
		"adequate":                    {v1alpha1.ResidencyPolicySpec{Allowed: v1alpha1.AllowedPlaces{Zones: []v1alpha1.AllowedZone{"EU", "Adequate"}}}, "eu-west-2", v1alpha1.VerdictAllowed, ReasonAllowed},
		"adequate in part is not all": {v1alpha1.ResidencyPolicySpec{Allowed: v1alpha1.AllowedPlaces{Zones: []v1alpha1.AllowedZone{"EU", "Adequate"}}}, "us-east-1", v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"a country beside the zones":  {v1alpha1.ResidencyPolicySpec{Allowed: v1alpha1.AllowedPlaces{Countries: []v1alpha1.Country{"UK"}}}, "eu-west-2", v1alpha1.VerdictAllowed, ReasonAllowed},
		"denied wins":                 {v1alpha1.ResidencyPolicySpec{Denied: v1alpha1.DeniedPlaces{Countries: []v1alpha1.Country{"FR"}}}, "eu-west-3", v1alpha1.VerdictDenied, ReasonCountryDenied},
		"only listed regions":         {v1alpha1.ResidencyPolicySpec{Allowed: v1alpha1.AllowedPlaces{Regions: []v1alpha1.ProviderRegion{{Provider: "aws", Region: "eu-west-1"}}}}, "eu-west-3", v1alpha1.VerdictDenied, ReasonRegionNotListed},
		"a listed region":             {v1alpha1.ResidencyPolicySpec{Allowed: v1alpha1.AllowedPlaces{Regions: []v1alpha1.ProviderRegion{{Provider: "aws", Region: "eu-west-3"}}}}, "eu-west-3", v1alpha1.VerdictAllowed, ReasonAllowed},
		"a listed region abroad":      {v1alpha1.ResidencyPolicySpec{Allowed: v1alpha1.AllowedPlaces{Regions: []v1alpha1.ProviderRegion{{Provider: "aws", Region: "us-east-1"}}}}, "us-east-1", v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Compile("p", test.spec, today)
			if verdict, reason := rules.JudgePlace(rules.Locate("aws", test.region, "")); verdict != test.verdict || reason != test.reason {
				t.Errorf("%s %s, want %s %s", verdict, reason, test.verdict, test.reason)
			}
		})
	}
}

// rank orders verdicts from narrow to wide.
var rank = map[v1alpha1.PlacementVerdict]int{v1alpha1.VerdictDenied: 0, v1alpha1.VerdictUnknown: 0, v1alpha1.VerdictAllowed: 1}

func drawClass(t *rapid.T) *storagev1.StorageClass {
	codes := rapid.SampledFrom([]string{"eu-west-3", "us-east-1", "eu-west-3a", "eu-west-2", "nowhere", "", "EU-WEST-3", "eu-west-3-wl1-cmn-wlz-1"})
	keys := rapid.SampledFrom([]string{region, zone, "topology.ebs.csi.aws.com/zone", "example.com/x"})
	c := class(rapid.SampledFrom(slices.Sorted(maps.Keys(facts().drivers))).Draw(t, "provisioner"), map[string]string{})
	for i := range rapid.IntRange(0, 3).Draw(t, "terms") {
		c.AllowedTopologies = append(c.AllowedTopologies, term(keys.Draw(t, fmt.Sprint("key", i)), codes.Draw(t, fmt.Sprint("code", i))))
	}
	return c
}

func TestAddingAPlaceNeverWidensAVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := Compile("p", v1alpha1.ResidencyPolicySpec{Provider: "aws"}, today)
		c := drawClass(t)
		if len(c.AllowedTopologies) == 0 {
			return // naming the first place closes an open class
		}
		before := rules.JudgeClass(c, nil).Verdict
		c.AllowedTopologies = append(c.AllowedTopologies, drawClass(t).AllowedTopologies...)
		if after := rules.JudgeClass(c, nil).Verdict; rank[after] > rank[before] {
			t.Fatalf("%s became %s", before, after)
		}
	})
}

func TestJunkNeverTurnsUnknownIntoAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := Compile("p", v1alpha1.ResidencyPolicySpec{Provider: "aws"}, today)
		c := drawClass(t)
		before := rules.JudgeClass(c, nil).Verdict
		c.Parameters[rapid.String().Draw(t, "key")] = rapid.String().Draw(t, "value")
		if after := rules.JudgeClass(c, nil).Verdict; rank[after] > rank[before] {
			t.Fatalf("%s became %s", before, after)
		}
	})
}

func TestNoCodeThatIsNotInTheTableIsAllowed(t *testing.T) {
	rules := BuiltIn(today)
	rapid.Check(t, func(t *rapid.T) {
		provider := rapid.SampledFrom(slices.Sorted(maps.Keys(facts().regions))).Draw(t, "provider")
		code := rapid.OneOf(rapid.String(), rapid.StringMatching(`eu-[a-z]{2,6}-[0-9]{1,2}[a-z]?`)).Draw(t, "code")
		place := rules.Locate(provider, code, "")
		if !place.Known() {
			return
		}
		key := normalise(provider, code)
		if _, listed := facts().regions[provider][key]; !listed && installations[provider] == nil {
			t.Fatalf("%s %q is %s", provider, code, place.Country)
		}
	})
}

func FuzzJudgeClass(f *testing.F) {
	f.Add("ebs.csi.aws.com", "zone", "eu-west-3a", region, "eu-west-3")
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, provisioner, parameter, value, key, code string) {
		rules := BuiltIn(today)
		verdict := rules.JudgeClass(class(provisioner, map[string]string{parameter: value}, term(key, code)), nil)
		if _, known := facts().drivers[provisioner]; !known && verdict.Verdict == v1alpha1.VerdictAllowed {
			t.Errorf("an unknown provisioner was allowed")
		}
		_ = Sentence(verdict)
	})
}
