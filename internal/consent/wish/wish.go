// Package wish decides what becomes of people's wishes to be erased: which requests of erasure are made of them, and what the
// ledger is told. It is pure.
package wish

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

// Bounds of one pass, and of what one policy's wishes may have open: whoever floods the page fills neither etcd nor a desk.
const (
	// Most is how many requests one pass makes, Interval how long it is until the next.
	Most     = 10
	Interval = 30 * time.Second
	// MostOpen is how many requests of a policy's wishes may be without an end. Each way counts apart, also in a pass: any visitor can
	// withdraw, or make a receipt and ask by it, and who was sent a link does not wait for them.
	MostOpen = 1000
	// PageSize and MostPages are how many wishes of which a request was made are looked at in a pass, for each way. There are no more than
	// MostOpen but where people's identity was checked, or the ledger is an older one; then the others come in the next passes.
	PageSize  = 100
	MostPages = 12
	// MostLater is how many wishes the service lets give way at once.
	MostLater = 100
)

// ErrOtherVersion means that the service does not know what it is asked: it is of another version than the operator, and about to be replaced.
var ErrOtherVersion = errors.New("the consent service is of another version")

// Wish is one that the service tells of.
type Wish struct {
	ID       uuid.UUID  `json:"id"`
	Subject  uuid.UUID  `json:"subject"`
	AskedAt  time.Time  `json:"askedAt"`
	OpenedAt *time.Time `json:"openedAt"`
	// Forgotten tells that the person was erased since.
	Forgotten bool          `json:"forgotten"`
	Names     consent.Names `json:"names"`
	// Shown is what who asks showed; empty where nobody can read it any more.
	Shown consent.Shown `json:"shown"`
	// Purposes were withdrawn, and the wish is about their data alone; none where it is about the whole person.
	Purposes []v1alpha1.PartName `json:"purposes"`
	// Listed is the way by which the service lists it. What it says by itself is what counts: that is sealed.
	Listed consent.Way `json:"-"`
}

// way is by what the wish came about. A mailed link must be said: to be taken for one is to be taken for somebody who was checked.
func (w Wish) way() consent.Way {
	switch {
	case len(w.Purposes) > 0:
		return consent.ByWithdrawal
	case w.Shown == consent.ShownLink:
		return consent.ByLink
	default:
		return consent.ByReceipt
	}
}

// WayOf is by what the wish came about of which a request was made. One whose identity a person has checked since counts among those
// who were sent a link.
func WayOf(r *v1alpha1.ErasureRequest) consent.Way {
	switch {
	case len(r.Spec.Purposes) > 0:
		return consent.ByWithdrawal
	case r.Spec.IdentityCheck == nil || r.Spec.IdentityCheck.Method == "":
		return consent.ByReceipt
	default:
		return consent.ByLink
	}
}

// List says which wishes the service is asked for: those of a way that wait for a request, or of which one was made. After is Next of
// the page before.
type List struct {
	Way    consent.Way
	Opened bool
	After  string
	Limit  int
}

// Page is a part of a list. Next is empty at its end.
type Page struct {
	Wishes []Wish `json:"wishes"`
	Next   string `json:"next"`
}

// State is what the ledger is told of a wish.
type State string

// States of a wish.
const (
	// Opened: a request was made of it.
	Opened State = "opened"
	// Closed: it was answered.
	Closed State = "closed"
)

// space keeps these names apart from others that are hashed.
const space = "gdpr.rempart.dev/consent/wish"

// letters write a hash without digits: no check of names can take it for a number of a person.
const letters = "abcdefghijklmnop"

// Name returns the name and the requestID of the request that is made of a wish: the same whenever it is made, also by the policy of
// the same name that takes the ledger over. It says nothing of the person, and nobody who does not have the ledger can compute it.
func Name(tenant string, id uuid.UUID) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", space, tenant, id))
	text := make([]byte, 0, 24)
	for _, b := range sum[:12] {
		text = append(text, letters[b>>4], letters[b&15])
	}
	return "wish-" + string(text)
}

// SecretName returns the name of the Secret that says whose request it is.
func SecretName(request string) string { return request + "-person" }

// Person is the Secret with the identifiers of whoever asked, by which ledgers and stores find them. It is as kubectl gdpr erase makes
// one: the request deletes it when it ends.
func Person(p *v1alpha1.ConsentPolicy, tenant string, w Wish) *corev1.Secret {
	data := map[string][]byte{}
	for kind, value := range map[v1alpha1.IdentifierKind]string{
		v1alpha1.IdentifierConsentSubject: w.Subject.String(), v1alpha1.IdentifierEmail: w.Names.Email,
		v1alpha1.IdentifierPhone: w.Names.Phone, v1alpha1.IdentifierAccountID: w.Names.Account,
	} {
		if value != "" {
			data[subject.KeyOf(kind)] = []byte(value)
		}
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: SecretName(Name(tenant, w.ID))},
		Immutable: ptr.To(true), Type: corev1.SecretTypeOpaque, Data: data}
}

