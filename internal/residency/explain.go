package residency

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Step is one link of the chain from an object to a place: what it is about, and what was found.
type Step struct{ Link, Found string }

// Opinion is what one policy makes of an object.
type Opinion struct {
	Policy *Rules
	// Rule that refusals name; empty for a namespace, which is not itself judged.
	Rule string
	// Steps are the links that differ by policy: declarations and places.
	Steps   []Step
	Verdict v1alpha1.PlacementVerdict
	Reason  Reason
	// Message for people; where the verdict is not Allowed it says what to do.
	Message string
}

// Explanation is the chain from an object to a verdict, link by link.
type Explanation struct {
	Steps    []Step
	Opinions []Opinion
}

// maxSteps bounds the places that an opinion lists.
const maxSteps = 32

// Judgements returns what judges the cluster, sorted by name: every policy, and the built-in one where no policy is the
// default.
func (s *Snapshot) Judgements() *Guard {
	g := &Guard{}
	for _, name := range slices.Sorted(maps.Keys(s.policies)) {
		g.Policies = append(g.Policies, s.policies[name])
	}
	if s.fallback.Rules.Name == "" {
		g.Policies = append(g.Policies, s.fallback)
	}
	return g
}

// ExplainClass follows a class of the snapshot to its places, under each policy of the guard.
func (g *Guard) ExplainClass(class *storagev1.StorageClass) Explanation {
	e := Explanation{Steps: stepsOfClass(class)}
	for _, policy := range g.Policies {
		e.Opinions = append(e.Opinions, g.opinionOnClass(policy, class))
	}
	return e
}

func (g *Guard) opinionOnClass(policy *Judged, class *storagev1.StorageClass) Opinion {
	verdict := policy.verdictOf(&class.Name)
	o := Opinion{Policy: policy.Rules, Rule: RuleStorageClass, Verdict: verdict.Verdict, Reason: verdict.Reason, Message: Sentence(verdict)}
	if declaration, declared := policy.Rules.declarations[class.Name]; declared {
		o.Steps = append(o.Steps, Step{"declaration", sentenceOfDeclaration(declaration, verdict, policy.Rules.on)})
	}
	o.Steps = append(o.Steps, stepsOfPlaces(verdict.Places)...)
	if verdict.Verdict != v1alpha1.VerdictAllowed {
		o.Message = g.object(policy, verdict).Message
	}
	return o.withMissing()
}

// withMissing adds what would have to be known, and where it is declared, when the verdict is Unknown.
func (o Opinion) withMissing() Opinion {
	if o.Verdict == v1alpha1.VerdictUnknown {
		o.Steps = append(o.Steps, Step{"missing", missing(o.Reason)})
	}
	return o
}

// except adds the exceptions that lift what policies object to, for the target of a rule.
func (e Explanation) except(target func(rule string) Target, now time.Time) Explanation {
	for i := range e.Opinions {
		o := &e.Opinions[i]
		if o.Verdict == v1alpha1.VerdictAllowed {
			continue
		}
		if exception := o.Policy.ExceptionFor(o.Rule, target(o.Rule), now); exception != nil {
			o.Steps = append(o.Steps, Step{"exception", fmt.Sprintf("%q lifts rule %s here until %s: it only warns",
				exception.Name, o.Rule, exception.ExpiresTime.UTC().Format(time.DateOnly))})
		}
	}
	return e
}

func missing(reason Reason) string {
	switch reason {
	case ReasonProviderUnknown, ReasonProviderAmbiguous:
		return "the provider of the codes: spec.provider of the policy names it"
	case ReasonRegionUnknown, ReasonZoneUnknown, ReasonNoSinglePlace:
		return "the country of the code: spec.locations of the policy declares it"
	case ReasonServerUnknown:
		return "the country of the server: spec.storage.servers of the policy declares it"
	case ReasonDigestMismatch:
		return "the digest of the class as it is: spec.storage.declarations of the policy pins another"
	case ReasonConflicting:
		return "one answer: mend what contradicts itself, for no declaration goes before it"
	case ReasonNoEvidence:
		return "any evidence: allowedTopologies of a class, labels topology.kubernetes.io/region and zone of nodes, or spec.storage.declarations of the policy"
	case ReasonAffinityUnknown:
		return "a place in each term of the node affinity, with the operator In"
	case ReasonVolumeMissing:
		return "the volume: make it first"
	case ReasonClassMissing, ReasonClassAbsent, ReasonClassEmpty:
		return "a class that exists: name one"
	default:
		return "the place of the data: spec.storage.declarations of the policy declares it for a class"
	}
}

// stepsOfClass reads what a class says of places, as JudgeClass does.
func stepsOfClass(class *storagev1.StorageClass) []Step {
	steps := []Step{{"class", quote(class.Name)}}
	d, known := facts().drivers[class.Provisioner]
	if !known {
		return append(steps, Step{"provisioner", class.Provisioner + " is not in the list of drivers"})
	}
	steps = append(steps, Step{"provisioner", class.Provisioner + d.words()})
	for _, name := range slices.Sorted(maps.Keys(class.Parameters)) {
		steps = append(steps, Step{"parameter", name + "=" + cut(class.Parameters[name]) + ": " + d.meaningOf(name, class.Parameters[name])})
	}
	for _, term := range class.AllowedTopologies {
		steps = append(steps, Step{"topology", wordsOfTerm(d, term)})
	}
	names := func(parameter string) bool { return d.Location[d.key(parameter)] != "" }
	if d.Kind != kindStatic && d.Provider != serverProvider && len(class.AllowedTopologies) == 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(class.Parameters)), names) {
		steps = append(steps, Step{"topology", "neither parameters nor allowedTopologies name a place: volumes are made where their pods run, so the nodes that run the driver count"})
	}
	return steps
}

