package e2e

import (
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/onsi/gomega"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/leak"
)

//go:embed chaos_rows.sql
var everyRow string

// row is a row of the store: whose it is, and what it is.
type row struct{ table, owner, sum string }

// rowsIn reads all rows of a database of the store's server, by table and key.
func rowsIn(t *testing.T, database string) map[string]row {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(output(t, "kubectl", "-n", demoNamespace, "exec", "conversations-crm-0", "-c", "postgres", "--",
		"psql", "-q", "-U", "postgres", "-d", database, "-c", everyRow))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]row, len(lines))
	for _, line := range lines {
		rows[line[0]+" "+line[1]] = row{line[0], line[2], line[3]}
	}
	return rows
}

// goes says of the tables in which every row of an erased person goes; in the others, but for invoices that the law keeps, it changes.
var goes = []string{"customers", "participants", "attachments", "contact_forms", "orders", "order_lines"}

func (c *chaos) checkErasures() {
	c.t.Helper()
	erased := map[string]*person{}
	lines := map[string]string{}
	for line := range strings.FieldsSeq(sql(c.t, "SELECT uid || '=' || count(*) FROM rempart.ledger, unnest(request_uids) AS uid GROUP BY uid")) {
		uid, n, _ := strings.Cut(line, "=")
		lines[uid] = n
	}
	for _, p := range c.people {
		want := "1"
		switch {
		case !p.ended():
			c.fault("%s (fate %d, decided %t) did not end; it says %s", p.request.Name, p.fate, p.decided, p.lastSaid)
			erased[strconv.Itoa(p.id)] = p // its rows are nobody's business here
			continue
		case p.fate == refused && p.request.Status.End == v1alpha1.EndRefused:
			want = ""
		case p.fate != refused && slices.Contains([]v1alpha1.ErasureEnd{v1alpha1.EndErased, v1alpha1.EndPartlyErased}, p.request.Status.End):
			erased[strconv.Itoa(p.id)] = p
		default:
			c.fault("%s (fate %d) ended %s", p.request.Name, p.fate, p.request.Status.End)
			continue
		}
		if lines[string(p.request.UID)] != want {
			c.fault("the ledger has %q lines for %s, want %q", lines[string(p.request.UID)], p.request.Name, want)
		}
	}
	c.checkRows(erased)
}

func (c *chaos) checkRows(erased map[string]*person) {
	c.t.Helper()
	before, after := rowsIn(c.t, "crm_backup"), rowsIn(c.t, "crm")
	wrong := map[string]int{}
	for key, was := range before {
		p, now := erased[was.owner], after[key]
		switch {
		case p == nil && now.sum != was.sum:
			wrong["of others in "+was.table+" changed"]++
		case p == nil || !p.ended():
		case slices.Contains(goes, was.table) && now.sum != "":
			wrong["of erased people in "+was.table+" are left"]++
		case was.table != "invoices" && now.sum == was.sum:
			wrong["of erased people in "+was.table+" are as they were"]++
		}
	}
	for key, now := range after {
		if before[key].sum == "" {
			wrong["in "+now.table+" are new"]++
		}
	}
	for what, n := range wrong {
		c.fault("%d rows %s", n, what)
	}
	fmt.Printf("compared %d rows with what they were: %d people erased\n", len(before), len(erased))
}

// evidence is the exported log.
type evidence struct{ folder, gdpr string }

// evidenceOf exports the log as it is now.
func evidenceOf(t *testing.T, c *chaos) evidence {
	t.Helper()
	e := evidence{t.TempDir(), filepath.Join(c.keep, "kubectl-gdpr")}
	if _, err := os.Stat(e.gdpr); err != nil {
		output(t, "go", "build", "-o", e.gdpr, "../../cmd/kubectl-gdpr")
	}
	output(t, e.gdpr, "evidence", "export", "--all-namespaces", "--to", e.folder)
	return e
}

// checkEvidence verifies each certificate against the log, which must continue the one of before, and have one leaf per end.
func (c *chaos) checkEvidence(before evidence) {
	c.t.Helper()
	now := evidenceOf(c.t, c)
	was, err := os.ReadFile(filepath.Join(before.folder, "leaves"))
	if err != nil {
		c.t.Fatal(err)
	}
	is, err := os.ReadFile(filepath.Join(now.folder, "leaves"))
	if err != nil {
		c.t.Fatal(err)
	}
	if !strings.HasPrefix(string(is), string(was)) {
		c.fault("the log of evidence does not begin as it did")
	}
	leaves := map[string]int{}
	for line := range strings.SplitSeq(strings.TrimSpace(string(is)), "\n") {
		if words := strings.Fields(line); len(words) > 1 {
			leaves[words[1]]++
		}
	}
	for _, p := range c.people {
		uid := string(p.request.UID)
		if p.ended() && leaves[uid] != 1 {
			c.fault("the log of evidence has %d leaves of %s, which ended %s", leaves[uid], p.request.Name, p.request.Status.End)
		}
		if !p.ended() || leaves[uid] == 0 {
			continue
		}
		certificate := filepath.Join(now.folder, "certificates", demoNamespace, uid+".json")
		if _, err := tried(c.t.Context(), now.gdpr, "verify", certificate, "--key", filepath.Join(now.folder, "key.pub"), "--log", now.folder,
			"--seen", filepath.Join(before.folder, "checkpoint")); err != nil {
			c.fault("the certificate of %s: %v", p.request.Name, err)
		}
	}
	fmt.Printf("%d leaves, %d before\n", strings.Count(string(is), "\n"), strings.Count(string(was), "\n"))
}

