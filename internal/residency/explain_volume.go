package residency

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// ExplainVolume follows a volume to its places, under each policy of the guard. What an exception for the claim that it is
// reserved for lifts at an instant is said.
func (g *Guard) ExplainVolume(volume *corev1.PersistentVolume, now time.Time) Explanation {
	ref := volume.Spec.ClaimRef
	if ref == nil {
		return g.chainOfVolume(volume)
	}
	return g.chainOfVolume(volume).except(func(string) Target { return targetOfVolume(volume.Name, ref.Namespace, ref.Name) }, now)
}

func targetOfVolume(volume, namespace, claim string) Target {
	return Target{Namespace: namespace, Objects: []Workload{{kindVolume, volume}, {kindClaim, claim}}}
}

func (g *Guard) chainOfVolume(volume *corev1.PersistentVolume) Explanation {
	e := Explanation{Steps: stepsOfVolume(volume)}
	objections := g.JudgeVolume(volume)
	for _, policy := range g.Policies {
		verdict := policy.JudgeVolume(volume)
		o := Opinion{Policy: policy.Rules, Rule: RuleVolume, Verdict: verdict.Verdict, Reason: verdict.Reason, Message: verdict.Sentence()}
		if declaration, declared := policy.Rules.declarations[verdict.Class]; declared {
			o.Steps = append(o.Steps, Step{"declaration", sentenceOfDeclaration(declaration, policy.verdictOf(&verdict.Class), policy.Rules.on)})
		}
		o.Steps = append(o.Steps, stepsOfPlaces(verdict.Places)...)
		for _, objection := range objections {
			if objection.Policy == policy.Rules.Name {
				o.Message = objection.Message
			}
		}
		e.Opinions = append(e.Opinions, o.withMissing())
	}
	return e
}

// stepsOfVolume reads what a volume says of places, as JudgeVolume does.
func stepsOfVolume(volume *corev1.PersistentVolume) []Step {
	steps := []Step{{"volume", quote(volume.Name)}, {"class", orElse(cut(ClassOfVolume(volume)), "none")}}
	src := sourceOf(&volume.Spec.PersistentVolumeSource)
	d, known := facts().drivers[src.driver]
	if !known {
		return append(steps, Step{"driver", orElse(src.driver, "its source") + " is not in the list of drivers"})
	}
	steps = append(steps, Step{"driver", src.driver + d.words()})
	region, zone := d.Handle.groups(src.handle)
	switch {
	case zone != "":
		steps = append(steps, Step{"handle", "names the zone " + cut(zone)})
	case region != "":
		steps = append(steps, Step{"handle", "names the region " + cut(region)})
	case src.handle != "":
		steps = append(steps, Step{"handle", "says nothing of a place"})
	}
	for _, server := range src.servers {
		steps = append(steps, Step{"server", orElse(cut(hostOf(server)), "none")})
	}
	steps = append(steps, d.stepsOfAttributes(src.attributes)...)
	for _, option := range MountOptionsOf(volume) {
		steps = append(steps, Step{"mount option", cut(option)})
	}
	return append(steps, d.stepsOfAffinity(volume.Spec.NodeAffinity)...)
}

// stepsOfAttributes reads the attributes that say a place, or point elsewhere.
func (d driver) stepsOfAttributes(attributes map[string]string) []Step {
	var steps []Step
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if means := d.Attributes[d.key(name)]; means != "" {
			steps = append(steps, Step{"attribute", name + "=" + cut(attributes[name]) + ": names a " + strings.ToLower(string(means))})
		} else if slices.Contains(d.AttributePointer, d.key(name)) {
			steps = append(steps, Step{"attribute", name + ": points at something that exists elsewhere"})
		}
	}
	return steps
}

func (d driver) stepsOfAffinity(affinity *corev1.VolumeNodeAffinity) []Step {
	switch {
	case affinity == nil || affinity.Required == nil:
		return []Step{{"affinity", "none"}}
	case d.Kind != kindBlock && d.Kind != kindLocal:
		return []Step{{"affinity", "says from where the volume is reached, not where it lies: it does not count"}}
	}
	var steps []Step
	for _, term := range affinity.Required.NodeSelectorTerms {
		var parts []string
		for _, expression := range slices.Concat(term.MatchExpressions, term.MatchFields) {
			parts = append(parts, fmt.Sprintf("%s %s %s", expression.Key, expression.Operator, strings.Join(expression.Values, ", ")))
		}
		steps = append(steps, Step{"affinity", orElse(strings.Join(parts, " and "), "a term without a place")})
	}
	return steps
}

// explainBound adds the volume that a claim names to the explanation of the claim.
func (e Explanation) explainBound(g *Guard, name string, volume *corev1.PersistentVolume) Explanation {
	switch {
	case name == "":
		e.Steps = append(e.Steps, Step{"volume", "none yet: the class says where it will be made"})
		return e
	case volume == nil:
		e.Steps = append(e.Steps, Step{"volume", quote(name) + " does not exist"})
		return e.with(g.MissingVolume(name), g)
	}
	chain := g.chainOfVolume(volume)
	e.Steps = append(e.Steps, chain.Steps...)
	e.Opinions = append(e.Opinions, chain.Opinions...)
	return e
}

// sentenceOfDeclaration says what a policy declares of a class, and whether that counts.
func sentenceOfDeclaration(declaration v1alpha1.StorageDeclaration, class ClassVerdict, on v1alpha1.Date) string {
	location := ptr.Deref(declaration.Location, v1alpha1.ProviderRegion{})
	said := fmt.Sprintf("says %s for provisioner %s", orElse(string(declaration.Country), location.Provider+" "+location.Region), declaration.Provisioner)
	switch {
	case declaration.Provisioner != class.Provisioner:
		return said + "; it does not count, for the class has another"
	case declaration.ReviewOn != "" && declaration.ReviewOn < on:
		return said + "; it does not count, for its review was due on " + string(declaration.ReviewOn)
	case declaration.Digest != "" && declaration.Digest != class.Digest:
		return said + "; it does not count, for the class is not the one of its digest"
	default:
		return said + "; it fills what is unknown"
	}
}
