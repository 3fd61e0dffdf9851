package residency

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// LabelLocation on a node is set by an administrator, as <provider>.<region>. A kubelet cannot set it.
const LabelLocation = "rempart.node-restriction.kubernetes.io/location"

// JudgedNode is a node, its place and the verdict on it.
type JudgedNode struct {
	Name string
	// Hostname is the node's label, which volumes name.
	Hostname string
	// Drivers are the CSI drivers that it runs; nil when that is not known.
	Drivers []string
	Place   Place
	Verdict v1alpha1.PlacementVerdict
	Reason  Reason
}

// schemes are the providers that write a scheme of providerID. What is not listed says nothing of the provider.
var schemes = map[string][]string{
	"aws":          {"aws", "outscale"},
	"gce":          {"gcp"},
	"azure":        {"azure"},
	"openstack":    {"infomaniak", "opentelekomcloud", "ovh"},
	"scaleway":     {"scaleway"},
	"hcloud":       {"hetzner"},
	"digitalocean": {"digitalocean"},
	"linode":       {"linode"},
	"vultr":        {"vultr"},
	"ibm":          {"ibm"},
	"exoscale":     {"exoscale"},
	"upcloud":      {"upcloud"},
	"ionos":        {"ionos"},
	"stackit":      {"stackit"},
}

// JudgeNode judges where a node is: the label that an administrator set, else its zone and region labels and the zone in
// its providerID, which must agree.
func (r *Rules) JudgeNode(node *corev1.Node) JudgedNode {
	judged := JudgedNode{Name: node.Name, Hostname: node.Labels[corev1.LabelHostname], Place: r.placeOfNode(node)}
	judged.Verdict, judged.Reason = r.JudgePlace(judged.Place)
	return judged
}

func (r *Rules) placeOfNode(node *corev1.Node) Place {
	region, zone := topologyOf(node.Labels)
	scheme, idZone := providerID(node.Spec.ProviderID)
	if known, ok := schemes[scheme]; ok && r.provider != "" && r.provider != ProviderCustom && !slices.Contains(known, r.provider) {
		return Place{Provider: r.provider, Region: region, Zone: zone, Law: v1alpha1.ZoneUnknown, Reason: ReasonConflicting}
	}
	candidates := r.candidates(scheme)
	if trusted := node.Labels[LabelLocation]; trusted != "" {
		provider, code, _ := strings.Cut(trusted, ".")
		return r.together(r.locate(provider, code, ""), r.placeAmong(candidates, region, zone, idZone))
	}
	if r.restricted || virtual(node) {
		return Place{Law: v1alpha1.ZoneUnknown, Reason: ReasonNoEvidence}
	}
	return r.placeAmong(candidates, region, zone, idZone)
}

// Moved tells whether a change of a node may change where it is judged to be; kubelets write their status all the time.
func Moved(old, now *corev1.Node) bool {
	return old.Spec.ProviderID != now.Spec.ProviderID || virtual(old) != virtual(now) || !maps.Equal(old.Labels, now.Labels)
}

// virtual tells whether a node is no machine: whoever runs it runs its pods where he likes. The labels and taints are those of
// Virtual Kubelet, and of Liqo and interLink, which build on it: a type of virtual-kubelet or virtual-node, and a key that begins
// so. Only an administrator can say where such a node is.
func virtual(node *corev1.Node) bool {
	for key, value := range node.Labels {
		if (value == "virtual-kubelet" || value == "virtual-node") && (key == "type" || strings.HasSuffix(key, "/type")) {
			return true
		}
	}
	return slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool {
		return strings.HasPrefix(t.Key, "virtual-kubelet.") || strings.HasPrefix(t.Key, "virtual-node.")
	})
}

// together keeps the trusted place unless the untrusted evidence names another country.
func (r *Rules) together(trusted, other Place) Place {
	if trusted.Known() && other.Known() && trusted.Country != other.Country {
		return Place{Provider: trusted.Provider, Region: trusted.Region, Law: v1alpha1.ZoneUnknown, Reason: ReasonConflicting}
	}
	return trusted
}

// placeAmong judges a code for every provider it may belong to: one country, or none. A code that contradicts itself at
// one of them, or that is no single place there, is unknown, whatever the others say.
func (r *Rules) placeAmong(candidates []string, region, zone, idZone string) Place {
	found := Place{Region: region, Zone: zone, Law: v1alpha1.ZoneUnknown, Reason: ReasonProviderUnknown}
	for _, provider := range candidates {
		p := r.locateWithID(provider, region, zone, idZone)
		switch {
		case len(candidates) == 1:
			return p
		case p.Reason == ReasonConflicting || p.Reason == ReasonNoSinglePlace:
			return p
		case !p.Known():
			continue
		case found.Known() && found.Country != p.Country:
			return Place{Region: region, Zone: zone, Law: v1alpha1.ZoneUnknown, Reason: ReasonProviderAmbiguous}
		case !found.Known():
			found = p
		}
	}
	return found
}

// locateWithID reads the labels and the zone in the providerID, which must be the same zone.
func (r *Rules) locateWithID(provider, region, zone, idZone string) Place {
	if idZone != "" && zone != "" && normalise(provider, idZone) != normalise(provider, zone) {
		return Place{Provider: provider, Region: region, Zone: zone, Law: v1alpha1.ZoneUnknown, Reason: ReasonConflicting}
	}
	if zone == "" {
		zone = idZone
	}
	return r.locate(provider, region, zone)
}

// candidates are the providers that a node may belong to: the policy's, else those of the providerID's scheme, else all.
func (r *Rules) candidates(scheme string) []string {
	if r.provider != "" {
		return []string{r.provider}
	}
	if known, ok := schemes[scheme]; ok {
		return known
	}
	return everyProvider()
}

// everyProvider lists the providers of the table, sorted, and Custom.
func everyProvider() []string { return append(Providers(), ProviderCustom) }

// topologyOf reads the region and zone labels, the old names where the new ones are absent.
func topologyOf(labels map[string]string) (region, zone string) {
	region, zone = labels[corev1.LabelTopologyRegion], labels[corev1.LabelTopologyZone]
	if region == "" {
		region = labels[corev1.LabelFailureDomainBetaRegion]
	}
	if zone == "" {
		zone = labels[corev1.LabelFailureDomainBetaZone]
	}
	return region, zone
}

// providerID returns the scheme of a providerID and the zone in it, for the schemes that carry one.
func providerID(id string) (scheme, zone string) {
	scheme, rest, ok := strings.Cut(id, "://")
	if !ok {
		return "", ""
	}
	parts := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case scheme == "aws" && len(parts) >= 2:
		return scheme, parts[0]
	case scheme == "gce" && len(parts) >= 3:
		return scheme, parts[1]
	case scheme == "scaleway" && len(parts) >= 3:
		return scheme, parts[1]
	default:
		return scheme, ""
	}
}

// AllowedRegions returns the values of topology.kubernetes.io/region that pin a pod to allowed nodes, sorted: a region
// counts when every node that carries it is allowed. Empty when there is none; a pod then has nowhere to run.
func (j *Judged) AllowedRegions() []string {
	allowed := map[string]bool{}
	for _, node := range j.Nodes {
		if node.Place.Region == "" {
			continue
		}
		before, seen := allowed[node.Place.Region]
		allowed[node.Place.Region] = (before || !seen) && node.Verdict == v1alpha1.VerdictAllowed
	}
	var regions []string
	for region, ok := range allowed {
		if ok {
			regions = append(regions, region)
		}
	}
	slices.Sort(regions)
	return regions
}
