package issuer

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// serve is an API server that answers discovery.
func serve(t *testing.T, status int, answers map[string]string) Cluster {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answers[r.URL.Path]))
	}))
	t.Cleanup(server.Close)
	client, err := discovery.NewDiscoveryClientForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return Cluster{REST: client.RESTClient()}
}

func TestTheIssuersKeysAreWrittenOneWay(t *testing.T) {
	got, err := serve(t, http.StatusOK, map[string]string{
		pathConfiguration: `{"issuer":"https://kubernetes.default.svc","jwks_uri":"x"}`,
		pathKeys:          `{"keys": [ {"use":"sig","kty":"RSA","n":"AQ"} ] }`,
	}).Issuers(t.Context())
	if err != nil || len(got) != 1 || got[0].Issuer != "https://kubernetes.default.svc" || string(got[0].JWKS) != `{"keys":[{"kty":"RSA","n":"AQ","use":"sig"}]}` {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAClusterThatDoesNotTellHasNoIssuer(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusForbidden, http.StatusUnauthorized} {
		if got, err := serve(t, status, nil).Issuers(t.Context()); err != nil || got != nil {
			t.Errorf("%d: %v, %v", status, got, err)
		}
	}
	if _, err := serve(t, http.StatusOK, map[string]string{pathConfiguration: `{}`, pathKeys: `{}`}).Issuers(t.Context()); err == nil {
		t.Error("an answer without an issuer is a fault, not an empty set")
	}
	for _, keys := range []string{`no`, `{}`, `{"keys":[]}`} {
		if _, err := serve(t, http.StatusOK, map[string]string{pathConfiguration: `{"issuer":"x"}`, pathKeys: keys}).Issuers(t.Context()); err == nil {
			t.Errorf("%s is no set of keys", keys)
		}
	}
}
