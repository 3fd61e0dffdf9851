package residency

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// maxPlaces bounds the places that are judged of one class: more cannot be a class that people meant.
const maxPlaces = 256

// ClassVerdict is the judgement of a StorageClass under one policy.
type ClassVerdict struct {
	Name, UID, Digest, Provisioner string

	Verdict v1alpha1.PlacementVerdict
	Reason  Reason
	// Decisive is the place that decided, when a place did.
	Decisive Place
	// Detail names the key, value or code that is not known.
	Detail string
	Places []Place
	// Volume is the hand-made volume that decided, where one did.
	Volume *VolumeVerdict

	// parameters of the class, with which its volumes are compared.
	parameters map[string]string
}

// evidence is what a class says of where its volumes are.
type evidence struct {
	places []Place
	// gap is why the places are not the whole truth; empty when they are. Detail names what is not known.
	gap    Reason
	detail string
	// open means that neither parameters nor topologies say a place.
	open bool
	// apart means that something names another place than the class does: what is declared of the class is not said of that.
	apart bool
	// silent means that a term names a zone that says nothing.
	silent bool
}

// JudgeClass follows a class to the places of its volumes: every one must be allowed. Nodes count when the class says
// nothing of places.
func (r *Rules) JudgeClass(class *storagev1.StorageClass, nodes []JudgedNode) ClassVerdict {
	verdict := ClassVerdict{Name: class.Name, UID: string(class.UID), Digest: Digest(class), Provisioner: class.Provisioner, parameters: class.Parameters}
	found := r.declare(r.gather(class, nodes), verdict)
	verdict.Places = found.places
	r.decide(&verdict, found)
	return verdict
}

// decide turns evidence into a verdict: a place that is denied decides first, then what is not known.
func (r *Rules) decide(verdict *ClassVerdict, found evidence) {
	reason := ReasonAllowed
	unknown := -1
	for i, place := range found.places {
		v, why := r.JudgePlace(place)
		switch {
		case v == v1alpha1.VerdictDenied && found.open:
			verdict.Verdict, verdict.Reason, verdict.Decisive = v, ReasonTopologyOpen, place
			return
		case v == v1alpha1.VerdictDenied:
			verdict.Verdict, verdict.Reason, verdict.Decisive = v, why, place
			return
		case v == v1alpha1.VerdictUnknown && unknown < 0:
			unknown = i
		case why == ReasonDeclared:
			reason = ReasonDeclared
		}
	}
	switch {
	case found.gap != "":
		verdict.Verdict, verdict.Reason, verdict.Detail = v1alpha1.VerdictUnknown, found.gap, found.detail
	case unknown >= 0:
		verdict.Verdict, verdict.Reason = v1alpha1.VerdictUnknown, found.places[unknown].Reason
		verdict.Decisive, verdict.Detail = found.places[unknown], found.places[unknown].Code()
	case len(found.places) == 0:
		verdict.Verdict, verdict.Reason = v1alpha1.VerdictUnknown, ReasonNoEvidence
	default:
		verdict.Verdict, verdict.Reason, verdict.Decisive = v1alpha1.VerdictAllowed, reason, found.places[0]
	}
}

// gather reads provisioner, parameters and topologies.
func (r *Rules) gather(class *storagev1.StorageClass, nodes []JudgedNode) evidence {
	d, known := facts().drivers[class.Provisioner]
	if !known {
		return evidence{gap: ReasonProvisionerUnknown, detail: class.Provisioner}
	}
	if d.Kind == kindStatic {
		return evidence{gap: ReasonStaticVolumes, detail: class.Provisioner}
	}
	provider := d.Provider
	if provider == nodeProvider {
		provider = r.provider
	}
	var found evidence
	r.readParameters(&found, d, provider, class.Parameters)
	r.readMountOptions(&found, class.MountOptions)
	located := len(found.places) > 0
	r.readTopologies(&found, d, provider, class.AllowedTopologies, nodes)
	if len(found.places) > maxPlaces {
		found.places, found.gap, found.detail = found.places[:maxPlaces], ReasonTopologyUnknown, "too many places"
	}
	if (len(found.places) == 0 || (found.silent && !located)) && found.gap == "" && provider != serverProvider {
		found.open = true
		r.readNodes(&found, d, class.Provisioner, nodes)
	}
	return found
}

