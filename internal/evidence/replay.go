package evidence

import (
	"encoding/json"
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// ReplayPredicateType is the type of statements about runs that erased again.
const ReplayPredicateType = "https://gdpr.rempart.dev/attestation/replay/v1"

// ReplayStatement is an in-toto statement about one run that erased again who came back with a backup. It names requests, and
// holds no reference of a person.
type ReplayStatement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Replay    `json:"predicate"`
}

// Replay says what was seen of the restore, and what was done. Times are instants in UTC by RFC 3339, empty when absent.
type Replay struct {
	RunUID   string `json:"runUID"`
	Register string `json:"register"`
	Store    string `json:"store"`
	// Restore is what a scan saw of the store, RestoreSeenTime when.
	Restore         string `json:"restore"`
	RestoreSeenTime string `json:"restoreSeenTime,omitempty"`
	// FromTime and ToTime are when the first and the last of the erasures had been committed that the store forgot.
	FromTime string `json:"fromTime,omitempty"`
	ToTime   string `json:"toTime,omitempty"`
	// StartedTime to EndedTime is when the run worked. CommittedTime and VerifiedTime are absent where that did not happen: then
	// Reason says why, and another run follows when a scan finds the requests still forgotten.
	StartedTime   string `json:"startedTime,omitempty"`
	CommittedTime string `json:"committedTime,omitempty"`
	VerifiedTime  string `json:"verifiedTime,omitempty"`
	EndedTime     string `json:"endedTime"`
	Reason        string `json:"reason,omitempty"`
	// Rows by what was done to them, of all requests.
	RowsDeleted  int64 `json:"rowsDeleted"`
	RowsMasked   int64 `json:"rowsMasked"`
	RowsDetached int64 `json:"rowsDetached"`
	RowsKept     int64 `json:"rowsKept"`
	// Requests that the run listed, each with what it came to.
	Requests []Replayed `json:"requests"`
}

// Replayed is what a replay came to for one request.
type Replayed struct {
	RequestUID string `json:"requestUID"`
	Result     string `json:"result"`
	Reason     string `json:"reason,omitempty"`
}

// OfReplay states what a run that erased again has come to: ErrNotEnded when it has no end.
func OfReplay(run *v1alpha1.ErasureRun) (ReplayStatement, error) {
	status := &run.Status
	if run.Spec.Mode != v1alpha1.RunReplay || status.EndedTime == nil {
		return ReplayStatement{}, fmt.Errorf("stating an end: %w", ErrNotEnded)
	}
	uid := string(run.UID)
	r := Replay{RunUID: uid, Register: string(run.Spec.RegisterRef.Name), Store: string(run.Spec.Store), Restore: string(v1alpha1.RestoreNotKnown),
		StartedTime: instant(status.StartedTime), CommittedTime: instant(status.CommittedTime), VerifiedTime: instant(status.VerifiedTime),
		EndedTime: instant(status.EndedTime), Reason: status.Reason, Requests: []Replayed{}}
	if seen := run.Spec.Restore; seen != nil {
		r.Restore, r.RestoreSeenTime, r.FromTime, r.ToTime = string(seen.Kind), instant(seen.SeenTime), instant(seen.FromTime), instant(seen.ToTime)
	}
	for _, o := range status.Outcomes {
		r.Requests = append(r.Requests, Replayed{o.UID, string(o.Result), o.Reason})
		r.count(status.Tables, o.Rows)
	}
	return ReplayStatement{Type: StatementType, PredicateType: ReplayPredicateType, Predicate: r,
		Subject: []Subject{{"erasureruns.gdpr.rempart.dev/" + uid, map[string]string{"sha256": digestOf([]byte(uid))[len("sha256:"):]}}}}, nil
}

// count adds the rows of one request.
func (r *Replay) count(tables []v1alpha1.RunTable, rows []int64) {
	for i, n := range rows {
		if i >= len(tables) {
			return
		}
		switch tables[i].Action {
		case v1alpha1.EraseDeleteRows:
			r.RowsDeleted += n
		case v1alpha1.EraseMaskColumns:
			r.RowsMasked += n
		case v1alpha1.EraseDetach:
			r.RowsDetached += n
		case v1alpha1.EraseKeep:
			r.RowsKept += n
		}
	}
}

func (s ReplayStatement) encode() ([]byte, error) { return compact(s) }

// decodeReplay reads a signed statement. Fields that a later version added are left aside; they are signed all the same.
func decodeReplay(payload []byte) (*ReplayStatement, error) {
	s := &ReplayStatement{}
	if err := json.Unmarshal(payload, s); err != nil || s.Type != StatementType || (Leaf{Kind: LeafReplay, UID: s.Predicate.RunUID, Digest: digestOf(nil)}).valid() != nil {
		return nil, fmt.Errorf("reading a statement: %w", ErrForm)
	}
	return s, nil
}
