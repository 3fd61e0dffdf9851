package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Customers of the stories of this file.
const customerOfDeaths, customerOfKilledPods = 4213, 4217

// unseat takes the lease from the leader, which learns of it only when it next renews: for a while two replicas lead.
func unseat(t *testing.T) {
	t.Helper()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "rempart-operator"}}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"holderIdentity":"","leaseDurationSeconds":1}}`))
	if err := admin.Patch(t.Context(), lease, patch); err != nil {
		t.Fatal(err)
	}
}

// killErasers ends the pods that erase or plan for the namespace, at whatever they are doing.
func killErasers(t *testing.T) {
	t.Helper()
	err := admin.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(demoNamespace),
		client.HasLabels{v1alpha1.LabelRun}, client.GracePeriodSeconds(0))
	if err != nil {
		t.Fatal(err)
	}
}

// happenedOnce checks what must hold however often something died: the person is gone, by one transaction.
func happenedOnce(t *testing.T, who customer, r *v1alpha1.ErasureRequest) {
	t.Helper()
	if rows := rowsOf(t, who); rows != "0" {
		t.Errorf("%s rows of the person are left", rows)
	}
	if lines := sql(t, fmt.Sprintf("SELECT count(*) FROM rempart.ledger WHERE '%s' = ANY (request_uids)", r.UID)); lines != "1" {
		t.Errorf("the ledger has %s lines for the request, want 1", lines)
	}
	secretIsGone(t, r.Name)
}

// awaitStep waits until the request has a condition, or has ended.
func awaitStep(t *testing.T, r *v1alpha1.ErasureRequest, condition string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		done := meta.IsStatusConditionTrue(r.Status.Conditions, condition) || meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(done).To(gomega.BeTrue(), "%v", r.Status.Conditions)
	})
}

// awaitErased waits for the end of an erasure; some people have invoices that are kept, and some have none.
func awaitErased(t *testing.T, r *v1alpha1.ErasureRequest) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(gomega.BeNil())
		g.Expect(ready.Reason).To(gomega.BeElementOf(string(v1alpha1.EndErased), string(v1alpha1.EndPartlyErased)), ready.Message)
	})
}

// awaitRun waits until a run of the mode serves the request.
func awaitRun(t *testing.T, r *v1alpha1.ErasureRequest, mode v1alpha1.RunMode) {
	t.Helper()
	serves := func(run v1alpha1.ErasureRun) bool {
		return run.Spec.Mode == mode &&
			slices.ContainsFunc(run.Spec.Requests, func(member v1alpha1.RunRequest) bool { return member.UID == string(r.UID) })
	}
	eventually(t, func(g gomega.Gomega) {
		runs := &v1alpha1.ErasureRunList{}
		g.Expect(admin.List(t.Context(), runs, client.InNamespace(r.Namespace))).To(gomega.Succeed())
		g.Expect(slices.ContainsFunc(runs.Items, serves)).To(gomega.BeTrue(), "no run of the request yet")
	})
}

func TestAnErasureHappensOnceThoughTheOperatorDiesAtEachStep(t *testing.T) {
	who := demoCustomer(customerOfDeaths)
	subject(t, "story-deaths", who)
	r := create(t, as(t, "support-agent"), request("story-deaths"))
	killOperators(t)
	awaitStep(t, r, v1alpha1.ConditionAccepted)
	killOperators(t)
	awaitPlanned(t, r)
	killOperators(t)
	eventually(t, func(g gomega.Gomega) { // the webhook that judges approvals is down for a moment
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"decision":{"verdict":"Approved"}}}`))
		g.Expect(as(t, "privacy-office").Patch(context.WithoutCancel(t.Context()), r.DeepCopy(), patch)).To(gomega.Succeed())
	})
	awaitRun(t, r, v1alpha1.RunExecute)
	killOperators(t)
	awaitStep(t, r, v1alpha1.ConditionExecuted)
	killOperators(t)
	awaitErased(t, r)
	happenedOnce(t, who, r)
}

func TestAnErasureHappensOnceThoughTwoReplicasLeadAndItsPodsAreKilled(t *testing.T) {
	who := demoCustomer(customerOfKilledPods)
	t.Cleanup(func() { operatorServes(t) })
	subject(t, "story-two-leaders", who)
	r := create(t, as(t, "support-agent"), request("story-two-leaders"))
	awaitPlanned(t, r)
	if err := approve(t, as(t, "privacy-office"), r); err != nil {
		t.Fatal(err)
	}
	unseat(t)
	awaitRun(t, r, v1alpha1.RunExecute)
	killErasers(t)
	unseat(t)
	awaitErased(t, r)
	happenedOnce(t, who, r)
}
