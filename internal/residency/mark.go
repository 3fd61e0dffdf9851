package residency

import (
	"maps"
	"strings"
)

// labelNamespacePrefix and the name of a ResidencyPolicy are the key of the label on a namespace in which it holds.
const labelNamespacePrefix = "policy.gdpr.rempart.dev/"

// marked is the only value of that label.
const marked = "true"

// NamespaceLabel is the key of the label on the namespaces in which a policy holds. Only the operator takes it off.
func NamespaceLabel(policy string) string { return labelNamespacePrefix + policy }

// Marks are the labels that the operator keeps on a guarded namespace, by key: LabelGuarded, which selects the webhooks,
// and one for each ResidencyPolicy that holds there, which the admission policy rempart-claims reads.
func (g *Guard) Marks() map[string]string {
	marks := map[string]string{}
	if label := g.Label(); label != "" {
		marks[LabelGuarded] = label
	}
	if g == nil {
		return marks
	}
	for _, policy := range g.Policies {
		if policy.Rules.Name != "" {
			marks[NamespaceLabel(policy.Rules.Name)] = marked
		}
	}
	return marks
}

// MarksOf picks the marks from the labels of a namespace.
func MarksOf(labels map[string]string) map[string]string {
	marks := map[string]string{}
	for key, value := range labels {
		if (key == LabelGuarded && value != "") || strings.HasPrefix(key, labelNamespacePrefix) {
			marks[key] = value
		}
	}
	return marks
}

// Stronger joins the marks that a namespace has with those that it should have, and keeps the stronger of each: what may
// be written at once.
func Stronger(has, wants map[string]string) map[string]string {
	joined := maps.Clone(has)
	for key, value := range wants {
		if key != LabelGuarded || strength(value) >= strength(has[key]) {
			joined[key] = value
		}
	}
	return joined
}

// strength orders the values of LabelGuarded: a namespace with a stronger one is guarded more. A value that the operator
// never sets counts as the weakest.
func strength(guarded string) int {
	switch guarded {
	case "":
		return 0
	case GuardedEnforce:
		return 2
	case GuardedAll:
		return 3
	default:
		return 1
	}
}
