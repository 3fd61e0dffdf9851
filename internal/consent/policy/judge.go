package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// Verdict is what a pass came to. Nil fields were not judged: status keeps what it has.
type Verdict struct {
	Conditions []metav1.Condition
	TenantID   string
	Sites      []v1alpha1.SiteStatus
	Notice     *v1alpha1.NoticeStatus
	Ledger     *v1alpha1.LedgerStatus
	Keys       []v1alpha1.LedgerKeyStatus
	// Wait is when to look again though nothing happens.
	Wait time.Duration
}

// Waits between two looks: while the service answers as it should, and while something is missing that no event tells of.
const (
	waitServing = 30 * time.Second
	waitMissing = 10 * time.Second
)

// Gates of the conditions. The first objection gives the reason.
var (
	namedGates       = []gate{officerThere, registerThere}
	placedGates      = []gate{registerThere, regionsAllowed, ledgerPlaceAllowed}
	residentGates    = slices.Concat(placedGates, []gate{mailPlaceAllowed, observedPlaces})
	provisionedGates = slices.Concat(placedGates, []gate{storageFits, secretsThere, notPaused, ledgerRuns, issuersKnown, serviceRuns, reached})
	publishedGates   = slices.Concat(namedGates, []gate{purposesRegistered, noticeInEffect, answers, taken, shown})
	provenGates      = []gate{assertionsProven, forgottenKept}
	verifiedGates    = []gate{uncontradicted, audited}
	keysGates        = []gate{answers, keysThere, roomForKeys}
	readyGates       = slices.Concat(namedGates, []gate{purposesRegistered, noticeInEffect}, provisionedGates, residentGates, publishedGates, []gate{uncontradicted, keysThere})
)

type gate func(Input, Seen) condition.Objection

// Judge turns what is known and what was seen into the status of the policy.
func Judge(in Input, seen Seen) Verdict {
	verdict := Verdict{TenantID: TenantID(in.Policy.Namespace, in.Policy.Name), Wait: waitMissing}
	ready := first(in, seen, readyGates)
	verdict.Conditions = []metav1.Condition{
		ready.Against(v1alpha1.ConditionReady, v1alpha1.ReasonServing, "The service answers with what the policy asks for"),
		first(in, seen, publishedGates).Against(v1alpha1.ConditionPublished, v1alpha1.ReasonNoticePublished, "The newest notice in effect is in the ledger and shown"),
		first(in, seen, provisionedGates).Against(v1alpha1.ConditionProvisioned, v1alpha1.ReasonServiceProvisioned, provisioned(in)),
		first(in, seen, residentGates).Against(v1alpha1.ConditionResident, v1alpha1.ReasonServicePlaced, "Database and service are where the register's policy allows"),
		first(in, seen, provenGates).Against(v1alpha1.ConditionProofComplete, v1alpha1.ReasonOwnProof, "Nothing counts as consent that only somebody else can prove, and who was forgotten is known outside of the ledger"),
		first(in, seen, verifiedGates).Against(v1alpha1.ConditionVerified, v1alpha1.ReasonAuditPassed, "Ledger and log agree, and the log only ever grew"),
		first(in, seen, keysGates).Against(v1alpha1.ConditionKeysComplete, v1alpha1.ReasonKeysThere, "The service has every key that the ledger needs"),
	}
	switch {
	case ready.Stalled:
		verdict.Conditions = append(verdict.Conditions, condition.True(v1alpha1.ConditionStalled, ready.Reason, ready.Message))
	case ready.Working:
		verdict.Conditions = append(verdict.Conditions, condition.True(v1alpha1.ConditionReconciling, ready.Reason, ready.Message))
	case ready.Reason == "":
		verdict.Wait = waitServing
	}
	if next := NextEffect(&in.Policy.Spec, in.Now); !next.IsZero() {
		verdict.Wait = min(verdict.Wait, next.Sub(in.Now))
	}
	verdict.observe(in, seen)
	return verdict
}

