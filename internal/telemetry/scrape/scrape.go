// Package scrape admits to the metrics whom the API server knows by a bearer token and allows to get their path.
//
// The filter that controller-runtime offers does the same with the whole of k8s.io/apiserver, which is a third of the
// operator's image, with tracing and two RPC stacks that nothing here uses.
package scrape

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	lru "k8s.io/apimachinery/pkg/util/cache"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	// remembered is how long a caller who was admitted is admitted again without asking; a right that was taken away
	// counts for so long. Refusals are not remembered.
	remembered = time.Minute
	// callers is how many are remembered.
	callers = 256
	// patience with the API server.
	patience = 10 * time.Second
	// asked per second, and at once: whoever tries tokens must not load the API server through us.
	askedPerSecond, askedAtOnce = 10, 20
)

// guard judges callers.
type guard struct {
	tokens   authenticationclient.TokenReviewInterface
	rights   authorizationclient.SubjectAccessReviewInterface
	admitted *lru.LRUExpireCache // of caller
	log      logr.Logger
}

// caller is who asked for what. The token itself is not kept.
type caller struct {
	token        [sha256.Size]byte
	method, path string
}

// Filter is a FilterProvider of controller-runtime's metrics server.
func Filter(config *rest.Config, httpClient *http.Client) (metricsserver.Filter, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.RateLimiter = askedPerSecond, askedAtOnce, nil
	authentication, err := authenticationclient.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a client for token reviews: %w", err)
	}
	authorization, err := authorizationclient.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a client for access reviews: %w", err)
	}
	admitted := lru.NewLRUExpireCache(callers)
	return func(log logr.Logger, next http.Handler) (http.Handler, error) {
		g := &guard{authentication.TokenReviews(), authorization.SubjectAccessReviews(), admitted, log}
		return g.before(next), nil
	}, nil
}

// before answers 401 to whom the API server does not know, 403 to whom it does not allow, 503 when it cannot be asked.
func (g *guard) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, bears := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !bears || token == "" {
			refuse(w, http.StatusUnauthorized)
			return
		}
		who := caller{sha256.Sum256([]byte(token)), strings.ToLower(r.Method), r.URL.Path}
		if _, known := g.admitted.Get(who); known {
			next.ServeHTTP(w, r)
			return
		}
		status, err := g.ask(r.Context(), token, who)
		switch {
		case err != nil:
			g.log.Error(err, "Could not ask the API server about a caller of the metrics")
			refuse(w, http.StatusServiceUnavailable)
		case status != http.StatusOK:
			refuse(w, status)
		default:
			g.admitted.Add(who, nil, remembered)
			next.ServeHTTP(w, r)
		}
	})
}

// ask returns the status that the caller is to get.
func (g *guard) ask(ctx context.Context, token string, who caller) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	known, err := g.tokens.Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	if err != nil {
		return 0, fmt.Errorf("asking whose token it is: %w", err)
	}
	if !known.Status.Authenticated {
		return http.StatusUnauthorized, nil
	}
	user := known.Status.User
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, values := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	allowed, err := g.rights.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: who.path, Verb: who.method},
	}}, metav1.CreateOptions{})
	if err != nil {
		return 0, fmt.Errorf("asking for the rights of a caller: %w", err)
	}
	if !allowed.Status.Allowed || allowed.Status.Denied {
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}

func refuse(w http.ResponseWriter, status int) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	http.Error(w, http.StatusText(status), status)
}
