package residency

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Reasons of volumes, and of what is declared of storage.
const (
	// ReasonDigestMismatch means that a class is declared, and is another than the one whose digest was declared.
	ReasonDigestMismatch Reason = "DigestMismatch"
	// ReasonServerUnknown means that a volume lies on a server that is not declared.
	ReasonServerUnknown Reason = "ServerUnknown"
	// ReasonEachVolume means that a static class is allowed because each of its volumes is judged when it is bound.
	ReasonEachVolume Reason = "EachVolumeJudged"
	// ReasonAffinityUnknown means that a term of a volume's node affinity names no place.
	ReasonAffinityUnknown Reason = "AffinityUnknown"
	// ReasonVolumeMissing means that a claim names a volume that does not exist.
	ReasonVolumeMissing Reason = "VolumeMissing"
)

// VolumeVerdict is the judgement of a PersistentVolume, or of a volume that a pod brings, under one policy.
type VolumeVerdict struct {
	// Name of the volume, and whether a pod brings it.
	Name   string
	Inline bool
	// Driver is its CSI driver, or the in-tree name, as kubernetes.io/nfs. Class is empty for none.
	Driver, Class string

	Verdict v1alpha1.PlacementVerdict
	Reason  Reason
	// Decisive is the place that decided, when a place did.
	Decisive Place
	// Detail names the server, key or value that is not known.
	Detail string
	Places []Place
}

// JudgeVolume judges where a volume lies: by its source, and for the kinds that are reached only where they lie by its
// node affinity, which must agree. Class is the verdict on its class; zero when there is none.
func (r *Rules) JudgeVolume(volume *corev1.PersistentVolume, class ClassVerdict, nodes []JudgedNode) VolumeVerdict {
	src := sourceOf(&volume.Spec.PersistentVolumeSource)
	found := r.readSource(src)
	r.readMountOptions(&found, MountOptionsOf(volume))
	d := facts().drivers[src.driver]
	if d.Kind == kindBlock || d.Kind == kindLocal {
		reached := evidence{}
		r.readAffinity(&reached, d, volume.Spec.NodeAffinity, nodes)
		if reached.silent && len(reached.places) == 0 && reached.gap == "" { // a disk is attached to nodes of its region only
			reached.open = true
			r.readNodes(&reached, d, src.driver, nodes)
		}
		found = agreed(found, reached)
	}
	if d.same(src.driver, class.Provisioner) && !r.strays(src, d, class) {
		found = r.declare(found, class)
	}
	return r.conclude(VolumeVerdict{Name: volume.Name, Driver: src.driver, Class: ClassOfVolume(volume)}, found)
}

// JudgeVolume judges a volume with what is known of its class.
func (j *Judged) JudgeVolume(volume *corev1.PersistentVolume) VolumeVerdict {
	return j.Rules.JudgeVolume(volume, j.Classes[ClassOfVolume(volume)], j.Nodes)
}

// JudgeInline judges a volume that a pod brings and that may lie elsewhere than the pod: on a server, in a cloud, behind
// a CSI driver. False for one that lies where the pod runs, or is a claim.
func (r *Rules) JudgeInline(volume *corev1.Volume) (VolumeVerdict, bool) {
	if LiesWithThePod(&volume.VolumeSource) {
		return VolumeVerdict{}, false
	}
	src := inlineSource(&volume.VolumeSource)
	if volume.CSI != nil && facts().drivers[src.driver].Kind == kindLocal {
		return VolumeVerdict{}, false
	}
	return r.conclude(VolumeVerdict{Name: volume.Name, Inline: true, Driver: src.driver}, r.readSource(src)), true
}

// conclude turns evidence into the verdict on a volume.
func (r *Rules) conclude(verdict VolumeVerdict, found evidence) VolumeVerdict {
	var decided ClassVerdict
	r.decide(&decided, found)
	verdict.Verdict, verdict.Reason, verdict.Decisive, verdict.Detail, verdict.Places = decided.Verdict, decided.Reason, decided.Decisive, decided.Detail, found.places
	return verdict
}

// ClassOfVolume is the class that counts: the beta annotation wins over the field.
func ClassOfVolume(volume *corev1.PersistentVolume) string {
	if annotated, found := volume.Annotations[corev1.BetaStorageClassAnnotation]; found {
		return annotated
	}
	return volume.Spec.StorageClassName
}

// MountOptionsOf are the mount options of a volume, also those of the old annotation, which a kubelet reads for kinds of
// volumes that are not CSI, and which then wins over the field (pkg/volume/util.MountOptionFromSpec of Kubernetes 1.37).
func MountOptionsOf(volume *corev1.PersistentVolume) []string {
	annotated, found := volume.Annotations[corev1.MountOptionAnnotation]
	if !found {
		return volume.Spec.MountOptions
	}
	return append([]string{annotated}, volume.Spec.MountOptions...)
}

