package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Types of the statement.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://gdpr.rempart.dev/attestation/erasure/v1"
)

// Details of a predicate.
const (
	// DetailTables means that each store counts by table and names what is kept.
	DetailTables = "Tables"
	// DetailTotals means that there were too many tables for one certificate: stores have their totals only.
	DetailTotals = "Totals"
)

// largest is the most bytes of a statement with tables. A ConfigMap holds 1 MiB, and base64 adds a third.
const largest = 700 << 10

// Statement is an in-toto statement about one request.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

// Subject names the request. A request is no file, so its digest is that of its UID.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Predicate says how the request ended. Times are instants in UTC by RFC 3339, empty when absent. Nothing in it is an
// identifier of a person; SubjectRef can be compared only by who has the operator's subject key.
type Predicate struct {
	RequestUID string `json:"requestUID"`
	SubjectRef string `json:"subjectRef,omitempty"`
	// Ground is the point of Article 17(1) that the person relied on.
	Ground string `json:"ground"`
	// End is how the request ended, and Refusal why it was refused (Articles 12(4) and 17(3)).
	End     string `json:"end"`
	Refusal string `json:"refusal,omitempty"`
	// RefusalReference is the law or the claim that a refusal rests on, RefusalUntilOn the day on which that ends.
	RefusalReference string `json:"refusalReference,omitempty"`
	RefusalUntilOn   string `json:"refusalUntilOn,omitempty"`
	// RefusalToldTime is when the person was told of the refusal and of their rights (Article 12(4)), as the organisation states.
	RefusalToldTime string `json:"refusalToldTime,omitempty"`
	// ReceivedTime starts the month of Article 12(3); LegalDueTime ends it.
	ReceivedTime string `json:"receivedTime,omitempty"`
	LegalDueTime string `json:"legalDueTime,omitempty"`
	EndedTime    string `json:"endedTime"`
	// BackupsClearTime is when the last backup that can hold the person expires, over the stores and ledgers that were changed.
	BackupsClearTime string `json:"backupsClearTime,omitempty"`
	// BackupsUnclear are those of them of which no such day is known, with the objects that nothing removes by itself.
	BackupsUnclear []string `json:"backupsUnclear,omitempty"`
	// PlanDigest is the digest of all plans, ApprovedPlanDigest the one that a person approved.
	PlanDigest         string `json:"planDigest,omitempty"`
	ApprovedPlanDigest string `json:"approvedPlanDigest,omitempty"`
	// ApprovedBy is the user who approved, and ApprovedTime when, as admission saw it; of a request that needs no decision, who made it.
	ApprovedBy   string `json:"approvedBy,omitempty"`
	ApprovedTime string `json:"approvedTime,omitempty"`
	// Purposes are those that the request was about, and Registers those that it named; empty when it was about all.
	Purposes  []string `json:"purposes,omitempty"`
	Registers []string `json:"registers,omitempty"`
	Detail    string   `json:"detail"`
	// Holds are the legal holds that deferred a part of the request (Article 17(3)), those that were over at the end included.
	Holds      []Hold      `json:"holds,omitempty"`
	Stores     []Store     `json:"stores"`
	Recipients []Recipient `json:"recipients"`
}

// Store is what happened in one store.
type Store struct {
	Register string `json:"register"`
	// Kind is ConsentLedger where Store is the name of a ConsentPolicy, whose ledger it was; empty for a store of the register.
	Kind   string `json:"kind,omitempty"`
	Store  string `json:"store"`
	Result string `json:"result"`
	// Reason of the result, where there is one: a store that could not be searched says so. With CountsMissing the rows were not
	// counted, and their numbers say nothing.
	Reason string `json:"reason,omitempty"`
	// Message says what limits the result: second copies by column, tables that were not searched. It names no value and no person.
	Message      string `json:"message,omitempty"`
	PlanDigest   string `json:"planDigest,omitempty"`
	RowsDeleted  int64  `json:"rowsDeleted"`
	RowsMasked   int64  `json:"rowsMasked"`
	RowsDetached int64  `json:"rowsDetached"`
	RowsKept     int64  `json:"rowsKept"`
	// TablesOmitted and KeptOmitted are how many entries Tables and Kept have no room for; the sums above count them.
	TablesOmitted int32   `json:"tablesOmitted,omitempty"`
	KeptOmitted   int32   `json:"keptOmitted,omitempty"`
	Tables        []Table `json:"tables,omitempty"`
	Kept          []Kept  `json:"kept,omitempty"`
	PlannedTime   string  `json:"plannedTime,omitempty"`
	// ExecutedTime is when the store committed; VerifiedTime when a second role, on a connection of its own, looked for
	// the person and found nothing but what is kept.
	ExecutedTime string `json:"executedTime,omitempty"`
	VerifiedTime string `json:"verifiedTime,omitempty"`
}

