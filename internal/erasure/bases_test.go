package erasure

import (
	"os"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/data"
)

// bases are the legal bases, as the table of the law writes them.
var bases = map[string]v1alpha1.LegalBasis{
	"CONSENT": v1alpha1.BasisConsent, "CONTRACT": v1alpha1.BasisContract, "LEGAL_OBLIGATION": v1alpha1.BasisLegalObligation,
	"VITAL_INTERESTS": v1alpha1.BasisVitalInterests, "PUBLIC_TASK": v1alpha1.BasisPublicTask, "LEGITIMATE_INTERESTS": v1alpha1.BasisLegitimateInterests,
}

// table reads a table of the law, a map per row.
func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := data.Rows(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestEachExceptionHasItsArticle reads the articles of erasure_exceptions.csv.
func TestEachExceptionHasItsArticle(t *testing.T) {
	reasons := map[string]v1alpha1.RefusalReason{"FREEDOM_OF_EXPRESSION": v1alpha1.RefusalFreedomOfExpression, "LEGAL_OBLIGATION": v1alpha1.RefusalLegalObligation,
		"PUBLIC_TASK": v1alpha1.RefusalPublicTask, "PUBLIC_HEALTH": v1alpha1.RefusalPublicHealth, "ARCHIVING_RESEARCH_STATISTICS": v1alpha1.RefusalArchiving, "LEGAL_CLAIMS": v1alpha1.RefusalLegalClaims}
	rows := table(t, "erasure_exceptions.csv")
	if len(rows) != len(reasons) {
		t.Fatalf("%d rows, %d reasons", len(rows), len(reasons))
	}
	for _, row := range rows {
		if got := RefusalArticle(reasons[row["code"]]); got != row["article"] {
			t.Errorf("%s is %q, want %q", row["code"], got, row["article"])
		}
	}
}

func about(basis v1alpha1.LegalBasis) concern {
	return concern{register: "crm", activity: "sales", named: true, purpose: &v1alpha1.Purpose{Name: "p", LegalBasis: basis, LegalReference: "Code de commerce, L123-22"}}
}

// TestRightsFollowTheLegalBasis reads every row of rights_by_legal_basis.csv: what it says of erasure, objection and withdrawal is
// what a request on that ground is told.
func TestRightsFollowTheLegalBasis(t *testing.T) {
	rows := table(t, "rights_by_legal_basis.csv")
	if len(rows) != len(bases) {
		t.Fatalf("%d rows, %d bases", len(rows), len(bases))
	}
	for _, row := range rows {
		t.Run(row["legal_basis"], func(t *testing.T) {
			basis, known := bases[row["legal_basis"]]
			if !known {
				t.Fatal("the API has no such basis")
			}
			finds := func(ground v1alpha1.ErasureGround, objection v1alpha1.ErasureObjection) string {
				f, found := basisFinding(ground, objection, about(basis), false)
				if !found {
					return ""
				}
				return f.Rule + " " + f.Article + " " + string(f.Severity)
			}
			withdrawn, objected := finds(v1alpha1.GroundPointB, ""), finds(v1alpha1.GroundPointC, v1alpha1.ObjectionParticularSituation)
			if fits := withdrawn == ""; fits != (row["withdrawal"] == "Y") {
				t.Errorf("withdrawal %q: %q", row["withdrawal"], withdrawn)
			}
			if stops := objected == "A21-01 21(1) Info"; stops != strings.HasPrefix(row["objection"], "Y 21(1)") {
				t.Errorf("objection %q: %q", row["objection"], objected)
			}
			needless := finds(v1alpha1.GroundPointA, "")
			switch erasure := row["erasure"]; {
			case strings.Contains(erasure, "17(3)(b)"):
				if needless != "A17-03 17(3)(b) Warning" {
					t.Errorf("erasure %q: %q", erasure, needless)
				}
			case strings.HasPrefix(erasure, "Y 17(1)(b)"):
				if needless != "" {
					t.Errorf("erasure %q: %q", erasure, needless)
				}
			default: // when no longer necessary, or after an objection
				if needless != "A17-01 17(1)(a) Info" {
					t.Errorf("erasure %q: %q", erasure, needless)
				}
			}
			if marketing := finds(v1alpha1.GroundPointC, v1alpha1.ObjectionDirectMarketing); strings.HasPrefix(marketing, "A21-01") {
				t.Errorf("an objection to direct marketing is weighed: %s", marketing)
			}
		})
	}
}

// TestWhatIsKeptByLawIsNoWarning: a purpose that rests on a law warns only where nothing keeps its data; a ground that the law itself
// gives, and unlawful processing of the other bases, say nothing.
func TestWhatIsKeptByLawIsNoWarning(t *testing.T) {
	kept := about(v1alpha1.BasisLegalObligation)
	kept.kept = true
	if f, _ := basisFinding(v1alpha1.GroundPointA, "", kept, false); f.Severity != v1alpha1.SeverityInfo || !strings.Contains(f.Message, "Code de commerce, L123-22") {
		t.Errorf("%+v", f)
	}
	if f, found := basisFinding(v1alpha1.GroundPointE, "", kept, false); found {
		t.Errorf("%+v", f)
	}
	for _, basis := range []v1alpha1.LegalBasis{v1alpha1.BasisConsent, v1alpha1.BasisContract, v1alpha1.BasisLegitimateInterests} {
		if f, found := basisFinding(v1alpha1.GroundPointD, "", about(basis), false); found {
			t.Errorf("%+v", f)
		}
	}
	for basis, want := range map[v1alpha1.LegalBasis]bool{v1alpha1.BasisConsent: false, v1alpha1.BasisContract: true} {
		if f, found := basisFinding(v1alpha1.GroundPointF, "", about(basis), false); found != want {
			t.Errorf("a child's data on %s: %+v", basis, f)
		}
	}
}

// TestMarketingIsKnownByItsTerm: an objection is one to direct marketing when it says so, or when the registers call each of its
// purposes so.
func TestMarketingIsKnownByItsTerm(t *testing.T) {
	register := v1alpha1.DataRegister{Spec: v1alpha1.DataRegisterSpec{Activities: []v1alpha1.ProcessingActivity{{Name: "mail", Purposes: []v1alpha1.Purpose{
		{Name: "offers", DPV: "dpv:DirectMarketing"}, {Name: "letters", DPV: "https://w3id.org/dpv#DirectMarketing"}, {Name: "delivery", DPV: "dpv:DeliveryOfGoods"}}}}}}
	for name, c := range map[string]struct {
		spec v1alpha1.ErasureRequestSpec
		want bool
	}{
		"said":              {v1alpha1.ErasureRequestSpec{Ground: v1alpha1.GroundPointC, Objection: v1alpha1.ObjectionDirectMarketing}, true},
		"said otherwise":    {v1alpha1.ErasureRequestSpec{Ground: v1alpha1.GroundPointC, Objection: v1alpha1.ObjectionParticularSituation, Purposes: []v1alpha1.PartName{"offers"}}, false},
		"by its purposes":   {v1alpha1.ErasureRequestSpec{Ground: v1alpha1.GroundPointC, Purposes: []v1alpha1.PartName{"offers", "letters"}}, true},
		"by one of two":     {v1alpha1.ErasureRequestSpec{Ground: v1alpha1.GroundPointC, Purposes: []v1alpha1.PartName{"offers", "delivery"}}, false},
		"a purpose of none": {v1alpha1.ErasureRequestSpec{Ground: v1alpha1.GroundPointC, Purposes: []v1alpha1.PartName{"nothing"}}, false},
		"a withdrawal":      {v1alpha1.ErasureRequestSpec{Ground: v1alpha1.GroundPointB, Purposes: []v1alpha1.PartName{"offers"}}, false},
		"of the whole":      {v1alpha1.ErasureRequestSpec{Ground: v1alpha1.GroundPointC}, false},
	} {
		if got := MarketingObjection(&v1alpha1.ErasureRequest{Spec: c.spec}, []v1alpha1.DataRegister{register}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
