package consentpolicy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/consent/policy/policytest"
	"github.com/rempart-dev/rempart/internal/register"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const operatorNamespace = "rempart-system"

// places allows Paris and denies what is named "us-…".
type places struct{}

var paris = register.Place{Region: "eu-west-3", Country: "FR", Zone: v1alpha1.ZoneEU, Verdict: v1alpha1.VerdictAllowed}

func (places) AllowedRegions(*v1alpha1.DataRegister) ([]string, error) {
	return []string{"eu-west-3"}, nil
}
func (places) JudgeNode(*v1alpha1.DataRegister, *corev1.Node) register.Place { return paris }
func (places) JudgeDeclared(_ *v1alpha1.DataRegister, external *v1alpha1.ExternalStore) register.Place {
	if external.Country != "FR" {
		return register.Place{Verdict: v1alpha1.VerdictDenied, Message: "it is abroad"}
	}
	return paris
}
func (places) JudgeClass(_ *v1alpha1.DataRegister, class string) register.Place {
	if strings.HasPrefix(class, "us-") {
		return register.Place{Verdict: v1alpha1.VerdictDenied, Message: "class " + class + " is abroad"}
	}
	return paris
}

// service plays consentd; nil is silent.
type service struct {
	answer *policy.Answer
	log    *policytest.Log
	// forgotten are marks by their place in the log; asked is from where was asked.
	forgotten map[int64]consent.Mark
	asked     []int64
	// pepper is the id of the one under which marks are.
	pepper string
	// extra marks are told beside each one.
	extra int
}

// Forgotten looks at three places of the log at a time.
func (s *service) Forgotten(_ context.Context, _, token string, from int64) (policy.ForgottenPage, error) {
	if token != "for consentd/"+policy.TenantID("shop", "chat") {
		return policy.ForgottenPage{}, errors.New("not the operator")
	}
	if s.answer == nil {
		return policy.ForgottenPage{}, errors.New("nobody there")
	}
	s.asked = append(s.asked, from)
	page := policy.ForgottenPage{To: min(from+3, s.answer.Ledger.Size), Pepper: s.pepper}
	for at := from; at < page.To; at++ {
		if mark, is := s.forgotten[at]; is {
			page.Marks = append(page.Marks, slices.Repeat([]consent.Mark{mark}, 1+s.extra)...)
		}
	}
	return page, nil
}

func (s *service) Consistency(_ context.Context, _, site string, from, to int64) ([][]byte, error) {
	if s.answer == nil || site != "shop" || s.log == nil {
		return nil, errors.New("nobody there")
	}
	return s.log.Path(from, to), nil
}

func (s *service) Status(_ context.Context, host string) (*policy.Answer, error) {
	if s.answer == nil || host != "chat-consentd.shop.svc" {
		return nil, errors.New("nobody there")
	}
	answer := *s.answer
	return &answer, nil
}

// own tells of a token what it is for.
type own struct{}

func (own) Token(_ context.Context, audience string) (string, error) { return "for " + audience, nil }

type tokens struct{ err error }

func (t tokens) Issuers(context.Context) ([]policy.Issuer, error) {
	return []policy.Issuer{{Issuer: "https://kubernetes.default.svc", JWKS: []byte(`{"keys":[]}`)}}, t.err
}