// checkConsents sees that each act that was acknowledged is in the ledger and its log, once, and each withdrawal too.
func (c *chaos) checkConsents(v *visitors) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), chaosEnd)
	defer cancel()
	withdrawn := 0
	for _, one := range c.visits {
		v.closed(ctx, one)
		if one.withdrawn {
			withdrawn++
		}
		if err := v.insist(ctx, 200, "GET", "/v1/sites/shop/log/proof/"+eventOf(c.t, one.receipt), nil, nil); err != nil {
			c.fault("the act of %s is not in the log: %v", one.account, err)
		}
	}
	given, taken := v.counts(ctx)
	for _, kind := range []struct {
		what, before, now string
		want              int
	}{{"acts", v.given, given, len(c.visits)}, {"withdrawals", v.taken, taken, withdrawn}} {
		from, _ := strconv.Atoi(kind.before)
		to, _ := strconv.Atoi(kind.now)
		if to-from != kind.want {
			c.fault("the ledger has %d %s more, %d were acknowledged", to-from, kind.what, kind.want)
		}
	}
	policy := &v1alpha1.ConsentPolicy{}
	policy.Namespace, policy.Name = demoNamespace, "chat"
	g := gomega.NewWithT(c.t)
	g.Eventually(func(g gomega.Gomega) {
		get(ctx, g, policy)
		for _, condition := range policy.Status.Conditions {
			if condition.Type == v1alpha1.ConditionVerified {
				g.Expect(string(condition.Status)).To(gomega.Equal("True"), condition.Message)
				g.Expect(condition.LastTransitionTime.Time).NotTo(gomega.BeZero())
			}
		}
	}).WithTimeout(patience).WithPolling(pace).Should(gomega.Succeed())
}

// checkNothingIsLeft sees that what runs and requests needed is gone.
func (c *chaos) checkNothingIsLeft() {
	c.t.Helper()
	left := func() (found []string) {
		for _, list := range []client.ObjectList{&batchv1.JobList{}, &corev1.PodList{}, &corev1.SecretList{}} {
			for _, o := range all(c.t, []client.ObjectList{list}, client.InNamespace(demoNamespace)) {
				own := o.GetLabels()[v1alpha1.LabelRun] != "" && o.GetLabels()[v1alpha1.LabelComponent] != "scan"
				if own || (o.GetKind() == "Secret" && strings.HasPrefix(o.GetName(), "chaos-")) {
					found = append(found, o.GetKind()+" "+o.GetName())
				}
			}
		}
		runs := &v1alpha1.ErasureRunList{}
		if err := admin.List(c.t.Context(), runs, client.InNamespace(demoNamespace)); err != nil {
			return append(found, err.Error())
		}
		for i := range runs.Items {
			if runs.Items[i].Status.EndedTime == nil {
				found = append(found, "ErasureRun "+runs.Items[i].Name)
			}
		}
		return found
	}
	for deadline := time.Now().Add(patience); len(left()) > 0 && time.Now().Before(deadline); pause(c.t.Context(), pace) {
	}
	for _, what := range left() {
		c.fault("%s is left", what)
	}
}

// panicked is how Go begins when it ends a program, and how the operator tells of one that it recovered.
var panicked = regexp.MustCompile(`(?m)^.*(panic: |Observed a panic|fatal error: |DATA RACE).*$`)

// checkLogs looks for panics in all logs of containers of Rempart, and for some of the people in everything.
func (c *chaos) checkLogs() {
	c.t.Helper()
	squeeze(c.t, clusterState())
	files, _ := filepath.Glob(filepath.Join(c.keep, "*.log"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		if found := panicked.Find(text); found != nil && !strings.Contains(file, "_postgres_") {
			c.fault("%s: %.300s", filepath.Base(file), found)
		}
	}
	var finders []leak.Finder
	for i, p := range c.people {
		if i%max(1, len(c.people)/10) == 0 { // a tenth of them at least: each is looked for in each file
			who := demoCustomer(p.id)
			finders = append(finders, leak.New(who.email), leak.New(who.phone))
		}
	}
	hits, seen, err := leak.Files(finders, filepath.Join(clusterState(), "logs"), filepath.Join(clusterState(), "etcd"))
	if err != nil || seen == 0 {
		c.fault("%d files were read: %v", seen, err)
	}
	for _, hit := range hits {
		c.fault("an identifier of a person stands in %s", hit)
	}
	fmt.Printf("%d logs of containers, %d files for %d identifiers\n", len(files), seen, len(finders))
}

// report is the short table of the end.
func (c *chaos) report(took time.Duration) {
	fates := map[fate]int{}
	for _, p := range c.people {
		fates[p.fate]++
	}
	withdrawn := 0
	for _, v := range c.visits {
		if v.withdrawn {
			withdrawn++
		}
	}
	fmt.Printf("\n%-28s %s, then %s to the end\n%-28s %d\n%-28s %s\n", "killed for", *chaosTime, (took - *chaosTime).Round(time.Second), "seed", *chaosSeed, "kills", c.killed())
	fmt.Printf("%-28s %d: %d approved, %d refused, %d held before, %d held after\n", "requests", len(c.people), fates[approved], fates[refused], fates[heldBefore], fates[heldAfter])
	fmt.Printf("%-28s %d, of which %d withdrawn\n%-28s %d\n%-28s %d\n\n", "acts of visitors", len(c.visits), withdrawn, "asked again", c.later, "faults", len(c.faults))
}
