package statuspatch_test

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
)

func setUp(t *testing.T) (client.Client, *v1alpha1.EscalationPolicy) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.EscalationPolicy{}).
		WithObjects(&v1alpha1.EscalationPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}}).Build()
	policy := &v1alpha1.EscalationPolicy{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "p"}, policy); err != nil {
		t.Fatal(err)
	}
	return c, policy
}

func statusOf(p *v1alpha1.EscalationPolicy) any { return &p.Status }

func TestAnUnchangedStatusIsNotWritten(t *testing.T) {
	c, policy := setUp(t)
	version := policy.ResourceVersion
	if err := statuspatch.New(c, policy, statusOf).Patch(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	if policy.ResourceVersion != version {
		t.Error("something was written")
	}
}

func TestAStatusJudgedOnAnOldVersionConflicts(t *testing.T) {
	c, policy := setUp(t)
	patch := statuspatch.New(c, policy, statusOf)
	other := policy.DeepCopy()
	other.Labels = map[string]string{"changed": "meanwhile"}
	if err := c.Update(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	generation := int64(1)
	policy.Status.ObservedGeneration = &generation
	if err := patch.Patch(t.Context(), policy); !apierrors.IsConflict(err) {
		t.Fatalf("want a conflict, have %v", err)
	}
}