// bench is a cluster in memory with one policy in it.
type bench struct {
	t *testing.T
	client.Client
	reconciler *Reconciler
	recorder   *events.FakeRecorder
	service    *service
	clock      *clocktesting.FakePassiveClock
	fail       func(verb string, object any) error
	uid        int
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{t: t, clock: clocktesting.NewFakePassiveClock(noon), service: &service{log: log}, recorder: events.NewFakeRecorder(1000), fail: func(string, any) error { return nil }}
	base := fake.NewClientBuilder().WithScheme(scheme).WithTypeConverters(managedfields.NewDeducedTypeConverter()).
		WithStatusSubresource(&v1alpha1.ConsentPolicy{}).
		WithObjects(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "paris"}}, officer()).
		WithObjects(objects...).Build()
	b.Client = interceptor.NewClient(base, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if err := b.fail("create", o); err != nil {
				return err
			}
			b.uid++
			o.SetUID(types.UID(fmt.Sprintf("made-%d", b.uid)))
			return c.Create(ctx, o, options...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if err := b.fail("apply", o); err != nil {
				return err
			}
			return c.Apply(ctx, o, options...)
		},
		List: func(ctx context.Context, c client.WithWatch, o client.ObjectList, options ...client.ListOption) error {
			if err := b.fail("list", o); err != nil {
				return err
			}
			return c.List(ctx, o, options...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			if err := b.fail("delete", o); err != nil {
				return err
			}
			return c.Delete(ctx, o, options...)
		},
	})
	b.reconciler = &Reconciler{Client: b.Client, Reader: b.Client, Recorder: b.recorder, Config: Config{
		Namespace: operatorNamespace, Image: "consentd:1", Places: places{}, Service: b.service, Tokens: tokens{}, Own: own{}, Clock: b.clock,
		Chance: bytes.NewReader(bytes.Repeat([]byte("0123456789abcdefABCDEF"), 1000))}}
	return b
}

func officer() *v1alpha1.DataProtectionOfficer {
	return &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "acme"}, Spec: v1alpha1.DataProtectionOfficerSpec{
		Organisation: v1alpha1.Organisation{LegalName: "Acme SAS", Country: "FR"}}}
}

func dreg() *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Name: "crm", Namespace: "shop"}, Spec: v1alpha1.DataRegisterSpec{
		Activities: []v1alpha1.ProcessingActivity{{Name: "support", Purposes: []v1alpha1.Purpose{{Name: "conversation", LegalBasis: v1alpha1.BasisContract}}}}}}
}

// chat is a policy with a managed ledger.
func chat(uid string, edits ...func(*v1alpha1.ConsentPolicySpec)) *v1alpha1.ConsentPolicy {
	text := func(language v1alpha1.NoticeLanguage) v1alpha1.NoticeText {
		return v1alpha1.NoticeText{Language: language, Banner: "Bonjour", Accept: "Accepter", Refuse: "Refuser", Choices: "Mes choix"}
	}
	cpol := &v1alpha1.ConsentPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "shop", UID: types.UID(uid), Generation: 1, CreationTimestamp: metav1.NewTime(noon)},
		Spec: v1alpha1.ConsentPolicySpec{
			OfficerRef: v1alpha1.ClusterRef{Name: "acme"}, RegisterRef: v1alpha1.LocalRef{Name: "crm"},
			Purposes: []v1alpha1.ConsentPurpose{{Name: "conversation", Necessity: v1alpha1.NecessityRequestedService, LegalBasis: v1alpha1.BasisContract, Retention: "P3Y"}},
			Notices:  []v1alpha1.ConsentNotice{{Version: 1, Change: v1alpha1.NoticeMaterial, Texts: []v1alpha1.NoticeText{text("fr"), text("en")}}},
			Sites:    []v1alpha1.ConsentSite{{ID: "shop", Origins: []v1alpha1.Origin{"https://shop.acme.example"}, Languages: []v1alpha1.NoticeLanguage{"fr"}, DefaultLanguage: "fr"}},
			Service: v1alpha1.ConsentService{Replicas: v1alpha1.ServiceReplicas{Min: 2, Max: 4}, Host: "consent.acme.example",
				Clients: []v1alpha1.ConsentClient{{ServiceAccount: "backend", Rights: []v1alpha1.ClientRight{v1alpha1.RightCheck}}},
				Database: v1alpha1.LedgerDatabase{Managed: &v1alpha1.ManagedStore{Image: "postgres:17",
					Storage: v1alpha1.StorageRequest{Size: resource.MustParse("1Gi"), StorageClassName: "eu-fast"}}}},
		},
	}
	for _, edit := range edits {
		edit(&cpol.Spec)
	}
	return cpol
}

