package consentpolicy

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/policy"
)

// marks are what a list keeps, of either kind.
func (b *bench) marks(t *testing.T) (kept, mounted []byte) {
	t.Helper()
	list, secret := &corev1.ConfigMap{}, &corev1.Secret{}
	if !b.getIn(operatorNamespace, policy.ForgottenName(policy.TenantID("shop", "chat"), 1), list) || !b.get("chat-consentd-forgotten", secret) {
		t.Fatal("there is no list of the forgotten")
	}
	return list.BinaryData["marks"], secret.Data["marks"]
}

func TestWhoIsForgottenIsKeptOutsideBeforeTheCheckpointThatSaysSo(t *testing.T) {
	b := settled(t)
	one, two := consent.Mark{1}, consent.Mark{2}
	if kept, _ := b.marks(t); len(kept) != 0 {
		t.Errorf("nobody was forgotten: %v", kept)
	}
	b.service.answer.Ledger, b.service.asked = checkpoint(20), nil
	b.service.forgotten = map[int64]consent.Mark{9: one, 19: two, 21: {3}}
	b.fail = func(verb string, object any) error {
		if c, is := object.(*corev1ac.ConfigMapApplyConfiguration); is && verb == "apply" && c.BinaryData != nil {
			return errors.New("the API server is away")
		}
		return nil
	}
	for range 2 {
		if got := b.pass(); *got.Status.Ledger.Size != 7 {
			t.Errorf("a checkpoint is kept that the list is behind: %+v", got.Status.Ledger)
		}
	}
	b.fail = func(string, any) error { return nil }
	b.service.asked = nil
	if got := b.pass(); *got.Status.Ledger.Size != 20 || !slices.Equal(b.service.asked, []int64{7, 10, 13, 16, 19}) {
		t.Errorf("asked from %v, and kept %+v", b.service.asked, got.Status.Ledger)
	}
	b.pass() // the mounted copy follows
	want := append(one[:], two[:]...)
	if kept, mounted := b.marks(t); !bytes.Equal(kept, want) || !bytes.Equal(mounted, want) {
		t.Errorf("kept %v, mounted %v", kept, mounted)
	}
	before := b.pass()
	for range 2 {
		if after := b.pass(); after.ResourceVersion != before.ResourceVersion {
			t.Error("a pass over a converged policy writes")
		}
	}

	// A ledger that was cut says no more of them; the list stays, also when the policy is made again.
	b.service.answer.Ledger, b.service.forgotten = checkpoint(8), nil
	b.pass()
	b.pass()
	b.remove()
	if b.get("chat-consentd-forgotten", &corev1.Secret{}) {
		t.Error("the mounted copy stays without a policy")
	}
	b.must(b.Client.Create(t.Context(), chat("two")))
	b.pass()
	b.pass()
	if kept, mounted := b.marks(t); !bytes.Equal(kept, want) || !bytes.Equal(mounted, want) {
		t.Errorf("kept %v, mounted %v", kept, mounted)
	}
}

func TestAListOfTheForgottenThatIsGoneIsLearntAgainFromTheStartOfTheLog(t *testing.T) {
	b := settled(t)
	b.service.forgotten = map[int64]consent.Mark{2: {1}, 8: {2}}
	list := &corev1.ConfigMap{}
	b.getIn(operatorNamespace, policy.ForgottenName(policy.TenantID("shop", "chat"), 1), list)
	b.must(b.Delete(t.Context(), list))
	b.service.answer.Ledger = checkpoint(9)
	b.pass()
	if kept, _ := b.marks(t); len(kept) != 32 {
		t.Errorf("%v", kept)
	}
	b.getIn(operatorNamespace, list.Name, list)
	list.BinaryData["marks"] = []byte("no marks")
	b.must(b.Update(t.Context(), list))
	for range 2 {
		if got := b.pass(); reason(got, "Stalled") != "True Contradicted" {
			t.Errorf("%+v", got.Status.Conditions)
		}
	}
}

func TestALongLogIsReadInSeveralPassesEachFromWhereTheLastOneEnded(t *testing.T) {
	b := settled(t)
	const size = 7 + 3*pagesPerPass + 5
	b.service.answer.Ledger, b.service.asked = checkpoint(size), nil
	b.service.forgotten = map[int64]consent.Mark{9: {1}, size - 1: {2}}
	if got := b.pass(); *got.Status.Ledger.Size != 7 || len(b.service.asked) != pagesPerPass {
		t.Errorf("one pass asked %d times, and keeps the checkpoint of %d events", len(b.service.asked), *got.Status.Ledger.Size)
	}
	if kept, _ := b.marks(t); len(kept) != 16 {
		t.Errorf("what was learnt is not kept: %v", kept)
	}
	b.service.asked = nil
	if got := b.pass(); *got.Status.Ledger.Size != size || b.service.asked[0] != size-5 {
		t.Errorf("asked from %v, and kept the checkpoint of %d events", b.service.asked, *got.Status.Ledger.Size)
	}
	b.pass()
	if kept, _ := b.marks(t); len(kept) != 32 {
		t.Errorf("%v", kept)
	}

	// Another pepper: from the start, in as many passes.
	b.service.pepper, b.service.asked = "22222222", nil
	b.service.answer.Keys = []policy.KeyAnswer{{Kind: policy.KeyPepper, ID: "22222222", Current: true}}
	b.service.forgotten = map[int64]consent.Mark{9: {3}, size - 1: {4}}
	b.pass()
	b.pass()
	if b.service.asked[0] != 0 || b.service.asked[pagesPerPass] != 3*pagesPerPass {
		t.Errorf("asked from %v", b.service.asked)
	}
	if kept, _ := b.marks(t); len(kept) != 64 {
		t.Errorf("%v", kept)
	}
}

func TestAServiceThatTellsOfMorePeopleThanEventsIsNotHeard(t *testing.T) {
	b := settled(t)
	b.service.answer.Ledger = checkpoint(8)
	b.service.forgotten = map[int64]consent.Mark{7: {1}}
	b.service.extra = 1
	for range 2 {
		if got := b.pass(); *got.Status.Ledger.Size != 7 || reason(got, "Verified") != "Unknown ServiceSilent" {
			t.Errorf("%+v", got.Status)
		}
	}
}
