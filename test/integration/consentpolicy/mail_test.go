package consentpolicy

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
func mailServerIsTakenIn(t *testing.T, service *program, pass func(*testing.T)) {
	change := func(mail *v1alpha1.ConsentMail) {
		t.Helper()
		cpol := live(t)
		patch := client.MergeFrom(cpol.DeepCopy())
		cpol.Spec.Service.Mail = mail
		must(t, server.Client.Patch(t.Context(), cpol, patch))
	}
	// settled plays the Deployment controller and the kubelet until the policy is served as it is, and sees that nothing is written then.
	settled := func() {
		t.Helper()
		deployment := &appsv1.Deployment{}
		eventually(t, "new pods", func() bool {
			must(t, server.Client.Get(t.Context(), key("chat-consentd"), deployment))
			return deployment.Generation > deployment.Status.ObservedGeneration
		})
		deployment.Status.ObservedGeneration = deployment.Generation
		must(t, server.Client.Status().Update(t.Context(), deployment))
		service.reload()
		eventually(t, "Ready", func() bool { pass(t); return has(t, "Ready", metav1.ConditionTrue, v1alpha1.ReasonServing)() })
		written := versions(t)
		for range 2 {
			pass(t)
		}
		if diff := cmp.Diff(written, versions(t)); diff != "" {
			t.Error(diff)
		}
	}
	if reaches(t, 2525) {
		t.Fatal("the port is open before")
	}
	change(&v1alpha1.ConsentMail{Host: "mail.acme.example", Port: 2525, From: "privacy@acme.example", Place: v1alpha1.ExternalStore{Country: "FR", Evidence: "contract"},
		CredentialsSecretRef: &v1alpha1.SecretRef{Name: "consent-mail"}})
	eventually(t, "CredentialsMissing", func() bool {
		pass(t)
		return has(t, "Provisioned", metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing)()
	})
	must(t, server.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "consent-mail", Namespace: namespace},
		StringData: map[string]string{"username": "consent", "password": "a password"}}))
	pass(t)
	settled()
	deployment := &appsv1.Deployment{}
	must(t, server.Client.Get(t.Context(), key("chat-consentd"), deployment))
	if !slices.Contains(deployment.Spec.Template.Spec.Containers[0].Args, "--mail-dir=/etc/consentd/mail") || !reaches(t, 2525) {
		t.Errorf("the service has no way to mail: %v", deployment.Spec.Template.Spec.Containers[0].Args)
	}
	change(nil)
	eventually(t, "the port closed", func() bool { pass(t); return !reaches(t, 2525) })
	settled()
	must(t, server.Client.Get(t.Context(), key("chat-consentd"), deployment))
	if slices.ContainsFunc(deployment.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == "mail" }) {
		t.Error("pods still have the mail server's password")
	}
}
