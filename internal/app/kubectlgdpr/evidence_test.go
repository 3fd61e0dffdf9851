package kubectlgdpr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// archive is a cluster in which requests have ended.
type archive struct {
	t      *testing.T
	client client.Client
	key    evidence.Key
	stored []tlog.Hash
	size   int64
}

func (a *archive) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, a.stored[index])
	}
	return found, nil
}

// newArchive is a cluster with a key and requests of two namespaces in turn.
func newArchive(t *testing.T, requests int) *archive {
	t.Helper()
	key, err := evidence.NewKey(bytes.Repeat([]byte{7}, evidence.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	a := &archive{t: t, client: fake.NewClientBuilder().WithScheme(Scheme()).Build(), key: key}
	a.create("rempart-system", evidence.PublicKeyName, "", map[string]string{evidence.PublicKeyFile: key.Public().String() + "\n"})
	for i := range requests {
		a.end([]string{"shop", "forum"}[i%2])
	}
	a.head()
	return a
}

func (a *archive) create(namespace, name, kind string, data map[string]string) {
	a.t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{evidence.Label: kind}}, Data: data}
	if err := a.client.Create(a.t.Context(), object); err != nil {
		a.t.Fatal(err)
	}
}

// end certifies one more request.
func (a *archive) end(namespace string) {
	a.t.Helper()
	request := &v1alpha1.ErasureRequest{}
	request.UID = types.UID(fmt.Sprintf("uid-%d", a.size))
	request.Status.End, request.Status.EndedTime = v1alpha1.EndPartlyErased, ptr.To(metav1.NewTime(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)))
	request.Status.Targets = []v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetPartlyKept, RowsKept: ptr.To[int64](2),
		Kept: []v1alpha1.KeptRows{{Table: "public.invoices\x1b[2J", Rows: ptr.To[int64](2), Article: "17(3)(b)", UntilOn: "2036-12-31"}}}}
	statement, err := evidence.Of(request)
	if err != nil {
		a.t.Fatal(err)
	}
	a.log(namespace, evidence.CertificateName(string(request.UID)), statement)
}

// log certifies a statement.
func (a *archive) log(namespace, name string, statement evidence.Stated) {
	a.t.Helper()
	file, err := evidence.Issue(statement, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := evidence.Open(file, a.key.Public())
	if err != nil {
		a.t.Fatal(err)
	}
	a.create(namespace, name, evidence.LabelCertificate, map[string]string{evidence.CertificateFile: string(file)})
	a.append(certificate.Leaf())
}

// append puts a leaf at the end of the log.
func (a *archive) append(leaf evidence.Leaf) {
	a.t.Helper()
	grown, err := evidence.Grow(a.size, leaf, a)
	if err != nil {
		a.t.Fatal(err)
	}
	entry := evidence.Entry{Index: a.size, Leaf: leaf, Hashes: grown}
	if again, err := evidence.ParseEntry(a.size, entry.Data()); err != nil || again.Leaf != entry.Leaf {
		a.t.Fatalf("%+v, %v", again, err)
	}
	a.create("rempart-system", evidence.EntryName(a.size), evidence.LabelLeaf, entry.Data())
	a.stored, a.size = append(a.stored, grown...), a.size+1
}

// head signs the log as it is.
func (a *archive) head() {
	a.t.Helper()
	checkpoint, err := evidence.CheckpointOf(a.size, a)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := checkpoint.Sign(a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "rempart-system", Name: evidence.HeadName}}
	if err := client.IgnoreNotFound(a.client.Delete(a.t.Context(), object)); err != nil {
		a.t.Fatal(err)
	}
	a.create("rempart-system", evidence.HeadName, "", map[string]string{evidence.CheckpointFile: string(signed)})
}

// remove takes a leaf away.
func (a *archive) remove(index int64) {
	a.t.Helper()
	if err := a.client.Delete(a.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "rempart-system", Name: evidence.EntryName(index)}}); err != nil {
		a.t.Fatal(err)
	}
}

// ask runs the plug-in against the cluster, with text on its standard input.
func (a *archive) ask(in string, line ...string) (code int, out, complaint string) {
	a.t.Helper()
	var stdout, stderr bytes.Buffer
	code = Main(a.t.Context(), line, World{In: strings.NewReader(in), Out: &stdout, Err: &stderr,
		Connect: func(target Target) (Cluster, error) { return Cluster{a.client, target.Namespace}, nil }})
	return code, stdout.String(), stderr.String()
}

