package e2e

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// kinds of Rempart, and of what it makes.
func ownKinds() []client.ObjectList {
	return []client.ObjectList{
		&v1alpha1.DataProtectionOfficerList{}, &v1alpha1.NotificationChannelList{}, &v1alpha1.ResidencyPolicyList{},
		&v1alpha1.DataRegisterList{}, &v1alpha1.ErasureRequestList{}, &v1alpha1.ErasureRunList{},
		&v1alpha1.BreachIncidentList{}, &v1alpha1.EscalationPolicyList{}, &v1alpha1.NotificationList{},
	}
}

func childKinds() []client.ObjectList {
	return []client.ObjectList{
		&corev1.SecretList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &networkingv1.NetworkPolicyList{}, &batchv1.JobList{},
	}
}

// all returns every object of the lists as unstructured ones.
func all(t *testing.T, lists []client.ObjectList, options ...client.ListOption) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for _, list := range lists {
		gvks, _, err := scheme.ObjectKinds(list)
		if err != nil {
			t.Fatal(err)
		}
		found := &unstructured.UnstructuredList{}
		found.SetGroupVersionKind(gvks[0])
		if err := admin.List(t.Context(), found, options...); err != nil {
			t.Fatal(err)
		}
		for i := range found.Items {
			objects = append(objects, &found.Items[i])
		}
	}
	return objects
}

// versions returns the resourceVersion of all that Rempart reconciles, or made in the demo's namespace. Scans are left out, and what
// follows the log of a consent service: they go on by their own clock.
func versions(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	objects := append(all(t, ownKinds()), all(t, childKinds(), client.InNamespace(demoNamespace), client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart})...)
	for _, o := range objects {
		log := o.GetKind() == "ConsentPolicy" || strings.HasSuffix(o.GetName(), "-consentd-config")
		if log || o.GetLabels()[v1alpha1.LabelComponent] == "scan" || o.GetKind() == "DataRegister" {
			continue
		}
		found[fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())] = o.GetResourceVersion()
	}
	return found
}

// rested waits until nothing was written for a while, and returns the versions: what the stories before have left goes first.
func rested(t *testing.T) map[string]string {
	t.Helper()
	last, since := versions(t), time.Now()
	eventually(t, func(g gomega.Gomega) {
		if now := versions(t); !maps.Equal(last, now) {
			last, since = now, time.Now()
		}
		g.Expect(time.Since(since)).To(gomega.BeNumerically(">", 15*time.Second), "something is still written")
	})
	return last
}

// leaderRenewed waits until a leader elected after now has renewed its lease twice: its first passes are then over.
func leaderRenewed(t *testing.T) {
	t.Helper()
	lease := &coordinationv1.Lease{}
	lease.Namespace, lease.Name = operatorNamespace, "rempart-operator"
	since := time.Now()
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, lease)
		g.Expect(lease.Spec.HolderIdentity).NotTo(gomega.BeNil())
		g.Expect(*lease.Spec.HolderIdentity).NotTo(gomega.BeEmpty())
		g.Expect(lease.Spec.RenewTime.After(since.Add(15 * time.Second))).To(gomega.BeTrue())
	})
}

// TestKstatusReadsEveryObject: but for those that were made a moment ago and were not looked at yet, and those that go.
func TestKstatusReadsEveryObject(t *testing.T) {
	eventually(t, func(g gomega.Gomega) {
		current := 0
		for _, object := range all(t, ownKinds()) {
			what := object.GetKind() + " " + object.GetName()
			result, err := status.Compute(object)
			g.Expect(err).NotTo(gomega.HaveOccurred(), what)
			ready, _ := readyOf(object)
			g.Expect(ready).NotTo(gomega.BeEmpty(), "%s has no condition Ready", what)
			g.Expect(result.Status == status.CurrentStatus).To(gomega.Equal(ready == "True"), "%s: Ready is %s, kstatus says %s: %s", what, ready, result.Status, result.Message)
			if result.Status == status.CurrentStatus {
				current++
			}
		}
		g.Expect(current).NotTo(gomega.BeZero(), "no object at all is Current")
	})
}

func readyOf(object *unstructured.Unstructured) (string, string) {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, entry := range conditions {
		if c, ok := entry.(map[string]any); ok && c["type"] == v1alpha1.ConditionReady {
			return fmt.Sprint(c["status"]), fmt.Sprint(c["reason"])
		}
	}
	return "", ""
}

func TestARegisterHealsWhatWasRemovedAndConvergesToWhatIsAsked(t *testing.T) {
	ctx := t.Context()
	services := &corev1.ServiceList{}
	if err := admin.List(ctx, services, client.InNamespace(demoNamespace), client.MatchingLabels{v1alpha1.LabelStore: "crm"}); err != nil || len(services.Items) == 0 {
		t.Fatalf("the store has no Service: %v", err)
	}
	gone := &services.Items[0]
	if err := admin.Delete(ctx, gone.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		again := &corev1.Service{}
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(gone), again)).To(gomega.Succeed())
		g.Expect(again.UID).NotTo(gomega.Equal(gone.UID))
	})
}

func TestAStoreIsPausedAndResumedByItsReplicas(t *testing.T) {
	register := &v1alpha1.DataRegister{}
	register.Namespace, register.Name = demoNamespace, "conversations"
	setReplicas := func(n int) {
		patch := client.RawPatch("application/json-patch+json", fmt.Appendf(nil, `[{"op":"add","path":"/spec/stores/0/managed/replicas","value":%d}]`, n))
		if err := admin.Patch(context.WithoutCancel(t.Context()), register.DeepCopy(), patch); err != nil {
			t.Fatal(err)
		}
	}
	replicas := func(g gomega.Gomega) int32 {
		sets := &appsv1.StatefulSetList{}
		g.Expect(admin.List(t.Context(), sets, client.InNamespace(demoNamespace), client.MatchingLabels{v1alpha1.LabelStore: "crm"})).To(gomega.Succeed())
		g.Expect(sets.Items).To(gomega.HaveLen(1))
		return sets.Items[0].Status.ReadyReplicas
	}
	setReplicas(0)
	t.Cleanup(func() { setReplicas(1) })
	eventually(t, func(g gomega.Gomega) {
		g.Expect(replicas(g)).To(gomega.Equal(int32(0)))
		get(t.Context(), g, register)
		ready, _ := readyOf(toUnstructured(t, register))
		g.Expect(ready).To(gomega.Equal("False"))
	})
	setReplicas(1)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(replicas(g)).To(gomega.Equal(int32(1)))
		get(t.Context(), g, register)
		ready, _ := readyOf(toUnstructured(t, register))
		g.Expect(ready).To(gomega.Equal("True"))
	})
	if rows := sql(t, "SELECT count(*) FROM public.accounts"); rows != "200" {
		t.Errorf("%s accounts after the pause, want 200", rows)
	}
}

func toUnstructured(t *testing.T, object client.Object) *unstructured.Unstructured {
	t.Helper()
	content, err := apiruntime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: content}
}
