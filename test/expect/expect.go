// Package expect is what tests of admission say about an answer of the API server.
package expect

import (
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// Soon is how long a test waits at most for what a controller or the API server's own caches do. On a busy machine that is long: what
// a test finds out by waiting is whether it ever happens.
const Soon = 2 * time.Minute

// Eventually asks until there is no error, for at most Soon.
func Eventually(t *testing.T, what func() error) {
	t.Helper()
	gomega.NewWithT(t).Eventually(what).WithTimeout(Soon).WithPolling(50 * time.Millisecond).Should(gomega.Succeed())
}

// Refused expects a refusal that holds every word.
func Refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("accepted, want a refusal with %q", words)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("refused with %q, want %q", err, word)
		}
	}
}

// Accepted expects no refusal.
func Accepted(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("refused: %v", err)
	}
}
