package residency

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Workload is an object that makes pods.
type Workload struct{ Kind, Name string }

// Store is a store of a DataRegister that runs in the cluster. Pods that mount its claim, and pods of its workload, are
// governed by the register.
type Store struct {
	Namespace, Register string
	// Claim of a managed store; empty for another.
	Claim string
	// Workload that runs a store which Rempart does not run; zero when the register names none.
	Workload Workload
}

// Ties are what ties a pod, or a template of pods, to registers.
type Ties struct {
	Namespace string
	Labels    map[string]string
	// Claims that it mounts, by name.
	Claims []string
	// ClaimLabels are the labels of the claims that it mounts and of those that it makes.
	ClaimLabels []map[string]string
	// Workloads that it is, or that may own it.
	Workloads []Workload
}

// ties are the look-ups of placement.
type ties struct {
	registers map[types.NamespacedName]string   // register → policy that it names
	claims    map[types.NamespacedName][]string // claim → registers
	workloads map[placedWorkload][]string       // workload → registers
}

type placedWorkload struct {
	namespace string
	Workload
}

// placing is what one policy asks of the nodes of governed pods.
type placing struct {
	// requirement that a node must meet. Its values are empty when there is no allowed node.
	requirement corev1.NodeSelectorRequirement
	// byRegion means that the requirement is on the region.
	byRegion bool
	// roomy means that a pod which asks for no place fits: most pods ask for none, and are spared the look at the nodes.
	roomy bool
	// nodes of the cluster as the operator labels them, in the order of Judged.Nodes. All policies share them.
	nodes []*corev1.Node
}

// place prepares placement: the labels that allowed nodes have, or will have in a moment, and who governs what.
func (s *Snapshot) place(in Input) {
	judged := slices.Collect(maps.Values(s.policies))
	nodes := asLabelled(in.Nodes, judged)
	for _, j := range append(judged, s.fallback) {
		j.placing = placing{nodes: nodes, byRegion: j.byRegion(in.Nodes)}
		j.placing.requirement = corev1.NodeSelectorRequirement{Key: PolicyLabel(j.Rules.Name), Operator: corev1.NodeSelectorOpIn, Values: []string{LabelPolicyAllowed}}
		if j.placing.byRegion {
			j.placing.requirement = corev1.NodeSelectorRequirement{Key: corev1.LabelTopologyRegion, Operator: corev1.NodeSelectorOpIn, Values: j.AllowedRegions()}
		}
		j.placing.roomy = (&Guard{Policies: []*Judged{j}}).fits(&corev1.PodSpec{})
	}
	s.ties = ties{registers: map[types.NamespacedName]string{}, claims: map[types.NamespacedName][]string{}, workloads: map[placedWorkload][]string{}}
	for _, register := range in.Registers {
		s.ties.registers[types.NamespacedName{Namespace: register.Namespace, Name: register.Name}] = register.Policy
	}
	for _, store := range in.Stores {
		if store.Claim != "" {
			key := types.NamespacedName{Namespace: store.Namespace, Name: store.Claim}
			s.ties.claims[key] = append(s.ties.claims[key], store.Register)
		}
		if store.Workload != (Workload{}) {
			key := placedWorkload{store.Namespace, store.Workload}
			s.ties.workloads[key] = append(s.ties.workloads[key], store.Register)
		}
	}
}

// byRegion tells whether pods are pinned to regions: the policy says so, or it is the built-in one, which has no label,
// or nodes are located by topology labels and the operator has labelled none of them yet.
func (j *Judged) byRegion(nodes []corev1.Node) bool {
	if j.Rules.Name == "" || j.Rules.regionAffinity {
		return true
	}
	key := PolicyLabel(j.Rules.Name)
	return !j.Rules.restricted && !slices.ContainsFunc(nodes, func(n corev1.Node) bool { return n.Labels[key] == LabelPolicyAllowed })
}

