package notification

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/memory"
	"github.com/rempart-dev/rempart/internal/adapter/webhook"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/notice"
)

var start = time.Date(2026, time.November, 24, 8, 0, 0, 0, time.UTC)

const namespace = "rempart-system"

type count int

func (c *count) Inc() { *c++ }

// bench is a cluster in memory with one message in it.
type bench struct {
	t      *testing.T
	client client.Client
	r      *Reconciler
	clock  *clocktesting.FakePassiveClock
	events *events.FakeRecorder
	writes int
	fail   func() error // before each write of status
	dead   count
}

func newBench(t *testing.T, sender Sender, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{t: t, clock: clocktesting.NewFakePassiveClock(start), events: events.NewFakeRecorder(100), fail: func() error { return nil }}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.Notification{}).WithObjects(objects...)
	for _, i := range Indexes() {
		builder = builder.WithIndex(i.Object, i.Field, i.Values)
	}
	b.client = interceptor.NewClient(builder.Build(), interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			b.writes++
			if err := b.fail(); err != nil {
				return err
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
	b.r = &Reconciler{
		Client: b.client, Reader: b.client, Recorder: b.events, Clock: b.clock, Namespace: namespace, DeadLettered: &b.dead,
		Senders: map[v1alpha1.ChannelType]Sender{v1alpha1.ChannelSMTP: sender, v1alpha1.ChannelWebhook: sender},
	}
	return b
}

// message is one that the operator wrote for an incident.
func message(t testing.TB, stage v1alpha1.PartName, channel v1alpha1.ObjectName) *v1alpha1.Notification {
	t.Helper()
	draft := notice.Draft{
		Subject:   notice.Subject{Kind: "BreachIncident", Namespace: "shop", Name: "bucket", UID: "uid-1"},
		Cause:     v1alpha1.NotificationCause{Event: v1alpha1.EventStageFired, Stage: stage, Ordinal: 1},
		Channel:   channel,
		Recipient: v1alpha1.NotificationRecipient{Role: v1alpha1.AudienceOfficer, Index: 1},
		Template:  notice.TemplateStage, Language: v1alpha1.LanguageEnglish,
		Parameters: map[string]string{"namespace": "shop", "name": "bucket", "stage": string(stage)},
	}
	encoded, err := json.Marshal(draft.Apply())
	if err != nil {
		t.Fatal(err)
	}
	n := &v1alpha1.Notification{}
	if err := json.Unmarshal(encoded, n); err != nil {
		t.Fatal(err)
	}
	n.UID = types.UID("n-" + string(stage))
	n.CreationTimestamp = metav1.NewTime(start)
	n.OwnerReferences = []metav1.OwnerReference{{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "BreachIncident", Name: "bucket", UID: "uid-1", Controller: ptr.To(true)}}
	return n
}

func mailChannel() *v1alpha1.NotificationChannel {
	return &v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "mail"}, Spec: v1alpha1.NotificationChannelSpec{
		Type: v1alpha1.ChannelSMTP, SMTP: &v1alpha1.SMTPChannel{Host: "mail.example.eu", From: "a@example.eu", To: []string{"b@example.eu"}, CredentialsSecretRef: &v1alpha1.SecretRef{Name: "mail-login"}},
		RetryFor: "PT24H", PerHour: 60,
	}}
}

func mailLogin() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "mail-login", Namespace: namespace}, Data: map[string][]byte{"username": []byte("u"), "password": []byte("p")}}
}

// pass runs one pass over a message as it is stored.
func (b *bench) pass(n *v1alpha1.Notification) (*v1alpha1.Notification, ctrl.Result, error) {
	b.t.Helper()
	current := &v1alpha1.Notification{}
	if err := b.client.Get(b.t.Context(), client.ObjectKeyFromObject(n), current); err != nil {
		b.t.Fatal(err)
	}
	result, err := b.r.Reconcile(b.t.Context(), current)
	if err := b.client.Get(b.t.Context(), client.ObjectKeyFromObject(n), current); err != nil {
		b.t.Fatal(err)
	}
	return current, result, err
}

// still runs a pass that must write nothing.
func (b *bench) still(n *v1alpha1.Notification) ctrl.Result {
	b.t.Helper()
	before := b.writes
	_, result, _ := b.pass(n)
	if b.writes != before {
		b.t.Errorf("the second pass wrote %d times", b.writes-before)
	}
	return result
}

func reason(n *v1alpha1.Notification, conditionType string) string {
	if c := meta.FindStatusCondition(n.Status.Conditions, conditionType); c != nil {
		return string(c.Status) + " " + c.Reason
	}
	return ""
}

