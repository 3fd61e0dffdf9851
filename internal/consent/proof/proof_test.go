package proof

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent"
)

func key(t *testing.T, origin string, seed byte) (note.Signer, []note.Verifier, string) {
	t.Helper()
	signer, text, err := NewSigner(origin, bytes.Repeat([]byte{seed}, SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := Keys(origin, text+"\n")
	if err != nil {
		t.Fatal(err)
	}
	return signer, keys, text
}

func TestACheckpointIsBelievedAsItWasSigned(t *testing.T) {
	signer, keys, _ := key(t, "a.example/t", 1)
	stranger, others, _ := key(t, "a.example/t", 2)
	root := tlog.RecordHash([]byte("root"))
	signed, err := Sign(7, root, signer)
	if err != nil {
		t.Fatal(err)
	}
	head, err := Read(signed, keys...)
	if err != nil || head.Size != 7 || !bytes.Equal(head.Root, root[:]) {
		t.Fatal(head, err)
	}
	if _, err := Read(signed, others...); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if _, err := Read(signed); !errors.Is(err, ErrSignature) {
		t.Errorf("no key: %v", err)
	}
	both, err := Sign(7, root, signer, stranger)
	if err != nil {
		t.Fatal(err)
	}
	for _, which := range [][]note.Verifier{keys, others} {
		if _, err := Read(both, which...); err != nil {
			t.Errorf("one of two keys: %v", err)
		}
	}
	for i := range signed {
		for bit := range 8 {
			changed := bytes.Clone(signed)
			changed[i] ^= 1 << bit
			if _, err := Read(changed, keys...); err == nil {
				t.Errorf("bit %d of byte %d can be changed", bit, i)
			}
		}
	}
	for _, text := range []string{"a.example/t\n-1\n" + root.String() + "\n", "a.example/t\n07\n" + root.String() + "\n", "a.example/t\n7\n" + root.String() + "\nmore\n", "b.example/t\n7\n" + root.String() + "\n", "a.example/t\n7\nroot\n"} {
		odd, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(odd, keys...); !errors.Is(err, ErrForm) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Keys("b.example/t", "x"); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
	if _, _, err := NewSigner("a.example/t", nil); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
	if _, _, err := NewSigner("a b", bytes.Repeat([]byte{1}, SeedSize)); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
}

func TestProofsOfAnotherShapeAreRefused(t *testing.T) {
	if err := Inclusion(consent.Inclusion{Path: [][]byte{{1}}}, make([]byte, 32)); !errors.Is(err, ErrForm) {
		t.Error(err)
	}
	if err := Inclusion(consent.Inclusion{}, []byte{1}); !errors.Is(err, ErrForm) {
		t.Error(err)
	}
	one := consent.Checkpoint{Size: 1, Root: bytes.Repeat([]byte{1}, 32)}
	two := consent.Checkpoint{Size: 2, Root: bytes.Repeat([]byte{2}, 32)}
	for name, row := range map[string]struct {
		before, now consent.Checkpoint
		want        error
	}{
		"shorter":       {two, one, ErrRolledBack},
		"the same":      {one, one, nil},
		"another":       {one, consent.Checkpoint{Size: 1, Root: two.Root}, ErrForked},
		"without proof": {one, two, ErrForked},
		"from nothing":  {consent.Checkpoint{Root: one.Root}, two, nil},
		"no root":       {consent.Checkpoint{Size: 1}, two, ErrForm},
		"negative":      {consent.Checkpoint{Size: -1, Root: one.Root}, two, ErrForm},
	} {
		if err := Consistency(row.before, row.now, nil); !errors.Is(err, row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
