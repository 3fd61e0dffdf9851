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
	return Wish{ID: uuid.UUID{15: n}, Subject: uuid.UUID{0: n}, AskedAt: noon, Shown: "link", Listed: consent.ByLink}
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
		"refused, and not told":            {opened(w), request(v1alpha1.EndRefused), 0, Plan{}},
		"ended":                            {opened(w), request(v1alpha1.EndNothingFound), 0, Plan{Answer: []Answer{{Wish: opened(w), State: Closed}}}},
		"ended before the ledger was told": {w, request(v1alpha1.EndErased), 0, Plan{Answer: []Answer{{Wish: w, State: Closed}}}},
		"erased by its request":            {forgotten(opened(w)), request(""), 0, Plan{}},
		"erased by another way":            {forgotten(w), nil, 0, Plan{Answer: []Answer{{Wish: forgotten(w), State: Closed, Unmade: true}}}},
		"removed":                          {opened(w), nil, 0, Plan{Answer: []Answer{{Wish: opened(w), State: Closed, Removed: true}}}},
		"one too many":                     {w, nil, MostOpen, Plan{Waiting: true, Full: true}},
		"the last that may be open":        {w, nil, MostOpen - 1, Plan{Make: []Wish{w}}},
	} {
		in := Input{Tenant: tenant, Wishes: []Wish{test.wish}, Open: map[consent.Way]int{consent.ByLink: test.open}, Requests: map[string]*v1alpha1.ErasureRequest{}}
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
}

// TestWhoCannotBeHelpedLetsOthersPass: in a queue of others, and where not all were seen.
func TestWhoCannotBeHelpedLetsOthersPass(t *testing.T) {
	unsaid, pruned := byReceipt(1), unread(2)
	unsaid.Listed, pruned.Listed = consent.ByUnsaid, consent.ByLink
	in := Input{Tenant: tenant, Wishes: []Wish{unsaid, pruned, byReceipt(3), waiting(4)}, Open: map[consent.Way]int{consent.ByReceipt: MostOpen}}
	if got := Decide(in); !cmp.Equal(got.Later, []uuid.UUID{unsaid.ID, pruned.ID}) || len(got.Make) != 1 || !got.Full {
		t.Errorf("%+v", got)
	}
	in = Input{Tenant: tenant, Requests: map[string]*v1alpha1.ErasureRequest{}}
	for n := range byte(4) {
		w := opened(waiting(n))
		if n%2 > 0 {
			w.Listed = consent.ByReceipt
		}
		in.Wishes = append(in.Wishes, w)
		in.Requests[Name(tenant, w.ID)] = &v1alpha1.ErasureRequest{}
	}
	if got := Decide(in); len(got.Later) != 0 {
		t.Errorf("%+v", got)
	}
	in.Unseen = map[consent.Way]bool{consent.ByReceipt: true}
	in.Requests[Name(tenant, in.Wishes[3].ID)].Status.End = v1alpha1.EndErased
	if got := Decide(in); !cmp.Equal(got.Later, []uuid.UUID{in.Wishes[1].ID}) || len(got.Answer) != 1 || got.Waiting {
		t.Errorf("%+v", got)
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
