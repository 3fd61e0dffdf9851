// Package consent is the domain of consent: what a person did about which purposes, what of it is valid now, and what a
// ledger keeps as proof (Articles 4(11), 6, 7 and 8 of the GDPR).
package consent

import (
	"time"

	"github.com/google/uuid"
)

// Decision is what a person decided about a purpose.
type Decision int8

// The decisions, with the numbers that the ledger stores.
const (
	Denied  Decision = 0
	Granted Decision = 1
)

// EventType says what an event of the ledger records.
type EventType string

// The types of events. EventGiven without a purpose is consent to storage on the device.
const (
	EventGiven               EventType = "consent.given"
	EventRefused             EventType = "consent.refused"
	EventWithdrawn           EventType = "consent.withdrawn"
	EventExpired             EventType = "consent.expired"
	EventReconfirmed         EventType = "consent.reconfirmed"
	EventTermsAccepted       EventType = "terms.accepted"
	EventStorageAcknowledged EventType = "storage.acknowledged"
	EventErasureAsked        EventType = "erasure.asked"
	EventErasureOpened       EventType = "erasure.opened"
	EventErasureClosed       EventType = "erasure.closed"
	EventSubjectShredded     EventType = "subject.shredded"
	EventNoticePublished     EventType = "notice.published"
	EventBuildPublished      EventType = "build.published"
	EventKeyRotated          EventType = "key.rotated"
	EventLedgerPruned        EventType = "ledger.pruned"
)

// Method says by which act a decision was made.
type Method string

// The methods.
const (
	MethodMessage          Method = "message"
	MethodButton           Method = "button"
	MethodCheckbox         Method = "checkbox"
	MethodTriggerButton    Method = "trigger-button"
	MethodDoubleOptIn      Method = "double-opt-in"
	MethodAssertedBySite   Method = "asserted-by-site"
	MethodAPI              Method = "api"
	MethodOperatorWithdraw Method = "operator-withdraw"
)

// Collector says who took down the decision.
type Collector string

// The collectors.
const (
	CollectorWidget         Collector = "widget"
	CollectorControllerPage Collector = "controller-page"
	CollectorSelfService    Collector = "self-service"
	CollectorAPI            Collector = "api"
)

// Person is one name of a person: a kind (receipt, account, email, phone) and the identifier as it was given. It lives in
// memory only; the ledger keeps HMAC-SHA-256(pepper, kind ‖ 0 ‖ normalised identifier).
type Person struct {
	Kind string
	ID   string
}

// KindSubject is the kind of the ledger's own reference, a UUID, by which events, changes and tickets name a person. Nobody is met for
// the first time under it, and no HMAC of it is kept.
const KindSubject = "subject"

// NoticeRef names the words that a person saw.
type NoticeRef struct {
	Notice   string
	Version  int32
	Language string
	// SHA256 is of the canonical JSON of the words, Material of what they mean.
	SHA256   []byte
	Material []byte
}

// Choice is one decision of an act.
type Choice struct {
	Type     EventType
	Purpose  string
	Decision Decision
	// ValidUntil is when the consent expires; zero for a refusal or a withdrawal.
	ValidUntil time.Time
}

// Act is one thing that a person did: all its choices are recorded in one transaction, or none.
type Act struct {
	Site string
	// Key is the idempotency key, made once per act; retries carry the same.
	Key         string
	Person      Person // the zero Person: an unlinked record
	Choices     []Choice
	Notice      NoticeRef
	Method      Method
	CollectedBy Collector
	// OccurredAt is the client's clock: metadata only.
	OccurredAt time.Time
	GPC        *bool
	// Evidence is sealed with the person's own key before it is stored; at most 2 KiB.
	Evidence []byte
	// Erase are the purposes whose data is to be erased because this act withdraws the consent to them (Article 17(1)(b)). The act becomes
	// a wish to that end in the same transaction, unless an open one names all of them, or nobody is known by the person's name.
	Erase []string
}

// Event is one line of the ledger. Evidence is nil where the person's key is gone.
type Event struct {
	Tenant, ID, Receipt uuid.UUID
	// Subject is a random reference, the nil UUID where nobody is meant.
	Subject            uuid.UUID
	Type               EventType
	Purpose            string
	Decision           *Decision
	Notice             NoticeRef
	Method             Method
	CollectedBy        Collector
	Site               string
	OccurredAt         time.Time
	RecordedAt         time.Time
	ValidUntil         time.Time
	GPC                *bool
	EvidenceCiphertext []byte
	Evidence           []byte
	// Leaf is the RFC 6962 leaf hash of the event in canonical JSON.
	Leaf []byte
}

// State is the last decision of a person about a purpose.
type State struct {
	Purpose  string
	Event    uuid.UUID
	Decision Decision
	// Method is by which act it was granted, as its event says; nothing of a denial, which every act can be.
	Method Method
	// Void says that such an act can be no consent to the purpose: judge.Weigh sets it, and no ledger keeps it.
	Void       bool
	Notice     NoticeRef
	RecordedAt time.Time
	ValidUntil time.Time
}

// Recorded is what became of an act.
type Recorded struct {
	Receipt, Subject uuid.UUID
	Events           []Event
	// Deduplicated tells that the act had been recorded before: the events are those of the first time.
	Deduplicated bool
}
