package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/leak"
)

// clusterState is the folder of the cluster that make cluster runs; its own stores' files lie under volumes.
func clusterState() string {
	if folder := os.Getenv("REMPART_STATE_DIR"); folder != "" {
		return folder
	}
	return filepath.Dir(os.Getenv("KUBECONFIG"))
}

// erasedPerson finds the customer whom the demo erased, by each identifier, and those who were erased while operators and pods were
// killed by their telephone: the stories ask the store for their address, and the API server's log has what kubectl was asked.
func erasedPerson() []leak.Finder {
	finders := []leak.Finder{leak.New(demoCustomer(2159).email)}
	for _, id := range []int{2159, customerOfDeaths, customerOfKilledPods} {
		phone := demoCustomer(id).phone
		finders = append(finders, leak.New(phone), leak.New(strings.TrimPrefix(phone, "+")))
	}
	return finders
}

// Customers of whom nothing is erased: one whose request is refused, and one whose store answers with an error that quotes them.
const customerRefused, customerFailed = 4243, 4249

// keptPeople finds these two by all that is known of them: no story asks a store for them.
func keptPeople() []leak.Finder {
	var finders []leak.Finder
	for _, id := range []int{customerRefused, customerFailed} {
		who := demoCustomer(id)
		finders = append(finders, leak.New(who.email), leak.New(who.phone), leak.New(strings.TrimPrefix(who.phone, "+")))
	}
	return finders
}

// refusedToTheEnd makes a request that is refused and told.
func refusedToTheEnd(t *testing.T) {
	t.Helper()
	subject(t, "story-refused", demoCustomer(customerRefused))
	r := create(t, as(t, "support-agent"), request("story-refused"))
	awaitPlanned(t, r)
	for _, patch := range []string{
		`{"spec":{"decision":{"verdict":"Refused","reason":"IdentityNotProven"}}}`,
		`{"spec":{"refusalNotice":{"sentTime":"` + time.Now().UTC().Format(time.RFC3339) + `"}}}`,
	} {
		if err := as(t, "privacy-office").Patch(t.Context(), r.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
			t.Fatal(err)
		}
	}
	awaitEnd(t, r, string(v1alpha1.EndRefused))
	secretIsGone(t, r.Name)
}

// failedByQuoting makes a request that stays open: each try to erase ends in an error of the store whose text is the person. That the
// store itself does not log it is for who runs it to see to.
func failedByQuoting(t *testing.T) *v1alpha1.ErasureRequest {
	t.Helper()
	ns, who := namespace(t, nil), demoCustomer(customerFailed)
	theirs(t, ns, `INSERT INTO people VALUES ('`+who.email+`', '`+who.phone+`');
CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% stays', OLD.email USING ERRCODE = 'foreign_key_violation', DETAIL = OLD.nickname, HINT = OLD.email; END $$;
CREATE TRIGGER refuses BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION refuses();`)
	feed(t, ns, "ALTER ROLE rempart_eraser SET log_min_messages = panic")
	create(t, admin, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "story-failed"}, StringData: map[string]string{"email": who.email, "phone": who.phone}})
	r := request("story-failed")
	r.Namespace = ns
	create(t, admin, r)
	awaitPlanned(t, r)
	if err := approve(t, admin, r); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		g.Expect(r.Status.Targets).To(gomega.ContainElement(gomega.HaveField("Reason", "PlanImpossible")), "%v", r.Status.Conditions)
	})
	return r
}

// TestTheErasedPersonIsNowhereInTheControlPlane, nor one whose request was refused, nor, but in the subject Secret that waits for the
// end, one whose erasure fails.
func TestTheErasedPersonIsNowhereInTheControlPlane(t *testing.T) {
	state := clusterState()
	if _, err := os.Stat(filepath.Join(state, "logs")); err != nil {
		t.Skipf("the files of this cluster's control plane are not on this machine: %v", err)
	}
	refusedToTheEnd(t)
	failed := failedByQuoting(t)
	finders := slices.Concat(erasedPerson(), keptPeople())
	squeeze(t, state)
	// Each root must have files: a search of nothing finds nothing.
	for _, root := range []string{filepath.Join(state, "etcd"), filepath.Join(state, "logs")} {
		hits, seen, err := leak.Files(finders, root)
		if err != nil || seen == 0 {
			t.Errorf("%d files were read below %s: %v", seen, root, err)
		}
		for _, hit := range hits {
			t.Errorf("an identifier of a person stands in %s", hit)
		}
	}
	kinds := map[string]bool{}
	for _, object := range everything(t) {
		kinds[object.GetKind()] = true
		if object.GetKind() == "Secret" && object.GetNamespace() == failed.Namespace && object.GetName() == failed.Name {
			continue // the person of a request that is open
		}
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		for _, finder := range finders {
			if found := finder.In(text); len(found) > 0 {
				t.Errorf("%s %s/%s names a person (%s)", object.GetKind(), object.GetNamespace(), object.GetName(), strings.Join(found, "; "))
			}
		}
	}
	for _, kind := range []string{"ErasureRequest", "ErasureRun", "Secret", "ConfigMap", "Event", "Pod"} {
		if !kinds[kind] {
			t.Errorf("no %s was looked at", kind)
		}
	}
	remove(t, failed)
}

// everything returns every object of every kind that can be listed, with its managed fields; of a Pod the status has the
// termination messages.
func everything(t *testing.T) []unstructured.Unstructured {
	t.Helper()
	ask, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := ask.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	var objects []unstructured.Unstructured
	for _, group := range groups {
		gv, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for i := range group.APIResources {
			if !slices.Contains(group.APIResources[i].Verbs, "list") {
				continue
			}
			found := &unstructured.UnstructuredList{}
			found.SetGroupVersionKind(gv.WithKind(group.APIResources[i].Kind + "List"))
			eventually(t, func(g gomega.Gomega) { // etcd was squeezed a moment ago
				g.Expect(admin.List(t.Context(), found)).To(gomega.Succeed(), "%s of %s", group.APIResources[i].Name, gv)
			})
			objects = append(objects, found.Items...)
		}
	}
	return objects
}

// squeeze has etcd forget what objects once were and give the room back. It speaks to etcd by its JSON gateway, as the API server,
// whose certificate it borrows: etcd listens beside the API server.
func squeeze(t *testing.T, state string) {
	t.Helper()
	api, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(state, "pki", "etcd-client.crt"), filepath.Join(state, "pki", "etcd-client.key"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(filepath.Join(state, "pki", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	caller := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: trusted, MinVersion: tls.VersionTLS12},
	}}
	etcd := "https://" + net.JoinHostPort(api.Hostname(), "2379")
	var now struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
	}
	if err := json.Unmarshal(post(t, caller, etcd+"/v3/maintenance/status", "{}"), &now); err != nil || now.Header.Revision == "" {
		t.Fatalf("etcd does not tell its revision: %v", err)
	}
	post(t, caller, etcd+"/v3/kv/compaction", fmt.Sprintf(`{"revision": %q, "physical": true}`, now.Header.Revision))
	post(t, caller, etcd+"/v3/maintenance/defragment", "{}")
}

// post sends JSON and returns the answer to it.
func post(t *testing.T, caller *http.Client, address, body string) []byte {
	t.Helper()
	asked, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := caller.Do(asked)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %v: %.200s", address, answer.Status, err, text)
	}
	return text
}
