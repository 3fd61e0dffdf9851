package residency

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// placed builds a world with a register in shop, nodes in Paris and Virginia, and one that nobody can locate.
func placed(policies ...v1alpha1.ResidencyPolicy) Input {
	in := world()
	nowhere := node("nowhere", "", "", "")
	in.Nodes, in.Policies = []corev1.Node{*paris, *virginia, *nowhere}, policies
	in.Registers = []Register{{Namespace: "shop", Name: "crm"}}
	in.Stores = []Store{{Namespace: "shop", Register: "crm", Claim: "data-crm-main-0"}, {Namespace: "shop", Register: "crm", Workload: Workload{"Deployment", "legacy"}}}
	return in
}

func labelled(n corev1.Node, policy string) corev1.Node {
	out := *n.DeepCopy()
	out.Labels[PolicyLabel(policy)] = LabelPolicyAllowed
	return out
}

func euOnly(change func(*v1alpha1.ResidencyPolicySpec)) v1alpha1.ResidencyPolicy {
	return policy("eu-only", v1alpha1.PolicyRoleDefault, change)
}

func in(key string, values ...string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
}

func terms(list ...[]corev1.NodeSelectorRequirement) *corev1.NodeSelector {
	selector := &corev1.NodeSelector{}
	for _, expressions := range list {
		selector.NodeSelectorTerms = append(selector.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchExpressions: expressions})
	}
	return selector
}

type all = []corev1.NodeSelectorRequirement

func requiring(selector *corev1.NodeSelector) *corev1.PodSpec {
	return &corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: selector}}}
}

func TestTheAffinityFollowsWhatIsKnownOfTheNodes(t *testing.T) {
	byRegion := func(s *v1alpha1.ResidencyPolicySpec) { s.Nodes.Affinity = v1alpha1.AffinityTopologyRegion }
	restricted := func(s *v1alpha1.ResidencyPolicySpec) { s.Nodes.Evidence = v1alpha1.EvidenceRestrictedLabels }
	ours, theirs := in(PolicyLabel("eu-only"), "Allowed"), in(region, "eu-west-3")
	for name, test := range map[string]struct {
		in   Input
		want corev1.NodeSelectorRequirement
	}{
		"no node is labelled yet":             {placed(euOnly(nil)), theirs},
		"a node is labelled":                  {func() Input { w := placed(euOnly(nil)); w.Nodes[0] = labelled(*paris, "eu-only"); return w }(), ours},
		"the policy believes restricted ones": {placed(euOnly(restricted)), ours},
		"the policy pins by region":           {func() Input { w := placed(euOnly(byRegion)); w.Nodes[0] = labelled(*paris, "eu-only"); return w }(), theirs},
		"a label of another policy":           {func() Input { w := placed(euOnly(nil)); w.Nodes[0] = labelled(*paris, "other"); return w }(), theirs},
		"the built-in policy knows no label":  {func() Input { w := placed(); w.Nodes[0].Spec.ProviderID = "aws:///eu-west-3a/i-1"; return w }(), theirs},
		"the register names a policy that is not there": {func() Input {
			w := placed(euOnly(nil))
			w.Registers[0].Policy = "gone"
			return w
		}(), theirs},
	} {
		t.Run(name, func(t *testing.T) {
			got, changed := Build(test.in).Placing("shop", []string{"crm"}).Pin(nil)
			if want := terms(all{test.want}); !changed || cmp.Diff(want, got) != "" {
				t.Error(changed, cmp.Diff(want, got))
			}
		})
	}
}