// exported is a folder with what export writes of all namespaces.
func (a *archive) exported(folder string) string {
	a.t.Helper()
	if code, out, complaint := a.ask("", "evidence", "export", "-A", "--to", folder); code != Answered {
		a.t.Fatalf("%s%s", out, complaint)
	}
	return folder
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatIsExportedIsVerified(t *testing.T) {
	a := newArchive(t, 5)
	folder := a.exported(t.TempDir())
	key, file := filepath.Join(folder, "key.pub"), filepath.Join(folder, "certificates/shop/uid-2.json")
	for _, log := range []string{folder, filepath.Join(folder, "certificates/shop/uid-2.tlog-proof")} {
		code, out, complaint := a.ask(read(t, file), "verify", "-", "--key", key, "--log", log, "--seen", filepath.Join(folder, "checkpoint"))
		for _, want := range []string{"good: signed by gdpr.rempart.dev/evidence+", "uid-2", "PartlyErased at 2026-11-24T08:00:00Z", "leaf 2 of 5; the log continues 1 checkpoint",
			"2 rows by Article 17(3)(b), until 2036-12-31"} {
			if code != Answered || !strings.Contains(out, want) {
				t.Errorf("%s: exit code %d, %s%s, want %q", log, code, out, complaint, want)
			}
		}
		if strings.Contains(out, "\x1b") {
			t.Error("signed text steers the terminal")
		}
	}
	_, out, _ := a.ask("", "verify", file, "--key", key, "-o", "json")
	answer := struct {
		Statement evidence.Statement
		Log       *place
	}{}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Statement.Predicate.RequestUID != "uid-2" || answer.Log != nil {
		t.Errorf("%s, %v", out, err)
	}
	if _, out, _ = a.ask("", "verify", file, "--key", key); !strings.Contains(out, "not checked") {
		t.Error(out)
	}
}

// TestAReplayIsExportedAndVerifiedAsRequestsAre: what was run again after a restore is in the log, and says what and why.
func TestAReplayIsExportedAndVerifiedAsRequestsAre(t *testing.T) {
	a := newArchive(t, 2)
	at := ptr.To(metav1.NewTime(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)))
	run := &v1alpha1.ErasureRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "main-replay-x", UID: "run-1"}}
	run.Spec = v1alpha1.ErasureRunSpec{RegisterRef: v1alpha1.LocalRef{Name: "crm"}, Store: "main", Mode: v1alpha1.RunReplay,
		Restore: &v1alpha1.RunRestore{Kind: v1alpha1.RestoreOtherTimeline, SeenTime: at, FromTime: at, ToTime: at}}
	run.Status.EndedTime, run.Status.VerifiedTime = at, at
	run.Status.Tables = []v1alpha1.RunTable{{Table: "public.orders", Action: v1alpha1.EraseDeleteRows}}
	run.Status.Outcomes = []v1alpha1.RunOutcome{{UID: "uid-0", Result: v1alpha1.TargetErased, Rows: []int64{5}}, {UID: "uid-1", Result: v1alpha1.TargetPending, Reason: "OnLegalHold"}}
	statement, err := evidence.OfReplay(run)
	if err != nil {
		t.Fatal(err)
	}
	a.log("shop", evidence.ReplayName("run-1"), statement)
	a.head()
	folder := a.exported(t.TempDir())
	file := filepath.Join(folder, "certificates/shop/run-1.json")
	for _, log := range []string{folder, filepath.Join(folder, "certificates/shop/run-1.tlog-proof")} {
		code, out, complaint := a.ask("", "verify", file, "--key", filepath.Join(folder, "key.pub"), "--log", log)
		for _, want := range []string{"crm/main OtherTimeline, seen at 2026-11-24T08:00:00Z", "2 requests: 5 rows deleted", "uid-0 Erased", "uid-1 Pending OnLegalHold", "leaf 2 of 3"} {
			if code != Answered || !strings.Contains(out, want) {
				t.Errorf("%d: %s%s, want %q", code, out, complaint, want)
			}
		}
	}
	if _, out, _ := a.ask("", "verify", file, "--key", filepath.Join(folder, "key.pub"), "-o", "json"); !strings.Contains(out, `"restore": "OtherTimeline"`) {
		t.Error(out)
	}
	if code, _, _ := a.ask(strings.Replace(read(t, file), "eyJ", "eyK", 1), "verify", "-", "--key", filepath.Join(folder, "key.pub")); code == Answered {
		t.Error("a replay that was edited is good")
	}
}

