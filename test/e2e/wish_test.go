package e2e

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// press posts the form of a person's page, whose link was mailed.
func (s service) press(link string, fields url.Values) string {
	s.t.Helper()
	at, err := url.Parse(link)
	if err != nil {
		s.t.Fatal(err)
	}
	fields.Set("token", at.Query().Get("token"))
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.address+at.Path, strings.NewReader(fields.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := (&http.Client{Timeout: slow}).Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%d, %v: %s", response.StatusCode, err, page)
	}
	return string(page)
}

// viewOf is a link to the page of whoever has an account, as the shop mails it.
func (s service) viewOf(bearer, id string) string {
	s.t.Helper()
	var invited struct{ URL string }
	answer := s.must(http.StatusCreated, http.MethodPost, "/v1/subjects:invite", object{"subject": object{"kind": "account", "id": id}, "site": "shop", "kind": "view"}, "Authorization", "Bearer "+bearer)
	if err := json.Unmarshal(answer, &invited); err != nil {
		s.t.Fatal(err)
	}
	return invited.URL
}

// eventOf is the first event of a receipt.
func eventOf(t *testing.T, receipt string) string {
	t.Helper()
	parts := strings.Split(receipt, ".")
	if len(parts) != 3 {
		t.Fatalf("no receipt: %s", receipt)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ EV []struct{ ID string } }
	if err := json.Unmarshal(payload, &claims); err != nil || len(claims.EV) == 0 {
		t.Fatalf("%v: %s", err, payload)
	}
	return claims.EV[0].ID
}

func TestWhoAsksForErasureOnTheirPageIsErasedOnceSomebodyDecides(t *testing.T) {
	const account = "story-wish-7"
	s := consentService(t)
	backend, secret := token(t, demoNamespace, "shop-backend", "consentd"), drawn()
	event := eventOf(t, s.agree(secret))
	s.must(http.StatusNoContent, http.MethodPost, "/v1/subjects:link",
		object{"known": object{"kind": "receipt", "id": secret}, "other": object{"kind": "account", "id": account}}, "Authorization", "Bearer "+backend)
	before := time.Now().UTC().Truncate(time.Second)
	if page := s.press(s.viewOf(backend, account), url.Values{"action": {"erase"}, "lang": {"en"}, "account": {"story-somebody-else"}}); !strings.Contains(page, "is not linked with you here") {
		t.Errorf("a person has somebody else erased: %s", page)
	}
	if page := s.press(s.viewOf(backend, account), url.Values{"action": {"erase"}, "lang": {"en"}, "account": {account}}); !strings.Contains(page, "has been recorded") {
		t.Fatalf("%s", page)
	}

	made := &v1alpha1.ErasureRequestList{}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(admin.List(t.Context(), made, client.InNamespace(demoNamespace), client.MatchingLabels{v1alpha1.LabelConsentPolicy: "chat"})).To(gomega.Succeed())
		g.Expect(made.Items).To(gomega.HaveLen(1))
	})
	r := &made.Items[0]
	if received := r.Spec.ReceivedTime.Time; received.Before(before) || received.After(time.Now()) {
		t.Errorf("its month counts from %s", received)
	}
	awaitPlanned(t, r)
	if page := s.press(s.viewOf(backend, account), url.Values{"action": {"erase"}, "lang": {"en"}}); !strings.Contains(page, "asked for erasure already") {
		t.Errorf("a person may ask twice at once: %s", page)
	}
	if err := approve(t, as(t, "privacy-office"), r); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, r, string(v1alpha1.EndPartlyErased)) // what proves that they had consented is kept
	secretIsGone(t, string(r.Spec.Subject.SecretRef.Name))

	s.must(http.StatusNotFound, http.MethodPost, "/v1/subjects:link",
		object{"known": object{"kind": "account", "id": account}, "other": object{"kind": "account", "id": account + "-other"}}, "Authorization", "Bearer "+backend)
	s.must(http.StatusOK, http.MethodGet, "/v1/sites/shop/log/proof/"+event, nil)
	policy := &v1alpha1.ConsentPolicy{}
	policy.Namespace, policy.Name = demoNamespace, "chat"
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, policy)
		expectCondition(g, policy.Status.Conditions, v1alpha1.ConditionVerified, metav1.ConditionTrue, v1alpha1.ReasonAuditPassed)
		expectCondition(g, policy.Status.Conditions, v1alpha1.ConditionWishesHandled, metav1.ConditionTrue, v1alpha1.ReasonNoWishWaits)
	})
}

// TestWhoHasAReceiptAloneIsErasedFromTheLedger: nobody knows an account or an address of theirs.
func TestWhoHasAReceiptAloneIsErasedFromTheLedger(t *testing.T) {
	s := consentService(t)
	secret := drawn()
	event := eventOf(t, s.agree(secret))
	visitor := []string{"Origin", "https://shop.parley.example", "Authorization", "Bearer " + secret}
	s.must(http.StatusCreated, http.MethodPost, "/v1/sites/shop/erasures", object{}, visitor...)
	var r *v1alpha1.ErasureRequest
	eventually(t, func(g gomega.Gomega) {
		made := &v1alpha1.ErasureRequestList{}
		g.Expect(admin.List(t.Context(), made, client.InNamespace(demoNamespace), client.MatchingLabels{v1alpha1.LabelConsentPolicy: "chat"})).To(gomega.Succeed())
		open := slices.DeleteFunc(made.Items, func(one v1alpha1.ErasureRequest) bool { return one.Status.End != "" || len(one.Spec.Purposes) > 0 })
		g.Expect(open).To(gomega.HaveLen(1))
		r = &open[0]
	})
	if r.Spec.IdentityCheck != nil {
		t.Errorf("somebody is said to have checked who asks: %+v", r.Spec.IdentityCheck)
	}
	awaitPlanned(t, r)
	s.must(http.StatusOK, http.MethodPost, "/v1/sites/shop/erasures", object{}, visitor...)
	if err := approve(t, as(t, "privacy-office"), r); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, r, string(v1alpha1.EndPartlyErased)) // what proves that they had consented is kept
	s.must(http.StatusNotFound, http.MethodGet, "/v1/sites/shop/export", nil, visitor...)
	s.must(http.StatusOK, http.MethodGet, "/v1/sites/shop/log/proof/"+event, nil)
}