// observe takes over what the service said. Without an answer the last one stands.
func (v *Verdict) observe(in Input, seen Seen) {
	if in.Checkpoint.Note != "" {
		v.Ledger = &v1alpha1.LedgerStatus{Size: &in.Checkpoint.Size, Root: in.Checkpoint.Root}
		if !in.Checkpoint.Time.IsZero() {
			v.Ledger.CheckpointTime = &metav1.Time{Time: in.Checkpoint.Time}
		}
	}
	if seen.Answer == nil {
		return
	}
	v.Notice = &v1alpha1.NoticeStatus{Version: seen.Answer.Notice.Version, MaterialDigest: seen.Answer.Notice.MaterialDigest}
	v.Sites = []v1alpha1.SiteStatus{}
	for i := range seen.Answer.Sites {
		s := &seen.Answer.Sites[i]
		v.Sites = append(v.Sites, v1alpha1.SiteStatus{ID: v1alpha1.PartName(s.ID), URL: s.URL, Integrity: s.Integrity, Digest: s.Digest, Bytes: &s.Bytes})
	}
	v.Keys = keysTold(in, seen.Answer)
	slices.SortFunc(v.Sites, func(a, b v1alpha1.SiteStatus) int { return compare(a.ID, b.ID) })
}

func compare(a, b v1alpha1.PartName) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func first(in Input, seen Seen, gates []gate) condition.Objection {
	for _, gate := range gates {
		if o := gate(in, seen); o.Reason != "" {
			return o
		}
	}
	return condition.Objection{}
}

func officerThere(in Input, _ Seen) condition.Objection {
	if in.Officer != nil {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonOfficerMissing, Message: fmt.Sprintf(
		"DataProtectionOfficer %q does not exist, so nobody knows who the controller is; create it", in.Policy.Spec.OfficerRef.Name)}
}

func registerThere(in Input, _ Seen) condition.Objection {
	if in.Register != nil {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonRegisterMissing, Message: fmt.Sprintf(
		"DataRegister %q does not exist, so no purpose is recorded and no place is allowed; create it", in.Policy.Spec.RegisterRef.Name)}
}

func purposesRegistered(in Input, _ Seen) condition.Objection {
	if in.Register == nil {
		return registerThere(in, Seen{})
	}
	if missing := Unregistered(&in.Policy.Spec, in.Register); len(missing) > 0 {
		return condition.Objection{Reason: v1alpha1.ReasonPurposeNotRegistered, Message: sentence(missing[0].Message)}
	}
	return condition.Objection{}
}

// sentence starts with a capital.
func sentence(text string) string {
	if text != "" && text[0] >= 'a' && text[0] <= 'z' {
		return string(text[0]-'a'+'A') + text[1:]
	}
	return text
}

func noticeInEffect(in Input, _ Seen) condition.Objection {
	if InEffect(&in.Policy.Spec, in.Now) != nil {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonNoticeNotInEffect, Message: "The effectiveTime of every notice is still to come; the service starts with the first"}
}

func regionsAllowed(in Input, _ Seen) condition.Objection {
	if len(in.Regions) > 0 {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonNoAllowedRegion, Message: "No region is allowed for the service: no node is in a place that the residency policy allows"}
}

func ledgerPlaceAllowed(in Input, _ Seen) condition.Objection {
	if !in.managedLedger() {
		return placeObjection("The ledger's database", in.Declared)
	}
	if in.Class.Verdict == v1alpha1.VerdictAllowed {
		return condition.Objection{}
	}
	message := in.Class.Message
	if message == "" {
		message = fmt.Sprintf("StorageClass %q of the ledger is not allowed by the residency policy", in.Policy.Spec.Service.Database.Managed.Storage.StorageClassName)
	}
	return condition.Objection{Reason: v1alpha1.ReasonStorageClassNotAllowed, Message: message}
}

