package guards

import (
	"context"
	"errors"
	"fmt"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/restore"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/expect"
)

// clerk may do everything with namespaces, nodes and webhook configurations, and exempts from nothing.
func clerk(t *testing.T, groups ...string) client.Client {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "clerk"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"namespaces", "namespaces/status", "namespaces/finalize", "nodes", "nodes/status"}, Verbs: []string{"*"}},
		{APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"*"}, Verbs: []string{"*"}}}}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "clerk"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "clerk"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "clerk"}}}
	for _, object := range []client.Object{role, binding} {
		expect.Accepted(t, client.IgnoreAlreadyExists(admin.Create(t.Context(), object)))
	}
	c := impersonating(t, "clerk", groups...)
	expect.Eventually(t, func() error { return c.List(t.Context(), &corev1.NamespaceList{}) })
	return c
}

func TestNobodyTakesANamespaceOutOfASelectionWithoutTheRightToExempt(t *testing.T) {
	newNamespace(t, "chosen", personal)
	c := clerk(t)
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"data":null}}}`))
	chosen := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "chosen"}}
	expect.Refused(t, c.Patch(t.Context(), chosen.DeepCopy(), patch), "rule guard", "exempt residencypolicies.gdpr.rempart.dev/eu-only")
	expect.Refused(t, c.Status().Patch(t.Context(), chosen.DeepCopy(), patch), "rule guard")
	asClerk := rest.CopyConfig(config)
	asClerk.Impersonate = rest.ImpersonationConfig{UserName: "clerk"}
	clientset, err := kubernetes.NewForConfig(asClerk)
	if err != nil {
		t.Fatal(err)
	}
	expect.Refused(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error { // the operator may label it meanwhile
		bare := &corev1.Namespace{}
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(chosen), bare); err != nil {
			return err
		}
		delete(bare.Labels, "data")
		_, err := clientset.CoreV1().Namespaces().Finalize(t.Context(), bare, metav1.UpdateOptions{})
		return err
	}), "rule guard")
	expect.Accepted(t, c.Patch(t.Context(), chosen.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"team":"a"}}}`))))
	expect.Accepted(t, admin.Patch(t.Context(), chosen.DeepCopy(), patch))
}

func TestPlacesOfNodesAreNotForged(t *testing.T) {
	c := clerk(t)
	forged := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "forged", Labels: map[string]string{residency.PolicyLabel("eu-only"): "Allowed"}}}
	expect.Refused(t, c.Create(t.Context(), forged), "rule node")
	kubelet := clerk(t, "system:nodes")
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "registered", Labels: map[string]string{corev1.LabelTopologyRegion: "eu-west-3"}}}
	expect.Accepted(t, kubelet.Create(t.Context(), node))
	moved := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"topology.kubernetes.io/region":"us-east-1"}}}`))
	expect.Refused(t, kubelet.Patch(t.Context(), node.DeepCopy(), moved), "and not again")
	expect.Refused(t, kubelet.Status().Patch(t.Context(), node.DeepCopy(), moved), "and not again")
	expect.Accepted(t, c.Patch(t.Context(), node.DeepCopy(), moved))
	country := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"rempart.node-restriction.kubernetes.io/country":"DE"}}}`))
	expect.Refused(t, admin.Patch(t.Context(), node.DeepCopy(), country), "rule node")
	expect.Refused(t, admin.Status().Patch(t.Context(), node.DeepCopy(), country), "rule node")
}