// readSource reads the places that a source names: the zone in its handle, its attributes, its servers.
func (r *Rules) readSource(src source) evidence {
	d, known := facts().drivers[src.driver]
	if !known {
		return evidence{gap: ReasonProvisionerUnknown, detail: src.driver}
	}
	var found evidence
	var regions, zones []string
	if region, zone := d.Handle.groups(src.handle); zone != "" {
		zones = append(zones, zone)
	} else if region != "" {
		regions = append(regions, region)
	}
	for _, name := range slices.Sorted(maps.Keys(src.attributes)) {
		value := src.attributes[name]
		switch d.Attributes[d.key(name)] {
		case meansServer:
			src.servers = append(src.servers, value)
		case meansOptions:
			r.readMountOptions(&found, []string{value})
		case meansZone:
			zones = append(zones, value)
		case meansRegion:
			regions = append(regions, value)
		default:
			if slices.Contains(d.AttributePointer, d.key(name)) && found.gap == "" {
				found.gap, found.detail = ReasonPointer, name
			}
		}
	}
	found.places = append(found.places, r.combine(r.providerOf(d), regions, zones)...)
	for _, server := range src.servers {
		found.places = append(found.places, r.locateServer(hostOf(server)))
	}
	return found
}

// strays tells whether a volume says that it lies elsewhere than its class puts volumes: it begins with another handle, or has
// another value of what says a place, which no declared server explains. What a class leaves open its driver fills in.
func (r *Rules) strays(src source, d driver, class ClassVerdict) bool {
	for parameter, of := range class.parameters {
		key := d.key(parameter)
		if rest, begins := strings.CutPrefix(src.handle, of); key == d.HandleOf && d.HandleOf != "" && (!begins || (rest != "" && rest[0] != ':')) {
			return true
		}
		means := d.Attributes[key]
		if means == "" && !slices.Contains(d.AttributePointer, key) {
			continue
		}
		for attribute, value := range src.attributes {
			if d.key(attribute) == key && value != of && (means != meansServer || !r.locateServer(hostOf(value)).Known()) {
				return true
			}
		}
	}
	return false
}

func (r *Rules) providerOf(d driver) string {
	if d.Provider == nodeProvider {
		return r.provider
	}
	return d.Provider
}

// readAffinity reads node affinity: its terms are alternatives, and each must name places with In. Other expressions of a
// term only narrow it.
func (r *Rules) readAffinity(found *evidence, d driver, affinity *corev1.VolumeNodeAffinity, nodes []JudgedNode) {
	if affinity == nil || affinity.Required == nil {
		return
	}
	if len(affinity.Required.NodeSelectorTerms) == 0 {
		found.gap, found.detail = ReasonAffinityUnknown, "no term"
	}
	for _, term := range affinity.Required.NodeSelectorTerms {
		var regions, zones []string
		before := len(found.places)
		for _, expression := range term.MatchExpressions {
			if expression.Operator != corev1.NodeSelectorOpIn {
				continue
			}
			switch d.placeKey(expression.Key) {
			case meansRegion:
				regions = append(regions, expression.Values...)
			case meansZone:
				zones = append(zones, expression.Values...)
			case meansNode:
				found.places = append(found.places, placesOf(expression.Values, nodes)...)
			default: // it only narrows the term
			}
		}
		for _, field := range term.MatchFields {
			if field.Key == "metadata.name" && field.Operator == corev1.NodeSelectorOpIn {
				found.places = append(found.places, placesByName(field.Values, nodes)...)
			}
		}
		spoken := speaking(r.providerOf(d), regions, zones)
		silent := d.Kind == kindBlock && len(spoken) < len(zones)
		if silent {
			found.silent, zones = true, spoken
		}
		found.places = append(found.places, r.combine(r.providerOf(d), regions, zones)...)
		if len(found.places) == before && !silent && found.gap == "" {
			found.gap, found.detail = ReasonAffinityUnknown, keyOf(term)
		}
	}
	if len(found.places) > maxPlaces {
		found.places, found.gap, found.detail = found.places[:maxPlaces], ReasonAffinityUnknown, "too many places"
	}
}

// placeKey is what a label of nodes says of a place, to any driver.
func (d driver) placeKey(key string) meaning {
	switch key {
	case corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaRegion:
		return meansRegion
	case corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone:
		return meansZone
	case corev1.LabelHostname:
		return meansNode
	default:
		return d.Topology[key]
	}
}

// keyOf names a term that names no place.
func keyOf(term corev1.NodeSelectorTerm) string {
	if len(term.MatchExpressions) == 0 {
		return "a term without a place"
	}
	return term.MatchExpressions[0].Key + " " + string(term.MatchExpressions[0].Operator)
}

func placesByName(names []string, nodes []JudgedNode) []Place {
	places := make([]Place, 0, len(names))
	for _, name := range names {
		place := Place{Zone: name, Law: v1alpha1.ZoneUnknown, Reason: ReasonNoEvidence}
		if i := slices.IndexFunc(nodes, func(n JudgedNode) bool { return n.Name == name }); i >= 0 {
			place = nodes[i].Place
		}
		places = append(places, place)
	}
	return places
}

// agreed puts together what a source says and what the node affinity says. A source that says where it lies needs no
// affinity, but must not be contradicted: both name the same countries, or nothing is known.
func agreed(source, reached evidence) evidence {
	switch {
	case len(source.places) == 0 && source.gap == "":
		return reached
	case len(reached.places) == 0:
		return source
	}
	if len(source.places) > 0 {
		for _, place := range reached.places {
			if place.Known() && !slices.ContainsFunc(source.places, func(p Place) bool { return p.Country == place.Country }) {
				return evidence{gap: ReasonConflicting, detail: source.places[0].Code() + " against " + place.Code()}
			}
		}
	}
	source.places = append(source.places, reached.places...)
	return source
}
