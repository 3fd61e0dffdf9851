package residency

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func namespace(name string, labels ...string) corev1.Namespace {
	ns := corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
	for i := 0; i+1 < len(labels); i += 2 {
		ns.Labels[labels[i]] = labels[i+1]
	}
	return ns
}

func policy(name string, role v1alpha1.PolicyRole, change func(*v1alpha1.ResidencyPolicySpec)) v1alpha1.ResidencyPolicy {
	p := v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ResidencyPolicySpec{
		Enforcement: v1alpha1.EnforcementEnforce, Role: role, Provider: "aws"}}
	if change != nil {
		change(&p.Spec)
	}
	return p
}

func named(name string, c *storagev1.StorageClass) storagev1.StorageClass {
	c.Name = name
	return *c
}

func world() Input {
	return Input{
		Classes: []storagev1.StorageClass{
			named("eu-fast", class("local.rempart.dev", nil, term(region, "eu-west-3"))),
			named("us-fast", class("local.rempart.dev", nil, term(region, "us-east-1"))),
			named("mystery", class("example.com/unknown", nil)),
		},
		Nodes:             []corev1.Node{*paris, *virginia},
		Namespaces:        []corev1.Namespace{namespace("shop"), namespace("lab", "data", "personal"), namespace("kube-system"), namespace("rempart-system")},
		On:                today,
		OperatorNamespace: "rempart-system",
	}
}

func selected(spec *v1alpha1.ResidencyPolicySpec) {
	spec.Namespaces = v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesSelected, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"data": "personal"}}}
}

func TestNamespacesAreGuardedByRegistersAndPolicies(t *testing.T) {
	audit := func(spec *v1alpha1.ResidencyPolicySpec) { selected(spec); spec.Enforcement = v1alpha1.EnforcementAudit }
	for name, test := range map[string]struct {
		policies  []v1alpha1.ResidencyPolicy
		registers []Register
		want      map[string]string
	}{
		"nothing":                                 {nil, nil, map[string]string{}},
		"a register without a policy":             {nil, []Register{{"shop", "crm", ""}}, map[string]string{"shop": "true"}},
		"a register of a policy that is missing":  {nil, []Register{{"shop", "crm", "gone"}}, map[string]string{"shop": "true"}},
		"registers where nothing is ever guarded": {nil, []Register{{"kube-system", "a", ""}, {"rempart-system", "b", ""}}, map[string]string{}},
		"the default policy judges all":           {[]v1alpha1.ResidencyPolicy{policy("eu", "Default", nil)}, nil, map[string]string{"shop": "true", "lab": "true"}},
		"selected namespaces":                     {[]v1alpha1.ResidencyPolicy{policy("eu", "Default", selected)}, nil, map[string]string{"lab": "true"}},
		"audit":                                   {[]v1alpha1.ResidencyPolicy{policy("eu", "Default", audit)}, nil, map[string]string{"lab": "audit"}},
		"one of two policies enforces":            {[]v1alpha1.ResidencyPolicy{policy("a", "Default", audit), policy("b", "Named", selected)}, nil, map[string]string{"lab": "true"}},
		"a named policy judges its registers":     {[]v1alpha1.ResidencyPolicy{policy("eu", "Named", nil)}, []Register{{"shop", "crm", "eu"}}, map[string]string{"shop": "true"}},
		"an excluded namespace": {[]v1alpha1.ResidencyPolicy{policy("eu", "Default", func(s *v1alpha1.ResidencyPolicySpec) {
			s.Namespaces = v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesAll, Excluded: []v1alpha1.ObjectName{"shop"}}
		})}, nil, map[string]string{"lab": "true"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := world()
			in.Policies, in.Registers = test.policies, test.registers
			snapshot, got := Build(in), map[string]string{}
			for _, ns := range in.Namespaces {
				if label := snapshot.GuardOf(ns.Name).Label(); label != "" {
					got[ns.Name] = label
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusalsNameEverythingThatAPersonNeeds(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", "Default", nil)}
	guard := Build(in).GuardOf("shop")
	for class, want := range map[string][]string{
		"us-fast":                {"ResidencyPolicy eu-only, rule storage-class:", `class "us-fast" provisions in aws us-east-1 (US, AdequatePartial)`, "allowed: EU", `Use "eu-fast"`, HelpPage},
		"mystery":                {`class "mystery" cannot be located`, `"example.com/unknown"`, `Use "eu-fast"`},
		"absent":                 {`StorageClass "absent" does not exist`},
		strings.Repeat("x", 253): {"does not exist"},
	} {
		objections := guard.JudgeClass(class, nil)
		if len(objections) != 1 || !objections[0].Enforced {
			t.Fatalf("%s: %+v", class, objections)
		}
		for _, words := range want {
			if !strings.Contains(objections[0].Message, words) {
				t.Errorf("%q lacks %q", objections[0].Message, words)
			}
		}
		if len(objections[0].Message) >= 500 {
			t.Errorf("%d characters: %s", len(objections[0].Message), objections[0].Message)
		}
	}
	if objections := guard.JudgeClass("eu-fast", nil); len(objections) != 0 {
		t.Errorf("eu-fast: %+v", objections)
	}
}

func TestTheBuiltInPolicyHoldsWhereNoneDoes(t *testing.T) {
	in := world()
	in.Registers = []Register{{"shop", "crm", ""}}
	in.Classes = append(in.Classes, named("ebs-paris", class("ebs.csi.aws.com", nil, term(region, "eu-west-3"))))
	guard := Build(in).GuardOf("shop")
	if objections := guard.JudgeClass("ebs-paris", nil); len(objections) != 0 {
		t.Errorf("ebs-paris: %+v", objections)
	}
	objections := guard.JudgeClass("eu-fast", nil)
	if len(objections) != 1 || !strings.HasPrefix(objections[0].Message, "the built-in default policy") || !strings.Contains(objections[0].Message, "spec.provider") {
		t.Errorf("eu-fast: %+v", objections)
	}
}

func TestEveryPolicyOfANamespaceMustAllow(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu", "Default", nil), policy("not-france", "Named", func(s *v1alpha1.ResidencyPolicySpec) {
		s.Denied.Countries = []v1alpha1.Country{"FR"}
	})}
	snapshot := Build(in)
	if got := snapshot.GuardFor("shop", "not-france").JudgeClass("eu-fast", nil); len(got) != 1 || got[0].Reason != ReasonCountryDenied {
		t.Errorf("%+v", got)
	}
}

func TestTheNewestDefaultClassCounts(t *testing.T) {
	mark := func(c storagev1.StorageClass, hour int) storagev1.StorageClass {
		c.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
		c.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC))
		return c
	}
	in := world()
	in.Classes[0], in.Classes[1] = mark(in.Classes[0], 1), mark(in.Classes[1], 2)
	if got := Build(in).DefaultClass(); got != "us-fast" {
		t.Errorf("default class %s", got)
	}
}

func TestPodsArePinnedToRegionsWhereEveryNodeIsAllowed(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu", "Default", nil)}
	in.Nodes = append(in.Nodes, *node("berlin", "eu-central-1", "eu-central-1a", ""), *node("odd", "eu-central-1", "us-east-1a", ""))
	if diff := cmp.Diff([]string{"eu-west-3"}, Build(in).Policy("").AllowedRegions()); diff != "" {
		t.Error(diff)
	}
}