// readParameters reads the parameters in the order of their keys, so that messages do not change.
func (r *Rules) readParameters(found *evidence, d driver, provider string, parameters map[string]string) {
	var regions, zones []string
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		switch d.Location[d.key(name)] {
		case meansZone:
			for value := range strings.SplitSeq(parameters[name], ",") {
				zones = append(zones, strings.TrimSpace(value))
			}
		case meansRegion:
			regions = append(regions, parameters[name])
		case meansServer:
			found.places = append(found.places, r.locateServer(hostOf(parameters[name])))
		case meansOptions:
			r.readMountOptions(found, []string{parameters[name]})
		default:
			if why := d.moves(name, parameters[name]); why != "" && found.gap == "" {
				found.gap, found.detail = why, name
			}
		}
	}
	found.places = append(found.places, r.combine(provider, regions, zones)...)
}

// readTopologies reads every term: terms and values are alternatives, expressions of a term hold together.
func (r *Rules) readTopologies(found *evidence, d driver, provider string, terms []topologyTerm, nodes []JudgedNode) {
	gap := func(detail string) {
		if found.gap == "" {
			found.gap, found.detail = ReasonTopologyUnknown, detail
		}
	}
	for _, term := range terms {
		var regions, zones []string
		hosts := 0
		for _, expression := range term.MatchLabelExpressions {
			switch d.Topology[expression.Key] {
			case meansRegion:
				regions = append(regions, expression.Values...)
			case meansZone:
				zones = append(zones, expression.Values...)
			case meansNode:
				hosts += len(expression.Values)
				found.places = append(found.places, placesOf(expression.Values, nodes)...)
			default:
				gap(expression.Key)
			}
		}
		if spoken := speaking(provider, regions, zones); len(spoken) < len(zones) {
			found.silent, zones = true, spoken
		} else if len(regions)+len(zones)+hosts == 0 {
			gap("a term without a place")
		}
		found.places = append(found.places, r.combine(provider, regions, zones)...)
	}
}

// speaking are the zones that say something: beside a region all do, and a zone is what drivers write where a region has none.
func speaking(provider string, regions, zones []string) []string {
	if len(regions) > 0 {
		return zones
	}
	return slices.DeleteFunc(slices.Clone(zones), func(zone string) bool { return slices.Contains(sayNothing[provider], zone) })
}

type topologyTerm = corev1.TopologySelectorTerm

// combine judges every pair of region and zone; a pair that cannot be is a conflict, and so unknown.
func (r *Rules) combine(provider string, regions, zones []string) []Place {
	var places []Place
	if len(zones) == 0 {
		for _, region := range regions {
			places = append(places, r.locate(provider, region, ""))
		}
		return places
	}
	if len(regions) == 0 {
		regions = []string{""}
	}
	for _, zone := range zones {
		for _, region := range regions {
			if len(places) > maxPlaces {
				return places
			}
			places = append(places, r.locate(provider, region, zone))
		}
	}
	return places
}

// placesOf finds nodes by their host names; several may have one.
func placesOf(names []string, nodes []JudgedNode) []Place {
	places := make([]Place, 0, len(names))
	for _, name := range names {
		before := len(places)
		for _, node := range nodes {
			if node.Hostname == name || (node.Hostname == "" && node.Name == name) {
				places = append(places, node.Place)
			}
		}
		if len(places) == before {
			places = append(places, Place{Zone: name, Law: v1alpha1.ZoneUnknown, Reason: ReasonNoEvidence})
		}
	}
	return places
}

// readNodes takes the places of the nodes that run the driver: volumes of a class that says no place are made where its
// pods land.
func (r *Rules) readNodes(found *evidence, d driver, provisioner string, nodes []JudgedNode) {
	for _, node := range nodes {
		if !d.runsOn(node, provisioner) {
			continue
		}
		if d.Provider != nodeProvider && node.Place.Known() && node.Place.Provider != "" && node.Place.Provider != d.Provider {
			found.gap, found.detail = ReasonConflicting, node.Place.Provider+" nodes under a driver of "+d.Provider
		}
		if !slices.Contains(found.places, node.Place) {
			found.places = append(found.places, node.Place)
		}
	}
}

// Digest is sha256 of provisioner, parameters and topologies, in canonical form.
func Digest(class *storagev1.StorageClass) string {
	content, err := json.Marshal(struct {
		Provisioner string
		Parameters  map[string]string
		Topologies  []topologyTerm
	}{class.Provisioner, class.Parameters, class.AllowedTopologies})
	if err != nil { // strings, maps and slices always marshal
		return ""
	}
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