func TestNodesAreLabelledWhileTheirPlaceIsKnown(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "paris", Labels: map[string]string{corev1.LabelTopologyRegion: "eu-west-3"}}}
	expect.Accepted(t, admin.Create(t.Context(), node))
	labelled := func(country string, allowed bool) func() error {
		return func() error {
			if err := admin.Get(t.Context(), client.ObjectKeyFromObject(node), node); err != nil {
				return err
			}
			if node.Labels[residency.LabelCountry] != country || (node.Labels[residency.PolicyLabel("eu-only")] == "Allowed") != allowed {
				return fmt.Errorf("labels %v", node.Labels)
			}
			return nil
		}
	}
	expect.Eventually(t, labelled("FR", true))
	for region, country := range map[string]string{"us-east-1": "US", "atlantis-1": ""} {
		expect.Accepted(t, admin.Patch(t.Context(), node, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"topology.kubernetes.io/region":"`+region+`"}}}`))))
		expect.Eventually(t, labelled(country, false))
	}
}

func TestAQuotaIsKeptWhereAPolicyWantsOne(t *testing.T) {
	policy := newPolicy("counting", "Enforce", &metav1.LabelSelector{MatchLabels: map[string]string{"data": "counted"}})
	policy.Spec.Storage.Quota = "Manage"
	expect.Accepted(t, admin.Create(t.Context(), policy))
	newNamespace(t, "counted", map[string]string{"data": "counted"})
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "counted", Name: residency.QuotaName}}
	limited := func() error {
		if amount, found := quota.Spec.Hard["us-fast.storageclass.storage.k8s.io/requests.storage"]; !found || !amount.IsZero() {
			return fmt.Errorf("grants %v", quota.Spec.Hard)
		}
		if _, found := quota.Spec.Hard["eu-fast.storageclass.storage.k8s.io/requests.storage"]; found {
			return fmt.Errorf("limits what is allowed: %v", quota.Spec.Hard)
		}
		return nil
	}
	back(t, quota, limited)
	expect.Accepted(t, admin.Patch(t.Context(), quota, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"hard":null}}`))))
	back(t, quota, limited)
	expect.Accepted(t, admin.Delete(t.Context(), quota))
	back(t, quota, limited)
	expect.Accepted(t, admin.Patch(t.Context(), policy, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"storage":{"quota":"Off"}}}`))))
	expect.Eventually(t, func() error {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(quota), quota); !apierrors.IsNotFound(err) {
			return errors.Join(errors.New("still there"), err)
		}
		return nil
	})
}

// back waits until a guard is as it was, and nothing more.
func back(t *testing.T, object client.Object, whole func() error) {
	t.Helper()
	expect.Eventually(t, func() error {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		return whole()
	})
}

// change edits a guard as it is now, again if the operator wrote it meanwhile.
func change(t *testing.T, object client.Object, edit func()) {
	t.Helper()
	expect.Accepted(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		edit()
		return admin.Update(t.Context(), object)
	}))
}

func TestGuardsThatAreDeletedOrEditedComeBackWhole(t *testing.T) {
	claims := &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "rempart-claims"}}
	expect.Accepted(t, admin.Delete(t.Context(), claims))
	back(t, claims, func() error { return nil })
	change(t, claims, func() {
		claims.Spec.MatchConditions = append(claims.Spec.MatchConditions, admissionregistrationv1.MatchCondition{Name: "never", Expression: "false"})
	})
	back(t, claims, func() error { return count(claims.Spec.MatchConditions, 1) })

	for _, name := range []string{"rempart-nodes", "rempart-claims-eu-only"} {
		binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name}}
		expect.Accepted(t, admin.Delete(t.Context(), binding))
		back(t, binding, func() error { return nil })
		change(t, binding, func() {
			if binding.Spec.MatchResources == nil {
				binding.Spec.MatchResources = &admissionregistrationv1.MatchResources{}
			}
			binding.Spec.MatchResources.ExcludeResourceRules = []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
				Operations: []admissionregistrationv1.OperationType{"*"}, Rule: admissionregistrationv1.Rule{APIGroups: []string{"*"}, APIVersions: []string{"*"}, Resources: []string{"*"}}}}}
		})
		back(t, binding, func() error {
			if binding.Spec.MatchResources == nil {
				return nil
			}
			return count(binding.Spec.MatchResources.ExcludeResourceRules, 0)
		})
	}
	newNamespace(t, "restored", personal)
	expect.Eventually(t, func() error {
		if err := admin.Create(t.Context(), claim("restored", "data", "us-fast"), client.DryRunAll); err == nil {
			return fmt.Errorf("a claim abroad is accepted")
		}
		return nil
	})
}

func count[T any](list []T, want int) error {
	if len(list) != want {
		return fmt.Errorf("%d, want %d: %v", len(list), want, list)
	}
	return nil
}

// It brings the webhook configurations, whose service does not exist: what they ask about is refused from then on.
func TestYWebhookConfigurationsAreKept(t *testing.T) {
	expect.Accepted(t, admin.Create(t.Context(), installed.Validating[0].DeepCopy()))
	end, err := server.Operate(t.Context(), nil, func(mgr ctrl.Manager) error {
		return (&restore.Reconciler{Client: mgr.GetClient(), Guards: &guard.Guards{Validating: installed.Validating, Mutating: installed.Mutating}}).Register(mgr)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rempart-mutating"}}
	back(t, mutating, func() error { return count(mutating.Webhooks, len(installed.Mutating[0].Webhooks)) })
	hooks := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rempart-validating"}}
	back(t, hooks, func() error { return count(hooks.Webhooks, len(installed.Validating[0].Webhooks)) })
	c := clerk(t)
	expect.Refused(t, c.Delete(t.Context(), hooks.DeepCopy()), "rule guard")
	expect.Refused(t, c.DeleteAllOf(t.Context(), &admissionregistrationv1.ValidatingWebhookConfiguration{}), "rule guard")
	opened := hooks.DeepCopy()
	open := func() {
		opened.Webhooks[0].FailurePolicy = nil
		opened.Webhooks[0].MatchConditions = append(opened.Webhooks[0].MatchConditions, admissionregistrationv1.MatchCondition{Name: "never", Expression: "false"})
	}
	expect.Refused(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		expect.Accepted(t, admin.Get(t.Context(), client.ObjectKeyFromObject(opened), opened))
		open()
		return c.Update(t.Context(), opened.DeepCopy())
	}), "rule guard")
	change(t, opened, func() {
		open()
		opened.Webhooks = opened.Webhooks[:1]
		opened.Webhooks[0].ClientConfig.CABundle = nil
	})
	back(t, hooks, func() error {
		if err := count(hooks.Webhooks, len(installed.Validating[0].Webhooks)); err != nil {
			return err
		}
		return count(hooks.Webhooks[0].MatchConditions, 1)
	})
	expect.Accepted(t, admin.Delete(t.Context(), hooks))
	back(t, hooks, func() error { return nil })
}

// It is the last test: what it stops does not come back.
func TestZWithoutTheOperatorTheApiServerHoldsByItself(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	stopOperator()
	for _, configuration := range []client.Object{&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rempart-validating"}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rempart-mutating"}}} {
		expect.Accepted(t, client.IgnoreNotFound(admin.Delete(ctx, configuration)))
	}
	expect.Eventually(t, func() error { // a namespace that nobody labels, and no webhook asks about
		return client.IgnoreAlreadyExists(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "alone", Labels: personal}}))
	})
	expect.Eventually(t, func() error { return client.IgnoreAlreadyExists(admin.Create(ctx, claim("alone", "kept", "eu-fast"))) })
	expect.Refused(t, admin.Create(ctx, claim("alone", "data", "us-fast")), "us-east-1")
	expect.Accepted(t, admin.Create(ctx, newClass("unseen", "eu-west-3")))
	expect.Refused(t, admin.Create(ctx, claim("alone", "data", "unseen")), "not judged yet")
	expect.Accepted(t, admin.Delete(ctx, claim("alone", "kept", "eu-fast")))
	expect.Refused(t, impersonating(t, "clerk").Patch(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "alone"}}, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"data":null}}}`))), "rule guard")

	policy := &v1alpha1.ResidencyPolicy{}
	expect.Accepted(t, admin.Get(ctx, client.ObjectKey{Name: "eu-only"}, policy))
	forged := policy.DeepCopy()
	forged.Status.DataVersion = "forged"
	expect.Refused(t, admin.Status().Update(ctx, forged), "rule status")
	if ready := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.ObservedGeneration != policy.Generation {
		t.Fatalf("not judged: %+v", policy.Status.Conditions)
	}
	policy.Spec.Allowed.Zones = []v1alpha1.AllowedZone{"EU", "Adequate", "AdequatePartial"}
	expect.Accepted(t, admin.Update(ctx, policy)) // no webhook asks who may loosen, and nothing is loosened
	expect.Eventually(t, func() error {           // the API server's own cache hears of the change with a delay
		if err := admin.Create(ctx, claim("alone", "data", "eu-fast"), client.DryRunAll); err == nil {
			return fmt.Errorf("judged by the policy of before")
		}
		return nil
	})
	expect.Refused(t, admin.Create(ctx, claim("alone", "data", "eu-fast"), client.DryRunAll), "not judged under it yet")
	expect.Refused(t, admin.Create(ctx, claim("alone", "data", "us-fast"), client.DryRunAll))
}
