package kubectlgdpr

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// shell is a plug-in in front of a cluster of its own.
type shell struct {
	t      *testing.T
	client client.WithWatch
	// typed is standard input; hidden are the answers to prompts without echo, when standard input is a terminal.
	typed  string
	hidden []string
}

// newShell has a cluster with objects, whose calls fail as given.
func newShell(t *testing.T, fail interceptor.Funcs, objects ...client.Object) *shell {
	t.Helper()
	return &shell{t: t, client: fake.NewClientBuilder().WithScheme(Scheme()).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.ErasureRequest{}).WithInterceptorFuncs(fail).Build()}
}

// run runs the plug-in on 24 November 2026, in namespace shop where the line names none.
func (s *shell) run(line ...string) (code int, out, complaint string) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	w := World{In: strings.NewReader(s.typed), Out: &stdout, Err: &stderr, Pause: time.Millisecond, Random: strings.NewReader(strings.Repeat("chance and time are inputs", 4)),
		Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)),
		Connect: func(target Target) (Cluster, error) {
			if target.Namespace == "" {
				target.Namespace = "shop"
			}
			return Cluster{s.client, target.Namespace}, nil
		}}
	if s.hidden != nil {
		answers := s.hidden
		w.Hidden = func(_ context.Context, prompt string) ([]byte, error) {
			stderr.WriteString(prompt)
			if len(answers) == 0 {
				return nil, io.EOF
			}
			answer := answers[0]
			answers = answers[1:]
			return []byte(answer), nil
		}
	}
	code = Main(s.t.Context(), line, w)
	return code, stdout.String(), stderr.String()
}

// made returns the Secrets and the requests of the cluster.
func (s *shell) made() ([]corev1.Secret, []v1alpha1.ErasureRequest) {
	s.t.Helper()
	secrets, requests := &corev1.SecretList{}, &v1alpha1.ErasureRequestList{}
	if err := errors.Join(s.client.List(s.t.Context(), secrets), s.client.List(s.t.Context(), requests)); err != nil {
		s.t.Fatal(err)
	}
	return secrets.Items, requests.Items
}

func TestARequestIsMadeWithItsSecret(t *testing.T) {
	s := newShell(t, interceptor.Funcs{})
	s.typed = "Ada.Novak@example.org\n"
	code, out, complaint := s.run("erase", "--request-id", "Web_2026.0117", "--received", "2026-11-20T09:30:00+01:00", "--register", "crm,books", "--plan-only")
	want := "secret/web-2026-0117-mnugc3td created\nerasurerequest/web-2026-0117 created\n"
	if code != Answered || out != want || complaint != "See its plan: kubectl gdpr plan web-2026-0117 -n shop --wait\n" {
		t.Fatalf("exit code %d, %q, %q", code, out, complaint)
	}
	secrets, requests := s.made()
	if len(secrets) != 1 || len(requests) != 1 {
		t.Fatalf("%d Secrets, %d requests", len(secrets), len(requests))
	}
	secret, spec := secrets[0], requests[0].Spec
	if diff := cmp.Diff(map[string][]byte{"email": []byte("Ada.Novak@example.org")}, secret.Data); diff != "" || secret.Immutable == nil || !*secret.Immutable || secret.Type != corev1.SecretTypeOpaque {
		t.Errorf("%s %v", diff, secret.Type)
	}
	received := time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)
	if spec.RequestID != "Web_2026.0117" || !spec.ReceivedTime.Time.Equal(received) || string(spec.Subject.SecretRef.Name) != secret.Name || spec.Execution != v1alpha1.ExecutionPlanOnly {
		t.Errorf("%+v", spec)
	}
	if diff := cmp.Diff(v1alpha1.RegisterChoice{Mode: v1alpha1.RegistersNamed, Names: []v1alpha1.ObjectName{"crm", "books"}}, spec.Registers); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutFlagsTheRequestIsOfNowForAllRegistersAndForApproval(t *testing.T) {
	s := newShell(t, interceptor.Funcs{})
	s.hidden = []string{" ada@example.org", "ada@example.org "}
	code, out, complaint := s.run("erase", "-n", "lab")
	_, requests := s.made()
	if code != Answered || len(requests) != 1 || strings.Contains(out+complaint, "ada") {
		t.Fatalf("exit code %d, %q, %q", code, out, complaint)
	}
	spec := requests[0].Spec
	if requests[0].Namespace != "lab" || spec.RequestID != "erase-20261124-mnugc3td" || !spec.ReceivedTime.Time.Equal(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)) ||
		spec.Registers.Mode != v1alpha1.RegistersAll || spec.Execution != v1alpha1.ExecutionAfterApproval {
		t.Errorf("%+v", requests[0])
	}
}

