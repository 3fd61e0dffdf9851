// Package backup reads, of the objects that backup tools keep in the cluster, how long a copy of a store can still hold somebody
// who was erased from it.
package backup

import (
	"cmp"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// Kinds of others of which something is read. A cluster may lack any.
var (
	Velero      = schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: "Backup"}
	CloudNative = schema.GroupVersionKind{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Backup"}
	Cluster     = schema.GroupVersionKind{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Cluster"}
	Snapshot    = schema.GroupVersionKind{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshot"}
)

// Kinds are all of them; those of Velero are not in the namespace of the store.
var Kinds = []schema.GroupVersionKind{Velero, CloudNative, Cluster, Snapshot}

// leastGap is the shortest time that is taken to lie between two base backups.
const leastGap = 24 * time.Hour

// Store is the store that is asked about.
type Store struct {
	// Home is the namespace of who names the store. Snapshots, clusters and base backups are read there and nowhere else: to name a
	// host in another namespace gives no right to look into it.
	Home string
	// Local tells that the store is a workload of Home, whatever its host is called.
	Local bool
	// Claim holds the data of a managed store; empty when it is not known: then each claim of the namespace may.
	Claim string
	// Host of the connection: within the cluster it names a Service.
	Host string
}

// Copy is a backup that may hold what the store held.
type Copy struct {
	// Tool that made it, where it surely is of the store; empty where that is only possible, or more may be than is read.
	Tool v1alpha1.BackupKind
	// Name says which object it is: kind and namespace/name.
	Name  string
	Taken time.Time
	// Expires is when it goes by itself; zero when nothing says so.
	Expires time.Time
}

// lapse is how long after its day a copy may still be there: tools tidy up now and then. One that stays longer does not go by itself.
const lapse = 24 * time.Hour

// Of returns the copies of a store, of whichever kind. Executed is when the erasure was committed: what a recovery window keeps
// depends on it.
func Of(objects []unstructured.Unstructured, store Store, executed time.Time) []Copy {
	var copies []Copy
	service, namespace := store.service()
	cluster := clusterOf(objects, store.Home, service, namespace)
	for i := range objects {
		o := &objects[i]
		switch kind := o.GroupVersionKind(); {
		case kind == Velero && namespace != "":
			copies = append(copies, ofVelero(o, namespace, namespace == store.Home)...)
		case kind == Snapshot && namespace == store.Home && o.GetNamespace() == namespace:
			copies = append(copies, ofSnapshot(o, store.Claim, cluster)...)
		}
	}
	if cluster != nil {
		copies = append(copies, ofCluster(cluster, objects, executed)...)
	}
	return copies
}

// service is the Service of the cluster that the host of a store names, and the namespace of its data; empty where the host is
// none: an address, or a name of three labels and more that does not end in svc. A name of two labels may be a public one as well.
func (s Store) service() (name, namespace string) {
	host := strings.TrimSuffix(strings.ToLower(s.Host), ".")
	labels := strings.Split(host, ".")
	_, err := netip.ParseAddr(host)
	switch at := slices.Index(labels, "svc"); {
	case err == nil || host == "":
	case len(labels) == 1:
		name, namespace = labels[0], s.Home
	case len(labels) == 2:
		name, namespace = labels[0], labels[1]
	case at >= 2:
		name, namespace = labels[at-2], labels[at-1]
	}
	if s.Local {
		if namespace != s.Home {
			name = ""
		}
		namespace = s.Home
	}
	return name, namespace
}

// clusterOf is the cluster of CloudNativePG whose service a host names: <cluster>-rw, -ro or -r of its own namespace. Nil for any other.
func clusterOf(objects []unstructured.Unstructured, home, service, namespace string) *unstructured.Unstructured {
	if namespace != home {
		return nil
	}
	for i := range objects {
		o := &objects[i]
		if o.GroupVersionKind() != Cluster || o.GetNamespace() != home {
			continue
		}
		for _, suffix := range []string{"-rw", "-ro", "-r"} {
			if service == o.GetName()+suffix {
				return o
			}
		}
	}
	return nil
}

// ofSnapshot reads a VolumeSnapshot: nothing in it says when it goes. Claims of a cluster of CloudNativePG begin with its name.
func ofSnapshot(o *unstructured.Unstructured, claim string, cluster *unstructured.Unstructured) []Copy {
	of := text(o, "spec", "source", "persistentVolumeClaimName")
	c := named(o, v1alpha1.BackupVolumeSnapshot)
	c.Taken = cmp.Or(instant(o, "status", "creationTime"), o.GetCreationTimestamp().Time)
	switch {
	case claim != "" && of != claim, cluster != nil && of != "" && !strings.HasPrefix(of, cluster.GetName()+"-"):
		return nil
	case claim == "" && cluster == nil:
		c.Tool = ""
	}
	return []Copy{c}
}

// ofVelero reads a Backup that may cover a namespace: it goes when status.expiration has passed, or spec.ttl after its start. Of
// patterns, which newer versions know, one that cannot be read may cover it.
func ofVelero(o *unstructured.Unstructured, namespace string, home bool) []Copy {
	included, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "includedNamespaces")
	excluded, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "excludedNamespaces")
	covers := len(included) == 0
	sure := home && covers
	for _, pattern := range included {
		match, err := path.Match(pattern, namespace)
		covers = covers || match || err != nil || strings.ContainsAny(pattern, "{}")
		sure = sure || home && match
	}
	if !covers || slices.Contains(excluded, namespace) {
		return nil
	}
	c := named(o, v1alpha1.BackupVelero)
	if !sure {
		c.Tool = ""
	}
	c.Taken, c.Expires = cmp.Or(instant(o, "status", "startTimestamp"), o.GetCreationTimestamp().Time), instant(o, "status", "expiration")
	if ttl, err := time.ParseDuration(text(o, "spec", "ttl")); err == nil && c.Expires.IsZero() && ttl > 0 {
		c.Expires = c.Taken.Add(ttl)
	}
	return []Copy{c}
}

func named(o *unstructured.Unstructured, tool v1alpha1.BackupKind) Copy {
	kind := o.GetKind()
	if kind == "Backup" { // two tools have one
		kind += "." + o.GroupVersionKind().Group
	}
	return Copy{Tool: tool, Name: kind + " " + o.GetNamespace() + "/" + o.GetName()}
}

// ofCluster reads the base backups of a cluster. With a recovery window, one stays until the next one has left the window: that is
// window and gap after the erasure, the gap being the longest between two base backups so far. Without a window, none goes by
// itself.
func ofCluster(cluster *unstructured.Unstructured, objects []unstructured.Unstructured, executed time.Time) []Copy {
	var copies []Copy
	for i := range objects {
		o := &objects[i]
		if o.GroupVersionKind() == CloudNative && o.GetNamespace() == cluster.GetNamespace() && text(o, "spec", "cluster", "name") == cluster.GetName() {
			c := named(o, v1alpha1.BackupCloudNativePG)
			c.Taken = cmp.Or(instant(o, "status", "startedAt"), o.GetCreationTimestamp().Time)
			copies = append(copies, c)
		}
	}
	slices.SortStableFunc(copies, func(a, b Copy) int { return a.Taken.Compare(b.Taken) })
	gap := leastGap
	for i := 1; i < len(copies); i++ {
		gap = max(gap, copies[i].Taken.Sub(copies[i-1].Taken))
	}
	end := windowEnd(text(cluster, "spec", "backup", "retentionPolicy"), executed.Add(gap))
	for i := range copies {
		copies[i].Expires = end
	}
	return copies
}

// window is a retention policy of CloudNativePG: days, weeks or months.
var window = regexp.MustCompile(`^([1-9][0-9]{0,3})([dwm])$`)

func windowEnd(policy string, from time.Time) time.Time {
	parts := window.FindStringSubmatch(policy)
	if parts == nil {
		return time.Time{}
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return time.Time{}
	}
	end, err := deadline.Retention(from, "P"+strconv.Itoa(n)+strings.ToUpper(parts[2]), time.UTC)
	if err != nil {
		return time.Time{}
	}
	return end
}

func text(o *unstructured.Unstructured, fields ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, fields...) // another type is another version's field: not read
	return value
}