// Table counts the person's rows in one table, by what was done to them.
type Table struct {
	Table  string `json:"table"`
	Action string `json:"action"`
	Rows   int64  `json:"rows"`
}

// Kept are rows that the law orders or allows to keep, with the article and the last day.
type Kept struct {
	Table          string `json:"table"`
	Rows           int64  `json:"rows"`
	Article        string `json:"article"`
	LegalReference string `json:"legalReference,omitempty"`
	UntilOn        string `json:"untilOn,omitempty"`
	// Hold names the LegalHold that keeps the rows, where one does.
	Hold string `json:"hold,omitempty"`
}

// Hold is a legal hold that deferred a part of the request, with the article, and from when to when it did. EndedTime is empty
// when it was still in force at the end.
type Hold struct {
	Name           string `json:"name"`
	UID            string `json:"uid"`
	Article        string `json:"article"`
	LegalReference string `json:"legalReference"`
	UntilOn        string `json:"untilOn"`
	SinceTime      string `json:"sinceTime,omitempty"`
	EndedTime      string `json:"endedTime,omitempty"`
}

// Recipient is who must be told of the erasure (Article 19), and what became of it.
type Recipient struct {
	Register string `json:"register"`
	Name     string `json:"name"`
	Result   string `json:"result"`
	Reason   string `json:"reason,omitempty"`
}

// Of states how a request ended. It reads only what never changes after the end, so it always states the same:
// ErrNotEnded when there is no end.
func Of(request *v1alpha1.ErasureRequest) (Statement, error) {
	status := &request.Status
	if status.End == "" || status.EndedTime == nil {
		return Statement{}, fmt.Errorf("stating an end: %w", ErrNotEnded)
	}
	uid := string(request.UID)
	p := Predicate{
		RequestUID: uid, SubjectRef: status.SubjectRef, Ground: string(request.Spec.Ground), End: string(status.End),
		ReceivedTime: instant(request.Spec.ReceivedTime), LegalDueTime: instant(status.LegalDueTime), EndedTime: instant(status.EndedTime),
		BackupsClearTime: instant(status.BackupsClearTime), BackupsUnclear: status.BackupsUnclear, PlanDigest: status.PlanDigest, ApprovedPlanDigest: status.ApprovedPlanDigest,
		Detail: DetailTables, Stores: []Store{}, Recipients: []Recipient{},
	}
	p.ApprovedBy, p.ApprovedTime = approval(request)
	for _, name := range request.Spec.Purposes {
		p.Purposes = append(p.Purposes, string(name))
	}
	for _, name := range request.Spec.Registers.Names {
		p.Registers = append(p.Registers, string(name))
	}
	if decision := request.Spec.Decision; status.End == v1alpha1.EndRefused && decision != nil {
		p.Refusal, p.RefusalReference, p.RefusalUntilOn = string(decision.Reason), decision.LegalReference, string(decision.UntilOn)
		if notice := request.Spec.RefusalNotice; notice != nil {
			p.RefusalToldTime = instant(notice.SentTime)
		}
	}
	for i := range status.Targets {
		p.Stores = append(p.Stores, storeOf(&status.Targets[i]))
	}
	for _, h := range status.Holds {
		p.Holds = append(p.Holds, Hold{string(h.Name), h.UID, h.Article, h.LegalReference, string(h.UntilOn), instant(h.SinceTime), instant(h.EndedTime)})
	}
	for _, r := range status.Recipients {
		p.Recipients = append(p.Recipients, Recipient{string(r.Register), string(r.Name), string(r.Result), r.Reason})
	}
	s := Statement{Type: StatementType, PredicateType: PredicateType, Predicate: p,
		Subject: []Subject{{"erasurerequests.gdpr.rempart.dev/" + uid, map[string]string{"sha256": digestOf([]byte(uid))[len("sha256:"):]}}}}
	return s.fitting()
}

