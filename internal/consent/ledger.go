package consent

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// What a ledger answers when it cannot do what was asked.
var (
	// ErrUnknown: there is no such person, event, token or checkpoint in this tenant.
	ErrUnknown = errors.New("unknown")
	// ErrSpent: the mailed token was used before, or is too old.
	ErrSpent = errors.New("spent")
	// ErrWished: the person asked to be erased before, and waits for an answer.
	ErrWished = errors.New("wished before")
	// ErrContradicted: the ledger and its signed log disagree.
	ErrContradicted = errors.New("contradicted")
)

// Writer records what people do.
type Writer interface {
	// Record appends the events of an act in one transaction: all or none, once per (site, key).
	Record(ctx context.Context, act Act) (Recorded, error)
	// Publish makes the policy's purposes and notices, and the widget's build, part of the ledger. Repeating it writes nothing.
	Publish(ctx context.Context, p Publication) error
	// Published returns the notices of a name that were published, each with its words in canonical JSON and what they mean.
	Published(ctx context.Context, notice string) ([]PublishedNotice, error)
	// Link lets two names stand for one person: what is recorded under either is the state of both.
	Link(ctx context.Context, known, other Person) error
	// Shred forgets a person: the key is destroyed, links, state and tokens go, a subject.shredded event is appended. It returns what
	// was held before. Twice is once: whoever comes again with the same key (which may be empty) is told what was done, with Again set and
	// without what can no longer be counted; all others learn ErrUnknown.
	Shred(ctx context.Context, person Person, key string) (Holding, error)
	// EraseProof removes the events of people who were forgotten, as far as Proof says that they can go. The log tells of it first.
	EraseProof(ctx context.Context, subjects ...uuid.UUID) (Proof, error)
}

// Reader answers what is known.
type Reader interface {
	// States returns, in the order of the people, the last decision about each purpose; an unknown person has none.
	States(ctx context.Context, people []Person) ([][]State, error)
	// Events returns a person's events in the order of their record, evidence opened.
	Events(ctx context.Context, person Person) ([]Event, error)
	// Storage returns what a person decided last about storage on their device, and opens no evidence for it. It fails as Events does.
	Storage(ctx context.Context, person Person) (State, error)
	// Words returns the words that a notice was published with, in canonical JSON; also those that the policy no longer has.
	Words(ctx context.Context, notice NoticeRef) ([]byte, error)
	// Purposes returns all revisions of some purposes, in the order of names and revisions; also of those that the policy no longer has.
	Purposes(ctx context.Context, names []string) ([]Revision, error)
	// Build returns the script of a site that was published with a digest. ErrUnknown for one that never was, and for one that
	// KeptBuilds younger ones followed.
	Build(ctx context.Context, site string, sha256 []byte) ([]byte, error)
	// Holding counts what is held of a person: what forgetting them would destroy, and what it would keep.
	Holding(ctx context.Context, person Person) (Holding, error)
	// References returns the references under which events name a person: their own first, then those that Link made part of it.
	References(ctx context.Context, person Person) ([]uuid.UUID, error)
	// Proof counts the events that EraseProof would remove, and those that must wait.
	Proof(ctx context.Context, subjects ...uuid.UUID) (Proof, error)
	// Since returns up to limit events of the tenant after one (the nil UUID: from the start), without evidence.
	Since(ctx context.Context, after uuid.UUID, limit int) ([]Event, error)
	// Receipt returns the events of a receipt.
	Receipt(ctx context.Context, receipt uuid.UUID) ([]Event, error)
	// Watch sends the subject and purposes of each change of state until the context ends; it sends a zero Change after
	// a gap (a lost connection), which means: forget all that you knew.
	Watch(ctx context.Context) (<-chan Change, error)
}

// Holding is what a ledger has of one person, counted. It names them by the ledger's own reference only.
type Holding struct {
	Subject uuid.UUID
	// Keys open the person's evidence; Links are names under which they are found; States are decisions in force; Tokens were mailed.
	// Forgetting the person destroys all of them.
	Keys, Links, States, Tokens int64
	// Events stay, as pseudonymous proof; Last is when the youngest was recorded.
	Events int64
	Last   time.Time
	// Again tells that the person was forgotten before, by a Shred with the same key.
	Again bool
}

// Proof is what becomes of the events of people who were forgotten, where a policy does not keep them.
type Proof struct {
	// Erased are gone; Waiting are those whose hashes are in no full tile of the log yet, without which it could not be proven. They go
	// as soon as the log has Until events.
	Erased, Waiting, Until int64
}

// Change says whose state changed.
type Change struct {
	Subject  uuid.UUID
	Purposes []string
}

