package seal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
)

func TestEvidenceOpensOnlyWhereItBelongs(t *testing.T) {
	old, current := bytes.Repeat([]byte{1}, KeySize), bytes.Repeat([]byte{2}, KeySize)
	before, err := NewRing(old)
	if err != nil {
		t.Fatal(err)
	}
	tenant, person, event := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	key, wrapped, err := before.New(&Chance{Key: [KeySize]byte{9}}, tenant, person)
	if err != nil {
		t.Fatal(err)
	}
	sealed := key.Seal([NonceSize]byte{7}, []byte("evidence"), tenant, event)

	after, err := NewRing(current, old)
	if err != nil {
		t.Fatal(err)
	}
	again, err := after.Open(before.Current(), wrapped, tenant, person)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, tenant, event); err != nil || string(got) != "evidence" {
		t.Errorf("opened %q, %v", got, err)
	}
	for name, try := range map[string]func() error{
		"another event":  func() error { _, err := again.Open(sealed, tenant, person); return err },
		"another tenant": func() error { _, err := again.Open(sealed, event, event); return err },
		"another person": func() error { _, err := after.Open(before.Current(), wrapped, tenant, event); return err },
		"cut off":        func() error { _, err := again.Open(sealed[:5], tenant, event); return err },
		"cut key":        func() error { _, err := after.Open(before.Current(), wrapped[:5], tenant, person); return err },
	} {
		if err := try(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	moved, err := after.Rewrap([NonceSize]byte{8}, before.Current(), wrapped, tenant, person)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := NewRing(current)
	if err != nil {
		t.Fatal(err)
	}
	if again, err = alone.Open(alone.Current(), moved, tenant, person); err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, tenant, event); err != nil || string(got) != "evidence" {
		t.Errorf("opened %q after the key was wrapped anew, %v", got, err)
	}
	if !after.Has(before.Current()) || alone.Has(before.Current()) || len(after.IDs()) != 2 {
		t.Errorf("the rings have %v and %v", after.IDs(), alone.IDs())
	}
	if _, err := alone.Rewrap([NonceSize]byte{8}, before.Current(), wrapped, tenant, person); !errors.Is(err, ErrKey) {
		t.Errorf("wrapped anew without the old key: %v", err)
	}
	if _, err := after.Rewrap([NonceSize]byte{8}, before.Current(), wrapped, tenant, event); !errors.Is(err, ErrSealed) {
		t.Errorf("the key of another person was wrapped anew: %v", err)
	}
	if _, err := before.Open(after.Current(), wrapped, tenant, person); !errors.Is(err, ErrKey) {
		t.Errorf("a key that the ring does not have: %v", err)
	}
	if _, err := NewRing(old[:5]); !errors.Is(err, ErrKey) {
		t.Errorf("a short key: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", after, after, after, after); bytes.Contains([]byte(text), []byte{1, 1}) || len(text) > 200 {
		t.Errorf("the ring shows %s", text)
	}
}
