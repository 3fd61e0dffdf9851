package erasure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// narrow leaves of the input what a request about purposes concerns: stores that hold data for these purposes and for no other. What
// another purpose needs too has another ground (Article 17(1)(b)), and the ledger of consents proves what was agreed to before
// (Article 7(1)): neither is touched. It returns the stores that were left out for another purpose, in the order of the registers.
func narrow(in *RequestInput) (shared []place) {
	if len(in.Request.Spec.Purposes) == 0 {
		return nil
	}
	in.Policies = nil
	in.Registers = slices.Clone(in.Registers)
	for i := range in.Registers {
		r := &in.Registers[i]
		var stores []v1alpha1.DataStore
		for _, s := range r.Spec.Stores {
			needed, alone := neededFor(r, s.Name, in.Request.Spec.Purposes)
			switch {
			case needed && alone:
				stores = append(stores, s)
			case needed && s.Dataset != nil:
				shared = append(shared, place{v1alpha1.ObjectName(r.Name), v1alpha1.TargetStore, s.Name})
			}
		}
		r.Spec.Stores = stores
	}
	return shared
}

// neededFor tells whether a store holds data for one of the purposes, and whether it holds data for these alone.
func neededFor(r *v1alpha1.DataRegister, store v1alpha1.PartName, purposes []v1alpha1.PartName) (needed, alone bool) {
	alone = true
	for _, activity := range r.Spec.Activities {
		if !slices.Contains(activity.Stores, store) {
			continue
		}
		for _, purpose := range activity.Purposes {
			if slices.Contains(purposes, purpose.Name) {
				needed = true
			} else {
				alone = false
			}
		}
	}
	return needed, alone
}

// sharedWords say which stores a request about purposes leaves alone.
func sharedWords(shared []place) string {
	names := make([]string, len(shared))
	for i, p := range shared {
		names[i] = p.String()
	}
	more := ""
	if len(names) > mostNamed {
		more = fmt.Sprintf(" and %d more", len(names)-mostNamed)
		names = names[:mostNamed]
	}
	return fmt.Sprintf("not covered, for other purposes need it too: %s%s; what only the withdrawn purposes needed there is for a person to remove", strings.Join(names, ", "), more)
}
