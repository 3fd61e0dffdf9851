package wish

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

func withdrawal(n byte) Wish {
	w := waiting(n)
	w.Purposes, w.Listed = []v1alpha1.PartName{"newsletter"}, consent.ByWithdrawal
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

func byReceipt(n byte) Wish {
	w := waiting(n)
	w.Shown, w.Listed = consent.ShownReceipt, consent.ByReceipt
	return w
}

// unread is a wish of which nobody can read any more by what it came about.
func unread(n byte) Wish {
	w := waiting(n)
	w.Shown, w.Listed = "", consent.ByReceipt
	return w
}

// TestWhoShowsAReceiptIsChecked by whoever decides: of them nobody knows who they are.
func TestWhoShowsAReceiptIsChecked(t *testing.T) {
	strange := waiting(1)
	strange.Shown = "passport"
	got := Request(policy(), tenant, byReceipt(1))
	for _, w := range []Wish{byReceipt(1), unread(1), strange} {
		if s := Request(policy(), tenant, w).Spec; s.IdentityCheck != nil || s.Purposes != nil || s.Registers.Mode != v1alpha1.RegistersAll || s.Execution != v1alpha1.ExecutionAfterApproval {
			t.Errorf("shown %q: %+v", w.Shown, s)
		}
	}
	for _, w := range []Wish{waiting(1), byReceipt(1), unread(1), withdrawal(1)} {
		if way := WayOf(Request(policy(), tenant, w)); way != w.way() {
			t.Errorf("its request counts as by a %s, not a %s", way, w.way())
		}
	}
	got.Spec.IdentityCheck = &v1alpha1.IdentityCheck{Method: v1alpha1.IdentityDocument}
	if way := WayOf(got); way != consent.ByLink {
		t.Errorf("who was checked counts as by a %s", way)
	}
}

// TestAFloodLetsPeopleThrough: anybody can withdraw, or make a receipt and ask by it, as often as they like.
func TestAFloodLetsPeopleThrough(t *testing.T) {
	for _, one := range []func(byte) Wish{withdrawal, byReceipt, unread} {
		way, wishes := one(1).way(), []Wish(nil)
		for n := range byte(4 * Most) {
			wishes = append(wishes, one(n))
		}
		wishes = append(wishes, waiting(200))
		for name, test := range map[string]struct {
			open map[consent.Way]int
			want int
		}{
			"in a pass": {nil, Most + 1}, "at a desk": {map[consent.Way]int{way: MostOpen}, 1}, "among them": {map[consent.Way]int{consent.ByLink: MostOpen}, Most},
		} {
			if got := Decide(Input{Tenant: tenant, Wishes: wishes, Open: test.open}); len(got.Make) != test.want || !got.Waiting {
				t.Errorf("by a %s, %s: %d are made, want %d", way, name, len(got.Make), test.want)
			}
		}
	}
}
