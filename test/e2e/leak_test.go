package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// spellings of an identifier in which a leak could hide.
func spellings(identifier string) map[string][]byte {
	return map[string][]byte{
		"plain":       []byte(identifier),
		"upper case":  []byte(strings.ToUpper(identifier)),
		"base64":      []byte(base64.RawStdEncoding.EncodeToString([]byte(identifier))),
		"hex":         []byte(hex.EncodeToString([]byte(identifier))),
		"URL-encoded": []byte(url.QueryEscape(identifier)),
	}
}

// clusterState is the folder of the cluster that make cluster runs; its own stores' files lie under volumes.
func clusterState() string {
	if folder := os.Getenv("REMPART_STATE_DIR"); folder != "" {
		return folder
	}
	return filepath.Dir(os.Getenv("KUBECONFIG"))
}

// search reads files and names those that hold the identifier.
func search(t *testing.T, identifier string, roots []string, skip func(string) bool) []string {
	t.Helper()
	var hits []string
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || skip(path) {
				return nil //nolint:nilerr // a file that goes while we look holds nothing any more
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return nil //nolint:nilerr // the same
			}
			for spelling, needle := range spellings(identifier) {
				if bytes.Contains(content, needle) {
					hits = append(hits, fmt.Sprintf("%s (%s)", path, spelling))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return hits
}

func TestTheErasedPersonIsNowhereInTheControlPlane(t *testing.T) {
	state := clusterState()
	if _, err := os.Stat(filepath.Join(state, "logs")); err != nil {
		t.Skipf("the files of this cluster's control plane are not on this machine: %v", err)
	}
	const planted = "planted.canary.77@example.org"
	canary := filepath.Join(t.TempDir(), "planted.log")
	if err := os.WriteFile(canary, []byte("a log line about "+planted), 0o600); err != nil {
		t.Fatal(err)
	}
	none := func(string) bool { return false }
	if hits := search(t, planted, []string{filepath.Dir(canary)}, none); len(hits) != 1 {
		t.Fatalf("the search does not find what is there: %v", hits)
	}

	roots := []string{filepath.Join(state, "etcd"), filepath.Join(state, "logs"), "/var/log/pods"}
	person := demoCustomer(2159)
	for _, identifier := range []string{person.email, strings.TrimPrefix(person.phone, "+")} {
		for _, hit := range search(t, identifier, roots, none) {
			t.Errorf("an identifier of the erased person stands in %s", hit)
		}
	}
	for _, object := range all(t, append(ownKinds(), childKinds()...), client.InNamespace(demoNamespace)) {
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		for spelling, needle := range spellings(person.email) {
			if bytes.Contains(text, needle) {
				t.Errorf("%s %s names the erased person (%s)", object.GetKind(), object.GetName(), spelling)
			}
		}
	}
}