// Log proves what was recorded (RFC 6962, C2SP tlog-checkpoint).
type Log interface {
	// Checkpoint is the newest signed note, with the size and the root it is for.
	Checkpoint(ctx context.Context) (Checkpoint, error)
	// Inclusion proves that an event is in the tree of the newest checkpoint. ErrUnknown until a checkpoint covers it.
	Inclusion(ctx context.Context, event uuid.UUID) (Inclusion, error)
	// Consistency proves that the tree of size `to` extends that of size `from`.
	Consistency(ctx context.Context, from, to int64) ([][]byte, error)
	// Forgotten returns marks of people who were forgotten, as the events of the log from an index on say, and the index up to which it
	// has looked: a page, or nothing where the log ends there.
	Forgotten(ctx context.Context, from int64) (marks []Mark, to int64, err error)
}

// Mark is of a person who was forgotten: a hash of their reference under the ledger's pepper. It is kept where a database that is restored
// from a dump cannot lose it, so that nobody comes back.
type Mark [16]byte

// Checkpoint is a signed head of the log.
type Checkpoint struct {
	Size int64
	Root []byte
	Note []byte
	Time time.Time
}

// Inclusion is a proof that a leaf is in a tree.
type Inclusion struct {
	Index      int64
	Leaf       []byte
	Path       [][]byte
	Checkpoint Checkpoint
}

// Mailbox keeps single-use tokens that are mailed to people; of a token only its hash is stored.
type Mailbox interface {
	// Issue keeps the token's hash for a person until it expires. Whom the ledger did not know becomes known by it.
	Issue(ctx context.Context, token []byte, kind string, person Person, purpose string, expires time.Time) error
	// IssueKnown is Issue for somebody whom the ledger knows. ErrUnknown, and nothing is kept, for anybody else.
	IssueKnown(ctx context.Context, token []byte, kind string, person Person, purpose string, expires time.Time) error
	// Peek tells what a token is for, and changes nothing.
	Peek(ctx context.Context, token []byte, now time.Time) (Ticket, error)
	// Spend uses the token up in the same transaction that records the act. An act with a choice erasure.asked is a wish from then on;
	// where the person has one already nothing is recorded, the token stays, and the answer is ErrWished.
	Spend(ctx context.Context, token []byte, now time.Time, act Act) (Recorded, error)
}

// Wishes keeps what people asked to have erased until it was answered. A person has one of the whole of them at most, unless two became
// one, and beside it those of withdrawals, of which none says only what another says.
type Wishes interface {
	// Ask records that a person whom the ledger knows by the act's name asks to be erased, and nothing else of an act: what Spend does
	// with a mailed token. ErrUnknown for anybody else, ErrWished where the person has a wish already; nothing is recorded then.
	Ask(ctx context.Context, act Act) (Recorded, error)
	// Wishes returns up to limit wishes of a queue, whose turn is after another (the zero Turn: from the start).
	Wishes(ctx context.Context, queue Queue, after Turn, limit int) ([]Wish, error)
	// Later lets all others of their queues go before some wishes. Those that were answered meanwhile are none.
	Later(ctx context.Context, wishes []uuid.UUID) error
	// Opened records that a request of erasure was made of a wish. ErrUnknown where there is no such wish. Twice is once.
	Opened(ctx context.Context, wish uuid.UUID) error
	// Closed records that a wish was answered: it is listed no more. ErrUnknown where there is no such wish.
	Closed(ctx context.Context, wish uuid.UUID) error
}

// Wish is a wish to be erased.
type Wish struct {
	// ID is that of the event erasure.asked, or of the first event of the withdrawal; Subject is the person's reference.
	ID, Subject uuid.UUID
	// Purposes were withdrawn, and the wish is about their data alone; none where it is about the whole person.
	Purposes []string
	Site     string
	AskedAt  time.Time
	// OpenedAt is when a request was made of it; zero before.
	OpenedAt time.Time
	// Turn is its place in its queue.
	Turn Turn
	// Forgotten tells that the person was shredded since.
	Forgotten bool
	// Evidence is that of the event erasure.asked; nil where there is none, or the person was shredded. What a page sent along with a
	// withdrawal is none: it would say who is to be erased.
	Evidence []byte
}

// Ticket is what a mailed token allows.
type Ticket struct {
	Kind    string
	Subject uuid.UUID
	Purpose string
	Expires time.Time
}

// Publication is what a policy makes public. Bodies are canonical JSON.
type Publication struct {
	Namespace, Policy string
	Purposes          []PublishedPurpose
	Notices           []PublishedNotice
	Widgets           []PublishedWidget
}

// PublishedPurpose is one revision of a purpose; a body that differs from the last one is a new revision.
type PublishedPurpose struct {
	Purpose string
	Body    []byte
}

// Revision is what was published of a purpose: its number, from 1, and since when it is in force.
type Revision struct {
	PublishedPurpose
	Number int32
	Since  time.Time
}

// PublishedNotice is the words of one version in one language. They never change.
type PublishedNotice struct {
	NoticeRef
	Body []byte
}

// PublishedWidget is a build that pages load: a script and its digest.
type PublishedWidget struct {
	Site         string
	SHA256, Body []byte
}

// KeptBuilds is how many builds of a site a ledger keeps, the newest ones: a script of each change of the policy and each
// upgrade, some 16 KB each.
const KeptBuilds = 64
