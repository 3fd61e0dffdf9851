package residency

import (
	"slices"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Rules that refusals of volumes name.
const (
	RuleVolume       = "volume"
	RuleInlineVolume = "inline-volume"
)

const (
	// maxRefusal bounds a refusal, in characters.
	maxRefusal = 499
	// maxAllowed bounds what a refusal says of allowed places.
	maxAllowed = 100
)

// JudgeVolume returns what the policies object to a volume that a claim of their namespace has, or is to get.
func (g *Guard) JudgeVolume(volume *corev1.PersistentVolume) []Objection {
	var objections []Objection
	for _, policy := range g.Policies {
		if verdict := policy.JudgeVolume(volume); verdict.Verdict != v1alpha1.VerdictAllowed {
			objections = append(objections, policy.refuseVolume(RuleVolume, verdict))
		}
	}
	return g.excuse(objections)
}

// JudgeInline returns what the policies object to a volume that a pod brings.
func (g *Guard) JudgeInline(volume *corev1.Volume) []Objection {
	var objections []Objection
	for _, policy := range g.Policies {
		if verdict, apart := policy.Rules.JudgeInline(volume); apart && verdict.Verdict != v1alpha1.VerdictAllowed {
			objections = append(objections, policy.refuseVolume(RuleInlineVolume, verdict))
		}
	}
	return g.excuse(objections)
}

// MissingVolume returns what the policies object to a claim that names a volume which does not exist.
func (g *Guard) MissingVolume(name string) []Objection {
	return g.excuse(g.all(RuleVolume, ReasonVolumeMissing, "volume "+quote(name)+" does not exist, so nothing says where it would lie", "Make the volume first"))
}

// JudgeSelectedNode returns what the policies object to a node for which the volume of a claim is to be made. Live is
// that node where the snapshot does not have it; nil when there is none.
func (g *Guard) JudgeSelectedNode(name string, live *corev1.Node) []Objection {
	var objections []Objection
	for _, policy := range g.Policies {
		node := policy.node(name)
		if node == nil && live != nil && live.Name == name {
			judged := policy.Rules.JudgeNode(live)
			node = &judged
		}
		const advice = "Let the scheduler choose, and pin the pod to allowed nodes"
		switch {
		case node == nil:
			objections = append(objections, policy.refuse(RuleVolume, v1alpha1.VerdictUnknown, ReasonNodeMissing, Place{},
				"the volume is to be made for node "+quote(name)+", which does not exist", advice))
		case node.Verdict != v1alpha1.VerdictAllowed:
			objections = append(objections, policy.refuse(RuleVolume, node.Verdict, node.Reason, node.Place,
				"the volume is to be made for node "+quote(name)+": "+node.Place.Words(), advice))
		}
	}
	return g.excuse(objections)
}

func (j *Judged) refuseVolume(rule string, verdict VolumeVerdict) Objection {
	objection := j.refuse(rule, verdict.Verdict, verdict.Reason, verdict.Decisive, verdict.Sentence(), verdict.advice())
	objection.Class = verdict.Class
	return objection
}

// refuse makes an objection whose message is bounded: who refuses, by which rule, what was found, what is allowed, what
// to do.
func (j *Judged) refuse(rule string, verdict v1alpha1.PlacementVerdict, reason Reason, place Place, found, advice string) Objection {
	begin, end := j.Rules.Title()+", rule "+rule+": ", "; allowed: "+clip(j.Rules.Allows(), maxAllowed)+" ("+article+"). "+advice+", or see "+HelpPage
	found = clip(found, maxRefusal-utf8.RuneCountInString(begin)-utf8.RuneCountInString(end))
	return Objection{Policy: j.Rules.Name, Rule: rule, Verdict: verdict, Reason: reason, Place: place,
		Enforced: j.Rules.Enforcement != v1alpha1.EnforcementAudit, Message: begin + found + end}
}

// clip cuts a text to so many characters.
func clip(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:max(most-1, 0)]) + "…"
}

// Sentence says what was found of a volume, without who asks.
func (v *VolumeVerdict) Sentence() string {
	volume := "volume " + quote(v.Name)
	if v.Inline {
		volume += " of the pod"
	}
	lost := volume + " cannot be located: "
	switch v.Reason {
	case ReasonAllowed, ReasonDeclared, ReasonRegionNotListed, ReasonCountryDenied, ReasonZoneNotAllowed:
		return volume + " lies in " + v.Decisive.Words()
	case ReasonTopologyOpen:
		return volume + " lies where nodes are, such as in " + v.Decisive.Words()
	case ReasonProvisionerUnknown:
		return lost + "driver " + quote(v.Driver) + " is not in the list of drivers"
	case ReasonPointer:
		return lost + quote(v.Detail) + " points at something that exists elsewhere"
	case ReasonServerUnknown:
		return lost + "server " + quote(v.Decisive.Code()) + " is not declared"
	case ReasonAffinityUnknown:
		return lost + "a term of its node affinity names no place with In (" + cut(v.Detail) + ")"
	case ReasonDigestMismatch:
		return lost + "its class is not the one that was declared (digest " + cut(v.Detail) + ")"
	case ReasonConflicting:
		return lost + "what is known contradicts itself (" + cut(orElse(v.Detail, v.Decisive.Code())) + ")"
	case ReasonNoEvidence:
		if kind := facts().drivers[v.Driver].Kind; kind == kindSharedFile || kind == kindObject {
			return lost + "driver " + quote(v.Driver) + " says nothing of places, and node affinity only from where it is reached"
		}
		return lost + "neither its source (" + quote(v.Driver) + ") nor its node affinity says where it lies"
	default: // RegionUnknown, ZoneUnknown, NoSinglePlace, ProviderUnknown, ProviderAmbiguous
		return lost + v.Decisive.Words()
	}
}

// advice says what to do about a volume that is not allowed.
func (v *VolumeVerdict) advice() string {
	switch {
	case slices.Contains([]Reason{ReasonRegionNotListed, ReasonCountryDenied, ReasonZoneNotAllowed}, v.Reason) && v.Inline:
		return "Use a claim of an allowed class"
	case slices.Contains([]Reason{ReasonRegionNotListed, ReasonCountryDenied, ReasonZoneNotAllowed}, v.Reason):
		return "Use a volume in an allowed place"
	case v.Reason == ReasonServerUnknown:
		return "Declare the server in spec.storage.servers of a ResidencyPolicy"
	case v.Inline:
		return "Use a claim of an allowed class instead"
	default:
		return "Declare its class in spec.storage.declarations of a ResidencyPolicy, if the driver is its provisioner"
	}
}