// approval is who approved the plan that was executed, and when. A decision that came after the end approved nothing.
func approval(request *v1alpha1.ErasureRequest) (by, at string) {
	stamp := request.Spec.RequestedBy
	if d := request.Spec.Decision; d != nil && d.Verdict == v1alpha1.ErasureApproved && d.Stamp != nil && d.Stamp.Time != nil && !request.Status.EndedTime.Before(d.Stamp.Time) {
		stamp = d.Stamp
	} else if request.Spec.Execution != v1alpha1.ExecutionAutomatic {
		return "", ""
	}
	if stamp == nil || request.Status.ApprovedPlanDigest == "" {
		return "", ""
	}
	return stamp.By, instant(stamp.Time)
}

func storeOf(t *v1alpha1.ErasureTarget) Store {
	s := Store{Register: string(t.Register), Store: string(t.Store), Result: string(t.Result), Reason: t.Reason, Message: t.Message, PlanDigest: t.PlanDigest,
		RowsDeleted: number(t.RowsDeleted), RowsMasked: number(t.RowsMasked), RowsDetached: number(t.RowsDetached), RowsKept: number(t.RowsKept),
		PlannedTime: instant(t.PlannedTime), ExecutedTime: instant(t.ExecutedTime), VerifiedTime: instant(t.VerifiedTime)}
	if t.Kind == v1alpha1.TargetConsentLedger {
		s.Kind = string(t.Kind)
	}
	if t.TablesOmitted != nil {
		s.TablesOmitted = *t.TablesOmitted
	}
	if t.KeptOmitted != nil {
		s.KeptOmitted = *t.KeptOmitted
	}
	for _, table := range t.Tables {
		s.Tables = append(s.Tables, Table{table.Table, string(table.Action), number(table.Rows)})
	}
	for _, k := range t.Kept {
		s.Kept = append(s.Kept, Kept{k.Table, number(k.Rows), k.Article, k.LegalReference, string(k.UntilOn), string(k.HoldRef)})
	}
	return s
}

// fitting leaves tables out when the certificate would not fit into a ConfigMap, and says so.
func (s Statement) fitting() (Statement, error) {
	text, err := s.encode()
	if err != nil || len(text) <= largest {
		return s, err
	}
	s.Predicate.Detail = DetailTotals
	for i := range s.Predicate.Stores {
		store := &s.Predicate.Stores[i]
		store.Tables, store.Kept, store.TablesOmitted, store.KeptOmitted = nil, nil, 0, 0
	}
	return s, nil
}

// encode writes the statement as JSON without spaces. The same statement always gives the same bytes.
func (s Statement) encode() ([]byte, error) {
	return compact(s)
}

// compact writes a statement as JSON without spaces, in which no sign is escaped that need not be.
func compact(statement any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(statement); err != nil {
		return nil, fmt.Errorf("writing a statement: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// decode reads a signed statement. Fields that a later version added are left aside; they are signed all the same.
func decode(payload []byte) (Statement, error) {
	s := Statement{}
	if err := json.Unmarshal(payload, &s); err != nil || s.Type != StatementType || s.PredicateType != PredicateType {
		return Statement{}, fmt.Errorf("reading a statement: %w", ErrForm)
	}
	if (Leaf{Kind: LeafErasure, UID: s.Predicate.RequestUID, Digest: digestOf(nil)}).valid() != nil {
		return Statement{}, fmt.Errorf("reading a statement: %w", ErrForm)
	}
	return s, nil
}

func instant(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func number(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
