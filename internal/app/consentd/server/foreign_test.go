package server_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// head is a checkpoint as anybody reads it (C2SP tlog-checkpoint): what is signed is for the test of signatures.
type head struct {
	size uint64
	root []byte
}

func headOf(t *testing.T, note string) head {
	t.Helper()
	lines := strings.Split(note, "\n")
	if len(lines) < 4 {
		t.Fatalf("no checkpoint: %q", note)
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	return head{size, root}
}

func hashesOf(t *testing.T, texts ...string) [][]byte {
	t.Helper()
	hashes := make([][]byte, len(texts))
	for i, text := range texts {
		var err error
		if hashes[i], err = base64.RawURLEncoding.DecodeString(text); err != nil {
			t.Fatal(err)
		}
	}
	return hashes
}

// TestAForeignProgramVerifiesTheProofs: the library of Certificate Transparency and of Sigstore takes what the service proves by RFC 6962, for
// every event and between every two sizes, and nothing that was changed.
func TestAForeignProgramVerifiesTheProofs(t *testing.T) {
	w := newWorld(t, nil)
	var heads []head
	for n := range 20 {
		w.post(byte(n), "k", w.act("message", "conversation")).is(201, "")
		heads = append(heads, headOf(t, w.ask(request{method: "GET", path: "/v1/sites/shop/log/checkpoint"}).is(200, "").Body.String()))
	}
	for _, e := range w.events() {
		var got struct {
			Index      uint64
			Leaf       string
			Path       []string
			Checkpoint string
		}
		w.ask(request{method: "GET", path: "/v1/sites/shop/log/proof/" + e.ID.String()}).is(200, "").into(&got)
		at, leaf, path := headOf(t, got.Checkpoint), hashesOf(t, got.Leaf)[0], hashesOf(t, got.Path...)
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, got.Index, at.size, leaf, path, at.root); err != nil {
			t.Errorf("event %d of %d: %v", got.Index, at.size, err)
		}
		for i := range path {
			forged := slices.Clone(path)
			forged[i] = slices.Clone(path[i])
			forged[i][i%len(path[i])] ^= 1
			if proof.VerifyInclusion(rfc6962.DefaultHasher, got.Index, at.size, leaf, forged, at.root) == nil {
				t.Errorf("event %d: a changed path is taken", got.Index)
			}
		}
		if proof.VerifyInclusion(rfc6962.DefaultHasher, got.Index, at.size, rfc6962.DefaultHasher.HashLeaf([]byte("else")), path, at.root) == nil {
			t.Errorf("event %d: another event is taken for it", got.Index)
		}
	}
	for i, from := range heads {
		for _, to := range heads[i:] {
			var got struct{ Path []string }
			w.ask(request{method: "GET", path: fmt.Sprintf("/v1/sites/shop/log/consistency?from=%d&to=%d", from.size, to.size)}).is(200, "").into(&got)
			path := hashesOf(t, got.Path...)
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, from.size, to.size, path, from.root, to.root); err != nil {
				t.Errorf("from %d to %d: %v", from.size, to.size, err)
			}
			if from.size < to.size && proof.VerifyConsistency(rfc6962.DefaultHasher, from.size, to.size, path, to.root, from.root) == nil {
				t.Errorf("from %d to %d: a log that shrank is taken", from.size, to.size)
			}
		}
	}
}
