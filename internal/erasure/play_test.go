package erasure_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

var update = flag.Bool("update", false, "rewrite what the plays tell")

// TestPlays plays testdata/*.play. A line that starts with "> " is an act; the lines below it tell what became of each
// request once every controller is at rest. Lines that start with # are for the reader.
func TestPlays(t *testing.T) {
	files, err := filepath.Glob("testdata/*.play")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plays: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".play"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			told := play(t, string(script))
			if *update {
				if err := os.WriteFile(file, []byte(told), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(script), told); diff != "" {
				t.Errorf("the play tells another story (-want +got):\n%s", diff)
			}
		})
	}
}

func play(t *testing.T, script string) string {
	t.Helper()
	w := newWorld()
	var told strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
			fmt.Fprintln(&told, line)
		case strings.HasPrefix(line, "> "):
			fmt.Fprintln(&told, line)
			w.act(t, strings.Fields(line[2:]))
			w.settle()
			w.tell(&told)
		}
	}
	return told.String()
}

// act does what one line says.
func (w *world) act(t *testing.T, words []string) {
	t.Helper()
	switch words[0] {
	case "officer":
		w.officer = &v1alpha1.DataProtectionOfficer{Spec: v1alpha1.DataProtectionOfficerSpec{TimeZone: words[1], LawProfile: "eu-gdpr-2016",
			Organisation: v1alpha1.Organisation{Country: v1alpha1.Country(words[2])}}}
	case "register":
		w.registers = append(w.registers, w.register(words[1], words[2:]))
	case "unregister":
		w.registers = slices.DeleteFunc(w.registers, func(r v1alpha1.DataRegister) bool { return r.Name == words[1] })
	case "post":
		w.post(words[1:])
	case "reach":
		w.reach(words[1:])
	case "consents":
		w.policies = append(w.policies, v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: words[1]},
			Spec: v1alpha1.ConsentPolicySpec{RegisterRef: v1alpha1.LocalRef{Name: v1alpha1.ObjectName(words[2])}, Ledger: v1alpha1.ConsentLedger{ProofRetention: "P5Y"}}})
	case "serves":
		for i := range w.policies {
			if w.policies[i].Name == words[1] {
				w.policies[i].Status.Notice = &v1alpha1.NoticeStatus{}
			}
		}
	case "finds":
		w.registers[0].Spec.Stores[0].Dataset.Tables[0].SubjectKeys = []v1alpha1.SubjectKey{{Column: "who", Identifier: v1alpha1.IdentifierKind(words[1])}}
	case "secret":
		w.secrets[words[1]] = w.secret(words[1], words[2:])
	case "lose":
		delete(w.secrets, words[1])
	case "request":
		w.requests = append(w.requests, w.request(t, words[1:]))
	case "approve", "refuse", "told", "extend", "defer", "ask", "answer", "delete":
		w.decide(t, words)
	case "hold":
		w.holds = append(w.holds, w.hold(words[1:]))
	case "release", "forget":
		w.lift(words[0], words[1])
	case "jobs":
		w.work(words[1])
	case "store":
		w.store(words[1:])
	case "at":
		w.now = instant(t, words[1])
	default:
		t.Fatalf("no such act: %v", words)
	}
}

func (w *world) register(name string, recipients []string) v1alpha1.DataRegister {
	activity := v1alpha1.ProcessingActivity{Name: "sales"}
	for _, r := range recipients {
		who, how, _ := strings.Cut(r, "=")
		activity.Recipients = append(activity.Recipients, recipient(who, how))
	}
	store := v1alpha1.DataStore{Name: "main", Engine: v1alpha1.EnginePostgreSQL, Managed: &v1alpha1.ManagedStore{},
		Backups: &v1alpha1.StoreBackups{Kind: v1alpha1.BackupDeclared, Retention: "P30D"},
		Dataset: &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{
			{Schema: "public", Name: "orders", OnErasure: v1alpha1.EraseDeleteRows},
			{Schema: "public", Name: "invoices", OnErasure: v1alpha1.EraseKeep, Keep: &v1alpha1.KeepRule{
				Article: "17(3)(b)", LegalReference: "Code de commerce, article L123-22", Period: "P10Y", FromColumn: "issued_on"}},
		}}}
	return v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: w.uid("register")},
		Spec: v1alpha1.DataRegisterSpec{Activities: []v1alpha1.ProcessingActivity{activity}, Stores: []v1alpha1.DataStore{store}}}
}

