package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

const proxy = "/api/v1/namespaces/rempart-demo/services/"

// delivered is a message that the demo's receiver of webhooks got.
type delivered struct {
	ID     string `json:"id"`
	Signed bool   `json:"signed"`
	Status int    `json:"status"`
}

func hookMessages(t *testing.T) []delivered {
	t.Helper()
	var messages []delivered
	if err := json.Unmarshal([]byte(output(t, "kubectl", "get", "--raw", proxy+"hook:http/proxy/messages")), &messages); err != nil {
		t.Fatal(err)
	}
	return messages
}

func failHook(t *testing.T, status string) {
	t.Helper()
	output(t, "kubectl", "create", "--raw", proxy+"hook:http/proxy/fail?status="+status, "-f", "/dev/null")
}

func incident(name string, aware time.Duration) *v1alpha1.BreachIncident {
	at := func(ago time.Duration) *metav1.Time {
		return ptr.To(metav1.NewTime(time.Now().UTC().Add(-ago).Truncate(time.Second)))
	}
	return &v1alpha1.BreachIncident{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: demoNamespace},
		Spec: v1alpha1.BreachIncidentSpec{
			OfficerRef: v1alpha1.ClusterRef{Name: "parley"}, Role: v1alpha1.BreachRoleController, Verdict: v1alpha1.BreachConfirmed,
			DetectedTime: at(aware + time.Hour), AwareTime: at(aware), AwareReason: "Seen in the logs",
		},
	}
}

func TestAReceiverThatFailsIsTriedAgainWithTheSameKey(t *testing.T) {
	failHook(t, "500")
	t.Cleanup(func() { failHook(t, "0") })
	name := fmt.Sprintf("story-failing-hook-%d", time.Now().Unix()) // records stay, so a second run needs another
	if err := admin.Create(t.Context(), incident(name, 5*time.Hour)); err != nil {
		t.Fatal(err)
	}
	find := func(g gomega.Gomega) v1alpha1.Notification {
		list := &v1alpha1.NotificationList{}
		g.Expect(admin.List(t.Context(), list, client.InNamespace(demoNamespace))).To(gomega.Succeed())
		for _, n := range list.Items {
			if string(n.Spec.ObjectRef.Name) == name && n.Spec.ChannelRef.Name == "management-hook" {
				return n
			}
		}
		g.Expect(false).To(gomega.BeTrue(), "no notification to the hook")
		return v1alpha1.Notification{}
	}
	eventually(t, func(g gomega.Gomega) {
		n := find(g)
		g.Expect(n.Status.LastResult).To(gomega.Equal(v1alpha1.DeliveryServerError))
		g.Expect(ptr.Deref(n.Status.Attempts, 0)).To(gomega.BeNumerically(">=", 2))
	})
	failHook(t, "0")
	eventually(t, func(g gomega.Gomega) {
		n := find(g)
		expectCondition(g, n.Status.Conditions, v1alpha1.ConditionReady, metav1.ConditionTrue, "Delivered")
		attempts := 0
		for _, m := range hookMessages(t) {
			if m.ID == n.Spec.IdempotencyKey {
				attempts++
				g.Expect(m.Signed).To(gomega.BeTrue())
			}
		}
		g.Expect(attempts).To(gomega.Equal(int(ptr.Deref(n.Status.Attempts, 0))))
	}, 2*patience) // of which it may wait some between two attempts
}

func TestAwarenessInTheFutureIsRefused(t *testing.T) {
	err := admin.Create(t.Context(), incident("story-future", -time.Hour))
	if !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		t.Fatalf("want a refusal, have %v", err)
	}
}

func TestARecordOfABreachIsNotDeleted(t *testing.T) {
	object := incident("exported-bucket", 0)
	if err := admin.Delete(t.Context(), object); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		t.Fatalf("want a refusal (Article 33(5)), have %v", err)
	}
}

func TestTheOfficerCountsWhatIsOpen(t *testing.T) {
	officer := &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "parley"}}
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, officer)
		breaches := &v1alpha1.BreachIncidentList{}
		g.Expect(admin.List(t.Context(), breaches)).To(gomega.Succeed())
		open := 0
		for _, b := range breaches.Items {
			if !meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionReady) {
				open++
			}
		}
		g.Expect(int(ptr.Deref(officer.Status.OpenBreaches, -1))).To(gomega.Equal(open))
		g.Expect(officer.Status.NextDeadlineTime).NotTo(gomega.BeNil())
	})
}
