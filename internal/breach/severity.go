package breach

import (
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Flags beside the score.
const (
	// FlagManyIndividuals: more than a hundred people. ENISA's formula has no weight for numbers.
	FlagManyIndividuals = "ManyIndividuals"
	// FlagUnintelligible: the data are encrypted and the key is safe.
	FlagUnintelligible = "Unintelligible"
)

// manyIndividuals is the number above which the flag is raised.
const manyIndividuals = 100

// Severity suggests a rating by ENISA's method of 2013: SE = DPC x EI + CB, in hundredths. It is not the legal
// threshold, and decides nothing. Nil without inputs.
func Severity(spec *v1alpha1.BreachIncidentSpec) *v1alpha1.SeveritySuggestion {
	in := spec.SeverityInputs
	if in == nil || len(in.Categories) == 0 {
		return nil
	}
	var context int32 // DPC: the data processing context
	for _, c := range in.Categories {
		context = max(context, min(4, max(1, baseOf(c.Category)+ptr.Deref(c.Adjustment, 0))))
	}
	score := context*identificationOf(in.Identification) +
		confidentialityOf(in.Confidentiality) + integrityOf(in.Integrity) + availabilityOf(in.Availability)
	if in.Malicious == v1alpha1.AnswerYes {
		score += 50
	}
	suggestion := &v1alpha1.SeveritySuggestion{ScoreHundredths: &score}
	suggestion.Band, suggestion.Suggestion = bandOf(score)
	if spec.DataSubjects != nil && ptr.Deref(spec.DataSubjects.Count, 0) > manyIndividuals {
		suggestion.Flags = append(suggestion.Flags, FlagManyIndividuals)
	}
	if spec.Protection == v1alpha1.ProtectionIntact && spec.KeyCompromised == v1alpha1.AnswerNo {
		suggestion.Flags = append(suggestion.Flags, FlagUnintelligible)
	}
	return suggestion
}

func bandOf(score int32) (v1alpha1.SeverityBand, v1alpha1.RiskOutcome) {
	switch {
	case score < 200:
		return v1alpha1.BandLow, v1alpha1.RiskUnlikely
	case score < 300:
		return v1alpha1.BandMedium, v1alpha1.RiskRisk
	case score < 400:
		return v1alpha1.BandHigh, v1alpha1.RiskHigh
	default:
		return v1alpha1.BandVeryHigh, v1alpha1.RiskHigh
	}
}

func baseOf(c v1alpha1.SeverityCategory) int32 {
	switch c {
	case v1alpha1.CategorySimple:
		return 1
	case v1alpha1.CategoryBehavioural:
		return 2
	case v1alpha1.CategoryFinancial:
		return 3
	default: // Sensitive, and what is not known
		return 4
	}
}

func identificationOf(i v1alpha1.SeverityIdentification) int32 {
	switch i {
	case v1alpha1.IdentificationNegligible:
		return 25
	case v1alpha1.IdentificationLimited:
		return 50
	case v1alpha1.IdentificationSignificant:
		return 75
	default: // Maximum, and what is not known
		return 100
	}
}

func confidentialityOf(c v1alpha1.SeverityConfidentiality) int32 {
	switch c {
	case v1alpha1.ConfidentialityKnownRecipients:
		return 25
	case v1alpha1.ConfidentialityUnknownRecipients:
		return 50
	default:
		return 0
	}
}

func integrityOf(i v1alpha1.SeverityIntegrity) int32 {
	switch i {
	case v1alpha1.IntegrityRecoverable:
		return 25
	case v1alpha1.IntegrityNotRecoverable:
		return 50
	default:
		return 0
	}
}

func availabilityOf(a v1alpha1.SeverityAvailability) int32 {
	switch a {
	case v1alpha1.AvailabilityTemporal:
		return 25
	case v1alpha1.AvailabilityFull:
		return 50
	default:
		return 0
	}
}
