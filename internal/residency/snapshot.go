package residency

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Guarding labels a namespace whose claims are judged, so that the webhook configurations can select it.
const (
	// LabelGuarded on a namespace: GuardedEnforce, GuardedAll or GuardedAudit. Only the operator sets and removes it.
	LabelGuarded = "gdpr.rempart.dev/guarded"
	// GuardedEnforce selects the webhook that fails closed.
	GuardedEnforce = "true"
	// GuardedAll selects that webhook, and the one that places every pod.
	GuardedAll = "all"
	// GuardedAudit selects the webhook that only warns.
	GuardedAudit = "audit"
)

// neverGuarded are namespaces that no policy judges, beside the operator's own: a dead webhook must not block its own
// restart.
var neverGuarded = []string{"kube-system", "kube-public", "kube-node-lease"}

// Register is what a snapshot needs to know of a DataRegister.
type Register struct {
	Namespace, Name string
	// Policy that the register names; empty for the default one.
	Policy string
}

// Input is the world that a snapshot judges, each part read once.
type Input struct {
	Policies []v1alpha1.ResidencyPolicy
	Classes  []storagev1.StorageClass
	Nodes    []corev1.Node
	// CSINodes say which drivers a node runs. A node without one may run any.
	CSINodes []storagev1.CSINode
	// Volumes of the cluster; those that no claim has decide about their class, if it is a static one.
	Volumes    []corev1.PersistentVolume
	Namespaces []corev1.Namespace
	Registers  []Register
	Stores     []Store
	On         v1alpha1.Date
	// Now is the instant at which exceptions take classes out of quotas. Without one, none does.
	Now               time.Time
	OperatorNamespace string
}

// Judged is one policy with its verdicts on every class and node of the cluster.
type Judged struct {
	Rules *Rules
	// UID and Generation of the policy that was judged; empty for the built-in one.
	UID        string
	Generation int64
	Classes    map[string]ClassVerdict
	// uncounted are the namespaces in which an exception lifts rule storage-class for some object.
	uncounted map[string]struct{}
	// Nodes sorted by name.
	Nodes   []JudgedNode
	unbound map[string][]VolumeVerdict // class → volumes that no claim has
	placing placing
}

// Guard is what holds in one namespace: every policy must allow.
type Guard struct {
	Policies []*Judged
	lenient  *lenience
}

// Enforced tells whether one of the policies blocks.
func (g *Guard) Enforced() bool {
	return g != nil && slices.ContainsFunc(g.Policies, func(j *Judged) bool { return j.Rules.Enforcement != v1alpha1.EnforcementAudit })
}

// BuiltIn tells whether the built-in policy holds because no other is known.
func (g *Guard) BuiltIn() bool {
	return g != nil && slices.ContainsFunc(g.Policies, func(j *Judged) bool { return j.Rules.Name == "" })
}

// Label returns the value of LabelGuarded for a namespace; empty when it is not guarded.
func (g *Guard) Label() string {
	switch {
	case g == nil || len(g.Policies) == 0:
		return ""
	case slices.ContainsFunc(g.enforcing().Policies, func(j *Judged) bool { return j.Rules.everyPod }):
		return GuardedAll
	case g.Enforced():
		return GuardedEnforce
	default:
		return GuardedAudit
	}
}

// Snapshot is an immutable picture of every verdict. A request is a few map look-ups.
type Snapshot struct {
	policies     map[string]*Judged
	fallback     *Judged // the default policy, else the built-in one
	guards       map[string]*Guard
	defaultClass string
	operator     string
	ties         ties
}

// Build judges the world. The same input always gives the same snapshot.
func Build(in Input) *Snapshot {
	s := &Snapshot{policies: map[string]*Judged{}, guards: map[string]*Guard{}, defaultClass: defaultClass(in.Classes), operator: in.OperatorNamespace}
	var selecting []*v1alpha1.ResidencyPolicy
	for i := range in.Policies {
		policy := &in.Policies[i]
		judged := judgeAll(Compile(policy.Name, policy.Spec, in.On), in)
		judged.UID, judged.Generation = string(policy.UID), policy.Generation
		s.policies[policy.Name] = judged
		selecting = append(selecting, policy)
		if policy.Spec.Role == v1alpha1.PolicyRoleDefault && (s.fallback == nil || policy.Name < s.fallback.Rules.Name) {
			s.fallback = judged
		}
	}
	if s.fallback == nil {
		s.fallback = judgeAll(BuiltIn(in.On), in)
	}
	slices.SortFunc(selecting, func(a, b *v1alpha1.ResidencyPolicy) int { return strings.Compare(a.Name, b.Name) })
	for i := range in.Namespaces {
		for _, policy := range selecting {
			if Selects(policy, &in.Namespaces[i]) {
				s.guard(in.Namespaces[i].Name, s.policies[policy.Name])
			}
		}
	}
	for _, register := range in.Registers {
		s.guard(register.Namespace, s.Policy(register.Policy))
	}
	s.place(in)
	return s
}

