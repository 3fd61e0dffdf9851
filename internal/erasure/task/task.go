// Package task is the contract between the operator and the eraser: what a Job is asked to do, and what its containers
// answer through their termination messages. A task names requests by UID only; who the people are stands in files that
// the pod mounts from their Secrets.
package task

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Paths within the eraser's pod.
const (
	// File holds the Task as JSON.
	File = "/etc/rempart/task/task.json"
	// Subjects holds the People of the task as JSON.
	Subjects = "/etc/rempart/subjects/subjects.json"
	// Results is a folder that the containers of a pod share: what Plan and Erase could not say in their own message is
	// in the file ReportFile, for Report to say. It holds what messages hold, and no identifier.
	Results = "/run/rempart/results"
	// Credentials holds one folder per Role with the files username and password.
	Credentials = "/etc/rempart/credentials"
	// CA holds the file ca.crt when the connection verifies its peer.
	CA = "/etc/rempart/ca"
	// Token holds the file token when the task is about a ledger of consents: the ServiceAccount's, for the service's audience alone.
	Token = "/etc/rempart/token"
	// Termination is where a container leaves its Outcome.
	Termination = "/dev/termination-log"
)

// Role is a login role of a store. Each container mounts the credentials of the one role that it needs.
type Role string

// Roles.
const (
	// Admin owns a managed store; only Provision uses it.
	Admin Role = "admin"
	// Eraser reads, updates and deletes what the dataset names.
	Eraser Role = "eraser"
	// Verifier only reads.
	Verifier Role = "verifier"
)

// Step is what a container does. It is the eraser's first argument.
type Step string

// Steps, with the role that each logs in as.
const (
	// Provision (Admin) creates the roles Eraser and Verifier, the ledger and the grants that the dataset needs. It is idempotent.
	Provision Step = "provision"
	// Scan (Verifier) reads the catalogue and compares it with the dataset. It reads no row.
	Scan Step = "scan"
	// Plan (Verifier) scans, then counts what erasing the people would do. It writes nothing to the store.
	Plan Step = "plan"
	// Erase (Eraser) plans again, refuses another digest, and erases with a ledger row in the same transaction.
	Erase Step = "erase"
	// Verify (Verifier), on a new connection, looks for the people by every identifier and counts what is kept.
	Verify Step = "verify"
	// Report repeats, as its own message, what the step before it left in Results. It has no credentials and opens nothing.
	Report Step = "report"
)

// ReportFile is the file in Results with the message of Report.
const ReportFile = "report.json"

// People are the identifiers of the requests of a task by their UID: the data of the subject Secrets, as the operator
// read them when it made the Job.
type People map[string]map[string][]byte

// TLS protects the connection.
type TLS struct {
	Mode v1alpha1.TLSMode `json:"mode"`
}

// Connection is how to reach the store.
type Connection struct {
	Host     string `json:"host"`
	Port     int32  `json:"port"`
	Database string `json:"database"`
	TLS      TLS    `json:"tls"`
}

