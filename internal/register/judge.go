package register

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/erasure/restore"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// Verdict is what a pass came to.
type Verdict struct {
	Conditions    []metav1.Condition
	Stores        []v1alpha1.StoreStatus
	Findings      []v1alpha1.Finding
	FindingsTotal int32
	// Wait is when to look again though nothing happens.
	Wait time.Duration
}

// view is one store as the gates see it.
type view struct {
	in     Input
	store  *v1alpha1.DataStore
	facts  Facts
	seen   Seen
	status v1alpha1.StoreStatus
}

// Gates of the conditions. The first objection of the first store gives the reason.
var (
	provisionedGates = []func(view) condition.Objection{regionsAllowed, classAllowed, storageFits, notPaused, databaseRuns, credentialsThere, scanned, connected, setUp}
	residentGates    = []func(view) condition.Objection{regionsAllowed, classAllowed, placeAllowed}
	accurateGates    = []func(view) condition.Objection{credentialsThere, scanned, asDeclared}
	readyGates       = slices.Concat(provisionedGates, residentGates, []func(view) condition.Objection{remembers})
)

// Judge turns what is known and what was seen into the status of the register. Seen holds the stores by name.
func Judge(in Input, seen map[string]Seen) Verdict {
	views := make([]view, 0, len(in.Register.Spec.Stores))
	for i := range in.Register.Spec.Stores {
		s := &in.Register.Spec.Stores[i]
		v := view{in: in, store: s, facts: in.Stores[string(s.Name)], seen: seen[string(s.Name)], status: in.statusOf(s)}
		in.record(s, &v.status, v.seen)
		settle(&v)
		views = append(views, v)
	}
	verdict := Verdict{Wait: wait(in, views)}
	for _, v := range views {
		verdict.Stores = append(verdict.Stores, v.status)
	}
	for _, name := range in.Lingering {
		verdict.Stores = append(verdict.Stores, *StoreStatus(in.Register, name).DeepCopy())
	}
	findings := slices.Concat(contentFindings(in), storeFindings(views), foundElsewhere(in))
	verdict.Findings, verdict.FindingsTotal = rank(findings), int32(min(len(findings), 1<<30))
	verdict.Conditions = append(resident(in, judged(views)), complete(findings))
	return verdict
}

// settle writes where the store was seen, the worst of its places counting.
func settle(v *view) {
	s := &v.status
	s.Endpoint, s.Placement = Endpoint(v.in.Register, v.store), v1alpha1.PlacementUnknown
	s.Country, s.Region, s.Zone = "", "", ""
	if place, found := worstPlace(v.seen.Places); found {
		s.Country, s.Region, s.Zone, s.Placement = place.Country, shorten(place.Region, 63), place.Zone, v.seen.Evidence
	}
}

func worstPlace(places []Place) (Place, bool) {
	rank := []v1alpha1.PlacementVerdict{v1alpha1.VerdictDenied, v1alpha1.VerdictUnknown, v1alpha1.VerdictAllowed}
	if len(places) == 0 {
		return Place{}, false
	}
	return slices.MinFunc(places, func(a, b Place) int { return slices.Index(rank, a.Verdict) - slices.Index(rank, b.Verdict) }), true
}

// judged are the conditions about stores.
func judged(views []view) []metav1.Condition {
	if len(views) == 0 {
		none := "The register names no store"
		return []metav1.Condition{
			condition.True(v1alpha1.ConditionReady, v1alpha1.ReasonNoStores, none), condition.True(v1alpha1.ConditionProvisioned, v1alpha1.ReasonNoStores, none),
			condition.True(v1alpha1.ConditionResident, v1alpha1.ReasonNoStores, none), condition.True(v1alpha1.ConditionAccurate, v1alpha1.ReasonNoStores, none),
		}
	}
	ready := first(views, readyGates)
	conditions := []metav1.Condition{
		ready.Against(v1alpha1.ConditionReady, v1alpha1.ReasonRegisterReady, "Every store answers, is provisioned, and is where the policy allows"),
		first(views, provisionedGates).Against(v1alpha1.ConditionProvisioned, v1alpha1.ReasonProvisioned, "Roles, grants and ledger are in place in every store"),
		first(views, residentGates).Against(v1alpha1.ConditionResident, v1alpha1.ReasonResident, "Every store is where the policy allows"),
		first(views, accurateGates).Against(v1alpha1.ConditionAccurate, v1alpha1.ReasonAccurate, "Every store is as its dataset declares"),
	}
	if stuck := firstOf(views, readyGates, func(o condition.Objection) bool { return o.Stalled }); stuck.Reason != "" {
		return append(conditions, condition.True(v1alpha1.ConditionStalled, stuck.Reason, stuck.Message))
	}
	if ready.Working {
		conditions = append(conditions, condition.True(v1alpha1.ConditionReconciling, ready.Reason, ready.Message))
	}
	return conditions
}

