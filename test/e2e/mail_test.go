package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// selfSigned is a certificate for a host and its key, in PEM.
func selfSigned(t *testing.T, host string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// mailServer runs one of its own in the cluster, which takes mails over STARTTLS alone, and returns its host, the roots that it is known by
// and the address of its HTTP API.
func mailServer(t *testing.T) (host string, roots []byte, api string) {
	t.Helper()
	ns, named := namespace(t, nil), map[string]string{"app": "mail"}
	host = "mail." + ns + ".svc"
	roots, key := selfSigned(t, host)
	in := metav1.ObjectMeta{Namespace: ns, Name: "mail"}
	create(t, admin, &corev1.Secret{ObjectMeta: in, Type: corev1.SecretTypeTLS, Data: map[string][]byte{corev1.TLSCertKey: roots, corev1.TLSPrivateKeyKey: key}})
	create(t, admin, &corev1.Service{ObjectMeta: in, Spec: corev1.ServiceSpec{Selector: named, Ports: []corev1.ServicePort{{Name: "smtp", Port: 1025}, {Name: "http", Port: 8025}}}})
	create(t, admin, &appsv1.Deployment{ObjectMeta: in, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: named},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: named}, Spec: corev1.PodSpec{
			AutomountServiceAccountToken: ptr.To(false),
			NodeSelector:                 map[string]string{corev1.LabelTopologyRegion: "eu-west-3"},
			SecurityContext:              &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(int64(65532))},
			Containers: []corev1.Container{{
				Name: "mailpit", Image: "docker.io/rempart/mailpit:dev",
				Args: []string{"--disable-version-check", "--smtp=0.0.0.0:1025", "--listen=0.0.0.0:8025", "--database=/data/mail.db",
					"--smtp-tls-cert=/tls/tls.crt", "--smtp-tls-key=/tls/tls.key", "--smtp-require-starttls"},
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "tmp", MountPath: "/tmp"}, {Name: "tls", MountPath: "/tls"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}, {Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
				{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "mail"}}}},
		}},
	}})
	output(t, "kubectl", "-n", ns, "rollout", "status", "deployment/mail", "--timeout="+patience.String())
	return host, roots, "http://" + forwarded(t, ns, "service/mail", "8025")
}

// mailBy gives the demo's consent service a mail server, or none, and waits until all of its pods know.
func mailBy(t *testing.T, mail *v1alpha1.ConsentMail) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // a cleanup calls it too
	policy := &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: "chat"}}
	eventually(t, func(g gomega.Gomega) {
		get(ctx, g, policy)
		patch := client.MergeFrom(policy.DeepCopy())
		policy.Spec.Service.Mail = mail
		g.Expect(admin.Patch(ctx, policy, patch)).To(gomega.Succeed())
	})
	eventually(t, func(g gomega.Gomega) {
		get(ctx, g, policy)
		g.Expect(policy.Status.ObservedGeneration).To(gomega.HaveValue(gomega.Equal(policy.Generation)))
		expectCondition(g, policy.Status.Conditions, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
		// One pod that answers as the policy asks is Ready; here all must have been replaced.
		deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: "chat-consentd"}}
		get(ctx, g, deployment)
		g.Expect(slices.Contains(deployment.Spec.Template.Spec.Containers[0].Args, "--mail-dir=/etc/consentd/mail")).To(gomega.Equal(mail != nil), "the way to mail")
		g.Expect(deployment.Status.ObservedGeneration).To(gomega.Equal(deployment.Generation))
		g.Expect(deployment.Status.UpdatedReplicas).To(gomega.Equal(deployment.Status.AvailableReplicas))
		pods := &corev1.PodList{}
		g.Expect(admin.List(ctx, pods, client.InNamespace(demoNamespace), client.MatchingLabels{v1alpha1.LabelConsentPolicy: "chat", v1alpha1.LabelComponent: "consentd"})).To(gomega.Succeed())
		g.Expect(pods.Items).To(gomega.HaveLen(2), "pods of before are still there")
	})
}

// fetched decodes a JSON answer.
func fetched(g gomega.Gomega, address string, into any) {
	answer, err := (&http.Client{Timeout: slow}).Get(address)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer func() { _ = answer.Body.Close() }()
	g.Expect(json.NewDecoder(answer.Body).Decode(into)).To(gomega.Succeed())
}

var mailedLink = regexp.MustCompile(`https://\S+/me/shop\?token=\S+`)

func TestWhoWritesTheirAddressOnThePageIsMailedTheLink(t *testing.T) {
	const address = "story-mail-9@parley.example"
	host, roots, api := mailServer(t)
	create(t, admin, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: "story-mail-roots"}, Data: map[string][]byte{"ca.crt": roots}})
	t.Cleanup(func() { mailBy(t, nil) }) // before the Secret goes
	mailBy(t, &v1alpha1.ConsentMail{Host: host, Port: 1025, From: "privacy@parley.example", Place: v1alpha1.ExternalStore{Country: "FR", Evidence: "a story of the tests"},
		CASecretRef: &v1alpha1.SecretRef{Name: "story-mail-roots"}})

	s := consentService(t)
	if page := s.must(http.StatusOK, http.MethodGet, "/me/shop?lang=en", nil); !bytes.Contains(page, []byte(`action="/me/shop/link"`)) {
		t.Fatalf("the page offers no link: %s", page)
	}
	backend, secret := token(t, demoNamespace, "shop-backend", "consentd"), drawn()
	s.agree(secret)
	s.must(http.StatusNoContent, http.MethodPost, "/v1/subjects:link",
		object{"known": object{"kind": "receipt", "id": secret}, "other": object{"kind": "email", "id": address}}, "Authorization", "Bearer "+backend)
	for _, written := range []string{"story-nobody@parley.example", strings.ToUpper(address)} {
		answer, err := (&http.Client{Timeout: slow}).PostForm("http://"+s.address+"/me/shop/link", url.Values{"email": {written}, "lang": {"en"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusAccepted {
			t.Fatalf("%s: %d", written, answer.StatusCode)
		}
	}
	link := ""
	eventually(t, func(g gomega.Gomega) {
		var box struct{ Messages []struct{ ID string } }
		fetched(g, api+"/api/v1/messages", &box)
		g.Expect(box.Messages).To(gomega.HaveLen(1))
		var mail struct {
			Text string
			To   []struct{ Address string }
		}
		fetched(g, fmt.Sprintf("%s/api/v1/message/%s", api, box.Messages[0].ID), &mail)
		g.Expect(mail.To).To(gomega.HaveLen(1))
		g.Expect(mail.To[0].Address).To(gomega.Equal(address))
		link = mailedLink.FindString(mail.Text)
		g.Expect(link).NotTo(gomega.BeEmpty(), "%s", mail.Text)
	})
	if page := s.press(link, url.Values{"action": {"withdraw"}, "purpose": {"newsletter"}, "lang": {"en"}}); !strings.Contains(page, "has been withdrawn") {
		t.Errorf("the link that was mailed withdraws nothing: %s", page)
	}
}
