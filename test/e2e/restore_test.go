package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	names "github.com/rempart-dev/rempart/internal/register"
)

// alone runs statements in the demo's server, each by itself, while nobody is in the database of the store.
func alone(t *testing.T, statements ...string) {
	t.Helper()
	pod := output(t, "kubectl", "-n", demoNamespace, "get", "pods", "-l", "gdpr.rempart.dev/component=database,gdpr.rempart.dev/store=crm", "-o", "jsonpath={.items[0].metadata.name}")
	args := []string{"-n", demoNamespace, "exec", pod, "-c", "postgres", "--", "psql", "-q", "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-At",
		"-c", "ALTER DATABASE crm ALLOW_CONNECTIONS false",
		"-c", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'crm'"}
	for _, statement := range append(statements, "ALTER DATABASE crm ALLOW_CONNECTIONS true") {
		args = append(args, "-c", statement)
	}
	output(t, "kubectl", args...)
}

// backUp copies the database of the store, with its ledger, and returns what puts the copy in its place. A copy within the server
// stands for a backup: the store sees a ledger that is older than its requests, as after any restore.
func backUp(t *testing.T) (restore func()) {
	t.Helper()
	owner := sql(t, "SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(datdba)) FROM pg_catalog.pg_database WHERE datname = 'crm'")
	alone(t, "DROP DATABASE IF EXISTS crm_backup", fmt.Sprintf("CREATE DATABASE crm_backup TEMPLATE crm OWNER %s", owner))
	return func() {
		t.Helper()
		alone(t, "ALTER DATABASE crm RENAME TO crm_lost", "ALTER DATABASE crm_backup RENAME TO crm", "DROP DATABASE crm_lost")
	}
}

// scanSoon lets the store be scanned at once and not within ten minutes: a credential that was renewed is a reason, which the
// operator, who does not watch Secrets, sees when it looks at the register again.
func scanSoon(t *testing.T, of *v1alpha1.DataRegister) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: names.SecretName(of.Name, "crm", task.Verifier)}}
	if err := admin.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	touch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{"story":%q}}}`, time.Now().Format(time.RFC3339Nano)))
	if err := admin.Patch(t.Context(), of.DeepCopy(), touch); err != nil {
		t.Fatal(err)
	}
}

// earlier sees to an erasure before the backup: a copy whose ledger has no row at all may as well be a database that was moved without
// it, and waits for a person.
func earlier(t *testing.T) {
	t.Helper()
	if sql(t, "SELECT count(*) FROM rempart.ledger WHERE register = 'conversations' AND store = 'crm'") != "0" {
		return
	}
	subject(t, "story-earlier", demoCustomer(4243))
	r := create(t, as(t, "support-agent"), request("story-earlier"))
	awaitPlanned(t, r)
	if err := approve(t, as(t, "privacy-office"), r); err != nil {
		t.Fatal(err)
	}
	awaitErased(t, r)
}

// TestWhoComesBackWithABackupIsErasedAgainByItself: a person is erased, and the store is set back to before. The register says so and
// is not Ready, the request runs again without anybody's doing, and the person is gone.
func TestWhoComesBackWithABackupIsErasedAgainByItself(t *testing.T) {
	who := demoCustomer(4241)
	earlier(t)
	restore := backUp(t)
	subject(t, "story-restored", who)
	r := create(t, as(t, "support-agent"), request("story-restored"))
	awaitPlanned(t, r)
	if err := approve(t, as(t, "privacy-office"), r); err != nil {
		t.Fatal(err)
	}
	awaitErased(t, r)
	secretIsGone(t, r.Name)
	if rows := rowsOf(t, who); rows != "0" {
		t.Fatalf("%s rows of the person are left", rows)
	}

	restore()
	if rows := rowsOf(t, who); rows != "1" {
		t.Fatalf("the backup has %s rows of the person, want 1", rows)
	}
	conversations := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: "conversations"}}
	scanSoon(t, conversations)
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, conversations)
		expectCondition(g, conversations.Status.Conditions, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRestored)
	})
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, conversations)
		expectReady(g, conversations.Status.Conditions)
	}, 3*patience)
	if rows := rowsOf(t, who); rows != "0" {
		t.Errorf("%s rows of the person are left after the replay", rows)
	}
	replayed(t, r)
}

func expectReady(g gomega.Gomega, list []metav1.Condition) {
	g.Expect(list).To(gomega.ContainElement(gomega.And(gomega.HaveField("Type", v1alpha1.ConditionReady), gomega.HaveField("Status", metav1.ConditionTrue))))
}

// replayed checks that one run erased the person again, that the evidence log has it, and that the request's own end was left alone.
func replayed(t *testing.T, r *v1alpha1.ErasureRequest) {
	t.Helper()
	ended := r.DeepCopy()
	eventually(t, func(g gomega.Gomega) {
		runs := &v1alpha1.ErasureRunList{}
		g.Expect(admin.List(t.Context(), runs, client.InNamespace(demoNamespace))).To(gomega.Succeed())
		found := 0
		for i := range runs.Items {
			run := &runs.Items[i]
			if run.Spec.Mode != v1alpha1.RunReplay || run.Spec.Requests[0].UID != string(r.UID) {
				continue
			}
			if run.Status.CommittedTime == nil { // it met the credentials while they were renewed
				continue
			}
			found++
			g.Expect(run.Status.VerifiedTime).NotTo(gomega.BeNil())
			g.Expect(run.Status.Evidence).NotTo(gomega.BeNil())
			g.Expect(run.Spec.Restore.SeenTime.After(r.Status.EndedTime.Add(-time.Second))).To(gomega.BeTrue())
		}
		g.Expect(found).To(gomega.Equal(1), "runs that erased the person again")
	})
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, r)
		g.Expect(r.Status.End).To(gomega.Equal(ended.Status.End))
		g.Expect(r.Status.EndedTime.Equal(ended.Status.EndedTime)).To(gomega.BeTrue())
		g.Expect(*r.Status.Evidence.LogIndex).To(gomega.Equal(*ended.Status.Evidence.LogIndex))
	})
}
