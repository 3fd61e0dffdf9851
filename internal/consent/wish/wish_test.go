package wish

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

const tenant = "6f9c0f1e-0000-8000-8000-000000000000"

var noon = time.Date(2026, 11, 30, 12, 0, 0, 123456000, time.UTC)

func policy() *v1alpha1.ConsentPolicy {
	return &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "chat"}}
}

// waiting is the wish of who was sent a link.
func waiting(n byte) Wish {
	return Wish{ID: uuid.UUID{15: n}, Subject: uuid.UUID{0: n}, AskedAt: noon, Shown: "link"}
}

func opened(w Wish) Wish { w.OpenedAt = &noon; return w }

func forgotten(w Wish) Wish { w.Forgotten = true; return w }

func TestEachWishIsMadeARequestOnceAndAnsweredOnce(t *testing.T) {
	request := func(end v1alpha1.ErasureEnd) *v1alpha1.ErasureRequest {
		return &v1alpha1.ErasureRequest{Status: v1alpha1.ErasureRequestStatus{End: end}}
	}
	w := waiting(1)
	for name, test := range map[string]struct {
		wish    Wish
		request *v1alpha1.ErasureRequest
		open    int
		want    Plan
	}{
		"new":                              {w, nil, 0, Plan{Make: []Wish{w}}},
		"made, and the ledger not told":    {w, request(""), 0, Plan{Answer: []Answer{{Wish: w, State: Opened}}}},
		"being handled":                    {opened(w), request(""), 0, Plan{}},
		"ended":                            {opened(w), request(v1alpha1.EndRefused), 0, Plan{Answer: []Answer{{Wish: opened(w), State: Closed}}}},
		"ended before the ledger was told": {w, request(v1alpha1.EndErased), 0, Plan{Answer: []Answer{{Wish: w, State: Closed}}}},
		"erased by its request":            {forgotten(opened(w)), request(""), 0, Plan{}},
		"erased by another way":            {forgotten(w), nil, 0, Plan{Answer: []Answer{{Wish: forgotten(w), State: Closed, Unmade: true}}}},
		"removed":                          {opened(w), nil, 0, Plan{Answer: []Answer{{Wish: opened(w), State: Closed, Removed: true}}}},
		"one too many":                     {w, nil, MostOpen, Plan{Waiting: true, Full: true}},
		"the last that may be open":        {w, nil, MostOpen - 1, Plan{Make: []Wish{w}}},
	} {
		in := Input{Tenant: tenant, Wishes: []Wish{test.wish}, Open: map[Way]int{ByLink: test.open}, Requests: map[string]*v1alpha1.ErasureRequest{}}
		if test.request != nil {
			in.Requests[Name(tenant, test.wish.ID)] = test.request
		}
		if diff := cmp.Diff(test.want, Decide(in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAFloodIsMadeOfSlowly(t *testing.T) {
	in := Input{Tenant: tenant}
	for n := range byte(Most + 5) {
		in.Wishes = append(in.Wishes, waiting(n))
	}
	if got := Decide(in); len(got.Make) != Most || !got.Waiting || got.Full || got.Make[0].ID != in.Wishes[0].ID {
		t.Errorf("%+v", got)
	}
	in.Wishes = nil
	if got := Decide(in); got.Waiting {
		t.Errorf("%+v", got)
	}
	in.More = true
	if got := Decide(in); !got.Waiting {
		t.Errorf("%+v", got)
	}
	var wishes []Wish
	for n := range byte(Most) {
		wishes = append(wishes, waiting(n), opened(waiting(100+n)), forgotten(waiting(200+n)))
	}
	if Enough(wishes) || !Enough(append(wishes, waiting(99))) {
		t.Error("read too little, or too much")
	}
}

func TestNamesSayNothingAndAreTheSameAgain(t *testing.T) {
	form := regexp.MustCompile(`^wish-[a-p]{24}$`)
	one, two := Name(tenant, uuid.UUID{15: 1}), Name(tenant, uuid.UUID{15: 2})
	if one != Name(tenant, uuid.UUID{15: 1}) || one == two || one == Name("another", uuid.UUID{15: 1}) || !form.MatchString(one) {
		t.Errorf("%s, %s", one, two)
	}
}

func TestARequestHoldsNobodyAndItsSecretAllThatIsKnown(t *testing.T) {
	w := waiting(7)
	w.Names = consent.Names{Email: "ada@example.org", Account: "4711"}
	secret, request := Person(policy(), tenant, w), Request(policy(), tenant, w)
	person, err := subject.Read(secret.Data)
	if err != nil {
		t.Fatal(err)
	}
	want := []v1alpha1.IdentifierKind{v1alpha1.IdentifierAccountID, v1alpha1.IdentifierConsentSubject, v1alpha1.IdentifierEmail}
	if diff := cmp.Diff(want, person.Kinds()); diff != "" || string(secret.Data["consentSubject"]) != w.Subject.String() || secret.Immutable == nil || !*secret.Immutable {
		t.Errorf("%s %+v", diff, secret.ObjectMeta)
	}
	if got := Person(policy(), tenant, waiting(7)); len(got.Data) != 1 {
		t.Errorf("%d identifiers of who wrote none", len(got.Data))
	}
	text := cmp.Diff(v1alpha1.ErasureRequest{}, *request)
	for _, identifier := range []string{"ada@", "4711", w.Subject.String(), w.ID.String()} {
		if strings.Contains(text, identifier) {
			t.Errorf("the request holds %q: %s", identifier, text)
		}
	}
	s := request.Spec
	if request.Namespace != "shop" || request.Name != s.RequestID || string(s.Subject.SecretRef.Name) != secret.Name || s.Execution != v1alpha1.ExecutionAfterApproval ||
		!s.ReceivedTime.Time.Equal(noon.Truncate(time.Second)) || s.IdentityCheck.Method != v1alpha1.IdentityConfirmedChannel || s.Decision != nil {
		t.Errorf("%+v", s)
	}
}

func TestWhoWaitsIsSaid(t *testing.T) {
	for want, plan := range map[string]Plan{
		"True NoWishWaits": {Make: []Wish{waiting(1)}}, "False WishesWaiting": {Waiting: true}, "False TooManyWishes": {Waiting: true, Full: true},
	} {
		if got := plan.Judge(); string(got.Status)+" "+got.Reason != want || got.Type != v1alpha1.ConditionWishesHandled {
			t.Errorf("%+v, want %s", got, want)
		}
	}
}
