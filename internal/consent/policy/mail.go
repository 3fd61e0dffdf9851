package policy

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// volumeMail has what the mail server wants to know and what it is known by. Only the container that answers has it.
const volumeMail = "mail"

// defaultMailPort is that of mail submission (RFC 6409).
const defaultMailPort = 587

// mail is the mail server that the service may use: none while its place is not allowed. What it would get is new with each mail, so
// unlike a ledger that runs it is taken away when a policy becomes stricter, and people are offered no link. Pods keep its
// Secrets: they need not be made anew when the place is in doubt for a moment.
func (in Input) mail() *v1alpha1.ConsentMail {
	if in.MailPlace.Verdict != v1alpha1.VerdictAllowed {
		return nil
	}
	return in.Policy.Spec.Service.Mail
}

// mailNeeds are the Secrets of a mail server.
func mailNeeds(mail *v1alpha1.ConsentMail) []Need {
	var needs []Need
	if mail == nil {
		return nil
	}
	if ref := mail.CredentialsSecretRef; ref != nil {
		needs = append(needs, Need{string(ref.Name), []string{corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey}})
	}
	if ref := mail.CASecretRef; ref != nil {
		needs = append(needs, Need{string(ref.Name), []string{keyCA}})
	}
	return needs
}

// mailVolumes is one volume with a file per key.
func mailVolumes(mail *v1alpha1.ConsentMail) []*corev1ac.VolumeApplyConfiguration {
	needs := mailNeeds(mail)
	if len(needs) == 0 {
		return nil
	}
	projected := corev1ac.ProjectedVolumeSource().WithDefaultMode(readable)
	for _, need := range needs {
		secret := corev1ac.SecretProjection().WithName(need.Secret)
		for _, key := range need.Keys {
			secret.WithItems(item(key))
		}
		projected.WithSources(corev1ac.VolumeProjection().WithSecret(secret))
	}
	return []*corev1ac.VolumeApplyConfiguration{corev1ac.Volume().WithName(volumeMail).WithProjected(projected)}
}

// mailEgress lets the service reach the mail server's port.
func mailEgress(in Input) []*networkingac.NetworkPolicyEgressRuleApplyConfiguration {
	mail := in.mail()
	if mail == nil {
		return nil
	}
	number := mail.Port
	if number == 0 {
		number = defaultMailPort
	}
	return []*networkingac.NetworkPolicyEgressRuleApplyConfiguration{networkingac.NetworkPolicyEgressRule().WithPorts(port(corev1.ProtocolTCP, number))}
}

// mailPlaceAllowed: a mail server gets addresses of people, and links that open what is recorded of them.
func mailPlaceAllowed(in Input, _ Seen) condition.Objection {
	if in.Policy.Spec.Service.Mail == nil {
		return condition.Objection{}
	}
	return placeObjection("The mail server", in.MailPlace)
}
