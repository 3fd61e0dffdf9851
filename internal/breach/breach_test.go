package breach

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var detected = time.Date(2026, time.November, 5, 7, 40, 0, 0, time.UTC)

func at(hours int) *metav1.Time {
	return ptr.To(metav1.NewTime(detected.Add(time.Duration(hours) * time.Hour)))
}

// incident is one that was declared two hours after detection, changed by the given functions.
func incident(changes ...func(*v1alpha1.BreachIncidentSpec)) *v1alpha1.BreachIncident {
	i := &v1alpha1.BreachIncident{ObjectMeta: metav1.ObjectMeta{Name: "bucket", Namespace: "shop", UID: "uid-1"}, Spec: v1alpha1.BreachIncidentSpec{
		OfficerRef: v1alpha1.ClusterRef{Name: "example"}, EscalationPolicyRef: v1alpha1.ClusterRef{Name: "default"},
		Role: v1alpha1.BreachRoleController, Verdict: v1alpha1.BreachConfirmed, DetectedTime: at(0), AwareTime: at(2),
	}}
	for _, change := range changes {
		change(&i.Spec)
	}
	return i
}

func risk(outcome v1alpha1.RiskOutcome) func(*v1alpha1.BreachIncidentSpec) {
	return func(s *v1alpha1.BreachIncidentSpec) {
		s.Risk = &v1alpha1.RiskDecision{Outcome: outcome, Reasoning: "because", Stamp: &v1alpha1.DecisionStamp{By: "x", Time: at(3)}}
	}
}

func submission(completeness v1alpha1.SubmissionCompleteness) func(*v1alpha1.BreachIncidentSpec) {
	return func(s *v1alpha1.BreachIncidentSpec) {
		s.Submissions = append(s.Submissions, v1alpha1.Submission{Authority: "FR", Type: v1alpha1.SubmissionNew, Completeness: completeness, SubmittedTime: at(20)})
	}
}

func processor(s *v1alpha1.BreachIncidentSpec) {
	s.Role = v1alpha1.BreachRoleProcessor
	s.Controllers = []v1alpha1.InformedController{{Name: "one"}}
}

func closure(s *v1alpha1.BreachIncidentSpec) { s.Closure = &v1alpha1.Closure{Summary: "done"} }

func communication(status v1alpha1.CommunicationStatus) func(*v1alpha1.BreachIncidentSpec) {
	return func(s *v1alpha1.BreachIncidentSpec) { s.Communication = &v1alpha1.Communication{Status: status} }
}

func list(changes ...func(*v1alpha1.BreachIncidentSpec)) []func(*v1alpha1.BreachIncidentSpec) {
	return changes
}

