package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func keyOf(fill byte) evidence.Key {
	return must(evidence.NewKey(bytes.Repeat([]byte{fill}, evidence.SeedSize)))
}

// partlyErased is a request with rows that are kept by law.
func partlyErased() *v1alpha1.ErasureRequest {
	at := func(hour int) *metav1.Time {
		return ptr.To(metav1.NewTime(time.Date(2026, 11, 20, hour, 30, 0, 0, time.UTC)))
	}
	r := &v1alpha1.ErasureRequest{}
	r.UID, r.Name, r.Namespace = "0b0e0a5c-6a53-4a6e-9d3f-3a4a0f1f2c11", "web-2026-0117", "shop"
	r.Spec.RequestID, r.Spec.ReceivedTime, r.Spec.Ground = "web-2026-0117", at(9), v1alpha1.GroundPointA
	r.Spec.Subject.SecretRef.Name = "person-2026-0117"
	s := &r.Status
	s.SubjectRef = "hmac-sha256:k1a2b3c4d:" + strings.Repeat("5a", 32)
	s.End, s.EndedTime, s.BackupsClearTime = v1alpha1.EndPartlyErased, at(14), at(20)
	s.PlanDigest, s.ApprovedPlanDigest = "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("1", 64)
	s.Targets = []v1alpha1.ErasureTarget{{
		Register: "crm", Store: "main", Result: v1alpha1.TargetPartlyKept, PlanDigest: "sha256:" + strings.Repeat("2", 64),
		RowsDeleted: ptr.To[int64](12), RowsMasked: ptr.To[int64](1), RowsKept: ptr.To[int64](2),
		Tables: []v1alpha1.TableCount{
			{Table: "public.orders", Action: v1alpha1.EraseDeleteRows, Rows: ptr.To[int64](12)},
			{Table: "public.reviews", Action: v1alpha1.EraseMaskColumns, Rows: ptr.To[int64](1)},
			{Table: "public.invoices", Action: v1alpha1.EraseKeep, Rows: ptr.To[int64](2)}},
		Kept: []v1alpha1.KeptRows{{Table: "public.invoices", Rows: ptr.To[int64](2), Article: "17(3)(b)",
			LegalReference: "Code de commerce, L123-22 & suivants", UntilOn: "2036-12-31"}},
		PlannedTime: at(10), ExecutedTime: at(12), VerifiedTime: at(13),
	}}
	s.Recipients = []v1alpha1.InformedRecipient{{Register: "crm", Name: "mailer", Result: v1alpha1.RecipientInformed}}
	return r
}

func certificate(t interface{ Fatal(...any) }, request *v1alpha1.ErasureRequest, key evidence.Key) []byte {
	statement, err := evidence.Of(request)
	if err != nil {
		t.Fatal(err)
	}
	return must(evidence.Issue(statement, key))
}

// TestTheCertificateIsAlwaysTheSame: a certificate that is issued again after a crash is the one that the log names.
func TestTheCertificateIsAlwaysTheSame(t *testing.T) {
	key := keyOf(7)
	file := certificate(t, partlyErased(), key)
	if *update {
		must(0, os.WriteFile("testdata/certificate.golden", file, 0o600))
		must(0, os.WriteFile("testdata/key.golden", []byte(key.Public().String()+"\n"), 0o600))
	}
	if diff := cmp.Diff(string(must(os.ReadFile("testdata/certificate.golden"))), string(file)); diff != "" {
		t.Error(diff)
	}
	public := must(evidence.ParsePublicKey(string(must(os.ReadFile("testdata/key.golden")))))
	opened, err := evidence.Open(file, public)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(must(evidence.Of(partlyErased())), opened.Statement); diff != "" {
		t.Error(diff)
	}
	sum := sha256.Sum256(file)
	if want := (evidence.Leaf{Kind: evidence.LeafErasure, UID: string(partlyErased().UID), Digest: "sha256:" + hex.EncodeToString(sum[:])}); opened.Leaf() != want {
		t.Errorf("leaf %s, want %s", opened.Leaf(), want)
	}
}

// TestWhatComesAfterTheEndChangesNothing: of a request that has ended only the end of its Secret is recorded, and a
// person may still add a decision.
func TestWhatComesAfterTheEndChangesNothing(t *testing.T) {
	before, request := certificate(t, partlyErased(), keyOf(7)), partlyErased()
	request.Status.SubjectDeletedTime = ptr.To(metav1.Now())
	request.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady}}
	request.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalExcessive}
	request.Spec.IdentityCheck = &v1alpha1.IdentityCheck{Method: v1alpha1.IdentityDocument}
	if diff := cmp.Diff(string(before), string(certificate(t, request, keyOf(7)))); diff != "" {
		t.Error(diff)
	}
}

func TestEndsAreStated(t *testing.T) {
	open := partlyErased()
	open.Status.End = ""
	if _, err := evidence.Of(open); !errors.Is(err, evidence.ErrNotEnded) {
		t.Errorf("an open request: %v", err)
	}
	refused := &v1alpha1.ErasureRequest{}
	refused.UID = "u"
	refused.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalLegalClaims}
	refused.Status.End, refused.Status.EndedTime = v1alpha1.EndRefused, ptr.To(metav1.Now())
	if p := must(evidence.Of(refused)).Predicate; p.Refusal != "LegalClaims" || p.End != "Refused" || p.Stores == nil || p.SubjectRef != "" {
		t.Errorf("a refusal: %+v", p)
	}
}