func TestPodsAreGovernedByTheirLabelTheirClaimsAndTheirWorkload(t *testing.T) {
	everyPod := func(s *v1alpha1.ResidencyPolicySpec) { selected(s); s.Workloads.Scope = v1alpha1.WorkloadsAll }
	w := placed(euOnly(nil), policy("lab", v1alpha1.PolicyRoleNamed, everyPod))
	snapshot := Build(w)
	named := map[string]string{v1alpha1.LabelRegister: "crm"}
	for name, test := range map[string]struct {
		ties     Ties
		policies string
	}{
		"nothing":                              {Ties{Namespace: "shop"}, ""},
		"the label":                            {Ties{Namespace: "shop", Labels: named}, "eu-only"},
		"the label of a register that is gone": {Ties{Namespace: "shop", Labels: map[string]string{v1alpha1.LabelRegister: "gone"}}, "eu-only"},
		"an empty label":                       {Ties{Namespace: "shop", Labels: map[string]string{v1alpha1.LabelRegister: ""}}, "eu-only"},
		"the claim of a store":                 {Ties{Namespace: "shop", Claims: []string{"other", "data-crm-main-0"}}, "eu-only"},
		"another claim":                        {Ties{Namespace: "shop", Claims: []string{"other"}}, ""},
		"a labelled claim":                     {Ties{Namespace: "shop", ClaimLabels: []map[string]string{nil, named}}, "eu-only"},
		"the workload of a store":              {Ties{Namespace: "shop", Workloads: []Workload{{"ReplicaSet", "x"}, {"Deployment", "legacy"}}}, "eu-only"},
		"the claim of a store elsewhere":       {Ties{Namespace: "lab", Claims: []string{"data-crm-main-0"}}, "lab"},
		"a policy that places every pod":       {Ties{Namespace: "lab"}, "lab"},
		"a label beside that":                  {Ties{Namespace: "lab", Labels: named}, "eu-only lab"},
		"where nothing is ever guarded":        {Ties{Namespace: "kube-system", Labels: named}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			guard, got := snapshot.Placing(test.ties.Namespace, snapshot.Governors(test.ties)), ""
			if guard != nil {
				var names []string
				for _, p := range guard.Policies {
					names = append(names, p.Rules.Name)
				}
				slices.Sort(names)
				got = strings.Join(names, " ")
			}
			if got != test.policies {
				t.Errorf("%q, want %q", got, test.policies)
			}
		})
	}
	if got := snapshot.GuardOf("lab").Label(); got != GuardedAll {
		t.Errorf("a namespace all of whose pods are placed is labelled %q", got)
	}
}

func TestContradictionsAreRefused(t *testing.T) {
	w := placed(euOnly(nil))
	w.Nodes[0] = labelled(*paris, "eu-only")
	w.Nodes[1] = labelled(*virginia, "eu-only") // forged
	guard := Build(w).Placing("shop", []string{"crm"})
	ours := in(PolicyLabel("eu-only"), "Allowed")
	for name, test := range map[string]struct {
		spec   *corev1.PodSpec
		reason Reason
		words  string
	}{
		"nothing asked":                        {&corev1.PodSpec{}, "", ""},
		"an allowed region":                    {&corev1.PodSpec{NodeSelector: map[string]string{region: "eu-west-3"}}, "", ""},
		"a region abroad":                      {&corev1.PodSpec{NodeSelector: map[string]string{region: "us-east-1"}}, ReasonNoNode, `such as "virginia" (aws us-east-1a (US, AdequatePartial))`},
		"a region that no node has":            {&corev1.PodSpec{NodeSelector: map[string]string{region: "eu-central-1"}}, ReasonNoNode, "match no node"},
		"a name abroad":                        {requiring(&corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: all{in("metadata.name", "virginia")}}}}), ReasonNoNode, "virginia"},
		"alternatives, one allowed":            {requiring(terms(all{in(region, "us-east-1")}, all{in(region, "eu-west-3")})), "", ""},
		"alternatives abroad":                  {requiring(terms(all{in(region, "us-east-1")}, all{in(region, "us-east-1"), ours})), ReasonNoNode, ""},
		"everything but the allowed":           {requiring(terms(all{{Key: region, Operator: corev1.NodeSelectorOpNotIn, Values: []string{"eu-west-3"}}})), ReasonNoNode, ""},
		"our own label, negated":               {requiring(terms(all{{Key: PolicyLabel("eu-only"), Operator: corev1.NodeSelectorOpDoesNotExist}})), ReasonNoNode, ""},
		"a term without expressions":           {requiring(terms(nil)), ReasonNoNode, ""},
		"a node abroad":                        {&corev1.PodSpec{NodeName: "virginia"}, ReasonZoneNotAllowed, `node "virginia" is in aws us-east-1a (US, AdequatePartial); allowed: EU`},
		"a node that cannot be located":        {&corev1.PodSpec{NodeName: "nowhere"}, ReasonNoEvidence, "cannot be located"},
		"a node that does not exist":           {&corev1.PodSpec{NodeName: "gone"}, ReasonNodeMissing, "does not exist"},
		"an allowed node":                      {&corev1.PodSpec{NodeName: "paris"}, "", ""},
		"an operator that nobody knows":        {requiring(terms(all{{Key: region, Operator: "Near", Values: []string{"eu-west-3"}}})), ReasonNoNode, ""},
		"only preferred places, which are not": {&corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: 1, Preference: corev1.NodeSelectorTerm{MatchExpressions: all{in(region, "us-east-1")}}}}}}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			objections := guard.JudgeTemplate(test.spec, nil)
			if test.reason == "" {
				if len(objections) != 0 {
					t.Errorf("refused: %s", objections[0].Message)
				}
				return
			}
			if len(objections) != 1 || objections[0].Reason != test.reason || !strings.Contains(objections[0].Message, test.words) || len(objections[0].Message) > 500 {
				t.Errorf("%+v", objections)
			}
		})
	}
}