func judgeAll(rules *Rules, in Input) *Judged {
	judged := &Judged{Rules: rules, Classes: make(map[string]ClassVerdict, len(in.Classes)), Nodes: make([]JudgedNode, 0, len(in.Nodes))}
	drivers := driversOf(in.CSINodes)
	for i := range in.Nodes {
		node := rules.JudgeNode(&in.Nodes[i])
		node.Drivers = drivers[node.Name]
		judged.Nodes = append(judged.Nodes, node)
	}
	slices.SortFunc(judged.Nodes, func(a, b JudgedNode) int { return strings.Compare(a.Name, b.Name) })
	for i := range in.Classes {
		judged.Classes[in.Classes[i].Name] = rules.JudgeClass(&in.Classes[i], judged.Nodes)
	}
	judged.judgeStatic(in.Volumes)
	judged.uncounted = rules.uncounted(in.Now)
	return judged
}

// guard adds a policy to a namespace, once.
func (s *Snapshot) guard(namespace string, policy *Judged) {
	if s.never(namespace) {
		return
	}
	g := s.guards[namespace]
	if g == nil {
		g = &Guard{}
		s.guards[namespace] = g
	}
	if !slices.Contains(g.Policies, policy) {
		g.Policies = append(g.Policies, policy)
	}
}

func (s *Snapshot) never(namespace string) bool {
	return namespace == s.operator || slices.Contains(neverGuarded, namespace)
}

// Selects tells whether a policy judges a namespace by itself. A policy of role Named that says nothing of namespaces
// judges only those whose registers name it.
func Selects(policy *v1alpha1.ResidencyPolicy, namespace *corev1.Namespace) bool {
	choice := policy.Spec.Namespaces
	if slices.Contains(choice.Excluded, v1alpha1.ObjectName(namespace.Name)) {
		return false
	}
	switch choice.Mode {
	case v1alpha1.NamespacesSelected:
		selector, err := metav1.LabelSelectorAsSelector(choice.Selector)
		if err != nil { // the schema lets no such selector in; when in doubt, judge
			return true
		}
		return selector.Matches(labels.Set(namespace.Labels))
	case v1alpha1.NamespacesAll:
		return true
	default:
		return policy.Spec.Role == v1alpha1.PolicyRoleDefault
	}
}

// Policy returns a policy by name; the default one for an empty name, and the built-in or default one when there is none
// of that name.
func (s *Snapshot) Policy(name string) *Judged {
	if judged, ok := s.policies[name]; ok && name != "" {
		return judged
	}
	return s.fallback
}

// HasPolicy tells whether a ResidencyPolicy of that name exists.
func (s *Snapshot) HasPolicy(name string) bool { _, ok := s.policies[name]; return ok }

// GuardOf returns what holds in a namespace; nil when it is not guarded.
func (s *Snapshot) GuardOf(namespace string) *Guard { return s.guards[namespace] }

// GuardFor returns what will hold in a namespace once a register that names the policy is in it. The stores of a register
// are judged everywhere.
func (s *Snapshot) GuardFor(namespace, policy string) *Guard {
	g := &Guard{Policies: []*Judged{s.Policy(policy)}}
	if now := s.guards[namespace]; now != nil {
		for _, judged := range now.Policies {
			if judged != g.Policies[0] {
				g.Policies = append(g.Policies, judged)
			}
		}
	}
	return g
}

// DefaultClass is the class that a claim without one gets; empty when there is none.
func (s *Snapshot) DefaultClass() string { return s.defaultClass }

// defaultClass picks the newest class that is marked as the default, as Kubernetes does; the first by name among equals.
func defaultClass(classes []storagev1.StorageClass) string {
	var newest *storagev1.StorageClass
	for i := range classes {
		class := &classes[i]
		if class.Annotations["storageclass.kubernetes.io/is-default-class"] != "true" && class.Annotations["storageclass.beta.kubernetes.io/is-default-class"] != "true" {
			continue
		}
		if newest == nil || newest.CreationTimestamp.Before(&class.CreationTimestamp) ||
			(newest.CreationTimestamp.Equal(&class.CreationTimestamp) && class.Name < newest.Name) {
			newest = class
		}
	}
	if newest == nil {
		return ""
	}
	return newest.Name
}

// Holder hands the newest snapshot to whoever asks, without a lock.
type Holder struct{ pointer atomic.Pointer[Snapshot] }

// Load returns the newest snapshot; nil before the first.
func (h *Holder) Load() *Snapshot { return h.pointer.Load() }

// Store replaces the snapshot.
func (h *Holder) Store(s *Snapshot) { h.pointer.Store(s) }

// RegistersOf keeps what a snapshot needs to know of registers.
func RegistersOf(items []v1alpha1.DataRegister) []Register {
	registers := make([]Register, 0, len(items))
	for i := range items {
		registers = append(registers, Register{Namespace: items[i].Namespace, Name: items[i].Name, Policy: PolicyName(&items[i])})
	}
	return registers
}

// PolicyName is the policy that a register names; empty for the default one.
func PolicyName(register *v1alpha1.DataRegister) string {
	if register.Spec.ResidencyPolicyRef == nil {
		return ""
	}
	return string(register.Spec.ResidencyPolicyRef.Name)
}
