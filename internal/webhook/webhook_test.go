package webhook

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

func TestANamespaceIsMarkedOnceAndNeverWeakened(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(harness.Scheme(t)).WithObjects(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}).Build()
	m := marker{c, c}
	for policy, label := range map[string]string{"one": residency.GuardedEnforce, "two": residency.GuardedAudit} {
		if err := m.Mark(t.Context(), "shop", map[string]string{residency.LabelGuarded: label, residency.NamespaceLabel(policy): "true"}); err != nil {
			t.Fatal(err)
		}
	}
	namespace := &corev1.Namespace{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "shop"}, namespace); err != nil || namespace.Labels[residency.LabelGuarded] != residency.GuardedEnforce || len(residency.MarksOf(namespace.Labels)) != 3 {
		t.Errorf("%v %v", namespace.Labels, err)
	}
}

func TestAReplicaIsReadyWhenItHasASnapshot(t *testing.T) {
	holder := &residency.Holder{}
	if Ready(holder)(nil) == nil {
		t.Error("ready without a snapshot")
	}
	holder.Store(residency.Build(residency.Input{}))
	if err := Ready(holder)(nil); err != nil {
		t.Error(err)
	}
}