// recipient is told through the channel named, or not told because:OF-A-REASON, or neither.
func recipient(who, how string) v1alpha1.Recipient {
	r := v1alpha1.Recipient{Name: v1alpha1.PartName(who), Kind: v1alpha1.RecipientProcessor}
	if reason, ok := strings.CutPrefix(how, "because:"); ok {
		r.UntoldReason = reason
	} else {
		r.ContactChannel = v1alpha1.ObjectName(how)
	}
	return r
}

// reach RECIPIENT [HOW]
func (w *world) reach(words []string) {
	for i, r := range w.registers[0].Spec.Activities[0].Recipients {
		if string(r.Name) == words[0] {
			w.registers[0].Spec.Activities[0].Recipients[i] = recipient(words[0], strings.Join(words[1:], ""))
		}
	}
}

// post waits | delivers
func (w *world) post(words []string) {
	w.undelivered = words[0] == "waits"
	for _, message := range w.messages {
		if !w.undelivered && message.Status.DeliveredTime == nil {
			message.Status.DeliveredTime = ptr.To(metav1.NewTime(w.now))
		}
	}
}

func (w *world) secret(name string, pairs []string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, UID: w.uid("secret")}, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{}}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		s.Data[key] = []byte(value)
	}
	return s
}

// request NAME SECRET RECEIVED [execution] [id]
func (w *world) request(t *testing.T, words []string) v1alpha1.ErasureRequest {
	t.Helper()
	r := v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: words[0], UID: w.uid("request"), CreationTimestamp: metav1.NewTime(w.now)}}
	r.Spec.RequestID, r.Spec.Execution = words[0], v1alpha1.ExecutionAfterApproval
	r.Spec.Subject.SecretRef.Name = v1alpha1.ObjectName(words[1])
	r.Spec.ReceivedTime = ptr.To(metav1.NewTime(instant(t, words[2])))
	for _, word := range words[3:] {
		if id, ok := strings.CutPrefix(word, "id="); ok {
			r.Spec.RequestID = id
		} else if name, ok := strings.CutPrefix(word, "register="); ok {
			r.Spec.Registers = v1alpha1.RegisterChoice{Mode: v1alpha1.RegistersNamed, Names: []v1alpha1.ObjectName{v1alpha1.ObjectName(name)}}
		} else {
			r.Spec.Execution = v1alpha1.ErasureExecution(word)
		}
	}
	return r
}

func (w *world) decide(t *testing.T, words []string) {
	t.Helper()
	for i := range w.requests {
		r := &w.requests[i]
		if r.Name != words[1] {
			continue
		}
		switch words[0] {
		case "approve":
			r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
		case "refuse":
			r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalReason(words[2]),
				Stamp: &v1alpha1.DecisionStamp{By: "dpo", Time: ptr.To(metav1.NewTime(w.now))}}
		case "told":
			if at := ptr.To(metav1.NewTime(instant(t, words[2]))); erasure.Answers(r.Status.End) {
				r.Spec.AnswerNotice = &v1alpha1.ErasureAnswerNotice{SentTime: at}
			} else {
				r.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: at}
			}
		case "extend":
			r.Spec.Extension = &v1alpha1.ErasureExtension{Reason: "many stores", NoticeSentTime: ptr.To(metav1.NewTime(instant(t, words[2])))}
		case "defer":
			r.Spec.Deferral = &v1alpha1.ErasureDeferral{NoticeSentTime: ptr.To(metav1.NewTime(instant(t, words[2])))}
		case "ask":
			r.Spec.IdentityCheck = &v1alpha1.IdentityCheck{AskedTime: ptr.To(metav1.NewTime(instant(t, words[2])))}
		case "answer":
			r.Spec.IdentityCheck.AnsweredTime = ptr.To(metav1.NewTime(instant(t, words[2])))
		case "delete":
			r.DeletionTimestamp = ptr.To(metav1.NewTime(w.now))
		}
	}
}

