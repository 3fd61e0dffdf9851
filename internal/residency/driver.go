package residency

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// nodeProvider stands for the provider of the cluster's nodes.
	nodeProvider = "node"
	// serverProvider stands for none: the volume lies on a server that it names, wherever the nodes are.
	serverProvider = "server"
)

type driverKind string

const (
	kindBlock      driverKind = "Block"
	kindSharedFile driverKind = "SharedFile"
	kindObject     driverKind = "Object"
	kindLocal      driverKind = "Local"
	kindStatic     driverKind = "Static"
)

// meaning is what a topology key or a location parameter holds.
type meaning string

const (
	meansRegion meaning = "Region"
	meansZone   meaning = "Zone"
	meansNode   meaning = "Node"
	meansServer meaning = "Server"
	// meansOptions are options of the mount, which may name a server.
	meansOptions meaning = "Options"
)

// driver is what drivers.yaml says of a provisioner.
type driver struct {
	Names          []string            `json:"names"`
	Provider       string              `json:"provider"`
	Kind           driverKind          `json:"kind"`
	IgnoreCase     string              `json:"ignoreCase,omitempty"`
	Topology       map[string]meaning  `json:"topology,omitempty"`
	Location       map[string]meaning  `json:"location,omitempty"`
	Pointer        []string            `json:"pointer,omitempty"`
	Replication    map[string][]string `json:"replication,omitempty"`
	Harmless       []string            `json:"harmless,omitempty"`
	HarmlessPrefix []string            `json:"harmlessPrefix,omitempty"`
	// Everywhere means that any node may serve it: it is no CSI driver, and no CSINode lists it.
	Everywhere bool `json:"everywhere,omitempty"`
	// Handle finds the place in the handle of a volume, by its groups region and zone.
	Handle *handleForm `json:"handle,omitempty"`
	// HandleOf is the parameter of a class with which the handles of its volumes begin.
	HandleOf string `json:"handleOf,omitempty"`
	// Attributes of a volume say where it is; AttributePointer are attributes that point elsewhere.
	Attributes       map[string]meaning `json:"attributes,omitempty"`
	AttributePointer []string           `json:"attributePointer,omitempty"`
	Snapshots        snapshotForm       `json:"snapshots,omitzero"`
}

