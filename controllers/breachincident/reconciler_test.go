package breachincident

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var start = time.Date(2026, time.November, 5, 7, 40, 0, 0, time.UTC)

// bench is a cluster in memory with one incident in it.
type bench struct {
	t      *testing.T
	client client.Client
	r      *Reconciler
	clock  *clocktesting.FakePassiveClock
	events *events.FakeRecorder
	writes int
	fail   func(verb string) error
	// lost says that the answer to a write is lost.
	lost func() error
	// seen are the messages that a cache has which is behind; nil for all that there are.
	seen *v1alpha1.NotificationList
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{t: t, clock: clocktesting.NewFakePassiveClock(start), events: events.NewFakeRecorder(100), fail: func(string) error { return nil }, lost: func() error { return nil }}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithTypeConverters(managedfields.NewDeducedTypeConverter()).
		WithStatusSubresource(&v1alpha1.BreachIncident{}, &v1alpha1.Notification{}).
		WithObjects(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}).WithObjects(objects...)
	for _, i := range Indexes() {
		builder = builder.WithIndex(i.Object, i.Field, i.Values)
	}
	count := func(verb string, do func() error) error {
		b.writes++
		if err := b.fail(verb); err != nil {
			return err
		}
		return errors.Join(do(), b.lost())
	}
	b.client = interceptor.NewClient(builder.Build(), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if messages, are := list.(*v1alpha1.NotificationList); are && b.seen != nil {
				b.seen.DeepCopyInto(messages)
				return nil
			}
			return c.List(ctx, list, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			return count("apply", func() error { return c.Apply(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return count("patch", func() error { return c.Patch(ctx, o, p, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return count("status", func() error { return c.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	})
	b.r = &Reconciler{Client: b.client, Reader: b.client, Recorder: b.events, Clock: b.clock, Namespace: "rempart-system"}
	return b
}

func incident() *v1alpha1.BreachIncident {
	return &v1alpha1.BreachIncident{
		ObjectMeta: metav1.ObjectMeta{Name: "bucket", Namespace: "shop", UID: "uid-1", Generation: 1, Finalizers: []string{v1alpha1.FinalizerBreachRegister}},
		Spec: v1alpha1.BreachIncidentSpec{
			OfficerRef: v1alpha1.ClusterRef{Name: "example"}, EscalationPolicyRef: v1alpha1.ClusterRef{Name: "default"}, Role: v1alpha1.BreachRoleController,
			Verdict: v1alpha1.BreachConfirmed, DetectedTime: ptr.To(metav1.NewTime(start)), AwareTime: ptr.To(metav1.NewTime(start)),
		},
	}
}

// world is what an incident needs around it: officer, policy of two stages, channels.
func world(more ...client.Object) []client.Object {
	return append(more,
		&v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "example"}, Spec: v1alpha1.DataProtectionOfficerSpec{
			TimeZone: "Europe/Paris", Organisation: v1alpha1.Organisation{Country: "FR"}, Channels: []v1alpha1.ObjectName{"mail"}, ManagementChannels: []v1alpha1.ObjectName{"hook"},
		}},
		&v1alpha1.EscalationPolicy{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: v1alpha1.EscalationPolicySpec{
			FallbackChannelRef: &v1alpha1.ClusterRef{Name: "spare"},
			Stages: []v1alpha1.EscalationStage{
				{Name: "dpo", Clock: v1alpha1.ClockDetection, After: "PT0H", Audiences: []v1alpha1.Audience{{Role: v1alpha1.AudienceOfficer}}, AcknowledgeWithin: "PT4H"},
				{Name: "overdue", Clock: v1alpha1.ClockAwareness, After: "PT72H", Unless: []string{v1alpha1.ConditionAuthorityNotified}, Audiences: []v1alpha1.Audience{{Role: v1alpha1.AudienceManagement}}},
			},
		}},
		&v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "mail"}, Spec: v1alpha1.NotificationChannelSpec{Type: v1alpha1.ChannelSMTP, SMTP: &v1alpha1.SMTPChannel{To: []string{"a@example.eu", "b@example.eu"}}}},
		&v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "hook"}, Spec: v1alpha1.NotificationChannelSpec{Type: v1alpha1.ChannelWebhook}},
	)
}

// pass runs one pass over the incident as it is stored; nil when it is gone.
func (b *bench) pass() (*v1alpha1.BreachIncident, ctrl.Result, error) {
	b.t.Helper()
	current, key := &v1alpha1.BreachIncident{}, client.ObjectKey{Namespace: "shop", Name: "bucket"}
	if err := b.client.Get(b.t.Context(), key, current); err != nil {
		b.t.Fatal(err)
	}
	result, err := b.r.Reconcile(b.t.Context(), current)
	stored := &v1alpha1.BreachIncident{}
	if err := b.client.Get(b.t.Context(), key, stored); apierrors.IsNotFound(err) {
		return nil, result, nil
	} else if err != nil {
		b.t.Fatal(err)
	}
	return stored, result, err
}

// still runs a pass that must write nothing and tell nothing.
func (b *bench) still() {
	b.t.Helper()
	writes, told := b.writes, len(b.events.Events)
	if _, _, err := b.pass(); err != nil {
		b.t.Error(err)
	}
	if b.writes != writes || len(b.events.Events) != told {
		b.t.Errorf("the second pass wrote %d times and told %d events", b.writes-writes, len(b.events.Events)-told)
	}
}

func (b *bench) messages() []v1alpha1.Notification {
	b.t.Helper()
	list := &v1alpha1.NotificationList{}
	if err := b.client.List(b.t.Context(), list); err != nil {
		b.t.Fatal(err)
	}
	return list.Items
}

func said(i *v1alpha1.BreachIncident, conditionType string) string {
	if found := meta.FindStatusCondition(i.Status.Conditions, conditionType); found != nil {
		return string(found.Status) + " " + found.Reason
	}
	return ""
}

func TestTheFinalizerComesFirst(t *testing.T) {
	i := incident()
	i.Finalizers = nil
	b := newBench(t, world(i)...)
	got, _, err := b.pass()
	if err != nil || len(got.Finalizers) != 1 || said(got, v1alpha1.ConditionReady) != "Unknown NotYetKnown" || len(b.messages()) != 0 {
		t.Fatalf("%v %+v", err, got)
	}
	got, _, err = b.pass()
	if err != nil || said(got, v1alpha1.ConditionReady) != "False AwaitingAssessment" {
		t.Errorf("%v %+v", err, got.Status)
	}
	b.still()
}

func TestStagesFireOnceAndTheirMessagesBelongToTheIncident(t *testing.T) {
	b := newBench(t, world(incident())...)
	got, result, err := b.pass()
	if err != nil || result.RequeueAfter != time.Hour || got.Status.Clock.Source != v1alpha1.ClockDeclared || len(got.Status.Stages) != 1 || got.Status.NextStage != "overdue" {
		t.Fatalf("%+v %v %+v", result, err, got.Status)
	}
	messages := b.messages()
	if len(messages) != 2 || messages[0].OwnerReferences[0].UID != "uid-1" || messages[0].Spec.ChannelRef.Name != "mail" {
		t.Fatalf("%+v", messages)
	}
	b.still()

	b.clock.SetTime(start.Add(72*time.Hour + time.Second))
	if got, _, err = b.pass(); err != nil || said(got, v1alpha1.ConditionOverdue) != "True SafeTargetPassed" || len(got.Status.Stages) != 2 || len(b.messages()) != 3 {
		t.Fatalf("%v %+v", err, got.Status)
	}
	b.still()
	b.clock.SetTime(start.Add(73 * time.Hour))
	if got, _, err = b.pass(); err != nil || said(got, v1alpha1.ConditionOverdue) != "True LegalLimitPassed" {
		t.Errorf("%v %+v", err, got.Status)
	}
	b.still()

	got.Spec.Submissions = []v1alpha1.Submission{{Authority: "FR", Type: v1alpha1.SubmissionNew, Completeness: v1alpha1.SubmissionComplete, SubmittedTime: ptr.To(metav1.NewTime(b.clock.Now()))}}
	if err := b.client.Update(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	if got, _, err = b.pass(); err != nil || said(got, v1alpha1.ConditionOverdue) != "" || said(got, v1alpha1.ConditionAuthorityNotified) != "True Complete" {
		t.Errorf("%v %+v", err, got.Status)
	}
	b.still()
}

func TestACrashBetweenMessagesAndStatusSendsThemOnce(t *testing.T) {
	b := newBench(t, world(incident())...)
	b.fail = func(verb string) error {
		if verb == "status" {
			return errors.New("the process died")
		}
		return nil
	}
	if _, _, err := b.pass(); err == nil || len(b.messages()) != 2 {
		t.Fatalf("%v, %d messages", err, len(b.messages()))
	}
	b.fail = func(string) error { return nil }
	b.clock.SetTime(start.Add(time.Minute))
	got, _, err := b.pass()
	if err != nil || len(b.messages()) != 2 || len(got.Status.Stages) != 1 {
		t.Errorf("%v, %d messages, %+v", err, len(b.messages()), got.Status)
	}
	b.still()
}

func TestNoStageFiresUntilItsMessagesExist(t *testing.T) {
	b := newBench(t, world(incident())...)
	b.fail = func(verb string) error {
		if verb == "apply" {
			return errors.New("no connection")
		}
		return nil
	}
	got, _, err := b.pass()
	if err == nil || len(got.Status.Stages) != 0 || said(got, v1alpha1.ConditionReconciling) != "True StepFailed" {
		t.Fatalf("%v %+v", err, got.Status)
	}
	for _, c := range got.Status.Conditions {
		if strings.Contains(c.Message, "no connection") {
			t.Errorf("an error's text in %+v", c)
		}
	}
}

func TestAStrangersMessageIsNotAdopted(t *testing.T) {
	b := newBench(t, world(incident())...)
	if _, _, err := b.pass(); err != nil {
		t.Fatal(err)
	}
	stolen := b.messages()[0]
	stolen.ResourceVersion, stolen.OwnerReferences = "", nil
	c := newBench(t, world(incident(), &stolen)...)
	got, _, err := c.pass()
	if err == nil || said(got, v1alpha1.ConditionStalled) != "True NameTaken" {
		t.Errorf("%v %+v", err, got.Status.Conditions)
	}
}

func TestAMessageThatWasGivenUpIsToldThroughTheFallbackChannelOnce(t *testing.T) {
	b := newBench(t, world(incident())...)
	if _, _, err := b.pass(); err != nil {
		t.Fatal(err)
	}
	for _, n := range b.messages() {
		n.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionDeadLettered, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRetriesExhausted, LastTransitionTime: metav1.NewTime(start)}}
		if err := b.client.Status().Update(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.pass(); err != nil {
		t.Fatal(err)
	}
	spare := 0
	for _, n := range b.messages() {
		if n.Spec.ChannelRef.Name == "spare" && n.Spec.Cause.Event == v1alpha1.EventDeadLettered {
			spare++
		}
	}
	if spare != 1 || len(b.messages()) != 3 {
		t.Errorf("%d through the fallback channel, %d in all", spare, len(b.messages()))
	}
	b.still()
}

func TestWithoutOfficerTheClockRuns(t *testing.T) {
	b := newBench(t, incident())
	got, _, err := b.pass()
	if err != nil || said(got, v1alpha1.ConditionStalled) != "True OfficerMissing" || got.Status.Clock == nil {
		t.Errorf("%v %+v", err, got.Status)
	}
	b.still()
}

func deleted(b *bench) {
	b.t.Helper()
	if err := b.client.Delete(b.t.Context(), incident()); err != nil {
		b.t.Fatal(err)
	}
}

func TestADeletedIncidentStaysAndItsClockRuns(t *testing.T) {
	b := newBench(t, world(incident())...)
	deleted(b)
	b.clock.SetTime(start.Add(80 * time.Hour))
	got, result, err := b.pass()
	if err != nil || got == nil || said(got, v1alpha1.ConditionOverdue) == "" || said(got, v1alpha1.ConditionReconciling) != "True RecordKept" || result.RequeueAfter == 0 {
		t.Fatalf("%+v %v %+v", result, err, got)
	}
	b.still()
}

func TestARecordGoesFiveYearsAfterItsClosure(t *testing.T) {
	i := incident()
	i.Spec.Verdict, i.Spec.VerdictReason = v1alpha1.BreachDismissed, "no personal data"
	b := newBench(t, world(i)...)
	if got, _, err := b.pass(); err != nil || got.Status.ClosedTime == nil {
		t.Fatalf("%v", err)
	}
	deleted(b)
	b.clock.SetTime(start.Add(4 * 366 * 24 * time.Hour))
	if got, _, err := b.pass(); err != nil || got == nil {
		t.Fatalf("gone after four years: %v", err)
	}
	b.clock.SetTime(start.Add(5*366*24*time.Hour + 48*time.Hour))
	if got, _, err := b.pass(); err != nil || got != nil {
		t.Errorf("kept: %v %+v", err, got)
	}
}

func TestANamespaceThatGoesLeavesASealedCopy(t *testing.T) {
	b := newBench(t, world(incident())...)
	if _, _, err := b.pass(); err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{}
	if err := b.client.Get(t.Context(), client.ObjectKey{Name: "shop"}, namespace); err != nil {
		t.Fatal(err)
	}
	namespace.Finalizers = []string{"kubernetes"}
	if err := b.client.Update(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	if err := b.client.Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	deleted(b)
	b.fail = func(verb string) error { // the first release is cut short after the copy
		if verb == "patch" {
			return errors.New("the process died")
		}
		return nil
	}
	if got, _, _ := b.pass(); got == nil {
		t.Fatal("gone without its release")
	}
	b.fail = func(string) error { return nil }
	if got, _, err := b.pass(); err != nil || got != nil {
		t.Fatalf("the namespace is held up: %v %+v", err, got)
	}
	sealed := &corev1.ConfigMap{}
	if err := b.client.Get(t.Context(), client.ObjectKey{Namespace: "rempart-system", Name: "breach-record-uid-1"}, sealed); err != nil {
		t.Fatal(err)
	}
	if !ptr.Deref(sealed.Immutable, false) || !strings.Contains(sealed.Data["record.json"], `"name":"bucket"`) || !strings.Contains(sealed.Data["record.json"], `"stages"`) {
		t.Errorf("%+v", sealed)
	}
}
