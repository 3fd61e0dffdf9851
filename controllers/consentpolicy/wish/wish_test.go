package wish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/wish"
)

const (
	tenant = "6f9c0f1e-0000-8000-8000-000000000000"
	anyone = "ada@example.org"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// service plays consentd with wishes in the order of their turns. While deaf it lists and is told nothing, while away it does not answer.
type service struct {
	t          *testing.T
	wishes     []wish.Wish
	told       []string
	away, deaf bool
	older      bool // knows no ways
	page       int  // the most on a page
	read       int  // how many wishes it told of
}

var errAway = errors.New("the consent service did not answer: Refused")

// queueOf is in which list a wish is.
func queueOf(w wish.Wish) consent.Way {
	switch {
	case len(w.Purposes) > 0:
		return consent.ByWithdrawal
	case w.Shown == consent.ShownReceipt:
		return consent.ByReceipt
	default:
		return consent.ByLink
	}
}

func (s *service) Wishes(_ context.Context, host, token string, list wish.List) (page wish.Page, err error) {
	if s.away {
		return wish.Page{}, errAway
	}
	if s.older {
		return wish.Page{}, fmt.Errorf("%w: %w: status 400", errAway, wish.ErrOtherVersion)
	}
	if host != "chat-consentd.shop.svc" || token != "token for consentd/"+tenant {
		s.t.Errorf("asked at %s with %q", host, token)
	}
	limit, skip := list.Limit, list.After != ""
	if s.page > 0 {
		limit = min(limit, s.page)
	}
	for _, w := range s.wishes {
		switch {
		case queueOf(w) != list.Way || (w.OpenedAt != nil) != list.Opened:
		case skip:
			skip = w.ID.String() != list.After
		case len(page.Wishes) == limit:
			page.Next = page.Wishes[limit-1].ID.String()
			return page, nil
		default:
			page.Wishes = append(page.Wishes, w)
			s.read++
		}
	}
	return page, nil
}

func (s *service) Later(_ context.Context, _, _ string, ids []uuid.UUID) error {
	if s.away || s.deaf {
		return errAway
	}
	if len(ids) > wish.MostLater {
		s.t.Errorf("%d give way at once", len(ids))
	}
	var first, last []wish.Wish
	for _, w := range s.wishes {
		if slices.Contains(ids, w.ID) {
			last = append(last, w)
		} else {
			first = append(first, w)
		}
	}
	s.wishes = append(first, last...)
	return nil
}

func (s *service) Answer(_ context.Context, _, _ string, id uuid.UUID, state wish.State) error {
	if s.away || s.deaf {
		return errAway
	}
	s.told = append(s.told, string(state))
	for i := range s.wishes {
		if s.wishes[i].ID != id {
			continue
		}
		if state == wish.Closed {
			s.wishes = append(s.wishes[:i], s.wishes[i+1:]...)
			return nil
		}
		s.wishes[i].OpenedAt = &noon
	}
	return nil
}

func (s *service) Token(_ context.Context, audience string) (string, error) {
	return "token for " + audience, nil
}

func asked(n int) wish.Wish {
	return wish.Wish{ID: uuid.UUID{14: byte(n >> 8), 15: byte(n)}, Subject: uuid.UUID{0: 1, 15: byte(n)}, AskedAt: noon.Add(-time.Hour), Names: consent.Names{Email: anyone}, Shown: consent.ShownLink}
}

func nameOf(n int) string { return wish.Name(tenant, asked(n).ID) }

// bench is a cluster in memory with one policy whose service runs.
type bench struct {
	t *testing.T
	client.Client
	service  *service
	recorder *events.FakeRecorder
	r        *Reconciler
	// fail makes a creation fail.
	fail func(object client.Object) error
	made int
}

func newBench(t *testing.T, wishes ...wish.Wish) *bench {
	t.Helper()
	s := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s)); err != nil {
		t.Fatal(err)
	}
	cpol := &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "chat", UID: "one", Generation: 3}, Status: v1alpha1.ConsentPolicyStatus{TenantID: tenant,
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Serving"}, {Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue, Reason: "StepFailed"}}}}
	running := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "chat-consentd"}, Status: appsv1.DeploymentStatus{ReadyReplicas: 1}}
	b := &bench{t: t, service: &service{t: t, wishes: wishes}, recorder: events.NewFakeRecorder(100), fail: func(client.Object) error { return nil }}
	base := fake.NewClientBuilder().WithScheme(s).WithStatusSubresource(&v1alpha1.ConsentPolicy{}, &v1alpha1.ErasureRequest{}).WithObjects(cpol, running).Build()
	b.Client = interceptor.NewClient(base, interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
		if err := b.fail(o); err != nil {
			return err
		}
		b.made++
		return c.Create(ctx, o, options...)
	}})
	b.r = &Reconciler{Client: b.Client, Reader: b.Client, Recorder: b.recorder, Config: Config{Service: b.service, Tokens: b.service, Clock: clocktesting.NewFakePassiveClock(noon)}}
	return b
}