func TestANodeThatTheSnapshotDoesNotHaveIsJudgedFromWhatWasRead(t *testing.T) {
	guard := Build(placed(euOnly(nil))).Placing("shop", []string{"crm"})
	if got := guard.JudgeNode("lille", node("lille", "eu-west-3", "eu-west-3b", "")); len(got) != 0 || guard.HasNode("lille") || !guard.HasNode("paris") {
		t.Errorf("%+v", got)
	}
	if got := guard.JudgeNode("ohio", node("ohio", "us-east-2", "us-east-2a", "")); len(got) != 1 || got[0].Reason != ReasonZoneNotAllowed {
		t.Errorf("%+v", got)
	}
}

func TestAPodWhoseAffinityWasTakenAwayIsRefused(t *testing.T) {
	guard := Build(placed(euOnly(nil))).Placing("shop", []string{"crm"})
	if got := guard.JudgePod(&corev1.PodSpec{}, nil); len(got) != 1 || got[0].Reason != ReasonUnpinned {
		t.Errorf("%+v", got)
	}
	half := terms(all{in(region, "eu-west-3")}, all{in("disk", "ssd")})
	if got := guard.JudgePod(requiring(half), nil); len(got) != 1 || got[0].Reason != ReasonUnpinned {
		t.Errorf("%+v", got)
	}
	pinned, _ := guard.Pin(half)
	if got := guard.JudgePod(requiring(pinned), nil); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhereAPolicyAuditsNothingIsPinnedAndObjectionsDoNotBlock(t *testing.T) {
	guard := Build(placed(euOnly(func(s *v1alpha1.ResidencyPolicySpec) { s.Enforcement = v1alpha1.EnforcementAudit }))).Placing("shop", []string{"crm"})
	if got, changed := guard.Pin(nil); got != nil || changed {
		t.Errorf("%+v", got)
	}
	if got := guard.JudgePod(&corev1.PodSpec{NodeName: "virginia"}, nil); len(got) != 1 || got[0].Enforced {
		t.Errorf("%+v", got)
	}
	if got := guard.JudgePod(&corev1.PodSpec{}, nil); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestPoliciesThatTogetherAllowNoNodeRefuse(t *testing.T) {
	american := policy("us", v1alpha1.PolicyRoleNamed, func(s *v1alpha1.ResidencyPolicySpec) {
		s.Allowed.Countries, s.Denied.Countries = []v1alpha1.Country{"US"}, []v1alpha1.Country{"FR"}
	})
	w := placed(euOnly(nil), american)
	w.Registers = append(w.Registers, Register{Namespace: "shop", Name: "other", Policy: "us"})
	guard := Build(w).Placing("shop", []string{"crm"})
	if got := guard.JudgeTemplate(&corev1.PodSpec{}, nil); len(guard.Policies) != 2 || len(got) != 1 || got[0].Reason != ReasonNoNode {
		t.Errorf("%+v", got)
	}
}

func TestAnAutoscalerMayMakeNodesInAllowedRegions(t *testing.T) {
	guard := Build(placed(euOnly(func(s *v1alpha1.ResidencyPolicySpec) { s.Nodes.Affinity = v1alpha1.AffinityTopologyRegion }))).Placing("shop", []string{"crm"})
	zone := corev1.LabelTopologyZone
	for name, test := range map[string]struct {
		selector map[string]string
		required *corev1.NodeSelector
		want     bool
	}{
		"a pool that is empty now":        {map[string]string{"pool": "gpu"}, nil, true},
		"in an allowed region":            {map[string]string{"pool": "gpu", region: "eu-west-3"}, nil, true},
		"in a zone of that region":        {map[string]string{"pool": "gpu", zone: "eu-west-3c"}, nil, true},
		"in a region abroad":              {map[string]string{"pool": "gpu", region: "us-east-1"}, nil, false},
		"in a zone abroad":                {map[string]string{"pool": "gpu", zone: "us-east-1a"}, nil, false},
		"on a machine that is not there":  {map[string]string{corev1.LabelHostname: "gpu-1"}, nil, false},
		"in terms, one of them possible":  {nil, terms(all{in("pool", "gpu"), in(region, "us-east-1")}, all{in("pool", "gpu")}), true},
		"in terms, none of them possible": {nil, terms(all{in("pool", "gpu"), in(region, "us-east-1")}, nil), false},
	} {
		spec := requiring(test.required)
		spec.NodeSelector = test.selector
		if got := len(guard.JudgeTemplate(spec, nil)) == 0; got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestARegisterLetsGoOfNothing(t *testing.T) {
	w := placed(euOnly(nil))
	w.Registers = append(w.Registers, Register{Namespace: "shop", Name: "hr"})
	snapshot := Build(w)
	label := func(value string) map[string]string { return map[string]string{v1alpha1.LabelRegister: value} }
	for _, test := range []struct {
		before, after map[string]string
		pod, want     bool
	}{
		{label("crm"), nil, false, true}, {label("crm"), label(""), false, true}, {label("crm"), label("gone"), false, true}, {label("crm"), label("hr"), false, false},
		{label("crm"), label("hr"), true, true}, {label("crm"), label("crm"), true, false}, {label("gone"), nil, true, false}, {nil, label("crm"), true, false}, {nil, nil, true, false},
	} {
		if _, got := snapshot.Released("shop", test.before, test.after, test.pod); got != test.want {
			t.Errorf("%v to %v: %v", test.before, test.after, got)
		}
	}
	if _, got := snapshot.Released("lab", label("crm"), nil, true); got {
		t.Error("a register of another namespace holds")
	}
}

// anyNode, anyTerm and anySelector draw from few keys and values, so that they meet.
func anyValue(t *rapid.T) string {
	return rapid.SampledFrom([]string{"eu-west-3", "us-east-1", "a", "Allowed", "1"}).Draw(t, "value")
}

var keys = []string{region, PolicyLabel("eu-only"), "disk"}

func anyNode(t *rapid.T) *corev1.Node {
	n := &corev1.Node{}
	n.Name, n.Labels = rapid.SampledFrom([]string{"paris", "virginia", "x"}).Draw(t, "node"), map[string]string{}
	for _, key := range keys {
		if rapid.Bool().Draw(t, "has") {
			n.Labels[key] = anyValue(t)
		}
	}
	return n
}

func anySelector(t *rapid.T) *corev1.NodeSelector {
	if rapid.IntRange(0, 4).Draw(t, "none") == 0 {
		return nil
	}
	selector := &corev1.NodeSelector{}
	for range rapid.IntRange(0, 3).Draw(t, "terms") {
		term := corev1.NodeSelectorTerm{}
		for range rapid.IntRange(0, 3).Draw(t, "expressions") {
			operator := rapid.SampledFrom([]corev1.NodeSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Near"}).Draw(t, "operator")
			requirement := corev1.NodeSelectorRequirement{Key: rapid.SampledFrom(keys).Draw(t, "key"), Operator: operator}
			for range rapid.IntRange(0, 2).Draw(t, "values") {
				requirement.Values = append(requirement.Values, anyValue(t))
			}
			term.MatchExpressions = append(term.MatchExpressions, requirement)
		}
		if rapid.IntRange(0, 3).Draw(t, "field") == 0 {
			term.MatchFields = all{in("metadata.name", rapid.SampledFrom([]string{"paris", "virginia"}).Draw(t, "name"))}
		}
		selector.NodeSelectorTerms = append(selector.NodeSelectorTerms, term)
	}
	return selector
}

func matches(selector *corev1.NodeSelector, n *corev1.Node) bool {
	if selector == nil {
		return true
	}
	match, err := nodeaffinity.NewLazyErrorNodeSelector(selector).Match(n)
	return match && err == nil
}

func TestPinningNeverWidensHoldsInEveryTermAndIsDoneOnce(t *testing.T) {
	byRegion := Build(placed(euOnly(nil))).Placing("shop", []string{"crm"})
	w := placed(euOnly(nil))
	w.Nodes[0] = labelled(*paris, "eu-only")
	byLabel := Build(w).Placing("shop", []string{"crm"})
	rapid.Check(t, func(t *rapid.T) {
		guard := rapid.SampledFrom([]*Guard{byRegion, byLabel}).Draw(t, "guard")
		want := guard.Policies[0].placing.requirement
		before := anySelector(t)
		original := before.DeepCopy()
		after, changed := guard.Pin(before)
		if diff := cmp.Diff(original, before); diff != "" {
			t.Fatalf("the input was changed: %s", diff)
		}
		if changed != (cmp.Diff(before, after) != "") {
			t.Fatal("says wrongly whether it changed")
		}
		n := anyNode(t)
		lets := matches(after, n)
		if lets && !matches(original, n) {
			t.Fatalf("lets in %v, which %v did not", n.Labels, text(original))
		}
		if lets && !slices.Contains(want.Values, n.Labels[want.Key]) {
			t.Fatalf("lets in %v, which is not allowed", n.Labels)
		}
		if matches(original, n) && slices.Contains(want.Values, n.Labels[want.Key]) && !lets {
			t.Fatalf("shuts out %v, which is allowed", n.Labels)
		}
		if again, twice := guard.Pin(after); twice || cmp.Diff(after, again) != "" {
			t.Fatal("is not done once")
		}
	})
}

func TestWhatIsRefusedStaysRefusedWhenANodeAbroadJoins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := requiring(anySelector(t))
		w := placed(euOnly(nil))
		w.Nodes[0] = labelled(*paris, "eu-only")
		before := len(Build(w).Placing("shop", []string{"crm"}).JudgeTemplate(spec, nil))
		ohio := node("ohio", "us-east-2", "us-east-2a", "")
		ohio.Labels["disk"], ohio.Labels[PolicyLabel("eu-only")] = "a", "Allowed"
		w.Nodes = append(w.Nodes, *ohio)
		if after := len(Build(w).Placing("shop", []string{"crm"}).JudgeTemplate(spec, nil)); before > 0 && after == 0 {
			t.Fatalf("%s is let in by a node abroad", text(requiredOf(spec)))
		}
	})
}

func text(v any) string {
	content, err := json.Marshal(v)
	return fmt.Sprint(string(content), err)
}

// What is known of a pod that asks for no place must be what a look at the nodes finds.
func TestThePodThatAsksForNothingElseFitsAsTheNodesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := Input{Policies: []v1alpha1.ResidencyPolicy{{ObjectMeta: metav1.ObjectMeta{Name: "eu"}, Spec: v1alpha1.ResidencyPolicySpec{Role: v1alpha1.PolicyRoleDefault, Provider: "aws",
			Nodes: v1alpha1.PolicyNodes{Affinity: rapid.SampledFrom([]v1alpha1.NodeAffinityKind{"", v1alpha1.AffinityTopologyRegion}).Draw(t, "affinity")}}}}, On: "2026-11-24"}
		for i, region := range rapid.SliceOfN(rapid.SampledFrom([]string{"", "eu-west-3", "eu-central-1", "us-east-1"}), 0, 4).Draw(t, "regions") {
			labels := map[string]string{corev1.LabelTopologyRegion: region}
			if rapid.Bool().Draw(t, "labelled") {
				labels[PolicyLabel("eu")] = LabelPolicyAllowed
			}
			in.Nodes = append(in.Nodes, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("node-", i), Labels: labels}})
		}
		policy := Build(in).Policy("eu")
		spec := &corev1.PodSpec{}
		if rapid.Bool().Draw(t, "pinned") {
			required, _ := (&Guard{Policies: []*Judged{policy}}).Pin(nil)
			spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}
		}
		unknown := *policy
		unknown.placing.roomy = false
		if got, want := (&Guard{Policies: []*Judged{policy}}).fits(spec), (&Guard{Policies: []*Judged{&unknown}}).fits(spec); got != want {
			t.Fatalf("known to fit: %v; by the nodes: %v", got, want)
		}
	})
}
