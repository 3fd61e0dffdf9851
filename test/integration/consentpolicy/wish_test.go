package consentpolicy

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	controller "github.com/rempart-dev/rempart/controllers/consentpolicy/wish"
	"github.com/rempart-dev/rempart/internal/adapter/issuer"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/wish"
)

// consentAccount is what the service recognises as the operator.
const consentAccount = "rempart-consent"

// viewOf is the token of a link for whoever has an address, as a program asks for it that may link.
func viewOf(t *testing.T, service *program, address string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-backend"}}
	if !there(t, account.Name, &corev1.ServiceAccount{})() {
		must(t, server.Client.Create(t.Context(), account))
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"consentd"}}}
	must(t, server.Client.SubResource("token").Create(t.Context(), account, request))
	var invited struct{ URL string }
	must(t, service.ask(t.Context(), http.MethodPost, "/v1/subjects:invite", request.Status.Token, inJSON, `{"subject":{"kind":"email","id":"`+address+`"},"site":"shop","kind":"view"}`, &invited))
	link, err := url.Parse(invited.URL)
	must(t, err)
	return link.Query().Get("token")
}

// wishBecomesRequest has a person ask for erasure on their page. The controller, its tokens and the service are real.
func wishBecomesRequest(t *testing.T, mgr ctrl.Manager, service *program) {
	const address = "ada@example.org"
	form := url.Values{"token": {viewOf(t, service, address)}, "action": {"erase"}, "email": {address}}
	must(t, service.ask(t.Context(), http.MethodPost, "/me/shop", "", "application/x-www-form-urlencoded", form.Encode(), nil))

	api, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	must(t, err)
	r := &controller.Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: events.NewFakeRecorder(100), Config: controller.Config{Service: service, Clock: clock.RealClock{},
		Tokens: &issuer.Account{REST: api.RESTClient(), Namespace: operatorNamespace, Name: consentAccount, Clock: clock.RealClock{}}}}
	pass := func() {
		t.Helper()
		if _, err := r.Reconcile(t.Context(), live(t)); err != nil {
			t.Fatal(err)
		}
	}
	requests := &v1alpha1.ErasureRequestList{}
	eventually(t, "a request", func() bool {
		pass()
		must(t, server.Client.List(t.Context(), requests))
		return len(requests.Items) > 0
	})
	request := requests.Items[0]
	person := &corev1.Secret{}
	must(t, server.Client.Get(t.Context(), key(string(request.Spec.Subject.SecretRef.Name)), person))
	if len(requests.Items) != 1 || string(person.Data["email"]) != address || len(person.Data["consentSubject"]) != 36 || request.Labels[v1alpha1.LabelConsentPolicy] != "chat" {
		t.Errorf("%+v", requests.Items)
	}
	eventually(t, "the condition", func() bool {
		pass()
		return has(t, v1alpha1.ConditionWishesHandled, metav1.ConditionTrue, v1alpha1.ReasonNoWishWaits)()
	})
	before := versions(t)
	for range 3 {
		pass()
	}
	if diff := cmp.Diff(before, versions(t)); diff != "" {
		t.Errorf("a pass over a wish that is being handled writes: %s", diff)
	}
	request.Status.End = v1alpha1.EndNothingFound
	must(t, server.Client.Status().Update(t.Context(), &request))
	eventually(t, "the wish is answered", func() bool {
		pass()
		token, err := r.Tokens.Token(t.Context(), "consentd/"+live(t).Status.TenantID)
		must(t, err)
		page, err := service.Wishes(t.Context(), "", token, wish.List{Way: consent.ByLink, Opened: true, Limit: 1})
		must(t, err)
		return len(page.Wishes) == 0
	})
	must(t, server.Client.Delete(t.Context(), &request))
}