// rotate replaces the key.
func (a *archive) rotate() {
	a.t.Helper()
	next, err := evidence.NewKey(bytes.Repeat([]byte{8}, evidence.SeedSize))
	if err != nil {
		a.t.Fatal(err)
	}
	a.append(evidence.Rotate(a.key, next))
	object := &corev1.ConfigMap{}
	if err := a.client.Get(a.t.Context(), client.ObjectKey{Namespace: "rempart-system", Name: evidence.PublicKeyName}, object); err != nil {
		a.t.Fatal(err)
	}
	object.Data[evidence.PublicKeyFile] += next.Public().String() + "\n"
	if err := a.client.Update(a.t.Context(), object); err != nil {
		a.t.Fatal(err)
	}
	a.key = next
}

// TestCertificatesHoldAcrossARotation: with the log the old key alone, the new one alone or the published list is enough; without it
// each key vouches for what it signed itself. A folder of before is continued.
func TestCertificatesHoldAcrossARotation(t *testing.T) {
	a := newArchive(t, 2)
	folder := a.exported(t.TempDir())
	old, seen := filepath.Join(t.TempDir(), "old.pub"), filepath.Join(t.TempDir(), "seen")
	for name, text := range map[string]string{old: read(t, folder, "key.pub"), seen: read(t, folder, "checkpoint")} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.rotate()
	a.end("shop")
	a.head()
	a.exported(folder)
	all := filepath.Join(folder, "key.pub")
	lines := strings.SplitAfter(read(t, all), "\n")
	newest := filepath.Join(t.TempDir(), "new.pub")
	if err := os.WriteFile(newest, []byte(lines[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	before, after := filepath.Join(folder, "certificates/shop/uid-0.json"), filepath.Join(folder, "certificates/shop/uid-3.json")
	for _, c := range []struct{ line, want string }{
		{"verify " + before + " --key " + old + " --log " + folder + " --seen " + seen, "leaf 0 of 4; the log continues 1"},
		{"verify " + before + " --key " + newest + " --log " + folder + " --seen " + seen, "that key was replaced since"},
		{"verify " + before + " --key " + all + " --log " + folder, "leaf 0 of 4"},
		{"verify " + after + " --key " + old + " --log " + folder, "leaf 3 of 4"},
		{"verify " + after + " --key " + newest, "not checked"},
		{"verify " + before + " --key " + all, "only that shows that it was signed before"},
		{"verify " + before + " --key " + old, "unchanged"},
		{"verify " + before + " --key " + newest, ""},
		{"verify " + after + " --key " + old, ""},
		{"verify " + before + " --key " + newest + " --log " + filepath.Join(folder, "certificates/shop/uid-0.tlog-proof"), ""},
	} {
		code, out, complaint := a.ask("", strings.Fields(c.line)...)
		if (code == Answered) != (c.want != "") || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d, %s%s, want %q", c.line, code, out, complaint, c.want)
		}
	}
	if _, out, _ := a.ask("", strings.Fields("verify "+before+" --key "+newest+" --log "+folder+" -o json")...); !strings.Contains(out, `"replacedBy": "gdpr.rempart.dev/evidence+`) {
		t.Error(out)
	}
}

func TestACertificateThatDoesNotHoldIsRefused(t *testing.T) {
	a := newArchive(t, 3)
	folder := a.exported(t.TempDir())
	key, file := filepath.Join(folder, "key.pub"), filepath.Join(folder, "certificates/shop/uid-2.json")
	good := read(t, file)
	older := newArchive(t, 2)
	olderFolder := older.exported(t.TempDir())
	for _, c := range []struct{ in, line, want string }{
		{strings.Replace(good, "eyJ", "eyK", 1), "verify - --key " + key, "changed after it was signed"},
		{strings.TrimSpace(good), "verify - --key " + key, "not in the form"},
		{"", "verify - --key " + key, "not in the form"},
		{good, "verify - --key " + file, "not a key"},
		{good, "verify -", "--key"},
		{good, "verify - --key " + key + " --seen x", "--log"},
		{good, "verify - --key " + key + " --log " + filepath.Join(folder, "nothing"), "reading the log"},
		{good, "verify - --key " + key + " --log " + olderFolder, "not in the log"},
		{good, "verify - --key " + key + " --log " + filepath.Join(folder, "certificates/forum/uid-1.tlog-proof"), "not in the log"},
		{read(t, olderFolder, "certificates/forum/uid-1.json"), "verify - --key " + key + " --log " + olderFolder + " --seen " + filepath.Join(folder, "checkpoint"), "an older copy was put back"},
		{good, "verify - --key " + key + " --log " + filepath.Join(folder, "certificates/shop/uid-2.tlog-proof") + " --seen " + filepath.Join(olderFolder, "checkpoint"), "the whole log does"},
		{read(t, folder, "certificates/forum/uid-1.json"), "verify - --key " + key + " --log " + folder + " --seen " + file, "changed after it was signed"},
		{good, "verify nothing --key " + key, "no such file"},
	} {
		code, out, complaint := a.ask(c.in, strings.Fields(c.line)...)
		if code != Refused || out != "" || !strings.Contains(complaint, c.want) {
			t.Errorf("%s: exit code %d, %s%s, want %q", c.line, code, out, complaint, c.want)
		}
	}
}

func TestAnExportOfANamespaceHasItsCertificatesAndTheWholeLog(t *testing.T) {
	a := newArchive(t, 5)
	folder := t.TempDir()
	if code, out, complaint := a.ask("", "evidence", "export", "-n", "forum", "--to", folder); code != Answered || !strings.Contains(out, "5 leaves and 2 certificates") {
		t.Errorf("%s%s", out, complaint)
	}
	if _, err := os.Stat(filepath.Join(folder, "certificates/shop")); err == nil {
		t.Error("certificates of another namespace were written")
	}
}

// TestAnExportFindsALogThatWasTamperedWith: and it does not replace an earlier export by what is wrong.
func TestAnExportFindsALogThatWasTamperedWith(t *testing.T) {
	a := newArchive(t, 5)
	kept := a.exported(t.TempDir())
	a.end("shop")
	a.head()
	a.exported(kept)
	before := read(t, kept, "checkpoint")

	shorter := newArchive(t, 5)
	if code, _, complaint := shorter.ask("", "evidence", "export", "-A", "--to", kept); code != Refused || !strings.Contains(complaint, "an older copy was put back") {
		t.Error(complaint)
	}
	a.remove(3)
	if code, _, complaint := a.ask("", "evidence", "export", "-A", "--to", kept); code != Refused || !strings.Contains(complaint, "nothing was written") {
		t.Error(complaint)
	}
	if read(t, kept, "checkpoint") != before {
		t.Error("the earlier export was replaced")
	}
	fresh := t.TempDir()
	if code, _, complaint := a.ask("", "evidence", "export", "-A", "--to", fresh); code != Refused || !strings.Contains(complaint, "leaves are missing") || read(t, fresh, "leaves") == "" {
		t.Error(complaint)
	}
}

func TestACertificateThatWasNeverLoggedIsNotExported(t *testing.T) {
	a := newArchive(t, 2)
	other := newArchive(t, 3)
	stray := &corev1.ConfigMap{}
	if err := other.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: evidence.CertificateName("uid-2")}, stray); err != nil {
		t.Fatal(err)
	}
	a.create("shop", stray.Name, evidence.LabelCertificate, stray.Data)
	a.create("shop", "junk", evidence.LabelCertificate, map[string]string{evidence.CertificateFile: "{}"})
	code, out, complaint := a.ask("", "evidence", "export", "-A", "--to", t.TempDir())
	if code != Refused || !strings.Contains(complaint, "shop/"+stray.Name+" was not written: the certificate is not in the log") ||
		!strings.Contains(complaint, "shop/junk was not written") || !strings.Contains(out, "2 certificates") {
		t.Errorf("%s%s", out, complaint)
	}
	if code, _, complaint = a.ask("", "evidence", "export"); code != Refused || !strings.Contains(complaint, "--to") {
		t.Error(complaint)
	}
	if code, _, complaint = a.ask("", "evidence", "export", "--to", t.TempDir(), "--operator-namespace", "elsewhere"); code != Refused || !strings.Contains(complaint, "--operator-namespace") {
		t.Error(complaint)
	}
}
