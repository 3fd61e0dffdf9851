package letter

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the letters")

var reasons = []v1alpha1.RefusalReason{
	v1alpha1.RefusalManifestlyUnfounded, v1alpha1.RefusalExcessive, v1alpha1.RefusalIdentityNotProven, v1alpha1.RefusalFreedomOfExpression,
	v1alpha1.RefusalLegalObligation, v1alpha1.RefusalPublicTask, v1alpha1.RefusalPublicHealth, v1alpha1.RefusalArchiving, v1alpha1.RefusalLegalClaims,
}

func refused(decision v1alpha1.ErasureDecision) *v1alpha1.ErasureRequest {
	r := &v1alpha1.ErasureRequest{}
	r.Spec.RequestID, r.Spec.ReceivedTime = "web-2026-0117", ptr.To(metav1.NewTime(time.Date(2026, 11, 20, 23, 30, 0, 0, time.UTC)))
	decision.Verdict = v1alpha1.ErasureRefused
	r.Spec.Decision, r.Status.TimeZone = &decision, "Europe/Paris"
	return r
}

func officer(country v1alpha1.Country, sector v1alpha1.Sector) *v1alpha1.DataProtectionOfficer {
	return &v1alpha1.DataProtectionOfficer{Spec: v1alpha1.DataProtectionOfficerSpec{Organisation: v1alpha1.Organisation{LegalName: "Acme SAS", Country: country, Sector: sector},
		Officer: v1alpha1.Officer{Name: "The data protection officer", Email: "dpo@example.org"}}}
}

// done is a request of the same day that ended.
func done(end v1alpha1.ErasureEnd, targets ...v1alpha1.ErasureTarget) *v1alpha1.ErasureRequest {
	r := refused(v1alpha1.ErasureDecision{})
	r.Spec.Decision = nil
	r.Status.End, r.Status.Targets = end, targets
	return r
}

func TestLetters(t *testing.T) {
	claim := refused(v1alpha1.ErasureDecision{Reason: v1alpha1.RefusalLegalClaims, LegalReference: "Commercial court of Lyon, 2026/17", UntilOn: "2031-06-30", Note: "an unpaid invoice"})
	invoices := v1alpha1.KeptRows{Table: "public.invoices", Article: "17(3)(b)", LegalReference: "Code de commerce, article L123-22", UntilOn: "2036-12-31"}
	lines := invoices
	lines.Table = "public.invoice_lines"
	kept := done(v1alpha1.EndPartlyErased, v1alpha1.ErasureTarget{Kept: []v1alpha1.KeptRows{invoices, lines}},
		v1alpha1.ErasureTarget{Kept: []v1alpha1.KeptRows{{Table: "public.cases", Article: "17(3)(e)"}}})
	kept.Status.BackupsClearTime = ptr.To(metav1.NewTime(time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)))
	part := done(v1alpha1.EndErased, v1alpha1.ErasureTarget{Result: v1alpha1.TargetNothing, Reason: v1alpha1.ReasonNotSearchable})
	part.Spec.Purposes = []v1alpha1.PartName{"newsletter", "surveys"}
	for name, c := range map[string]struct {
		request  *v1alpha1.ErasureRequest
		officer  *v1alpha1.DataProtectionOfficer
		language v1alpha1.Language
	}{
		"claim-en.txt":      {claim, officer("FR", v1alpha1.SectorPrivate), v1alpha1.LanguageEnglish},
		"claim-fr.txt":      {claim, officer("FR", v1alpha1.SectorPrivate), v1alpha1.LanguageFrench},
		"purpose-en.txt":    {part, officer("FR", v1alpha1.SectorPrivate), v1alpha1.LanguageEnglish},
		"erased-en.txt":     {done(v1alpha1.EndErased), officer("FR", v1alpha1.SectorPrivate), v1alpha1.LanguageEnglish},
		"kept-en.txt":       {kept, officer("FR", v1alpha1.SectorPrivate), v1alpha1.LanguageEnglish},
		"kept-fr.txt":       {kept, officer("FR", v1alpha1.SectorPrivate), v1alpha1.LanguageFrench},
		"nothing-bare.txt":  {done(v1alpha1.EndNothingFound), nil, ""},
		"identity-bare.txt": {refused(v1alpha1.ErasureDecision{Reason: v1alpha1.RefusalIdentityNotProven}), nil, ""},
	} {
		file, got := filepath.Join("testdata", name), Of(c.request, c.officer, c.language)
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
}

