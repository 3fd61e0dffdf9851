package register

import (
	"encoding/base64"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// ComponentCredentials is the LabelComponent of Secrets with generated credentials.
const ComponentCredentials = "credentials"

// passwordBytes is how much chance a password holds.
const passwordBytes = 32

// NewPassword draws a password from a source of chance: 32 bytes as 43 characters that need no quoting anywhere.
func NewPassword(chance io.Reader) (string, error) {
	raw := make([]byte, passwordBytes)
	if _, err := io.ReadFull(chance, raw); err != nil {
		return "", fmt.Errorf("drawing a password: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// userOf returns the login role of a managed store.
func userOf(role task.Role) string {
	switch role {
	case task.Eraser:
		return EraserUser
	case task.Verifier:
		return VerifierUser
	default:
		return database.AdminUser
	}
}

// Credentials builds the Secret of a role of a managed store. The admin's has no owner reference: it opens the volume,
// and goes when the volume goes.
func Credentials(r *v1alpha1.DataRegister, store string, role task.Role, password string) *corev1.Secret {
	all := labels(r.Name, store, ComponentCredentials)
	all[v1alpha1.LabelOwnerUID] = string(r.UID)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: SecretName(r.Name, store, role), Namespace: r.Namespace, Labels: all},
		Type:       corev1.SecretTypeBasicAuth,
		Data: map[string][]byte{
			corev1.BasicAuthUsernameKey: []byte(userOf(role)),
			corev1.BasicAuthPasswordKey: []byte(password),
		},
	}
	if role != task.Admin {
		secret.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(r, v1alpha1.SchemeGroupVersion.WithKind("DataRegister"))}
	}
	return secret
}

// Kept tells whether Rempart made the object for this register, or for one of the same name that is gone: a volume claim
// or the admin's Secret that outlived it.
func Kept(object metav1.Object, register, store string) bool {
	l := object.GetLabels()
	return l[v1alpha1.LabelManagedBy] == v1alpha1.ManagedByRempart && l[v1alpha1.LabelRegister] == register && l[v1alpha1.LabelStore] == store
}
