package evidence_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/internal/evidence"
)

// put appends any leaf to a log.
func (g *grown) put(leaf evidence.Leaf) {
	g.stored = append(g.stored, must(evidence.Grow(int64(len(g.leaves)), leaf, g))...)
	g.leaves = append(g.leaves, leaf.String()+"\n")
}

// signedBy is the checkpoint of a whole log under a key.
func (g *grown) signedBy(key evidence.Key) []byte {
	return must(must(evidence.CheckpointOf(int64(len(g.leaves)), g)).Sign(key))
}

// rotating is a log that keys 1, 2, 3 … signed in turn, with so many certificates before each rotation and at its end.
func rotating(certificates ...int) (g *grown, last evidence.Key) {
	g, n := grow(0), 0
	for i, count := range certificates {
		if i > 0 {
			g.put(evidence.Rotate(keyOf(byte(i)), keyOf(byte(i+1))))
		}
		for range count {
			g.put(leafOf(n))
			n++
		}
	}
	return g, keyOf(byte(len(certificates)))
}

// TestAnyKeyOfALogLeadsToAllOthers: the first alone, the newest alone, one in between, or the published set; a stranger does not.
func TestAnyKeyOfALogLeadsToAllOthers(t *testing.T) {
	g, last := rotating(2, 3, 1)
	all := evidence.Keys{keyOf(1).Public(), keyOf(2).Public(), keyOf(3).Public()}
	for i, trust := range []evidence.Trust{all[0], all[1], all[2], all, evidence.Keys{keyOf(9).Public(), all[1]}} {
		log, err := evidence.ReadLog(g.text(), g.signedBy(last), trust)
		if err != nil || log.Keys.String() != all.String() {
			t.Errorf("%d: %v", i, err)
			continue
		}
		if proof := must(log.Prove(1)); must(evidence.ProofSigner(proof)) != last.KeyHash() {
			t.Error("the proof is of another key")
		}
	}
	if _, err := evidence.ReadLog(g.text(), g.signedBy(last), keyOf(9).Public()); !errors.Is(err, evidence.ErrSignature) {
		t.Errorf("a stranger's key: %v", err)
	}
}

// TestAKeyThatWasReplacedSignsNoMore: nor does one that nobody handed over to.
func TestAKeyThatWasReplacedSignsNoMore(t *testing.T) {
	g, last := rotating(2, 2)
	all := evidence.Keys{keyOf(1).Public(), keyOf(2).Public(), keyOf(9).Public()}
	for _, wrong := range []evidence.Key{keyOf(1), keyOf(9)} {
		if _, err := evidence.ReadLog(g.text(), g.signedBy(wrong), all); !errors.Is(err, evidence.ErrSignature) {
			t.Errorf("%v", err)
		}
	}
	swapped, _ := rotating(2)
	if _, err := evidence.ReadLog(swapped.text(), swapped.signedBy(last), keyOf(1).Public()); !errors.Is(err, evidence.ErrSignature) {
		t.Errorf("a key was swapped without a rotation: %v", err)
	}
}

// TestRotationsThatDoNotFollowEachOtherAreFound: a gap, a fork, a way back, and a key that is its own successor.
func TestRotationsThatDoNotFollowEachOtherAreFound(t *testing.T) {
	for name, pairs := range map[string][][2]byte{
		"a gap": {{1, 2}, {3, 4}}, "a fork": {{1, 2}, {1, 3}}, "a way back": {{1, 2}, {2, 1}}, "itself": {{1, 1}},
	} {
		g := grow(1)
		for _, p := range pairs {
			g.put(evidence.Rotate(keyOf(p[0]), keyOf(p[1])))
		}
		for fill := range byte(5) {
			if _, err := evidence.ReadLog(g.text(), g.signedBy(keyOf(fill)), keyOf(fill).Public()); !errors.Is(err, evidence.ErrChain) && !errors.Is(err, evidence.ErrForm) {
				t.Errorf("%s, key %d: %v", name, fill, err)
			}
		}
	}
}

// TestAnyChangedByteOfARotationIsFound: both signatures are checked before anything is believed.
func TestAnyChangedByteOfARotationIsFound(t *testing.T) {
	line := evidence.Rotate(keyOf(1), keyOf(2)).String()
	if leaf, err := evidence.ParseLeaf(line); err != nil || leaf.String() != line || leaf != evidence.Rotate(keyOf(1), keyOf(2)) {
		t.Fatalf("%+v, %v", leaf, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(line)-1).Draw(t, "at")
		with := rapid.Byte().Draw(t, "with")
		if with == line[at] {
			return
		}
		if leaf, err := evidence.ParseLeaf(line[:at] + string([]byte{with}) + line[at+1:]); err == nil {
			t.Fatalf("a changed rotation is read: %s", leaf)
		}
	})
	other := evidence.Rotate(keyOf(1), keyOf(3)).Rotation
	mixed := evidence.Rotate(keyOf(1), keyOf(2))
	mixed.Rotation.FromSig = other.FromSig
	if _, err := evidence.ParseLeaf(mixed.String()); !errors.Is(err, evidence.ErrSignature) {
		t.Errorf("a signature of another rotation: %v", err)
	}
}

func TestAListOfKeysIsReadAsItIsWritten(t *testing.T) {
	keys := evidence.Keys{keyOf(1).Public(), keyOf(2).Public()}
	if again, err := evidence.ParseKeys(keys.String()); err != nil || again.String() != keys.String() || again.Last().String() != keyOf(2).Public().String() {
		t.Errorf("%v, %v", again, err)
	}
	for _, text := range []string{"", "\n", "x", keys.String() + "x\n", keys.String() + keys.String(), strings.Replace(keys.String(), "\n", "\n\n", 1)} {
		if got, err := evidence.ParseKeys(text); !errors.Is(err, evidence.ErrKey) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}