// Request is the request of erasure that is made of a wish. The month of Article 12(3) counts from the wish. It never runs without a
// decision: a link that reached the wrong person must not erase anybody by itself. What is known of who asked is that they had a link
// that the organisation's own program sent (Article 12(6)). Of who showed a receipt nothing is known but that it is theirs, or was; of a wish whose evidence is gone, not that. Of who
// withdrew nothing is known but that: their request is about what the purposes alone need, in the policy's register (Article 17(1)(b)).
func Request(p *v1alpha1.ConsentPolicy, tenant string, w Wish) *v1alpha1.ErasureRequest {
	name := Name(tenant, w.ID)
	request := &v1alpha1.ErasureRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: name, Labels: map[string]string{v1alpha1.LabelConsentPolicy: p.Name}},
		Spec: v1alpha1.ErasureRequestSpec{
			RequestID: name, ReceivedTime: ptr.To(metav1.NewTime(w.AskedAt.UTC().Truncate(time.Second))),
			Subject:   v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: v1alpha1.ObjectName(SecretName(name))}},
			Registers: v1alpha1.RegisterChoice{Mode: v1alpha1.RegistersAll},
			Execution: v1alpha1.ExecutionAfterApproval,
		},
	}
	switch w.way() {
	case consent.ByLink:
		request.Spec.IdentityCheck = &v1alpha1.IdentityCheck{Method: v1alpha1.IdentityConfirmedChannel}
	case consent.ByReceipt, consent.ByUnsaid:
	case consent.ByWithdrawal:
		request.Spec.Ground, request.Spec.Purposes = v1alpha1.GroundPointB, w.Purposes
		request.Spec.Registers = v1alpha1.RegisterChoice{Mode: v1alpha1.RegistersNamed, Names: []v1alpha1.ObjectName{p.Spec.RegisterRef.Name}}
	}
	return request
}

// Input is what one pass knows.
type Input struct {
	Tenant string
	Wishes []Wish
	// Requests are those that were made of the wishes, by name; one that is not there does not exist.
	Requests map[string]*v1alpha1.ErasureRequest
	// Open is how many requests have no end.
	Open map[consent.Way]int
	// More tells that not all who wait were read, Unseen that of a way not all were of which a request was made.
	More   bool
	Unseen map[consent.Way]bool
}

// Plan is what is to be done, in this order.
type Plan struct {
	// Make are wishes of which a request is made; then they are Opened.
	Make []Wish
	// Answer are those whose state the ledger does not know yet.
	Answer []Answer
	// Later let all others of their queue go first: they cannot be helped in this pass, or were seen when others were not.
	Later []uuid.UUID
	// Waiting tells that there are wishes of which no request was made in this pass, Full that too many are open.
	Waiting, Full bool
}

// Answer is what the ledger is told of a wish.
type Answer struct {
	Wish  Wish
	State State
	// Removed tells that its request was removed before its end; Unmade that the person was erased before there was one, so that what an
	// interrupted pass may have left of it goes.
	Removed, Unmade bool
}

// Decide looks at each wish.
func Decide(in Input) Plan {
	plan := Plan{Waiting: in.More}
	made := map[consent.Way]int{}
	for _, w := range in.Wishes {
		request := in.Requests[Name(in.Tenant, w.ID)]
		switch {
		case request != nil && request.Status.End != "" && !erasure.Untold(request): // who was not told of a refusal was not answered
			plan.Answer = append(plan.Answer, Answer{Wish: w, State: Closed})
		case request != nil && w.OpenedAt == nil:
			plan.Answer = append(plan.Answer, Answer{Wish: w, State: Opened})
		case request != nil: // it is being handled
			if in.Unseen[w.Listed] {
				plan.Later = append(plan.Later, w.ID)
			}
		case w.OpenedAt != nil:
			plan.Answer = append(plan.Answer, Answer{Wish: w, State: Closed, Removed: true})
		case w.Forgotten:
			plan.Answer = append(plan.Answer, Answer{Wish: w, State: Closed, Unmade: true})
		case in.Open[w.way()]+made[w.way()] >= MostOpen, made[w.way()] >= Most:
			plan.Waiting = true
			plan.Full = plan.Full || in.Open[w.way()]+made[w.way()] >= MostOpen
			if w.way() != w.Listed { // in another's queue it holds up people who need not wait
				plan.Later = append(plan.Later, w.ID)
			}
		default:
			plan.Make = append(plan.Make, w)
			made[w.way()]++
		}
	}
	return plan
}

// Judge says whether anybody waits.
func (p Plan) Judge() metav1.Condition {
	switch {
	case p.Full:
		return condition.False(v1alpha1.ConditionWishesHandled, v1alpha1.ReasonTooManyWishes,
			fmt.Sprintf("%d requests that people asked for on their page, or by withdrawing, have no end, and more people wait, whose month has begun; decide on them: kubectl get ereq -l %s", MostOpen, v1alpha1.LabelConsentPolicy))
	case p.Waiting:
		return condition.False(v1alpha1.ConditionWishesHandled, v1alpha1.ReasonWishesWaiting, "More people asked to be erased than requests are made at once; the others follow")
	default:
		return condition.True(v1alpha1.ConditionWishesHandled, v1alpha1.ReasonNoWishWaits, "A request was made of each wish to be erased")
	}
}
