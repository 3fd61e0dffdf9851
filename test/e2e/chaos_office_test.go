package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// fate is what the office does with a request.
type fate int

const (
	approved fate = iota
	refused
	heldBefore // a hold is in force before the approval
	heldAfter  // a hold comes while the run may work
)

func drawFate(r *rand.Rand) fate {
	switch n := r.IntN(100); {
	case n < 10:
		return refused
	case n < 24:
		return heldBefore
	case n < 40:
		return heldAfter
	default:
		return approved
	}
}

// person is a customer of whom a request is open, and how far it is. One goroutine changes it.
type person struct {
	id       int
	fate     fate
	request  *v1alpha1.ErasureRequest
	made     bool
	decided  bool
	noticed  bool
	hold     *v1alpha1.LegalHold
	liftAt   time.Time // drawn when the hold is seen in force
	rows     string    // of the person in the store, when the hold was in force
	lifted   bool
	lastSaid string
}

// ended tells whether all is done, certificate and, of a refusal, notice included.
func (p *person) ended() bool {
	return meta.IsStatusConditionTrue(p.request.Status.Conditions, v1alpha1.ConditionReady)
}

// office opens requests and decides on them.
type office struct {
	c       *chaos
	r       *rand.Rand
	support client.Client
	privacy client.Client
	ids     []int
}

func newOffice(t *testing.T, c *chaos, r *rand.Rand) *office {
	t.Helper()
	o := &office{c: c, r: r, support: as(t, "support-agent"), privacy: as(t, "privacy-office")}
	// Of every twentieth customer and the one before there is one address.
	for id := range strings.FieldsSeq(sql(t, "SELECT id FROM public.customers WHERE id % 20 NOT IN (0, 19) ORDER BY id")) {
		n, err := strconv.Atoi(id)
		if err != nil {
			t.Fatal(err)
		}
		o.ids = append(o.ids, n)
	}
	r.Shuffle(len(o.ids), func(i, j int) { o.ids[i], o.ids[j] = o.ids[j], o.ids[i] })
	return o
}

// until works until killing ends, and then until all requests have.
func (o *office) until(killing, ctx context.Context) {
	o.c.every(killing, time.Second, func(ctx context.Context) error { return o.round(ctx, true) })
	rest, cancel := context.WithTimeout(ctx, chaosEnd)
	defer cancel()
	done, finish := context.WithCancel(rest)
	defer finish()
	o.c.every(done, time.Second, func(ctx context.Context) error {
		err := o.round(ctx, false)
		if len(o.open()) == 0 {
			finish()
		}
		return err
	})
}

func (o *office) open() []*person {
	var open []*person
	for _, p := range o.c.people {
		if !p.ended() {
			open = append(open, p)
		}
	}
	return open
}

// round does what is due of each open request, and opens another one where there is room.
func (o *office) round(ctx context.Context, more bool) error {
	open := o.open()
	if more && len(open) < chaosOpen && len(o.c.people) < len(o.ids) {
		id := o.ids[len(o.c.people)]
		p := &person{id: id, fate: drawFate(o.r), request: request(fmt.Sprintf("chaos-%d-%d", *chaosSeed, id))}
		o.c.mutex.Lock()
		o.c.people = append(o.c.people, p)
		o.c.mutex.Unlock()
		open = append(open, p)
	}
	var failed error
	for _, p := range open {
		if err := o.serve(ctx, p, !more); err != nil {
			failed = err
		}
	}
	return failed
}

