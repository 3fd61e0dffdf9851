package server

import (
	"slices"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestTheRequestedServiceIsAskedForAsAWhole: what each of its purposes allows, and the highest age.
func TestTheRequestedServiceIsAskedForAsAWhole(t *testing.T) {
	of := func(necessity v1alpha1.PurposeNecessity, years int32, ways ...v1alpha1.AcceptanceMethod) shownPurpose {
		return shownPurpose{Necessity: necessity, Acceptance: ways, age: age{MinimumAge: years}, byBanner: necessity == v1alpha1.NecessityRequestedService}
	}
	words := map[string]string{"age": "I am {} or older."}
	for _, c := range []struct {
		title    string
		purposes []shownPurpose
		ways     []v1alpha1.AcceptanceMethod
		age      age
	}{
		{"none", nil, []v1alpha1.AcceptanceMethod{}, age{}},
		{"one", []shownPurpose{of("RequestedService", 0, "Message", "Button")}, []v1alpha1.AcceptanceMethod{"Message", "Button"}, age{}},
		{"what all list, the highest age", []shownPurpose{of("RequestedService", 13, "Message", "Button"), of("RequestedService", 15, "Button", "TriggerButton")}, []v1alpha1.AcceptanceMethod{"Button"}, age{15, "I am 15 or older."}},
		{"an optional one counts for nothing", []shownPurpose{of("Optional", 16, "Checkbox"), of("RequestedService", 0, "Button")}, []v1alpha1.AcceptanceMethod{"Button"}, age{}},
		{"nothing in common", []shownPurpose{of("RequestedService", 0, "Message"), of("RequestedService", 0, "Button")}, []v1alpha1.AcceptanceMethod{}, age{}},
	} {
		if ways, years := service(c.purposes, words); !slices.Equal(ways, c.ways) || ways == nil || years != c.age {
			t.Errorf("%s: %v, %+v", c.title, ways, years)
		}
	}
}
