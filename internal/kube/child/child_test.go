package child_test

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

var owner = &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "ns", UID: "owner"}}

func setUp(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

func config(name string) runtime.ApplyConfiguration {
	return corev1ac.ConfigMap(name, "ns").WithOwnerReferences(child.OwnedBy(owner, "DataRegister")).WithData(map[string]string{"a": "b"})
}

func TestAChildIsMadeAndFoundAgain(t *testing.T) {
	c := setUp(t)
	for range 2 {
		if err := child.Apply(t.Context(), c, c, owner, "test", []runtime.ApplyConfiguration{config("mine")}); err != nil {
			t.Fatal(err)
		}
	}
	made := &corev1.ConfigMap{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "mine"}, made); err != nil || !child.Ours(made, owner) {
		t.Fatalf("the child is %v, %v", made, err)
	}
}

func TestAStrangerIsNeverAdopted(t *testing.T) {
	c := setUp(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "theirs"}, Data: map[string]string{"keep": "me"}})
	err := child.Apply(t.Context(), c, c, owner, "test", []runtime.ApplyConfiguration{config("theirs")})
	var hopeless *flow.Permanent
	if !errors.As(err, &hopeless) || hopeless.Reason != v1alpha1.ReasonNameTaken {
		t.Fatalf("want NameTaken, have %v", err)
	}
	left := &corev1.ConfigMap{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "theirs"}, left); err != nil || left.Data["keep"] != "me" {
		t.Errorf("the stranger was changed: %v, %v", left.Data, err)
	}
}

func TestDeleteLeavesANewerObjectAlone(t *testing.T) {
	old := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "x", ResourceVersion: "1"}}
	c := setUp(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "x", UID: "new"}})
	if err := child.Delete(t.Context(), c, old); !apierrors.IsConflict(err) {
		t.Fatalf("want a conflict, have %v", err)
	}
}

func TestTheFinalizerIsWrittenInAPassOfItsOwn(t *testing.T) {
	c := setUp(t, owner.DeepCopy())
	register := &v1alpha1.DataRegister{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(owner), register); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		wrote, err := child.Finalize(t.Context(), c, register, v1alpha1.FinalizerDataRegister)
		if err != nil || wrote != want {
			t.Fatalf("pass %d wrote: %v, %v", i+1, wrote, err)
		}
	}
	if err := child.Release(t.Context(), c, register, v1alpha1.FinalizerDataRegister); err != nil || len(register.Finalizers) != 0 {
		t.Fatalf("not released: %v, %v", register.Finalizers, err)
	}
}
