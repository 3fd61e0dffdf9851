package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

func TestLabelsFollowThePlaceOfANode(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	forged, stale := residency.PolicyLabel("forged"), map[string]string{"team": "a", corev1.LabelTopologyRegion: "eu-west-3", residency.PolicyLabel("forged"): "Allowed", residency.LabelCountry: "DE"}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: stale}}, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "bare"}}).Build()
	holder := &residency.Holder{}
	r := &Reconciler{Client: c, Snapshots: holder}
	pass := func(name string) *corev1.Node {
		t.Helper()
		node := &corev1.Node{}
		if err := c.Get(t.Context(), client.ObjectKey{Name: name}, node); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Reconcile(t.Context(), node); err != nil {
			t.Fatal(err)
		}
		if err := c.Get(t.Context(), client.ObjectKey{Name: name}, node); err != nil {
			t.Fatal(err)
		}
		return node
	}
	if node := pass("n"); node.Labels[forged] == "" {
		t.Error("labelled without a snapshot")
	}
	holder.Store(residency.Build(residency.Input{On: "2026-11-24", Policies: []v1alpha1.ResidencyPolicy{{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"},
		Spec: v1alpha1.ResidencyPolicySpec{Enforcement: v1alpha1.EnforcementEnforce, Provider: "aws"}}}}))
	if found := r.mislabelled(t.Context(), nil); len(found) != 1 || found[0].Name != "n" {
		t.Errorf("mislabelled %v", found)
	}
	node := pass("n")
	if diff := cmp.Diff(map[string]string{"team": "a", corev1.LabelTopologyRegion: "eu-west-3", residency.PolicyLabel("eu-only"): "Allowed", residency.LabelCountry: "FR"}, node.Labels); diff != "" {
		t.Error(diff)
	}
	if again := pass("n"); again.ResourceVersion != node.ResourceVersion {
		t.Error("a second pass writes")
	}
	node.Labels[corev1.LabelTopologyZone] = "us-east-1a"
	if err := c.Update(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{}, residency.TrustedOf(pass("n").Labels)); diff != "" {
		t.Errorf("in doubt: %s", diff)
	}
	if bare := pass("bare"); len(bare.Labels) != 0 {
		t.Errorf("labels of a node without a place: %v", bare.Labels)
	}
}
