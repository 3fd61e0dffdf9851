package e2e

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A port of this machine that kubectl chose: "Forwarding from 127.0.0.1:40123 -> 8443".
var forwarding = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+) `)

// forwarded opens a port of this machine to one of a pod or service until the test ends, and returns its address. kubectl gives
// up where the pod that it chose does not run yet: then it is asked again.
func forwarded(t *testing.T, ns, target, port string) (address string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		address = forward(t, ns, target, port)
		g.Expect(address).NotTo(gomega.BeEmpty(), "no port was forwarded to "+target)
	})
	return address
}

// forward returns an empty address where kubectl ended without one.
func forward(t *testing.T, ns, target, port string) string {
	t.Helper()
	kubectl := exec.CommandContext(t.Context(), "kubectl", "-n", ns, "port-forward", "--address=127.0.0.1", target, ":"+port)
	out, err := kubectl.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := kubectl.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := forwarding.FindStringSubmatch(lines.Text()); found != nil {
			t.Cleanup(func() { _ = kubectl.Wait() }) // the test's context has ended it
			return found[1]
		}
	}
	_ = kubectl.Wait() // it ended by itself
	return ""
}

// token returns a token of a new ServiceAccount in a namespace, for the API server or for who is named.
func token(t *testing.T, ns, name string, audiences ...string) string {
	t.Helper()
	account := create(t, admin, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}})
	issued := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	if err := admin.SubResource("token").Create(t.Context(), account, issued); err != nil {
		t.Fatal(err)
	}
	return issued.Status.Token
}

func TestMetricsAreForThoseWhoMayReadThemAndNameNobody(t *testing.T) {
	ns := namespace(t, nil)
	scraper, stranger := token(t, ns, "scraper"), token(t, ns, "stranger")
	create(t, admin, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "story-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "rempart-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: ns, Name: "scraper"}},
	})
	pods := &corev1.PodList{}
	podsReady(t, operatorNamespace, operatorPods, 2)
	if err := admin.List(t.Context(), pods, client.InNamespace(operatorNamespace), operatorPods); err != nil || len(pods.Items) == 0 {
		t.Fatalf("no operator to ask: %v", err)
	}
	caller := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // each replica makes its own certificate at start
	}}
	for _, pod := range pods.Items {
		address := forwarded(t, operatorNamespace, pod.Name, "8443")
		for bearer, want := range map[string]int{"": http.StatusUnauthorized, stranger: http.StatusForbidden, scraper: http.StatusOK} {
			var text string
			eventually(t, func(g gomega.Gomega) { // rights count a moment after they were given
				var status int
				status, text = scrape(t, g, caller, address, bearer)
				g.Expect(status).To(gomega.Equal(want))
				if want == http.StatusOK { // a replica counts once it has read the cluster
					g.Expect(text).To(gomega.ContainSubstring("\nrempart_erasure_requests_open "), "no metric of ours is among what was served")
				}
			})
			for _, finder := range slices.Concat(erasedPerson(), keptPeople()) {
				if found := finder.In([]byte(text)); len(found) > 0 {
					t.Errorf("a metric names a person (%s)", strings.Join(found, "; "))
				}
			}
		}
	}
}

// scrape returns the status and the text of /metrics.
func scrape(t *testing.T, g gomega.Gomega, caller *http.Client, address, bearer string) (int, string) {
	t.Helper()
	asked, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		asked.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := caller.Do(asked)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return answer.StatusCode, string(text)
}
