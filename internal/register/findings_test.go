package register

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// whole makes a record that lacks nothing.
func whole(t *testing.T) *v1alpha1.DataRegister {
	dreg := readRegister(t, "managed")
	a := &dreg.Spec.Activities[0]
	a.Retention = []v1alpha1.ActivityRetention{{Categories: []string{"contact details"}, Period: "P3Y", StartsFrom: "last contact"}}
	a.Security, a.NoticeRef = []string{"access by role"}, "notice-1"
	a.Recipients = []v1alpha1.Recipient{{Name: "staff", Kind: v1alpha1.RecipientInternal, Country: "FR"}}
	return dreg
}

func TestChecksFindWhatTheRecordLacks(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Input, *v1alpha1.ProcessingActivity)
		want   []string // rule severity
	}{
		{"nothing", func(*Input, *v1alpha1.ProcessingActivity) {}, nil},
		{"no time limit", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.Retention = nil }, []string{"A05-05 Error"}},
		{"a time limit for another category", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.Retention[0].Categories[0] = "orders" }, []string{"A05-05 Error"}},
		{"no time limit, a processor", func(in *Input, a *v1alpha1.ProcessingActivity) {
			in.Register.Spec.Role, a.Retention = v1alpha1.RoleProcessor, nil
			in.Register.Spec.Controllers = []v1alpha1.Party{{Name: "client", Contact: "desk"}}
		}, nil},
		{"a processor whose client has no contact", func(in *Input, _ *v1alpha1.ProcessingActivity) {
			in.Register.Spec.Role, in.Register.Spec.Controllers = v1alpha1.RoleProcessor, []v1alpha1.Party{{Name: "client"}}
		}, []string{"A30-02 Error"}},
		{"a joint controller without contact", func(in *Input, _ *v1alpha1.ProcessingActivity) {
			in.Register.Spec.JointControllers = []v1alpha1.Party{{Name: "partner"}}
		}, []string{"A30-01 Error"}},
		{"a recipient in the EEA", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.Recipients[0].Country = "NO" }, nil},
		{"a recipient abroad", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.Recipients[0].Country = "US" }, []string{"A44-01 Error"}},
		{"a recipient abroad with its transfer", func(_ *Input, a *v1alpha1.ProcessingActivity) {
			a.Recipients[0].Country = "US"
			a.Transfers = []v1alpha1.Transfer{{Country: "US", Recipient: "staff", Mechanism: v1alpha1.MechanismAdequacy}}
		}, nil},
		{"clauses without a document", func(_ *Input, a *v1alpha1.ProcessingActivity) {
			a.Transfers = []v1alpha1.Transfer{{Country: "IN", Recipient: "x", Mechanism: v1alpha1.MechanismSCC}}
		}, []string{"A46-01 Error"}},
		{"a derogation without an assessment", func(_ *Input, a *v1alpha1.ProcessingActivity) {
			a.Transfers = []v1alpha1.Transfer{{Country: "IN", Recipient: "x", Mechanism: v1alpha1.MechanismDerogation49}}
		}, []string{"A49-02 Error"}},
		{"no officer", func(in *Input, _ *v1alpha1.ProcessingActivity) { in.OfficerFound = false }, []string{"A30-01 Error"}},
		{"no security measure", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.Security = nil }, []string{"A30-01 Warning"}},
		{"no recipient", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.Recipients = nil }, []string{"A30-01 Info"}},
		{"no notice", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.NoticeRef = "" }, []string{"A05-01 Warning"}},
		{"an assessment that is due", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.DPIA = &v1alpha1.DPIA{Status: v1alpha1.DPIADue} }, []string{"A35-01 Warning"}},
		{"machines decide and nobody assessed it", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.AutomatedDecision = v1alpha1.DecisionArticle22 }, []string{"A35-01 Warning"}},
		{"a store that no activity names", func(_ *Input, a *v1alpha1.ProcessingActivity) { a.Stores = nil }, []string{"A30-01 Warning"}},
		{"a store without a dataset", func(in *Input, _ *v1alpha1.ProcessingActivity) { in.Register.Spec.Stores[0].Dataset = nil }, []string{"A17-01 Warning"}},
		{"a column of a category that nobody declares", func(in *Input, _ *v1alpha1.ProcessingActivity) {
			in.Register.Spec.Stores[0].Dataset.Tables[0].Columns = []v1alpha1.DatasetColumn{{Name: "iban", Category: "bank details"}}
		}, []string{"A05-03 Warning"}},
		{"a special column that nobody declares", func(in *Input, _ *v1alpha1.ProcessingActivity) {
			in.Register.Spec.Stores[0].Dataset.Tables[0].Columns = []v1alpha1.DatasetColumn{{Name: "illness", Sensitivity: v1alpha1.SensitivitySpecial}}
		}, []string{"A09-01 Error"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := input(whole(t), Facts{})
			c.change(&in, &in.Register.Spec.Activities[0])
			var got []string
			found := contentFindings(in)
			for _, f := range found {
				got = append(got, f.Rule+" "+string(f.Severity))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			errors := slices.ContainsFunc(found, func(f v1alpha1.Finding) bool { return f.Severity == v1alpha1.SeverityError })
			if status := complete(found).Status; (status == "False") != errors {
				t.Errorf("Complete=%s", status)
			}
		})
	}
}

func TestFindingsComeWorstFirstAndBounded(t *testing.T) {
	worst := []v1alpha1.FindingSeverity{v1alpha1.SeverityError, v1alpha1.SeverityWarning, v1alpha1.SeverityInfo}
	rapid.Check(t, func(t *rapid.T) {
		findings := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) v1alpha1.Finding {
			return v1alpha1.Finding{Severity: rapid.SampledFrom(worst).Draw(t, "severity"), Rule: rapid.StringN(1, 3, -1).Draw(t, "rule")}
		}), 0, 200).Draw(t, "findings")
		ranked := rank(findings)
		if len(ranked) != min(len(findings), maxFindings) {
			t.Fatalf("%d of %d", len(ranked), len(findings))
		}
		if !slices.IsSortedFunc(ranked, func(a, b v1alpha1.Finding) int {
			return slices.Index(worst, a.Severity) - slices.Index(worst, b.Severity)
		}) {
			t.Fatal("not worst first")
		}
	})
}

func TestCompleteNamesTheWorstAndCountsTheRest(t *testing.T) {
	findings := []v1alpha1.Finding{{Rule: "B", Severity: v1alpha1.SeverityError, Message: "second"}, {Rule: "A", Severity: v1alpha1.SeverityError, Message: "first"},
		{Rule: "store-scan", Severity: v1alpha1.SeverityError, Message: "of a store"}, {Rule: "C", Severity: v1alpha1.SeverityWarning, Message: "mild"}}
	if got := complete(findings).Message; got != "first; and 1 more in status.findings" {
		t.Error(got)
	}
	many := slices.Repeat(findings[:1], 70)
	if got := complete(many).Message; got != "second; and 69 more in status.findings" {
		t.Errorf("of 70: %s", got)
	}
}

func TestTextsAreCutAtCharacters(t *testing.T) {
	if got := shorten(strings.Repeat("é", 10), 9); got != "ééé…" {
		t.Errorf("got %q", got)
	}
}