// TestTooManyTablesLeaveTotals: the largest status that the API allows still gives a certificate that a ConfigMap holds.
func TestTooManyTablesLeaveTotals(t *testing.T) {
	request := partlyErased()
	target := request.Status.Targets[0]
	target.Tables = nil
	for i := range 128 {
		target.Tables = append(target.Tables, v1alpha1.TableCount{Table: fmt.Sprintf("%0127d", i), Action: v1alpha1.EraseDeleteRows, Rows: ptr.To[int64](1)})
	}
	request.Status.Targets = nil
	for range 64 {
		request.Status.Targets = append(request.Status.Targets, target)
	}
	for range 512 {
		request.Status.Recipients = append(request.Status.Recipients, v1alpha1.InformedRecipient{Name: "x", Reason: strings.Repeat("r", 200)})
	}
	file := certificate(t, request, keyOf(7))
	p := must(evidence.Open(file, keyOf(7).Public())).Statement.Predicate
	if p.Detail != evidence.DetailTotals || p.Stores[63].RowsDeleted != 12 || p.Stores[0].Tables != nil || len(file) > 1<<20-1024 {
		t.Errorf("%d bytes, detail %s", len(file), p.Detail)
	}
}

func TestKeysHideTheirSecretAndAreReadStrictly(t *testing.T) {
	key := keyOf(7)
	if text := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); strings.Contains(text, "7, 7") || strings.Contains(text, "0x7") {
		t.Error(text)
	}
	good := key.Public().String()
	for _, text := range []string{"", "x", strings.Replace(good, "evidence", "other", 1), good[:len(good)-2], good + "A", strings.Replace(good, "+", " ", 1)} {
		if _, err := evidence.ParsePublicKey(text); !errors.Is(err, evidence.ErrKey) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := evidence.NewKey([]byte("short")); !errors.Is(err, evidence.ErrKey) {
		t.Error(err)
	}
	if _, err := evidence.Open(certificate(t, partlyErased(), key), keyOf(8).Public()); !errors.Is(err, evidence.ErrSignature) {
		t.Errorf("another key: %v", err)
	}
}

// TestEveryFlippedByteIsFound flips one bit of each byte, at each place of each file.
func TestEveryFlippedByteIsFound(t *testing.T) {
	key := keyOf(7)
	public := key.Public()
	file := certificate(t, partlyErased(), key)
	g := grow(21)
	head, signed := g.checkpoint(21)
	proof := must(evidence.Prove(9, head, signed, g))
	for name, c := range map[string]struct {
		good  []byte
		check func([]byte) error
	}{
		"certificate": {file, func(b []byte) error { _, err := evidence.Open(b, public); return err }},
		"checkpoint":  {signed, func(b []byte) error { _, err := evidence.ReadCheckpoint(b, public); return err }},
		"leaves":      {g.text(), func(b []byte) error { _, err := evidence.ReadLog(b, signed, public); return err }},
		"proof":       {[]byte(proof), func(b []byte) error { _, err := evidence.ReadProof(string(b), leafOf(9), public); return err }},
		"key": {[]byte(public.String()), func(b []byte) error {
			p, err := evidence.ParsePublicKey(string(b))
			if err == nil {
				_, err = evidence.Open(file, p)
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.check(c.good); err != nil {
				t.Fatal(err)
			}
			for i := range c.good {
				for bit := range 8 {
					bad := bytes.Clone(c.good)
					bad[i] ^= 1 << bit
					if c.check(bad) == nil {
						t.Fatalf("bit %d of byte %d may be flipped: %q", bit, i, bad[max(0, i-8):min(len(bad), i+8)])
					}
				}
			}
			for _, bad := range [][]byte{nil, c.good[:len(c.good)-1], append(bytes.Clone(c.good), 'x'), append([]byte(" x"), c.good...)} {
				if c.check(bad) == nil {
					t.Errorf("%d of %d bytes pass", len(bad), len(c.good))
				}
			}
		})
	}
}

func TestLeavesAreReadStrictly(t *testing.T) {
	good := leafOf(1).String()
	if leaf, err := evidence.ParseLeaf(good); err != nil || leaf != leafOf(1) {
		t.Errorf("%s: %+v, %v", good, leaf, err)
	}
	for _, line := range []string{"", "erasure", good + " ", " " + good, good + "0", good[:len(good)-1], strings.ToUpper(good), strings.Replace(good, "erasure", "access", 1),
		strings.Replace(good, "u1", "", 1), strings.Replace(good, "u1", "-u1", 1), strings.Replace(good, "u1", "../u1", 1), strings.Replace(good, "u1", "u é", 1),
		strings.Replace(good, "u1", strings.Repeat("u", 65), 1), strings.Replace(good, "sha256", "sha512", 1)} {
		if leaf, err := evidence.ParseLeaf(line); !errors.Is(err, evidence.ErrForm) {
			t.Errorf("%q is the leaf %+v", line, leaf)
		}
	}
}

// FuzzRead: no bytes make a reader panic, and what is read was signed.
func FuzzRead(f *testing.F) {
	key := keyOf(7)
	g := grow(3)
	head, signed := g.checkpoint(3)
	f.Add(must(os.ReadFile("testdata/certificate.golden")))
	f.Add(signed)
	f.Add([]byte(must(evidence.Prove(1, head, signed, g))))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n\n"))
	known := [][]byte{must(os.ReadFile("testdata/certificate.golden")), signed}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, wrongCertificate := evidence.Open(data, key.Public())
		_, wrongCheckpoint := evidence.ReadCheckpoint(data, key.Public())
		if _, err := evidence.ReadLog(data, signed, key.Public()); err == nil && !bytes.Equal(data, g.text()) {
			t.Errorf("%q is no log that was signed", data)
		}
		_, _ = evidence.ReadProof(string(data), leafOf(1), key.Public())
		if (wrongCertificate == nil || wrongCheckpoint == nil) && !bytes.Equal(data, known[0]) && !bytes.Equal(data, known[1]) {
			t.Errorf("%q was never signed", data)
		}
	})
}