func TestAMessageIsDeliveredOnce(t *testing.T) {
	sender := memory.NewSender(nil)
	n := message(t, "dpo", "mail")
	b := newBench(t, sender, n, mailChannel(), mailLogin())
	got, result, err := b.pass(n)
	if err != nil || result.RequeueAfter != 0 || reason(got, v1alpha1.ConditionReady) != "True Delivered" || reason(got, v1alpha1.ConditionReconciling) != "" {
		t.Fatalf("%+v %v %+v", result, err, got.Status)
	}
	if b.writes != 2 || *got.Status.Attempts != 1 || got.Status.DeliveredTime == nil || got.Status.LastResult != v1alpha1.DeliveryAccepted {
		t.Errorf("%d writes, %+v", b.writes, got.Status)
	}
	sent := sender.Sent()
	if len(sent) != 1 || sent[0].Key != n.Spec.IdempotencyKey || sent[0].Username.Reveal() != "u" || !strings.Contains(sent[0].Text, "bucket") {
		t.Errorf("%+v", sent)
	}
	b.still(n)
	if len(sender.Sent()) != 1 {
		t.Error("it was sent again")
	}
}

func TestTheAttemptIsWrittenBeforeItIsMade(t *testing.T) {
	n := message(t, "dpo", "mail")
	var b *bench
	sender := memory.NewSender(func(notice.Envelope) notice.Outcome {
		stored := &v1alpha1.Notification{}
		if err := b.client.Get(context.Background(), client.ObjectKeyFromObject(n), stored); err != nil {
			t.Error(err)
		}
		if ptr.Deref(stored.Status.Attempts, 0) != 1 || stored.Status.NextAttemptTime == nil || reason(stored, v1alpha1.ConditionReady) != "False Sending" {
			t.Errorf("%+v", stored.Status)
		}
		return notice.Outcome{Result: v1alpha1.DeliveryAccepted}
	})
	b = newBench(t, sender, n, mailChannel(), mailLogin())
	if _, _, err := b.pass(n); err != nil {
		t.Fatal(err)
	}
}

func TestACrashAfterSendingSendsAgainUnderTheSameKey(t *testing.T) {
	sender := memory.NewSender(nil)
	n := message(t, "dpo", "mail")
	b := newBench(t, sender, n, mailChannel(), mailLogin())
	b.fail = func() error {
		if b.writes == 2 {
			return errors.New("the process died")
		}
		return nil
	}
	if _, _, err := b.pass(n); err == nil {
		t.Fatal("no error")
	}
	if result := b.still(n); result.RequeueAfter < 20*time.Second {
		t.Errorf("an attempt that may be under way is repeated after %s", result.RequeueAfter)
	}
	b.clock.SetTime(start.Add(time.Minute))
	got, _, err := b.pass(n)
	if err != nil || reason(got, v1alpha1.ConditionReady) != "True Delivered" || *got.Status.Attempts != 2 {
		t.Fatalf("%v %+v", err, got.Status)
	}
	if sent := sender.Sent(); len(sent) != 2 || sent[0].Key != sent[1].Key {
		t.Errorf("%d sent", len(sent))
	}
}

func TestAnotherProcessThatWroteFirstWins(t *testing.T) {
	sender := memory.NewSender(nil)
	n := message(t, "dpo", "mail")
	b := newBench(t, sender, n, mailChannel(), mailLogin())
	b.fail = func() error {
		return apierrors.NewConflict(schema.GroupResource{Resource: "notifications"}, n.Name, errors.New("newer"))
	}
	_, result, err := b.pass(n)
	if err != nil || result.RequeueAfter == 0 || len(sender.Sent()) != 0 {
		t.Errorf("%+v %v, %d sent", result, err, len(sender.Sent()))
	}
}

func TestACopyThatAUserMadeIsNeverSent(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.Notification){
		"without owner":   func(n *v1alpha1.Notification) { n.OwnerReferences = nil },
		"another owner":   func(n *v1alpha1.Notification) { n.OwnerReferences[0].UID = "uid-2" },
		"another channel": func(n *v1alpha1.Notification) { n.Spec.ChannelRef.Name = "other" },
	} {
		sender := memory.NewSender(nil)
		n := message(t, "dpo", "mail")
		change(n)
		b := newBench(t, sender, n, mailChannel(), mailLogin())
		got, _, err := b.pass(n)
		if err == nil || reason(got, v1alpha1.ConditionStalled) != "True "+v1alpha1.ReasonNotMadeHere || len(sender.Sent()) != 0 {
			t.Errorf("%s: %v %+v", name, err, got.Status.Conditions)
		}
		b.still(n)
	}
}

