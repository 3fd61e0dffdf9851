package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BreachIncidentSpec is what people state and decide. Free text must not name a person concerned.
//
// +kubebuilder:validation:XValidation:rule="self.verdict != 'Dismissed' || has(self.verdictReason)",message="verdict Dismissed needs verdictReason"
// +kubebuilder:validation:XValidation:rule="self.verdict != 'Confirmed' || has(self.awareTime)",message="verdict Confirmed needs awareTime: the instant from which the 72 hours count (Article 33(1))"
// +kubebuilder:validation:XValidation:rule="self.role != 'Processor' || has(self.controllers)",message="a Processor names the controllers whom it tells (Article 33(2))"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.awareTime) || has(self.awareTime)",message="awareTime was stated; it may be corrected, not removed"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.awareTime) || self.awareTime <= oldSelf.awareTime || (has(self.awareReason) && (!has(oldSelf.awareReason) || self.awareReason != oldSelf.awareReason))",message="a later awareTime needs a new awareReason"
// +kubebuilder:validation:XValidation:rule="oldSelf.verdict == 'Suspected' || self.verdict != 'Suspected'",message="a verdict does not go back to Suspected"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.submissions) || (has(self.submissions) && self.submissions.size() >= oldSelf.submissions.size())",message="submissions are only added"
// +kubebuilder:validation:XValidation:rule="!has(self.awareTime) || !has(self.submissions) || has(self.lateReasons) || self.submissions.all(s, s.type != 'New' || s.submittedTime <= self.awareTime + duration('72h'))",message="a first notification later than 72 hours after awareTime needs lateReasons (Article 33(1))"
// +kubebuilder:validation:XValidation:rule="!has(self.awareTime) || !has(self.occurred) || !has(self.occurred.fromTime) || self.occurred.precision != 'Exact' || self.awareTime >= self.occurred.fromTime",message="awareTime must not be before an exact occurred.fromTime"
// +kubebuilder:validation:XValidation:rule="!has(self.submissions) || !self.submissions.exists(s, s.completeness == 'Complete') || (has(self.risk) && self.risk.outcome != 'Undetermined')",message="a Complete submission needs risk.outcome other than Undetermined (Article 33(3))"
// +kubebuilder:validation:XValidation:rule="!has(self.communication) || self.communication.status != 'NotHighRisk' || !has(self.risk) || self.risk.outcome != 'High'",message="communication NotHighRisk contradicts risk High (Article 34(1))"
// +kubebuilder:validation:XValidation:rule="!has(self.communication) || !has(self.communication.exemption) || self.communication.exemption.ground != 'EncryptedOrUnintelligible' || (has(self.protection) && self.protection == 'Intact' && has(self.keyCompromised) && self.keyCompromised == 'No')",message="exemption EncryptedOrUnintelligible needs protection Intact and keyCompromised No (Article 34(3)(a))"
// +kubebuilder:validation:XValidation:rule="self.verdict != 'Dismissed' || !has(self.submissions) || self.submissions.exists(s, s.completeness == 'Withdraw')",message="an incident that was notified is dismissed only after a Withdraw submission"
type BreachIncidentSpec struct {
	// officerRef names the DataProtectionOfficer.
	// +required
	OfficerRef ClusterRef `json:"officerRef,omitzero"`
	// role of the organisation.
	// +required
	Role BreachRole `json:"role,omitempty"`
	// verdict so far.
	// +required
	Verdict BreachVerdict `json:"verdict,omitempty"`
	// verdictReason of the verdict; required when Dismissed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	VerdictReason string `json:"verdictReason,omitempty"`
	// detectedTime is when something was seen. The provisional clock counts from it.
	// +required
	DetectedTime *metav1.Time `json:"detectedTime,omitempty"`
	// awareTime is when it was reasonably certain that personal data were compromised. The 72 hours of Article 33(1) count from it.
	// +optional
	AwareTime *metav1.Time `json:"awareTime,omitempty"`
	// awareReason is how it became certain, and why it moved if it did.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	AwareReason string `json:"awareReason,omitempty"`
	// occurred is when it happened.
	// +optional
	Occurred *Occurrence `json:"occurred,omitempty"`
	// nature of the breach.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Nature []BreachNature `json:"nature,omitempty"`
	// description of the breach.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	Description string `json:"description,omitempty"`
	// lateReasons of a notification after 72 hours (Article 33(1)).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	LateReasons string `json:"lateReasons,omitempty"`
	// protection of the affected data.
	// +optional
	Protection Protection `json:"protection,omitempty"`
	// keyCompromised is whether the key was.
	// +optional
	KeyCompromised Answer `json:"keyCompromised,omitempty"`
	// dataSubjects concerned.
	// +optional
	DataSubjects *AffectedCount `json:"dataSubjects,omitempty"`
	// records concerned.
	// +optional
	Records *AffectedCount `json:"records,omitempty"`
	// severityInputs feed the suggestion.
	// +optional
	SeverityInputs *SeverityInputs `json:"severityInputs,omitempty"`
	// risk assessed by a person.
	// +optional
	Risk *RiskDecision `json:"risk,omitempty"`
	// measuresTaken or proposed (Article 33(3)(d)).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	MeasuresTaken string `json:"measuresTaken,omitempty"`
	// likelyConsequences of the breach (Article 33(3)(c)).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	LikelyConsequences string `json:"likelyConsequences,omitempty"`
	// communication to the people concerned.
	// +optional
	Communication *Communication `json:"communication,omitempty"`
	// controllers whom a processor tells.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Controllers []InformedController `json:"controllers,omitempty"`
	// affected by the incident.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Affected []AffectedThing `json:"affected,omitempty"`
	// submissions to authorities.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Submissions []Submission `json:"submissions,omitempty"`
	// acknowledgements of stages.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Acknowledgements []Acknowledgement `json:"acknowledgements,omitempty"`
	// closure of the incident.
	// +optional
	Closure *Closure `json:"closure,omitempty"`
	// escalationPolicyRef names the EscalationPolicy.
	// +optional
	// +default={"name":"default"}
	EscalationPolicyRef ClusterRef `json:"escalationPolicyRef,omitzero"`
	// decisionStamp is who last changed verdict or awareness.
	// +optional
	DecisionStamp *DecisionStamp `json:"decisionStamp,omitempty"`
}

