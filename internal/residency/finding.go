package residency

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Finding is an object that is where a policy does not allow it, or of which nothing proves where it is.
type Finding struct {
	Rule string
	Kind string
	// Namespace of the object; of its claim, for a volume; of its snapshot, for the content of one.
	Namespace, Name string
	UID             string
	// Class of a claim or a volume.
	Class   string
	Verdict v1alpha1.PlacementVerdict
	Reason  Reason
	Place   Place
	// Message says in one sentence what was found.
	Message string
	// Registers that govern the object, sorted.
	Registers []string
	// Exception that lifts the rule for the object; empty for a violation.
	Exception v1alpha1.PartName
	// FirstSeen is when a scan first found it, in whole seconds.
	FirstSeen metav1.Time
}

// Object refers to the object, which has no namespace if it is of the cluster.
func (f *Finding) Object() corev1.ObjectReference {
	object := corev1.ObjectReference{APIVersion: "v1", Kind: f.Kind, Namespace: f.Namespace, Name: f.Name, UID: types.UID(f.UID)}
	if f.Kind == kindRegister {
		object.APIVersion = v1alpha1.SchemeGroupVersion.String()
	}
	if f.Kind == kindEndpoints {
		object.APIVersion = discoveryv1.SchemeGroupVersion.String()
	}
	if f.Kind == kindAttachment {
		object.APIVersion = storagev1.SchemeGroupVersion.String()
	}
	for _, kind := range CopyKinds {
		if f.Kind == kind.Kind {
			object.APIVersion = kind.GroupVersion().String()
		}
	}
	if f.Kind == kindVolume || f.Kind == kindContent.Kind || f.Kind == kindAttachment {
		object.Namespace = ""
	}
	return object
}

// Same tells whether two findings are of one object and rule.
func (f *Finding) Same(other *Finding) bool { return f.key() == other.key() }

type findingKey struct{ rule, kind, namespace, name string }

func (f *Finding) key() findingKey { return findingKey{f.Rule, f.Kind, f.Namespace, f.Name} }

func shownKey(v *v1alpha1.ResidencyViolation) findingKey {
	return findingKey{v.Rule, v.Kind, v.Namespace, string(v.Name)}
}

// worse orders findings, worst first: what is abroad before what nobody can locate, what a register governs before the rest.
func worse(a, b Finding) int {
	rank := func(f Finding) int {
		score := 0
		if f.Verdict != v1alpha1.VerdictDenied {
			score += 2
		}
		if len(f.Registers) == 0 {
			score++
		}
		return score
	}
	return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

// Violation is a finding as the status of a policy shows it.
func (f *Finding) Violation() v1alpha1.ResidencyViolation {
	v := v1alpha1.ResidencyViolation{Rule: f.Rule, Kind: f.Kind, Namespace: f.Namespace, Name: v1alpha1.ObjectName(f.Name), Class: f.Class,
		Region: bounded(f.Place.Code()), Country: f.Place.Country, Reason: string(f.Reason), Message: atMost(maxClassMessage, f.Message)}
	if !f.FirstSeen.IsZero() {
		seen := f.FirstSeen
		v.FirstSeenTime = &seen
	}
	return v
}

// Fresh returns the findings among those that the status shows which a status before did not show.
func (p *PolicyScan) Fresh(before []v1alpha1.ResidencyViolation) []Finding {
	if p == nil {
		return nil
	}
	known := make(map[findingKey]struct{}, len(before))
	for i := range before {
		known[shownKey(&before[i])] = struct{}{}
	}
	var fresh []Finding
	for i := range p.shown() {
		if !has(known, p.Findings[i].key()) {
			fresh = append(fresh, p.Findings[i])
		}
	}
	return fresh
}

// shown is how many findings the status of the policy shows.
func (p *PolicyScan) shown() int { return min(len(p.Findings), maxViolations) }

// violations are the worst findings, as the status shows them.
func (p *PolicyScan) violations() []v1alpha1.ResidencyViolation {
	var out []v1alpha1.ResidencyViolation
	for i := range p.shown() {
		out = append(out, p.Findings[i].Violation())
	}
	return out
}

// About returns what a scan found of the objects that a register governs, once each, worst first: under the policy of the
// register, and under those of its namespace that enforce.
func (s *Scan) About(namespace, register, policyName string) []Finding {
	var found []Finding
	for _, policy := range s.All() {
		if !policy.Enforced && policy.Policy != policyName {
			continue
		}
		for i := range policy.Findings {
			f := &policy.Findings[i]
			mine := f.Namespace == namespace && slices.Contains(f.Registers, register)
			if mine && !slices.ContainsFunc(found, func(o Finding) bool { return o.Same(f) }) {
				found = append(found, *f)
			}
			if len(found) == maxViolations {
				break
			}
		}
	}
	slices.SortFunc(found, worse)
	return found
}
