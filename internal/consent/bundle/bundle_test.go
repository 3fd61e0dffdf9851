package bundle_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
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

var update = flag.Bool("update", false, "rewrite the golden files")

const words = `{"banner":"<b>Bonjour & bienvenue</b>","refuse":"Refuser"}`

var tenant = uuid.UUID{1, 2, 3}

// shop is a service with a ledger in memory: seed makes its key.
type shop struct {
	t      testing.TB
	ledger *ledger.Ledger
	key    jws.Key
	issuer receipt.Issuer
}

func open(t testing.TB, host string, seed byte) shop {
	t.Helper()
	secret := bytes.Repeat([]byte{seed}, jws.SeedSize)
	signer, _, err := proof.NewSigner(proof.Origin(host, tenant.String()), secret)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(ledger.Config{Tenant: tenant, Signer: signer, Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	key, err := jws.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return shop{t, l, key, receipt.Issuer{URL: "https://" + host, Withdraw: "https://" + host + "/me/s"}}
}

// act records one, of a visitor that the number names.
func (s shop) act(n string) consent.Recorded {
	s.t.Helper()
	sum := sha256.Sum256([]byte(words))
	yes := true
	recorded, err := s.ledger.Record(s.t.Context(), consent.Act{
		Site: "s", Key: n, Person: consent.Person{Kind: "receipt", ID: n}, Method: consent.MethodCheckbox, CollectedBy: consent.CollectorWidget, GPC: &yes,
		Notice: consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: sum[:]}, Evidence: []byte("e"), OccurredAt: time.Unix(1795946400, 0),
		Choices: []consent.Choice{{Type: consent.EventStorageAcknowledged, Decision: consent.Granted},
			{Type: consent.EventGiven, Purpose: "newsletter", Decision: consent.Granted, ValidUntil: time.Unix(1811585730, 0)},
			{Type: consent.EventRefused, Purpose: "profiling", Decision: consent.Denied}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return recorded
}

func (s shop) receipt(events []consent.Event) string {
	s.t.Helper()
	claims, err := receipt.Of(s.issuer, events)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := receipt.Issue(claims, s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s shop) proofs(events []consent.Event) map[uuid.UUID]consent.Inclusion {
	s.t.Helper()
	found := map[uuid.UUID]consent.Inclusion{}
	for _, e := range events {
		in, err := s.ledger.Inclusion(s.t.Context(), e.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		found[e.ID] = in
	}
	return found
}

func (s shop) bundle(events []consent.Event) []byte {
	s.t.Helper()
	text, err := bundle.Make(s.receipt(events), events, []byte(words), s.proofs(events))
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// busy is a shop with acts before and after the one that is looked at.
func busy(t testing.TB) (shop, []consent.Event) {
	s := open(t, "consent.shop.example", 7)
	s.act("a")
	events := s.act("b").Events
	s.act("c")
	return s, events
}

func TestABundleProvesAnAct(t *testing.T) {
	s, events := busy(t)
	old, err := jws.NewKey(bytes.Repeat([]byte{9}, jws.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	got, err := bundle.Open(s.bundle(events), jws.NewKeys(old.Public(), s.key.Public()))
	if err != nil {
		t.Fatal(err)
	}
	if got.Key != s.key.ID() || got.Claims.Notice.ID != "shop" || len(got.Places) != 3 {
		t.Errorf("%+v", got)
	}
	for i, place := range got.Places {
		if place.Event != events[i].ID || place.Index != int64(3+i) || place.Size != 9 || place.Log != "consent.shop.example/"+tenant.String() {
			t.Errorf("%+v", place)
		}
	}
}

// TestTheStandardLibraryAloneChecksABundle does it again by crypto/sha256, crypto/ed25519 and encoding/base64: RFC 7515 for the
// receipt, RFC 6962 for the log, C2SP signed-note for its head.
func TestTheStandardLibraryAloneChecksABundle(t *testing.T) {
	s, events := busy(t)
	var b struct {
		Receipt string
		Events  []json.RawMessage
		Notice  json.RawMessage
		Proofs  []struct {
			Event, Leaf, Checkpoint string
			Index                   int64
			Path                    []string
		}
	}
	if err := json.Unmarshal(s.bundle(events), &b); err != nil {
		t.Fatal(err)
	}
	public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)).Public().(ed25519.PublicKey)
	raw := func(text string) []byte {
		out, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	parts := strings.Split(b.Receipt, ".")
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), raw(parts[2])) {
		t.Fatal("the receipt is not signed")
	}
	var claims struct {
		Ev     []struct{ ID, Leaf string }
		Notice struct{ SHA256 string }
	}
	if err := json.Unmarshal(raw(parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b.Notice); !bytes.Equal(sum[:], raw(claims.Notice.SHA256)) {
		t.Error("the words are others")
	}
	for i, promised := range claims.Ev {
		leaf := sha256.Sum256(append([]byte{0}, b.Events[i]...))
		p := b.Proofs[i]
		if !bytes.Equal(leaf[:], raw(promised.Leaf)) || p.Event != promised.ID {
			t.Errorf("event %d is another", i)
		}
		lines := strings.Split(p.Checkpoint, "\n")
		text := strings.Join(lines[:3], "\n") + "\n"
		signature, err := base64.StdEncoding.DecodeString(strings.Fields(lines[4])[2])
		if err != nil || !ed25519.Verify(public, []byte(text), signature[4:]) {
			t.Error("the checkpoint is not signed")
		}
		if got := base64.StdEncoding.EncodeToString(root(leaf, p.Index, 9, p.Path, raw)); got != lines[2] || lines[1] != "9" {
			t.Errorf("event %d leads to another root", i)
		}
	}
}

// root computes the root of a tree from a leaf and its audit path (RFC 6962, section 2.1.1).
func root(leaf [32]byte, index, size int64, path []string, raw func(string) []byte) []byte {
	hash := leaf[:]
	node := func(left, right []byte) []byte {
		sum := sha256.Sum256(append(append([]byte{1}, left...), right...))
		return sum[:]
	}
	last := size - 1
	for _, text := range path {
		sibling := raw(text)
		if index%2 == 1 || index == last {
			hash = node(sibling, hash)
			for index%2 == 0 {
				index, last = index/2, last/2
			}
		} else {
			hash = node(hash, sibling)
		}
		index, last = index/2, last/2
	}
	return hash
}

// TestEveryChangedValueIsFound changes each value of a bundle, wherever it lies.
func TestEveryChangedValueIsFound(t *testing.T) {
	s, events := busy(t)
	good := s.bundle(events)
	keys := jws.NewKeys(s.key.Public())
	var document any
	decoder := json.NewDecoder(bytes.NewReader(good))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	changed := 0
	try := func(what string) {
		changed++
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Open(text, keys); err == nil {
			t.Errorf("%s may be changed", what)
		}
	}
	var walk func(value any, path string, set func(any))
	walk = func(value any, path string, set func(any)) {
		for _, other := range map[string][]any{
			"string": {"", "x"}, "number": {json.Number("4711")}, "null": {"x"}, "other": {nil},
		}[kindOf(value)] {
			set(other)
			try(path)
		}
		if text, is := value.(string); is && text != "" {
			set(text[:len(text)-1])
			try(path)
			set(flipped(text))
			try(path)
		}
		set(value)
		switch v := value.(type) {
		case map[string]any:
			for key, inner := range v {
				walk(inner, path+"."+key, func(n any) { v[key] = n })
				delete(v, key)
				try(path + "." + key + " left out")
				v[key] = inner
			}
		case []any:
			for i, inner := range v {
				walk(inner, path+"[]", func(n any) { v[i] = n })
			}
			if len(v) > 0 {
				set(v[1:])
				try(path + " shortened")
				set(append(slices.Clone(v), v[0]))
				try(path + " with one twice")
				set(value)
			}
		}
	}
	walk(document, "", func(n any) { document = n })
	if changed < 300 {
		t.Errorf("only %d changes were tried", changed)
	}
	if _, err := bundle.Open(good, keys); err != nil {
		t.Error(err)
	}
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case json.Number:
		return "number"
	case nil:
		return "null"
	default:
		return "other"
	}
}

// flipped changes the first letter or digit.
func flipped(text string) string {
	b := []byte(text)
	b[0] ^= 1
	return string(b)
}

func TestWhatABundleIsNot(t *testing.T) {
	s, events := busy(t)
	foreign := open(t, "consent.shop.example", 8)
	for range 3 {
		foreign.act(uuid.NewString())
	}
	proofs := s.proofs(events)
	for name, c := range map[string]struct {
		text func() ([]byte, error)
		want error
	}{
		"no JSON":               {func() ([]byte, error) { return []byte("x"), nil }, bundle.ErrForm},
		"two":                   {func() ([]byte, error) { return append(s.bundle(events), s.bundle(events)...), nil }, bundle.ErrForm},
		"more than it has":      {func() ([]byte, error) { return []byte(`{"receipt":"","more":1}`), nil }, bundle.ErrForm},
		"nothing":               {func() ([]byte, error) { return []byte(`{}`), nil }, jws.ErrForm},
		"another key's receipt": {func() ([]byte, error) { return bundle.Make(foreign.receipt(events), events, []byte(words), proofs) }, jws.ErrForeign},
		"another act's receipt": {func() ([]byte, error) {
			return bundle.Make(s.receipt(s.act("d").Events), events, []byte(words), proofs)
		}, bundle.ErrEvents},
		"an event less": {func() ([]byte, error) { return bundle.Make(s.receipt(events), events[1:], []byte(words), proofs) }, bundle.ErrEvents},
		"other words": {func() ([]byte, error) {
			return bundle.Make(s.receipt(events), events, []byte(`{"banner":"Hello"}`), proofs)
		}, bundle.ErrNotice},
		"a log of another key": {func() ([]byte, error) {
			forged := map[uuid.UUID]consent.Inclusion{}
			for id, in := range proofs {
				in.Checkpoint = first(foreign.proofs(foreign.act("e").Events)).Checkpoint
				forged[id] = in
			}
			return bundle.Make(s.receipt(events), events, []byte(words), forged)
		}, proof.ErrSignature},
		"the place of another event": {func() ([]byte, error) {
			forged := map[uuid.UUID]consent.Inclusion{}
			for id, in := range proofs {
				in.Index = (in.Index + 1) % 9
				forged[id] = in
			}
			return bundle.Make(s.receipt(events), events, []byte(words), forged)
		}, proof.ErrAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := c.text()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := bundle.Open(text, jws.NewKeys(s.key.Public())); !errors.Is(err, c.want) || got.Key != "" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	if _, err := bundle.Make(s.receipt(events), events, []byte(words), nil); !errors.Is(err, bundle.ErrUnproven) {
		t.Error(err)
	}
}

func first(proofs map[uuid.UUID]consent.Inclusion) consent.Inclusion {
	for _, in := range proofs {
		return in
	}
	return consent.Inclusion{}
}

// TestAFileHasOneBundleOrMore: what a person did, act by act, and among it one that names no notice.
func TestAFileHasOneBundleOrMore(t *testing.T) {
	s, events := busy(t)
	keys := jws.NewKeys(s.key.Public())
	bare, err := s.ledger.Record(t.Context(), consent.Act{Site: "s", Key: "bare", Person: consent.Person{Kind: "receipt", ID: "b"}, Method: consent.MethodOperatorWithdraw,
		Choices: []consent.Choice{{Type: consent.EventWithdrawn, Purpose: "newsletter", Decision: consent.Denied}}})
	if err != nil {
		t.Fatal(err)
	}
	withdrawn, err := bundle.Make(s.receipt(bare.Events), bare.Events, nil, s.proofs(bare.Events))
	if err != nil {
		t.Fatal(err)
	}
	all, err := bundle.OpenAll(append(s.bundle(events), withdrawn...), keys)
	if err != nil || len(all) != 2 || all[1].Claims.ID != bare.Receipt || all[1].Claims.Method != "operator-withdraw" {
		t.Errorf("%+v, %v", all, err)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":           {"", bundle.ErrForm},
		"white space":       {" \n", bundle.ErrForm},
		"half of one":       {string(withdrawn[:len(withdrawn)/2]), bundle.ErrForm},
		"something behind":  {string(withdrawn) + "x", bundle.ErrForm},
		"words of nothing":  {strings.Replace(string(withdrawn), `"notice":null,"proofs"`, `"notice":{},"proofs"`, 1), bundle.ErrNotice},
		"nothing for words": {strings.Replace(string(s.bundle(events)), words, `null`, 1), bundle.ErrNotice},
		"a bad second one":  {string(withdrawn) + strings.Replace(string(s.bundle(events)), "Bonjour", "Bonsoir", 1), bundle.ErrNotice},
	} {
		if got, err := bundle.OpenAll([]byte(c.text), keys); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestTheSameActInALogThatIsNotTheTenants: one service has several logs; the events say whose they are.
func TestTheSameActInALogThatIsNotTheTenants(t *testing.T) {
	s, events := busy(t)
	for _, origin := range []string{proof.Origin("consent.shop.example", uuid.UUID{9}.String()), "consent.shop.example/", "consent.shop.example", "/" + tenant.String(), tenant.String(),
		"consent.shop.example/x" + tenant.String()} {
		signer, _, err := proof.NewSigner(origin, bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		proofs := s.proofs(events)
		for id, in := range proofs {
			in.Checkpoint.Note, err = proof.Sign(9, [32]byte(in.Checkpoint.Root), signer)
			if err != nil {
				t.Fatal(err)
			}
			proofs[id] = in
		}
		text, err := bundle.Make(s.receipt(events), events, []byte(words), proofs)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Open(text, jws.NewKeys(s.key.Public())); !errors.Is(err, bundle.ErrLog) {
			t.Errorf("%s: %v", origin, err)
		}
	}
}

// TestAServiceThatMovedProvesWhatItRecorded: its receipts have the host of now, its log the one that it began with.
func TestAServiceThatMovedProvesWhatItRecorded(t *testing.T) {
	s, events := busy(t)
	s.issuer.URL = "https://consent.moved.example"
	got, err := bundle.Open(s.bundle(events), jws.NewKeys(s.key.Public()))
	if err != nil || got.Places[0].Log != proof.Origin("consent.shop.example", tenant.String()) || got.Claims.Issuer != s.issuer.URL {
		t.Errorf("%+v, %v", got, err)
	}
}

// kept is a bundle that was made once, and the keys of its service. Ledgers number events by chance, so a new one is never the same.
func kept(t testing.TB) ([]byte, jws.Keys) {
	t.Helper()
	if *update {
		s, events := busy(t)
		if err := os.WriteFile("testdata/bundle.golden", s.bundle(events), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/bundle.golden")
	if err != nil {
		t.Fatal(err)
	}
	key, err := jws.NewKey(bytes.Repeat([]byte{7}, jws.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	return text, jws.NewKeys(key.Public())
}

// TestABundleOfOnceStillHolds: proof is kept for years, so what reads it may not change.
func TestABundleOfOnceStillHolds(t *testing.T) {
	text, keys := kept(t)
	good, err := bundle.Open(text, keys)
	if err != nil || len(good.Places) != 3 || good.Claims.Method != "checkbox" {
		t.Errorf("%+v, %v", good, err)
	}
}

func FuzzOpen(f *testing.F) {
	text, keys := kept(f)
	f.Add(text)
	f.Add([]byte(`{"receipt":"","events":[{}],"notice":null,"proofs":[{"path":["AA"]}]}`))
	want, err := bundle.Open(text, keys)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := bundle.Open(text, keys)
		if err == nil && (got.Claims.ID != want.Claims.ID || !slices.Equal(got.Places, want.Places)) {
			t.Errorf("%q proves something else", text)
		}
	})
}
