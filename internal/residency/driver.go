package residency

import (
	"fmt"
	"slices"
	"strings"
)

// nodeProvider stands for the provider of the cluster's nodes.
const nodeProvider = "node"

type driverKind string

const (
	kindBlock      driverKind = "Block"
	kindSharedFile driverKind = "SharedFile"
	kindLocal      driverKind = "Local"
	kindStatic     driverKind = "Static"
)

// meaning is what a topology key or a location parameter holds.
type meaning string

const (
	meansRegion meaning = "Region"
	meansZone   meaning = "Zone"
	meansNode   meaning = "Node"
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
}

// check refuses a driver that the code would misread.
func (d driver) check(t *tables) error {
	if len(d.Names) == 0 {
		return fmt.Errorf("a driver has no name")
	}
	if _, known := t.regions[d.Provider]; !known && d.Provider != nodeProvider {
		return fmt.Errorf("driver %s: provider %q has no regions", d.Names[0], d.Provider)
	}
	if !slices.Contains([]driverKind{kindBlock, kindSharedFile, kindLocal, kindStatic}, d.Kind) {
		return fmt.Errorf("driver %s: kind %q", d.Names[0], d.Kind)
	}
	for key, means := range d.Topology {
		if !slices.Contains([]meaning{meansRegion, meansZone, meansNode}, means) {
			return fmt.Errorf("driver %s: topology key %s means %q", d.Names[0], key, means)
		}
	}
	for key, means := range d.Location {
		if means != meansRegion && means != meansZone {
			return fmt.Errorf("driver %s: parameter %s means %q", d.Names[0], key, means)
		}
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
