package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/client/gate"
	"github.com/rempart-dev/rempart/internal/consent/place"
)

// service is the demo's consent service, as a page or a program asks it.
type service struct {
	t       *testing.T
	address string
}

func consentService(t *testing.T) service {
	t.Helper()
	policy := &v1alpha1.ConsentPolicy{}
	policy.Namespace, policy.Name = demoNamespace, "chat"
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, policy)
		for _, c := range policy.Status.Conditions {
			if c.Type == v1alpha1.ConditionReady {
				g.Expect(string(c.Status)).To(gomega.Equal("True"), c.Message)
			}
		}
	})
	return service{t, forwarded(t, demoNamespace, "service/chat-consentd", "80")}
}

// ask sends a request and returns the status and the body. Header values alternate with their names.
func (s service) ask(method, path string, body any, header ...string) (int, []byte) {
	s.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.address+path, content)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Client{Timeout: slow}).Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, answer
}

// must is an ask whose status is known.
func (s service) must(want int, method, path string, body any, header ...string) []byte {
	s.t.Helper()
	status, answer := s.ask(method, path, body, header...)
	if status != want {
		s.t.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, answer)
	}
	return answer
}

func drawn() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// agree is a visitor who asks for the letter by its box; secret is what the page made at that act. It returns the receipt.
func (s service) agree(secret string) string {
	s.t.Helper()
	var words struct{ Token string }
	if err := json.Unmarshal(s.must(http.StatusOK, http.MethodGet, "/w/shop/notice.en.json", nil), &words); err != nil {
		s.t.Fatal(err)
	}
	answer := s.must(http.StatusCreated, http.MethodPost, "/v1/sites/shop/events", map[string]any{
		"noticeToken": words.Token, "method": "checkbox", "ui": map[string]any{"shownMs": 900, "visible": true}, "occurredAt": time.Now().UTC(),
		"acts": []map[string]any{{"type": "consent.given", "purpose": "newsletter", "decision": "granted"}},
	}, "Origin", "https://shop.parley.example", "Authorization", "Bearer "+secret, "Idempotency-Key", drawn())
	var recorded struct{ Receipt string }
	if err := json.Unmarshal(answer, &recorded); err != nil {
		s.t.Fatal(err)
	}
	return recorded.Receipt
}

type object = map[string]any

// passes are the fields of a contact that a program gets.
func (s service) passes(bearer string) object {
	s.t.Helper()
	answer := s.must(http.StatusOK, http.MethodPost, "/v1/gate:filter", object{
		"subject": object{"kind": "account", "id": "story-42"}, "record": "contact",
		"data": object{"email": "story@parley.example", "message": "Oak?", "birthday": "1990-01-01"},
	}, "Authorization", "Bearer "+bearer)
	var got struct{ Data object }
	if err := json.Unmarshal(answer, &got); err != nil {
		s.t.Fatal(err)
	}
	return got.Data
}

// inProcess is what passes where a program filters by itself, at the name that the service has in the cluster.
func (s service) inProcess(bearer string) string {
	s.t.Helper()
	through := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.address)
	}}
	program, err := gate.New(gate.Options{
		URL: "http://" + place.Host(demoNamespace, "chat"), PlainWithinCluster: true, HTTP: &http.Client{Transport: through},
		Token: func(context.Context) (string, error) { return bearer, nil },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	result, err := program.Filter(s.t.Context(), gate.Subject{Kind: "account", ID: "story-42"}, gate.Use{Record: "contact"},
		[]byte(`{"email":"story@parley.example","birthday":"1990-01-01"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(result.Data)
}

func TestAProgramGetsWhatAPersonAgreedToUntilTheyWithdraw(t *testing.T) {
	s := consentService(t)
	backend, secret := token(t, demoNamespace, "shop-backend", "consentd"), drawn()
	if data := s.passes(backend); data["email"] != nil || data["birthday"] != nil {
		t.Errorf("of somebody who was never asked it got %v", data)
	}
	s.agree(secret)
	s.must(http.StatusNoContent, http.MethodPost, "/v1/subjects:link",
		object{"known": object{"kind": "receipt", "id": secret}, "other": object{"kind": "account", "id": "story-42"}}, "Authorization", "Bearer "+backend)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(s.passes(backend)).To(gomega.HaveKeyWithValue("email", "story@parley.example"))
	})
	if got := s.inProcess(backend); got != `{"email":"story@parley.example"}` {
		t.Errorf("a program that filters by itself got %s", got)
	}

	s.must(http.StatusNoContent, http.MethodPost, "/v1/sites/shop/withdrawals", object{"purposes": []string{"newsletter"}},
		"Origin", "https://shop.parley.example", "Authorization", "Bearer "+secret)
	// The service promises a second. Each look goes through a forwarded port here, and cluster and test share two busy cores: how long
	// it takes says nothing, so it is not asserted.
	eventually(t, func(g gomega.Gomega) {
		g.Expect(s.passes(backend)).NotTo(gomega.HaveKey("email"))
	})

	// Whoever loses both replicas loses nothing: the ledger is the database's.
	pods := client.MatchingLabels{v1alpha1.LabelConsentPolicy: "chat", v1alpha1.LabelComponent: "consentd"}
	if err := admin.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(demoNamespace), pods, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	podsReady(t, demoNamespace, pods, 2)
	again := consentService(t)
	if data := again.passes(backend); data["email"] != nil {
		t.Errorf("after a restart the withdrawal is forgotten: %v", data)
	}
}

func TestTheConsentServiceAnswersOnlyThosePagesAndProgramsThatThePolicyNames(t *testing.T) {
	s := consentService(t)
	stranger, elsewhere := token(t, demoNamespace, "story-stranger", "consentd"), token(t, demoNamespace, "story-other")
	check := object{"subjects": []object{{"kind": "account", "id": "story-42"}}}
	for name, test := range map[string]struct {
		bearer string
		want   int
	}{
		"nobody": {"", http.StatusUnauthorized}, "a token for the API server": {elsewhere, http.StatusUnauthorized},
		"a program that the policy does not name": {stranger, http.StatusForbidden},
	} {
		if status, answer := s.ask(http.MethodPost, "/v1/check", check, "Authorization", "Bearer "+test.bearer); status != test.want {
			t.Errorf("%s: %d, want %d: %s", name, status, test.want, answer)
		}
	}
	status, _ := s.ask(http.MethodPost, "/v1/sites/shop/withdrawals", object{}, "Origin", "https://elsewhere.example", "Authorization", "Bearer "+drawn())
	if status != http.StatusForbidden {
		t.Errorf("a page of another origin: %d", status)
	}
}