// TestARequestSaysWhatItReliesOn: an objection is point (c) of Article 17(1) whether that is said or not.
func TestARequestSaysWhatItReliesOn(t *testing.T) {
	for line, want := range map[string]v1alpha1.ErasureRequestSpec{
		"erase":                                          {},
		"erase --ground article17_1_D":                   {Ground: v1alpha1.GroundPointD},
		"erase --objection directmarketing":              {Ground: v1alpha1.GroundPointC, Objection: v1alpha1.ObjectionDirectMarketing},
		"erase --ground Article17_1_b --purpose news,ad": {Ground: v1alpha1.GroundPointB, Purposes: []v1alpha1.PartName{"news", "ad"}},
		"erase --ground Article17_1_c --objection ParticularSituation --purpose ad": {
			Ground: v1alpha1.GroundPointC, Objection: v1alpha1.ObjectionParticularSituation, Purposes: []v1alpha1.PartName{"ad"}},
	} {
		s := newShell(t, interceptor.Funcs{})
		s.typed = "ada@example.org"
		code, _, complaint := s.run(strings.Fields(line)...)
		_, requests := s.made()
		if code != Answered || len(requests) != 1 {
			t.Fatalf("%s: exit code %d, %s", line, code, complaint)
		}
		got := requests[0].Spec
		if diff := cmp.Diff(want, v1alpha1.ErasureRequestSpec{Ground: got.Ground, Objection: got.Objection, Purposes: got.Purposes}); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

// TestWordsOfFlagsAreCompleted as a shell asks for them, and named in the help.
func TestWordsOfFlagsAreCompleted(t *testing.T) {
	for line, want := range map[string][]string{
		"erase --ground":    names(grounds),
		"erase --objection": names(objections),
		"erase --kind":      {"email", "consentReceipt"},
		"refuse --reason":   {"LegalClaims", "IdentityNotProven"},
	} {
		_, out, complaint := newShell(t, interceptor.Funcs{}).run(append([]string{"__complete"}, append(strings.Fields(line), "")...)...)
		_, help, _ := newShell(t, interceptor.Funcs{}).run(strings.Fields(line)[0], "--help")
		for _, name := range want {
			if !strings.Contains("\n"+out, "\n"+name+"\n") || !strings.Contains(help, name) {
				t.Errorf("%s: %q is missing in %s%s or in the help", line, name, out, complaint)
			}
		}
	}
}

func TestEachKindIsReadFromALineOfItsOwn(t *testing.T) {
	s := newShell(t, interceptor.Funcs{})
	s.typed = "ada@example.org\r\n4711\r\n"
	code, _, complaint := s.run("erase", "--kind", "EMAIL,customerid")
	secrets, _ := s.made()
	if code != Answered || len(secrets) != 1 {
		t.Fatalf("exit code %d, %s", code, complaint)
	}
	if diff := cmp.Diff(map[string][]byte{"email": []byte("ada@example.org"), "customerID": []byte("4711")}, secrets[0].Data); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoIdentifierIsRefusedAndNotRepeated(t *testing.T) {
	long := strings.Repeat("ada.novak@example.org", 60)
	for _, test := range []struct {
		line, typed string
		hidden      []string
		want        string
	}{
		{line: "erase", typed: "", want: "standard input is empty"},
		{line: "erase", typed: " \n\n", want: "standard input is empty"},
		{line: "erase", typed: "ada.novak@example.org\nbob@example.org\n", want: "several lines"},
		{line: "erase --kind email,phone", typed: "ada.novak@example.org\n", want: "too few"},
		{line: "erase --kind email,phone", typed: "ada.novak@example.org\n \n+33", want: "several lines"},
		{line: "erase --kind phone,email", typed: " \nada.novak@example.org", want: `no identifier under key "phone"`},
		{line: "erase", typed: long, want: "longer than 1024 bytes"},
		{line: "erase", typed: strings.Repeat(long, 20), want: "standard input is too long"},
		{line: "erase", typed: "ada.novak\x00@example.org", want: "zero byte"},
		{line: "erase", typed: "ada.novak\xff@example.org", want: "UTF-8"},
		{line: "erase", typed: "\ufeffada.novak@example.org", want: "cannot be seen"},
		{line: "erase", typed: "ada.novak\rbob@example.org", want: "line break"},
		{line: "erase", typed: "ada.novak", want: "the e-mail address is none; write name@example.org alone"},
		{line: "erase", typed: "Ada <ada.novak@example.org>", want: "the e-mail address is none"},
		{line: "erase", typed: "ada. novak@example.org", want: "the e-mail address is none"},
		{line: "erase --kind phone", typed: "0800 ADA.NOVAK", want: "the telephone number is none"},
		{line: "erase --kind accountID", typed: "ada.novak\tx", want: "cannot be seen"},
		{line: "erase", hidden: []string{"ada.novak@example.org", "ada.novak@example.com"}, want: "not the same twice"},
		{line: "erase", hidden: []string{"ada.novak@example.org"}, want: "could not be read from the terminal"},
		{line: "erase --kind ada.novak@example.org", want: "--kind takes each of these once: accountID, consentReceipt, consentSubject, custom, customerID, deviceID, email, phone"},
		{line: "erase --kind email,email", typed: "ada.novak@example.org", want: "--kind takes each"},
		{line: "erase ada.novak@example.org", want: "erase takes no argument"},
		{line: "erase -- ada.novak@example.org", want: "erase takes no argument"},
		{line: "erase --email=ada.novak@example.org", want: "a flag is unknown"},
		{line: "erase -ada.novak@example.org", want: "a flag is unknown"},
		{line: "erase --plan-only=ada.novak@example.org", want: "a flag is unknown"},
		{line: "erase --received ada.novak@example.org", want: "--received is no instant"},
		{line: "erase --received 2026-11-24T09:00:01Z", typed: "ada.novak@example.org", want: "--received is no instant"},
		{line: "erase --request-id ada.novak@example.org", want: "--request-id has at most 64"},
		{line: "erase --ground ada.novak@example.org", want: "--ground takes one of these: Article17_1_a (no longer necessary), "},
		{line: "erase --objection ada.novak@example.org", want: "--objection takes one of these: DirectMarketing (absolute, Article 21(2) and (3)), ParticularSituation ("},
		{line: "erase --ground Article17_1_b --objection DirectMarketing", want: "--objection belongs to the ground Article17_1_c, and --ground is Article17_1_b"},
		{line: "erase --purpose ada.novak@example.org", want: "--purpose takes names of purposes"},
		{line: "erase --purpose news,news", want: "--purpose takes names of purposes of the registers, each once"},
		{line: "erase --kind customerID --purpose a4711", typed: "a4711", want: "holds the identifier"},
		{line: "erase --request-id web-ada.novak-example.org", typed: "ada.novak@example.org", want: "the request ID, a register, a purpose or the namespace holds the identifier"},
		{line: "erase --register ada.novak@example.org", typed: "Ada.Novak@Example.org", want: "holds the identifier"},
		{line: "erase --kind customerID --request-id 4711", typed: "4711", want: "holds the identifier"},
		{line: "erase --kind phone -n 0033612345678", typed: "+33 6 12 34 56 78", want: "holds the identifier"},
	} {
		s := newShell(t, interceptor.Funcs{})
		s.typed, s.hidden = test.typed, test.hidden
		code, out, complaint := s.run(strings.Fields(test.line)...)
		secrets, requests := s.made()
		if code != Refused || out != "" || !strings.Contains(complaint, test.want) || strings.Contains(complaint, "novak") || len(secrets)+len(requests) > 0 {
			t.Errorf("%s < %.40q: exit code %d, %s, want %q; %d Secrets", test.line, test.typed, code, complaint, test.want, len(secrets))
		}
	}
}

// failing makes the creation of a kind fail, after it was done where done says so.
func failing[T client.Object](err error, done bool) interceptor.Funcs {
	return interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
		if _, is := object.(T); !is {
			return c.Create(ctx, object, options...)
		}
		if done {
			if err := c.Create(ctx, object, options...); err != nil {
				return err
			}
		}
		return err
	}}
}

func TestBothAreMadeOrNone(t *testing.T) {
	resource := schema.GroupResource{Resource: "x"}
	lost := errors.New("connection reset while ada@example.org was sent")
	for name, test := range map[string]struct {
		fail interceptor.Funcs
		made int
		want string
	}{
		"a request that is refused":         {failing[*v1alpha1.ErasureRequest](apierrors.NewForbidden(resource, "r", errors.New("no")), false), 0, "making the request: "},
		"an answer to a request is lost":    {failing[*v1alpha1.ErasureRequest](lost, true), 1, "See its plan"},
		"a request is lost":                 {failing[*v1alpha1.ErasureRequest](errors.New("connection reset"), false), 0, "making the request: connection reset; nothing was made"},
		"a Secret that is refused":          {failing[*corev1.Secret](apierrors.NewForbidden(resource, "s", lost), false), 0, "ask for the verbs create, get and delete on secrets"},
		"a Secret that a webhook refuses":   {failing[*corev1.Secret](apierrors.NewBadRequest("we do not like ada@example.org"), false), 0, "with the reason BadRequest"},
		"a namespace that does not exist":   {failing[*corev1.Secret](apierrors.NewNotFound(resource, "shop"), false), 0, `there is no namespace "shop"`},
		"an answer to a Secret is lost":     {failing[*corev1.Secret](lost, true), 0, "nothing was asked for"},
		"a Secret is lost":                  {failing[*corev1.Secret](lost, false), 0, "nothing was asked for"},
		"an answer to a Secret comes late":  {failing[*corev1.Secret](apierrors.NewTimeoutError("ada@example.org", 1), true), 0, "nothing was asked for"},
		"a request of the name comes first": {failing[*v1alpha1.ErasureRequest](apierrors.NewAlreadyExists(resource, "r"), false), 0, "exists already"},
	} {
		s := newShell(t, test.fail)
		s.typed = "ada@example.org"
		code, out, complaint := s.run("erase")
		secrets, requests := s.made()
		if (code == Answered) != (test.made == 1) || len(secrets) != test.made || len(requests) != test.made || !strings.Contains(complaint, test.want) || strings.Contains(out+complaint, "ada@") {
			t.Errorf("%s: exit code %d, %s%s: %d Secrets, %d requests", name, code, out, complaint, len(secrets), len(requests))
		}
	}
}

func TestASecretThatCannotBeRemovedIsNamed(t *testing.T) {
	fail := failing[*v1alpha1.ErasureRequest](errors.New("connection reset"), false)
	fail.Delete = func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
		return errors.New("connection reset")
	}
	s := newShell(t, fail)
	s.typed = "ada@example.org"
	code, _, complaint := s.run("erase", "--request-id", "r-1")
	if code != Refused || !strings.Contains(complaint, "kubectl delete secret r-1-mnugc3td -n shop") {
		t.Errorf("exit code %d, %s", code, complaint)
	}
}

