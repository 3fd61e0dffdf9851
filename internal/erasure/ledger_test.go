package erasure

import (
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestALedgerThatKeepsNoProofKeepsOnlyWhatWaits, and says no day for it.
func TestALedgerThatKeepsNoProofKeepsOnlyWhatWaits(t *testing.T) {
	for policy, want := range map[v1alpha1.ProofErasure][]v1alpha1.TableErasure{
		"":                   {v1alpha1.EraseKeep},
		v1alpha1.ProofKept:   {v1alpha1.EraseKeep},
		v1alpha1.ProofErased: {v1alpha1.EraseKeep, v1alpha1.EraseDeleteRows},
	} {
		p := &v1alpha1.ConsentPolicy{}
		p.Spec.Ledger.OnErasure = policy
		tables := ledgerDataset(p).Tables[len(task.LedgerTables)-1:]
		if len(tables) != len(want) {
			t.Fatalf("%q: %+v", policy, tables)
		}
		for i := range tables {
			if tables[i].Name != task.LedgerEvents || tables[i].OnErasure != want[i] || (tables[i].Keep != nil) != (want[i] == v1alpha1.EraseKeep) {
				t.Errorf("%q: %+v", policy, tables[i])
			}
		}
		if period := tables[0].Keep.Period; (period == "") != (policy == v1alpha1.ProofErased) {
			t.Errorf("%q: kept for %q", policy, period)
		}
	}
}