// pass reconciles once, and returns status and reason of the condition.
func (b *bench) pass() string {
	b.t.Helper()
	cpol := b.policy()
	if result, err := b.r.Reconcile(b.t.Context(), cpol); err != nil {
		if strings.Contains(err.Error(), anyone) {
			b.t.Errorf("an error names a person: %v", err)
		}
	} else if result.RequeueAfter != wish.Interval {
		b.t.Errorf("looks again after %v", result.RequeueAfter)
	}
	after := b.policy()
	if len(after.Status.Conditions) != 3 {
		b.t.Errorf("conditions of others were touched: %+v", after.Status.Conditions)
	}
	c := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionWishesHandled)
	return string(c.Status) + " " + c.Reason
}

func (b *bench) policy() *v1alpha1.ConsentPolicy {
	b.t.Helper()
	cpol := &v1alpha1.ConsentPolicy{}
	b.must(b.Get(b.t.Context(), client.ObjectKey{Namespace: "shop", Name: "chat"}, cpol))
	return cpol
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) count(list client.ObjectList) int {
	b.t.Helper()
	b.must(b.List(b.t.Context(), list))
	return meta.LenList(list)
}

// has tells whether the request of a wish is there, and its Secret.
func (b *bench) has(n int) (request *v1alpha1.ErasureRequest, secret *corev1.Secret) {
	b.t.Helper()
	request, secret = &v1alpha1.ErasureRequest{}, &corev1.Secret{}
	if err := b.Get(b.t.Context(), client.ObjectKey{Namespace: "shop", Name: nameOf(n)}, request); err != nil {
		request = nil
	}
	if err := b.Get(b.t.Context(), client.ObjectKey{Namespace: "shop", Name: nameOf(n) + "-person"}, secret); err != nil {
		secret = nil
	}
	return request, secret
}

func (b *bench) end(n int, end v1alpha1.ErasureEnd) {
	b.t.Helper()
	request, _ := b.has(n)
	request.Status.End = end
	b.must(b.Status().Update(b.t.Context(), request))
}

func (b *bench) events() string {
	var all []string
	for len(b.recorder.Events) > 0 {
		all = append(all, <-b.recorder.Events)
	}
	told := strings.Join(all, "\n")
	if strings.Contains(told, anyone) {
		b.t.Errorf("an event names a person: %s", told)
	}
	return told
}

func (b *bench) told(want ...string) {
	b.t.Helper()
	if fmt.Sprint(b.service.told) != fmt.Sprint(want) {
		b.t.Errorf("the service was told %v, want %v", b.service.told, want)
	}
}

func TestAWishBecomesARequestAndIsClosedWhenThatEnds(t *testing.T) {
	b := newBench(t, asked(1))
	if got := b.pass(); got != "True NoWishWaits" {
		t.Fatal(got)
	}
	b.told("opened")
	request, secret := b.has(1)
	if request == nil || secret == nil || string(secret.Data["email"]) != anyone || !request.Spec.ReceivedTime.Time.Equal(noon.Add(-time.Hour)) || request.Labels[v1alpha1.LabelConsentPolicy] != "chat" {
		t.Fatalf("%+v %+v", request, secret)
	}
	if got := b.events(); !strings.Contains(got, "ErasureRequested") {
		t.Errorf("nobody was told: %s", got)
	}
	before, made := b.policy().ResourceVersion, b.made
	for range 3 {
		b.pass()
	}
	if b.policy().ResourceVersion != before || b.made != made || b.events() != "" {
		t.Error("a pass over wishes that are handled writes")
	}
	b.told("opened")
	b.end(1, v1alpha1.EndRefused)
	b.pass()
	b.told("opened") // who was not told of the refusal was not answered
	request, _ = b.has(1)
	request.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: ptr.To(metav1.NewTime(noon))}
	b.must(b.Update(t.Context(), request))
	b.pass()
	b.pass()
	b.told("opened", "closed")
}

func TestAPassThatWasInterruptedMakesNoSecondRequest(t *testing.T) {
	b := newBench(t, asked(1), asked(2))
	b.service.deaf = true
	if got := b.pass(); got != "Unknown ServiceSilent" || b.count(&v1alpha1.ErasureRequestList{}) != 2 {
		t.Fatal(got)
	}
	b.end(2, v1alpha1.EndNothingFound)
	_, secret := b.has(2)
	b.must(b.Delete(t.Context(), secret))
	b.service.deaf = false
	if got := b.pass(); got != "True NoWishWaits" || b.count(&v1alpha1.ErasureRequestList{}) != 2 || b.count(&corev1.SecretList{}) != 1 {
		t.Error(got)
	}
	b.told("opened", "closed")
}

