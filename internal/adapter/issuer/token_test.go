package issuer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestTheAccountIsMadeOnFirstUse(t *testing.T) {
	var asked []string
	made := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch {
		case strings.HasSuffix(r.URL.Path, "/serviceaccounts"):
			if made { // by the other replica
				w.WriteHeader(http.StatusConflict)
				_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"AlreadyExists","code":409}`))
			}
			made = true
		case !made:
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
		default:
			_, _ = w.Write([]byte(`{"status":{"token":"t","expirationTimestamp":"2026-11-30T12:10:00Z"}}`))
		}
	}))
	t.Cleanup(server.Close)
	client, err := discovery.NewDiscoveryClientForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	a := &Account{REST: client.RESTClient(), Namespace: "rempart-system", Name: "rempart-consent", Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))}
	if token, err := a.Token(t.Context(), "consentd/a"); err != nil || token != "t" || len(asked) != 3 {
		t.Errorf("%q, %v, asked %v", token, err, asked)
	}
	if err := a.make(t.Context()); err != nil {
		t.Errorf("somebody was quicker: %v", err)
	}
}

func TestATokenIsAskedForOncePerAudienceUntilItNearsItsEnd(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	asked, status := 0, http.StatusCreated
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request authenticationv1.TokenRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || r.Method != http.MethodPost || r.URL.Path != "/api/v1/namespaces/rempart-system/serviceaccounts/rempart-consent/token" ||
			*request.Spec.ExpirationSeconds != 600 || len(request.Spec.Audiences) != 1 {
			t.Errorf("%s %s %+v %v", r.Method, r.URL, request, err)
		}
		asked++
		w.WriteHeader(status)
		request.Status = authenticationv1.TokenRequestStatus{Token: fmt.Sprintf("%s %d", request.Spec.Audiences[0], asked), ExpirationTimestamp: metav1.NewTime(clock.Now().Add(10 * time.Minute))}
		_ = json.NewEncoder(w).Encode(request)
	}))
	t.Cleanup(server.Close)
	client, err := discovery.NewDiscoveryClientForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	a := &Account{REST: client.RESTClient(), Namespace: "rempart-system", Name: "rempart-consent", Clock: clock}
	want := func(audience, token string) {
		t.Helper()
		if got, err := a.Token(t.Context(), audience); err != nil || got != token {
			t.Errorf("got %q, %v, want %q", got, err, token)
		}
	}
	want("consentd/a", "consentd/a 1")
	want("consentd/a", "consentd/a 1")
	want("consentd/b", "consentd/b 2")
	clock.SetTime(clock.Now().Add(8 * time.Minute))
	want("consentd/a", "consentd/a 3")
	clock.SetTime(clock.Now().Add(9 * time.Minute))
	want("consentd/a", "consentd/a 4")
	if len(a.kept) != 1 {
		t.Errorf("tokens that ended are kept: %d", len(a.kept))
	}
	status = http.StatusForbidden
	if _, err := a.Token(t.Context(), "consentd/c"); err == nil || strings.Contains(err.Error(), "consentd/c") {
		t.Errorf("%v", err)
	}
}
