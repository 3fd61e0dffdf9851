package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/apiserver"
)

// grants returns the statements that docs/how-to/grants.md gives to administrators, for another database and table.
func grants(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(apiserver.Root(), "docs", "how-to", "grants.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```sql\n")
	if !found {
		t.Fatal("the page on grants has no SQL")
	}
	text, _, _ := strings.Cut(rest, "```")
	return strings.NewReplacer(`DATABASE "crm"`, `DATABASE "app"`, `"public"."customers"`, `"public"."people"`).Replace(text)
}

// feed runs SQL from standard input in the server that server made, as an administrator's psql would.
func feed(t *testing.T, ns, text string) string {
	t.Helper()
	psql := exec.CommandContext(t.Context(), "kubectl", "-n", ns, "exec", "-i", "own", "--", "psql", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "app")
	psql.Stdin = strings.NewReader(text)
	out, err := psql.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// theirs runs a PostgreSQL that Rempart does not manage, with a table of people that the SQL fills and the grants of the page, and
// declares it in a register.
func theirs(t *testing.T, ns, fill string) *v1alpha1.DataRegister {
	t.Helper()
	server(t, ns)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(exec.CommandContext(t.Context(), "kubectl", "-n", ns, "exec", "own", "--", "pg_isready", "-q", "-h", "127.0.0.1", "-d", "app").Run()).To(gomega.Succeed())
	})
	feed(t, ns, "CREATE TABLE people (email text PRIMARY KEY, nickname text);\n"+fill)
	feed(t, ns, grants(t)+"ALTER ROLE rempart_eraser PASSWORD 'one'; ALTER ROLE rempart_verifier PASSWORD 'two';")
	for role, password := range map[string]string{"eraser": "one", "verifier": "two"} {
		create(t, admin, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: role},
			StringData: map[string]string{"username": "rempart_" + role, "password": password},
		})
	}
	r := create(t, admin, register(ns, "theirs", v1alpha1.DataStore{
		Name: "theirs", Engine: v1alpha1.EnginePostgreSQL, Dataset: people(),
		External: &v1alpha1.ExternalStore{Country: "FR", Evidence: "hosting contract"},
		Connection: &v1alpha1.StoreConnection{
			Host: "own." + ns + ".svc", Port: 5432, Database: "app", TLS: v1alpha1.ConnectionTLS{Mode: v1alpha1.TLSDisable},
			EraserSecretRef: v1alpha1.SecretRef{Name: "eraser"}, VerifierSecretRef: v1alpha1.SecretRef{Name: "verifier"},
		},
	}))
	expectRegister(t, r, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRegisterReady)
	return r
}

func TestAStoreThatOthersRunIsErasedWithTheGrantsOfThePageAndNoMore(t *testing.T) {
	ns := namespace(t, nil)
	r := theirs(t, ns, "INSERT INTO people VALUES ('c@story.example', 'c'), ('d@story.example', 'd'), ('e@story.example', 'e');")
	expectRegister(t, r, v1alpha1.ConditionAccurate, metav1.ConditionTrue, v1alpha1.ReasonAccurate)

	create(t, admin, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "theirs"}, StringData: map[string]string{"email": "d@story.example"}})
	asked := request("theirs")
	asked.Namespace = ns
	create(t, admin, asked)
	awaitPlanned(t, asked)
	if err := approve(t, admin, asked); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, asked, string(v1alpha1.EndErased))
	if left := feed(t, ns, "SELECT string_agg(email, ' ' ORDER BY email) FROM people"); left != "c@story.example e@story.example" {
		t.Errorf("left in the store: %q", left)
	}
	if lines := feed(t, ns, "SELECT count(*) FROM rempart.ledger"); lines != "1" {
		t.Errorf("the ledger has %s lines, want 1", lines)
	}
}
