package residency

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Rules that refusals name.
const (
	RuleStorageClass  = "storage-class"
	RuleDeclaredPlace = "declared-place"
	RulePlacement     = "placement"
	RuleNode          = "node"
)

// article of the GDPR that every refusal rests on: personal data leave the Union only as Chapter V allows.
const article = "Article 44 GDPR"

// HelpPage says what to do when a class is refused.
const HelpPage = "docs/how-to/residency-exception.md"

// maxName bounds names in messages: a refusal stays under 500 characters.
const maxName = 63

// Objection is why one policy does not allow something.
type Objection struct {
	Policy, Rule string
	Verdict      v1alpha1.PlacementVerdict
	Reason       Reason
	Place        Place
	Class        string
	// Message for people: who refuses, by which rule, what was found, what is allowed, what to do.
	Message string
	// Enforced tells a refusal from a warning.
	Enforced bool
}

// JudgeClass returns what the policies of a namespace object to a class, in the order of the policies.
// Unseen is asked once for a class that the snapshot does not have; it returns nil when there is none.
func (g *Guard) JudgeClass(name string, unseen func(*Judged) *ClassVerdict) []Objection {
	var objections []Objection
	for _, policy := range g.Policies {
		if name == "" {
			objections = append(objections, g.object(policy, ClassVerdict{Verdict: v1alpha1.VerdictUnknown, Reason: ReasonClassEmpty}))
			continue
		}
		verdict, seen := policy.Classes[name]
		if !seen && unseen != nil {
			if live := unseen(policy); live != nil {
				verdict, seen = *live, true
			}
		}
		if !seen {
			verdict = ClassVerdict{Name: name, Verdict: v1alpha1.VerdictUnknown, Reason: ReasonClassMissing}
		}
		if verdict.Verdict != v1alpha1.VerdictAllowed {
			objections = append(objections, g.object(policy, verdict))
		}
	}
	return g.excuse(objections)
}

// JudgeNoClass returns what the policies of a namespace object to a claim without a class, where the cluster has no
// default one: what would be assigned later is not known.
func (g *Guard) JudgeNoClass() []Objection {
	var objections []Objection
	for _, policy := range g.Policies {
		objections = append(objections, g.object(policy, ClassVerdict{Verdict: v1alpha1.VerdictUnknown, Reason: ReasonClassAbsent}))
	}
	return g.excuse(objections)
}

func (g *Guard) object(policy *Judged, verdict ClassVerdict) Objection {
	return Objection{Policy: policy.Rules.Name, Rule: RuleStorageClass, Verdict: verdict.Verdict, Reason: verdict.Reason, Place: verdict.Decisive,
		Class: verdict.Name, Enforced: policy.Rules.Enforcement != v1alpha1.EnforcementAudit,
		Message: fmt.Sprintf("%s, rule %s: %s; allowed: %s (%s). %s", policy.Rules.Title(), RuleStorageClass, Sentence(verdict), policy.Rules.Allows(), article, g.advise(verdict.Reason))}
}

