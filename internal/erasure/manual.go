package erasure

import (
	"fmt"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// Stores of which the register does not say where people are in them cannot be searched. They are targets all the same, so that
// neither a status nor a certificate passes them over in silence: what is there is left to a person.

// manual are the targets for the stores without a dataset.
func manual(registers []v1alpha1.DataRegister) []v1alpha1.ErasureTarget {
	var targets []v1alpha1.ErasureTarget
	for i := range registers {
		for _, s := range registers[i].Spec.Stores {
			if s.Dataset == nil {
				targets = append(targets, v1alpha1.ErasureTarget{Register: v1alpha1.ObjectName(registers[i].Name), Kind: v1alpha1.TargetStore, Store: s.Name,
					Result: v1alpha1.TargetManual, Reason: v1alpha1.ReasonNoDataset, Message: say(v1alpha1.ReasonNoDataset)})
			}
		}
	}
	return targets
}

// searchable are the targets that are not left to a person.
func searchable(targets []v1alpha1.ErasureTarget) []v1alpha1.ErasureTarget {
	return slices.DeleteFunc(slices.Clone(targets), func(t v1alpha1.ErasureTarget) bool { return t.Result == v1alpha1.TargetManual })
}

// left names the targets that are left to a person; empty when there are none.
func left(targets []v1alpha1.ErasureTarget) string {
	var bare, gone []string
	for i := range targets {
		switch name := placeOf(&targets[i]).key(); {
		case targets[i].Result != v1alpha1.TargetManual:
		case targets[i].Reason == v1alpha1.ReasonStoreMissing:
			gone = append(gone, name)
		default:
			bare = append(bare, name)
		}
	}
	words := ""
	if len(bare) > 0 {
		words = fmt.Sprintf("; %d without a dataset were not searched, and are left to a person: %s", len(bare), condition.Names(bare, mostNamed))
	}
	if len(gone) > 0 {
		words += fmt.Sprintf("; %d have left the register, or lost their dataset, before they were erased, and are left to a person: %s", len(gone), condition.Names(gone, mostNamed))
	}
	return words
}
