package witness

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func checkpoint(cpol *v1alpha1.ConsentPolicy) *corev1.ConfigMap {
	root := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", 32)))
	wanted := policy.Checkpoint{Size: 7, Root: root, Note: "consent.acme.example/t\n7\n" + root + "\n\n— consent.acme.example/t c2ln\n"}.ConfigMap(cpol, "rempart-system")
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: *wanted.Name, Namespace: *wanted.Namespace, Labels: wanted.Labels}, Data: wanted.Data}
}

func TestTheMessageOfTheDayIsWrittenOnce(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	cpol := &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "shop", UID: "one"}}
	cpol.Spec.OfficerRef.Name = "acme"
	cpol.Spec.Service.WitnessChannelRef = &v1alpha1.ClusterRef{Name: "notary"}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithTypeConverters(managedfields.NewDeducedTypeConverter()).WithObjects(cpol.DeepCopy(), checkpoint(cpol))
	for _, i := range Indexes() {
		builder = builder.WithIndex(i.Object, i.Field, i.Values)
	}
	fails := false
	c := interceptor.NewClient(builder.Build(), interceptor.Funcs{Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, options ...client.ApplyOption) error {
		if fails {
			return errors.New("the API server is away")
		}
		return c.Apply(ctx, o, options...)
	}})
	clock := clocktesting.NewFakePassiveClock(noon)
	r := &Reconciler{Client: c, Reader: c, Config: Config{Namespace: "rempart-system", Clock: clock}}
	count := func() int {
		list := &v1alpha1.NotificationList{}
		if err := c.List(t.Context(), list, client.InNamespace("shop")); err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	fails = true
	for range 2 {
		if _, err := r.Reconcile(t.Context(), cpol); err == nil || count() != 0 {
			t.Error("a failure must be tried again")
		}
	}
	fails = false
	for range 3 {
		result, err := r.Reconcile(t.Context(), cpol)
		if err != nil || count() != 1 || result.RequeueAfter != 12*time.Hour {
			t.Errorf("%d messages, %v, %v", count(), result, err)
		}
	}
	clock.SetTime(noon.Add(24 * time.Hour))
	if _, err := r.Reconcile(t.Context(), cpol); err != nil || count() != 1 {
		t.Errorf("the log has not grown: %d messages, %v", count(), err)
	}
	other := cpol.DeepCopy()
	other.Name, other.UID = "other", "two"
	if _, err := r.Reconcile(t.Context(), other); err != nil || count() != 1 {
		t.Errorf("there is no checkpoint yet: %d messages, %v", count(), err)
	}
	other.Spec.Service.WitnessChannelRef = nil
	if result, err := r.Reconcile(t.Context(), other); err != nil || !result.IsZero() || count() != 1 {
		t.Errorf("nobody is to be told: %v, %v", result, err)
	}
}
