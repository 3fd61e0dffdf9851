package admission

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/expect"
)

// uncounted keeps quotas away: nothing here counts what one grants.
var uncounted = v1alpha1.PolicyStorage{Quota: "Off"}

// install makes classes inside and outside the Union, and policies.
func install(ctx context.Context) error {
	if err := active(ctx); err != nil {
		return err
	}
	var made error
	for name, region := range map[string]string{"eu-fast": "eu-west-3", "us-fast": "us-east-1"} {
		made = errors.Join(made, admin.Create(ctx, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "local.rempart.dev",
			AllowedTopologies: []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}))
	}
	made = errors.Join(made,
		admin.Create(ctx, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "mystery"}, Provisioner: "example.com/unknown"}),
		admin.Create(ctx, &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Default", Provider: "aws",
			Storage:    v1alpha1.PolicyStorage{Quota: uncounted.Quota, Servers: []v1alpha1.StorageServer{{Host: "nfs.example.com", Country: "FR", Evidence: "contract"}}},
			Namespaces: v1alpha1.PolicyNamespaces{Mode: "Selected", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"data": "personal"}}}}}),
		admin.Create(ctx, &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "watch"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Audit", Role: "Named", Provider: "aws", Storage: uncounted,
			Namespaces: v1alpha1.PolicyNamespaces{Mode: "Selected", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"data": "maybe"}}}}}),
		admin.Create(ctx, &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "whole"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Named", Provider: "aws", Storage: uncounted,
			Workloads:  v1alpha1.PolicyWorkloads{Scope: "All"},
			Namespaces: v1alpha1.PolicyNamespaces{Mode: "Selected", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"data": "whole"}}}}}))
	if made != nil {
		return made
	}
	return bound(ctx)
}

// documents returns the objects of a YAML file.
func documents(file string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// active waits until the API server applies the admission policies: it reads them with a delay.
func active(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, expect.Soon, true, func(ctx context.Context) (bool, error) {
		err := admin.Create(ctx, newRun("default"), client.DryRunAll)
		return err != nil && strings.Contains(err.Error(), "internal kind"), nil
	})
	if err != nil {
		return fmt.Errorf("waiting until the admission policies apply: %w", err)
	}
	return nil
}

// bound waits until the API server knows the policies as parameters, which takes it up to 30 seconds.
func bound(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, expect.Soon, true, func(ctx context.Context) (bool, error) {
		made := admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "probe", Labels: map[string]string{"data": "personal"}}})
		if client.IgnoreAlreadyExists(made) != nil {
			return false, nil
		}
		return admin.Create(ctx, claim("probe", "data", "eu-fast"), client.DryRunAll) == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until the policies count: %w", err)
	}
	return nil
}

func newRun(namespace string) *v1alpha1.ErasureRun {
	return &v1alpha1.ErasureRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "run"}, Spec: v1alpha1.ErasureRunSpec{RegisterRef: v1alpha1.LocalRef{Name: "crm"}, Store: "main",
		Mode: "Plan", Epoch: 1, Image: "eraser", Requests: []v1alpha1.RunRequest{{Name: "r", UID: "u"}}}}
}

// as returns a client of a user who has the given rules in a namespace.
func as(t *testing.T, user, namespace string, rules ...rbacv1.PolicyRule) client.Client {
	t.Helper()
	name := "rights-of-" + user
	for _, object := range []client.Object{
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Rules: rules},
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: name},
			Subjects: []rbacv1.Subject{{APIGroup: "rbac.authorization.k8s.io", Kind: "User", Name: user}}},
	} {
		if err := admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	for _, rule := range rules {
		expect.Eventually(t, func() error { return authorized(t.Context(), user, namespace, rule) })
	}
	return impersonating(t, user)
}

// authorized tells whether the API server has heard of a rule of a user, which takes it a moment.
func authorized(ctx context.Context, user, namespace string, rule rbacv1.PolicyRule) error {
	asked := &authorizationv1.ResourceAttributes{Namespace: namespace, Group: rule.APIGroups[0], Resource: rule.Resources[0], Verb: rule.Verbs[0]}
	if len(rule.ResourceNames) > 0 {
		asked.Name = rule.ResourceNames[0]
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: asked}}
	if err := admin.Create(ctx, review); err != nil {
		return err
	}
	if !review.Status.Allowed {
		return fmt.Errorf("%s may not %s %s yet", user, asked.Verb, asked.Resource)
	}
	return nil
}

// impersonating returns a client of a user who has the rights that the cluster gives him.
func impersonating(t *testing.T, user string) client.Client {
	t.Helper()
	asUser := rest.CopyConfig(config)
	asUser.Impersonate = rest.ImpersonationConfig{UserName: user}
	c, err := client.New(asUser, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newNamespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	if err := admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
		t.Fatal(err)
	}
}

// guarded waits until a namespace carries a label, and the API server, which hears of it a moment later, calls the webhooks
// for it.
func guarded(t *testing.T, name, label string) {
	t.Helper()
	if label != "audit" {
		defer expect.Eventually(t, func() error {
			probe := &corev1.Pod{ObjectMeta: meta(name, "probe"), Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}},
				Volumes: []corev1.Volume{{Name: "files", VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "192.0.2.1", Path: "/"}}}}}}
			if admin.Create(t.Context(), probe, client.DryRunAll) == nil {
				return fmt.Errorf("no webhook is called for namespace %s yet", name)
			}
			return nil
		})
	}
	expect.Eventually(t, func() error {
		namespace := &corev1.Namespace{}
		if err := admin.Get(t.Context(), client.ObjectKey{Name: name}, namespace); err != nil {
			return err
		}
		if got := namespace.Labels["gdpr.rempart.dev/guarded"]; got != label {
			return fmt.Errorf("namespace %s is labelled %q", name, got)
		}
		return nil
	})
}

func newRegister(namespace, name string, stores ...v1alpha1.DataStore) *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.DataRegisterSpec{
		Role: "Controller", OfficerRef: v1alpha1.ClusterRef{Name: "officer"}, Stores: stores,
		Activities: []v1alpha1.ProcessingActivity{{Name: "support", Purposes: []v1alpha1.Purpose{{Name: "support", LegalBasis: "Contract"}}, DataSubjects: []string{"customers"},
			DataCategories: []v1alpha1.DataCategory{{Name: "contact"}}}}}}
}

func managedIn(class string) v1alpha1.DataStore {
	return v1alpha1.DataStore{Name: "main", Engine: "PostgreSQL", Managed: &v1alpha1.ManagedStore{Image: "postgres:15",
		Storage: v1alpha1.StorageRequest{Size: resource.MustParse("1Gi"), StorageClassName: v1alpha1.ObjectName(class)}}}
}

func claim(namespace, name, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.PersistentVolumeClaimSpec{
		StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}}}
}
