package register

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	batchac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/restore"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Times between scans.
const (
	// scanEvery is the time between scans of a store that is as declared.
	scanEvery = 10 * time.Minute
	// scanSoon is the wait after the first scan that was not; it doubles up to scanLate.
	scanSoon, scanLate = 10 * time.Second, 5 * time.Minute
	// scanDeadline is how long a scan may take, in seconds, its pod's start included.
	scanDeadline = 300
)

// Digest is the digest of what a scan depends on: the dataset, the connection, and which credentials are used. When it
// changes, the store is scanned at once.
func Digest(register *v1alpha1.DataRegister, store *v1alpha1.DataStore, credentials []string) string {
	text, err := json.Marshal(struct {
		Dataset     *v1alpha1.Dataset
		Connection  task.Connection
		Roles       map[task.Role]string
		Credentials []string
		CA          string
	}{store.Dataset, Connection(register, store), Roles(register, store), credentials, CASecret(store)})
	if err != nil {
		panic("encoding a dataset: plain structs always encode")
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// NextScan returns when a store is to be scanned again; the zero time means at once.
func NextScan(status v1alpha1.StoreStatus, digest string) time.Time {
	if status.LastScanTime == nil || status.DatasetDigest != digest {
		return time.Time{}
	}
	return status.LastScanTime.Add(scanWait(status))
}

func scanWait(status v1alpha1.StoreStatus) time.Duration {
	if status.ScanReason == string(task.Accurate) && value(status.LostRequests) == 0 && value(status.ScansLeft) == 0 {
		return scanEvery
	}
	wait := scanSoon
	for n := int32(1); n < value(status.ScanFailures) && wait < scanLate; n++ {
		wait *= 2
	}
	return min(wait, scanLate)
}

// ScanName returns the name of a store's scan: the same until the scan is recorded, or until what it depends on changes.
func ScanName(register *v1alpha1.DataRegister, status v1alpha1.StoreStatus, digest string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%d", register.UID, status.Name, digest, value(status.Scans)))
	return cut(Name(register.Name, string(status.Name)), 46) + "-scan-" + hex.EncodeToString(sum[:5])
}

// scan returns the Job and the task of a scan that is due; nothing when none is. A Job that exists is left as it is: its
// template is immutable, and it was made by an operator that may have used another image.
func (in Input) scan(s *v1alpha1.DataStore, owner *metav1ac.OwnerReferenceApplyConfiguration) (*corev1ac.SecretApplyConfiguration, *batchac.JobApplyConfiguration) {
	facts, status := in.Stores[string(s.Name)], in.statusOf(s)
	digest := Digest(in.Register, s, facts.Credentials)
	if facts.Job != nil || !in.answers(s) || NextScan(status, digest).After(in.Now) {
		return nil, nil
	}
	name, r := ScanName(in.Register, status, digest), in.Register
	spec := job.Spec{
		Name: name, Namespace: r.Namespace, Owner: owner, Image: in.Image, Labels: job.Labels(r.Name, string(s.Name), job.ComponentScan),
		TaskSecret: name, CASecret: CASecret(s), BackoffLimit: 1, Deadline: scanDeadline, NodeAffinity: Affinity(in.Regions),
		Containers: []job.Container{{Step: task.Scan, Roles: only(Roles(r, s), task.Verifier)}},
	}
	if s.Managed != nil {
		spec.Init = []job.Container{{Step: task.Provision, Roles: Roles(r, s)}}
	}
	return in.scanTask(s, name, owner), spec.Build()
}

func only(roles map[task.Role]string, role task.Role) map[task.Role]string {
	return map[task.Role]string{role: roles[role]}
}

// scanTask holds no identifier of a person and no instant: it is the same each time it is built.
func (in Input) scanTask(s *v1alpha1.DataStore, name string, owner *metav1ac.OwnerReferenceApplyConfiguration) *corev1ac.SecretApplyConfiguration {
	r := in.Register
	dataset := s.Dataset
	if dataset == nil { // then the scan says whether the store answers, and a finding that nobody can be erased from it
		dataset = &v1alpha1.Dataset{}
	}
	text, err := json.Marshal(task.Task{Register: r.Name, Store: string(s.Name), Engine: s.Engine, Connection: Connection(r, s), Dataset: dataset, Ended: in.Executed[string(s.Name)].UIDs})
	if err != nil {
		panic("encoding a task: plain structs always encode")
	}
	return corev1ac.Secret(name, r.Namespace).WithLabels(labels(r.Name, string(s.Name), job.ComponentScan)).
		WithOwnerReferences(owner).WithData(map[string][]byte{job.TaskKey: text})
}

// record writes into the status what a scan that ended came to.
func (in Input) record(s *v1alpha1.DataStore, status *v1alpha1.StoreStatus, seen Seen) {
	facts := in.Stores[string(s.Name)]
	if !in.recordable(facts.Job) {
		return
	}
	digest, outcome := Digest(in.Register, s, facts.Credentials), worst(job.Ended(facts.Job), seen.Outcomes)
	if in.stranded(facts.Job) {
		outcome = task.Outcome{Step: task.Scan, Reason: nodeLost}
	}
	failures := value(status.ScanFailures)
	if status.DatasetDigest != digest {
		failures = 0
	}
	if outcome.Reason == task.Accurate && (value(status.LostRequests) == 0 || outcome.LostTotal == 0) {
		failures = 0
	} else {
		failures = min(failures+1, 100)
	}
	at := metav1.NewTime(in.Now.Truncate(time.Second))
	scans := value(status.Scans) + 1
	status.Scans, status.ScanFailures, status.LastScanTime, status.DatasetDigest = &scans, &failures, &at, digest
	status.ScanReason = string(outcome.Reason)
	status.ScanMessage = in.explain(s, outcome)
	if scanned, ok := job.Of(seen.Outcomes, task.Scan); ok && scanned.OK {
		in.restored(status, scanned)
		in.asked(status)
	}
	status.UndeclaredTables, status.UndeclaredColumns = &outcome.UndeclaredTables, &outcome.UndeclaredColumns
}

// restored writes down what the store's ledger forgot.
func (in Input) restored(status *v1alpha1.StoreStatus, scanned task.Outcome) {
	before := value(status.LostRequests) + value(status.HeldRequests)
	status.LostRequests, status.Lost, status.HeldRequests, status.Held = nil, nil, nil, nil
	// The scan names the first who are lost, and was asked for those on hold last: the others are as the last of these.
	named, held := scanned.Lost, in.Executed[string(status.Name)].Held
	onHold := func(uid string) bool { return slices.Contains(held, uid) }
	waiting := slices.DeleteFunc(slices.Clone(named), func(uid string) bool { return !onHold(uid) })
	n := int32(len(waiting)) //nolint:gosec // at most 64
	if len(named) > 0 && onHold(named[len(named)-1]) {
		n += scanned.LostTotal - int32(len(named)) //nolint:gosec // at most 64
	}
	if n > 0 {
		status.HeldRequests, status.Held = &n, waiting
	}
	if rest := scanned.LostTotal - n; rest > 0 {
		status.LostRequests, status.Lost = &rest, slices.DeleteFunc(slices.Clone(named), onHold)
	}
	if restore.Other(status.Identity, scanned.Identity) || in.forgotMore(status, scanned.LostTotal, before) {
		at, unclear := metav1.NewTime(in.Now.Truncate(time.Second)), before > 0 && !restore.Sure(status.RestoreKind)
		status.RestoredTime, status.RestoreKind = &at, restore.Kind(status.Identity, scanned.Identity, scanned.LedgerBlank)
		if unclear { // of whom the ledger forgot before, some may have come back by themselves
			status.RestoreKind = v1alpha1.RestoreNotKnown
		}
	}
	if scanned.Identity != "" {
		status.Identity = scanned.Identity
	}
}

// forgotMore tells whether the ledger forgot requests since the last scan. While it is asked for a part after another, a part that has
// more of them says nothing new.
func (in Input) forgotMore(status *v1alpha1.StoreStatus, lost, before int32) bool {
	if value(status.ScansLeft) > 0 {
		return false
	}
	return lost > 0 && before == 0 || lost > before && in.Executed[string(status.Name)].Scans <= 1
}

// asked counts the scans that it takes, from the one on that saw the restore, until the ledger was asked for every request.
func (in Input) asked(status *v1alpha1.StoreStatus) {
	left := value(status.ScansLeft) - 1
	if status.RestoredTime != nil && status.RestoredTime.Equal(status.LastScanTime) {
		left = int32(in.Executed[string(status.Name)].Scans) - 1 //nolint:gosec // a few
	}
	status.ScansLeft = nil
	if left > 0 {
		status.ScansLeft = &left
	}
}

// worst returns the first outcome that failed, else the scan's. A scan that left no readable answer has failed.
func worst(state job.State, outcomes []task.Outcome) task.Outcome {
	for _, o := range outcomes {
		if !o.OK {
			if o.Reason == "" || o.Reason == task.Accurate {
				o.Reason = task.Internal
			}
			return o
		}
	}
	scanned, found := job.Of(outcomes, task.Scan)
	switch {
	case state != job.Succeeded || !found:
		return task.Outcome{Step: task.Scan, Reason: task.Internal}
	case scanned.Reason == "":
		scanned.Reason = task.Accurate
	}
	return scanned
}

// nodeLost is the reason of a scan whose node does not answer.
const nodeLost = task.Reason(v1alpha1.ReasonNodeLost)

// advice says, by reason, what was found and what to do. %[1]s is the store, %[2]s the tables and columns in question,
// %[3]s host and port, %[4]s the Secret, %[5]s the database.
var advice = map[task.Reason]string{
	nodeLost:                  "Store %[1]q was not scanned to the end, for the node of the scan does not answer; the scan is tried again",
	task.Unreachable:          "Store %[1]q does not answer at %[3]s; check host, port, NetworkPolicies, and that the database runs",
	task.AuthenticationFailed: "Store %[1]q at %[3]s refuses the credentials in Secret %[4]q; correct username and password",
	task.AuthenticationWeak:   "Store %[1]q at %[3]s wants the password in clear or as MD5, or asks for none: whoever answers there would have it; use scram-sha-256 in pg_hba.conf (and set the password anew), or connection.tls.mode VerifyFull",
	task.DatabaseMissing:      "Store %[1]q has no database %[5]q, or its role may not connect to it; create it or correct the name",
	task.TLSFailed:            "Store %[1]q at %[3]s offers no TLS, or a certificate that is not trusted; correct the server or connection.tls",
	task.PrivilegeMissing:     "Store %[1]q is not set up for erasure: %[2]s; grant what the dataset needs",
	task.RoleTooStrong:        "Store %[1]q is not set up for erasure: %[2]s",
	task.LedgerMissing:        "Store %[1]q is not set up for erasure: %[2]s",
	task.PlanImpossible:       "Store %[1]q cannot be erased from as its dataset orders: %[2]s",
	task.TableMissing:         "Store %[1]q has no such table as its dataset declares: %[2]s; create it or correct the dataset",
	task.ColumnMissing:        "Store %[1]q has no such column as its dataset declares: %[2]s; create it or correct the dataset",
	task.Undeclared:           "Store %[1]q has what looks like personal data and is not in its dataset: %[2]s; declare it",
}

// aboutNames are the reasons that are about their names alone.
var aboutNames = []task.Reason{task.TableMissing, task.ColumnMissing, task.Undeclared}

// explain composes the message of a scan. What the eraser says names tables and columns, never values.
func (in Input) explain(s *v1alpha1.DataStore, o task.Outcome) string {
	if o.Reason == task.Accurate {
		return ""
	}
	text, known := advice[o.Reason]
	if !known {
		text = "Store %[1]q was not scanned to the end; the scan is tried again"
	}
	what := cmp.Or(o.Message, strings.Join(o.Names, ", "), "see the log of the scan")
	if len(o.Names) > 0 && slices.Contains(aboutNames, o.Reason) {
		what = strings.Join(o.Names, ", ")
	}
	role := task.Verifier
	if o.Step == task.Provision {
		role = task.Admin
	}
	message := fmt.Sprintf(text, s.Name, shorten(what, 600), Endpoint(in.Register, s), Roles(in.Register, s)[role], Connection(in.Register, s).Database)
	if s.Managed != nil && o.Reason == task.AuthenticationFailed {
		message += "; a volume that was kept opens only with the admin's Secret that was kept with it"
	}
	return shorten(message, 1024)
}

// shorten cuts a text at a character's border.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most - len("…")
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end] + "…"
}

func value[T int32 | int64](p *T) T {
	if p == nil {
		return 0
	}
	return *p
}
