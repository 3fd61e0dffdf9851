package residency

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TrustedLabels are the labels that say what Rempart found out about a node, as it is now: its country, and each policy that
// allows it. What is in doubt has no label. The country is what the policies that locate the node agree on; one that knows
// of no place says nothing, for another may declare it, and one that finds a contradiction leaves none.
func (s *Snapshot) TrustedLabels(node *corev1.Node) map[string]string {
	trusted := map[string]string{}
	var country v1alpha1.Country
	agreed := true
	judge := func(policy *Judged) JudgedNode {
		judged := policy.Rules.JudgeNode(node)
		switch {
		case judged.Place.Reason == ReasonConflicting || (judged.Place.Known() && country != "" && country != judged.Place.Country):
			agreed = false
		case judged.Place.Known():
			country = judged.Place.Country
		}
		return judged
	}
	for name, policy := range s.policies {
		if judge(policy).Verdict == v1alpha1.VerdictAllowed {
			trusted[PolicyLabel(name)] = LabelPolicyAllowed
		}
	}
	if len(s.policies) == 0 {
		judge(s.fallback)
	}
	if agreed && country != "" {
		trusted[LabelCountry] = string(country)
	}
	return trusted
}

// TrustedOf picks those labels from the labels of a node.
func TrustedOf(labels map[string]string) map[string]string {
	trusted := map[string]string{}
	for key, value := range labels {
		if key == LabelCountry || strings.HasPrefix(key, LabelPolicyPrefix) {
			trusted[key] = value
		}
	}
	return trusted
}
