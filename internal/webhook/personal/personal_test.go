package personal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentifiersAreRecognised(t *testing.T) {
	for text, want := range map[string]Kind{
		"alice@example.com":                           Email,
		"write to Alice <alice@example.com>.":         Email,
		"alice@localhost":                             Email,
		"alice%40example.com":                         Email,
		"jörg.müller@exämple.de":                      Email,
		"alice＠example.com":                           Email,
		"https://user:pw@host.example/":               Email,
		"+33 6 12 34 56 78":                           Phone,
		"+33612345678":                                Phone,
		"call +49 (0)30 1234567 please":               Phone,
		"FR76 3000 6000 0112 3456 7890 189":           IBAN,
		"fr7630006000011234567890189":                 IBAN,
		"account DE89370400440532013000, closed":      IBAN,
		"DE89 3704 0044 0532 0130 00 was closed":      IBAN,
		"1 85 05 78 006 084 91":                       NIR,
		"185057800608491":                             NIR,
		"295012a12345604":                             "",
		"no identity given":                           "",
		"req-2026-000123":                             "",
		"registry.example/db@sha256:0123456789abcdef": "",
		"2026-11-24T10:00:00+02:00":                   "",
		"550e8400-e29b-41d4-a716-446655440000":        "",
		"DE89370400440532013001":                      "",
		"XDE89370400440532013000":                     "",
		"185057800608492":                             "",
		"1850578006084910":                            "",
		"+1234567":                                    "",
		"Article 12(5)":                               "",
		"":                                            "",
	} {
		if got := Look(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestEveryTextThatAUserWritesIsLookedAt(t *testing.T) {
	hits, err := Scan([]byte(`{"metadata":{"name":"de89370400440532013000","labels":{"a":"185057800608491"},
		"annotations":{"x/bob@example.com":"y","note":"bob@example.com"},"managedFields":[{"manager":"bob@example.com"}]},
		"spec":{"decision":{"note":"+33612345678"},"list":[{"deep":"bob@example.com"}],"n":1},"status":{"x":"bob@example.com"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Hit{{"metadata.name", IBAN}, {"metadata.labels[a]", NIR}, {"metadata.annotations[note]", Email}, {"metadata.annotations (a key)", Email},
		{"spec.decision.note", Phone}, {"spec.list[0].deep", Email}}
	if diff := cmp.Diff(want, hits); diff != "" {
		t.Error(diff)
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"metadata":{"labels":{"a":"b"}},"spec":{"x":["+33612345678"]}}`))
	f.Add([]byte(`FR76 3000 6000 0112 3456 7890 189`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = Scan(raw)
		_ = Look(string(raw))
	})
}
