package register

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/register/database"
	"github.com/rempart-dev/rempart/internal/residency"
)

// Place is where a store is, and what the register's residency policy says of it. Reason and Message are for people.
type Place struct {
	Region  string
	Country v1alpha1.Country
	Zone    v1alpha1.LegalZone
	Verdict v1alpha1.PlacementVerdict
	Reason  string
	Message string
}

// Facts is what is known of one store before anything is written.
type Facts struct {
	// StatefulSet and Claim of a managed store; nil while there is none.
	StatefulSet *appsv1.StatefulSet
	Claim       *corev1.PersistentVolumeClaim
	// Class is the judgement of a managed store's storage class.
	Class Place
	// Credentials are the marks of the Secrets of the store's roles: one that is made anew has another mark.
	Credentials []string
	// CredentialsMissing names the Secret that is absent or lacks a key; empty when all are there.
	CredentialsMissing string
	// GrowthRefused says that the API server refused to enlarge the claim.
	GrowthRefused bool
	// Job is the scan that is under way or was not yet recorded; nil when there is none.
	Job *batchv1.Job
}

// Seen is what is observed of one store after its children were written.
type Seen struct {
	// Places of the store: of the nodes of its pods, or as declared. None while no pod is on a node.
	Places []Place
	// Evidence is how Places are known.
	Evidence v1alpha1.PlacementEvidence
	// WorkloadMissing says that the workload that workloadRef names does not exist.
	WorkloadMissing bool
	// Outcomes are what the containers of a scan that ended answered.
	Outcomes []task.Outcome
}

// Executed are the UIDs of the requests for which the next scan asks a store's ledger. It takes so many scans to ask for all.
type Executed struct {
	UIDs []string
	// Held are those of them, the last, whom a legal hold keeps whole.
	Held  []string
	Scans int
}

// Input is what one pass knows before it writes.
type Input struct {
	Register *v1alpha1.DataRegister
	// OfficerFound tells whether the officer that the register names exists.
	OfficerFound bool
	// Regions are the allowed ones, as nodes are labelled.
	Regions []string
	// ZoneOf says how the law sees a country today.
	ZoneOf func(v1alpha1.Country) v1alpha1.LegalZone
	// Found is what a scan of residency found of the objects that the register governs, worst first.
	Found []residency.Finding
	// Stores by name.
	Stores map[string]Facts
	// Executed are, by store, the requests that its ledger must have.
	Executed map[string]Executed
	// Lingering are stores that left the spec and whose children are not all gone.
	Lingering []string
	// Image of the eraser.
	Image string
	Now   time.Time
}

// stopped tells whether a managed store is scaled to nothing.
func stopped(s *v1alpha1.DataStore) bool {
	return s.Managed != nil && database.Replicas(s.Managed) == 0
}

// answers tells whether it is of use to ask the store anything.
func (in Input) answers(s *v1alpha1.DataStore) bool {
	facts := in.Stores[string(s.Name)]
	if s.Managed != nil {
		return !stopped(s) && database.Ready(facts.StatefulSet)
	}
	return facts.CredentialsMissing == ""
}

// placeable tells whether a database may be created: there is an allowed region, and the class keeps data in one.
func (in Input) placeable(s *v1alpha1.DataStore) bool {
	return len(in.Regions) > 0 && in.Stores[string(s.Name)].Class.Verdict == v1alpha1.VerdictAllowed
}

// statusOf returns the status of a store as it was recorded; empty when there is none.
func (in Input) statusOf(s *v1alpha1.DataStore) v1alpha1.StoreStatus {
	if status := StoreStatus(in.Register, string(s.Name)); status != nil {
		return *status.DeepCopy()
	}
	return v1alpha1.StoreStatus{Name: s.Name}
}

// recordable tells whether a scan that ended, or never will, is waiting to be recorded.
func (in Input) recordable(scan *batchv1.Job) bool {
	return scan != nil && (job.Ended(scan) != job.Working || in.stranded(scan))
}

// stranded tells whether the node of a scan's pod does not end it, although the time of the scan is over: its Job would never end. A scan
// changes nothing that another one would not find, so there is one; who erases waits for a person to say that the node is off.
func (in Input) stranded(scan *batchv1.Job) bool {
	const grace = time.Minute
	return job.Leaves(scan) && scan.Status.StartTime != nil && in.Now.After(scan.Status.StartTime.Add(scanDeadline*time.Second+grace))
}