// serve does the next step of a request. Whatever fails is done again in the next round.
func (o *office) serve(ctx context.Context, p *person, closing bool) error {
	if !p.made {
		return o.openRequest(ctx, p)
	}
	now := &v1alpha1.ErasureRequest{}
	if err := admin.Get(ctx, client.ObjectKeyFromObject(p.request), now); err != nil {
		return err
	}
	o.c.mutex.Lock()
	p.request = now
	o.c.mutex.Unlock()
	if ready := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		p.lastSaid = ready.Reason + ": " + ready.Message
	}
	switch {
	case p.ended():
		return o.lift(ctx, p)
	case p.decided && p.hold != nil && !p.lifted:
		return o.keep(ctx, p, closing)
	case p.decided && p.fate == heldAfter && p.hold == nil:
		return o.holdOn(ctx, p)
	case p.decided && p.fate == refused && !p.noticed:
		notice := `{"spec":{"refusalNotice":{"sentTime":"` + time.Now().UTC().Format(time.RFC3339) + `"}}}`
		return o.decide(ctx, p, notice, &p.noticed)
	case p.decided || !meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionPlanned):
		return nil
	case p.fate == refused:
		return o.decide(ctx, p, `{"spec":{"decision":{"verdict":"Refused","reason":"IdentityNotProven"}}}`, &p.decided)
	case p.fate == heldBefore && p.rows == "":
		return o.keep(ctx, p, closing)
	default:
		return o.decide(ctx, p, `{"spec":{"decision":{"verdict":"Approved"}}}`, &p.decided)
	}
}

func (o *office) openRequest(ctx context.Context, p *person) error {
	who := demoCustomer(p.id)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: p.request.Name, Namespace: demoNamespace}, StringData: map[string]string{"email": who.email, "phone": who.phone},
	}
	if err := o.support.Create(ctx, secret); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err := o.support.Create(ctx, p.request.DeepCopy()); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	p.made = true
	return nil
}

func (o *office) decide(ctx context.Context, p *person, patch string, done *bool) error {
	err := o.privacy.Patch(ctx, p.request.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch)))
	*done = err == nil
	return err
}

func (o *office) holdOn(ctx context.Context, p *person) error {
	hold := &v1alpha1.LegalHold{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: p.request.Name}, Spec: v1alpha1.LegalHoldSpec{
		Article: "17(3)(e)", LegalReference: "Commercial court of Lyon, 2026/17", Reason: "What was promised is in dispute", UntilOn: "2031-06-30",
		SubjectRefs: []string{p.request.Status.SubjectRef},
	}}
	if err := admin.Create(ctx, hold); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	o.c.mutex.Lock() // what is told each minute reads it
	defer o.c.mutex.Unlock()
	p.hold = hold
	return nil
}

// keep sees the hold of a person through: in force, for a while, and lifted. In between nothing of the person may go.
func (o *office) keep(ctx context.Context, p *person, closing bool) error {
	if p.hold == nil {
		return o.holdOn(ctx, p)
	}
	if p.rows == "" {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(p.hold), p.hold); err != nil {
			return err
		}
		if !meta.IsStatusConditionTrue(p.hold.Status.Conditions, v1alpha1.ConditionReady) {
			return nil
		}
		rows, err := rowsHeld(ctx, p.id)
		if err != nil {
			return err
		}
		if p.fate == heldBefore && rows == "0" {
			o.c.fault("%s was erased before anybody approved", p.request.Name)
		}
		p.rows, p.liftAt = rows, time.Now().Add(time.Duration(10+o.r.IntN(80))*time.Second)
		return nil
	}
	if !closing && time.Now().Before(p.liftAt) {
		return nil
	}
	rows, err := rowsHeld(ctx, p.id)
	if err != nil {
		return err
	}
	if rows != p.rows {
		o.c.fault("%s had %s rows when its hold was in force, and %s when it was lifted", p.request.Name, p.rows, rows)
		p.rows = rows
	}
	return o.lift(ctx, p)
}

// lift releases the hold of a person, if there is one: also of one who was erased before it was in force.
func (o *office) lift(ctx context.Context, p *person) error {
	if p.hold == nil || p.lifted {
		return nil
	}
	err := admin.Patch(ctx, p.hold.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"release":{"reason":"The case was settled"}}}`)))
	p.lifted = err == nil
	return err
}

// rowsHeld counts what the store has of a customer, by number: the log of the API server has what is asked.
func rowsHeld(ctx context.Context, id int) (string, error) {
	return query(ctx, "conversations-crm-0", "crm", fmt.Sprintf(`SELECT (SELECT count(*) FROM public.customers WHERE id = %[1]d)
		+ (SELECT count(*) FROM public.participants WHERE customer_id = %[1]d) + (SELECT count(*) FROM public.messages WHERE sender_id = %[1]d)
		+ (SELECT count(*) FROM public.orders WHERE customer_id = %[1]d) + (SELECT count(*) FROM public.conversations WHERE opened_by = %[1]d)`, id))
}
