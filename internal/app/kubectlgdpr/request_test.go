package kubectlgdpr

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// digestOf is a digest of one character.
func digestOf(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func at(hour int) *metav1.Time {
	return ptr.To(metav1.NewTime(time.Date(2026, 11, 24, hour, 0, 0, 0, time.UTC)))
}

// stands sets Ready of a request, and what stands beside it, as the operator does.
func stands(r *v1alpha1.ErasureRequest, status metav1.ConditionStatus, reason, message string, conditions ...metav1.Condition) *v1alpha1.ErasureRequest {
	r.Status.ObservedGeneration = ptr.To(r.Generation)
	for _, c := range append(conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}) {
		meta.SetStatusCondition(&r.Status.Conditions, c)
	}
	return r
}

func requested(name string) *v1alpha1.ErasureRequest {
	return &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Generation: 1},
		Spec:   v1alpha1.ErasureRequestSpec{RequestID: name, ReceivedTime: at(1), Execution: v1alpha1.ExecutionAfterApproval},
		Status: v1alpha1.ErasureRequestStatus{DueTime: at(23), LegalDueTime: at(24)}}
}

// withPlan is a request whose plan waits for approval.
func withPlan(name string) *v1alpha1.ErasureRequest {
	r := requested(name)
	r.Status.PlanDigest = digestOf("a")
	r.Status.Targets = []v1alpha1.ErasureTarget{
		{Register: "crm", Store: "main", Result: v1alpha1.TargetPlanned, PlanDigest: digestOf("b"),
			Message: "Found outside of the dataset: public.mail_log; declare it",
			Tables: []v1alpha1.TableCount{
				{Table: "public.customers", Action: v1alpha1.EraseDeleteRows, Rows: ptr.To[int64](1)},
				{Table: "public.invoices", Action: v1alpha1.EraseDeleteRows, Rows: ptr.To[int64](2)},
				{Table: "public.invoices", Action: v1alpha1.EraseKeep, Rows: ptr.To[int64](3)},
				{Table: "public.messages", Action: v1alpha1.EraseMaskColumns, Rows: ptr.To[int64](1200)},
			},
			Kept: []v1alpha1.KeptRows{{Table: "public.invoices", Rows: ptr.To[int64](3), Article: "17(3)(b)", LegalReference: "Code de commerce, L123-22", UntilOn: "2034-12-31"}}},
		{Register: "crm", Store: "archive", Result: v1alpha1.TargetPlanned, PlanDigest: digestOf("c")},
	}
	return stands(r, metav1.ConditionFalse, v1alpha1.ReasonAwaitingApproval, "The plan waits for a decision",
		metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, Message: "The subject is known and the clock is set"},
		metav1.Condition{Type: v1alpha1.ConditionPlanned, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPlanned, Message: "The plan of 2 stores has 3 rows to delete"},
		metav1.Condition{Type: v1alpha1.ConditionApproved, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAwaitingApproval, Message: "The plan waits for a decision"})
}

// everyStand has a request in each state.
func everyStand() []client.Object {
	no := metav1.ConditionFalse
	stalled := metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: "x"}
	early := requested("b-overdue")
	early.Status.DueTime, early.Status.LegalDueTime = at(8), at(23)
	over := requested("a-over")
	over.Status.End, over.Status.EndedTime = v1alpha1.EndErased, at(4)
	forgetting := requested("h-forgetting")
	forgetting.Status.End = v1alpha1.EndErased
	question := requested("d-question")
	question.Status.DueTime, question.Status.LegalDueTime = nil, nil
	decided := withPlan("c-decided")
	decided.Generation = 2
	decided.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
	elsewhere := withPlan("web-1")
	elsewhere.Namespace = "lab"
	return []client.Object{
		stands(over, metav1.ConditionTrue, string(v1alpha1.EndErased), "The person was erased"),
		stands(forgetting, no, v1alpha1.ReasonForgetting, "The subject Secret is being deleted"),
		stands(early, no, v1alpha1.ReasonExecuting, "1 of 2 stores wait for their erasure"),
		stands(question, no, v1alpha1.ReasonAwaitingIdentity, "A question to the person is open"),
		stands(requested("e-missing"), no, v1alpha1.ReasonSubjectMissing, "The subject Secret does not exist"),
		stands(requested("f-changed"), no, v1alpha1.ReasonPlanChanged, "The plan is no longer the one that was approved", stalled),
		decided, withPlan("g-planned"), requested("i-new"), elsewhere,
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

func TestAnswersAboutRequests(t *testing.T) {
	for file, line := range map[string]string{
		"plan.txt":       "plan g-planned",
		"plan.json":      "plan g-planned -o json",
		"plan-none.txt":  "plan i-new -o table",
		"status.txt":     "status",
		"status-all.txt": "status -A -o table",
		"status.json":    "status --all-namespaces -o json",
		"status-one.txt": "status g-planned",
		"status-end.txt": "status a-over",
		"status-new.txt": "status i-new",
	} {
		code, out, complaint := newShell(t, interceptor.Funcs{}, everyStand()...).run(strings.Fields(line)...)
		if code != Answered || complaint != "" {
			t.Errorf("%s: exit code %d, %s", line, code, complaint)
		}
		golden(t, file, out)
	}
}

func TestNoRequestIsAnAnswer(t *testing.T) {
	code, out, complaint := newShell(t, interceptor.Funcs{}).run("status")
	if code != Answered || out != "" || !strings.Contains(complaint, "no request") {
		t.Errorf("exit code %d, %s%s", code, out, complaint)
	}
	if _, out, _ := newShell(t, interceptor.Funcs{}).run("status", "-o", "json"); strings.TrimSpace(out) != "[]" {
		t.Error(out)
	}
}

// evolving answers the n-th read of a request with the n-th of these, and then with the last.
func evolving(states ...*v1alpha1.ErasureRequest) interceptor.Funcs {
	reads := 0
	return interceptor.Funcs{Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
		states[min(reads, len(states)-1)].DeepCopyInto(object.(*v1alpha1.ErasureRequest))
		reads++
		return nil
	}}
}

