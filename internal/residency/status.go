package residency

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// Bounds of the lists in a policy's status.
const (
	maxClasses      = 256
	maxClassPlaces  = 32
	maxViolations   = 64
	maxStatusPlace  = 63
	maxClassMessage = 1024
	maxJudgement    = 512
)

// Observed is what a pass over one policy saw.
type Observed struct {
	Policy   *v1alpha1.ResidencyPolicy
	Snapshot *Snapshot
	// Scan is the newest; nil before the first.
	Scan *Scan
	// Webhooks tells whether the webhooks that refuse are in place.
	Webhooks bool
	// Missing names admission policies and bindings that are not in place, sorted.
	Missing []string
	// Unlimited names the policy's namespaces without the quota that it wants there, sorted.
	Unlimited []string
	// Audience is whom the messages about exceptions that end soon were written to; nil when that failed.
	Audience *Audience
	Now      metav1.Time
}

// Verdict is what a pass came to: the status as it should be, but for its conditions, and the conditions.
type Verdict struct {
	Status     v1alpha1.ResidencyPolicyStatus
	Conditions []metav1.Condition
	// Judged is false while the snapshot or the scan is of another generation of the policy.
	Judged bool
	// Fresh are violations that the status did not show before, for events.
	Fresh []Finding
}

// Judge says what a policy means for the cluster. The same observation always gives the same verdict.
func Judge(in Observed) Verdict {
	judged := in.Snapshot.judgedNow(in.Policy)
	if judged == nil {
		return pending(in.Policy)
	}
	status := in.Policy.Status.DeepCopy()
	status.DataVersion = DataVersion
	status.StorageClasses = classesOf(judged)
	status.Nodes = nodesOf(judged)
	status.Exceptions = exceptionsOf(in.Policy, in.Audience, in.Now.Time)
	verdict := Verdict{Conditions: []metav1.Condition{ready(judged), enforcing(in)}}
	if scanned := in.Scan.Of(in.Policy); scanned != nil {
		total := int32(scanned.Total) //nolint:gosec // a cluster has fewer objects than that
		status.ViolationsTotal, status.Violations = &total, scanned.violations()
		verdict.Judged, verdict.Fresh = true, scanned.Fresh(in.Policy.Status.Violations)
		verdict.Conditions = append(verdict.Conditions, compliant(total))
	}
	if !sameJudgement(status, &in.Policy.Status) {
		status.LastScanTime = &in.Now
	}
	verdict.Status = *status
	return verdict
}

// pending is the verdict while there is no snapshot of this generation. What an earlier process judged of the same
// generation stands: a restart says nothing new.
func pending(policy *v1alpha1.ResidencyPolicy) Verdict {
	verdict := Verdict{Status: policy.Status}
	if ready := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.ObservedGeneration != policy.Generation {
		verdict.Conditions = []metav1.Condition{
			condition.True(v1alpha1.ConditionReconciling, v1alpha1.ReasonJudging, "The cluster is being judged under this policy")}
	}
	return verdict
}

// judgedNow returns the judgement of exactly this policy; nil while it is of an older one.
func (s *Snapshot) judgedNow(policy *v1alpha1.ResidencyPolicy) *Judged {
	if s == nil {
		return nil
	}
	judged, known := s.policies[policy.Name]
	if !known || judged.UID != string(policy.UID) || judged.Generation != policy.Generation {
		return nil
	}
	return judged
}

// sameJudgement tells whether two statuses say the same of the cluster.
func sameJudgement(a, b *v1alpha1.ResidencyPolicyStatus) bool {
	return equality.Semantic.DeepEqual(a.StorageClasses, b.StorageClasses) && equality.Semantic.DeepEqual(a.Nodes, b.Nodes) &&
		equality.Semantic.DeepEqual(a.Violations, b.Violations) && equality.Semantic.DeepEqual(a.ViolationsTotal, b.ViolationsTotal) && a.DataVersion == b.DataVersion
}

func ready(judged *Judged) metav1.Condition {
	allowed := 0
	for _, class := range judged.Classes {
		if class.Verdict == v1alpha1.VerdictAllowed {
			allowed++
		}
	}
	if name := judged.Rules.defaultClass; name != "" {
		if verdict := judged.verdictOf(&name); verdict.Verdict != v1alpha1.VerdictAllowed {
			return condition.False(v1alpha1.ConditionReady, v1alpha1.ReasonDefaultClassNotAllowed, fmt.Sprintf("spec.storage.defaultClassName is not filled in: %s", Sentence(verdict)))
		}
	}
	return condition.True(v1alpha1.ConditionReady, v1alpha1.ReasonJudged, fmt.Sprintf("%d of %d StorageClasses are allowed", allowed, len(judged.Classes)))
}

