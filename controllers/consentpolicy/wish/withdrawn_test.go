package wish

import (
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

func TestAWithdrawalBecomesARequestAboutItsPurposes(t *testing.T) {
	w := asked(1)
	w.Names, w.Purposes = consent.Names{}, []v1alpha1.PartName{"newsletter"}
	b := newBench(t, w)
	if got := b.pass(); got != "True NoWishWaits" {
		t.Fatal(got)
	}
	request, secret := b.has(1)
	if request == nil || secret == nil || len(secret.Data) != 1 || string(secret.Data["consentSubject"]) != w.Subject.String() ||
		request.Spec.Ground != v1alpha1.GroundPointB || len(request.Spec.Purposes) != 1 || request.Spec.Registers.Mode != v1alpha1.RegistersNamed {
		t.Fatalf("%+v %+v", request, secret)
	}
	b.events()
	before, made := b.policy().ResourceVersion, b.made
	b.pass()
	if b.policy().ResourceVersion != before || b.made != made || b.events() != "" {
		t.Error("a second pass writes")
	}
	b.told("opened")
	b.end(1, v1alpha1.EndErased)
	b.pass()
	b.told("opened", "closed")
}