func TestAPlanIsWaitedFor(t *testing.T) {
	young := stands(requested("r"), metav1.ConditionFalse, v1alpha1.ReasonPlanning, "2 of 2 stores wait for a plan")
	broken := stands(requested("r"), metav1.ConditionFalse, "TableMissing", "A declared table does not exist",
		metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: "TableMissing"})
	for name, test := range map[string]struct {
		states []*v1alpha1.ErasureRequest
		line   string
		code   int
		want   string
	}{
		"a plan comes":             {[]*v1alpha1.ErasureRequest{requested("r"), young, young, withPlan("r")}, "plan r --wait", Answered, digestOf("a")},
		"a plan cannot come":       {[]*v1alpha1.ErasureRequest{young, broken}, "plan r --wait", Answered, "TableMissing: A declared table does not exist"},
		"a plan does not come":     {[]*v1alpha1.ErasureRequest{young}, "plan r --wait --timeout 5ms", Refused, "there is no plan after 5ms: Planning: 2 of 2 stores wait"},
		"nobody looks":             {[]*v1alpha1.ErasureRequest{requested("r")}, "plan r --wait --timeout 5ms", Refused, "NotYetKnown: Rempart has not judged it yet; does it run?"},
		"a plan is not waited for": {[]*v1alpha1.ErasureRequest{young, withPlan("r")}, "plan r", Answered, "Planning"},
	} {
		code, out, complaint := newShell(t, evolving(test.states...)).run(strings.Fields(test.line)...)
		if code != test.code || !strings.Contains(out+complaint, test.want) {
			t.Errorf("%s: exit code %d, %s%s", name, code, out, complaint)
		}
	}
}

func TestWhatWasShownIsApproved(t *testing.T) {
	for line, typed := range map[string]string{
		"approve r":       "Yes\n",
		"approve r --yes": "",
		"approve r --yes --digest " + digestOf("a"):        "",
		"approve r --digest " + digestOf("a") + " -n shop": "yes",
	} {
		s := newShell(t, interceptor.Funcs{}, withPlan("r"))
		s.typed = typed
		code, out, complaint := s.run(strings.Fields(line)...)
		_, requests := s.made()
		if code != Answered || !strings.Contains(out, digestOf("a")) || !strings.Contains(out, "17(3)(b)") || !strings.HasSuffix(out, "\nerasurerequest/r approved\n") {
			t.Errorf("%s: exit code %d, %s%s", line, code, out, complaint)
		}
		if diff := cmp.Diff(&v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved, PlanDigest: digestOf("a")}, requests[0].Spec.Decision); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

func TestARequestIsRefusedForAReasonOfTheRegulation(t *testing.T) {
	for _, r := range refusals {
		s := newShell(t, interceptor.Funcs{}, stands(requested("r"), metav1.ConditionFalse, v1alpha1.ReasonPlanning, "x"))
		s.typed = "yes\n"
		code, out, complaint := s.run("refuse", "r", "--reason", strings.ToLower(string(r)), "--note", "see the file", "--law", "Claim 2026/17", "--until", "2031-06-30")
		_, requests := s.made()
		if code != Answered || !strings.HasPrefix(out, "erasurerequest/r refused\nYour request for erasure, our reference r\n") || !strings.Contains(complaint, "Refuse erasurerequest shop/r: "+string(r)) {
			t.Errorf("%s: exit code %d, %s%s", r, code, out, complaint)
		}
		if diff := cmp.Diff(&v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: r, Note: "see the file", LegalReference: "Claim 2026/17", UntilOn: "2031-06-30"}, requests[0].Spec.Decision); diff != "" {
			t.Errorf("%s: %s", r, diff)
		}
	}
}

