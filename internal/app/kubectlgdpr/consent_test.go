package kubectlgdpr

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/adapter/memory/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/bundle"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/receipt"
)

// consents is a folder with what a person got from a service for one act: receipt, words, proofs, the keys of the service, those of
// another, and all in one bundle.
func consents(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	write := func(name string, text []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seed := bytes.Repeat([]byte{7}, jws.SeedSize)
	tenant := uuid.UUID{1}
	key, err := jws.NewKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	signer, _, err := proof.NewSigner(proof.Origin("consent.shop.example", tenant.String()), seed)
	if err != nil {
		t.Fatal(err)
	}
	store, err := ledger.New(ledger.Config{Tenant: tenant, Signer: signer, Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	words := []byte(`{"banner":"Bonjour","refuse":"Refuser"}`)
	sum := sha256.Sum256(words)
	recorded, err := store.Record(t.Context(), consent.Act{
		Site: "shop\x1b[2J", Key: "k", Person: consent.Person{Kind: "receipt", ID: "r"}, Method: consent.MethodButton, CollectedBy: consent.CollectorWidget,
		Notice: consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: sum[:]},
		Choices: []consent.Choice{{Type: consent.EventStorageAcknowledged, Decision: consent.Granted},
			{Type: consent.EventGiven, Purpose: "newsletter", Decision: consent.Granted, ValidUntil: time.Date(2027, 5, 29, 10, 0, 0, 0, time.UTC)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := receipt.Of(receipt.Issuer{URL: "https://consent.shop.example", Withdraw: "https://consent.shop.example/me/shop"}, recorded.Events)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := receipt.Issue(claims, key)
	write("receipt.jws", []byte(signed+"\n"), err)
	write("notice.json", []byte("{ \"refuse\": \"Refuser\",\n\"banner\": \"Bonjour\" }\n"), nil)
	write("other.json", []byte(`{"banner":"Hello"}`), nil)
	proofs := map[uuid.UUID]consent.Inclusion{}
	for i, e := range recorded.Events {
		if proofs[e.ID], err = store.Inclusion(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(bundle.ProofOf(e.ID, proofs[e.ID]))
		write("proof"+string(rune('1'+i))+".json", text, err)
	}
	text, err := bundle.Make(signed, recorded.Events, words, proofs)
	write("bundle.json", text, err)
	claims, err = receipt.Of(receipt.Issuer{URL: "https://moved.example", Withdraw: "https://moved.example/me/shop"}, recorded.Events)
	if err != nil {
		t.Fatal(err)
	}
	signed, err = receipt.Issue(claims, key)
	write("moved.jws", []byte(signed), err)
	text, err = bundle.Make(signed, recorded.Events, words, proofs)
	write("moved.json", text, err)
	text, err = jws.NewKeys(key.Public()).Document()
	write("jwks.json", text, err)
	stranger, err := jws.NewKey(bytes.Repeat([]byte{8}, jws.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	text, err = jws.NewKeys(stranger.Public()).Document()
	write("stranger.json", text, err)
	return folder
}

// offline runs the plug-in in a world without a cluster. Names of files in the line are those of the folder.
func offline(t *testing.T, folder, in, line string) (code int, out, complaint string) {
	t.Helper()
	words := strings.Fields(line)
	for i, word := range words {
		if strings.Contains(word, ".") {
			words[i] = filepath.Join(folder, word)
		}
	}
	var stdout, stderr bytes.Buffer
	code = Main(t.Context(), words, World{In: strings.NewReader(in), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestAConsentIsVerifiedOffline(t *testing.T) {
	folder := consents(t)
	good := "good: these are the words"
	for line, want := range map[string][]string{
		"verify receipt receipt.jws --keys jwks.json": {"good: signed by ", "consent.given newsletter granted; log not checked", "shop 3 in fr; not checked",
			"2026-11-29T10:00:00Z by button", "2027-05-29T10:00:00Z", "https://consent.shop.example/me/shop"},
		"verify receipt receipt.jws --keys jwks.json --notice notice.json":                                         {good, "log not checked"},
		"verify receipt receipt.jws --keys jwks.json --proof proof2.json":                                          {"newsletter granted; leaf 1 of 2 in consent.shop.example/01000000-", "storage.acknowledged; log not checked"},
		"verify receipt receipt.jws --keys jwks.json --notice notice.json --proof proof2.json --proof proof1.json": {good, "leaf 0 of 2", "leaf 1 of 2"},
		"verify receipt moved.jws --keys jwks.json --proof proof2.json":                                            {"https://moved.example", "leaf 1 of 2 in consent.shop.example/01000000-"},
		"verify bundle moved.json --keys jwks.json":                                                                {"https://moved.example", good, "leaf 1 of 2 in consent.shop.example/01000000-"},
		"verify bundle bundle.json --keys jwks.json":                                                               {good, "leaf 0 of 2", "leaf 1 of 2", "good: signed by "},
	} {
		code, out, complaint := offline(t, folder, "", line)
		for _, text := range want {
			if code != Answered || !strings.Contains(out, text) {
				t.Errorf("%s: exit code %d, %s%s, want %q", line, code, out, complaint, text)
			}
		}
		if strings.Contains(out, "\x1b") {
			t.Error("signed text steers the terminal")
		}
	}
	code, out, complaint := offline(t, folder, read(t, folder, "bundle.json"), "verify bundle - --keys jwks.json -o json")
	var answers []proven
	if err := json.Unmarshal([]byte(out), &answers); err != nil || code != Answered || len(answers) != 1 || !answers[0].Words || len(answers[0].Log) != 2 ||
		answers[0].Receipt.Notice.Version != 3 || answers[0].Log[1].Index != 1 {
		t.Errorf("%s%s, %v", out, complaint, err)
	}
}

func TestAFileOfSeveralActsIsVerified(t *testing.T) {
	folder := consents(t)
	one := read(t, folder, "bundle.json")
	code, out, complaint := offline(t, folder, one+one, "verify bundle - --keys jwks.json")
	if code != Answered || strings.Count(out, "good: signed by ") != 2 {
		t.Errorf("%s%s", out, complaint)
	}
	code, out, complaint = offline(t, folder, one+strings.Replace(one, "Bonjour", "Bonsoir", 1), "verify bundle - --keys jwks.json")
	if code != Refused || out != "" || !strings.Contains(complaint, "bundle 2: the words are not those") {
		t.Errorf("%s%s", out, complaint)
	}
}

func TestAConsentThatDoesNotHoldIsRefused(t *testing.T) {
	folder := consents(t)
	signed, all := read(t, folder, "receipt.jws"), read(t, folder, "bundle.json")
	for _, c := range []struct{ in, line, want string }{
		{signed, "verify receipt -", "--keys"},
		{signed, "verify receipt - --keys nothing.json", "no such file"},
		{signed, "verify receipt - --keys receipt.jws", "not a key"},
		{signed, "verify receipt - --keys stranger.json", "a key that is not known"},
		{strings.Replace(signed, ".eyJ", ".eyK", 1), "verify receipt - --keys jwks.json", "changed after it was signed"},
		{"eyJhbGciOiJub25lIn0.e30.", "verify receipt - --keys jwks.json", "not signed by EdDSA"},
		{"", "verify receipt - --keys jwks.json", "not in the form"},
		{all, "verify receipt - --keys jwks.json", "not in the form"},
		{signed, "verify receipt - --keys jwks.json --notice other.json", "the words are not those"},
		{signed, "verify receipt - --keys jwks.json --notice receipt.jws", "not in the form"},
		{signed, "verify receipt - --keys jwks.json --proof notice.json", "not in the form"},
		{signed, "verify bundle - --keys jwks.json", "not in the form"},
		{all, "verify bundle - --keys stranger.json", "a key that is not known"},
		{strings.Replace(all, "Bonjour", "Bonsoir", 1), "verify bundle - --keys jwks.json", "the words are not those"},
		{strings.Replace(all, `"decision":1`, `"decision":0`, 1), "verify bundle - --keys jwks.json", "the events are not those"},
		{strings.Replace(all, `"index":0`, `"index":1`, 1), "verify bundle - --keys jwks.json", "not in the log"},
		{strings.Replace(all, "consent.shop.example/01", "consent.shop.example/02", 1), "verify bundle - --keys jwks.json", "not signed by a key of this log"},
	} {
		code, out, complaint := offline(t, folder, c.in, c.line)
		if code != Refused || out != "" || !strings.Contains(complaint, c.want) {
			t.Errorf("%s: exit code %d, %s%s, want %q", c.line, code, out, complaint, c.want)
		}
	}
}
