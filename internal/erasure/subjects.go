package erasure

import (
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

// Person is what was seen of a subject Secret. It holds no identifier: Check is the MAC under a run's own key.
type Person struct {
	// Problem is why the Secret cannot be used, as a reason of Accepted; empty when it can.
	Problem string
	// Reference names the person under the active key; SecretUID is the Secret that says so.
	Reference, SecretUID string
	// References name the person by all identifiers and by each alone, under every key: what a LegalHold is compared with.
	References []string
	// Recall are references to each identifier alone, under the key of the namespace: what is kept for a restore.
	Recall []string
	// Check is set for a run: see See.
	Check string
	// Kinds are those of the identifiers.
	Kinds []v1alpha1.IdentifierKind
}

// See reads a subject Secret, nil when it does not exist. A Secret of another type than Opaque, or with a key that is not
// an identifier, is not a subject Secret, whoever names it. Bound is the reference of the accepted person, empty before.
// CheckKey is the key of a run, nil outside of one.
func See(secret *corev1.Secret, ring subjectkey.Ring, bound string, checkKey []byte) Person {
	if secret == nil || secret.DeletionTimestamp != nil {
		return Person{Problem: v1alpha1.ReasonSubjectMissing}
	}
	if secret.Type != corev1.SecretTypeOpaque && secret.Type != "" {
		return Person{Problem: v1alpha1.ReasonSubjectUnreadable}
	}
	who, err := subject.Read(secret.Data)
	if err != nil {
		return Person{Problem: unreadable(err)}
	}
	person := Person{Reference: ring.Reference(who), References: append(ring.References(who), ring.RecallAll(secret.Namespace, who)...), Recall: ring.Recall(secret.Namespace, who), SecretUID: string(secret.UID), Kinds: who.Kinds()}
	if checkKey != nil {
		person.Check = who.MAC(checkKey)
	}
	if bound == "" {
		if err := who.Possible(); err != nil {
			return Person{Problem: unreadable(err)}
		}
		return person
	}
	same, err := ring.Same(bound, who)
	switch {
	case errors.Is(err, subjectkey.ErrKeyMissing):
		return Person{Problem: v1alpha1.ReasonSubjectKeyMissing}
	case err != nil || !same:
		return Person{Problem: v1alpha1.ReasonSubjectChanged}
	}
	person.Reference = bound
	return person
}

// unreadable is the reason for which a subject cannot be read.
func unreadable(err error) string {
	switch {
	case errors.Is(err, subject.ErrEmpty):
		return v1alpha1.ReasonSubjectEmpty
	case errors.Is(err, subject.ErrEmail):
		return v1alpha1.ReasonEmailMalformed
	case errors.Is(err, subject.ErrPhone):
		return v1alpha1.ReasonPhoneMalformed
	case errors.Is(err, subject.ErrUnseen):
		return v1alpha1.ReasonCharacterUnseen
	default:
		return v1alpha1.ReasonSubjectUnreadable
	}
}

// Remembered is what is known of the person of a request whose subject Secret is gone.
func Remembered(request *v1alpha1.ErasureRequest) Person {
	return Person{Reference: request.Status.SubjectRef, References: append([]string{request.Status.SubjectRef}, request.Status.RecallRefs...), Recall: request.Status.RecallRefs}
}

// Deletable tells whether a Secret is a subject Secret, whose end is the end of a request: Rempart deletes no other.
func Deletable(secret *corev1.Secret) bool {
	if secret.Type != corev1.SecretTypeOpaque && secret.Type != "" {
		return false
	}
	_, err := subject.Read(secret.Data)
	return err == nil || unreadable(err) != v1alpha1.ReasonSubjectUnreadable
}
