package notificationchannel

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var start = time.Date(2026, time.November, 24, 8, 0, 0, 0, time.UTC)

type accepts bool

func (a accepts) Accepts(*v1alpha1.NotificationChannelSpec) bool { return bool(a) }

func channel() *v1alpha1.NotificationChannel {
	return &v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "hook", Generation: 3}, Spec: v1alpha1.NotificationChannelSpec{
		Type: v1alpha1.ChannelWebhook, Webhook: &v1alpha1.WebhookChannel{URL: "https://hooks.example.eu/", SigningSecretRef: &v1alpha1.SecretRef{Name: "signing"}},
	}}
}

func secret(key string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "signing", Namespace: "rempart-system"}, Data: map[string][]byte{key: []byte("x")}}
}

func message(name string, result v1alpha1.DeliveryResult, minutes int) *v1alpha1.Notification {
	at := ptr.To(metav1.NewTime(start.Add(time.Duration(minutes) * time.Minute)))
	n := &v1alpha1.Notification{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}}
	n.Spec.ChannelRef.Name = "hook"
	n.Status.LastResult, n.Status.LastAttemptTime = result, at
	if result == v1alpha1.DeliveryAccepted {
		n.Status.DeliveredTime = at
	}
	return n
}

func TestAChannelSaysWhetherItCanBeUsedAndWasOfUse(t *testing.T) {
	for name, c := range map[string]struct {
		accepts   bool
		objects   []client.Object
		ready     string
		reachable string
		stalled   bool
	}{
		"whole, never used":    {true, []client.Object{secret("secret")}, "True Configured", "Unknown NeverUsed", false},
		"no Secret":            {true, nil, "False SecretMissing", "Unknown NeverUsed", true},
		"a Secret without key": {true, []client.Object{secret("other")}, "False SecretIncomplete", "Unknown NeverUsed", true},
		"a private address":    {false, []client.Object{secret("secret")}, "False AddressNotAllowed", "Unknown NeverUsed", true},
		"delivered last":       {true, []client.Object{secret("secret"), message("a", v1alpha1.DeliveryTimeout, 1), message("b", v1alpha1.DeliveryAccepted, 2)}, "True Configured", "True LastDelivered", false},
		"failed last":          {true, []client.Object{secret("secret"), message("a", v1alpha1.DeliveryTimeout, 2), message("b", v1alpha1.DeliveryAccepted, 1)}, "True Configured", "False LastFailed", false},
		"an attempt under way": {true, []client.Object{secret("secret"), message("a", "", 1)}, "True Configured", "Unknown NeverUsed", false},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
				if err := add(scheme); err != nil {
					t.Fatal(err)
				}
			}
			builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.NotificationChannel{}).WithObjects(channel()).WithObjects(c.objects...)
			for _, i := range Indexes() {
				builder = builder.WithIndex(i.Object, i.Field, i.Values)
			}
			writes := 0
			cluster := interceptor.NewClient(builder.Build(), interceptor.Funcs{
				SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
					writes++
					return c.SubResource(sub).Patch(ctx, o, p, opts...)
				},
			})
			r := &Reconciler{Client: cluster, Reader: cluster, Recorder: events.NewFakeRecorder(10), Namespace: "rempart-system", Addresses: map[v1alpha1.ChannelType]Address{v1alpha1.ChannelWebhook: accepts(c.accepts)}}
			got := &v1alpha1.NotificationChannel{}
			for range 2 {
				if err := cluster.Get(t.Context(), client.ObjectKey{Name: "hook"}, got); err != nil {
					t.Fatal(err)
				}
				if result, err := r.Reconcile(t.Context(), got); err != nil || result.RequeueAfter == 0 {
					t.Fatalf("%+v %v", result, err)
				}
			}
			if writes != 1 {
				t.Errorf("%d writes in two passes", writes)
			}
			if ready := said(got, v1alpha1.ConditionReady); ready != c.ready {
				t.Errorf("Ready %s, want %s", ready, c.ready)
			}
			if reachable := said(got, v1alpha1.ConditionReachable); reachable != c.reachable {
				t.Errorf("Reachable %s, want %s", reachable, c.reachable)
			}
			if stalled := said(got, v1alpha1.ConditionStalled) != ""; stalled != c.stalled {
				t.Errorf("stalled %v", stalled)
			}
			if got.Status.ObservedGeneration == nil || *got.Status.ObservedGeneration != 3 {
				t.Error("the generation was not observed")
			}
		})
	}
}

func said(c *v1alpha1.NotificationChannel, conditionType string) string {
	if found := meta.FindStatusCondition(c.Status.Conditions, conditionType); found != nil {
		return string(found.Status) + " " + found.Reason
	}
	return ""
}
