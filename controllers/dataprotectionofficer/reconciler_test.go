package dataprotectionofficer

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func meta1(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1}
}

func build(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) *Reconciler {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.DataProtectionOfficer{}).WithObjects(objects...).WithInterceptorFuncs(funcs)
	for _, i := range Indexes() {
		builder.WithIndex(i.Object, i.Field, i.Values)
	}
	return &Reconciler{Client: builder.Build(), Clock: clocktesting.NewFakePassiveClock(noon)}
}

func world() []client.Object {
	due, ended := metav1.NewTime(noon.Add(30*time.Minute)), metav1.NewTime(noon)
	of := func(name, namespace, officer string) *v1alpha1.DataRegister {
		return &v1alpha1.DataRegister{ObjectMeta: meta1(namespace, name), Spec: v1alpha1.DataRegisterSpec{OfficerRef: v1alpha1.ClusterRef{Name: v1alpha1.ObjectName(officer)}}}
	}
	request := func(name, namespace string, ended *metav1.Time) *v1alpha1.ErasureRequest {
		return &v1alpha1.ErasureRequest{ObjectMeta: meta1(namespace, name), Status: v1alpha1.ErasureRequestStatus{DueTime: &due, EndedTime: ended}}
	}
	return []client.Object{
		&v1alpha1.DataProtectionOfficer{ObjectMeta: meta1("", "acme"), Spec: v1alpha1.DataProtectionOfficerSpec{TimeZone: "Europe/Paris", Channels: []v1alpha1.ObjectName{"mail"}}},
		of("crm", "shop", "acme"), of("billing", "shop", "acme"), of("other", "elsewhere", "other"),
		request("one", "shop", nil), request("two", "shop", &ended), request("three", "elsewhere", nil),
		&v1alpha1.BreachIncident{ObjectMeta: meta1("shop", "leak"), Spec: v1alpha1.BreachIncidentSpec{OfficerRef: v1alpha1.ClusterRef{Name: "acme"}}},
		&v1alpha1.BreachIncident{ObjectMeta: meta1("shop", "theirs"), Spec: v1alpha1.BreachIncidentSpec{OfficerRef: v1alpha1.ClusterRef{Name: "other"}}},
		&v1alpha1.Notification{ObjectMeta: meta1("shop", "first"), Spec: v1alpha1.NotificationSpec{ChannelRef: v1alpha1.ClusterRef{Name: "mail"}, Recipient: v1alpha1.NotificationRecipient{Role: v1alpha1.AudienceOfficer}},
			Status: v1alpha1.NotificationStatus{LastResult: v1alpha1.DeliveryAccepted, LastAttemptTime: &ended}},
	}
}

func TestAnOfficersCountsAreThoseOfTheirRegistersAndASecondPassWritesNothing(t *testing.T) {
	r := build(t, interceptor.Funcs{}, world()...)
	versions := []string{}
	for range 2 {
		dpo := &v1alpha1.DataProtectionOfficer{}
		if err := r.Client.Get(t.Context(), client.ObjectKey{Name: "acme"}, dpo); err != nil {
			t.Fatal(err)
		}
		result, err := r.Reconcile(t.Context(), dpo)
		if err != nil || result.RequeueAfter != 30*time.Minute+time.Second { // a due time has passed after it
			t.Fatalf("%v, %v", result, err)
		}
		if err := r.Client.Get(t.Context(), client.ObjectKey{Name: "acme"}, dpo); err != nil {
			t.Fatal(err)
		}
		s := dpo.Status
		got := []int32{*s.Registers, *s.OpenErasureRequests, *s.OverdueErasureRequests, *s.OpenBreaches, *s.OverdueBreaches}
		if diff := cmp.Diff([]int32{2, 1, 0, 1, 0}, got); diff != "" || s.NextDeadlineFor != "ErasureRequest shop/one" {
			t.Errorf("%s %s", diff, s.NextDeadlineFor)
		}
		if !meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReady) || !meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReachable) {
			t.Errorf("%+v", s.Conditions)
		}
		versions = append(versions, dpo.ResourceVersion)
	}
	if versions[0] != versions[1] {
		t.Error("the second pass wrote")
	}
}

func TestACountThatFailedIsReportedAndLeavesTheOldOnes(t *testing.T) {
	fail := true
	r := build(t, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		if _, breaches := list.(*v1alpha1.BreachIncidentList); breaches && fail {
			return errors.New("lost")
		}
		return c.List(ctx, list, options...)
	}}, world()...)
	dpo := &v1alpha1.DataProtectionOfficer{}
	for _, failing := range []bool{true, true, false} {
		fail = failing
		if err := r.Client.Get(t.Context(), client.ObjectKey{Name: "acme"}, dpo); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Reconcile(t.Context(), dpo); (err != nil) != failing {
			t.Errorf("err = %v", err)
		}
		if meta.IsStatusConditionTrue(dpo.Status.Conditions, v1alpha1.ConditionReconciling) != failing || (dpo.Status.Registers == nil) != failing {
			t.Errorf("%+v", dpo.Status)
		}
	}
}

func TestEventsReachTheOfficersConcerned(t *testing.T) {
	r := build(t, interceptor.Funcs{}, world()...)
	for _, object := range world() {
		var got int
		switch o := object.(type) {
		case *v1alpha1.DataRegister:
			got = len(ofRegister(t.Context(), o))
		case *v1alpha1.BreachIncident:
			got = len(ofBreach(t.Context(), o))
		case *v1alpha1.ErasureRequest:
			got = len(r.ofRequest(t.Context(), o))
		case *v1alpha1.Notification:
			got = len(r.ofMessage(t.Context(), o))
		default:
			continue
		}
		if got == 0 {
			t.Errorf("%T %s reaches nobody", object, object.GetName())
		}
	}
}