// words say what kind of driver it is, and whose codes it uses.
func (d driver) words() string {
	switch {
	case d.Kind == kindStatic:
		return ": volumes are made by hand"
	case d.Provider == serverProvider:
		return fmt.Sprintf(": kind %s, on a server that is named", d.Kind)
	case d.Provider == nodeProvider:
		return fmt.Sprintf(": kind %s, codes of the nodes' provider", d.Kind)
	default:
		return fmt.Sprintf(": kind %s, codes of %s", d.Kind, d.Provider)
	}
}

// meaningOf says what a parameter means for the place of the data.
func (d driver) meaningOf(parameter, value string) string {
	if means := d.Location[d.key(parameter)]; means != "" {
		return "names a " + strings.ToLower(string(means))
	}
	switch d.moves(parameter, value) {
	case "":
		return "does not move data"
	case ReasonPointer:
		return "points at something that exists elsewhere"
	case ReasonReplicated:
		return "keeps copies whose place is not known"
	default:
		return "is not known for this driver"
	}
}

func wordsOfTerm(d driver, term topologyTerm) string {
	var parts []string
	for _, expression := range term.MatchLabelExpressions {
		means := strings.ToLower(string(d.Topology[expression.Key]))
		if means == "" {
			means = "not known for this driver"
		}
		parts = append(parts, fmt.Sprintf("%s (%s) in %s", expression.Key, means, strings.Join(expression.Values, ", ")))
	}
	if len(parts) == 0 {
		return "a term without a place"
	}
	return strings.Join(parts, " and ")
}

func stepsOfPlaces(places []Place) []Step {
	var steps []Step
	for i, place := range places {
		if i == maxSteps {
			return append(steps, Step{"place", fmt.Sprintf("and %d more", len(places)-maxSteps)})
		}
		steps = append(steps, Step{"place", place.Words()})
	}
	return steps
}

// ExplainNode follows a node of the snapshot to its place, under each policy of the guard.
func (g *Guard) ExplainNode(node *corev1.Node) Explanation {
	e := Explanation{Steps: stepsOfNode(node)}
	objections := g.JudgeNode(node.Name, node)
	for _, policy := range g.Policies {
		judged := policy.node(node.Name)
		if judged == nil {
			continue
		}
		o := Opinion{Policy: policy.Rules, Rule: RulePlacement, Verdict: judged.Verdict, Reason: judged.Reason,
			Message: "node " + quote(node.Name) + " is in " + judged.Place.Words()}
		o.Steps = append(o.Steps, Step{"provider", policy.Rules.wordsOfCandidates(node)}, Step{"place", judged.Place.Words()})
		if policy.Rules.Name != "" {
			o.Steps = append(o.Steps, Step{"label", sentenceOfMark(node, policy.Rules.Name, judged.Verdict)})
		}
		for _, objection := range objections {
			if objection.Policy == policy.Rules.Name {
				o.Message = objection.Message
			}
		}
		e.Opinions = append(e.Opinions, o.withMissing())
	}
	return e
}

// wordsOfCandidates names the providers whose codes a node may carry.
func (r *Rules) wordsOfCandidates(node *corev1.Node) string {
	scheme, _ := providerID(node.Spec.ProviderID)
	candidates := r.candidates(scheme)
	if len(candidates) > len(facts().regions) {
		return "any: spec.provider is not set, and the providerID names none"
	}
	return strings.Join(candidates, " or ")
}

// stepsOfNode reads what a node says of its place, as JudgeNode does.
func stepsOfNode(node *corev1.Node) []Step {
	steps := []Step{{"node", quote(node.Name)}}
	region, zone := topologyOf(node.Labels)
	for _, label := range []struct{ what, value string }{{"region", region}, {"zone", zone}} {
		found := orElse(cut(label.value), "no label says it")
		steps = append(steps, Step{label.what, found})
	}
	scheme, idZone := providerID(node.Spec.ProviderID)
	switch {
	case node.Spec.ProviderID == "":
		steps = append(steps, Step{"providerID", "is empty"})
	case scheme == "":
		steps = append(steps, Step{"providerID", "has no scheme, and says nothing of a provider"})
	case idZone == "":
		steps = append(steps, Step{"providerID", "scheme " + cut(scheme) + ", no zone"})
	default:
		steps = append(steps, Step{"providerID", "scheme " + cut(scheme) + ", zone " + cut(idZone)})
	}
	if virtual(node) {
		steps = append(steps, Step{"virtual", "whoever runs it runs its pods where he likes: only what an administrator sets counts"})
	}
	if location := node.Labels[LabelLocation]; location != "" {
		steps = append(steps, Step{"location", "an administrator set " + cut(location) + ", which goes before the other labels"})
	}
	return steps
}

// sentenceOfMark compares the label that the operator keeps on allowed nodes with the verdict.
func sentenceOfMark(node *corev1.Node, policy string, verdict v1alpha1.PlacementVerdict) string {
	key := PolicyLabel(policy)
	marked, allowed := node.Labels[key] == LabelPolicyAllowed, verdict == v1alpha1.VerdictAllowed
	switch {
	case marked && allowed:
		return key + " is on the node: governed pods may run here"
	case marked:
		return key + " is on the node and does not count: the operator takes it off"
	case allowed:
		return key + " is not on the node yet: the operator sets it"
	default:
		return key + " is not on the node: no governed pod may run here"
	}
}
