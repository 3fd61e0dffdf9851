package quota

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

const counted = "us-fast.storageclass.storage.k8s.io/requests.storage"

type cluster struct {
	*Reconciler
	holder *residency.Holder
}

func start(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	holder := &residency.Holder{}
	return &cluster{&Reconciler{Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), Snapshots: holder}, holder}
}

// snapshot has one class abroad, and one policy for all namespaces unless there is none.
func (c *cluster) snapshot(mode v1alpha1.QuotaMode) {
	in := residency.Input{On: "2026-11-24", OperatorNamespace: "rempart-system", Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}},
		Classes: []storagev1.StorageClass{{ObjectMeta: metav1.ObjectMeta{Name: "us-fast"}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: []corev1.TopologySelectorTerm{
			{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{"us-east-1"}}}}}}}}
	if mode != "" {
		in.Policies = []v1alpha1.ResidencyPolicy{{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: v1alpha1.EnforcementEnforce,
			Role: v1alpha1.PolicyRoleDefault, Storage: v1alpha1.PolicyStorage{Quota: mode}}}}
	}
	c.holder.Store(residency.Build(in))
}

// pass reconciles the namespace and returns its quota; nil when it has none.
func (c *cluster) pass(t *testing.T) *corev1.ResourceQuota {
	t.Helper()
	if _, err := c.Reconcile(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}); err != nil {
		t.Fatal(err)
	}
	quota := &corev1.ResourceQuota{}
	err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: residency.QuotaName}, quota)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return quota
}

func TestAQuotaComesAndGoesWithThePolicyAndIsKept(t *testing.T) {
	c := start(t)
	if c.pass(t) != nil {
		t.Error("a quota without a snapshot")
	}
	c.snapshot(v1alpha1.QuotaManage)
	quota := c.pass(t)
	if quota == nil || len(quota.Spec.Hard) != 2 {
		t.Fatalf("%+v", quota)
	}
	if again := c.pass(t); again.ResourceVersion != quota.ResourceVersion {
		t.Error("a second pass writes")
	}
	quota.Spec.Hard[counted] = resource.MustParse("1Gi")
	quota.Spec.Hard["pods"] = resource.MustParse("0")
	if err := c.Client.Update(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	quota = c.pass(t)
	if amount := quota.Spec.Hard[counted]; !amount.IsZero() || len(quota.Spec.Hard) != 2 {
		t.Errorf("raised: %v", quota.Spec.Hard)
	}
	if err := c.Client.Delete(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	if c.pass(t) == nil {
		t.Error("deleted, and gone")
	}
	for _, mode := range []v1alpha1.QuotaMode{v1alpha1.QuotaOff, ""} {
		c.snapshot(v1alpha1.QuotaManage)
		c.pass(t)
		c.snapshot(mode)
		if quota := c.pass(t); quota != nil {
			t.Errorf("with quota %q: %v", mode, quota.Spec.Hard)
		}
	}
}

func TestAStrangersQuotaIsNotTakenAway(t *testing.T) {
	c := start(t, &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: residency.QuotaName}})
	c.snapshot("")
	if c.pass(t) == nil {
		t.Error("gone")
	}
}
