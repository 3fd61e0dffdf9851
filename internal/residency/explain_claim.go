package residency

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// ExplainNamespace says which policies hold in a namespace, and which classes all of them allow.
func (s *Snapshot) ExplainNamespace(namespace *corev1.Namespace) Explanation {
	g := s.guards[namespace.Name]
	e := Explanation{Steps: append([]Step{{"namespace", quote(namespace.Name)}}, s.stepsOfGuard(namespace.Name)...)}
	e.Steps = append(e.Steps, Step{"label", sentenceOfGuarded(namespace.Labels[LabelGuarded], g.Label())})
	e.Steps = append(e.Steps, Step{"default class", orElse(s.defaultClass, "none: "+g.ofNoClass())})
	if g == nil {
		return e
	}
	e.Steps = append(e.Steps, Step{"allowed classes", orElse(strings.Join(g.Allowed(), ", "), "none")})
	for _, policy := range g.Policies {
		o := Opinion{Policy: policy.Rules, Message: "allows " + policy.Rules.Allows()}
		for _, class := range classesOf(policy) {
			o.Steps = append(o.Steps, Step{"class", fmt.Sprintf("%s: %s, %s", quote(string(class.Name)), class.Verdict, class.Reason)})
		}
		e.Opinions = append(e.Opinions, o)
	}
	return e
}

// ofNoClass says what becomes of a claim that is made without a class, where the cluster has no default one.
func (g *Guard) ofNoClass() string {
	name, named := g.FillIn(), false
	if g != nil {
		for _, policy := range g.Policies {
			named = named || policy.Rules.defaultClass != ""
		}
	}
	switch {
	case name != "":
		return fmt.Sprintf("a claim that is made without a class gets %s, by storage.defaultClassName", quote(name))
	case named:
		return "storage.defaultClassName fills in nothing: a policy that enforces must name it, every one must allow it, and none may name another; a claim that names no class is refused where a policy enforces"
	default:
		return "a claim that names no class is refused where a policy enforces"
	}
}

// stepsOfGuard says why a namespace is judged, or why not.
func (s *Snapshot) stepsOfGuard(namespace string) []Step {
	g := s.guards[namespace]
	switch {
	case s.never(namespace):
		return []Step{{"guard", "never judged: a dead webhook must not block its own restart"}}
	case g == nil:
		return []Step{{"guard", "no register is in it and no policy selects it, so nothing is judged here"}}
	}
	var steps []Step
	for _, policy := range g.Policies {
		steps = append(steps, Step{"guard", policy.Rules.Title() + ", " + string(policy.Rules.Enforcement)})
	}
	return steps
}

func sentenceOfGuarded(is, should string) string {
	switch {
	case is == should && is == "":
		return LabelGuarded + " is not set, as it should be: the webhooks do not see this namespace"
	case is == should:
		return LabelGuarded + "=" + is + ", as it should be"
	default:
		return fmt.Sprintf("%s is %q and should be %q: the operator has not set it yet", LabelGuarded, cut(is), should)
	}
}

// ClaimObject is a claim with what was found behind it.
type ClaimObject struct {
	Claim *corev1.PersistentVolumeClaim
	// Class that counts, when it exists.
	Class *storagev1.StorageClass
	// Volume that the claim names, when it exists.
	Volume *corev1.PersistentVolume
	// Now is the instant at which exceptions must hold.
	Now time.Time
}

// EffectiveClass returns the name of the class that counts for a claim, and who says so; the cluster's default class
// stands in where the claim names none. Nil when there is no class at all.
func (s *Snapshot) EffectiveClass(claim *corev1.PersistentVolumeClaim) (name *string, by string) {
	name, by = NamedClass(claim), "spec.storageClassName"
	if _, annotated := claim.Annotations[corev1.BetaStorageClassAnnotation]; annotated {
		by = "annotation " + corev1.BetaStorageClassAnnotation
	}
	if name == nil && s.defaultClass != "" {
		return &s.defaultClass, "the cluster's default class"
	}
	return name, by
}

// ExplainClaim follows a claim to its class and its volume, under each policy of its namespace; where nothing is judged,
// under those that judge the cluster. What an exception lifts is said.
func (s *Snapshot) ExplainClaim(o ClaimObject) Explanation {
	claim := o.Claim
	return s.chainOfClaim(o).except(func(rule string) Target {
		if rule == RuleVolume {
			return targetOfVolume(claim.Spec.VolumeName, claim.Namespace, claim.Name)
		}
		return Target{Namespace: claim.Namespace, Objects: WorkloadsOf(kindClaim, &claim.ObjectMeta, claim.Labels)}
	}, o.Now)
}

func (s *Snapshot) chainOfClaim(o ClaimObject) Explanation {
	claim := o.Claim
	e := Explanation{Steps: append([]Step{{"claim", quote(claim.Name)}, {"namespace", quote(claim.Namespace)}}, s.stepsOfGuard(claim.Namespace)...)}
	g := s.guards[claim.Namespace]
	if g == nil {
		g = s.Judgements()
	}
	name, by := s.EffectiveClass(claim)
	if name == nil {
		e.Steps = append(e.Steps, Step{"class", "none is named, and the cluster has no default one"}, Step{"default class", "of the policies: " + s.guards[claim.Namespace].ofNoClass()})
		return e.with(g.JudgeNoClass(), g).explainBound(g, claim.Spec.VolumeName, o.Volume)
	}
	e.Steps = append(e.Steps, Step{"class", quote(*name) + ", by " + by})
	if o.Class == nil {
		return e.with(g.JudgeClass(*name, nil), g).explainBound(g, claim.Spec.VolumeName, o.Volume)
	}
	chain := g.ExplainClass(o.Class)
	e.Steps = append(e.Steps, chain.Steps[1:]...)
	e.Opinions = chain.Opinions
	return e.explainBound(g, claim.Spec.VolumeName, o.Volume)
}

// with adds the opinions of policies that all object.
func (e Explanation) with(objections []Objection, g *Guard) Explanation {
	for i, policy := range g.Policies {
		o := objections[i]
		opinion := Opinion{Policy: policy.Rules, Rule: o.Rule, Verdict: o.Verdict, Reason: o.Reason, Message: o.Message}
		e.Opinions = append(e.Opinions, opinion.withMissing())
	}
	return e
}
