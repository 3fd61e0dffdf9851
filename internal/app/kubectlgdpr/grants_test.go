package kubectlgdpr

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestThePageOnGrantsIsWhatIsPrinted compares the page for administrators with the command.
func TestThePageOnGrantsIsWhatIsPrinted(t *testing.T) {
	page, err := os.ReadFile("../../../docs/how-to/grants.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```sql\n")
	want, _, found := strings.Cut(rest, "```")
	code, out, complaint := newShell(t, interceptor.Funcs{}).run("grants", "-f", "testdata/register.yaml")
	if code != Answered || complaint != "" || !found {
		t.Fatalf("exit code %d, %s", code, complaint)
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("the page has other statements than the command prints: %s", diff)
	}
}

func TestGrantsOfARegisterOfTheCluster(t *testing.T) {
	crm, err := registerOfFile(World{}, "testdata/register.yaml")
	if err != nil {
		t.Fatal(err)
	}
	store := crm.Spec.Stores[0]
	managed, bare, other := store, store, store
	managed.Name, managed.Connection, managed.External, managed.Managed = "ours", nil, nil, &v1alpha1.ManagedStore{}
	bare.Name, bare.Dataset = "bare", nil
	other.Name = "other"
	other.Dataset = &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{{Schema: `b"x`, Name: "Notes", OnErasure: v1alpha1.EraseMaskColumns}, {Name: "people", OnErasure: v1alpha1.EraseDeleteRows}}}
	crm.Spec.Stores = append(crm.Spec.Stores, managed, bare)
	two := crm.DeepCopy()
	two.ObjectMeta = metav1.ObjectMeta{Namespace: "shop", Name: "two"}
	two.Spec.Stores = append(two.Spec.Stores, other)
	none := crm.DeepCopy()
	none.ObjectMeta, none.Spec.Stores = metav1.ObjectMeta{Namespace: "shop", Name: "none"}, nil
	s := newShell(t, interceptor.Funcs{}, crm, two, none)

	code, out, complaint := s.run("grants", "two", "--store", "other", "--eraser", "gone", "--verifier", "seen")
	if code != Answered {
		t.Fatalf("exit code %d, %s", code, complaint)
	}
	golden(t, "grants.sql", out)
	if code, out, _ := s.run("grants", "crm", "-n", "shop"); code != Answered || !strings.Contains(out, `"public"."customers"`) {
		t.Errorf("exit code %d, %s", code, out)
	}
	for line, want := range map[string]string{
		"grants":                                        "name one DataRegister of the cluster, or a file",
		"grants crm -f testdata/register.yaml":          "name one DataRegister of the cluster, or a file",
		"grants -f kubectlgdpr.go":                      "no object in YAML or JSON",
		"grants crm two":                                "and not both",
		"grants nothing":                                `dataregister "nothing" does not exist in namespace "shop"`,
		"grants two":                                    "name one by --store: theirs, other",
		"grants two --store ours":                       `store "ours" is managed`,
		"grants two --store bare":                       `store "bare" has no dataset`,
		"grants two --store lost":                       `register "two" has no store "lost"`,
		"grants none":                                   "has no store to prepare",
		"grants crm --eraser Eraser":                    "a role's name has at most 63 lower-case letters",
		"grants crm --eraser rempart_verifier":          "who erases does not verify",
		"grants -f testdata/plan.json":                  "has no DataRegister of gdpr.rempart.dev/v1alpha1",
		"grants -f testdata/no-such-file":               "no such file",
		"grants -f testdata/register.yaml --store ours": `has no store "ours"`,
	} {
		if code, out, complaint := s.run(strings.Fields(line)...); code != Refused || out != "" || !strings.Contains(complaint, want) {
			t.Errorf("%s: exit code %d, %s%s, want %q", line, code, out, complaint, want)
		}
	}
}

func TestARegisterIsReadFromStandardInput(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "register.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s := newShell(t, interceptor.Funcs{})
	for typed, want := range map[string]string{
		string(text): `GRANT SELECT, UPDATE, DELETE ON "public"."customers" TO "rempart_eraser";`,
		strings.ReplaceAll(string(text), "onErasure", "onErase"):             "unknown field",
		string(text) + "\n---\n" + strings.SplitN(string(text), "---", 2)[1]: "several DataRegisters",
		"kind: [": "reading -",
	} {
		s.typed = typed
		if _, out, complaint := s.run("grants", "-f", "-"); !strings.Contains(out+complaint, want) {
			t.Errorf("%s%s, want %q", out, complaint, want)
		}
	}
}
