package escalationpolicy

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func incident(name, policy string, ready metav1.ConditionStatus) *v1alpha1.BreachIncident {
	i := &v1alpha1.BreachIncident{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}}
	i.Spec.EscalationPolicyRef.Name = v1alpha1.ObjectName(policy)
	i.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: ready, Reason: "X"}}
	return i
}

func TestAPolicySaysWhetherItCanBeCarriedOut(t *testing.T) {
	for name, c := range map[string]struct {
		channels []client.Object
		ready    string
	}{
		"all channels exist":     {[]client.Object{named("pager"), named("spare")}, "True ChannelsExist"},
		"no channel for a stage": {[]client.Object{named("spare")}, "False ChannelMissing"},
		"no fallback channel":    {[]client.Object{named("pager")}, "False ChannelMissing"},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			policy := &v1alpha1.EscalationPolicy{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: v1alpha1.EscalationPolicySpec{
				Stages:             []v1alpha1.EscalationStage{{Name: "one", Audiences: []v1alpha1.Audience{{Role: v1alpha1.AudienceOfficer}, {Role: v1alpha1.AudienceNamed, ChannelRefs: []v1alpha1.ObjectName{"pager"}}}}},
				FallbackChannelRef: &v1alpha1.ClusterRef{Name: "spare"},
			}}
			builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(policy).WithObjects(policy).WithObjects(c.channels...).
				WithObjects(incident("a", "default", metav1.ConditionFalse), incident("b", "default", metav1.ConditionTrue), incident("c", "other", metav1.ConditionFalse))
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
			r := &Reconciler{Client: cluster}
			got := &v1alpha1.EscalationPolicy{}
			for range 2 {
				if err := cluster.Get(t.Context(), client.ObjectKeyFromObject(policy), got); err != nil {
					t.Fatal(err)
				}
				if _, err := r.Reconcile(t.Context(), got); err != nil {
					t.Fatal(err)
				}
			}
			ready := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionReady)
			if writes != 1 || string(ready.Status)+" "+ready.Reason != c.ready || *got.Status.OpenIncidents != 1 {
				t.Errorf("%d writes, %+v", writes, got.Status)
			}
		})
	}
}

func named(name string) *v1alpha1.NotificationChannel {
	return &v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: name}}
}
