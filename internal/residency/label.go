package residency

// Labels of nodes below this prefix cannot be set by a kubelet (admission plug-in NodeRestriction).
const nodeRestriction = "rempart.node-restriction.kubernetes.io/"

const (
	// LabelCountry on a node is the country that Rempart found it in. Only the operator may set it.
	LabelCountry = nodeRestriction + "country"
	// LabelPolicyPrefix and the name of a ResidencyPolicy are the key of the label that the operator keeps on the nodes
	// that the policy allows. Only the operator may set it.
	LabelPolicyPrefix = nodeRestriction + "policy."
	// LabelPolicyAllowed is the label's only value: a node that is not allowed has no label.
	LabelPolicyAllowed = "Allowed"
)

// PolicyLabel is the key of the label that marks the nodes that a policy allows.
func PolicyLabel(policy string) string { return LabelPolicyPrefix + policy }