// store STEP fails REASON | STEP works | deletes N keeps M | changes LETTER
func (w *world) store(words []string) {
	switch {
	case words[0] == "deletes":
		fmt.Sscan(words[1]+" "+words[3], &w.rows[0], &w.rows[1])
	case words[0] == "changes":
		w.digest = digestOf(words[1])
	case words[1] == "works":
		delete(w.fails, task.Step(words[0]))
	default:
		w.fails[task.Step(words[0])] = task.Reason(words[2])
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// tell writes what has become of every request since it was last told.
func (w *world) tell(out *strings.Builder) {
	for i := range w.requests {
		if text := describe(&w.requests[i]); text != w.told[w.requests[i].Name] {
			w.told[w.requests[i].Name] = text
			out.WriteString(text)
		}
	}
	for i := range w.holds {
		text := fmt.Sprintf("  hold %s:", w.holds[i].Name)
		for _, c := range w.holds[i].Status.Conditions {
			text += fmt.Sprintf(" %s=%s/%s", c.Type, c.Status, c.Reason)
		}
		if text += "\n"; text != w.told["hold "+w.holds[i].Name] {
			w.told["hold "+w.holds[i].Name] = text
			out.WriteString(text)
		}
	}
	if text := fmt.Sprintf("  stores erased %d times, %d subject Secrets\n", w.erased, len(w.secrets)); text != w.told[""] {
		w.told[""] = text
		out.WriteString(text)
	}
}

func describe(r *v1alpha1.ErasureRequest) string {
	var out strings.Builder
	fmt.Fprintf(&out, "  %s:", r.Name)
	for _, c := range r.Status.Conditions {
		if c.Status == metav1.ConditionTrue || c.Type == "Ready" {
			fmt.Fprintf(&out, " %s=%s/%s", c.Type, c.Status, c.Reason)
		}
	}
	fmt.Fprintln(&out)
	if d := r.Status.DueTime; d != nil && erasure.Open(r) {
		fmt.Fprintf(&out, "    due %s, limit %s\n", d.UTC().Format(time.RFC3339), r.Status.LegalDueTime.UTC().Format(time.RFC3339))
	}
	for _, m := range r.Status.DueHistory {
		fmt.Fprintf(&out, "    %s: was due %s, limit %s\n", m.Reason, m.DueTime.UTC().Format(time.RFC3339), m.LegalDueTime.UTC().Format(time.RFC3339))
	}
	for _, target := range r.Status.Targets {
		kind := ""
		if target.Kind == v1alpha1.TargetConsentLedger {
			kind = "consents of "
		}
		fmt.Fprintf(&out, "    %s%s/%s %s", kind, target.Register, target.Store, target.Result)
		if target.Reason != "" {
			fmt.Fprintf(&out, " %s", target.Reason)
		}
		if target.RowsDeleted != nil {
			fmt.Fprintf(&out, " deleted %d kept %d", *target.RowsDeleted, *target.RowsKept)
		}
		for _, k := range target.Kept {
			fmt.Fprintf(&out, "; %s %s until %s%s", k.Table, k.Article, k.UntilOn, strings.TrimRight(" "+string(k.HoldRef), " "))
		}
		if len(target.HeldBy) > 0 {
			fmt.Fprintf(&out, "; held by %s", target.HeldBy)
		}
		fmt.Fprintln(&out)
	}
	for _, h := range r.Status.Holds {
		fmt.Fprintf(&out, "    hold %s %s until %s", h.Name, h.Article, h.UntilOn)
		if h.EndedTime != nil {
			fmt.Fprintf(&out, ", over %s", h.EndedTime.UTC().Format(time.RFC3339))
		}
		fmt.Fprintln(&out)
	}
	for _, p := range r.Status.Recipients {
		fmt.Fprintf(&out, "    recipient %s %s%s\n", p.Name, p.Result, strings.TrimRight(" "+p.Reason, " "))
	}
	if b := r.Status.BackupsClearTime; b != nil {
		fmt.Fprintf(&out, "    backups clear %s\n", b.UTC().Format(time.RFC3339))
	}
	return out.String()
}