// BreachIncidentStatus is what Rempart works out from what people stated.
type BreachIncidentStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Aware, Assessed, AuthorityNotified, SubjectsInformed, ControllersInformed, Acknowledged, Overdue.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=20
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// clock that runs.
	// +optional
	Clock *BreachClock `json:"clock,omitempty"`
	// clockHistory of corrections.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	ClockHistory []ClockChange `json:"clockHistory,omitempty"`
	// assessedOutcome is the risk that was last decided.
	// +optional
	AssessedOutcome RiskOutcome `json:"assessedOutcome,omitempty"`
	// assessedTime is when that outcome was decided. The stages that count from Assessment, and the duty of Article 34, count from it.
	// +optional
	AssessedTime *metav1.Time `json:"assessedTime,omitempty"`
	// severity suggested.
	// +optional
	Severity *SeveritySuggestion `json:"severity,omitempty"`
	// obligations of the organisation.
	// +optional
	// +listType=map
	// +listMapKey=duty
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=8
	Obligations []Obligation `json:"obligations,omitempty"`
	// authorities to notify.
	// +optional
	// +listType=map
	// +listMapKey=code
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=32
	Authorities []CompetentAuthority `json:"authorities,omitempty"`
	// stages that fired, in order.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	Stages []StageStatus `json:"stages,omitempty"`
	// nextStageTime is when the next stage is due.
	// +optional
	NextStageTime *metav1.Time `json:"nextStageTime,omitempty"`
	// nextStage that is due.
	// +optional
	NextStage PartName `json:"nextStage,omitempty"`
	// closedTime is when the last duty ended: closed, dismissed, or unlikely to be a risk. From then on the record is kept for five years.
	// +optional
	ClosedTime *metav1.Time `json:"closedTime,omitempty"`
}

// BreachIncident is one personal data breach, real or suspected (Articles 33 and 34).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=breach,categories=gdpr
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.spec.verdict`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Severity",type=string,JSONPath=`.status.severity.band`
// +kubebuilder:printcolumn:name="Clock",type=string,JSONPath=`.status.clock.source`
// +kubebuilder:printcolumn:name="Due",type=string,format=date-time,JSONPath=`.status.clock.dueTime`
// +kubebuilder:printcolumn:name="Overdue",type=string,JSONPath=`.status.conditions[?(@.type=="Overdue")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type BreachIncident struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what people state and decide.
	// +required
	Spec BreachIncidentSpec `json:"spec,omitzero"`
	// status is what Rempart works out.
	// +optional
	// +default={"observedGeneration":-1}
	Status BreachIncidentStatus `json:"status,omitzero"`
}

// BreachIncidentList is a list of BreachIncident.
//
// +kubebuilder:object:root=true
type BreachIncidentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BreachIncident `json:"items"`
}