// first returns the first objection of the first store that has one; a stalled store before others.
func first(views []view, gates []func(view) condition.Objection) condition.Objection {
	if stuck := firstOf(views, gates, func(o condition.Objection) bool { return o.Stalled }); stuck.Reason != "" {
		return stuck
	}
	return firstOf(views, gates, func(o condition.Objection) bool { return o.Reason != "" })
}

// firstOf returns, store by store, the gate's objection if it is of the kind that is looked for. A store's later gates
// count only while its earlier ones do not object.
func firstOf(views []view, gates []func(view) condition.Objection, looked func(condition.Objection) bool) condition.Objection {
	for _, v := range views {
		for _, gate := range gates {
			if o := gate(v); o.Reason != "" {
				if looked(o) {
					return o
				}
				break
			}
		}
	}
	return condition.Objection{}
}

func regionsAllowed(v view) condition.Objection {
	if v.store.Managed == nil || len(v.in.Regions) > 0 {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonNoAllowedRegion, Message: fmt.Sprintf(
		"No region is allowed for store %q: no node is in a place that the residency policy allows", v.store.Name)}
}

func classAllowed(v view) condition.Objection {
	if v.store.Managed == nil || v.facts.Class.Verdict == v1alpha1.VerdictAllowed {
		return condition.Objection{}
	}
	message := v.facts.Class.Message
	if message == "" {
		message = fmt.Sprintf("StorageClass %q of store %q is not allowed by the residency policy", v.store.Managed.Storage.StorageClassName, v.store.Name)
	}
	return condition.Objection{Reason: v1alpha1.ReasonStorageClassNotAllowed, Message: message}
}

func storageFits(v view) condition.Objection { return storageTrouble(v.store, v.facts) }

func notPaused(v view) condition.Objection {
	if !stopped(v.store) {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonPaused, Message: fmt.Sprintf("Store %q is scaled to 0 replicas; set replicas to 1 to run it", v.store.Name)}
}

func databaseRuns(v view) condition.Objection {
	if v.store.Managed == nil || database.Ready(v.facts.StatefulSet) {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonDatabaseStarting, Working: true, Message: fmt.Sprintf("The database of store %q does not answer yet", v.store.Name)}
}

func credentialsThere(v view) condition.Objection {
	if v.facts.CredentialsMissing == "" {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonCredentialsMissing, Message: fmt.Sprintf(
		"Secret %q of store %q is absent or lacks the keys username and password; create it", v.facts.CredentialsMissing, v.store.Name)}
}

func scanned(v view) condition.Objection {
	if v.status.LastScanTime != nil && v.status.DatasetDigest == Digest(v.in.Register, v.store, v.facts.Credentials) {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonScanPending, Unjudged: true, Working: true, Message: fmt.Sprintf("Store %q is being scanned", v.store.Name)}
}

// Outcomes of a scan, by what they say: that there was no connection, or that the store is not set up for erasure.
var (
	noConnection = []task.Reason{task.Unreachable, task.AuthenticationFailed, task.AuthenticationWeak, task.DatabaseMissing, task.TLSFailed}
	notSetUp     = []task.Reason{task.PrivilegeMissing, task.RoleTooStrong, task.LedgerMissing}
	notAccurate  = []task.Reason{task.TableMissing, task.ColumnMissing, task.Undeclared, task.PlanImpossible}
)

func connected(v view) condition.Objection {
	reason := task.Reason(v.status.ScanReason)
	if reason == task.Accurate || slices.Contains(notSetUp, reason) || slices.Contains(notAccurate, reason) {
		return condition.Objection{}
	}
	return fromScan(v)
}

func setUp(v view) condition.Objection {
	if !slices.Contains(notSetUp, task.Reason(v.status.ScanReason)) {
		return condition.Objection{}
	}
	return fromScan(v)
}

func asDeclared(v view) condition.Objection {
	if task.Reason(v.status.ScanReason) == task.Accurate {
		return condition.Objection{}
	}
	return fromScan(v)
}

