package residency

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// chain is an explanation as lines, for reading.
func chain(e Explanation) string {
	var lines []string
	write := func(indent string, steps []Step) {
		for _, step := range steps {
			lines = append(lines, indent+step.Link+": "+step.Found)
		}
	}
	write("", e.Steps)
	for _, o := range e.Opinions {
		lines = append(lines, o.Policy.Title()+": "+string(o.Verdict)+" "+string(o.Reason))
		write("  ", o.Steps)
		lines = append(lines, "  "+o.Message)
	}
	return strings.Join(lines, "\n")
}

func expect(t *testing.T, e Explanation, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(chain(e), want) {
			t.Errorf("%q is missing of\n%s", want, chain(e))
		}
	}
}

func TestAClassIsExplainedLinkByLink(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, func(spec *v1alpha1.ResidencyPolicySpec) {
		spec.Storage.Declarations = []v1alpha1.StorageDeclaration{{StorageClassName: "fast", Provisioner: "example.com/unknown", Country: "FR", ReviewOn: "2026-11-23"}}
	})}
	explain := func(c *storagev1.StorageClass) Explanation {
		one := in
		one.Classes = append(slices.Clone(in.Classes), *c)
		return Build(one).Judgements().ExplainClass(c)
	}
	expect(t, explain(class("ebs.csi.aws.com", map[string]string{"type": "gp3", "zone": "eu-west-3a", "x": "y", "outpostArn": "z"}, term(region, "eu-west-3,us-east-1"))),
		"provisioner: ebs.csi.aws.com: kind Block, codes of aws",
		"parameter: type=gp3: does not move data", "parameter: zone=eu-west-3a: names a zone", "parameter: x=y: is not known for this driver",
		"parameter: outpostArn=z: points at something that exists elsewhere",
		"topology: topology.kubernetes.io/region (region) in eu-west-3, us-east-1",
		"ResidencyPolicy eu-only: Denied ZoneNotAllowed",
		"declaration: says FR for provisioner example.com/unknown; it does not count, for the class has another",
		"place: aws eu-west-3a (FR, EU)", "place: aws us-east-1 (US, AdequatePartial)",
		`rule storage-class: class "fast" provisions in aws us-east-1 (US, AdequatePartial); allowed: EU (Article 44 GDPR). Use "eu-fast"`)
	expect(t, explain(class("example.com/unknown", nil)), "example.com/unknown is not in the list of drivers",
		"it does not count, for its review was due on 2026-11-23", "Unknown ProvisionerUnknown", "missing: the place of the data: spec.storage.declarations of the policy declares it", "Use \"eu-fast\"")
	expect(t, explain(class("ebs.csi.aws.com", nil)), "so the nodes that run the driver count", "Denied TopologyOpen", "place: aws us-east-1a (US, AdequatePartial)")
	expect(t, explain(class("ebs.csi.aws.com", nil, term(region, "eu-west-3"))), "Allowed Allowed", `class "fast" keeps data in aws eu-west-3 (FR, EU)`)
	expect(t, explain(class("kubernetes.io/no-provisioner", nil)), "provisioner: kubernetes.io/no-provisioner: volumes are made by hand")
	expect(t, explain(class("ebs.csi.aws.com", nil, term("example.com/rack", "1"), term())), "example.com/rack (not known for this driver) in 1", "a term without a place")
}

func TestEveryJudgeOfTheClusterExplains(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("b", "", nil), policy("a", "", nil)}
	names := func() []string {
		var out []string
		for _, judged := range Build(in).Judgements().Policies {
			out = append(out, judged.Rules.Name)
		}
		return out
	}
	if got := names(); !slices.Equal(got, []string{"a", "b", ""}) {
		t.Errorf("%q", got)
	}
	in.Policies[0].Spec.Role = v1alpha1.PolicyRoleDefault
	if got := names(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
}

func TestANodeIsExplainedLinkByLink(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, nil), policy("any", "", func(spec *v1alpha1.ResidencyPolicySpec) { spec.Provider = "" })}
	explain := func(n *corev1.Node) Explanation {
		one := in
		one.Nodes = append(slices.Clone(in.Nodes), *n)
		return Build(one).Judgements().ExplainNode(n)
	}
	expect(t, explain(node("n", "eu-west-2", "eu-west-2a", "aws:///eu-west-2a/i-1", PolicyLabel("eu-only"), "Allowed")),
		"region: eu-west-2", "zone: eu-west-2a", "providerID: scheme aws, zone eu-west-2a",
		"ResidencyPolicy any: Unknown ProviderAmbiguous", "provider: aws or outscale", "is a code of several providers in different countries; set spec.provider",
		"policy.any is not on the node: no governed pod may run here",
		"ResidencyPolicy eu-only: Denied ZoneNotAllowed", "provider: aws\n", "place: aws eu-west-2a (GB, Adequate)",
		"policy.eu-only is on the node and does not count: the operator takes it off",
		`ResidencyPolicy eu-only, rule placement: node "n" is in aws eu-west-2a (GB, Adequate)`)
	expect(t, explain(node("n", "", "", "", LabelLocation, "aws.eu-west-3")), "region: no label says it", "providerID: is empty",
		"location: an administrator set aws.eu-west-3", "Allowed Allowed", "policy.eu-only is not on the node yet", `node "n" is in aws eu-west-3 (FR, EU)`)
	expect(t, explain(node("n", "fsn1", "", "k3s://n")), "providerID: scheme k3s, no zone", "provider: any: spec.provider is not set")
	expect(t, explain(node("n", "fsn1", "", "eu-central-1.i-1")), "providerID: has no scheme")
	expect(t, explain(node("n", "eu-west-3", "", "", "type", "virtual-kubelet")), "virtual: whoever runs it", "Unknown NoEvidence")
}