// TestEveryLetterIsWhole (A12-04): each reason in each language has its words and its article, and both remedies.
func TestEveryLetterIsWhole(t *testing.T) {
	for language, words := range languages {
		if len(words.reasons) != len(reasons) {
			t.Errorf("%s has %d reasons, want %d", language, len(words.reasons), len(reasons))
		}
		for _, reason := range reasons {
			got := Of(refused(v1alpha1.ErasureDecision{Reason: reason}), officer("FR", v1alpha1.SectorPrivate), language)
			for _, want := range []string{words.reasons[reason], "rticle 1", "rticle 77", "rticle 79", "CNIL", "https://www.cnil.fr/", "Acme SAS", "web-2026-0117", "2026-11-21"} {
				if want == "" || !strings.Contains(got, want) {
					t.Errorf("%s, %s: %q is missing in\n%s", language, reason, want, got)
				}
			}
			if strings.Contains(got, "%!") {
				t.Errorf("%s, %s: %s", language, reason, got)
			}
		}
	}
}

// TestEveryAnswerIsWhole (A12-03, A12-04): each end in each language has its words; where something was not erased, the remedies too.
func TestEveryAnswerIsWhole(t *testing.T) {
	for language, words := range languages {
		for _, end := range []v1alpha1.ErasureEnd{v1alpha1.EndErased, v1alpha1.EndPartlyErased, v1alpha1.EndNothingErased, v1alpha1.EndNothingFound} {
			got := Of(done(end), officer("FR", v1alpha1.SectorPrivate), language)
			remedies := strings.Contains(got, "rticle 77") && strings.Contains(got, "rticle 79") && strings.Contains(got, "CNIL")
			if words.done[end] == "" || !strings.Contains(got, "2026-11-21") || !strings.Contains(got, "Acme SAS") || strings.Contains(got, "%!") || remedies == (end == v1alpha1.EndErased) {
				t.Errorf("%s, %s:\n%s", language, end, got)
			}
		}
	}
}

// TestWhatIsDoneByHandIsAsked: nothing is kept by law, and nobody but who did it knows what became of the data there.
func TestWhatIsDoneByHandIsAsked(t *testing.T) {
	request := done(v1alpha1.EndPartlyErased, v1alpha1.ErasureTarget{Register: "crm", Store: "archive", Result: v1alpha1.TargetManual})
	got := Of(request, officer("FR", v1alpha1.SectorPrivate), v1alpha1.LanguageEnglish)
	if !strings.Contains(got, "[What was done by hand in: crm/archive]") || strings.Contains(got, "keep") {
		t.Error(got)
	}
}

func TestTheAuthorityIsTheCompetentOne(t *testing.T) {
	stated := officer("FR", v1alpha1.SectorPrivate)
	stated.Spec.SupervisoryAuthority.Name = "Der Hessische Beauftragte"
	abroad := officer("FR", v1alpha1.SectorPrivate)
	abroad.Spec.SupervisoryAuthority.Country = "IE"
	for name, c := range map[string]struct {
		officer *v1alpha1.DataProtectionOfficer
		want    string
	}{
		"of the country":        {officer("GR", v1alpha1.SectorPrivate), "Hellenic Data Protection Authority, https://www.dpa.gr/"},
		"of a public body":      {officer("IT", v1alpha1.SectorPublic), "Garante per la protezione dei dati personali"},
		"of a Land":             {officer("DE", v1alpha1.SectorPrivate), "is Datenschutzaufsichtsbehörde des Landes."},
		"as the officer states": {stated, "is Der Hessische Beauftragte."},
		"of another state":      {abroad, "Data Protection Commission, https://www.dataprotection.ie/"},
		"of none":               {officer("US", v1alpha1.SectorPrivate), "[supervisory authority"},
	} {
		if got := Of(refused(v1alpha1.ErasureDecision{Reason: v1alpha1.RefusalExcessive}), c.officer, v1alpha1.LanguageEnglish); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is missing in\n%s", name, c.want, got)
		}
	}
}