func instant(o *unstructured.Unstructured, fields ...string) time.Time {
	at, err := time.Parse(time.RFC3339, text(o, fields...))
	if err != nil {
		return time.Time{}
	}
	return at
}

// Clear is when the last backup that can hold somebody goes, who was erased at an instant. Copies of the tool that the register
// declares say it themselves; what they do not say, and what other tools keep, is the later of what is seen and what is declared. Nil
// when no day is known: endless are then the copies, taken before, that do not go by themselves, sorted; without any, nothing is known
// of the store's backups.
func Clear(copies []Copy, executed time.Time, declared *v1alpha1.StoreBackups, zone *time.Location) (end *time.Time, endless []string) {
	var latest time.Time
	seen, sure := false, false
	for _, c := range copies {
		if c.Taken.After(executed) {
			continue
		}
		c.Expires = expiry(c, declared, zone)
		if c.Expires.IsZero() || c.Expires.Add(lapse).Before(executed) {
			endless = append(endless, c.Name)
		}
		seen, sure = seen || declared != nil && c.Tool == declared.Kind, sure || c.Tool != ""
		if c.Expires.After(latest) {
			latest = c.Expires
		}
	}
	if len(endless) > 0 {
		slices.Sort(endless)
		return nil, slices.Compact(endless)
	}
	if declared != nil && !seen {
		if kept, err := deadline.Retention(executed, string(declared.Retention), zone); err == nil && kept.After(latest) {
			latest = kept
		}
	}
	if latest.IsZero() || declared == nil && !sure {
		return nil, nil
	}
	return &latest, nil
}

// expiry is when a copy goes: of snapshots of volumes, which have no day of their own, when the register declares that they do.
func expiry(c Copy, declared *v1alpha1.StoreBackups, zone *time.Location) time.Time {
	if declared == nil || !c.Expires.IsZero() || declared.Kind != v1alpha1.BackupVolumeSnapshot || !strings.HasPrefix(c.Name, Snapshot.Kind+" ") {
		return c.Expires
	}
	end, err := deadline.Retention(c.Taken, string(declared.Retention), zone)
	if err != nil {
		return time.Time{}
	}
	return end
}
