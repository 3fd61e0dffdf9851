package ledger_test

import (
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/rempart-dev/rempart/internal/consent"
)

// TestAnotherScriptIsNotGivenOut: whoever writes to the database puts no script into pages that do not pin theirs.
func TestAnotherScriptIsNotGivenOut(t *testing.T) {
	s, l := filled(t)
	body := []byte("a build")
	sum := sha256.Sum256(body)
	if err := l.Publish(t.Context(), consent.Publication{Namespace: "shop", Policy: l.Tenant.String(),
		Widgets: []consent.PublishedWidget{{Site: "shop", SHA256: sum[:], Body: body}}}); err != nil {
		t.Fatal(err)
	}
	if found, err := l.Build(t.Context(), "shop", sum[:]); err != nil || string(found) != "a build" {
		t.Fatalf("%s, %v", found, err)
	}
	s.sql(t, "UPDATE consent.builds SET body = 'another build'")
	if found, err := l.Build(t.Context(), "shop", sum[:]); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("%s, %v", found, err)
	}
}
