package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var operatorKey = client.ObjectKey{Namespace: operatorNamespace, Name: "rempart-operator"}

var operatorPods = client.MatchingLabels{"app.kubernetes.io/name": "rempart", "app.kubernetes.io/component": "operator"}

// killOperators ends the operator's pods at once, as a lost node would. The test ends when others serve.
func killOperators(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { operatorServes(t) })
	err := admin.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(operatorNamespace), operatorPods, client.GracePeriodSeconds(0))
	if err != nil {
		t.Fatal(err)
	}
}

func scaleOperator(t *testing.T, replicas int32) {
	t.Helper()
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: operatorKey.Namespace, Name: operatorKey.Name}}
	ctx := context.WithoutCancel(t.Context()) // a cleanup calls it too
	if err := admin.Patch(ctx, d, patch); err != nil {
		t.Fatal(err)
	}
	podsReady(t, operatorNamespace, operatorPods, int(replicas))
}

// podsReady waits until there are so many pods, all ready. It asks for the pods themselves: a Deployment's status may still be
// that of pods which were just killed.
func podsReady(t *testing.T, ns string, labels client.ListOption, replicas int) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // a cleanup calls it too
	eventually(t, func(g gomega.Gomega) {
		pods := &corev1.PodList{}
		g.Expect(admin.List(ctx, pods, client.InNamespace(ns), labels)).To(gomega.Succeed())
		g.Expect(pods.Items).To(gomega.HaveLen(replicas))
		for _, pod := range pods.Items {
			g.Expect(pod.DeletionTimestamp.IsZero()).To(gomega.BeTrue(), "%s ends", pod.Name)
			ready := func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue }
			g.Expect(slices.ContainsFunc(pod.Status.Conditions, ready)).To(gomega.BeTrue(), "%s is not ready", pod.Name)
		}
	})
}

// operatorServes waits until both replicas are ready and the API server reaches their webhooks.
func operatorServes(t *testing.T) {
	t.Helper()
	scaleOperator(t, 2)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(admin.Create(context.WithoutCancel(t.Context()), request("story-probe"), client.DryRunAll)).To(gomega.Succeed())
	})
}

func bindEditor(user string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "story-", Namespace: demoNamespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "rempart-erasurerequest-editor"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
}

func claim(ns, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "story-", Namespace: ns},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: ptr.To(class),
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
		},
	}
}

func TestWhileTheOperatorIsDownGuardedNamespacesFailClosedAndTheRestWorks(t *testing.T) {
	elsewhere := namespace(t, nil)
	scaleOperator(t, 0)
	t.Cleanup(func() { operatorServes(t) })

	err := admin.Create(t.Context(), claim(demoNamespace, "eu-fast"), client.DryRunAll)
	if err == nil {
		t.Error("a claim in a guarded namespace was admitted although nobody could judge it")
	}
	if err := admin.Create(t.Context(), claim(elsewhere, "us-fast"), client.DryRunAll); err != nil {
		t.Errorf("a claim elsewhere was refused: %v", err)
	}
	if err := admin.Create(t.Context(), claim(operatorNamespace, "eu-fast"), client.DryRunAll); err != nil {
		t.Errorf("the operator's own namespace is blocked: %v", err)
	}
}

func TestAfterARestartNothingIsWrittenAgain(t *testing.T) {
	before := rested(t)
	killOperators(t)
	scaleOperator(t, 2)
	leaderRenewed(t)
	after := versions(t)
	for object, version := range before {
		if after[object] != version {
			t.Errorf("%s was written again: %s, then %s", object, version, after[object])
		}
	}
}

func TestAClassAbroadIsRefusedEvenToAnAdministrator(t *testing.T) {
	for _, class := range []string{"us-fast", "london-ssd", "mystery", "does-not-exist", ""} {
		t.Run("class "+class, func(t *testing.T) {
			err := admin.Create(t.Context(), claim(demoNamespace, class), client.DryRunAll)
			if !apierrors.IsForbidden(err) {
				t.Errorf("want a refusal, have %v", err)
			}
		})
	}
}