func TestAnInterruptionRemovesTheSecret(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := newShell(t, interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
		if _, is := object.(*corev1.Secret); is {
			interrupt()
			return c.Create(ctx, object, options...)
		}
		return ctx.Err()
	}, Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.Delete(ctx, object, options...)
	}})
	made := wish{requestID: "r-1", received: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	w := World{In: strings.NewReader("ada@example.org"), Out: io.Discard, Err: io.Discard, Random: strings.NewReader("chance")}
	err := erase(ctx, w, Cluster{s.client, "shop"}, made, []string{"email"})
	if secrets, _ := s.made(); err == nil || len(secrets) > 0 {
		t.Errorf("%v, %d Secrets", err, len(secrets))
	}
}

func TestABlockedReadIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	never, writer := io.Pipe()
	defer writer.Close()
	if _, err := readPerson(ctx, World{In: never}, []string{"email"}); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("%v", err)
	}
}

func TestARequestThatExistsIsSaidBeforeThePersonIsAskedFor(t *testing.T) {
	s := newShell(t, interceptor.Funcs{})
	s.typed = "ada@example.org"
	s.run("erase", "--request-id", "r-1")
	s.hidden = []string{}
	code, out, complaint := s.run("erase", "--request-id", "r-1")
	if secrets, _ := s.made(); code != Refused || out != "" || strings.Contains(complaint, "not shown") || !strings.Contains(complaint, "exists already") || len(secrets) != 1 {
		t.Errorf("exit code %d, %s", code, complaint)
	}
}

