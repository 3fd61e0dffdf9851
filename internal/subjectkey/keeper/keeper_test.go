package keeper_test

import (
	"context"
	"crypto/rand"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/subjectkey"
	"github.com/rempart-dev/rempart/internal/subjectkey/keeper"
)

func reference(t *testing.T, k keeper.Keeper) string {
	t.Helper()
	ring, err := k.Ring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	person, err := subject.Read(map[string][]byte{"email": []byte("ada@example.org")})
	if err != nil {
		t.Fatal(err)
	}
	return ring.Reference(person)
}

func TestTheKeyIsMadeOnceAndThenRead(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	k := keeper.Keeper{Reader: c, Client: c, Namespace: "rempart-system", Random: rand.Reader}
	first := reference(t, k)
	if second := reference(t, k); second != first {
		t.Fatalf("the key changed: %s, then %s", first, second)
	}
}

func TestTheLoserOfARaceUsesTheWinnersKey(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	winner := keeper.Keeper{Reader: c, Client: c, Namespace: "rempart-system", Random: rand.Reader}
	var want string
	loser := winner
	loser.Client = interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			want = reference(t, winner)
			return w.Create(ctx, o, opts...)
		},
	})
	if got := reference(t, loser); got != want {
		t.Fatalf("two keys: %s and %s", got, want)
	}
}

func TestABrokenRingIsAnErrorAndIsNotReplaced(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	secret := &corev1.Secret{}
	secret.Namespace, secret.Name = "rempart-system", subjectkey.SecretName
	if err := c.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	k := keeper.Keeper{Reader: c, Client: c, Namespace: "rempart-system", Random: rand.Reader}
	if _, err := k.Ring(t.Context()); err == nil || apierrors.IsNotFound(err) {
		t.Fatalf("want an error of its own, got %v", err)
	}
	if err := c.Get(t.Context(), types.NamespacedName{Namespace: "rempart-system", Name: subjectkey.SecretName}, secret); err != nil || len(secret.Data) != 0 {
		t.Fatalf("the Secret was changed: %v", err)
	}
}
