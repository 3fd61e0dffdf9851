package kubectlgdpr

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// refusedOnes are a request that was refused, one of which the person was told, one that was erased before that was told, one that was
// erased since, a plan and one that is under way; and an officer who writes French.
func refusedOnes() []client.Object {
	untold := stands(requested("untold"), metav1.ConditionFalse, v1alpha1.ReasonAwaitingNotice, "the person does not know yet")
	untold.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalLegalClaims, LegalReference: "Claim 2026/17", UntilOn: "2031-06-30"}
	untold.Status.End, untold.Status.DueTime = v1alpha1.EndRefused, ptr.To(metav1.NewTime(time.Unix(0, 0)))
	told := untold.DeepCopy()
	told.Name, told.UID = "told", "told"
	told.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: ptr.To(metav1.NewTime(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)))}
	over := stands(requested("over"), metav1.ConditionTrue, string(v1alpha1.EndErased), "x")
	over.Status.End = v1alpha1.EndErased
	done := over.DeepCopy()
	done.Name, done.UID = "done", "done"
	done.Status.Conditions = append(done.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionPersonInformed, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNotYetTold})
	done.Status.DueTime = ptr.To(metav1.NewTime(time.Unix(0, 0)))
	plan := stands(requested("plan"), metav1.ConditionTrue, string(v1alpha1.EndPlannedOnly), "x")
	plan.Status.End = v1alpha1.EndPlannedOnly
	going := stands(requested("going"), metav1.ConditionFalse, v1alpha1.ReasonPlanning, "x")
	register := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{OfficerRef: v1alpha1.ClusterRef{Name: "acme"}}}
	officer := &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "acme"}, Spec: v1alpha1.DataProtectionOfficerSpec{Language: v1alpha1.LanguageFrench,
		Organisation: v1alpha1.Organisation{LegalName: "Acme SAS", Country: "FR"}}}
	return []client.Object{untold, told, over, done, plan, going, register, officer}
}

func TestTheLetterIsInTheLanguageAskedFor(t *testing.T) {
	for line, want := range map[string][]string{
		"letter untold":               {"Votre demande d'effacement", "article 17, paragraphe 3, point e)", "CNIL", "Acme SAS"},
		"letter untold --language en": {"Your request for erasure", "Article 17(3)(e)", "https://www.cnil.fr/", "2031-06-30"},
		"letter told":                 {"Claim 2026/17"},
		"letter done":                 {"Nous les avons effacées", "Acme SAS"},
		"letter over --language en":   {"We have erased them"},
	} {
		code, out, complaint := newShell(t, interceptor.Funcs{}, refusedOnes()...).run(strings.Fields(line)...)
		for _, part := range want {
			if code != Answered || complaint != "" || !strings.Contains(out, part) {
				t.Errorf("%s: exit code %d, %s%s, want %q", line, code, out, complaint, part)
			}
		}
	}
}

func TestThePersonIsToldOnce(t *testing.T) {
	s := newShell(t, interceptor.Funcs{}, refusedOnes()...)
	if _, out, _ := s.run("status", "untold"); !strings.Contains(out, "a letter to the person: kubectl gdpr letter; OVERDUE") {
		t.Error(out)
	}
	code, out, complaint := s.run("told", "untold", "--sent", "2026-11-24T08:00:00+01:00")
	if code != Answered || out != "erasurerequest/untold told\n" {
		t.Errorf("exit code %d, %s%s", code, out, complaint)
	}
	_, requests := s.made()
	for _, r := range requests {
		if r.Name == "untold" && (r.Spec.RefusalNotice == nil || stamp(r.Spec.RefusalNotice.SentTime.Time) != "2026-11-24T07:00:00Z") {
			t.Errorf("%+v", r.Spec.RefusalNotice)
		}
	}
	for line, want := range map[string]string{
		"told told":                   "the person was told at 2026-11-23T08:00:00Z; that does not change",
		"told going":                  "was not refused and has not ended, so that there is no answer yet",
		"letter plan":                 "has ended as PlannedOnly, which is no answer to a person",
		"told untold --sent tomorrow": "--sent takes an instant",
		"told ada@example.org":        "name one ErasureRequest",
		"letter told --language it":   "it is one of: en, fr",
	} {
		if code, _, complaint := s.run(strings.Fields(line)...); code != Refused || !strings.Contains(complaint, want) || strings.Contains(complaint, "ada@") {
			t.Errorf("%s: exit code %d, %s, want %q", line, code, complaint, want)
		}
	}
}

