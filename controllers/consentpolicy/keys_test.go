package consentpolicy

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/policy"
)

func (b *bench) keys() *corev1.Secret {
	b.t.Helper()
	secret := &corev1.Secret{}
	b.get("chat-consentd-keys", secret)
	return secret
}

func (b *bench) ask(change func(*v1alpha1.ConsentService)) {
	b.t.Helper()
	object := &v1alpha1.ConsentPolicy{}
	b.get("chat", object)
	change(&object.Spec.Service)
	b.must(b.Update(b.t.Context(), object))
}

// TestAPepperIsKnownToAllPodsBeforeOneWritesUnderIt asks for another pepper and another key-encryption key.
func TestAPepperIsKnownToAllPodsBeforeOneWritesUnderIt(t *testing.T) {
	b := settled(t)
	b.pass()
	b.told()
	first := b.keys()
	b.ask(func(s *v1alpha1.ConsentService) { s.PepperNumber, s.KEKNumber = 2, 2 })
	b.pass()
	second := b.keys()
	for _, key := range []string{"pepper", "kek"} {
		if !bytes.Equal(second.Data[key], first.Data[key]) || len(second.Data[key+"-next"]) != 32 || second.Annotations["gdpr.rempart.dev/"+key] != "1" {
			t.Errorf("%s is replaced at once", key)
		}
	}
	if bytes.Equal(second.Data["pepper-next"], second.Data["kek-next"]) || !bytes.Equal(second.Data["signing"], first.Data["signing"]) || b.told() != "" {
		t.Error("not two new keys, or more than that")
	}
	// As long as a pod runs that does not know them, nobody writes under them.
	d := &appsv1.Deployment{}
	b.get("chat-consentd", d)
	d.Generation++
	d.Status.UpdatedReplicas = 0
	b.must(b.Update(t.Context(), d))
	b.must(b.Status().Update(t.Context(), d))
	for range 2 {
		b.pass()
		if got := b.keys(); got.ResourceVersion != second.ResourceVersion {
			t.Fatal("a key is used that a pod may not know")
		}
	}
	b.startService(9)
	b.pass()
	third := b.keys()
	for _, key := range []string{"pepper", "kek"} {
		if !bytes.Equal(third.Data[key], second.Data[key+"-next"]) || !bytes.Equal(third.Data[key+"-before"], first.Data[key]) || third.Data[key+"-next"] != nil ||
			third.Annotations["gdpr.rempart.dev/"+key] != "2" {
			t.Errorf("%s is not replaced", key)
		}
	}
	if told := b.told(); strings.Count(told, "KeyReplaced") != 2 {
		t.Errorf("told: %s", told)
	}
	b.startService(11)
	b.pass()
	before := b.pass()
	for range 2 {
		if after := b.pass(); after.ResourceVersion != before.ResourceVersion || b.keys().ResourceVersion != third.ResourceVersion {
			t.Error("a pass over a converged policy writes")
		}
	}
	// One that a person has removed makes room; where there is none, the policy says so.
	secret := b.keys()
	for n := 2; n <= 8; n++ {
		secret.Data[fmt.Sprintf("kek-before-%d", n)] = secret.Data["kek-before"]
	}
	b.must(b.Update(t.Context(), secret))
	b.pass()
	b.startService(12)
	b.ask(func(s *v1alpha1.ConsentService) { s.KEKNumber = 3 })
	for range 2 {
		if got := b.pass(); reason(got, "KeysComplete") != "False NoRoomForKey" || reason(got, "Ready") != "True Serving" {
			t.Errorf("%+v", got.Status.Conditions)
		}
	}
	secret = b.keys()
	delete(secret.Data, "kek-before-5")
	b.must(b.Update(t.Context(), secret))
	b.pass()
	for range 2 {
		b.startService(13)
		b.pass()
	}
	if got := b.keys(); !bytes.Equal(got.Data["kek-before-5"], third.Data["kek"]) || got.Annotations[v1alpha1.AnnotationKEK] != "3" {
		t.Errorf("%v", slices.Sorted(maps.Keys(got.Data)))
	}
}

// TestKeysOfThePolicysOwnAreNotMade asks for another pepper that somebody else makes: admission refuses it, and so does this.
func TestKeysOfThePolicysOwnAreNotMade(t *testing.T) {
	b := settled(t)
	first := b.keys()
	b.ask(func(s *v1alpha1.ConsentService) {
		s.PepperNumber, s.PepperSecretRef = 2, &v1alpha1.SecretRef{Name: "chat-consentd-keys"}
	})
	b.pass()
	b.startService(9)
	b.pass()
	if got := b.keys(); got.ResourceVersion != first.ResourceVersion {
		t.Error("a pepper was made")
	}
}