// pass reconciles once. It returns the policy as it then is; nil when it is gone.
func (b *bench) pass() *v1alpha1.ConsentPolicy {
	b.t.Helper()
	object := &v1alpha1.ConsentPolicy{}
	if !b.get("chat", object) {
		return nil
	}
	if _, err := b.reconciler.Reconcile(b.t.Context(), object); err != nil {
		b.t.Logf("the pass ended with: %v", err)
	}
	after := &v1alpha1.ConsentPolicy{}
	if !b.get("chat", after) {
		return nil
	}
	return after
}

// get reads an object of the namespace, or one of the cluster, and tells whether it is there.
func (b *bench) get(name string, into client.Object) bool {
	b.t.Helper()
	return b.getIn("shop", name, into)
}

func (b *bench) getIn(namespace, name string, into client.Object) bool {
	b.t.Helper()
	err := b.Get(b.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into)
	if err != nil && !apierrors.IsNotFound(err) {
		b.t.Fatal(err)
	}
	return err == nil
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// startDatabase plays the StatefulSet controller and the kubelet: the database answers, in Paris, with its volume.
func (b *bench) startDatabase() {
	b.t.Helper()
	database := &appsv1.StatefulSet{}
	if !b.get("chat-ledger", database) {
		b.t.Fatal("there is no database")
	}
	database.Status = appsv1.StatefulSetStatus{ReadyReplicas: 1, UpdatedReplicas: 1}
	b.must(b.Status().Update(b.t.Context(), database))
	template := database.Spec.VolumeClaimTemplates[0]
	b.must(client.IgnoreAlreadyExists(b.Client.Create(b.t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data-chat-ledger-0", Namespace: "shop", Labels: template.Labels}, Spec: template.Spec})))
	b.must(client.IgnoreAlreadyExists(b.Client.Create(b.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "chat-ledger-0", Namespace: "shop", Labels: database.Spec.Template.Labels}, Spec: corev1.PodSpec{NodeName: "paris"}})))
}

// startService plays the Deployment controller, and consentd with so many events in its ledger.
func (b *bench) startService(size int64) {
	b.t.Helper()
	deployment := &appsv1.Deployment{}
	if !b.get("chat-consentd", deployment) {
		b.t.Fatal("there is no service")
	}
	deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2}
	b.must(b.Status().Update(b.t.Context(), deployment))
	cpol := &v1alpha1.ConsentPolicy{}
	b.get("chat", cpol)
	digest, err := policy.MaterialDigest(officer().Spec.Organisation, &cpol.Spec, noon)
	b.must(err)
	at := noon
	b.service.answer = &policy.Answer{TenantID: policy.TenantID("shop", "chat"), Notice: policy.NoticeAnswer{Version: 1, MaterialDigest: digest},
		Ledger: checkpoint(size), Audit: policy.AuditAnswer{Verified: true, Time: &at},
		Sites: []policy.SiteAnswer{{ID: "shop", URL: "https://consent.acme.example/w/shop/widget.js", Integrity: "sha384-" + strings.Repeat("A", 64),
			Digest: "sha256:" + strings.Repeat("0", 64), Bytes: 5432}}}
}

var log = &policytest.Log{}

func checkpoint(size int64) policy.LedgerAnswer { return log.Head(size, noon) }

// settled brings a policy to its end: Ready.
func settled(t *testing.T, edits ...func(*v1alpha1.ConsentPolicySpec)) *bench {
	t.Helper()
	b := newBench(t, dreg(), chat("one", edits...))
	b.pass()
	b.pass()
	b.startDatabase()
	b.pass()
	b.startService(7)
	if got := reason(b.pass(), "Ready"); got != "True Serving" {
		t.Fatalf("not ready: %s", got)
	}
	return b
}

func (b *bench) count(list client.ObjectList) int {
	b.t.Helper()
	b.must(b.List(b.t.Context(), list, client.InNamespace("shop")))
	return meta.LenList(list)
}

func reason(object *v1alpha1.ConsentPolicy, kind string) string {
	if c := meta.FindStatusCondition(object.Status.Conditions, kind); c != nil {
		return string(c.Status) + " " + c.Reason
	}
	return ""
}

// told returns the events so far.
func (b *bench) told() string {
	var all []string
	for {
		select {
		case event := <-b.recorder.Events:
			all = append(all, event)
		default:
			return strings.Join(all, "\n")
		}
	}
}