func TestAMissingChannelOrSecretIsTriedAgainThenGivenUp(t *testing.T) {
	for name, objects := range map[string][]client.Object{"channel": nil, "Secret": {mailChannel()}} {
		sender := memory.NewSender(nil)
		n := message(t, "dpo", "mail")
		b := newBench(t, sender, append(objects, n)...)
		got, result, err := b.pass(n)
		if err != nil || got.Status.LastResult != v1alpha1.DeliveryChannelMissing || reason(got, v1alpha1.ConditionReady) != "False AttemptFailed" || result.RequeueAfter == 0 {
			t.Fatalf("%s: %v %+v", name, err, got.Status)
		}
		b.still(n)
		b.clock.SetTime(start.Add(24 * time.Hour))
		got, _, err = b.pass(n)
		if err != nil || reason(got, v1alpha1.ConditionDeadLettered) != "True RetriesExhausted" || reason(got, v1alpha1.ConditionStalled) == "" || b.dead != 1 {
			t.Errorf("%s: %v %+v, counted %d", name, err, got.Status, b.dead)
		}
		b.still(n)
		if b.dead != 1 || len(b.events.Events) != 1 || len(sender.Sent()) != 0 {
			t.Errorf("%s: counted %d, %d events", name, b.dead, len(b.events.Events))
		}
	}
}

func TestAChannelThatIsFullRests(t *testing.T) {
	sender := memory.NewSender(nil)
	channel := mailChannel()
	channel.Spec.PerHour = 1
	earlier := message(t, "dpo", "mail")
	earlier.Status = v1alpha1.NotificationStatus{LastAttemptTime: ptr.To(metav1.NewTime(start.Add(-50 * time.Minute))), DeliveredTime: ptr.To(metav1.NewTime(start.Add(-50 * time.Minute)))}
	n := message(t, "management", "mail")
	b := newBench(t, sender, n, earlier, channel, mailLogin())
	got, result, err := b.pass(n)
	if err != nil || reason(got, v1alpha1.ConditionReady) != "False Throttled" || result.RequeueAfter != 10*time.Minute || len(sender.Sent()) != 0 {
		t.Fatalf("%+v %v %+v", result, err, got.Status)
	}
	b.still(n)
	b.clock.SetTime(start.Add(10 * time.Minute))
	if got, _, err = b.pass(n); err != nil || reason(got, v1alpha1.ConditionReady) != "True Delivered" {
		t.Errorf("%v %+v", err, got.Status)
	}
}

// TestAReceiverThatAnswers500ForTenMinutes lets time pass over a real HTTP connection.
func TestAReceiverThatAnswers500ForTenMinutes(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(start)
	var mu sync.Mutex
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Webhook-Id"))
		if clock.Now().Sub(start) < 10*time.Minute {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	guard, err := egress.New(egress.Options{Allow: []string{server.Listener.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	n := message(t, "dpo", "hook")
	b := newBench(t, webhook.New(guard), n, &v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "hook"}, Spec: v1alpha1.NotificationChannelSpec{
		Type: v1alpha1.ChannelWebhook, Webhook: &v1alpha1.WebhookChannel{URL: server.URL}, RetryFor: "PT24H",
	}})
	b.clock, b.r.Clock = clock, clock
	for range 100 {
		got, result, err := b.pass(n)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status.DeliveredTime != nil {
			break
		}
		if reason(got, v1alpha1.ConditionReady) != "False AttemptFailed" || got.Status.LastResult != v1alpha1.DeliveryServerError || result.RequeueAfter <= 0 {
			t.Fatalf("%+v %+v", result, got.Status)
		}
		b.still(n)
		clock.SetTime(clock.Now().Add(result.RequeueAfter))
	}
	mu.Lock()
	defer mu.Unlock()
	if waited := clock.Now().Sub(start); waited < 10*time.Minute || waited > 30*time.Minute {
		t.Errorf("delivered after %s", waited)
	}
	if len(keys) < 3 || len(slices.Compact(keys)) != 1 {
		t.Errorf("keys %v", keys)
	}
}

func TestARefusalForGoodIsGivenUpAtOnce(t *testing.T) {
	n := message(t, "dpo", "mail")
	b := newBench(t, memory.NewSender(func(notice.Envelope) notice.Outcome {
		return notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	}), n, mailChannel(), mailLogin())
	got, result, err := b.pass(n)
	if err != nil || result.RequeueAfter != 0 || reason(got, v1alpha1.ConditionDeadLettered) != "True RefusedForGood" || b.dead != 1 {
		t.Errorf("%+v %v %+v", result, err, got.Status)
	}
	b.still(n)
}