// snapshotForm is what the parameters of a VolumeSnapshotClass mean.
type snapshotForm struct {
	Location       map[string]meaning `json:"location,omitempty"`
	Pointer        []string           `json:"pointer,omitempty"`
	Harmless       []string           `json:"harmless,omitempty"`
	HarmlessPrefix []string           `json:"harmlessPrefix,omitempty"`
	// Elsewhere means that snapshots without a location parameter are not kept in the region of the volume.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// handleForm is a regular expression of the data.
type handleForm struct{ *regexp.Regexp }

// UnmarshalText compiles the expression; it must match a whole handle.
func (h *handleForm) UnmarshalText(text []byte) error {
	compiled, err := regexp.Compile("^(?:" + string(text) + ")$")
	h.Regexp = compiled
	return err
}

// groups returns what the groups region and zone hold; empty when the handle is of another form.
func (h *handleForm) groups(handle string) (region, zone string) {
	if h == nil {
		return "", ""
	}
	match := h.FindStringSubmatch(handle)
	if match == nil {
		return "", ""
	}
	if i := h.SubexpIndex("region"); i > 0 {
		region = match[i]
	}
	if i := h.SubexpIndex("zone"); i > 0 {
		zone = match[i]
	}
	return region, zone
}

// check refuses a driver that the code would misread.
func (d driver) check(t *tables) error {
	if len(d.Names) == 0 {
		return fmt.Errorf("a driver has no name")
	}
	if _, known := t.regions[d.Provider]; !known && d.Provider != nodeProvider && d.Provider != serverProvider {
		return fmt.Errorf("driver %s: provider %q has no regions", d.Names[0], d.Provider)
	}
	if !slices.Contains([]driverKind{kindBlock, kindSharedFile, kindObject, kindLocal, kindStatic}, d.Kind) {
		return fmt.Errorf("driver %s: kind %q", d.Names[0], d.Kind)
	}
	for key, means := range d.Topology {
		if !slices.Contains([]meaning{meansRegion, meansZone, meansNode}, means) {
			return fmt.Errorf("driver %s: topology key %s means %q", d.Names[0], key, means)
		}
	}
	for _, list := range []map[string]meaning{d.Location, d.Attributes, d.Snapshots.Location} {
		for key, means := range list {
			if !slices.Contains([]meaning{meansRegion, meansZone, meansServer, meansOptions}, means) {
				return fmt.Errorf("driver %s: parameter %s means %q", d.Names[0], key, means)
			}
		}
	}
	if d.Handle != nil && d.Handle.SubexpIndex("region") < 0 && d.Handle.SubexpIndex("zone") < 0 {
		return fmt.Errorf("driver %s: its form of handles finds no place", d.Names[0])
	}
	if d.IgnoreCase == "" || d.IgnoreCase == "Keys" {
		return nil
	}
	return fmt.Errorf("driver %s: ignoreCase %q", d.Names[0], d.IgnoreCase)
}

// key writes a parameter's key as the driver compares it.
func (d driver) key(parameter string) string {
	if d.IgnoreCase == "Keys" {
		return lower(parameter)
	}
	return parameter
}

// same tells whether two names are of one driver: the in-tree name stands for the CSI driver that replaced it.
func (d driver) same(a, b string) bool {
	return a == b || (slices.Contains(d.Names, a) && slices.Contains(d.Names, b))
}

// runsOn tells whether volumes of a provisioner may be made for a node. A node whose drivers are not known may run any.
func (d driver) runsOn(node JudgedNode, provisioner string) bool {
	return d.Everywhere || strings.HasPrefix(provisioner, inTree) || node.Drivers == nil || slices.Contains(node.Drivers, provisioner)
}

// inTree begins the names of the drivers that Kubernetes brought itself.
const inTree = "kubernetes.io/"

// forSnapshots is the driver as the parameters of its snapshot classes are read.
func (d driver) forSnapshots() driver {
	s := d.Snapshots
	return driver{Names: d.Names, Provider: d.Provider, Kind: d.Kind, IgnoreCase: d.IgnoreCase, Location: s.Location, Pointer: s.Pointer, Harmless: s.Harmless, HarmlessPrefix: s.HarmlessPrefix}
}

// csiHarmless are keys of the provisioner sidecar that do not move data: the file system, and keys of local encryption.
var csiHarmless = []string{
	"csi.storage.k8s.io/fstype",
	"csi.storage.k8s.io/node-stage-secret-name", "csi.storage.k8s.io/node-stage-secret-namespace",
	"csi.storage.k8s.io/node-publish-secret-name", "csi.storage.k8s.io/node-publish-secret-namespace",
}

// moves says why a parameter may put data elsewhere; empty when it does not. Location parameters are read apart.
func (d driver) moves(parameter, value string) Reason {
	key := d.key(parameter)
	allowed, isReplication := d.Replication[key]
	switch {
	case value == "" && slices.Contains(d.Pointer, key): // it points at nothing
		return ""
	case slices.Contains(d.Pointer, key), d.isForeignSecret(key):
		return ReasonPointer
	case isReplication:
		if !slices.Contains(allowed, value) {
			return ReasonReplicated
		}
		return ""
	case slices.Contains(csiHarmless, key), slices.Contains(d.Harmless, key):
		return ""
	case slices.ContainsFunc(d.HarmlessPrefix, func(prefix string) bool { return strings.HasPrefix(key, prefix) }):
		return ""
	default:
		return ReasonParameterUnknown
	}
}

func (d driver) isForeignSecret(key string) bool {
	return strings.HasPrefix(key, "csi.storage.k8s.io/") && !slices.Contains(csiHarmless, key)
}