func enforcing(in Observed) metav1.Condition {
	switch {
	case in.Policy.Spec.Enforcement == v1alpha1.EnforcementAudit:
		return condition.False(v1alpha1.ConditionEnforcing, v1alpha1.ReasonAuditOnly, "The policy warns and records, and refuses nothing")
	case !in.Webhooks:
		return condition.False(v1alpha1.ConditionEnforcing, v1alpha1.ReasonWebhooksMissing, "The webhook configuration rempart-validating or rempart-mutating is absent or has no certificate authority: install Rempart's manifests again")
	case len(in.Missing) > 0:
		return condition.False(v1alpha1.ConditionEnforcing, v1alpha1.ReasonAdmissionPoliciesMissing, fmt.Sprintf("%s: absent, or not as installed, so claims are refused by the webhook alone; install Rempart's manifests again", strings.Join(in.Missing, ", ")))
	case len(in.Unlimited) > 0:
		return condition.False(v1alpha1.ConditionEnforcing, v1alpha1.ReasonQuotasMissing, fmt.Sprintf("%d namespace(s), such as %s, lack ResourceQuota %s, or have another; webhooks and admission policies refuse there", len(in.Unlimited), in.Unlimited[0], QuotaName))
	default:
		return condition.True(v1alpha1.ConditionEnforcing, v1alpha1.ReasonEnforced, "Claims that the policy does not allow are refused: webhooks, admission policies and quotas are in place")
	}
}

func compliant(total int32) metav1.Condition {
	if total == 0 {
		return condition.True(v1alpha1.ConditionCompliant, v1alpha1.ReasonNoViolation, "Everything is where the policy allows")
	}
	return condition.False(v1alpha1.ConditionCompliant, v1alpha1.ReasonViolations, fmt.Sprintf("%d object(s) are where the policy does not allow, or nobody knows where; status.violations names the worst", total))
}

func (j *Judged) verdictOf(class *string) ClassVerdict {
	switch {
	case class == nil:
		return ClassVerdict{Verdict: v1alpha1.VerdictUnknown, Reason: ReasonClassAbsent}
	case *class == "":
		return ClassVerdict{Verdict: v1alpha1.VerdictUnknown, Reason: ReasonClassEmpty}
	}
	if verdict, known := j.Classes[*class]; known {
		return verdict
	}
	return ClassVerdict{Name: *class, Verdict: v1alpha1.VerdictUnknown, Reason: ReasonClassMissing}
}

// classesOf lists the judged classes, allowed ones first, then by name.
func classesOf(judged *Judged) []v1alpha1.JudgedStorageClass {
	out := make([]v1alpha1.JudgedStorageClass, 0, len(judged.Classes))
	for _, verdict := range judged.Classes {
		out = append(out, v1alpha1.JudgedStorageClass{Name: v1alpha1.ObjectName(verdict.Name), UID: verdict.UID, Digest: verdict.Digest,
			Verdict: verdict.Verdict, Reason: string(verdict.Reason), Message: atMost(maxJudgement, Sentence(verdict)), Places: placesOfClass(verdict.Places)})
	}
	slices.SortFunc(out, func(a, b v1alpha1.JudgedStorageClass) int {
		return cmp.Or(cmp.Compare(order(a.Verdict), order(b.Verdict)), cmp.Compare(a.Name, b.Name))
	})
	if len(out) == 0 {
		return nil
	}
	return out[:min(len(out), maxClasses)]
}

func order(verdict v1alpha1.PlacementVerdict) int {
	if verdict == v1alpha1.VerdictAllowed {
		return 0
	}
	return 1
}

func placesOfClass(places []Place) []v1alpha1.JudgedPlace {
	var out []v1alpha1.JudgedPlace
	for _, place := range places {
		if len(out) == maxClassPlaces {
			break
		}
		code := place.Region
		if code == "" {
			code = place.Zone
		}
		judged := v1alpha1.JudgedPlace{Provider: bounded(place.Provider), Region: bounded(code), Country: place.Country, Zone: place.Law}
		if !slices.Contains(out, judged) {
			out = append(out, judged)
		}
	}
	return out
}

// bounded keeps what a user wrote in a class within the schema of the status.
func bounded(s string) string { return atMost(maxStatusPlace, s) }

// atMost keeps a text within so many bytes.
func atMost(most int, s string) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-3], "") + "..."
}

func nodesOf(judged *Judged) v1alpha1.NodeCounts {
	counts := map[v1alpha1.PlacementVerdict]int32{}
	for _, node := range judged.Nodes {
		counts[node.Verdict]++
	}
	allowed, denied, unknown := counts[v1alpha1.VerdictAllowed], counts[v1alpha1.VerdictDenied], counts[v1alpha1.VerdictUnknown]
	return v1alpha1.NodeCounts{Allowed: &allowed, Denied: &denied, Unknown: &unknown}
}
