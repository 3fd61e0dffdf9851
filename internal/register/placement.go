package register

import (
	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

// StoresOf keeps what placement needs to know of the stores that run in the cluster.
func StoresOf(registers []v1alpha1.DataRegister) []residency.Store {
	var stores []residency.Store
	for i := range registers {
		register := &registers[i]
		for j := range register.Spec.Stores {
			store := &register.Spec.Stores[j]
			runs := residency.Store{Namespace: register.Namespace, Register: register.Name}
			switch {
			case store.Managed != nil:
				runs.Claim = ClaimName(register.Name, string(store.Name))
			case store.WorkloadRef != nil:
				runs.Workload = residency.Workload{Kind: string(store.WorkloadRef.Kind), Name: string(store.WorkloadRef.Name)}
			default:
				continue
			}
			stores = append(stores, runs)
		}
	}
	return stores
}
