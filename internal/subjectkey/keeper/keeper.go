// Package keeper keeps the operator's subject keys in a Secret of its own namespace, and makes them on first use.
package keeper

import (
	"context"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

// Keeper reads the Secret live and makes it when it does not exist. Two operators that start at once agree: the second
// create fails, and the first one's keys are read.
type Keeper struct {
	Reader client.Reader
	Client client.Client
	// Namespace of the operator.
	Namespace string
	// Random is crypto/rand.Reader but in tests.
	Random io.Reader
}

// +kubebuilder:rbac:groups="",resources=secrets,namespace=rempart-system,verbs=get;create

// Ring returns the keys.
func (k Keeper) Ring(ctx context.Context) (subjectkey.Ring, error) {
	ring, err := k.read(ctx)
	if !apierrors.IsNotFound(err) {
		return ring, err
	}
	if err := k.create(ctx); err != nil && !apierrors.IsAlreadyExists(err) {
		return subjectkey.Ring{}, fmt.Errorf("making the subject keys: %w", err)
	}
	return k.read(ctx)
}

func (k Keeper) read(ctx context.Context) (subjectkey.Ring, error) {
	secret := &corev1.Secret{}
	if err := k.Reader.Get(ctx, types.NamespacedName{Namespace: k.Namespace, Name: subjectkey.SecretName}, secret); err != nil {
		return subjectkey.Ring{}, fmt.Errorf("reading the subject keys: %w", err)
	}
	return subjectkey.Parse(secret.Data)
}

func (k Keeper) create(ctx context.Context) error {
	key := make([]byte, subjectkey.Size)
	if _, err := io.ReadFull(k.Random, key); err != nil {
		return fmt.Errorf("drawing a key: %w", err)
	}
	data, err := subjectkey.Data(key)
	if err != nil {
		return err
	}
	return k.Client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: subjectkey.SecretName,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}},
		Type: corev1.SecretTypeOpaque, Data: data,
	})
}