func placeObjection(whose string, place register.Place) condition.Objection {
	if place.Verdict == v1alpha1.VerdictAllowed {
		return condition.Objection{}
	}
	message := place.Message
	if message == "" {
		message = fmt.Sprintf("region %q, country %q, zone %s (%s)", place.Region, place.Country, place.Zone, place.Reason)
	}
	o := condition.Objection{Reason: v1alpha1.ReasonPlaceUnknown, Message: fmt.Sprintf("%s is not where the residency policy allows: %s", whose, message)}
	if place.Verdict == v1alpha1.VerdictDenied {
		o.Reason = v1alpha1.ReasonPlaceNotAllowed
	}
	return o
}

// observedPlaces judges where pods are, a denied place before an unknown one.
func observedPlaces(_ Input, seen Seen) condition.Objection {
	if len(seen.Places) == 0 {
		return condition.Objection{Reason: v1alpha1.ReasonPlaceNotObserved, Unjudged: true, Working: true, Message: "No pod of the service or its database is on a node yet"}
	}
	var worst condition.Objection
	for _, place := range seen.Places {
		if o := placeObjection("A pod", place); worst.Reason == "" || o.Reason == v1alpha1.ReasonPlaceNotAllowed {
			worst = o
		}
	}
	return worst
}

func storageFits(in Input, _ Seen) condition.Objection {
	reason, message := database.StorageTrouble("The ledger", in.Policy.Spec.Service.Database.Managed, in.Claim, in.GrowthRefused)
	return condition.Objection{Reason: reason, Message: message, Stalled: reason != ""}
}

func secretsThere(in Input, _ Seen) condition.Objection {
	if in.Missing == "" {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonCredentialsMissing, Message: fmt.Sprintf("Secret %q is absent or lacks a key that the service needs; create it", in.Missing)}
}

func notPaused(in Input, _ Seen) condition.Objection {
	if !in.managedLedger() || database.Replicas(in.Policy.Spec.Service.Database.Managed) > 0 {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonPaused, Message: "The ledger's database is scaled to 0 replicas; set replicas to 1 to run it"}
}

func ledgerRuns(in Input, _ Seen) condition.Objection {
	if !in.managedLedger() || database.Ready(in.StatefulSet) {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonLedgerStarting, Working: true, Message: "The ledger's database does not answer yet"}
}

// provisioned says that all runs that is asked for.
func provisioned(in Input) string {
	if Routed(in.Policy) {
		return "Database, keys and service run, and the Gateway takes the route to it"
	}
	return "Database, keys and service run"
}

func issuersKnown(in Input, _ Seen) condition.Objection {
	if len(in.Issuers) > 0 {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonIssuerUnknown, Message: "The API server did not tell who issues the tokens of ServiceAccounts, so that no client could be known; see that it serves /openid/v1/jwks"}
}

func serviceRuns(in Input, _ Seen) condition.Objection {
	if running(in.Deployment) {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonServiceStarting, Working: true, Message: "No pod of the service is ready yet"}
}

func answers(in Input, seen Seen) condition.Objection {
	switch {
	case seen.Answer != nil:
		return condition.Objection{}
	case !running(in.Deployment):
		return condition.Objection{Reason: v1alpha1.ReasonServiceStarting, Unjudged: true, Working: true, Message: "No pod of the service is ready yet"}
	default:
		return condition.Objection{Reason: v1alpha1.ReasonServiceSilent, Unjudged: true, Working: true, Message: "The service does not answer the operator, or not in a form that it knows"}
	}
}

// shown tells whether the service serves the policy as it is now: its configuration, the notice in effect, and each site.
func shown(in Input, seen Seen) condition.Objection {
	wanted, err := MaterialDigest(in.Officer.Spec.Organisation, &in.Policy.Spec, in.Now)
	notice := InEffect(&in.Policy.Spec, in.Now)
	if err == nil && seen.Answer.Notice == (NoticeAnswer{Version: notice.Version, MaterialDigest: wanted}) &&
		newest(in, seen.Answer.PolicyDigest) && everySite(in, seen.Answer) && settled(in.Deployment) {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonNoticePending, Working: true, Message: fmt.Sprintf("The service does not yet serve the policy as it is, with notice %d, on each site", notice.Version)}
}

