package walls

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dials are the words by which a program opens connections by itself.
var dials = regexp.MustCompile(`\bhttp\.(Client|Transport|Get|Post|PostForm|Head|DefaultClient|DefaultTransport)\b|\bnet\.(Dial|DialTimeout|Dialer)\b`)

// TestTheConsentServiceCallsNobody: net/http brings a client along, so an import proves nothing; the words in our own code that it links do.
// The one dialer is the database's.
func TestTheConsentServiceCallsNobody(t *testing.T) {
	const dialer = "internal/app/consentd/postgres.go"
	found := map[string]bool{}
	for _, path := range list(t, "./cmd/consentd").ours() {
		files, err := filepath.Glob(filepath.Join("../..", path, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") && dials.Match(text) {
				found[strings.TrimPrefix(filepath.ToSlash(file), "../../")] = true
			}
		}
	}
	if !found[dialer] {
		t.Errorf("the search does not find the dialer in %s, so it would find nothing else either", dialer)
	}
	delete(found, dialer)
	for file := range found {
		t.Errorf("%s can open a connection, but the consent service calls nobody but its database", file)
	}
}