// Sentence says what was found of a class, without who asks.
func Sentence(v ClassVerdict) string {
	class := quote(v.Name)
	if v.Volume != nil {
		return "class " + class + " is judged by its hand-made volumes: " + v.Volume.Sentence()
	}
	switch v.Reason {
	case ReasonEachVolume:
		return "class " + class + " has hand-made volumes, each of which is judged when it is bound"
	case ReasonDigestMismatch:
		return "class " + class + " is not the one that was declared: its digest is " + v.Detail
	case ReasonServerUnknown:
		return "class " + class + " cannot be located: server " + quote(v.Decisive.Code()) + " is not declared"
	case ReasonAllowed, ReasonDeclared:
		return "class " + class + " keeps data in " + v.Decisive.Words()
	case ReasonClassMissing:
		return "StorageClass " + class + " does not exist, so nothing says where it would keep data"
	case ReasonClassEmpty:
		return "the empty class binds hand-made volumes, which lie where somebody made them"
	case ReasonClassAbsent:
		return "no class is named, and the cluster has no default one, so nothing says where data would be"
	case ReasonProvisionerUnknown:
		return "class " + class + " cannot be located: provisioner " + quote(v.Detail) + " is not in the list of drivers"
	case ReasonParameterUnknown:
		return "class " + class + " cannot be located: parameter " + quote(v.Detail) + " is not known for provisioner " + quote(v.Provisioner)
	case ReasonPointer:
		return "class " + class + " cannot be located: parameter " + quote(v.Detail) + " points at something that exists elsewhere"
	case ReasonReplicated:
		return "class " + class + " keeps copies whose place is not known (parameter " + quote(v.Detail) + ")"
	case ReasonTopologyUnknown:
		return "class " + class + " cannot be located: " + quote(v.Detail) + " in allowedTopologies names no place that is known"
	case ReasonStaticVolumes:
		return "class " + class + " has hand-made volumes, which lie where somebody made them"
	case ReasonNoEvidence:
		return "class " + class + " cannot be located: neither parameters, nor allowedTopologies, nor nodes say where it keeps data"
	case ReasonProviderUnknown:
		return "class " + class + " cannot be located: region " + quote(v.Detail) + " means nothing without spec.provider of a ResidencyPolicy"
	case ReasonTopologyOpen:
		return "class " + class + " has no allowedTopologies and may provision on every node, also in " + v.Decisive.Words()
	case ReasonRegionNotListed, ReasonCountryDenied, ReasonZoneNotAllowed:
		return "class " + class + " provisions in " + v.Decisive.Words()
	case ReasonConflicting:
		return "class " + class + " cannot be located: what is known contradicts itself (" + orElse(v.Decisive.Code(), v.Detail) + ")"
	default: // RegionUnknown, ZoneUnknown, NoSinglePlace, ProviderAmbiguous
		return "class " + class + " cannot be located: " + v.Decisive.Words()
	}
}

// Words say a place: provider, code, country and zone of law, or why it has none.
func (p Place) Words() string {
	where := strings.TrimSpace(p.Provider + " " + cut(orElse(p.Code(), "an undeclared place")))
	switch {
	case p.Known() && p.Code() == "":
		return fmt.Sprintf("%s (%s, declared)", p.Country, p.Law)
	case p.Known():
		return fmt.Sprintf("%s (%s, %s)", where, p.Country, p.Law)
	case p.Reason == ReasonServerUnknown:
		return where + " is a server that is not declared"
	case p.Reason == ReasonNoSinglePlace:
		return where + " is no single place"
	case p.Reason == ReasonZoneUnknown:
		return where + " is not a zone that is known"
	case p.Reason == ReasonProviderAmbiguous:
		return where + " is a code of several providers in different countries; set spec.provider"
	case p.Reason == ReasonProviderUnknown:
		return where + " means nothing without a provider of the table of regions"
	case p.Reason == ReasonNoEvidence:
		return where + " has no evidence: neither region nor zone is known"
	case p.Reason == ReasonConflicting:
		return where + " contradicts other evidence"
	default:
		return where + " is not in the table of regions"
	}
}

// advise says what to do: a class that all policies of the namespace allow, else what can be declared.
func (g *Guard) advise(reason Reason) string {
	allowed := g.Allowed()
	switch {
	case len(allowed) > 0:
		return fmt.Sprintf("Use %s, or see %s", quote(allowed[0]), HelpPage)
	case reason == ReasonZoneNotAllowed || reason == ReasonCountryDenied || reason == ReasonRegionNotListed || reason == ReasonTopologyOpen:
		return "No class of this cluster is allowed here; create one with allowedTopologies in an allowed region, see " + HelpPage
	default:
		return "Declare its place in spec.storage.declarations or spec.locations of a ResidencyPolicy, see " + HelpPage
	}
}

// Allowed returns the names of the classes that every policy allows, sorted.
func (g *Guard) Allowed() []string {
	var names []string
	if len(g.Policies) == 0 {
		return nil
	}
	for name := range g.Policies[0].Classes {
		if !slices.ContainsFunc(g.Policies, func(j *Judged) bool { return j.Classes[name].Verdict != v1alpha1.VerdictAllowed }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func quote(s string) string { return `"` + cut(s) + `"` }

func cut(s string) string {
	if len(s) <= maxName {
		return s
	}
	return strings.ToValidUTF8(s[:maxName], "") + "…"
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
