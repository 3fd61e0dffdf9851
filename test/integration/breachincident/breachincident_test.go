// Package breachincident runs the controllers of breaches and messages against a real API server: an incident is
// escalated, its messages are sent, and it ends. Receivers and clock are played by the test.
package breachincident

import (
	"context"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/breachincident"
	"github.com/rempart-dev/rempart/controllers/escalationpolicy"
	"github.com/rempart-dev/rempart/controllers/notification"
	"github.com/rempart-dev/rempart/controllers/notificationchannel"
	"github.com/rempart-dev/rempart/internal/adapter/memory"
	"github.com/rempart-dev/rempart/test/apiserver"
)

var server *apiserver.Server

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(apiserver.Run(m, func(s *apiserver.Server) { server = s }))
}

const (
	namespace = "shop"
	home      = "rempart-system"
	patience  = 3 * time.Minute
)

var detected = time.Date(2026, time.November, 5, 7, 40, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, clock *clocktesting.FakePassiveClock, sender *memory.Sender) {
	t.Helper()
	mgr, err := ctrl.NewManager(server.Config, ctrl.Options{Scheme: server.Scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	must(t, breachincident.Register(ctx, mgr, breachincident.Config{Namespace: home, Clock: clock}))
	must(t, escalationpolicy.Register(ctx, mgr))
	must(t, notification.Register(ctx, mgr, notification.Config{Namespace: home, Clock: clock, Senders: map[v1alpha1.ChannelType]notification.Sender{
		v1alpha1.ChannelSMTP: sender, v1alpha1.ChannelWebhook: sender,
	}}))
	must(t, notificationchannel.Register(ctx, mgr, notificationchannel.Config{Namespace: home, Addresses: map[v1alpha1.ChannelType]notificationchannel.Address{
		v1alpha1.ChannelSMTP: sender, v1alpha1.ChannelWebhook: sender,
	}}))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
}

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, o := range objects {
		must(t, server.Client.Create(t.Context(), o))
	}
}

// installed is the policy that Rempart installs.
func installed(t *testing.T) *v1alpha1.EscalationPolicy {
	t.Helper()
	content, err := os.ReadFile(apiserver.Root() + "/config/escalation/default_policy.yaml")
	must(t, err)
	policy := &v1alpha1.EscalationPolicy{}
	must(t, yaml.UnmarshalStrict(content, policy))
	return policy
}

func incident(t *testing.T) *v1alpha1.BreachIncident {
	t.Helper()
	i := &v1alpha1.BreachIncident{}
	must(t, server.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "bucket"}, i))
	return i
}

// change changes what people say of the incident, whatever the operator writes meanwhile.
func change(t *testing.T, edit func(*v1alpha1.BreachIncident)) {
	t.Helper()
	i := incident(t)
	before := i.DeepCopy()
	edit(i)
	must(t, server.Client.Patch(t.Context(), i, client.MergeFrom(before)))
}

// touch brings a pass: the controllers wait for hours that the test does not have.
func touch(t *testing.T) {
	t.Helper()
	change(t, func(i *v1alpha1.BreachIncident) { i.Annotations = map[string]string{"touched": i.ResourceVersion} })
}

func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(patience), time.NewTicker(50*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s; status: %+v", patience, what, incident(t).Status)
		}
	}
}

func said(list []metav1.Condition, conditionType string) string {
	if c := meta.FindStatusCondition(list, conditionType); c != nil {
		return string(c.Status) + " " + c.Reason
	}
	return ""
}

func delivered(t *testing.T) int {
	t.Helper()
	list := &v1alpha1.NotificationList{}
	must(t, server.Client.List(t.Context(), list, client.InNamespace(namespace)))
	n := 0
	for i := range list.Items {
		if said(list.Items[i].Status.Conditions, v1alpha1.ConditionReady) == "True Delivered" {
			n++
		}
	}
	return n
}

func kstatus(t *testing.T, o client.Object) status.Status {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	must(t, err)
	u := &unstructured.Unstructured{Object: content}
	u.SetAPIVersion(v1alpha1.SchemeGroupVersion.String())
	u.SetKind("BreachIncident")
	result, err := status.Compute(u)
	must(t, err)
	return result.Status
}