func TestASecretWithoutARequestIsTakenOrGoes(t *testing.T) {
	isRequest := func(o client.Object) bool { _, is := o.(*v1alpha1.ErasureRequest); return is }
	b := newBench(t, asked(1))
	b.fail = func(o client.Object) error {
		if isRequest(o) {
			return errors.New("the API server went away while it held " + anyone)
		}
		return nil
	}
	for range 2 {
		if got := b.pass(); got != "False StepFailed" {
			t.Error(got)
		}
	}
	if request, secret := b.has(1); request != nil || secret == nil {
		t.Error("the answer may have been lost, so the Secret stays for the next pass")
	}
	b.fail = func(o client.Object) error {
		if isRequest(o) {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "erasurerequests"}, nameOf(1), errors.New("a webhook of others quotes "+anyone))
		}
		return nil
	}
	b.pass()
	if _, secret := b.has(1); secret != nil || b.events() != "" {
		t.Error("a request that is refused leaves a Secret that nobody removes")
	}
	b.told()
	b.fail = func(o client.Object) error {
		if isRequest(o) {
			return errors.New("away")
		}
		return nil
	}
	b.pass()
	b.service.wishes[0].Forgotten, b.service.wishes[0].Names = true, consent.Names{}
	b.fail = func(client.Object) error { return nil }
	if got := b.pass(); got != "True NoWishWaits" || b.count(&corev1.SecretList{}) != 0 || b.count(&v1alpha1.ErasureRequestList{}) != 0 {
		t.Errorf("of who was erased meanwhile something is left: %s", got)
	}
	b.told("closed")
}

func TestAnothersSecretIsNotTaken(t *testing.T) {
	b := newBench(t, asked(1))
	b.must(b.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: nameOf(1) + "-person"}, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"email": []byte("eve@example.org")}}))
	for range 2 {
		if got := b.pass(); got != "False StepFailed" || b.count(&v1alpha1.ErasureRequestList{}) != 0 {
			t.Error(got)
		}
	}
	b.told()
}

func TestARequestThatSomebodyRemovedIsSaid(t *testing.T) {
	b := newBench(t, asked(1))
	b.pass()
	request, _ := b.has(1)
	b.must(b.Delete(t.Context(), request))
	b.events()
	b.pass()
	if got := b.events(); !strings.Contains(got, "Warning RequestRemoved") {
		t.Errorf("nobody was told: %s", got)
	}
	b.told("opened", "closed")
}

func TestAFloodWaitsItsTurn(t *testing.T) {
	b := newBench(t)
	for n := 1; n <= 2*wish.Most+5; n++ {
		b.service.wishes = append(b.service.wishes, asked(n))
	}
	for _, want := range []struct {
		requests int
		reason   string
	}{{wish.Most, "False WishesWaiting"}, {2 * wish.Most, "False WishesWaiting"}, {2*wish.Most + 5, "True NoWishWaits"}} {
		if got := b.pass(); got != want.reason || b.count(&v1alpha1.ErasureRequestList{}) != want.requests {
			t.Errorf("%s, %d requests, want %+v", got, b.count(&v1alpha1.ErasureRequestList{}), want)
		}
	}
	if request, _ := b.has(1); request == nil {
		t.Error("who asked first waits")
	}
}

func TestAServiceThatIsAwayIsAskedAgain(t *testing.T) {
	b := newBench(t, asked(1))
	b.service.away = true
	for range 2 {
		if got := b.pass(); got != "Unknown ServiceSilent" || b.made != 0 {
			t.Error(got)
		}
	}
	b.service.away, b.service.older = false, true
	for range 2 {
		if got := b.pass(); got != "Unknown ServiceOutdated" || b.made != 0 {
			t.Error(got)
		}
	}
	b.service.older = false
	if got := b.pass(); got != "True NoWishWaits" {
		t.Error(got)
	}
	stopped := &appsv1.Deployment{}
	b.must(b.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "chat-consentd"}, stopped))
	b.must(b.Delete(t.Context(), stopped))
	if got := b.pass(); got != "Unknown ServiceStarting" {
		t.Error(got)
	}
}

func TestOpenWishesAndPoliciesThatWaitAreCounted(t *testing.T) {
	b := newBench(t, asked(1), asked(2))
	b.pass()
	b.end(2, v1alpha1.EndErased)
	b.service.away = true
	b.pass()
	metrics := gaugesOf(t, b.Client)
	if metrics[0] != 1 || metrics[1] != 1 {
		t.Errorf("%v", metrics)
	}
}

// gaugesOf reads the gauges as Prometheus does.
func gaugesOf(t *testing.T, reader client.Reader) []float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(gauges(reader))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		values[family.GetName()] = family.GetMetric()[0].GetGauge().GetValue()
	}
	return []float64{values["rempart_consent_wishes_open"], values["rempart_consent_policies_wishes_unhandled"]}
}