// TestOnlyTheSecretHoldsTheIdentifier makes requests of all kinds for all people, in clusters in which anything fails.
func TestOnlyTheSecretHoldsTheIdentifier(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.StringMatching(`[A-Za-z0-9+.@_-]{0,3}[Q-Zq-z0-9+.@_é"\\-]{8,40}(\r?\n)?.{0,3}`).Draw(r, "value")
		kind := rapid.SampledFrom([]string{"email", "phone", "customerID", "custom"}).Draw(r, "kind")
		fail := interceptor.Funcs{}
		if rapid.Bool().Draw(r, "fails") {
			told := errors.New("a webhook tells: " + value)
			fail = failing[*corev1.Secret](rapid.SampledFrom([]error{told, apierrors.NewForbidden(schema.GroupResource{}, value, told), apierrors.NewBadRequest(value)}).Draw(r, "error"), rapid.Bool().Draw(r, "done"))
		}
		s := newShell(t, fail)
		s.typed = value
		line := []string{"erase", "--kind", kind}
		if where := rapid.SampledFrom([]string{"", "--request-id", "--register", "--received", "--ground", "--objection", "--purpose", "-n", "--kind", "--", "--nothing", "-x"}).Draw(r, "where"); where != "" {
			line = append(line, where, value)
		}
		_, out, complaint := s.run(line...)
		_, requests := s.made()
		objects, err := json.Marshal(requests)
		if err != nil {
			r.Fatal(err)
		}
		bare := strings.TrimSpace(value)
		for _, form := range []string{bare, strings.ToLower(bare), base64.StdEncoding.EncodeToString([]byte(bare))} {
			if strings.Contains(out+complaint+string(objects), form) {
				r.Fatalf("%q is told: %s%s%s", value, out, complaint, objects)
			}
		}
	})
}