// TestThePersonIsToldWhatWasDone (A12-03): a request that is over waits for a letter, and is late without one.
func TestThePersonIsToldWhatWasDone(t *testing.T) {
	s := newShell(t, interceptor.Funcs{}, refusedOnes()...)
	if _, out, _ := s.run("status", "done"); !strings.Contains(out, "a letter to the person: kubectl gdpr letter; OVERDUE") || !strings.Contains(out, "NotYetTold") {
		t.Error(out)
	}
	if _, out, _ := s.run("status", "over"); !strings.Contains(out, "nobody: it is over") {
		t.Error(out)
	}
	if code, out, complaint := s.run("told", "done"); code != Answered || out != "erasurerequest/done told\n" {
		t.Errorf("exit code %d, %s%s", code, out, complaint)
	}
	_, requests := s.made()
	for _, r := range requests {
		if r.Name == "done" && (r.Spec.RefusalNotice != nil || r.Spec.AnswerNotice == nil || stamp(r.Spec.AnswerNotice.SentTime.Time) != "2026-11-24T09:00:00Z") {
			t.Errorf("%+v", r.Spec)
		}
	}
	if code, _, complaint := s.run("told", "done"); code != Refused || !strings.Contains(complaint, "that does not change") {
		t.Errorf("exit code %d, %s", code, complaint)
	}
}

// TestManyPeopleAreToldAtOnce: by names, or by the labels of those who wait for it, as kubectl's users expect.
func TestManyPeopleAreToldAtOnce(t *testing.T) {
	objects := refusedOnes()
	for _, o := range objects {
		if r, ok := o.(*v1alpha1.ErasureRequest); ok && r.Name != "going" {
			r.Labels = map[string]string{"batch": "nov"}
		}
	}
	for line, c := range map[string]struct {
		code            int
		out, complaints string
	}{
		"told untold done":          {Answered, "erasurerequest/untold told\nerasurerequest/done told\n", ""},
		"told done done":            {Answered, "erasurerequest/done told\n", ""},
		"told going done told":      {Refused, "erasurerequest/done told\n", "has not ended, so that there is no answer yet|that does not change"},
		"told -l batch=nov":         {Answered, "erasurerequest/done told\nerasurerequest/untold told\n", ""},
		"told --selector batch=no":  {Refused, "", "no ErasureRequest of namespace shop with these labels waits"},
		"told -l =":                 {Refused, "", "--selector takes labels"},
		"told":                      {Refused, "", "name ErasureRequests"},
		"told done -l batch=nov":    {Refused, "", "name ErasureRequests"},
		"told done bob@example.org": {Refused, "", "name one ErasureRequest"},
	} {
		var copies []client.Object
		for _, o := range objects {
			copies = append(copies, o.DeepCopyObject().(client.Object))
		}
		code, out, complaint := newShell(t, interceptor.Funcs{}, copies...).run(strings.Fields(line)...)
		if code != c.code || out != c.out || strings.Contains(complaint, "bob@") {
			t.Errorf("%s: exit code %d, %q, %s", line, code, out, complaint)
		}
		for want := range strings.SplitSeq(c.complaints, "|") {
			if !strings.Contains(complaint, want) {
				t.Errorf("%s: %q lacks %q", line, complaint, want)
			}
		}
	}
}
