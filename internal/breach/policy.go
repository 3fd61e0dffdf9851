package breach

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// PolicyInput is what a decision about an EscalationPolicy needs.
type PolicyInput struct {
	Policy *v1alpha1.EscalationPolicy
	// Channels that exist.
	Channels map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel
	// Incidents that follow the policy.
	Incidents []v1alpha1.BreachIncident
}

// PolicyVerdict is how a policy stands.
type PolicyVerdict struct {
	Conditions    []metav1.Condition
	OpenIncidents int32
}

// JudgePolicy says whether a policy can be carried out: every channel that it names exists. Those that it leaves to the
// officer's object are judged there.
func JudgePolicy(in PolicyInput) PolicyVerdict {
	var v PolicyVerdict
	for i := range in.Incidents {
		if Open(&in.Incidents[i]) {
			v.OpenIncidents++
		}
	}
	if missing := missingChannel(in); missing != "" {
		message := fmt.Sprintf("NotificationChannel %q does not exist; create it, or take it out of the policy", missing)
		v.Conditions = []metav1.Condition{
			no(v1alpha1.ConditionReady, v1alpha1.ReasonChannelMissing, message),
			yes(v1alpha1.ConditionStalled, v1alpha1.ReasonChannelMissing, message),
		}
		return v
	}
	v.Conditions = []metav1.Condition{yes(v1alpha1.ConditionReady, v1alpha1.ReasonChannelsExist, "Every channel that the policy names exists")}
	return v
}

func missingChannel(in PolicyInput) v1alpha1.ObjectName {
	for _, stage := range in.Policy.Spec.Stages {
		for _, a := range stage.Audiences {
			for _, name := range a.ChannelRefs {
				if in.Channels[name] == nil {
					return name
				}
			}
		}
	}
	if ref := in.Policy.Spec.FallbackChannelRef; ref != nil && in.Channels[ref.Name] == nil {
		return ref.Name
	}
	return ""
}

// Open tells whether an incident has a duty open. One that was not judged yet has.
func Open(incident *v1alpha1.BreachIncident) bool {
	return !meta.IsStatusConditionTrue(incident.Status.Conditions, v1alpha1.ConditionReady)
}

// IsOverdue tells whether an incident is overdue.
func IsOverdue(incident *v1alpha1.BreachIncident) bool {
	return meta.IsStatusConditionTrue(incident.Status.Conditions, v1alpha1.ConditionOverdue)
}
