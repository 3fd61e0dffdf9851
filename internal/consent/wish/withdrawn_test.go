package wish

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func withdrawal(n byte) Wish {
	w := waiting(n)
	w.Purposes = []v1alpha1.PartName{"newsletter"}
	return w
}

func TestAWithdrawalIsARequestAboutItsPurposesAlone(t *testing.T) {
	p := policy()
	p.Spec.RegisterRef.Name = "crm"
	got := Request(p, tenant, withdrawal(1)).Spec
	want := v1alpha1.RegisterChoice{Mode: v1alpha1.RegistersNamed, Names: []v1alpha1.ObjectName{"crm"}}
	if diff := cmp.Diff(want, got.Registers); diff != "" || got.Ground != v1alpha1.GroundPointB || got.IdentityCheck != nil ||
		!cmp.Equal(got.Purposes, []v1alpha1.PartName{"newsletter"}) || got.Execution != v1alpha1.ExecutionAfterApproval {
		t.Errorf("%s%+v", diff, got)
	}
	if whole := Request(p, tenant, waiting(1)).Spec; whole.Purposes != nil || whole.Ground != "" || whole.IdentityCheck == nil {
		t.Errorf("%+v", whole)
	}
}

// TestAFloodOfWithdrawalsLetsPeopleThrough: anybody can withdraw, as often as they like.
func TestAFloodOfWithdrawalsLetsPeopleThrough(t *testing.T) {
	var wishes []Wish
	for n := range byte(4 * Most) {
		wishes = append(wishes, withdrawal(n))
	}
	if Enough(wishes) {
		t.Error("whoever comes behind them is not read")
	}
	wishes = append(wishes, waiting(200))
	for name, test := range map[string]struct {
		in   Input
		want int
	}{
		"in a pass":  {Input{Tenant: tenant, Wishes: wishes}, Most + 1},
		"at a desk":  {Input{Tenant: tenant, Wishes: wishes, Withdrawn: MostOpen}, 1},
		"among them": {Input{Tenant: tenant, Wishes: wishes, Open: MostOpen}, Most},
	} {
		if got := Decide(test.in); len(got.Make) != test.want || !got.Waiting {
			t.Errorf("%s: %d are made, want %d", name, len(got.Make), test.want)
		}
	}
}
