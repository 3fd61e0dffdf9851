package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingPrintsARedactedValue(t *testing.T) {
	const secret = "camille.durand@example.eu"
	r := Hide(secret)
	holder := struct{ R Redact }{r}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb, r, &r, holder)
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "r", r, "h", holder)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "r", r, "h", holder)
	fmt.Fprint(&out, fmt.Errorf("trying %v", r))
	for _, leak := range []string{secret, "camille", fmt.Sprintf("%x", secret)} {
		if strings.Contains(out.String(), leak) {
			t.Fatalf("leaked: %s", out.String())
		}
	}
	if r.Reveal() != secret || r.Empty() {
		t.Error("the value is lost")
	}
}
