package residency

import (
	"maps"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/authentication/user"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/vap"
)

const operator = "system:serviceaccount:rempart-system:rempart-operator"

func load(t *testing.T, name string) *vap.Policy {
	t.Helper()
	policy, err := vap.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// judged expects a refusal that holds the words, or none when there are none.
func judged(t *testing.T, policy *vap.Policy, request vap.Request, words string) {
	t.Helper()
	refusal, err := policy.Judge(t.Context(), request)
	switch {
	case err != nil:
		t.Error(err)
	case words == "" && refusal != "":
		t.Errorf("refused with %q", refusal)
	case words != "" && !strings.Contains(refusal, words):
		t.Errorf("the answer is %q, want %q", refusal, words)
	}
}

// exempter may exempt from the policy of that name; from all when it is empty.
func exempter(name string) func(verb, resource, of string) bool {
	return func(verb, resource, of string) bool {
		return verb == "exempt" && resource == "residencypolicies.gdpr.rempart.dev" && (name == "" || of == name)
	}
}

func TestWebhookConfigurationsBelongToTheOperatorAndToWhoMayExempt(t *testing.T) {
	guard := load(t, "rempart-guard")
	configuration := func(name string) client.Object {
		return &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	kind := admissionregistrationv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration")
	for verb, request := range map[string]vap.Request{
		"create": {Object: configuration("rempart-validating")},
		"update": {Object: configuration("rempart-validating"), Old: configuration("rempart-validating")},
		"delete": {Old: configuration("rempart-validating")},
	} {
		t.Run(verb, func(t *testing.T) {
			request.Resource, request.Kind = "validatingwebhookconfigurations", kind
			judged(t, guard, request, "rule guard")
			request.May = exempter("eu-only")
			judged(t, guard, request, "rule guard")
			request.May = exempter("")
			judged(t, guard, request, "")
			request.May, request.User = nil, &user.DefaultInfo{Name: operator}
			judged(t, guard, request, "")
		})
	}
	judged(t, guard, vap.Request{Resource: "validatingwebhookconfigurations", Kind: kind, Old: configuration("another")}, "")
}

func TestDefinitionsOfOurKindsBelongToWhoMayExempt(t *testing.T) {
	guard := load(t, "rempart-guard")
	definition := func(group string, change func(*apiextensionsv1.CustomResourceDefinition)) client.Object {
		d := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "residencypolicies." + group}, Spec: apiextensionsv1.CustomResourceDefinitionSpec{Group: group}}
		if change != nil {
			change(d)
		}
		return d
	}
	ours, others := v1alpha1.GroupName, "example.com"
	labelled := func(d *apiextensionsv1.CustomResourceDefinition) { d.Labels = map[string]string{"a": "b"} }
	wider := func(d *apiextensionsv1.CustomResourceDefinition) {
		d.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1alpha1"}}
	}
	for name, test := range map[string]struct {
		object, old client.Object
		refused     string
	}{
		"deleted":                {nil, definition(ours, nil), "rule guard"},
		"changed":                {definition(ours, wider), definition(ours, nil), "rule guard"},
		"labelled":               {definition(ours, labelled), definition(ours, nil), ""},
		"another's, deleted":     {nil, definition(others, nil), ""},
		"another's, changed":     {definition(others, wider), definition(others, nil), ""},
		"said to be another's":   {definition(others, nil), definition(ours, nil), "rule guard"},
		"another's becomes ours": {definition(ours, nil), definition(others, nil), ""}, // the API server refuses it
	} {
		t.Run(name, func(t *testing.T) {
			request := vap.Request{Resource: "customresourcedefinitions", Kind: apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"), Object: test.object, Old: test.old}
			judged(t, guard, request, test.refused)
			request.May = exempter("")
			judged(t, guard, request, "")
		})
	}
}

func ns(name string, labelled map[string]string) *corev1.Namespace {
	all := map[string]string{corev1.LabelMetadataName: name}
	maps.Copy(all, labelled)
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all}}
}

func selecting(selector *metav1.LabelSelector, excluded ...v1alpha1.ObjectName) *v1alpha1.ResidencyPolicy {
	return &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{
		Namespaces: v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesSelected, Selector: selector, Excluded: excluded}}}
}

