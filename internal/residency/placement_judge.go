package residency

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Reasons of placement.
const (
	// ReasonNodeMissing means that a node is named that does not exist.
	ReasonNodeMissing Reason = "NodeMissing"
	// ReasonNoNode means that no allowed node matches the node selector and the node affinity.
	ReasonNoNode Reason = "NoAllowedNode"
	// ReasonUnpinned means that something took away the node affinity that keeps a pod on allowed nodes.
	ReasonUnpinned Reason = "AffinityMissing"
	// ReasonReleased means that a label was to be taken away or changed that places a pod under a register.
	ReasonReleased Reason = "RegisterLabelChanged"
)

// HasNode tells whether the snapshot has a node of that name.
func (g *Guard) HasNode(name string) bool { return g.Policies[0].node(name) != nil }

// JudgePod returns what the policies object to a new pod. Live is the node that it names, where the snapshot does not
// have it.
func (g *Guard) JudgePod(spec *corev1.PodSpec, live *corev1.Node) []Objection {
	if objections := g.JudgeTemplate(spec, live); len(objections) > 0 {
		return objections
	}
	blocking := g.enforcing()
	if _, missing := blocking.pin(requiredOf(spec)); missing {
		return []Objection{blocking.Policies[0].objectTo(Place{}, v1alpha1.VerdictUnknown, ReasonUnpinned,
			"the node affinity that keeps the pod on allowed nodes is missing", "Let no other admission webhook take it away")}
	}
	return nil
}

// JudgeTemplate returns what the policies object to a template of pods, which need not be pinned: its pods are. Live is
// the node that it names, where the snapshot does not have it.
func (g *Guard) JudgeTemplate(spec *corev1.PodSpec, live *corev1.Node) []Objection {
	if spec.NodeName != "" {
		if objections := g.JudgeNode(spec.NodeName, live); len(objections) > 0 {
			return objections
		}
	}
	var objections []Objection
	for _, policy := range g.Policies {
		if alone := (&Guard{Policies: []*Judged{policy}}); !alone.fits(spec) {
			objections = append(objections, policy.noNode(spec))
		}
	}
	if blocking := g.enforcing(); len(objections) == 0 && len(blocking.Policies) > 1 && !blocking.fits(spec) {
		objections = append(objections, blocking.Policies[len(blocking.Policies)-1].noNode(spec))
	}
	return objections
}

// JudgeNode returns what the policies object to a node that a pod is to run on. Live is that node where the snapshot does
// not have it; nil when there is none.
func (g *Guard) JudgeNode(name string, live *corev1.Node) []Objection {
	var objections []Objection
	for _, policy := range g.Policies {
		node := policy.node(name)
		if node == nil && live != nil && live.Name == name {
			judged := policy.Rules.JudgeNode(live)
			node = &judged
		}
		switch {
		case node == nil:
			objections = append(objections, policy.objectTo(Place{}, v1alpha1.VerdictUnknown, ReasonNodeMissing,
				"node "+quote(name)+" does not exist, so nothing says where the pod would run", "Name no node: the scheduler finds an allowed one"))
		case node.Verdict == v1alpha1.VerdictDenied:
			objections = append(objections, policy.objectTo(node.Place, node.Verdict, node.Reason,
				"node "+quote(name)+" is in "+node.Place.Words(), "Name no node: the scheduler finds an allowed one"))
		case node.Verdict != v1alpha1.VerdictAllowed:
			objections = append(objections, policy.objectTo(node.Place, node.Verdict, node.Reason,
				"node "+quote(name)+" cannot be located: "+node.Place.Words(), "Name no node: the scheduler finds an allowed one"))
		}
	}
	return objections
}

// JudgeRelease returns the objections to a change of labels that takes a pod or a template from its register.
func (g *Guard) JudgeRelease(register string) []Objection {
	objections := make([]Objection, 0, len(g.Policies))
	for _, policy := range g.Policies {
		objections = append(objections, policy.objectTo(Place{}, v1alpha1.VerdictUnknown, ReasonReleased,
			fmt.Sprintf("label %s=%s may not be taken off or changed while the DataRegister exists", v1alpha1.LabelRegister, cut(register)),
			"Delete the object and create it anew"))
	}
	return objections
}

// fits tells whether a node that every policy allows matches the pod's selectors, or, where policies pin by region for
// the sake of an autoscaler, whether one could be made.
func (g *Guard) fits(spec *corev1.PodSpec) bool {
	if len(g.Policies) == 1 && g.Policies[0].placing.roomy && g.Policies[0].placing.asksNothingElse(spec) {
		return true
	}
	required, _ := g.pin(requiredOf(spec))
	if slices.ContainsFunc(g.Policies, func(j *Judged) bool { return len(j.placing.requirement.Values) == 0 }) {
		return false
	}
	selector := nodeaffinity.NewRequiredNodeAffinity(spec.NodeSelector, &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}})
	for i, node := range g.Policies[0].placing.nodes {
		if g.allows(i) {
			if match, err := selector.Match(node); match && err == nil {
				return true
			}
		}
	}
	elastic := !slices.ContainsFunc(g.Policies, func(j *Judged) bool { return !j.Rules.regionAffinity })
	return elastic && g.imaginable(spec.NodeSelector, required)
}

