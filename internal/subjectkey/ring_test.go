package subjectkey_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

func ring(t interface{ Fatal(...any) }, fill byte) subjectkey.Ring {
	data, err := subjectkey.Data(bytes.Repeat([]byte{fill}, subjectkey.Size))
	if err != nil {
		t.Fatal(err)
	}
	r, err := subjectkey.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func person(t interface{ Fatal(...any) }, email string) subject.Subject {
	s, err := subject.Read(map[string][]byte{"email": []byte(email)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAReferenceNamesThePersonInAnySpellingAndNobodyElse(t *testing.T) {
	r := ring(t, 1)
	reference := r.Reference(person(t, "Ada@Example.ORG"))
	if !strings.HasPrefix(reference, "hmac-sha256:k") || strings.Contains(strings.ToLower(reference), "ada") {
		t.Fatalf("unexpected reference %q", reference)
	}
	for email, want := range map[string]bool{"ada@example.org": true, "ADA@EXAMPLE.ORG": true, "eve@example.org": false} {
		if got, err := r.Same(reference, person(t, email)); err != nil || got != want {
			t.Errorf("Same(%s) = %v, %v; want %v", email, got, err, want)
		}
	}
}

func TestAReferenceOfADestroyedKeyCannotBeCompared(t *testing.T) {
	reference := ring(t, 1).Reference(person(t, "ada@example.org"))
	if _, err := ring(t, 2).Same(reference, person(t, "ada@example.org")); !errors.Is(err, subjectkey.ErrKeyMissing) {
		t.Fatalf("want ErrKeyMissing, got %v", err)
	}
	if _, err := ring(t, 2).Same("hmac-sha256", person(t, "ada@example.org")); !errors.Is(err, subjectkey.ErrReference) {
		t.Fatalf("want ErrReference, got %v", err)
	}
}

func TestARotatedRingStillComparesOldReferences(t *testing.T) {
	old, err := subjectkey.Data(bytes.Repeat([]byte{1}, subjectkey.Size))
	if err != nil {
		t.Fatal(err)
	}
	reference := ring(t, 1).Reference(person(t, "ada@example.org"))
	rotated, err := subjectkey.Data(bytes.Repeat([]byte{2}, subjectkey.Size))
	if err != nil {
		t.Fatal(err)
	}
	rotated[string(old[subjectkey.ActiveKey])] = old[string(old[subjectkey.ActiveKey])]
	r, err := subjectkey.Parse(rotated)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := r.Same(reference, person(t, "ada@example.org")); err != nil || !same {
		t.Fatalf("Same = %v, %v", same, err)
	}
	if r.Reference(person(t, "ada@example.org")) == reference {
		t.Fatal("a new reference uses the old key")
	}
}

func TestASecretThatIsNoRingIsRefused(t *testing.T) {
	long := bytes.Repeat([]byte{1}, subjectkey.Size)
	for name, data := range map[string]map[string][]byte{
		"empty":          nil,
		"no active key":  {"k1": long},
		"active is gone": {"active": []byte("k2"), "k1": long},
		"short key":      {"active": []byte("k1"), "k1": []byte("short")},
		"strange id":     {"active": []byte("k1"), "k1": long, "K 2": long},
	} {
		if _, err := subjectkey.Parse(data); !errors.Is(err, subjectkey.ErrMalformed) {
			t.Errorf("%s: want ErrMalformed, got %v", name, err)
		}
	}
}

func TestPrintingARingShowsNoKey(t *testing.T) {
	r := ring(t, 'Z')
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, r); strings.Contains(text, "ZZ") || strings.Contains(text, "90") {
			t.Errorf("%s prints %q", verb, text)
		}
	}
}

func TestCheckKeysOfRunsDiffer(t *testing.T) {
	r := ring(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		if (a == b) != bytes.Equal(r.CheckKey(a), r.CheckKey(b)) {
			t.Fatalf("runs %q and %q", a, b)
		}
	})
}
