package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BreachClock is the clock that runs.
type BreachClock struct {
	// source of the start.
	// +required
	Source ClockSource `json:"source,omitempty"`
	// startTime of the clock.
	// +required
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// dueTime is the safe target: start plus 72 hours.
	// +optional
	DueTime *metav1.Time `json:"dueTime,omitempty"`
	// legalDueTime is the legal limit (Regulation 1182/71, Article 3(1)); absent while provisional.
	// +optional
	LegalDueTime *metav1.Time `json:"legalDueTime,omitempty"`
	// lawProfile by which it was computed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	LawProfile string `json:"lawProfile,omitempty"`
}

// SeveritySuggestion is what ENISA's method suggests. A person decides.
type SeveritySuggestion struct {
	// scoreHundredths of the severity.
	// +optional
	ScoreHundredths *int32 `json:"scoreHundredths,omitempty"`
	// band of the score.
	// +required
	Band SeverityBand `json:"band,omitempty"`
	// suggestion for risk.outcome.
	// +required
	Suggestion RiskOutcome `json:"suggestion,omitempty"`
	// flags to heed.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Flags []string `json:"flags,omitempty"`
}

// Obligation is one duty with its state.
type Obligation struct {
	// duty that the law may impose.
	// +required
	Duty DutyName `json:"duty,omitempty"`
	// article of the Regulation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// state of the duty.
	// +required
	State DutyState `json:"state,omitempty"`
	// dueTime of the duty.
	// +optional
	DueTime *metav1.Time `json:"dueTime,omitempty"`
	// reason of the state.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
}

// CompetentAuthority is an authority to notify; a person confirms it.
type CompetentAuthority struct {
	// code of the authority.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Code string `json:"code,omitempty"`
	// name of the authority.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name,omitempty"`
	// notificationURL at which a person notifies.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	NotificationURL string `json:"notificationURL,omitempty"`
	// basis of the competence.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Basis string `json:"basis,omitempty"`
}

// StageStatus is a stage that fired. It is a fact.
type StageStatus struct {
	// name of the stage.
	// +required
	Name PartName `json:"name,omitempty"`
	// firedTime is when it fired.
	// +required
	FiredTime *metav1.Time `json:"firedTime,omitempty"`
	// repeats so far.
	// +optional
	Repeats *int32 `json:"repeats,omitempty"`
	// lastRepeatTime is when it was last repeated.
	// +optional
	LastRepeatTime *metav1.Time `json:"lastRepeatTime,omitempty"`
	// acknowledgedTime is when somebody acknowledged.
	// +optional
	AcknowledgedTime *metav1.Time `json:"acknowledgedTime,omitempty"`
	// acknowledgeDueTime is when somebody should have acknowledged.
	// +optional
	AcknowledgeDueTime *metav1.Time `json:"acknowledgeDueTime,omitempty"`
}

// ClockChange is a start instant that was corrected. The old value is kept.
type ClockChange struct {
	// time of the change.
	// +required
	Time *metav1.Time `json:"time,omitempty"`
	// oldStartTime of the clock.
	// +required
	OldStartTime *metav1.Time `json:"oldStartTime,omitempty"`
	// oldSource of the clock.
	// +required
	OldSource ClockSource `json:"oldSource,omitempty"`
}
