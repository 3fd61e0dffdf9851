package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func expectCondition(g gomega.Gomega, list []metav1.Condition, conditionType string, status metav1.ConditionStatus, reason string) {
	c := meta.FindStatusCondition(list, conditionType)
	g.Expect(c).NotTo(gomega.BeNil(), "no condition %s in %v", conditionType, list)
	g.Expect(string(c.Status)+" "+c.Reason).To(gomega.Equal(string(status)+" "+reason), c.Message)
}

// sql runs a statement in the demo's database.
func sql(t *testing.T, statement string) string {
	t.Helper()
	pod := output(t, "kubectl", "-n", demoNamespace, "get", "pods", "-l", "gdpr.rempart.dev/component=database,gdpr.rempart.dev/store", "-o", "jsonpath={.items[0].metadata.name}")
	return strings.TrimSpace(output(t, "kubectl", "-n", demoNamespace, "exec", pod, "-c", "postgres", "--",
		"psql", "-q", "-U", "postgres", "-d", "crm", "-At", "-c", statement))
}

func rowsOf(t *testing.T, who customer) string {
	t.Helper()
	return sql(t, fmt.Sprintf("SELECT count(*) FROM public.customers WHERE email = '%s'", who.email))
}

func awaitEnd(t *testing.T, r *v1alpha1.ErasureRequest, reason string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		expectCondition(g, r.Status.Conditions, v1alpha1.ConditionReady, metav1.ConditionTrue, reason)
	})
}

func awaitPlanned(t *testing.T, r *v1alpha1.ErasureRequest) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		expectCondition(g, r.Status.Conditions, v1alpha1.ConditionPlanned, metav1.ConditionTrue, v1alpha1.ReasonPlanned)
	})
}

func secretIsGone(t *testing.T, name string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		err := admin.Get(t.Context(), client.ObjectKey{Namespace: demoNamespace, Name: name}, &corev1.Secret{})
		g.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue())
	})
}

func TestARequestWithoutASubjectWaitsAndSaysSo(t *testing.T) {
	r := request("story-nobody")
	create(t, admin, r)
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		expectCondition(g, r.Status.Conditions, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonSubjectMissing)
	})
}

func TestASecretThatIsNotASubjectIsRefusedAndKept(t *testing.T) {
	secret := create(t, admin, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "story-other-secret", Namespace: demoNamespace},
		StringData: map[string]string{"password": "of something else"},
	})
	r := request("story-other-secret")
	create(t, admin, r)
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		expectCondition(g, r.Status.Conditions, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonSubjectUnreadable)
	})
	if err := admin.Delete(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(apierrors.IsNotFound(admin.Get(t.Context(), client.ObjectKeyFromObject(r), r))).To(gomega.BeTrue())
	})
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(secret), secret); err != nil {
		t.Errorf("the Secret of somebody else did not survive the request: %v", err)
	}
}

func TestASubjectThatChangesAfterAcceptanceIsNotErased(t *testing.T) {
	who, other := demoCustomer(4203), demoCustomer(4207)
	secret := subject(t, "story-changed", who)
	r := create(t, as(t, "support-agent"), request("story-changed"))
	awaitPlanned(t, r)
	before := secret.DeepCopy()
	secret.StringData = map[string]string{"email": other.email, "phone": other.phone}
	if err := admin.Patch(t.Context(), secret, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	if err := approve(t, as(t, "privacy-office"), r); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		expectCondition(g, r.Status.Conditions, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonSubjectChanged)
	})
	for _, person := range []customer{who, other} {
		if rows := rowsOf(t, person); rows != "1" {
			t.Errorf("a person has %s rows, want 1", rows)
		}
	}
}

func TestTheSameRequestIDRunsNothingASecondTime(t *testing.T) {
	subject(t, "story-twice-first", demoCustomer(4209))
	first := request("story-twice-first")
	first.Spec.Execution = v1alpha1.ExecutionPlanOnly
	create(t, as(t, "support-agent"), first)
	awaitEnd(t, first, "PlannedOnly")
	subject(t, "story-twice", demoCustomer(4209))
	second := request("story-twice")
	second.Spec.RequestID, second.Spec.Execution = first.Spec.RequestID, v1alpha1.ExecutionPlanOnly
	create(t, as(t, "support-agent"), second)
	awaitEnd(t, second, "AlreadyExecuted")
	if len(second.Status.Targets) != 0 {
		t.Errorf("the second request has targets: %v", second.Status.Targets)
	}
}

func TestARequestDeletedMidwayEndsInADefinedState(t *testing.T) {
	who := demoCustomer(4211)
	subject(t, "story-deleted", who)
	r := create(t, as(t, "support-agent"), request("story-deleted"))
	awaitPlanned(t, r)
	if err := admin.Delete(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(apierrors.IsNotFound(admin.Get(t.Context(), client.ObjectKeyFromObject(r), r))).To(gomega.BeTrue())
	})
	secretIsGone(t, "story-deleted")
	if rows := rowsOf(t, who); rows != "1" {
		t.Errorf("an unapproved request erased: %s rows are left", rows)
	}
}

func TestAnAddressInAFieldOfARequestIsRefusedWithoutRepeatingIt(t *testing.T) {
	const address = "someone.private@example.org"
	cases := map[string]func(*v1alpha1.ErasureRequest){
		"annotation": func(r *v1alpha1.ErasureRequest) { r.Annotations = map[string]string{"note": "about " + address} },
		"decision note": func(r *v1alpha1.ErasureRequest) {
			r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalExcessive, Note: address}
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			r := request("story-address")
			change(r)
			err := admin.Create(t.Context(), r)
			if !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
				t.Fatalf("want a refusal, have %v", err)
			}
			if strings.Contains(err.Error(), "private") {
				t.Error("the refusal repeats the address")
			}
		})
	}
}

func TestOneMayNotNameASecretThatOneMayNotRead(t *testing.T) {
	c := as(t, "intruder")
	create(t, admin, bindEditor("intruder"))
	eventually(t, func(g gomega.Gomega) { // rights count a moment after they were given
		err := c.Create(t.Context(), request("demo-0001-stolen"))
		g.Expect(apierrors.IsForbidden(err)).To(gomega.BeTrue(), "%v", err)
		g.Expect(err.Error()).To(gomega.ContainSubstring("Secret"))
	})
}

func TestInternalKindsBelongToTheOperatorAlone(t *testing.T) {
	run := &v1alpha1.ErasureRun{
		ObjectMeta: metav1.ObjectMeta{Name: "forged", Namespace: demoNamespace},
		Spec: v1alpha1.ErasureRunSpec{
			RegisterRef: v1alpha1.LocalRef{Name: "conversations"}, Store: "crm", Mode: v1alpha1.RunPlan, Epoch: 1, Image: "x",
			Requests: []v1alpha1.RunRequest{{Name: "demo-0001", UID: "u"}},
		},
	}
	if err := admin.Create(t.Context(), run); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		t.Errorf("an administrator made an ErasureRun: %v", err)
	}
}
