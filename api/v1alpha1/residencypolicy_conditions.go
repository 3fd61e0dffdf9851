package v1alpha1

// Condition types of ResidencyPolicy, beside Ready, Reconciling and Stalled.
const (
	// ConditionEnforcing is True when claims that the policy does not allow are refused: it enforces, and every layer that
	// carries it out was seen in place.
	ConditionEnforcing = "Enforcing"
	// ConditionCompliant is True when nothing that exists is where the policy does not allow it.
	ConditionCompliant = "Compliant"
)

// Reasons of ResidencyPolicy.
const (
	// ReasonJudged means that every class and node of the cluster was judged under the policy as it is now.
	ReasonJudged = "Judged"
	// ReasonDefaultClassNotAllowed means that spec.storage.defaultClassName names a class that the policy does not allow, or
	// that does not exist: it is not filled in.
	ReasonDefaultClassNotAllowed = "DefaultClassNotAllowed"
	// ReasonJudging means that the policy changed and the cluster is being judged anew.
	ReasonJudging = "Judging"
	// ReasonEnforced means that what the policy does not allow is refused.
	ReasonEnforced = "Enforced"
	// ReasonAuditOnly means that the policy only warns and records.
	ReasonAuditOnly = "AuditOnly"
	// ReasonWebhooksMissing means that a webhook configuration of Rempart is absent or has no certificate authority yet.
	ReasonWebhooksMissing = "WebhooksMissing"
	// ReasonAdmissionPoliciesMissing means that the webhooks refuse, and that admission policies which hold without them
	// are absent or changed. The message names them.
	ReasonAdmissionPoliciesMissing = "AdmissionPoliciesMissing"
	// ReasonQuotasMissing means that webhooks and admission policies refuse, and that namespaces lack the ResourceQuota that
	// the policy wants there.
	ReasonQuotasMissing = "QuotasMissing"
	// ReasonNoViolation means that everything is where the policy allows.
	ReasonNoViolation = "NoViolation"
	// ReasonViolations means that objects exist whose place the policy does not allow, or is unknown.
	ReasonViolations = "Violations"
	// ReasonExceptionExpiresSoon is the reason of an event: an exception ends within thirty days.
	ReasonExceptionExpiresSoon = "ExceptionExpiresSoon"
	// ReasonExceptionExpired is the reason of an event: an exception has ended, and what it lifted is judged again.
	ReasonExceptionExpired = "ExceptionExpired"
)