// TestTheReasonsAreThoseOfTheAPI reads the enum of the schema.
func TestTheReasonsAreThoseOfTheAPI(t *testing.T) {
	text, err := os.ReadFile("../../../config/crd/bases/gdpr.rempart.dev_erasurerequests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(text, crd); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, value := range crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["decision"].Properties["reason"].Enum {
		var word string
		if err := json.Unmarshal(value.Raw, &word); err != nil {
			t.Fatal(err)
		}
		want = append(want, word)
	}
	for _, r := range refusals {
		got = append(got, string(r))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Error(diff)
	}
}

func TestWhatIsNotToBeDecidedIsNot(t *testing.T) {
	young := stands(requested("young"), metav1.ConditionFalse, v1alpha1.ReasonPlanning, "2 of 2 stores wait for a plan")
	again := withPlan("again") // planned once, and being planned again
	meta.SetStatusCondition(&again.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionPlanned, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonPlanning})
	over := stands(requested("over"), metav1.ConditionTrue, string(v1alpha1.EndErased), "x")
	over.Status.End = v1alpha1.EndErased
	decided := withPlan("decided")
	decided.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved, PlanDigest: digestOf("a")}
	automatic := withPlan("automatic")
	automatic.Spec.Execution = v1alpha1.ExecutionAutomatic
	denied := interceptor.Funcs{Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "erasurerequests"}, "r", errors.New("it needs the verb approve"))
	}}
	changed := interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
		other := withPlan("r")
		if err := c.Get(ctx, client.ObjectKeyFromObject(object), other); err != nil {
			return err
		}
		other.Status.PlanDigest = digestOf("d")
		return errors.Join(c.Status().Update(ctx, other), c.Patch(ctx, object, patch, options...))
	}}
	for _, test := range []struct {
		line, typed string
		fail        interceptor.Funcs
		want        string
	}{
		{line: "approve r", typed: "", want: "a script says --yes"},
		{line: "approve r", typed: "no\n", want: "the answer was not yes"},
		{line: "approve r", typed: "y\n", want: "the answer was not yes"},
		{line: "approve r --digest " + digestOf("d") + " --yes", want: "is not that of --digest; it is " + digestOf("a") + " now"},
		{line: "approve r --yes", fail: denied, want: "it needs the verb approve"},
		{line: "approve young --yes", want: `no plan to approve: Planning: 2 of 2 stores wait for a plan; wait for it with "kubectl gdpr plan young -n shop --wait"`},
		{line: "approve again --yes", want: "no plan to approve"},
		{line: "approve over --yes", want: "has ended as Erased"},
		{line: "approve decided --yes", want: "was decided on: Approved"},
		{line: "approve automatic --yes", want: "asks for no approval"},
		{line: "approve nobody --yes", want: `erasurerequest "nobody" does not exist in namespace "shop"`},
		{line: "approve ada@example.org", want: "name one ErasureRequest"},
		{line: "approve", want: "name one ErasureRequest"},
		{line: "approve r young", want: "name one ErasureRequest"},
		{line: "refuse r --yes", want: "--reason takes one of these: ManifestlyUnfounded (Article 12(5)(b))"},
		{line: "refuse r --yes --reason ada@example.org", want: "--reason takes one of these"},
		{line: "refuse r --reason LegalClaims", want: "a script says --yes"},
		{line: "refuse over --yes --reason LegalClaims", want: "has ended as Erased"},
		{line: "refuse decided --yes --reason LegalClaims", want: "was decided on: Approved"},
		{line: "status ada@example.org", want: "name one ErasureRequest"},
		{line: "status r -A", want: "not both"},
		{line: "plan ada@example.org", want: "name one ErasureRequest"},
		{line: "plan nobody --wait", want: "does not exist"},
		{line: "approve r --yes", fail: changed, want: "changed while you looked at it"},
	} {
		s := newShell(t, test.fail, young.DeepCopy(), again.DeepCopy(), over.DeepCopy(), decided.DeepCopy(), automatic.DeepCopy(), withPlan("r"))
		s.typed = test.typed
		code, _, complaint := s.run(strings.Fields(test.line)...)
		_, requests := s.made()
		moved := slices.ContainsFunc(requests, func(r v1alpha1.ErasureRequest) bool { return r.Spec.Decision != nil && r.Name != "decided" })
		if code != Refused || !strings.Contains(complaint, test.want) || strings.Contains(complaint, "ada@") || moved {
			t.Errorf("%s: exit code %d, %s, want %q; decided: %v", test.line, code, complaint, test.want, moved)
		}
	}
}

func TestAQuestionIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	never, writer := io.Pipe()
	defer writer.Close()
	if err := confirm(ctx, World{In: never, Err: io.Discard}, "?"); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("%v", err)
	}
}