// asLabelled returns the nodes, sorted by name, with the labels that the policies' verdicts give them: a label that is
// forged does not count, and one that the operator is about to set does.
func asLabelled(nodes []corev1.Node, judged []*Judged) []*corev1.Node {
	out := make([]*corev1.Node, 0, len(nodes))
	for i := range nodes {
		node := &corev1.Node{}
		node.Name, node.Labels = nodes[i].Name, map[string]string{}
		for key, value := range nodes[i].Labels {
			if !strings.HasPrefix(key, LabelPolicyPrefix) {
				node.Labels[key] = value
			}
		}
		for _, j := range judged {
			if verdict := j.node(node.Name); verdict != nil && verdict.Verdict == v1alpha1.VerdictAllowed {
				node.Labels[PolicyLabel(j.Rules.Name)] = LabelPolicyAllowed
			}
		}
		out = append(out, node)
	}
	slices.SortFunc(out, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// node finds the judgement of a node; nil when the snapshot has no such node.
func (j *Judged) node(name string) *JudgedNode {
	i, found := slices.BinarySearchFunc(j.Nodes, name, func(n JudgedNode, name string) int { return strings.Compare(n.Name, name) })
	if !found {
		return nil
	}
	return &j.Nodes[i]
}

// HasRegister tells whether the snapshot knows a register.
func (s *Snapshot) HasRegister(namespace, name string) bool {
	_, known := s.ties.registers[types.NamespacedName{Namespace: namespace, Name: name}]
	return known
}

// Governs tells whether a claim is the claim of a register's store.
func (s *Snapshot) Governs(namespace, claim string) bool {
	return len(s.ties.claims[types.NamespacedName{Namespace: namespace, Name: claim}]) > 0
}

// Governors returns the registers that govern a pod or a template, sorted: the one that its label names, whether it
// exists or not, and those of the claims and workloads that it is tied to.
func (s *Snapshot) Governors(t Ties) []string {
	var found []string
	for _, labels := range append([]map[string]string{t.Labels}, t.ClaimLabels...) {
		if register, labelled := labels[v1alpha1.LabelRegister]; labelled {
			found = append(found, register)
		}
	}
	for _, claim := range t.Claims {
		found = append(found, s.ties.claims[types.NamespacedName{Namespace: t.Namespace, Name: claim}]...)
	}
	for _, workload := range t.Workloads {
		found = append(found, s.ties.workloads[placedWorkload{t.Namespace, workload}]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Placing returns the policies under which a pod is placed, given the registers that govern it: theirs and all of the
// namespace, and without a register those that place every pod. A register that does not exist stands for the default
// policy. Nil when nothing places the pod.
func (s *Snapshot) Placing(namespace string, registers []string) *Guard {
	if s.never(namespace) {
		return nil
	}
	g := &Guard{}
	add := func(policy *Judged) {
		if !slices.Contains(g.Policies, policy) {
			g.Policies = append(g.Policies, policy)
		}
	}
	for _, register := range registers {
		add(s.Policy(s.ties.registers[types.NamespacedName{Namespace: namespace, Name: register}]))
	}
	if holds := s.guards[namespace]; holds != nil {
		for _, policy := range holds.Policies {
			if len(registers) > 0 || policy.Rules.everyPod {
				add(policy)
			}
		}
	}
	if len(g.Policies) == 0 {
		return nil
	}
	return g
}

// Released tells whether a change of labels takes a pod or a template out of the hands of a register that exists, and
// returns the register. A template may move to another register that exists; a pod is where it is.
func (s *Snapshot) Released(namespace string, before, after map[string]string, pod bool) (string, bool) {
	was, now := before[v1alpha1.LabelRegister], after[v1alpha1.LabelRegister]
	if was == "" || was == now || !s.HasRegister(namespace, was) {
		return "", false
	}
	return was, pod || now == "" || !s.HasRegister(namespace, now)
}

// enforcing returns the part of a guard that blocks.
func (g *Guard) enforcing() *Guard {
	part := &Guard{}
	for _, policy := range g.Policies {
		if policy.Rules.Enforcement != v1alpha1.EnforcementAudit {
			part.Policies = append(part.Policies, policy)
		}
	}
	return part
}

// Pin returns the required node affinity of a pod with what every enforcing policy asks, ANDed into each term, for terms
// are alternatives, and whether that changed it. It never lets in a node that was not let in before: a term without
// expressions selects no node, and stays.
func (g *Guard) Pin(required *corev1.NodeSelector) (*corev1.NodeSelector, bool) {
	return g.enforcing().pin(required)
}

func (g *Guard) pin(required *corev1.NodeSelector) (*corev1.NodeSelector, bool) {
	wants := g.requirements()
	if len(wants) == 0 {
		return required, false
	}
	if required == nil {
		return &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: wants}}}, true
	}
	pinned, changed := required, false
	for i := range required.NodeSelectorTerms {
		for _, want := range wants {
			if holds(&pinned.NodeSelectorTerms[i], want) {
				continue
			}
			if !changed {
				pinned, changed = required.DeepCopy(), true
			}
			pinned.NodeSelectorTerms[i].MatchExpressions = append(pinned.NodeSelectorTerms[i].MatchExpressions, want)
		}
	}
	return pinned, changed
}

// requirements are what the policies ask of a node, as far as a node can meet it. They are only read.
func (g *Guard) requirements() []corev1.NodeSelectorRequirement {
	var wants []corev1.NodeSelectorRequirement
	for _, policy := range g.Policies {
		if len(policy.placing.requirement.Values) > 0 {
			wants = append(wants, policy.placing.requirement)
		}
	}
	return wants
}

// holds tells whether a term lets in only what a requirement lets in. A term without expressions lets in nothing.
func holds(term *corev1.NodeSelectorTerm, want corev1.NodeSelectorRequirement) bool {
	if len(term.MatchExpressions) == 0 && len(term.MatchFields) == 0 {
		return true
	}
	return slices.ContainsFunc(term.MatchExpressions, func(has corev1.NodeSelectorRequirement) bool {
		outside := func(value string) bool { return !slices.Contains(want.Values, value) }
		return has.Key == want.Key && has.Operator == corev1.NodeSelectorOpIn && len(has.Values) > 0 && !slices.ContainsFunc(has.Values, outside)
	})
}
