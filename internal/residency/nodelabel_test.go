package residency

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func tainted(node *corev1.Node) *corev1.Node {
	node.Spec.Taints = []corev1.Taint{{Key: "virtual-kubelet.io/provider", Value: "cloud", Effect: corev1.TaintEffectNoSchedule}}
	return node
}

func TestNodesCarryWhatIsFoundOutAndNothingInDoubt(t *testing.T) {
	eu := policy("eu-only", v1alpha1.PolicyRoleDefault, nil)
	wide := policy("wide", v1alpha1.PolicyRoleNamed, func(s *v1alpha1.ResidencyPolicySpec) { s.Allowed.Countries = []v1alpha1.Country{"US"} })
	declaring := policy("declaring", v1alpha1.PolicyRoleNamed, func(s *v1alpha1.ResidencyPolicySpec) {
		s.Provider = ProviderCustom
		s.Locations = []v1alpha1.DeclaredLocation{{Provider: ProviderCustom, Region: "dc1", Country: "FR", Evidence: "lease"}}
	})
	contrary := policy("contrary", v1alpha1.PolicyRoleNamed, func(s *v1alpha1.ResidencyPolicySpec) {
		s.Provider = ProviderCustom
		s.Locations = []v1alpha1.DeclaredLocation{{Provider: ProviderCustom, Region: "dc1", Country: "IT", Evidence: "lease"}}
	})
	for name, test := range map[string]struct {
		policies []v1alpha1.ResidencyPolicy
		node     *corev1.Node
		want     map[string]string
	}{
		"in the Union":             {[]v1alpha1.ResidencyPolicy{eu, wide}, paris, map[string]string{LabelCountry: "FR", PolicyLabel("eu-only"): "Allowed", PolicyLabel("wide"): "Allowed"}},
		"abroad":                   {[]v1alpha1.ResidencyPolicy{eu, wide}, virginia, map[string]string{LabelCountry: "US", PolicyLabel("wide"): "Allowed"}},
		"known to one policy only": {[]v1alpha1.ResidencyPolicy{eu, declaring}, node("own", "dc1", "", ""), map[string]string{LabelCountry: "FR", PolicyLabel("declaring"): "Allowed"}},
		"located twice":            {[]v1alpha1.ResidencyPolicy{declaring, contrary}, node("own", "dc1", "", ""), map[string]string{PolicyLabel("declaring"): "Allowed", PolicyLabel("contrary"): "Allowed"}},
		"contradicting itself":     {[]v1alpha1.ResidencyPolicy{eu}, node("liar", "eu-west-3", "us-east-1a", ""), map[string]string{}},
		"unlocated":                {[]v1alpha1.ResidencyPolicy{eu}, node("unlocated", "", "", ""), map[string]string{}},
		"virtual, of Liqo":         {[]v1alpha1.ResidencyPolicy{eu}, node("virtual", "eu-west-3", "", "", "liqo.io/type", "virtual-node"), map[string]string{}},
		"virtual, of interLink":    {[]v1alpha1.ResidencyPolicy{eu}, node("virtual", "eu-west-3", "", "", "virtual-node.interlink/type", "virtual-kubelet"), map[string]string{}},
		"virtual":                  {[]v1alpha1.ResidencyPolicy{eu}, node("virtual", "eu-west-3", "", "", "type", "virtual-kubelet"), map[string]string{}},
		"virtual, by its taint":    {[]v1alpha1.ResidencyPolicy{eu}, tainted(node("virtual", "eu-west-3", "", "")), map[string]string{}},
		"virtual, and located by an administrator": {[]v1alpha1.ResidencyPolicy{eu}, tainted(node("virtual", "eu-west-3", "", "", LabelLocation, "aws.eu-west-3")),
			map[string]string{LabelCountry: "FR", PolicyLabel("eu-only"): "Allowed"}},
		"without a policy": {nil, paris, map[string]string{LabelCountry: "FR"}},
	} {
		in := world()
		in.Policies = test.policies
		if diff := cmp.Diff(test.want, Build(in).TrustedLabels(test.node)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