func TestLabelsTakeNoNamespaceOutOfAPolicy(t *testing.T) {
	namespaces := load(t, residency.SelectionPolicy)
	personal, kept := map[string]string{"data": "personal"}, map[string]string{"data": "personal", "team": "a"}
	wants := &metav1.LabelSelector{MatchLabels: personal}
	unless := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "residency", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"exempt"}},
		{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"lab"}}}}
	exempt := map[string]string{"residency": "exempt"}
	for name, test := range map[string]struct {
		policy      *v1alpha1.ResidencyPolicy
		object, old client.Object
		words       string
	}{
		"removed":           {selecting(wants), ns("shop", nil), ns("shop", personal), `would not judge namespace "shop"`},
		"changed":           {selecting(wants), ns("shop", map[string]string{"data": "none"}), ns("shop", personal), "rule guard"},
		"another label":     {selecting(wants), ns("shop", kept), ns("shop", personal), ""},
		"joined":            {selecting(wants), ns("shop", personal), ns("shop", nil), ""},
		"made without":      {selecting(wants), ns("shop", nil), nil, ""},
		"made exempt":       {selecting(unless), ns("shop", exempt), nil, "rule guard"},
		"made under a name": {selecting(unless), ns("lab", nil), nil, ""},
		"becomes exempt":    {selecting(unless), ns("shop", exempt), ns("shop", nil), "rule guard"},
		"excluded by name":  {selecting(wants, "shop"), ns("shop", nil), ns("shop", personal), ""},
		"not by labels any more": {&v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{
			Namespaces: v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesAll}}}, ns("shop", nil), ns("shop", personal), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, resource := range []string{"namespaces", "namespaces/status", "namespaces/finalize"} {
				request := vap.Request{Resource: resource, Kind: corev1.SchemeGroupVersion.WithKind("Namespace"), Object: test.object, Params: test.policy}
				if test.old != nil {
					request.Old = test.old
				}
				judged(t, namespaces, request, test.words)
				request.May = exempter("eu-only")
				judged(t, namespaces, request, "")
				request.May, request.User = nil, &user.DefaultInfo{Name: operator}
				judged(t, namespaces, request, "")
			}
		})
	}
}

func TestSelectionAgreesWithKubernetesOnRandomLabels(t *testing.T) {
	namespaces := load(t, residency.SelectionPolicy)
	some := rapid.MapOfN(rapid.SampledFrom([]string{"data", "team", "tier"}), rapid.SampledFrom([]string{"", "a", "b"}), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		selector := anySelector(t)
		matcher, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		before, after := ns("shop", some.Draw(t, "before")), ns("shop", some.Draw(t, "after"))
		leaves := matcher.Matches(labels.Set(before.Labels)) && !matcher.Matches(labels.Set(after.Labels))
		refusal, err := namespaces.Judge(t.Context(), vap.Request{Resource: "namespaces", Kind: corev1.SchemeGroupVersion.WithKind("Namespace"), Object: after, Old: before, Params: selecting(selector)})
		if err != nil || (refusal != "") != leaves {
			t.Fatalf("leaves the selection: %v; refused with %q, %v", leaves, refusal, err)
		}
	})
}

func TestOnlyTheOperatorWritesWhatItFoundOutAboutANode(t *testing.T) {
	nodes := load(t, "rempart-nodes")
	node := func(labelled map[string]string) client.Object {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "paris", Labels: labelled}}
	}
	country, policy := map[string]string{residency.LabelCountry: "FR"}, map[string]string{residency.PolicyLabel("eu-only"): "Allowed"}
	region, abroad := map[string]string{corev1.LabelTopologyRegion: "eu-west-3"}, map[string]string{corev1.LabelTopologyRegion: "us-east-1"}
	kubelet := &user.DefaultInfo{Name: "system:node:paris", Groups: []string{"system:nodes", "system:authenticated"}}
	admin := &user.DefaultInfo{Name: "admin", Groups: []string{"system:masters"}}
	for name, test := range map[string]struct {
		object, old client.Object
		who         user.Info
		words       string
	}{
		"forged at creation":              {node(policy), nil, admin, "only the operator writes them"},
		"forged country":                  {node(country), node(nil), admin, "only the operator writes them"},
		"changed":                         {node(map[string]string{residency.LabelCountry: "DE"}), node(country), admin, "rule node"},
		"removed":                         {node(nil), node(policy), kubelet, "rule node"},
		"kept":                            {node(map[string]string{residency.LabelCountry: "FR", "a": "b"}), node(country), kubelet, ""},
		"the operator's":                  {node(country), node(nil), &user.DefaultInfo{Name: operator}, ""},
		"located by an administrator":     {node(map[string]string{residency.LabelLocation: "aws.eu-west-3"}), node(nil), admin, ""},
		"registered":                      {node(region), nil, kubelet, ""},
		"moved by its kubelet":            {node(abroad), node(region), kubelet, "and not again"},
		"said later by its kubelet":       {node(region), node(nil), kubelet, "and not again"},
		"withdrawn by its kubelet":        {node(nil), node(region), kubelet, "and not again"},
		"old name, by its kubelet":        {node(map[string]string{corev1.LabelFailureDomainBetaZone: "z"}), node(nil), kubelet, "and not again"},
		"corrected by an administrator":   {node(abroad), node(region), admin, ""},
		"another label, from its kubelet": {node(map[string]string{corev1.LabelTopologyRegion: "eu-west-3", "a": "b"}), node(region), kubelet, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, resource := range []string{"nodes", "nodes/status"} {
				request := vap.Request{Resource: resource, Kind: corev1.SchemeGroupVersion.WithKind("Node"), Object: test.object, User: test.who, May: exempter("")}
				if test.old != nil {
					request.Old = test.old
				}
				judged(t, nodes, request, test.words)
			}
		})
	}
}