func TestANamespaceIsExplained(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, nil)}
	in.Policies[0].Spec.Namespaces.Excluded = []v1alpha1.ObjectName{"lab"}
	s := Build(in)
	shop, lab, system := namespace("shop", LabelGuarded, "true"), namespace("lab", LabelGuarded, "forged"), namespace("kube-system")
	expect(t, s.ExplainNamespace(&shop), "guard: ResidencyPolicy eu-only, Enforce", LabelGuarded+"=true, as it should be", "default class: none",
		"allowed classes: eu-fast", `class: "us-fast": Denied, ZoneNotAllowed`, "allows EU")
	expect(t, s.ExplainNamespace(&lab), "nothing is judged here", `is "forged" and should be ""`)
	expect(t, s.ExplainNamespace(&system), "never judged", "is not set, as it should be")
}

func claimIn(namespace string, class *string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data", Namespace: namespace}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: class}}
}

func TestAClaimIsExplainedToItsClass(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, nil)}
	s := Build(in)
	abroad := ClaimObject{Claim: claimIn("shop", ptr.To("us-fast")), Class: &in.Classes[1]}
	expect(t, s.ExplainClaim(abroad), `claim: "data"`, "guard: ResidencyPolicy eu-only, Enforce", `class: "us-fast", by spec.storageClassName`, "provisioner: local.rempart.dev",
		"ResidencyPolicy eu-only: Denied ZoneNotAllowed")
	abroad.Claim.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: "gone"}
	abroad.Class = nil
	expect(t, s.ExplainClaim(abroad), `class: "gone", by annotation volume.beta.kubernetes.io/storage-class`, "Unknown ClassMissing")
	expect(t, s.ExplainClaim(ClaimObject{Claim: claimIn("shop", nil)}), "none is named, and the cluster has no default one", "Unknown ClassAbsent")
	expect(t, s.ExplainClaim(ClaimObject{Claim: claimIn("shop", nil)}), "a claim that names no class is refused")
	expect(t, s.ExplainClaim(ClaimObject{Claim: claimIn("shop", ptr.To(""))}), "Unknown ClassEmpty")
	expect(t, s.ExplainClaim(ClaimObject{Claim: claimIn("elsewhere", ptr.To("eu-fast")), Class: &in.Classes[0]}), "nothing is judged here", "ResidencyPolicy eu-only: Allowed Allowed")
	in.Classes[0].Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	expect(t, Build(in).ExplainClaim(ClaimObject{Claim: claimIn("shop", nil), Class: &in.Classes[0]}), `class: "eu-fast", by the cluster's default class`, "Allowed Allowed")
}

// TestAnExplanationEndsWhereAdmissionDoes: the plug-in and the operator cannot differ.
func TestAnExplanationEndsWhereAdmissionDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, c := world(), drawClass(t)
		in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, nil), policy("any", "", func(spec *v1alpha1.ResidencyPolicySpec) { spec.Provider = "" })}
		in.Classes = append(in.Classes, *c)
		judges := Build(in).Judgements()
		objections := judges.JudgeClass(c.Name, nil)
		for _, o := range judges.ExplainClass(c).Opinions {
			i := slices.IndexFunc(objections, func(refused Objection) bool { return refused.Policy == o.Policy.Name })
			if (i < 0) != (o.Verdict == v1alpha1.VerdictAllowed) || (i >= 0 && objections[i].Message != o.Message) {
				t.Fatalf("explained as %s %s: %s", o.Verdict, o.Reason, o.Message)
			}
		}
	})
}

func TestAClaimWithoutAClassIsToldOfThatOfThePolicies(t *testing.T) {
	for class, said := range map[v1alpha1.ObjectName]string{"eu-fast": `a claim that is made without a class gets "eu-fast", by storage.defaultClassName`, "us-fast": "storage.defaultClassName fills in nothing"} {
		in := world()
		in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", "Default", func(s *v1alpha1.ResidencyPolicySpec) { s.Storage.DefaultClassName = class })}
		s := Build(in)
		expect(t, s.ExplainClaim(ClaimObject{Claim: claimIn("shop", nil)}), "none is named, and the cluster has no default one", said, "Unknown ClassAbsent")
		expect(t, s.ExplainNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}), said)
	}
}
