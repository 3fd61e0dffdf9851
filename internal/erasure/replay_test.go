package erasure

import (
	"slices"
	"testing"
)

// TestEveryRequestIsAskedForInTurn: whatever there are, as many scans as are said ask for all, each for no more than it may, and
// each for the youngest.
func TestEveryRequestIsAskedForInTurn(t *testing.T) {
	const most = 10
	for n := range 64 {
		var all []string
		for i := range n {
			all = append(all, string(rune('A'+i)))
		}
		_, scans := inTurn(all, most, 0)
		asked := map[string]bool{}
		for nth := int64(7); nth < int64(7+scans); nth++ {
			some, _ := inTurn(all, most, nth)
			if len(some) > most || n > 0 && !slices.Equal(some[len(some)-min(n, most/2):], all[n-min(n, most/2):]) {
				t.Fatalf("of %d, scan %d asks for %v", n, nth, some)
			}
			for _, one := range some {
				asked[one] = true
			}
		}
		if len(asked) != n {
			t.Errorf("of %d, %d scans ask for %d", n, scans, len(asked))
		}
	}
}
