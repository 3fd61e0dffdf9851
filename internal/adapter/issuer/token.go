package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// How long a token lives that is asked for, which is the least that the API server gives, and how long before its end another is.
const (
	life  = 10 * time.Minute
	spare = 2 * time.Minute
)

// Account is a ServiceAccount whose tokens are asked for: one without any role, that no pod runs as. It is made on first use. Each token is
// kept until shortly before its end.
type Account struct {
	REST            rest.Interface
	Namespace, Name string
	Clock           clock.PassiveClock

	mu   sync.Mutex
	kept map[string]authenticationv1.TokenRequestStatus
}

// errToken means that the API server gave no token. Its own words are not repeated.
var errToken = errors.New("the API server gave no token")

// Token returns a token for an audience. The API server accepts none of them but for its own.
func (a *Account) Token(ctx context.Context, audience string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if kept := a.kept[audience]; a.Clock.Now().Add(spare).Before(kept.ExpirationTimestamp.Time) {
		return kept.Token, nil
	}
	body, err := json.Marshal(authenticationv1.TokenRequest{
		TypeMeta: metav1.TypeMeta{APIVersion: authenticationv1.SchemeGroupVersion.String(), Kind: "TokenRequest"},
		Spec:     authenticationv1.TokenRequestSpec{Audiences: []string{audience}, ExpirationSeconds: ptr.To(int64(life / time.Second))},
	})
	if err != nil {
		return "", fmt.Errorf("writing a request for a token: %w", err)
	}
	text, err := a.post(ctx, "/"+a.Name+"/token", body)
	if apierrors.IsNotFound(err) {
		if err = a.make(ctx); err == nil {
			text, err = a.post(ctx, "/"+a.Name+"/token", body)
		}
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", errToken, apierrors.ReasonForError(err))
	}
	var answer authenticationv1.TokenRequest
	if err := json.Unmarshal(text, &answer); err != nil || answer.Status.Token == "" {
		return "", fmt.Errorf("%w: it answered in another form", errToken)
	}
	if a.kept == nil {
		a.kept = map[string]authenticationv1.TokenRequestStatus{}
	}
	for other, kept := range a.kept { // of policies that are gone
		if kept.ExpirationTimestamp.Time.Before(a.Clock.Now()) {
			delete(a.kept, other)
		}
	}
	a.kept[audience] = answer.Status
	return answer.Status.Token, nil
}

// make makes the ServiceAccount. Somebody who was quicker made the same.
func (a *Account) make(ctx context.Context) error {
	body, err := json.Marshal(corev1.ServiceAccount{
		TypeMeta: metav1.TypeMeta{APIVersion: corev1.SchemeGroupVersion.String(), Kind: "ServiceAccount"},
		ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: a.Name,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}},
		AutomountServiceAccountToken: ptr.To(false),
	})
	if err != nil {
		return fmt.Errorf("writing a ServiceAccount: %w", err)
	}
	if _, err := a.post(ctx, "", body); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// post sends JSON to the ServiceAccounts of the namespace.
func (a *Account) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	return a.REST.Post().AbsPath("/api/v1/namespaces/"+a.Namespace+"/serviceaccounts"+path).SetHeader("Content-Type", "application/json").Body(body).DoRaw(ctx) //nolint:wrapcheck // looked at by its reason
}