// taken tells whether the service took in the configuration that is there now.
func taken(in Input, seen Seen) condition.Objection {
	if !seen.Answer.PolicyRefused {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonPolicyRefused, Message: "The service refuses the policy and serves the one of before: " +
		"words or meanings that were published once have changed, or this version does not know a field; the service's log says which"}
}

// newest tells whether a digest is that of policy.json as it is now, or not told.
func newest(in Input, digest string) bool {
	text, err := in.Config()
	sum := sha256.Sum256(text)
	return digest == "" || (err == nil && digest == "sha256:"+hex.EncodeToString(sum[:]))
}

func everySite(in Input, answer *Answer) bool {
	for _, site := range in.Policy.Spec.Sites {
		if !slices.ContainsFunc(answer.Sites, func(s SiteAnswer) bool { return s.ID == string(site.ID) }) {
			return false
		}
	}
	return len(answer.Sites) == len(in.Policy.Spec.Sites)
}

// assertionsProven: whoever relies on the word of a site must be able to prove it (Article 7(1); CNIL 2020-092).
func assertionsProven(in Input, _ Seen) condition.Objection {
	if a := in.Policy.Spec.SiteAssertion; a.Mode != v1alpha1.AssertionAccepted || a.EvidenceURL != "" {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonAssertionEvidenceMissing, Message: "The word of a site counts as acceptance, and siteAssertion.evidenceURL does not say where its proof is kept"}
}

// forgottenKept: what is not in the list comes back with a copy of before (Article 17; 5(2)).
func forgottenKept(in Input, _ Seen) condition.Objection {
	if !in.Forgotten.Full() {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonForgottenFull, Message: fmt.Sprintf(
		"The list of who was forgotten, which is kept outside of the ledger, has room for %d people and is full: a copy of the ledger from before brings back whom it lacks, so restore none", MostMarks)}
}

func uncontradicted(in Input, seen Seen) condition.Objection {
	kept := func() string { return CheckpointName(TenantID(in.Policy.Namespace, in.Policy.Name)) }
	if in.Checkpoint.Contradicted != "" {
		return condition.Objection{Reason: v1alpha1.ReasonContradicted, Message: fmt.Sprintf(
			"The log does not continue the checkpoint of %d events that was copied before: the ledger was cut, rolled back or replaced; restore it, then remove the key %s of the ConfigMap %s in the operator's namespace",
			in.Checkpoint.Size, keyContradicted, kept())}
	}
	if at := in.Checkpoint.Disagreed; !at.IsZero() {
		return condition.Objection{Reason: v1alpha1.ReasonContradicted, Message: fmt.Sprintf(
			"The self-audit of %s found that ledger and log disagree: somebody changed what was recorded; restore it, then remove the key %s of the ConfigMap %s in the operator's namespace",
			at.Format(time.RFC3339), keyDisagreed, kept())}
	}
	if seen.Answer != nil && seen.Answer.Audit.Time != nil && !seen.Answer.Audit.Verified { // of a ledger without a checkpoint that could be kept
		return condition.Objection{Reason: v1alpha1.ReasonContradicted, Message: "The last self-audit found that ledger and log disagree: somebody changed what was recorded"}
	}
	return condition.Objection{}
}

// auditAge is how old a self-audit may be. Each replica does one a day, and one that fails is tried again each minute.
const auditAge = 26 * time.Hour

func audited(in Input, seen Seen) condition.Objection {
	if seen.Answer == nil {
		return answers(in, seen)
	}
	switch at := seen.Answer.Audit.Time; {
	case at == nil:
		return condition.Objection{Reason: v1alpha1.ReasonAuditPending, Unjudged: true, Message: "There was no self-audit yet"}
	case in.Now.Sub(*at) > auditAge:
		return condition.Objection{Reason: v1alpha1.ReasonAuditPending, Unjudged: true, Message: fmt.Sprintf(
			"The last self-audit was at %s, though one is due each day; the log of the consent service says why", at.UTC().Format(time.RFC3339))}
	}
	return condition.Objection{}
}
