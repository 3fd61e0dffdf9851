package vap

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/guard"
)

func TestEveryExpressionCompiles(t *testing.T) {
	guards, err := guard.Installed("rempart-system")
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range guards.Policies {
		if _, err := Compile(policy); err != nil {
			t.Errorf("%s: %v", policy.Name, err)
		}
	}
}

// While the operator is away nobody asks who may except: what was changed since the policy was judged lifts nothing.
func TestAnExceptionOfAPolicyThatChangedSinceItWasJudgedLiftsNothing(t *testing.T) {
	claims, err := Load("rempart-claims")
	if err != nil {
		t.Fatal(err)
	}
	made := metav1.NewTime(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	policy := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only", Generation: 1}, Spec: v1alpha1.ResidencyPolicySpec{Role: v1alpha1.PolicyRoleDefault,
		Exceptions: []v1alpha1.ResidencyException{{Name: "move", Rule: v1alpha1.ExceptionStorageClass, Namespace: "shop", ExpiresTime: ptr.To(metav1.NewTime(made.AddDate(0, 1, 0)))}}}}
	policy.Status.Exceptions = []v1alpha1.ExceptionStatus{{Name: "move", State: "Active"}}
	policy.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: 1}}
	ask := func(namespace string) string {
		refusal, err := claims.Judge(t.Context(), Request{Resource: "persistentvolumeclaims", Kind: corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"), Params: policy,
			Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, User: &user.DefaultInfo{Name: "somebody"},
			Object: &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "data", CreationTimestamp: made}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("us-fast")}}})
		if err != nil {
			t.Fatal(err)
		}
		return refusal
	}
	if refusal := ask("shop"); refusal != "" {
		t.Errorf("an exception that was judged lifts nothing: %s", refusal)
	}
	policy.Generation, policy.Spec.Exceptions[0].Namespace = 2, "elsewhere"
	if ask("elsewhere") == "" {
		t.Error("an exception that was moved to another namespace counts before it is judged")
	}
}
