// Package restore tells a store that came back from a backup from one whose ledger was lost (docs/adr/0014-replay-after-a-restore.md).
// Both have forgotten requests; only the first holds their people again. In the second are people who came back by themselves.
package restore

import (
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Other tells whether two identities of a store are of different databases, or of one that went back in time. An identity is
// "<system identifier>/<timeline>/<OID of the database>"; one that is empty, or a part that is not there, is like any.
func Other(before, after string) bool {
	kind := compare(before, after)
	return kind != v1alpha1.RestoreNotKnown && kind != v1alpha1.RestoreSameServer
}

// Kind is what was seen of a store that forgot requests: by its identities, and by whether its ledger is blank, that is, has no row of
// the store. A database that was moved without its ledger is like one that was restored from before the first erasure, and so not known;
// a server that went back in time took all of its tables with it.
func Kind(before, after string, blank bool) v1alpha1.RestoreKind {
	kind := compare(before, after)
	if blank && (kind == v1alpha1.RestoreOtherServer || kind == v1alpha1.RestoreOtherDatabase) {
		return v1alpha1.RestoreNotKnown
	}
	return kind
}

func compare(before, after string) v1alpha1.RestoreKind {
	if before == "" || after == "" {
		return v1alpha1.RestoreNotKnown
	}
	was, is := strings.Split(before, "/"), strings.Split(after, "/")
	kinds := []v1alpha1.RestoreKind{v1alpha1.RestoreOtherServer, v1alpha1.RestoreOtherTimeline, v1alpha1.RestoreOtherDatabase}
	for i, kind := range kinds[:min(len(kinds), len(was), len(is))] {
		if was[i] != is[i] {
			return kind
		}
	}
	return v1alpha1.RestoreSameServer
}

// Sure tells whether a kind is that of a restore, and of nothing else.
func Sure(kind v1alpha1.RestoreKind) bool {
	return kind == v1alpha1.RestoreOtherServer || kind == v1alpha1.RestoreOtherTimeline || kind == v1alpha1.RestoreOtherDatabase
}

// Cause is why a store has forgotten requests: as was seen, or as a person states of what was seen then. It is empty while only a
// person can tell; a statement about an earlier loss says nothing of a later one.
func Cause(register *v1alpha1.DataRegister, status *v1alpha1.StoreStatus) v1alpha1.LossCause {
	i := slices.IndexFunc(register.Spec.Stores, func(s v1alpha1.DataStore) bool { return s.Name == status.Name })
	if i >= 0 {
		stated := register.Spec.Stores[i].Loss
		if stated != nil && stated.SeenTime != nil && status.RestoredTime != nil && stated.SeenTime.Equal(status.RestoredTime) {
			return stated.Cause
		}
	}
	if Sure(status.RestoreKind) {
		return v1alpha1.LossRestored
	}
	return ""
}
