package consentpolicy

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controller "github.com/rempart-dev/rempart/controllers/consentpolicy"
)

// late is a client whose cache has not seen yet what became of a Deployment.
type late struct {
	client.Client
	deployment *appsv1.Deployment
}

func (l late) Get(ctx context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
	if deployment, ok := into.(*appsv1.Deployment); ok && key == client.ObjectKeyFromObject(l.deployment) {
		l.deployment.DeepCopyInto(deployment)
		return nil
	}
	return l.Client.Get(ctx, key, into, options...)
}

// podsAreTheAutoscalers asks for three pods as an autoscaler does, before and after the operator's cache knows of it.
func podsAreTheAutoscalers(t *testing.T, r *controller.Reconciler) {
	ctx, before, after := t.Context(), &appsv1.Deployment{}, &appsv1.Deployment{}
	must(t, server.Client.Get(ctx, key("chat-consentd"), before))
	scaled := before.DeepCopy()
	scaled.Spec.Replicas = new(int32(3))
	must(t, server.Client.Patch(ctx, scaled, client.MergeFrom(before)))
	blind := *r
	blind.Client = late{Client: r.Client, deployment: before}
	for _, reconciler := range []*controller.Reconciler{&blind, r} {
		_, err := reconciler.Reconcile(ctx, live(t))
		must(t, err)
		must(t, server.Client.Get(ctx, key("chat-consentd"), after))
		if *after.Spec.Replicas != 3 {
			t.Fatalf("%d pods; the operator's cache knew of them: %t", *after.Spec.Replicas, reconciler == r)
		}
	}
}