// fromScan repeats what the last scan came to. What has no name of its own here is a scan that failed, and is retried.
func fromScan(v view) condition.Objection {
	reason := task.Reason(v.status.ScanReason)
	if !slices.Contains(slices.Concat(noConnection, notSetUp, notAccurate), reason) {
		return condition.Objection{Reason: v1alpha1.ReasonScanFailed, Message: v.status.ScanMessage, Working: true}
	}
	return condition.Objection{Reason: string(reason), Message: v.status.ScanMessage}
}

func placeAllowed(v view) condition.Objection {
	place, found := worstPlace(v.seen.Places)
	switch {
	case v.seen.WorkloadMissing:
		return condition.Objection{Reason: v1alpha1.ReasonWorkloadMissing, Message: fmt.Sprintf(
			"Store %q names %s %q, which does not exist; correct workloadRef", v.store.Name, v.store.WorkloadRef.Kind, v.store.WorkloadRef.Name)}
	case !found:
		return condition.Objection{Reason: v1alpha1.ReasonPlaceNotObserved, Unjudged: true, Working: !stopped(v.store), Message: fmt.Sprintf("No pod of store %q is on a node yet", v.store.Name)}
	case place.Verdict == v1alpha1.VerdictDenied:
		return condition.Objection{Reason: v1alpha1.ReasonPlaceNotAllowed, Message: describe(v.store, place)}
	case place.Verdict != v1alpha1.VerdictAllowed:
		return condition.Objection{Reason: v1alpha1.ReasonPlaceUnknown, Message: describe(v.store, place)}
	default:
		return condition.Objection{}
	}
}

func describe(s *v1alpha1.DataStore, p Place) string {
	if p.Message != "" {
		return fmt.Sprintf("Store %q: %s", s.Name, p.Message)
	}
	return fmt.Sprintf("Store %q is in region %q, country %q, zone %s (%s): the residency policy does not allow it", s.Name, p.Region, p.Country, p.Zone, p.Reason)
}

// wait returns when the next scan is due, or when to look again for what no event tells of; at most scanEvery.
func wait(in Input, views []view) time.Duration {
	soonest := scanEvery
	for _, v := range views {
		if v.in.answers(v.store) && !v.in.recordable(v.facts.Job) && v.facts.Job != nil {
			continue // the Job's end is an event
		}
		if v.in.answers(v.store) {
			due := NextScan(v.status, Digest(in.Register, v.store, v.facts.Credentials))
			soonest = min(soonest, max(due.Sub(in.Now), time.Second))
		}
		if v.store.Managed != nil && !in.placeable(v.store) { // a node or a class that comes is no event of ours
			soonest = min(soonest, 30*time.Second)
		}
		if v.store.Managed == nil && (v.facts.CredentialsMissing != "" || len(v.seen.Places) == 0) {
			soonest = min(soonest, 30*time.Second)
		}
	}
	return soonest
}

// remembers objects while people who were erased are in the store again, since it came back from a backup.
func remembers(v view) condition.Objection {
	lost := value(v.status.LostRequests)
	if left := value(v.status.ScansLeft); lost == 0 && left > 0 {
		return condition.Objection{Reason: v1alpha1.ReasonRestored, Working: true, Message: fmt.Sprintf(
			"Store %q came back from a backup: it takes %d more scans to ask it for all requests that were executed there", v.store.Name, left)}
	}
	if lost == 0 {
		return condition.Objection{}
	}
	switch restore.Cause(v.in.Register, &v.status) {
	case v1alpha1.LossLedger:
		return condition.Objection{}
	case v1alpha1.LossRestored:
		return condition.Objection{Reason: v1alpha1.ReasonRestored, Working: true, Message: fmt.Sprintf(
			"Store %q came back from a backup: %d requests that were executed after it run again before anything else", v.store.Name, lost)}
	default:
		return condition.Objection{Reason: v1alpha1.ReasonLedgerLost, Stalled: true, Message: fmt.Sprintf(
			"The ledger of store %q forgot %d requests that were executed there, and the store does not show whether it came back from a backup: nothing is erased in it until the rows of "+
				"rempart.ledger are back, or spec.stores[].loss states {seenTime: %q, cause: Restored} (who is lost is erased again) or cause LedgerLost (nobody is)", v.store.Name, lost, seenText(v.status.RestoredTime))}
	}
}

func seenText(at *metav1.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
