package proof

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const log = "a.example/t"

func rotation(t *testing.T, before, after byte) []byte {
	t.Helper()
	old, _, oldText := key(t, log, before)
	signer, _, text := key(t, log, after)
	statement, err := Rotation(old, signer, Rotated{oldText, text})
	if err != nil {
		t.Fatal(err)
	}
	return statement
}

func TestARotationIsSignedByBothKeys(t *testing.T) {
	before, old, oldText := key(t, log, 1)
	after, _, text := key(t, log, 2)
	stranger, _, _ := key(t, log, 3)
	statement := rotation(t, 1, 2)
	if r, err := ReadRotation(log, statement); err != nil || r != (Rotated{oldText, text}) {
		t.Error(r, err)
	}
	if _, err := Read(statement, old...); !errors.Is(err, ErrForm) {
		t.Errorf("a rotation passes for a checkpoint: %v", err)
	}
	words := log + "\nkey rotated\n" + oldText + "\n" + text + "\n"
	for name, signers := range map[string][]note.Signer{"the new key did not agree": {before}, "the old key did not agree": {after}, "a stranger's key": {before, stranger}} {
		alone, err := note.Sign(&note.Note{Text: words}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRotation(log, alone); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	more, err := note.Sign(&note.Note{Text: words + "\nmore\n"}, before, after)
	if err != nil {
		t.Fatal(err)
	}
	head, err := Sign(1, tlog.Hash{}, before)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string][]byte{"more was signed": more, "a checkpoint": head, "nothing": nil} {
		if _, err := ReadRotation(log, other); err == nil {
			t.Errorf("%s passes for a rotation", name)
		}
	}
	if _, err := ReadRotation("b.example/t", statement); !errors.Is(err, ErrForm) {
		t.Errorf("another log: %v", err)
	}
	for name, r := range map[string]Rotated{"the same key": {text, text}, "another's text": {text, oldText}} {
		if _, err := Rotation(after, before, r); (name == "the same key") != errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Rotation(before, before, Rotated{oldText, oldText}); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
	if _, err := Rotation(stranger, after, Rotated{oldText, text}); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
}

func TestASuccessionLeadsBothWaysFromAKeyThatIsKnown(t *testing.T) {
	texts := make([]string, 6)
	for i := range texts {
		_, _, texts[i] = key(t, log, byte(i))
	}
	forged, err := note.Sign(&note.Note{Text: log + "\nkey rotated\n" + texts[3] + "\n" + texts[5] + "\n"}, func() note.Signer { s, _, _ := key(t, log, 5); return s }())
	if err != nil {
		t.Fatal(err)
	}
	line := [][]byte{rotation(t, 1, 2), rotation(t, 2, 3)}
	for name, c := range map[string]struct {
		known      int
		statements [][]byte
		want       []int
	}{
		"alone":                              {1, nil, []int{1}},
		"from the newest":                    {3, line, []int{3, 2, 1}},
		"from the oldest":                    {1, line, []int{3, 2, 1}},
		"from the middle, in another order":  {2, [][]byte{line[1], line[0]}, []int{3, 2, 1}},
		"a stranger":                         {4, line, []int{4}},
		"one without the old key's word":     {3, append(slices.Clone(line), forged, []byte("nothing")), []int{3, 2, 1}},
		"a second follower does not count":   {1, append(slices.Clone(line), rotation(t, 1, 4)), []int{3, 2, 1}},
		"nor does a second one of before":    {2, append(slices.Clone(line), rotation(t, 4, 2)), []int{3, 2, 1}},
		"a circle ends where it began":       {2, append(slices.Clone(line), rotation(t, 3, 1)), []int{1, 3, 2}},
		"two keys that took each other's":    {1, [][]byte{rotation(t, 1, 2), rotation(t, 2, 1)}, []int{2, 1}},
		"the stranger's own line is his own": {4, append(slices.Clone(line), rotation(t, 4, 3)), []int{3, 4}},
	} {
		want := make([]string, len(c.want))
		for i, n := range c.want {
			want[i] = texts[n]
		}
		if got := Succession(log, texts[c.known], c.statements...); !slices.Equal(got, want) {
			t.Errorf("%s: %d keys, %v", name, len(got), got)
		}
	}
	public, err := Public(texts[1])
	if err != nil || len(public) != 32 {
		t.Error(err)
	}
	for _, text := range []string{"", "a+b", "a+b+c", log + "+00000000+AAAA"} {
		if _, err := Public(text); !errors.Is(err, ErrKey) {
			t.Errorf("%q is a key", text)
		}
	}
}