func TestAnIncidentIsEscalatedToldAndEnded(t *testing.T) {
	clock, sender := clocktesting.NewFakePassiveClock(detected), memory.NewSender(nil)
	create(t,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		&v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "example"}, Spec: v1alpha1.DataProtectionOfficerSpec{
			Organisation: v1alpha1.Organisation{LegalName: "Example SAS", Country: "FR"}, Officer: v1alpha1.Officer{Name: "The office", Email: "dpo@example.eu"},
			TimeZone: "Europe/Paris", Channels: []v1alpha1.ObjectName{"mail"}, ManagementChannels: []v1alpha1.ObjectName{"hook"},
		}},
		installed(t),
		&v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "mail"}, Spec: v1alpha1.NotificationChannelSpec{
			Type: v1alpha1.ChannelSMTP, SMTP: &v1alpha1.SMTPChannel{Host: "mail.example.eu", From: "a@example.eu", To: []string{"b@example.eu", "c@example.eu"}},
		}},
		&v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "hook"}, Spec: v1alpha1.NotificationChannelSpec{
			Type: v1alpha1.ChannelWebhook, Webhook: &v1alpha1.WebhookChannel{URL: "https://hooks.example.eu/"},
		}},
		&v1alpha1.BreachIncident{ObjectMeta: metav1.ObjectMeta{Name: "bucket", Namespace: namespace}, Spec: v1alpha1.BreachIncidentSpec{
			OfficerRef: v1alpha1.ClusterRef{Name: "example"}, Role: v1alpha1.BreachRoleController, Verdict: v1alpha1.BreachSuspected, DetectedTime: ptr.To(metav1.NewTime(detected)),
		}},
	)
	start(t, clock, sender)

	eventually(t, "the officer is told at both addresses", func() bool { return delivered(t) == 2 })
	// A message can be delivered before the pass that made it says anything.
	eventually(t, "the incident is suspected", func() bool { return said(incident(t).Status.Conditions, v1alpha1.ConditionReady) == "False Suspected" })
	if i := incident(t); i.Status.Clock.Source != v1alpha1.ClockProvisional || kstatus(t, i) != status.InProgressStatus {
		t.Fatalf("%s %+v", kstatus(t, i), i.Status)
	}

	change(t, func(i *v1alpha1.BreachIncident) {
		i.Spec.Verdict, i.Spec.AwareTime = v1alpha1.BreachConfirmed, ptr.To(metav1.NewTime(detected.Add(time.Hour)))
	})
	clock.SetTime(detected.Add(73*time.Hour + time.Second))
	touch(t)
	eventually(t, "every stage but the one for the undeclared has fired", func() bool { return len(incident(t).Status.Stages) == 6 })
	if i := incident(t); said(i.Status.Conditions, v1alpha1.ConditionOverdue) != "True SafeTargetPassed" {
		t.Fatalf("%+v", i.Status)
	}
	eventually(t, "every message is delivered", func() bool { return delivered(t) == 2+1+3+2+1+3 })

	at := ptr.To(metav1.NewTime(detected.Add(72 * time.Hour)))
	change(t, func(i *v1alpha1.BreachIncident) {
		i.Spec.Risk = &v1alpha1.RiskDecision{Outcome: v1alpha1.RiskRisk, Reasoning: "Names and orders"}
		i.Spec.Submissions = []v1alpha1.Submission{{Authority: "FR", Type: v1alpha1.SubmissionNew, Completeness: v1alpha1.SubmissionComplete, SubmittedTime: at, Reference: "1"}}
		i.Spec.Closure = &v1alpha1.Closure{Summary: "Closed the bucket"}
	})
	eventually(t, "the incident is closed", func() bool { return said(incident(t).Status.Conditions, v1alpha1.ConditionReady) == "True Closed" })

	i := incident(t)
	if kstatus(t, i) != status.CurrentStatus || said(i.Status.Conditions, v1alpha1.ConditionOverdue) != "" || i.Status.ClosedTime == nil {
		t.Errorf("%s %+v", kstatus(t, i), i.Status)
	}
	keys := map[string]bool{}
	for _, e := range sender.Sent() {
		keys[e.Key] = true
	}
	if len(keys) != 12 {
		t.Errorf("%d keys for 12 messages", len(keys))
	}

	t.Run("three more passes write nothing", func(t *testing.T) {
		eventually(t, "a pass that writes nothing", func() bool { // what the last deliveries bring may be still to come
			touch(t)
			version, before := incident(t).ResourceVersion, versions(t)
			settle(t)
			return incident(t).ResourceVersion == version && maps.Equal(before, versions(t))
		})
		for range 3 {
			touch(t)
			version, before := incident(t).ResourceVersion, versions(t)
			// A pass of another object, made after, shows that ours is over: one worker takes them in turn.
			settle(t)
			if now := incident(t).ResourceVersion; now != version {
				t.Errorf("the incident went from version %s to %s", version, now)
			}
			if after := versions(t); len(after) != len(before) {
				t.Errorf("%d messages became %d", len(before), len(after))
			} else {
				for name, v := range before {
					if after[name] != v {
						t.Errorf("message %s was written", name)
					}
				}
			}
		}
	})
}

func versions(t *testing.T) map[string]string {
	t.Helper()
	list := &v1alpha1.NotificationList{}
	must(t, server.Client.List(t.Context(), list, client.InNamespace(namespace)))
	found := map[string]string{}
	for i := range list.Items {
		found[list.Items[i].Name] = list.Items[i].ResourceVersion
	}
	return found
}

// settle makes an incident and waits until it was judged.
func settle(t *testing.T) {
	t.Helper()
	probe := &v1alpha1.BreachIncident{ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Namespace: namespace}, Spec: v1alpha1.BreachIncidentSpec{
		OfficerRef: v1alpha1.ClusterRef{Name: "example"}, Role: v1alpha1.BreachRoleController, Verdict: v1alpha1.BreachDismissed, VerdictReason: "A probe", DetectedTime: ptr.To(metav1.NewTime(detected)),
	}}
	create(t, probe)
	eventually(t, "a probe is judged", func() bool {
		must(t, server.Client.Get(t.Context(), client.ObjectKeyFromObject(probe), probe))
		return said(probe.Status.Conditions, v1alpha1.ConditionReady) == "True Dismissed"
	})
}
