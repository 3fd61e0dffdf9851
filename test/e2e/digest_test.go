package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestTheOfficersDigestTakesTheStateOfTheEvidenceLogOutOfTheCluster: what a mail reader shows, saved as a file, is a
// checkpoint that the exported log must continue.
func TestTheOfficersDigestTakesTheStateOfTheEvidenceLogOutOfTheCluster(t *testing.T) {
	who := demoCustomer(4219)
	subject(t, "story-digest", who)
	r := create(t, as(t, "support-agent"), request("story-digest"))
	awaitPlanned(t, r)
	if err := approve(t, as(t, "privacy-office"), r); err != nil {
		t.Fatal(err)
	}
	awaitErased(t, r)

	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"digest":{"schedule":"* * * * *"}}}`))
	officer := &v1alpha1.DataProtectionOfficer{}
	officer.Name = "parley"
	if err := admin.Patch(t.Context(), officer, patch); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		output(t, "kubectl", "patch", "dataprotectionofficer", "parley", "--type=merge", `-p={"spec":{"digest":null}}`)
	})

	folder := t.TempDir()
	seen := filepath.Join(folder, "checkpoint")
	eventually(t, func(g gomega.Gomega) {
		lines := strings.SplitAfter(digestMail(t, g), "\n")
		g.Expect(len(lines)).To(gomega.BeNumerically(">", 6))
		note := strings.TrimRight(strings.Join(lines[len(lines)-6:], ""), "\n") + "\n"
		g.Expect(os.WriteFile(seen, []byte(note), 0o600)).To(gomega.Succeed())
	})
	gdpr := func(args ...string) string {
		return output(t, "go", append([]string{"run", "../../cmd/kubectl-gdpr"}, args...)...)
	}
	gdpr("evidence", "export", "--all-namespaces", "--to", folder)
	certificate := filepath.Join(folder, "certificates", r.Namespace, string(r.UID)+".json")
	answer := gdpr("verify", certificate, "--key", filepath.Join(folder, "key.pub"), "--log", folder, "--seen", seen)
	if !strings.Contains(answer, "1 checkpoint") {
		t.Errorf("the log was not compared with the digest: %s", answer)
	}
}

// digestMail is the text of the newest digest that the mail server has.
func digestMail(t *testing.T, g gomega.Gomega) string {
	t.Helper()
	mail := func(path string) []byte {
		return []byte(output(t, "kubectl", "get", "--raw", proxy+"mail:http/proxy/api/v1/"+path))
	}
	var list struct{ Messages []struct{ ID string } }
	g.Expect(json.Unmarshal(mail("search?limit=1&query=subject:Digest"), &list)).To(gomega.Succeed())
	g.Expect(list.Messages).NotTo(gomega.BeEmpty())
	var message struct{ Text string }
	g.Expect(json.Unmarshal(mail("message/"+list.Messages[0].ID), &message)).To(gomega.Succeed())
	return strings.ReplaceAll(message.Text, "\r\n", "\n")
}