// TestDuties has one row per row of the table of duties, and what follows from each.
func TestDuties(t *testing.T) {
	for name, c := range map[string]struct {
		changes []func(*v1alpha1.BreachIncidentSpec)
		want    string // authority, subjects, controllers, record
		ready   string
	}{
		"no decision counts as a risk":           {nil, "Open Open NotRequired Open", v1alpha1.ReasonAwaitingAssessment},
		"undetermined counts as a risk":          {list(risk(v1alpha1.RiskUndetermined)), "Open Open NotRequired Open", v1alpha1.ReasonAwaitingAssessment},
		"unlikely: the record only":              {list(risk(v1alpha1.RiskUnlikely)), "NotRequired NotRequired NotRequired Met", v1alpha1.ReasonRecordedOnly},
		"risk: the authority":                    {list(risk(v1alpha1.RiskRisk)), "Open NotRequired NotRequired Open", v1alpha1.ReasonAwaitingAuthority},
		"high: authority and people":             {list(risk(v1alpha1.RiskHigh)), "Open Open NotRequired Open", v1alpha1.ReasonAwaitingAuthority},
		"high, people told first":                {list(risk(v1alpha1.RiskHigh), communication(v1alpha1.CommunicationSent)), "Open Met NotRequired Open", v1alpha1.ReasonAwaitingAuthority},
		"high, exempt":                           {list(risk(v1alpha1.RiskHigh), communication(v1alpha1.CommunicationExempt), submission(v1alpha1.SubmissionComplete)), "Met Exempt NotRequired Open", v1alpha1.ReasonAwaitingClosure},
		"high, authority told":                   {list(risk(v1alpha1.RiskHigh), submission(v1alpha1.SubmissionComplete)), "Met Open NotRequired Open", v1alpha1.ReasonAwaitingSubjects},
		"incomplete":                             {list(risk(v1alpha1.RiskRisk), submission(v1alpha1.SubmissionIncomplete)), "Open NotRequired NotRequired Open", v1alpha1.ReasonAwaitingComplement},
		"withdrawn":                              {list(risk(v1alpha1.RiskRisk), submission(v1alpha1.SubmissionIncomplete), submission(v1alpha1.SubmissionWithdraw)), "Met NotRequired NotRequired Open", v1alpha1.ReasonAwaitingClosure},
		"closed":                                 {list(risk(v1alpha1.RiskRisk), submission(v1alpha1.SubmissionComplete), closure), "Met NotRequired NotRequired Met", v1alpha1.ReasonClosed},
		"a closure closes nothing while open":    {list(risk(v1alpha1.RiskHigh), submission(v1alpha1.SubmissionComplete), closure), "Met Open NotRequired Open", v1alpha1.ReasonAwaitingSubjects},
		"joint controllers are controllers":      {list(risk(v1alpha1.RiskRisk), func(s *v1alpha1.BreachIncidentSpec) { s.Role = v1alpha1.BreachRoleJointController }), "Open NotRequired NotRequired Open", v1alpha1.ReasonAwaitingAuthority},
		"a processor tells controllers":          {list(processor), "NotRequired NotRequired Open Open", v1alpha1.ReasonAwaitingControllers},
		"a processor, whatever the risk":         {list(processor, risk(v1alpha1.RiskUnlikely)), "NotRequired NotRequired Open Open", v1alpha1.ReasonAwaitingControllers},
		"a processor that told every controller": {list(processor, func(s *v1alpha1.BreachIncidentSpec) { s.Controllers[0].InformedTime = at(4) }), "NotRequired NotRequired Met Open", v1alpha1.ReasonAwaitingClosure},
		"dismissed":                              {list(func(s *v1alpha1.BreachIncidentSpec) { s.Verdict = v1alpha1.BreachDismissed }), "NotRequired NotRequired NotRequired Met", v1alpha1.ReasonDismissed},
		"suspected":                              {list(func(s *v1alpha1.BreachIncidentSpec) { s.Verdict, s.AwareTime = v1alpha1.BreachSuspected, nil }), "Open Open NotRequired Open", v1alpha1.ReasonSuspected},
	} {
		t.Run(name, func(t *testing.T) {
			verdict := Judge(Input{Incident: incident(c.changes...), Now: detected.Add(21 * time.Hour)})
			var states []string
			for _, o := range verdict.Status.Obligations {
				states = append(states, string(o.State))
			}
			if got := strings.Join(states, " "); got != c.want {
				t.Errorf("duties %s, want %s", got, c.want)
			}
			if got := verdict.Conditions[0]; got.Type != v1alpha1.ConditionReady || got.Reason != c.ready {
				t.Errorf("%s %s, want %s", got.Type, got.Reason, c.ready)
			}
		})
	}
}

func TestSeverityFollowsTheGoldenRows(t *testing.T) {
	file, err := os.Open("testdata/enisa_golden_tests.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	hundredths := func(s string) int32 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return int32(math.Round(f * 100))
	}
	categories := map[string]v1alpha1.SeverityCategory{"1": v1alpha1.CategorySimple, "2": v1alpha1.CategoryBehavioural, "3": v1alpha1.CategoryFinancial, "4": v1alpha1.CategorySensitive}
	identifications := map[int32]v1alpha1.SeverityIdentification{25: v1alpha1.IdentificationNegligible, 50: v1alpha1.IdentificationLimited, 75: v1alpha1.IdentificationSignificant, 100: v1alpha1.IdentificationMaximum}
	bands := map[string]v1alpha1.SeverityBand{"LOW": v1alpha1.BandLow, "MEDIUM": v1alpha1.BandMedium, "HIGH": v1alpha1.BandHigh, "VERY_HIGH": v1alpha1.BandVeryHigh}
	for _, row := range rows[1:] {
		in := &v1alpha1.SeverityInputs{
			Categories:      []v1alpha1.SeverityDataCategory{{Category: categories[row[2]]}},
			Identification:  identifications[hundredths(row[3])],
			Confidentiality: map[int32]v1alpha1.SeverityConfidentiality{25: v1alpha1.ConfidentialityKnownRecipients, 50: v1alpha1.ConfidentialityUnknownRecipients}[hundredths(row[4])],
			Integrity:       map[int32]v1alpha1.SeverityIntegrity{25: v1alpha1.IntegrityRecoverable, 50: v1alpha1.IntegrityNotRecoverable}[hundredths(row[5])],
			Availability:    map[int32]v1alpha1.SeverityAvailability{25: v1alpha1.AvailabilityTemporal, 50: v1alpha1.AvailabilityFull}[hundredths(row[6])],
			Malicious:       map[int32]v1alpha1.Answer{0: v1alpha1.AnswerNo, 50: v1alpha1.AnswerYes}[hundredths(row[7])],
		}
		got := Severity(&v1alpha1.BreachIncidentSpec{SeverityInputs: in})
		if *got.ScoreHundredths != hundredths(row[8]) || got.Band != bands[row[9]] {
			t.Errorf("%s %s: %d %s, want %s %s", row[0], row[1], *got.ScoreHundredths, got.Band, row[8], row[9])
		}
	}
}