// asksNothingElse tells whether a pod asks for no place beside what pinning puts in. Terms are alternatives: one suffices.
func (p *placing) asksNothingElse(spec *corev1.PodSpec) bool {
	if len(spec.NodeSelector) > 0 {
		return false
	}
	required := requiredOf(spec)
	return required == nil || slices.ContainsFunc(required.NodeSelectorTerms, func(term corev1.NodeSelectorTerm) bool {
		if len(term.MatchFields) > 0 || len(term.MatchExpressions) != 1 {
			return false
		}
		asked, want := &term.MatchExpressions[0], &p.requirement
		return asked.Key == want.Key && asked.Operator == want.Operator && slices.Equal(asked.Values, want.Values)
	})
}

// allows tells whether every policy allows a node of the cluster, by its place in the list of nodes.
func (g *Guard) allows(i int) bool {
	return !slices.ContainsFunc(g.Policies, func(j *Judged) bool { return j.Nodes[i].Verdict != v1alpha1.VerdictAllowed })
}

// imaginable tells whether a node could be made in an allowed region that matches. What says nothing of a place is taken
// for granted.
func (g *Guard) imaginable(selector map[string]string, required *corev1.NodeSelector) bool {
	var asked []corev1.NodeSelectorRequirement
	for key, value := range selector {
		asked = append(asked, corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}})
	}
	for _, region := range g.Policies[0].placing.requirement.Values {
		for _, term := range required.NodeSelectorTerms {
			empty := len(term.MatchExpressions) == 0
			if !empty && len(term.MatchFields) == 0 && g.couldBe(region, append(slices.Clone(asked), term.MatchExpressions...)) {
				return true
			}
		}
	}
	return false
}

// couldBe tells whether a node of a region could meet requirements.
func (g *Guard) couldBe(region string, asked []corev1.NodeSelectorRequirement) bool {
	made := &corev1.Node{}
	made.Labels = map[string]string{corev1.LabelTopologyRegion: region, corev1.LabelFailureDomainBetaRegion: region}
	for _, want := range asked {
		switch want.Key {
		case corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaRegion:
			one := &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{want}}}}
			if match, err := nodeaffinity.NewLazyErrorNodeSelector(one).Match(made); !match || err != nil {
				return false
			}
		case corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone:
			if want.Operator == corev1.NodeSelectorOpIn && !slices.ContainsFunc(want.Values, func(zone string) bool { return g.allowsZone(region, zone) }) {
				return false
			}
		case corev1.LabelHostname:
			if want.Operator == corev1.NodeSelectorOpIn {
				return false
			}
		}
	}
	return true
}

// allowsZone tells whether every policy allows a zone of a region.
func (g *Guard) allowsZone(region, zone string) bool {
	return !slices.ContainsFunc(g.Policies, func(j *Judged) bool {
		verdict, _ := j.Rules.JudgePlace(j.Rules.Locate("", region, zone))
		return verdict != v1alpha1.VerdictAllowed
	})
}

// noNode says that no allowed node matches, and where those that match are.
func (j *Judged) noNode(spec *corev1.PodSpec) Objection {
	selector := nodeaffinity.NewRequiredNodeAffinity(spec.NodeSelector, &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: j.unpinned(requiredOf(spec))}})
	for i, node := range j.placing.nodes {
		judged := j.Nodes[i]
		if match, err := selector.Match(node); !match || err != nil || judged.Verdict == v1alpha1.VerdictAllowed {
			continue
		}
		return j.objectTo(judged.Place, v1alpha1.VerdictDenied, ReasonNoNode,
			fmt.Sprintf("nodeSelector and node affinity leave no allowed node, but such as %s (%s)", quote(node.Name), judged.Place.Words()), "Ask for no place, or for an allowed one")
	}
	return j.objectTo(Place{}, v1alpha1.VerdictDenied, ReasonNoNode, "nodeSelector and node affinity match no node that is allowed", "Ask for no place, or for an allowed one")
}

// unpinned takes out of terms again what pinning puts in, to tell what was asked for.
func (j *Judged) unpinned(required *corev1.NodeSelector) *corev1.NodeSelector {
	if required == nil {
		return nil
	}
	asked := required.DeepCopy()
	for i := range asked.NodeSelectorTerms {
		term := &asked.NodeSelectorTerms[i]
		had := len(term.MatchExpressions)
		term.MatchExpressions = slices.DeleteFunc(term.MatchExpressions, func(r corev1.NodeSelectorRequirement) bool {
			return strings.HasPrefix(r.Key, LabelPolicyPrefix) || equality.Semantic.DeepEqual(r, j.placing.requirement)
		})
		if had > 0 && len(term.MatchExpressions)+len(term.MatchFields) == 0 {
			return nil // nothing was asked
		}
	}
	return asked
}

// objectTo makes an objection of rule placement.
func (j *Judged) objectTo(place Place, verdict v1alpha1.PlacementVerdict, reason Reason, found, advice string) Objection {
	return Objection{Policy: j.Rules.Name, Rule: RulePlacement, Verdict: verdict, Reason: reason, Place: place,
		Enforced: j.Rules.Enforcement != v1alpha1.EnforcementAudit,
		Message:  fmt.Sprintf("%s, rule %s: %s; allowed: %s (%s). %s, or see %s", j.Rules.Title(), RulePlacement, found, j.Rules.Allows(), article, advice, HelpPage)}
}

// requiredOf returns the required node affinity of a pod; nil when it has none.
func requiredOf(spec *corev1.PodSpec) *corev1.NodeSelector {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return nil
	}
	return spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
}