// TestStatusTellsWhichKeysRowsNeed has a service with an old key, and one that lacks a key.
func TestStatusTellsWhichKeysRowsNeed(t *testing.T) {
	b := settled(t)
	b.service.pepper = "aaaaaaaa"
	b.service.answer.Keys = []policy.KeyAnswer{{Kind: "kek", ID: "11111111", Current: true, Entry: "kek"}, {Kind: "kek", ID: "22222222", Entry: "kek-before", Rows: ptr.To(int64(7))},
		{Kind: "pepper", ID: "aaaaaaaa", Current: true, Entry: "pepper", Rows: ptr.To(int64(0))}}
	got := b.pass()
	if keys := got.Status.Keys; len(keys) != 3 || keys[1].Entry != "kek-before" || *keys[1].Rows != 7 || keys[1].Use != v1alpha1.LedgerKeyRead || keys[0].Use != v1alpha1.LedgerKeyWrite || keys[0].Rows != nil ||
		reason(got, "KeysComplete") != "True KeysThere" {
		t.Errorf("%+v, %+v", got.Status.Keys, got.Status.Conditions)
	}
	for range 2 {
		if after := b.pass(); after.ResourceVersion != got.ResourceVersion {
			t.Error("a pass over a converged policy writes")
		}
	}
	b.service.answer.Keys[1].Entry = ""
	if got := b.pass(); reason(got, "KeysComplete") != "False KeyMissing" || reason(got, "Ready") != "False KeyMissing" || got.Status.Keys[1].Entry != "" {
		t.Errorf("%+v", got.Status.Conditions)
	}
	for name, odd := range map[string]policy.KeyAnswer{
		"a name": {Kind: "pepper", ID: "ada@shop"}, "a kind": {Kind: "signing", ID: "33333333"}, "an entry": {Kind: "kek", ID: "33333333", Entry: "pepper-before"},
		"twice": {Kind: "kek", ID: "11111111"}, "less than none": {Kind: "kek", ID: "33333333", Rows: ptr.To(int64(-1))},
	} {
		b.service.answer.Keys[1] = odd
		if got := b.pass(); len(got.Status.Keys) != 3 || got.Status.Keys[1].ID != "22222222" {
			t.Errorf("%s: %+v", name, got.Status.Keys)
		}
	}
}

// TestWhoIsForgottenIsMarkedUnderThePepperOfNow reads the whole log again when the pepper is another one, and keeps what there was.
func TestWhoIsForgottenIsMarkedUnderThePepperOfNow(t *testing.T) {
	b := settled(t)
	answered := func(pepper string) {
		b.service.pepper = pepper
		b.service.answer.Keys = []policy.KeyAnswer{{Kind: "pepper", ID: pepper, Current: true, Entry: "pepper", Rows: ptr.To(int64(1))}}
	}
	old, current := consent.Mark{1}, consent.Mark{2}
	b.service.forgotten = map[int64]consent.Mark{2: old}
	answered("aaaaaaaa")
	b.pass()
	b.service.forgotten, b.service.asked = map[int64]consent.Mark{2: current}, nil
	answered("bbbbbbbb")
	b.service.pepper = "aaaaaaaa" // a pod of before answers
	b.pass()
	answered("bbbbbbbb")
	if got := b.pass(); len(got.Status.Keys) != 1 || got.Status.Keys[0].ID != "bbbbbbbb" {
		t.Errorf("%+v", got.Status.Keys)
	}
	if !slices.Equal(b.service.asked, []int64{0, 3, 6, 0, 3, 6}) {
		t.Errorf("asked from %v", b.service.asked)
	}
	b.pass()
	if kept, mounted := b.marks(t); !bytes.Equal(kept, append(old[:], current[:]...)) || !bytes.Equal(mounted, kept) {
		t.Errorf("kept %v, mounted %v", kept, mounted)
	}
	b.service.asked = nil
	before := b.pass()
	for range 2 {
		if after := b.pass(); after.ResourceVersion != before.ResourceVersion || b.service.asked != nil {
			t.Error("a pass over a converged policy writes, or asks")
		}
	}
}
