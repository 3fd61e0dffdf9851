package digest

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

const system = "rempart-system"

// journal is a log whose head is what a test says.
type journal struct {
	head evidence.SignedHead
	err  error
}

func (j journal) Head(context.Context) (evidence.SignedHead, error) { return j.head, j.err }

func build(t *testing.T, log Log, funcs interceptor.Funcs) *Reconciler {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2026, 11, 23, 7, 30, 0, 0, time.UTC)
	dpo := &v1alpha1.DataProtectionOfficer{
		ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "u-1", CreationTimestamp: metav1.NewTime(monday.Add(-24 * time.Hour))},
		Spec: v1alpha1.DataProtectionOfficerSpec{TimeZone: "Europe/Paris", Channels: []v1alpha1.ObjectName{"mail", "gone"},
			Digest: &v1alpha1.Digest{Schedule: "0 8 * * 1-5"}},
		Status: v1alpha1.DataProtectionOfficerStatus{Registers: ptr.To(int32(1))},
	}
	old := &v1alpha1.Notification{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "old", CreationTimestamp: metav1.NewTime(monday.Add(-40 * 24 * time.Hour))},
		Spec:   v1alpha1.NotificationSpec{Cause: v1alpha1.NotificationCause{Event: v1alpha1.EventOfficerDigest}, ObjectRef: v1alpha1.ObjectRef{UID: "u-1"}},
		Status: v1alpha1.NotificationStatus{DeliveredTime: ptr.To(metav1.NewTime(monday))}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(dpo, old).WithInterceptorFuncs(funcs).
		WithIndex(&v1alpha1.Notification{}, indexOfficer, officerOf).
		WithObjects(dpo, old, &v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "mail"}}).Build()
	return &Reconciler{Client: c, Reader: c, Log: log, Namespace: system, Clock: clocktesting.NewFakePassiveClock(monday)}
}

// pass reconciles the officer as the API server has it.
func pass(t *testing.T, r *Reconciler) (*v1alpha1.DataProtectionOfficer, error) {
	t.Helper()
	dpo := &v1alpha1.DataProtectionOfficer{}
	if err := r.Client.Get(t.Context(), client.ObjectKey{Name: "acme"}, dpo); err != nil {
		t.Fatal(err)
	}
	_, err := r.Reconcile(t.Context(), dpo)
	if err := r.Client.Get(t.Context(), client.ObjectKey{Name: "acme"}, dpo); err != nil {
		t.Fatal(err)
	}
	return dpo, err
}

func sent(t *testing.T, r *Reconciler) []v1alpha1.Notification {
	t.Helper()
	list := &v1alpha1.NotificationList{}
	if err := r.Client.List(t.Context(), list, client.InNamespace(system)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestADueDigestIsWrittenToEachChannelAndASecondPassWritesNothing(t *testing.T) {
	r := build(t, journal{head: evidence.SignedHead{Origin: evidence.Origin, Size: 3, Root: "root", Signature: "signature"}}, interceptor.Funcs{})
	first, err := pass(t, r)
	if err != nil || first.Status.LastDigestTime == nil {
		t.Fatalf("%v, %+v", err, first.Status)
	}
	messages := sent(t, r)
	if len(messages) != 2 {
		t.Fatalf("%d messages, want one to each channel, be it there or not, and the old one gone: %+v", len(messages), messages)
	}
	second, err := pass(t, r)
	if err != nil || second.ResourceVersion != first.ResourceVersion || len(sent(t, r)) != 2 {
		t.Errorf("the second pass wrote: %v", err)
	}
}

// TestALogThatIsDamagedIsToldAndOneThatIsAwayIsWaitedFor
func TestALogThatIsDamagedIsToldAndOneThatIsAwayIsWaitedFor(t *testing.T) {
	r := build(t, journal{err: &flow.Permanent{Reason: v1alpha1.ReasonEvidenceDamaged}}, interceptor.Funcs{})
	if _, err := pass(t, r); err != nil || len(sent(t, r)) != 2 {
		t.Errorf("a damaged log kept the digest back: %v", err)
	}
	r = build(t, journal{err: errors.New("away")}, interceptor.Funcs{})
	if dpo, err := pass(t, r); err == nil || dpo.Status.LastDigestTime != nil {
		t.Errorf("a digest went out without the state of the log: %v", err)
	}
}

// TestAMessageThatCouldNotBeWrittenIsWrittenLater: no digest is lost, and none is sent twice.
func TestAMessageThatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	fail := true
	r := build(t, journal{}, interceptor.Funcs{Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
		if fail {
			fail = false
			return errors.New("lost")
		}
		return c.Apply(ctx, o, opts...)
	}})
	if dpo, err := pass(t, r); err == nil || dpo.Status.LastDigestTime != nil || meta.IsStatusConditionTrue(dpo.Status.Conditions, v1alpha1.ConditionReady) {
		t.Fatalf("%v", err)
	}
	if dpo, err := pass(t, r); err != nil || dpo.Status.LastDigestTime == nil || len(sent(t, r)) != 2 {
		t.Errorf("%v, %d messages", err, len(sent(t, r)))
	}
}
