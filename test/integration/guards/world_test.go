package guards

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/test/expect"
)

// install makes the admission policies with their bindings, classes inside and outside the Union, and policies. The webhook
// configurations come later, or not at all.
func install(ctx context.Context) error {
	made := server.Install(ctx, &guard.Guards{Policies: installed.Policies, Bindings: installed.Bindings})
	for name, region := range map[string]string{"eu-fast": "eu-west-3", "us-fast": "us-east-1"} {
		made = errors.Join(made, admin.Create(ctx, newClass(name, region)))
	}
	return errors.Join(made, admin.Create(ctx, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "mystery"}, Provisioner: "example.com/unknown"}),
		admin.Create(ctx, newPolicy("eu-only", "Enforce", &metav1.LabelSelector{MatchLabels: map[string]string{"data": "personal"}})),
		admin.Create(ctx, newPolicy("watch", "Audit", &metav1.LabelSelector{MatchLabels: map[string]string{"data": "maybe"}})))
}

// settled waits until the API server has the policies with their verdicts, and judges by them.
func settled(ctx context.Context) error {
	for name, labels := range map[string]map[string]string{"probe": {"data": "personal"}, "open": nil} {
		err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			return client.IgnoreAlreadyExists(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})) == nil, nil
		})
		if err != nil {
			return fmt.Errorf("making namespace %s: %w", name, err)
		}
	}
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		refused := admin.Create(ctx, claim("probe", "data", "us-fast"), client.DryRunAll)
		return admin.Create(ctx, claim("probe", "data", "eu-fast"), client.DryRunAll) == nil && refused != nil && strings.Contains(refused.Error(), "us-east-1"), nil
	})
	if err != nil {
		return fmt.Errorf("waiting until claims are judged: %w", err)
	}
	return nil
}

func newClass(name, region string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "local.rempart.dev", AllowVolumeExpansion: ptr.To(true),
		AllowedTopologies: []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}
}

func newPolicy(name string, enforcement v1alpha1.Enforcement, selector *metav1.LabelSelector) *v1alpha1.ResidencyPolicy {
	policy := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: enforcement, Provider: "aws",
		Storage: v1alpha1.PolicyStorage{Quota: "Off"}}} // nothing here counts what a quota grants
	if selector != nil {
		policy.Spec.Namespaces = v1alpha1.PolicyNamespaces{Mode: "Selected", Selector: selector}
	}
	return policy
}

func claim(namespace, name, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.PersistentVolumeClaimSpec{
		StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}}}
}

func newNamespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	expect.Accepted(t, admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}))
}

// impersonating returns a client of a user who has the rights that the cluster gives him.
func impersonating(t *testing.T, user string, groups ...string) client.Client {
	t.Helper()
	asUser := rest.CopyConfig(config)
	asUser.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	c, err := client.New(asUser, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
