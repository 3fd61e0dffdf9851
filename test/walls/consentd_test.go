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

// dialers are the files that may: the one for the database, and the guard before the mail server.
var dialers = []string{"internal/app/consentd/postgres.go", "internal/egress/guard.go"}

// guarded are the files that may use the guard: what says which mail server, and what speaks to it. None fetches a page.
var guarded = []string{"internal/adapter/relay/relay.go", "internal/app/consentd/mail.go"}

var (
	guard = regexp.MustCompile(`"` + regexp.QuoteMeta(module+"internal/egress") + `"`)
	fetch = regexp.MustCompile(`\bguard\.Client\(`)
)

// TestTheConsentServiceCallsNobody but its database and a mail server: net/http brings a client along, so an import proves nothing; the words
// in our own code that it links do.
func TestTheConsentServiceCallsNobody(t *testing.T) {
	dialling, guarding := map[string]bool{}, map[string]bool{}
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
			name := strings.TrimPrefix(filepath.ToSlash(file), "../../")
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			if dials.Match(text) {
				dialling[name] = true
			}
			if guard.Match(text) {
				guarding[name] = true
			}
			if fetch.Match(text) {
				t.Errorf("%s fetches by HTTP, but the consent service calls nobody but its database and a mail server", name)
			}
		}
	}
	for what, test := range map[string]struct {
		found map[string]bool
		may   []string
	}{"can open a connection": {dialling, dialers}, "uses the guard": {guarding, guarded}} {
		for _, file := range test.may {
			if !test.found[file] {
				t.Errorf("the search does not find that %s %s, so it would find nothing else either", file, what)
			}
			delete(test.found, file)
		}
		for file := range test.found {
			t.Errorf("%s %s, but the consent service calls nobody but its database and the controller's mail server", file, what)
		}
	}
}