func TestSeverityTakesTheHighestCategoryWithinItsBoundsAndRaisesFlags(t *testing.T) {
	spec := &v1alpha1.BreachIncidentSpec{
		Protection: v1alpha1.ProtectionIntact, KeyCompromised: v1alpha1.AnswerNo,
		DataSubjects: &v1alpha1.AffectedCount{Count: ptr.To[int64](101)},
		SeverityInputs: &v1alpha1.SeverityInputs{Identification: v1alpha1.IdentificationMaximum, Categories: []v1alpha1.SeverityDataCategory{
			{Category: v1alpha1.CategorySimple, Adjustment: ptr.To[int32](1)}, {Category: v1alpha1.CategorySensitive, Adjustment: ptr.To[int32](-3)},
		}},
	}
	want := &v1alpha1.SeveritySuggestion{ScoreHundredths: ptr.To[int32](200), Band: v1alpha1.BandMedium, Suggestion: v1alpha1.RiskRisk, Flags: []string{FlagManyIndividuals, FlagUnintelligible}}
	if diff := cmp.Diff(want, Severity(spec)); diff != "" {
		t.Error(diff)
	}
	if Severity(&v1alpha1.BreachIncidentSpec{}) != nil {
		t.Error("a suggestion without inputs")
	}
}

func TestTheClock(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	i := incident()
	verdict := Judge(Input{Incident: i, Zone: paris, Now: detected.Add(3 * time.Hour)})
	want := &v1alpha1.BreachClock{Source: v1alpha1.ClockDeclared, StartTime: at(2), DueTime: at(74), LegalDueTime: ptr.To(metav1.NewTime(at(74).Add(20 * time.Minute))), LawProfile: "eu-gdpr-2016"}
	if diff := cmp.Diff(want, verdict.Status.Clock); diff != "" {
		t.Error(diff)
	}
	t.Run("a lower risk, another policy or a restart moves nothing", func(t *testing.T) {
		lower := incident(risk(v1alpha1.RiskUnlikely))
		lower.Status.Clock = verdict.Status.Clock
		lower.Spec.EscalationPolicyRef.Name = "other"
		again := Judge(Input{Incident: lower, Zone: paris, Now: detected.Add(50 * time.Hour)})
		if diff := cmp.Diff(want, again.Status.Clock); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a correction keeps the old start", func(t *testing.T) {
		corrected := incident(func(s *v1alpha1.BreachIncidentSpec) { s.AwareTime = at(1) })
		corrected.Status.Clock = verdict.Status.Clock
		again := Judge(Input{Incident: corrected, Zone: paris, Now: detected.Add(5 * time.Hour)})
		if diff := cmp.Diff([]v1alpha1.ClockChange{{Time: at(5), OldStartTime: at(2), OldSource: v1alpha1.ClockDeclared}}, again.Status.ClockHistory); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWithoutOfficerOrPolicyTheClockRunsAndNobodyIsTold(t *testing.T) {
	for name, in := range map[string]Input{
		v1alpha1.ReasonOfficerMissing: {Policy: defaultPolicy(t)},
		v1alpha1.ReasonPolicyMissing:  {Officer: &v1alpha1.DataProtectionOfficer{}},
	} {
		in.Incident, in.Now = incident(), detected.Add(90*time.Hour)
		verdict := Judge(in)
		last := verdict.Conditions[len(verdict.Conditions)-1]
		if last.Type != v1alpha1.ConditionStalled || last.Reason != name || verdict.Status.Clock == nil || len(verdict.Status.Stages) != 0 || len(Desired(in)) != 0 {
			t.Errorf("%s: %+v", name, last)
		}
	}
}

func TestAStageWithoutChannelsSaysSo(t *testing.T) {
	in := Input{Incident: incident(), Policy: defaultPolicy(t), Officer: &v1alpha1.DataProtectionOfficer{}, Now: detected.Add(time.Hour)}
	var reasons []string
	for _, e := range Judge(in).Events {
		reasons = append(reasons, e.Reason)
	}
	if diff := cmp.Diff([]string{v1alpha1.ReasonClockStarted, v1alpha1.ReasonStageFired, v1alpha1.ReasonNobodyTold}, reasons); diff != "" {
		t.Error(diff)
	}
}

func TestMessagesCarryNoFreeText(t *testing.T) {
	const canary = "camille.durand@example.eu"
	i := incident(risk(v1alpha1.RiskHigh), func(s *v1alpha1.BreachIncidentSpec) {
		s.Description, s.AwareReason, s.LikelyConsequences, s.MeasuresTaken, s.LateReasons = canary, canary, canary, canary, canary
		s.Risk.Reasoning = canary
		s.Acknowledgements = []v1alpha1.Acknowledgement{{Stage: "x", Note: canary}}
	})
	in := Input{Incident: i, Policy: defaultPolicy(t), Now: detected.Add(90 * time.Hour), Officer: &v1alpha1.DataProtectionOfficer{
		Spec: v1alpha1.DataProtectionOfficerSpec{Channels: []v1alpha1.ObjectName{"mail"}, ManagementChannels: []v1alpha1.ObjectName{"hook"}},
	}}
	encoded, err := json.Marshal(Desired(in))
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := json.Marshal(Judge(in).Conditions)
	if err != nil {
		t.Fatal(err)
	}
	if len(encoded) < 1000 || strings.Contains(string(encoded)+string(verdict), canary) {
		t.Errorf("%s", encoded)
	}
}

func TestAuthoritiesFollowTheOfficersObject(t *testing.T) {
	officer := &v1alpha1.DataProtectionOfficer{Spec: v1alpha1.DataProtectionOfficerSpec{Organisation: v1alpha1.Organisation{Country: "FR"}}}
	got := Judge(Input{Incident: incident(), Officer: officer, Now: detected}).Status.Authorities
	if len(got) != 1 || got[0].Code != "FR" || got[0].Basis != "LeadAuthority" || got[0].NotificationURL == "" {
		t.Errorf("%+v", got)
	}
	officer.Spec.Organisation.Country = "US"
	if got := Judge(Input{Incident: incident(), Officer: officer, Now: detected}).Status.Authorities; got != nil {
		t.Errorf("outside the EEA: %+v", got)
	}
	if got := Judge(Input{Incident: incident(processor), Officer: officer, Now: detected}).Status.Authorities; got != nil {
		t.Errorf("a processor: %+v", got)
	}
}

func TestTheRecordIsKeptFiveYearsAfterClosure(t *testing.T) {
	i := incident()
	if _, ended := RecordEnds(i, time.UTC); ended {
		t.Error("an open incident has an end of its record")
	}
	i.Status.ClosedTime = at(0)
	end, ok := RecordEnds(i, time.UTC)
	if want := time.Date(2031, time.November, 6, 0, 0, 0, 0, time.UTC); !ok || !end.Equal(want) {
		t.Errorf("%s, %v", end, ok)
	}
}

func TestTheSealedCopyIsTheRecord(t *testing.T) {
	sealed, err := Seal(incident(closure), "rempart-system")
	if err != nil {
		t.Fatal(err)
	}
	if *sealed.Name != "breach-record-uid-1" || !*sealed.Immutable || !strings.Contains(sealed.Data["record.json"], `"summary":"done"`) || !strings.HasPrefix(sealed.Data["digest"], "sha256:") {
		t.Errorf("%+v", sealed)
	}
}
