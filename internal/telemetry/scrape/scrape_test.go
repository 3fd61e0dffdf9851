package scrape

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/rest"
)

// apiServer knows the tokens "reader" and "stranger"; only the first may get /metrics. It counts what it is asked.
func apiServer(t *testing.T, asked *atomic.Int32, broken *atomic.Bool) *rest.Config {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		review := &authenticationv1.TokenReview{}
		if err := json.NewDecoder(r.Body).Decode(review); err != nil || broken.Load() {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		review.Kind, review.APIVersion = "TokenReview", "authentication.k8s.io/v1"
		review.Status.Authenticated = review.Spec.Token == "reader" || review.Spec.Token == "stranger"
		review.Status.User.Username = review.Spec.Token
		answer(w, review)
	})
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/subjectaccessreviews", func(w http.ResponseWriter, r *http.Request) {
		review := &authorizationv1.SubjectAccessReview{}
		if err := json.NewDecoder(r.Body).Decode(review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		review.Kind, review.APIVersion = "SubjectAccessReview", "authorization.k8s.io/v1"
		path := review.Spec.NonResourceAttributes
		review.Status.Allowed = review.Spec.User == "reader" && path.Path == "/metrics" && path.Verb == "get"
		answer(w, review)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"}}
}

func answer(w http.ResponseWriter, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(object)
}

// served returns what a caller gets.
func served(t *testing.T, handler http.Handler, method, path, authorization string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK && w.Body.String() == "the metrics" {
		t.Errorf("%d, and the metrics all the same", w.Code)
	}
	return w.Code
}

func TestOnlyCallersWithTheRightGetTheMetrics(t *testing.T) {
	var asked atomic.Int32
	var broken atomic.Bool
	filter, err := Filter(apiServer(t, &asked, &broken), http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := filter(logr.Discard(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the metrics")) }))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, authorization string
		want                        int
	}{
		{"GET", "/metrics", "", http.StatusUnauthorized},
		{"GET", "/metrics", "Bearer ", http.StatusUnauthorized},
		{"GET", "/metrics", "Basic cmVhZGVyOg==", http.StatusUnauthorized},
		{"GET", "/metrics", "Bearer forged", http.StatusUnauthorized},
		{"GET", "/metrics", "Bearer stranger", http.StatusForbidden},
		{"GET", "/metrics", "Bearer reader", http.StatusOK},
		{"POST", "/metrics", "Bearer reader", http.StatusForbidden},
		{"GET", "/debug", "Bearer reader", http.StatusForbidden},
	} {
		if got := served(t, handler, c.method, c.path, c.authorization); got != c.want {
			t.Errorf("%s %s with %q: %d, want %d", c.method, c.path, c.authorization, got, c.want)
		}
	}

	before := asked.Load()
	broken.Store(true)
	if got := served(t, handler, "GET", "/metrics", "Bearer reader"); got != http.StatusOK || asked.Load() != before {
		t.Errorf("a caller who was just admitted gets %d, after %d more questions", got, asked.Load()-before)
	}
	if got := served(t, handler, "GET", "/metrics", "Bearer stranger"); got != http.StatusServiceUnavailable {
		t.Errorf("while the API server cannot be asked a caller gets %d", got)
	}
}
