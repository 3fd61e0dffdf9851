package wish

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/wish"
)

func byReceipt(n int) wish.Wish {
	w := asked(n)
	w.Shown, w.Names = consent.ShownReceipt, consent.Names{}
	return w
}

func withdrawal(n int) wish.Wish {
	w := byReceipt(n)
	w.Shown, w.Purposes = "", []v1alpha1.PartName{"newsletter"}
	return w
}

// TestAFloodHidesNobody: anybody can make receipts, ask by them and withdraw. However many did so before, who was sent a link gets a
// request in the next pass, and a pass reads as much as ever.
func TestAFloodHidesNobody(t *testing.T) {
	b := newBench(t)
	const flood = 6000
	for n := range flood {
		b.service.wishes = append(b.service.wishes, byReceipt(n), withdrawal(flood+n))
	}
	linked := 2*flood + 1
	b.service.wishes = append(b.service.wishes, asked(linked))
	if got := b.pass(); got != "False WishesWaiting" || b.count(&v1alpha1.ErasureRequestList{}) != 2*wish.Most+1 {
		t.Errorf("%s, %d requests", got, b.count(&v1alpha1.ErasureRequestList{}))
	}
	if request, _ := b.has(linked); request == nil {
		t.Error("who was sent a link waits behind a flood")
	}
	if b.service.read > 2*wish.Most+1 {
		t.Errorf("a pass read %d wishes", b.service.read)
	}
	for range 3 {
		b.pass()
	}
	if request, _ := b.has(3 * wish.Most); request == nil {
		t.Error("those of the flood have no turn")
	}
}

// TestAWishThatIsRefusedHoldsUpNoOther, whichever way they came, and is tried again.
func TestAWishThatIsRefusedHoldsUpNoOther(t *testing.T) {
	for name, failure := range map[string]error{
		"refused": apierrors.NewForbidden(schema.GroupResource{Resource: "erasurerequests"}, "", errors.New("a webhook of others")),
		"fails":   errors.New("a webhook of others is broken"),
	} {
		b := newBench(t)
		bad := map[string]bool{}
		for n := range wish.Most + 2 {
			b.service.wishes = append(b.service.wishes, asked(n))
			bad[nameOf(n)] = true
		}
		b.service.wishes = append(b.service.wishes, asked(300), byReceipt(400))
		b.fail = func(o client.Object) error {
			if _, is := o.(*v1alpha1.ErasureRequest); is && bad[o.GetName()] {
				return failure
			}
			return nil
		}
		for pass := 0; ; pass++ {
			if got := b.pass(); got != "False StepFailed" {
				t.Errorf("%s: %s", name, got)
			}
			if request, _ := b.has(400); request == nil {
				t.Fatalf("%s: another way is held up", name)
			}
			if request, _ := b.has(300); request != nil {
				break
			}
			if pass > len(bad) {
				t.Fatalf("%s: who comes behind has no turn", name)
			}
		}
		b.fail = func(client.Object) error { return nil }
		for range 2 {
			b.pass()
		}
		if got := b.count(&v1alpha1.ErasureRequestList{}); got != len(bad)+2 {
			t.Errorf("%s: %d requests when nothing fails any more", name, got)
		}
	}
}

// TestAllThatAreHandledAreSeen, though a pass does not see all.
func TestAllThatAreHandledAreSeen(t *testing.T) {
	b := newBench(t)
	b.service.page = 2
	const all = 3*2*wish.MostPages + 1
	for n := range all {
		w := asked(n)
		w.OpenedAt = &noon
		b.service.wishes = append(b.service.wishes, w)
		request := wish.Request(b.policy(), tenant, w)
		b.must(b.Create(t.Context(), request))
	}
	b.end(all-1, v1alpha1.EndErased)
	for range 3 {
		if got := b.pass(); got != "True NoWishWaits" {
			t.Error(got)
		}
		b.told()
	}
	b.pass()
	b.told("closed")
	if b.service.read > 4*2*wish.MostPages {
		t.Errorf("four passes read %d wishes", b.service.read)
	}
	seen := fmt.Sprint(b.service.wishes[0].ID)
	b.pass()
	if fmt.Sprint(b.service.wishes[0].ID) == seen {
		t.Error("nobody gives way")
	}
}
