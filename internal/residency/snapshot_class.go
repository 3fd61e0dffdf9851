package residency

import (
	"maps"
	"slices"

	storagev1 "k8s.io/api/storage/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// RuleSnapshot is the rule that refusals of snapshots name.
const RuleSnapshot = "snapshot"

// Reasons of snapshots and of sources of data.
const (
	// ReasonWithVolume means that snapshots stay in the region of the volume, which is judged itself.
	ReasonWithVolume Reason = "WithVolume"
	// ReasonSnapshotMissing means that a snapshot, its content or its class does not exist, or names nothing yet.
	ReasonSnapshotMissing Reason = "SnapshotMissing"
	// ReasonHandMade means that the content of a snapshot was made by hand, and lies where somebody made it.
	ReasonHandMade Reason = "HandMadeSnapshot"
	// ReasonNotGranted means that the source of data is in a namespace that does not grant it.
	ReasonNotGranted Reason = "SourceNotGranted"
)

// SnapshotClass is what is read of a VolumeSnapshotClass.
type SnapshotClass struct {
	Name, Driver string
	Parameters   map[string]string
}

// JudgeSnapshotClass judges where a class keeps snapshots: where its parameters say, every place of which must be
// allowed, or else in the region of the volume, as far as the driver does.
func (r *Rules) JudgeSnapshotClass(class SnapshotClass) ClassVerdict {
	verdict := ClassVerdict{Name: class.Name, Provisioner: class.Driver}
	d, known := facts().drivers[class.Driver]
	if !known {
		verdict.Verdict, verdict.Reason, verdict.Detail = v1alpha1.VerdictUnknown, ReasonProvisionerUnknown, class.Driver
		return verdict
	}
	var found evidence
	r.readParameters(&found, d.forSnapshots(), r.providerOf(d), class.Parameters)
	if verdict.Places = found.places; len(found.places) == 0 && found.gap == "" && !d.Snapshots.Elsewhere {
		verdict.Verdict, verdict.Reason = v1alpha1.VerdictAllowed, ReasonWithVolume
		return verdict
	}
	r.decide(&verdict, found)
	return verdict
}

// JudgeSnapshotClass returns what the policies object to a class of snapshots.
func (g *Guard) JudgeSnapshotClass(class SnapshotClass) []Objection {
	const advice = "Use a snapshot class that stays in the region of the volume, or names an allowed one"
	var objections []Objection
	for _, policy := range g.Policies {
		if v := policy.Rules.JudgeSnapshotClass(class); v.Verdict != v1alpha1.VerdictAllowed {
			objection := policy.refuse(RuleSnapshot, v.Verdict, v.Reason, v.Decisive, snapshotSentence(v), advice)
			objection.Class = class.Name
			objections = append(objections, objection)
		}
	}
	return objections
}

func snapshotSentence(v ClassVerdict) string {
	class := "snapshot class " + quote(v.Name)
	switch v.Reason {
	case ReasonRegionNotListed, ReasonCountryDenied, ReasonZoneNotAllowed:
		return class + " keeps snapshots in " + v.Decisive.Words()
	case ReasonProvisionerUnknown:
		return class + " cannot be located: driver " + quote(v.Provisioner) + " is not in the list of drivers"
	case ReasonParameterUnknown:
		return class + " cannot be located: parameter " + quote(v.Detail) + " is not known for driver " + quote(v.Provisioner)
	case ReasonPointer:
		return class + " cannot be located: parameter " + quote(v.Detail) + " points at something that exists elsewhere"
	case ReasonNoEvidence:
		return class + " cannot be located: driver " + quote(v.Provisioner) + " keeps snapshots elsewhere than volumes, and no parameter says where"
	default: // RegionUnknown, ZoneUnknown, NoSinglePlace, ProviderUnknown
		return class + " cannot be located: " + v.Decisive.Words()
	}
}

// MissingSnapshot returns what the policies object to something of a snapshot that does not exist, or not yet: its
// class, its content, or itself.
func (g *Guard) MissingSnapshot(kind, name string) []Objection {
	found := kind + " " + quote(name) + " does not exist, so nothing says where its data lie"
	if name == "" {
		found = "the snapshot names no " + kind + ", so nothing says where its data lie"
	}
	return g.all(RuleSnapshot, ReasonSnapshotMissing, found, "Make it first")
}

// HandMadeSnapshot returns what the policies object to a snapshot whose content somebody made by hand.
func (g *Guard) HandMadeSnapshot(content string) []Objection {
	return g.all(RuleSnapshot, ReasonHandMade, "snapshot content "+quote(content)+" was made by hand, so nothing says where its data lie",
		"Restore from a snapshot that this cluster took")
}

// ForeignSource returns what the policies object to data from a namespace that does not grant them.
func (g *Guard) ForeignSource(namespace, kind, name string) []Objection {
	return g.all(RuleVolume, ReasonNotGranted, kind+" "+quote(name)+" of namespace "+quote(namespace)+" is not granted to this namespace by a ReferenceGrant",
		"Ask who answers for those data for a grant")
}

// JudgeAttributes returns what the policies object to a VolumeAttributesClass: it may change what does not move data.
// Class is nil when there is none of that name.
func (g *Guard) JudgeAttributes(name string, class *storagev1.VolumeAttributesClass) []Objection {
	const advice = "Use a VolumeAttributesClass whose parameters do not move data"
	attributes := "VolumeAttributesClass " + quote(name)
	if class == nil {
		return g.excuse(g.all(RuleVolume, ReasonClassMissing, attributes+" does not exist, so nothing says what it changes", advice))
	}
	d, known := facts().drivers[class.DriverName]
	if !known {
		return g.excuse(g.all(RuleVolume, ReasonProvisionerUnknown, attributes+": driver "+quote(class.DriverName)+" is not in the list of drivers", advice))
	}
	for _, key := range slices.Sorted(maps.Keys(class.Parameters)) {
		why := d.moves(key, class.Parameters[key])
		if _, location := d.Location[d.key(key)]; location {
			why = ReasonPointer
		}
		if why != "" {
			return g.excuse(g.all(RuleVolume, why, attributes+": parameter "+quote(key)+" may move data", advice))
		}
	}
	return nil
}

// all makes an objection of each policy.
func (g *Guard) all(rule string, reason Reason, found, advice string) []Objection {
	objections := make([]Objection, 0, len(g.Policies))
	for _, policy := range g.Policies {
		objections = append(objections, policy.refuse(rule, v1alpha1.VerdictUnknown, reason, Place{}, found, advice))
	}
	return objections
}
