package policy

import (
	"crypto/ed25519"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

// Keys of the service, as files are named: an Ed25519 seed, the pepper of links to people, and the key that wraps people's
// keys; 32 bytes each.
const (
	KeySigning = "signing"
	KeyPepper  = "pepper"
	KeyKEK     = "kek"
	// KeyBefore, beside signing, is the seed whose place that has taken. There may be none.
	KeyBefore = "signing-before"
)

// besides are the entries that a Secret may have beside a key.
func besides(key string) []string {
	if key == KeySigning {
		return []string{KeyBefore}
	}
	return append([]string{consent.NextEntry(key)}, consent.BeforeEntries(key)...)
}

const keyBytes = ed25519.SeedSize

// keySource is where a key comes from.
type keySource struct{ key, secret string }

// keySources returns the Secret of each key: the one that the policy names, or the one that Rempart makes.
func keySources(p *v1alpha1.ConsentPolicy) []keySource {
	named := func(ref *v1alpha1.SecretRef) string {
		if ref == nil {
			return KeysName(p.Name)
		}
		return string(ref.Name)
	}
	s := &p.Spec.Service
	return []keySource{{KeySigning, named(s.SigningSecretRef)}, {KeyPepper, named(s.PepperSecretRef)}, {KeyKEK, named(s.KEKSecretRef)}}
}

// MakesKeys tells whether a key is Rempart's to make.
func MakesKeys(p *v1alpha1.ConsentPolicy) bool {
	s := &p.Spec.Service
	return s.SigningSecretRef == nil || s.PepperSecretRef == nil || s.KEKSecretRef == nil
}

// MadeRoles are the roles whose credentials Rempart makes: all of a managed ledger, none of another.
func MadeRoles(p *v1alpha1.ConsentPolicy) []Role {
	if p.Spec.Service.Database.Managed == nil {
		return nil
	}
	return Roles
}

// NewKeys builds the Secret of the service's keys from a source of chance. It has no owner reference: it goes when the
// ledger goes, for without it nothing in the ledger can be read or proven.
func NewKeys(p *v1alpha1.ConsentPolicy, chance io.Reader) (*corev1.Secret, error) {
	secret := &corev1.Secret{ObjectMeta: kept(p, KeysName(p.Name)), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{}}
	secret.Annotations = map[string]string{}
	for _, one := range madeKeys(p) {
		secret.Annotations[one.annotation] = one.number()
		var err error
		if secret.Data[one.key], err = drawn(chance); err != nil {
			return nil, err
		}
	}
	return secret, nil
}

// Credentials builds the Secret of a role of a managed ledger. The Admin's has no owner reference: it opens the volume, and
// goes when the volume goes.
func Credentials(p *v1alpha1.ConsentPolicy, role Role, password string) *corev1.Secret {
	secret := &corev1.Secret{
		ObjectMeta: kept(p, CredentialsName(p.Name, role)), Type: corev1.SecretTypeBasicAuth,
		Data: map[string][]byte{corev1.BasicAuthUsernameKey: []byte(users[role]), corev1.BasicAuthPasswordKey: []byte(password)},
	}
	if role != Admin {
		secret.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(p, v1alpha1.SchemeGroupVersion.WithKind("ConsentPolicy"))}
	}
	return secret
}

func kept(p *v1alpha1.ConsentPolicy, name string) metav1.ObjectMeta {
	all := labels(p.Name, ComponentCredentials)
	all[v1alpha1.LabelOwnerUID] = string(p.UID)
	return metav1.ObjectMeta{Name: name, Namespace: p.Namespace, Labels: all}
}

// Kept tells whether Rempart made the object for this policy, or for one of the same name that is gone: a volume claim, the
// admin's credentials or the keys that outlived it.
func Kept(object metav1.Object, policy string) bool {
	l := object.GetLabels()
	return l[v1alpha1.LabelManagedBy] == v1alpha1.ManagedByRempart && l[v1alpha1.LabelConsentPolicy] == policy
}

// Need is a Secret that the service cannot be without, and the keys that it must have.
type Need struct {
	Secret string
	Keys   []string
}

// Needs returns the Secrets of a policy, each once.
func Needs(p *v1alpha1.ConsentPolicy) []Need {
	var needs []Need
	for _, role := range Roles {
		needs = append(needs, Need{CredentialsOf(p, role), []string{corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey}})
	}
	for _, source := range keySources(p) {
		needs = append(needs, Need{source.secret, []string{source.key}})
	}
	if ca := caSecret(p); ca != "" {
		needs = append(needs, Need{ca, []string{keyCA}})
	}
	return append(needs, mailNeeds(p.Spec.Service.Mail)...)
}

// CredentialsOf returns the Secret with the credentials of a role.
func CredentialsOf(p *v1alpha1.ConsentPolicy, role Role) string {
	c := p.Spec.Service.Database.Connection
	if c == nil {
		return CredentialsName(p.Name, role)
	}
	switch role {
	case Admin:
		return string(c.AdminSecretRef.Name)
	case Sequencer:
		return string(c.SequencerSecretRef.Name)
	case Pruner:
		return string(c.PrunerSecretRef.Name)
	default:
		return string(c.AppSecretRef.Name)
	}
}

// keyCA is the key of a Secret with the roots that a connection trusts.
const keyCA = "ca.crt"

// caSecret names the Secret with the roots that the connection trusts; empty when there is none.
func caSecret(p *v1alpha1.ConsentPolicy) string {
	c := p.Spec.Service.Database.Connection
	if c == nil || c.TLS.CASecretRef == nil {
		return ""
	}
	return string(c.TLS.CASecretRef.Name)
}
