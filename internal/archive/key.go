package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// ring is the key that signs now, and all that signed before it and are published.
type ring struct {
	evidence.Key
	keys evidence.Keys
}

// errRotated means that the key is another one since it was read. The next pass reads it again.
var errRotated = errors.New("the key of evidence was replaced meanwhile")

// ring reads the key, makes it on first use, and replaces it when its Secret asks for that. A key that was published and is gone is
// not replaced: who signs then would not be who signed before.
func (a *Archive) ring(ctx context.Context) (ring, error) {
	published, err := a.published(ctx)
	if apierrors.IsNotFound(err) {
		return a.first(ctx)
	}
	if err != nil {
		return ring{}, err
	}
	keys, err := evidence.ParseKeys(published.Data[evidence.PublicKeyFile])
	if err != nil {
		return ring{}, lost(err)
	}
	secret := &corev1.Secret{}
	err = a.Reader.Get(ctx, a.name(evidence.KeySecret(len(keys))), secret)
	if apierrors.IsNotFound(err) {
		return ring{}, lost(errors.New("the Secret is gone"))
	}
	if err != nil {
		return ring{}, fmt.Errorf("reading the key of evidence: %w", err)
	}
	key, err := evidence.NewKey(secret.Data[evidence.SeedKey])
	if err != nil {
		return ring{}, lost(err)
	}
	if key.Public().String() != keys.Last().String() {
		return ring{}, lost(errors.New("another key was published"))
	}
	now := ring{key, keys}
	if _, asked := secret.Annotations[evidence.AnnotationRotate]; asked {
		return a.rotate(ctx, now)
	}
	return now, nil
}

// first makes and publishes the first key.
func (a *Archive) first(ctx context.Context) (ring, error) {
	key, err := a.secret(ctx, 1)
	if err != nil {
		return ring{}, err
	}
	now := ring{key, evidence.Keys{key.Public()}}
	err = a.Client.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: evidence.PublicKeyName,
		Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}}, Data: map[string]string{evidence.PublicKeyFile: now.keys.String()}})
	if apierrors.IsAlreadyExists(err) { // another operator was first
		return a.ring(ctx)
	}
	if err != nil {
		return ring{}, fmt.Errorf("publishing the key of evidence: %w", err)
	}
	return now, nil
}

// secret reads the n-th key, from 1, and makes it when there is none.
func (a *Archive) secret(ctx context.Context, n int) (evidence.Key, error) {
	secret := &corev1.Secret{}
	err := a.Reader.Get(ctx, a.name(evidence.KeySecret(n)), secret)
	if apierrors.IsNotFound(err) {
		seed := make([]byte, evidence.SeedSize)
		if _, err := io.ReadFull(a.Random, seed); err != nil {
			return evidence.Key{}, fmt.Errorf("drawing a key: %w", err)
		}
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: evidence.KeySecret(n),
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}},
			Immutable: ptr.To(true), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{evidence.SeedKey: seed}}
		if err = a.Client.Create(ctx, secret); apierrors.IsAlreadyExists(err) { // another operator was first
			err = a.Reader.Get(ctx, a.name(evidence.KeySecret(n)), secret)
		}
	}
	if err != nil {
		return evidence.Key{}, fmt.Errorf("making the key of evidence: %w", err)
	}
	key, err := evidence.NewKey(secret.Data[evidence.SeedKey])
	if err != nil {
		return evidence.Key{}, lost(err)
	}
	return key, nil
}

// rotate replaces the key: the next one is made, a leaf of both says so, it is published, and from then on it signs. Each step finds
// what an earlier try did: the name of the Secret, the hash of the new key in the leaf, the line of the key.
func (a *Archive) rotate(ctx context.Context, now ring) (ring, error) {
	head, err := a.head(ctx, now)
	if err != nil {
		return ring{}, err
	}
	if err := a.learn(ctx, now); err != nil {
		return ring{}, err
	}
	next, err := a.secret(ctx, len(now.keys)+1)
	if err != nil {
		return ring{}, err
	}
	leaf := evidence.Rotate(now.Key, next)
	if slices.ContainsFunc(a.rotations, func(r evidence.Rotation) bool { return r.From == leaf.Rotation.From && r.To != leaf.Rotation.To }) {
		return ring{}, a.unless(ctx, now, lost(errors.New("the log names another next key")))
	}
	if _, found, err := a.find(ctx, leaf, now); err != nil {
		return ring{}, err
	} else if !found {
		if _, err := a.append(ctx, max(head.Size, a.last.Size), leaf); err != nil {
			return ring{}, err
		}
	}
	published, err := a.published(ctx)
	if err != nil {
		return ring{}, fmt.Errorf("reading the published keys: %w", err)
	}
	if published.Data[evidence.PublicKeyFile] != now.keys.String() {
		return ring{}, errRotated
	}
	after := ring{next, append(slices.Clone(now.keys), next.Public())}
	published.Data = map[string]string{evidence.PublicKeyFile: after.keys.String()}
	if err := a.Client.Update(ctx, published); err != nil {
		return ring{}, fmt.Errorf("publishing the key of evidence: %w", err)
	}
	return after, nil
}

// handedOver checks that the rotations in the log lead to the key that signs, along the published ones. A rotation that another
// try has written and not published yet is completed. Published keys without a rotation were swapped.
func (a *Archive) handedOver(ctx context.Context, now ring) (ring, error) {
	keys, err := evidence.KeysOf(a.rotations)
	if err != nil {
		return ring{}, damaged(err)
	}
	if len(keys) == 0 {
		keys = now.keys[:1]
	}
	switch {
	case keys.String() == now.keys.String():
		return now, nil
	case len(keys) == len(now.keys)+1 && keys[:len(now.keys)].String() == now.keys.String():
		return a.rotate(ctx, now)
	default:
		return ring{}, a.unless(ctx, now, lost(errors.New("the log has no rotation to the published key")))
	}
}

// unless returns errRotated when the key was replaced since it was read, which explains everything, else the failure.
func (a *Archive) unless(ctx context.Context, now ring, failure error) error {
	published, err := a.published(ctx)
	if err != nil {
		return err
	}
	if published.Data[evidence.PublicKeyFile] != now.keys.String() {
		return errRotated
	}
	return failure
}

func (a *Archive) published(ctx context.Context) (*corev1.ConfigMap, error) {
	object := &corev1.ConfigMap{}
	err := a.Reader.Get(ctx, a.name(evidence.PublicKeyName), object)
	return object, err
}

func lost(err error) error {
	return permanent(v1alpha1.ReasonEvidenceKeyLost, err, "The newest Secret rempart-evidence-key of the operator's namespace is gone, is not the key that was published, or was swapped without a rotation; restore it")
}