// Bound is the digest of a plan for this database alone. Who approves a plan has seen rows of one database: a register that names
// another one by the time of the erasure has another plan, even where both have the same tables.
func (c Connection) Bound(digest string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%q %d %q", digest, c.Host, c.Port, c.Database))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Request is one request that a task serves. Check is HMAC-SHA-256, in hex, of the request's normalised subject
// (package subject) under Task.CheckKey: a subject Secret that changed since it was accepted no longer matches.
type Request struct {
	UID   string `json:"uid"`
	Check string `json:"check,omitempty"`
	// Recall are references to the person's identifiers, each alone, in a replay.
	Recall []string `json:"recall,omitempty"`
	// Gone says that the request does not exist any more. It keeps its place, since counts are told by place, and nobody is
	// looked for.
	Gone bool `json:"gone,omitempty"`
}

// Hold keeps the rows of a table for which all conditions of Where are true. Index is the place, from 1, of the LegalHold among
// those that the run knows; UntilOn its last day.
type Hold struct {
	Index   int                      `json:"index"`
	Schema  string                   `json:"schema"`
	Table   string                   `json:"table"`
	Where   []v1alpha1.HeldCondition `json:"where,omitempty"`
	UntilOn string                   `json:"untilOn"`
}

// Task is what a Job is asked to do. AsOf is the instant at which keep periods are judged.
type Task struct {
	RunUID     string               `json:"runUID,omitempty"`
	Epoch      int64                `json:"epoch,omitempty"`
	Register   string               `json:"register"`
	Store      string               `json:"store"`
	Engine     v1alpha1.StoreEngine `json:"engine"`
	Connection Connection           `json:"connection"`
	Dataset    *v1alpha1.Dataset    `json:"dataset,omitempty"`
	Requests   []Request            `json:"requests,omitempty"`
	CheckKey   []byte               `json:"checkKey,omitempty"`
	// Salt is the secret of the run, SaltSize random bytes that are forgotten with it, under which the store keeps hashes of the
	// values that the run destroyed until it has ended. Without it nothing is remembered of them.
	Salt       []byte    `json:"salt,omitempty"`
	PlanDigest string    `json:"planDigest,omitempty"`
	AsOf       time.Time `json:"asOf"`
	// From is the first request whose counts are asked for: a run with more counts than one pod can say asks again, and the
	// ledger answers.
	From int `json:"from,omitempty"`
	// Holds keep rows, of whomever. CheckOnly lets Erase look into the ledger and no further: a hold forbids the rest.
	Holds     []Hold `json:"holds,omitempty"`
	CheckOnly bool   `json:"checkOnly,omitempty"`
	// RecallKeys are the keys, by ID, under which Request.Recall was made. They are there only in the task of a replay: the
	// people are not, since nobody knows them any more.
	RecallKeys map[string][]byte `json:"recallKeys,omitempty"`
	// Ended are the requests, by UID, that a scan asks the ledger for.
	Ended []string `json:"ended,omitempty"`
}

// SaltSize is how many bytes a salt has.
const SaltSize = 32

// Replay tells whether the people are to be recalled.
func (t Task) Replay() bool { return len(t.RecallKeys) > 0 }

// Wanted returns the place of the request of each reference. A person who made two requests is found for the first.
func (t Task) Wanted() map[string]int {
	wanted := map[string]int{}
	for i, r := range t.Requests {
		for _, ref := range r.Recall {
			if _, known := wanted[ref]; !known {
				wanted[ref] = i
			}
		}
	}
	return wanted
}

// Reference is how a keyed hash of one identifier is written down.
func Reference(keyID, mac string) string { return "recall-sha256:" + keyID + ":" + mac }

// Reason is why a step did not succeed, or what it found. Messages that go with it name tables, columns and
// constraints, never values.
type Reason string

// Reasons. Retryable ones may succeed later without anyone's doing; see Reason.Retryable.
const (
	Accurate             Reason = "Accurate"             // scan: all is as declared
	Unreachable          Reason = "Unreachable"          // no connection: host, port, network
	AuthenticationFailed Reason = "AuthenticationFailed" // the store refuses the credentials
	AuthenticationWeak   Reason = "AuthenticationWeak"   // the store does not prove that it knows the password, and no certificate proves who it is
	DatabaseMissing      Reason = "DatabaseMissing"      // the store has no such database
	TLSFailed            Reason = "TLSFailed"            // the store offers no TLS, or its certificate is not trusted
	TableMissing         Reason = "TableMissing"         // a declared table does not exist
	ColumnMissing        Reason = "ColumnMissing"        // a declared column does not exist
	PrivilegeMissing     Reason = "PrivilegeMissing"     // a role lacks a privilege that the dataset needs
	RoleTooStrong        Reason = "RoleTooStrong"        // a role owns or may do more than its duty needs, or the verifier may write
	LedgerMissing        Reason = "LedgerMissing"        // the table rempart.ledger does not exist
	Undeclared           Reason = "Undeclared"           // scan: undeclared tables refer to declared ones or hold subject keys
	PlanImpossible       Reason = "PlanImpossible"       // a constraint forbids what the dataset orders
	PlanChanged          Reason = "PlanChanged"          // the plan differs from the one that was approved
	SubjectEmpty         Reason = "SubjectEmpty"         // a subject file is absent or empty
	SubjectChanged       Reason = "SubjectChanged"       // a subject differs from the one that was accepted
	Fenced               Reason = "Fenced"               // the ledger knows a later epoch
	TooManyRows          Reason = "TooManyRows"          // one person has more rows than one transaction may treat
	TimedOut             Reason = "TimedOut"             // the store did not answer within the step's time
	LockTimeout          Reason = "LockTimeout"          // rows or tables were locked for too long
	Interrupted          Reason = "Interrupted"          // the connection was lost; what was not committed did not happen
	Contradicted         Reason = "Contradicted"         // verify: the person was found again
	Unfinished           Reason = "Unfinished"           // erase: the turn of the Job is over; the next one goes on after what was committed
	HoldUnclear          Reason = "HoldUnclear"          // a legal hold names a table, column or literal that the store does not have
	Withheld             Reason = "Withheld"             // a legal hold forbids the erasure of those whom the ledger does not have
	Internal             Reason = "Internal"             // anything else; the container's log has the SQLSTATE
)

// Retryable tells whether a later attempt may succeed although nobody changes anything.
func (r Reason) Retryable() bool {
	switch r {
	case Unreachable, LockTimeout, Interrupted, TimedOut, Unfinished, Internal:
		return true
	default:
		return false
	}
}
