package consentpolicy

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// reaches tells whether the service's NetworkPolicy lets it reach a port of anybody.
func reaches(t *testing.T, number int32) bool {
	t.Helper()
	guard := &networkingv1.NetworkPolicy{}
	must(t, server.Client.Get(t.Context(), key("chat-consentd"), guard))
	return slices.ContainsFunc(guard.Spec.Egress, func(rule networkingv1.NetworkPolicyEgressRule) bool {
		return len(rule.To) == 0 && len(rule.Ports) == 1 && rule.Ports[0].Port.IntVal == number
	})
}

// mailServerIsTakenIn gives the policy a mail server, and takes it away again.
func mailServerIsTakenIn(w *walker) {
	if reaches(w.T, 2525) {
		w.Fatal("the port is open before")
	}
	w.change(func(s *v1alpha1.ConsentService) {
		s.Mail = &v1alpha1.ConsentMail{Host: "mail.acme.example", Port: 2525, From: "privacy@acme.example", Place: v1alpha1.ExternalStore{Country: "FR", Evidence: "contract"},
			CredentialsSecretRef: &v1alpha1.SecretRef{Name: "consent-mail"}}
	})
	w.until("CredentialsMissing", has(w.T, "Provisioned", metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing))
	must(w.T, server.Client.Create(w.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "consent-mail", Namespace: namespace},
		StringData: map[string]string{"username": "consent", "password": "a password"}}))
	w.newPods()
	w.served()
	deployment := &appsv1.Deployment{}
	must(w.T, server.Client.Get(w.Context(), key("chat-consentd"), deployment))
	if !slices.Contains(deployment.Spec.Template.Spec.Containers[0].Args, "--mail-dir=/etc/consentd/mail") || !reaches(w.T, 2525) {
		w.Errorf("the service has no way to mail: %v", deployment.Spec.Template.Spec.Containers[0].Args)
	}
	w.change(func(s *v1alpha1.ConsentService) { s.Mail = nil })
	w.newPods()
	if reaches(w.T, 2525) {
		w.Error("the port is still open")
	}
	w.served()
	must(w.T, server.Client.Get(w.Context(), key("chat-consentd"), deployment))
	if slices.ContainsFunc(deployment.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == "mail" }) {
		w.Error("pods still have the mail server's password")
	}
}
