// Package backup reads, of the objects that backup tools keep in the cluster, how long a copy of a store can still hold somebody
// who was erased from it.
package backup

import (
	"cmp"
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
	Namespace string
	// Claim holds the data of a managed store; empty when it is not known: then each claim of the namespace may.
	Claim string
	// Host of the connection: that of a cluster of CloudNativePG begins with its name.
	Host string
}

// Copy is a backup that may hold what the store held.
type Copy struct {
	Taken time.Time
	// Expires is when it goes by itself; zero when nothing says so.
	Expires time.Time
}

// Latest returns when the last copy that was taken before an instant expires. Seen is false when there is none; sure is false when
// one of them does not say when it goes.
func Latest(copies []Copy, before time.Time) (expires time.Time, seen, sure bool) {
	sure = true
	for _, c := range copies {
		if c.Taken.After(before) {
			continue
		}
		seen, sure = true, sure && !c.Expires.IsZero()
		if c.Expires.After(expires) {
			expires = c.Expires
		}
	}
	return expires, seen, sure
}

// Of returns the copies of a store, of whichever kind. Executed is when the erasure was committed: what a recovery window keeps
// depends on it.
func Of(objects []unstructured.Unstructured, store Store, executed time.Time) []Copy {
	var copies []Copy
	for i := range objects {
		o := &objects[i]
		switch o.GroupVersionKind() {
		case Velero:
			copies = append(copies, ofVelero(o, store)...)
		case Snapshot:
			if claim := text(o, "spec", "source", "persistentVolumeClaimName"); o.GetNamespace() == store.Namespace && (store.Claim == "" || claim == store.Claim) {
				copies = append(copies, Copy{Taken: cmp.Or(instant(o, "status", "creationTime"), o.GetCreationTimestamp().Time)})
			}
		case Cluster:
			if o.GetNamespace() == store.Namespace && clusterOf(store.Host) == o.GetName() {
				copies = append(copies, ofCluster(o, objects, executed)...)
			}
		}
	}
	return copies
}

// ofVelero reads a Backup: it goes when status.expiration has passed, or spec.ttl after its start.
func ofVelero(o *unstructured.Unstructured, store Store) []Copy {
	included, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "includedNamespaces")
	excluded, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "excludedNamespaces")
	if len(included) > 0 && !slices.Contains(included, "*") && !slices.Contains(included, store.Namespace) || slices.Contains(excluded, store.Namespace) {
		return nil
	}
	c := Copy{Taken: cmp.Or(instant(o, "status", "startTimestamp"), o.GetCreationTimestamp().Time), Expires: instant(o, "status", "expiration")}
	if ttl, err := time.ParseDuration(text(o, "spec", "ttl")); err == nil && c.Expires.IsZero() && ttl > 0 {
		c.Expires = c.Taken.Add(ttl)
	}
	return []Copy{c}
}

// clusterOf is the name of the cluster of CloudNativePG whose service a host is: <cluster>-rw and its like.
func clusterOf(host string) string {
	name, _, _ := strings.Cut(host, ".")
	for _, suffix := range []string{"-rw", "-ro", "-r"} {
		if short, ok := strings.CutSuffix(name, suffix); ok {
			return short
		}
	}
	return name
}

// ofCluster reads the base backups of a cluster. With a recovery window, one stays until the next one has left the window: that is
// window and gap after the erasure, the gap being the longest between two base backups so far. Without a window, none goes by
// itself.
func ofCluster(cluster *unstructured.Unstructured, objects []unstructured.Unstructured, executed time.Time) []Copy {
	var taken []time.Time
	for i := range objects {
		o := &objects[i]
		if o.GroupVersionKind() == CloudNative && o.GetNamespace() == cluster.GetNamespace() && text(o, "spec", "cluster", "name") == cluster.GetName() {
			taken = append(taken, cmp.Or(instant(o, "status", "startedAt"), o.GetCreationTimestamp().Time))
		}
	}
	slices.SortFunc(taken, time.Time.Compare)
	gap := leastGap
	for i := 1; i < len(taken); i++ {
		gap = max(gap, taken[i].Sub(taken[i-1]))
	}
	end := windowEnd(text(cluster, "spec", "backup", "retentionPolicy"), executed.Add(gap))
	var copies []Copy
	for _, at := range taken {
		copies = append(copies, Copy{Taken: at, Expires: end})
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

// Clear is when the last backup that can hold somebody goes, who was erased at an instant: what the backups themselves say, where
// there are some and each says it; else the later of that and of the declared retention. Nil when nothing says anything.
func Clear(copies []Copy, executed time.Time, declared *v1alpha1.StoreBackups, zone *time.Location) *time.Time {
	latest, seen, sure := Latest(copies, executed)
	if seen && sure && (declared == nil || declared.Kind != v1alpha1.BackupDeclared) {
		return &latest
	}
	if declared != nil {
		if end, err := deadline.Retention(executed, string(declared.Retention), zone); err == nil && end.After(latest) {
			latest = end
		}
	}
	if latest.IsZero() {
		return nil
	}
	return &latest
}
