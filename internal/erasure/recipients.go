package erasure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// maxRecipients is how many recipients a request can tell, and keep account of in its status and its certificate.
const maxRecipients = 512

// A Disclosure is a recipient who must be told of an erasure (Article 19), the channel that reaches them, and why they are
// told through none; each empty when the register does not say.
type Disclosure struct {
	Register  v1alpha1.ObjectName
	Recipient v1alpha1.PartName
	Channel   v1alpha1.ObjectName
	Untold    string
	// Public tells that the recipient is everybody: the data were made public (Article 17(2)).
	Public bool
	// Erased is the last commit that concerns them, and Notice the number of the notice that tells of it; zero where neither matters.
	Erased time.Time
	Notice int32
}

// Disclosures are the recipients of the activities of which something was erased: the others still need what was disclosed to them.
// Staff of the organisation is not told: an internal recipient is no other body (Article 4(9)).
func Disclosures(request *v1alpha1.ErasureRequest, targets []v1alpha1.ErasureTarget, registers []v1alpha1.DataRegister) []Disclosure {
	erased := slices.DeleteFunc(slices.Clone(targets), func(t v1alpha1.ErasureTarget) bool { return !changed(&t) })
	return disclosures(registers, func(r *v1alpha1.DataRegister, a *v1alpha1.ProcessingActivity) (last time.Time, yes bool) {
		for i := range erased {
			if !concerned(request, erased[i:i+1], r, a) {
				continue
			}
			if at := erased[i].ExecutedTime; at != nil && at.After(last) {
				last = at.Time
			}
			yes = true
		}
		return last, yes
	})
}

// likely are the recipients who are told if something is erased at each target.
func likely(request *v1alpha1.ErasureRequest, targets []v1alpha1.ErasureTarget, registers []v1alpha1.DataRegister) []Disclosure {
	return disclosures(registers, func(r *v1alpha1.DataRegister, a *v1alpha1.ProcessingActivity) (time.Time, bool) {
		return time.Time{}, concerned(request, searchable(targets), r, a)
	})
}

// concerned tells whether data of an activity were erased: in a store that it names, or in one of which the register does not say
// what it is for. What a ledger of consents forgets concerns the activities that rest on consent.
func concerned(request *v1alpha1.ErasureRequest, erased []v1alpha1.ErasureTarget, r *v1alpha1.DataRegister, a *v1alpha1.ProcessingActivity) bool {
	purposes := request.Spec.Purposes
	if len(purposes) > 0 && !slices.ContainsFunc(a.Purposes, func(p v1alpha1.Purpose) bool { return slices.Contains(purposes, p.Name) }) {
		return false
	}
	return slices.ContainsFunc(erased, func(t v1alpha1.ErasureTarget) bool {
		switch {
		case t.Register != v1alpha1.ObjectName(r.Name):
			return false
		case kindOf(t.Kind) == v1alpha1.TargetConsentLedger:
			return slices.ContainsFunc(a.Purposes, func(p v1alpha1.Purpose) bool { return p.LegalBasis == v1alpha1.BasisConsent })
		default:
			return len(a.Stores) == 0 || slices.Contains(a.Stores, t.Store) || !named(r, t.Store)
		}
	})
}

// named tells whether an activity of a register says that it uses a store.
func named(r *v1alpha1.DataRegister, store v1alpha1.PartName) bool {
	return slices.ContainsFunc(r.Spec.Activities, func(a v1alpha1.ProcessingActivity) bool { return slices.Contains(a.Stores, store) })
}

// everyone are all recipients of registers.
func everyone(registers []v1alpha1.DataRegister) []Disclosure {
	return disclosures(registers, func(*v1alpha1.DataRegister, *v1alpha1.ProcessingActivity) (time.Time, bool) { return time.Time{}, true })
}

// disclosures are the recipients of the activities that are chosen, in a fixed order, each with the last commit that concerns them.
func disclosures(registers []v1alpha1.DataRegister, chosen func(*v1alpha1.DataRegister, *v1alpha1.ProcessingActivity) (time.Time, bool)) []Disclosure {
	var list []Disclosure
	for i := range registers {
		name := v1alpha1.ObjectName(registers[i].Name)
		for k := range registers[i].Spec.Activities {
			activity := &registers[i].Spec.Activities[k]
			last, yes := chosen(&registers[i], activity)
			if !yes {
				continue
			}
			for _, r := range activity.Recipients {
				if r.Kind != v1alpha1.RecipientInternal {
					list = add(list, Disclosure{Register: name, Recipient: r.Name, Channel: r.ContactChannel, Untold: r.UntoldReason, Public: r.Kind == v1alpha1.RecipientPublic, Erased: last})
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b Disclosure) int {
		return strings.Compare(string(a.Register)+"/"+string(a.Recipient), string(b.Register)+"/"+string(b.Recipient))
	})
	return list
}

// add keeps one entry per recipient: activities may repeat it, and one of them may know the channel or the reason.
func add(list []Disclosure, d Disclosure) []Disclosure {
	for i := range list {
		if list[i].Register == d.Register && list[i].Recipient == d.Recipient {
			list[i].Public = list[i].Public || d.Public
			if d.Erased.After(list[i].Erased) {
				list[i].Erased = d.Erased
			}
			list[i].Channel, list[i].Untold = cmp.Or(list[i].Channel, d.Channel), cmp.Or(list[i].Untold, d.Untold)
			return list
		}
	}
	return append(list, d)
}

func erasedIn(status *v1alpha1.ErasureRequestStatus, register v1alpha1.ObjectName) bool {
	return slices.ContainsFunc(status.Targets, func(t v1alpha1.ErasureTarget) bool {
		return t.Register == register && changed(&t)
	})
}

// unlisted stands for the recipients of a register that was deleted before they were listed.
const unlisted v1alpha1.PartName = "not-known"

// missed writes down, and returns, the registers in which something was erased and whose recipients nobody can list any more. One that
// was made again is asked.
func (j *judgement) missed() (registers []string) {
	j.status.Recipients = slices.DeleteFunc(j.status.Recipients, func(r v1alpha1.InformedRecipient) bool {
		return r.Name == unlisted && r.Reason == v1alpha1.ReasonRecipientsUnknown
	})
	for _, t := range j.status.Targets {
		listed := slices.ContainsFunc(j.status.Recipients, func(r v1alpha1.InformedRecipient) bool { return r.Register == t.Register })
		if listed || j.exists(t.Register) || !erasedIn(j.status, t.Register) || slices.Contains(registers, string(t.Register)) {
			continue
		}
		registers = append(registers, string(t.Register))
	}
	for _, register := range registers[:min(len(registers), maxRecipients-len(j.status.Recipients))] {
		j.status.Recipients = append(j.status.Recipients, v1alpha1.InformedRecipient{Register: v1alpha1.ObjectName(register), Name: unlisted,
			Result: v1alpha1.RecipientImpossible, Reason: v1alpha1.ReasonRecipientsUnknown})
	}
	return registers
}

// missedWords ask a person to find out whom these registers named.
func missedWords(registers []string) string {
	return fmt.Sprintf("DataRegister %s was deleted before its recipients were listed: find out to whom its data were disclosed, and tell them (Article 19)", condition.Names(registers, mostNamed))
}

// list adds the recipients that the status does not have yet, those that came with a change of a register included, and
// returns how many it has no room for: nobody tells them. Who has a result is told again of what was erased later.
func (j *judgement) list(all []Disclosure) (untold int) {
	known := map[string]int{}
	for i, r := range j.status.Recipients {
		known[MessageKey(r.Register, r.Name)] = i
	}
	for _, d := range all {
		i, listed := known[MessageKey(d.Register, d.Recipient)]
		switch {
		case listed:
			renew(&j.status.Recipients[i], d.Erased)
		case len(j.status.Recipients) == maxRecipients:
			untold++
		default:
			r := v1alpha1.InformedRecipient{Register: d.Register, Name: d.Recipient, Result: v1alpha1.RecipientPending, ErasedTime: instantOf(d.Erased)}
			j.status.Recipients = append(j.status.Recipients, r)
		}
	}
	return untold
}

// renew owes a recipient who has a result another notice, of what was erased since. One that a version listed which kept no time was told
// of all.
func renew(r *v1alpha1.InformedRecipient, erased time.Time) {
	switch {
	case r.Result == v1alpha1.RecipientPending || erased.IsZero():
	case r.ErasedTime == nil:
		r.ErasedTime = instantOf(erased)
	case erased.After(r.ErasedTime.Time):
		r.Result, r.Reason, r.ErasedTime, r.Notices = v1alpha1.RecipientPending, "", instantOf(erased), ptr.To(noticeOf(r)+1)
	}
}

// noticeOf is the number of a recipient's last notice.
func noticeOf(r *v1alpha1.InformedRecipient) int32 { return max(1, valueOf(r.Notices)) }

// instantOf is a time of the API; nil for none.
func instantOf(at time.Time) *metav1.Time {
	if at.IsZero() {
		return nil
	}
	return ptr.To(metav1.NewTime(at))
}

// beyond names some of the recipients for whom the status has no room.
func (j *judgement) beyond(all []Disclosure) string {
	known := map[string]bool{}
	for _, r := range j.status.Recipients {
		known[MessageKey(r.Register, r.Name)] = true
	}
	var names []string
	for _, d := range all {
		if key := MessageKey(d.Register, d.Recipient); !known[key] {
			names = append(names, key)
		}
	}
	return condition.Names(names, mostNamed)
}

// informed reads what became of a recipient who waits. A message that was written decides, whatever the register says by now.
// Without a channel it is for a person to tell them, and to say so in the register: one who left the register meanwhile is not
// told by that. Where the register itself is gone there is nowhere left to say it, and nothing to wait for.
// Seen says that a pass before has listed the notice: only then a message is about it.
func (j *judgement) informed(d Disclosure, r *v1alpha1.InformedRecipient, seen bool) (v1alpha1.RecipientResult, string) {
	message := j.Messages[MessageKey(r.Register, r.Name)]
	if !seen {
		message = nil
	}
	switch {
	case message != nil || d.Channel != "":
		return delivery(message)
	case d.Untold != "":
		return v1alpha1.RecipientImpossible, d.Untold
	case !j.exists(r.Register):
		return v1alpha1.RecipientImpossible, v1alpha1.ReasonRegisterGone
	default:
		return v1alpha1.RecipientPending, v1alpha1.ReasonNoChannel
	}
}

// exists tells whether a register that the request chose is there.
func (j *judgement) exists(register v1alpha1.ObjectName) bool {
	return slices.ContainsFunc(j.Registers, func(r v1alpha1.DataRegister) bool { return r.Name == string(register) })
}

// recipientsInformed asks that each recipient was told, or that it is written why not.
func (j *judgement) recipientsInformed() objection {
	all := Disclosures(j.Request, j.status.Targets, j.Registers)
	missed := j.missed()
	j.list(all)
	open, impossible, gone := 0, 0, 0
	var unreached []string
	j.readNotices()
	// A notice that was under way until now says nothing of what was erased since it was written.
	untold := j.list(all)
	for i := range j.status.Recipients {
		r := &j.status.Recipients[i]
		key := MessageKey(r.Register, r.Name)
		if r.Reason == v1alpha1.ReasonRegisterGone {
			gone++
		}
		switch {
		case r.Result == v1alpha1.RecipientImpossible:
			impossible++
		case r.Result == v1alpha1.RecipientPending && r.Reason == v1alpha1.ReasonNoChannel:
			unreached = append(unreached, key)
		case r.Result == v1alpha1.RecipientPending:
			open++
		}
	}
	switch {
	case open > 0:
		return objection{condition: v1alpha1.ConditionRecipientsInformed, reason: v1alpha1.ReasonInforming, stance: working,
			message: fmt.Sprintf("%d of %d recipients wait to be told (Article 19)", open, len(j.status.Recipients)), wait: pollSecret}
	case untold > 0:
		return objection{condition: v1alpha1.ConditionRecipientsInformed, reason: v1alpha1.ReasonTooManyRecipients, stance: broken,
			message: fmt.Sprintf("%d of %d recipients are not told, for a request tells %d at most (Article 19): %s. Tell them yourself, note when and how, and then take them off their register, or declare those whom one contactChannel reaches as one recipient",
				untold, untold+len(j.status.Recipients), maxRecipients, j.beyond(all)), wait: pollSecret}
	case len(unreached) > 0:
		return objection{condition: v1alpha1.ConditionRecipientsInformed, reason: v1alpha1.ReasonNoChannel, stance: broken, wait: pollSecret,
			message: fmt.Sprintf("%d of %d recipients cannot be told, for their register names no channel (Article 19): %s; give each a contactChannel there, or write in untoldReason how they were told or why they cannot be",
				len(unreached), len(j.status.Recipients), condition.Names(unreached, mostNamed))}
	case len(missed) > 0:
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionRecipientsInformed, v1alpha1.ReasonRecipientsUnknown, missedWords(missed)+othersWords(impossible-len(missed)))
	case len(j.status.Recipients) == 0:
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionRecipientsInformed, v1alpha1.ReasonNoRecipients, "There is no recipient to tell")
	case impossible > 0:
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionRecipientsInformed, v1alpha1.ReasonSomeImpossible,
			fmt.Sprintf("%d of %d recipients could not be told by Rempart; status.recipients says why", impossible, len(j.status.Recipients))+goneWords(gone)+othersAccepted(j.status.Recipients))
	default:
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionRecipientsInformed, v1alpha1.ReasonInformed, acceptedWords(j.status.Recipients))
	}
	return objection{}
}

// othersWords count those who could not be told beside.
func othersWords(impossible int) string {
	if impossible <= 0 {
		return ""
	}
	return fmt.Sprintf(". %d recipients of others could not be told by Rempart; status.recipients says why", impossible)
}

// goneWords ask a person to tell those whose register was deleted before they were told.
func goneWords(recipients int) string {
	if recipients == 0 {
		return ""
	}
	return fmt.Sprintf(". The register of %d of them was deleted before they were told (%s): tell them (Article 19)", recipients, v1alpha1.ReasonRegisterGone)
}

// MessageKey names the message to a recipient within a request.
func MessageKey(register v1alpha1.ObjectName, recipient v1alpha1.PartName) string {
	return string(register) + "/" + string(recipient)
}

// delivery reads what became of a message. None was written yet, or none was delivered yet, is Pending.
func delivery(message *v1alpha1.Notification) (v1alpha1.RecipientResult, string) {
	switch {
	case message == nil:
		return v1alpha1.RecipientPending, ""
	case message.Status.DeliveredTime != nil:
		return v1alpha1.RecipientInformed, v1alpha1.ReasonNoticeAccepted
	case slices.ContainsFunc(message.Status.Conditions, func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ConditionDeadLettered && c.Status == metav1.ConditionTrue
	}):
		return v1alpha1.RecipientImpossible, v1alpha1.ReasonUndelivered
	default:
		return v1alpha1.RecipientPending, ""
	}
}

// Waiting are the recipients of whom no result is known, with the channel that their register names now, if it is there and does.
func Waiting(request *v1alpha1.ErasureRequest, registers []v1alpha1.DataRegister) []Disclosure {
	all := everyone(registers)
	var list []Disclosure
	for _, r := range request.Status.Recipients {
		if r.Result != v1alpha1.RecipientPending {
			continue
		}
		d := Disclosure{Register: r.Register, Recipient: r.Name}
		number := noticeOf(&r)
		if i := slices.IndexFunc(all, func(a Disclosure) bool { return a.Register == r.Register && a.Recipient == r.Name }); i >= 0 {
			d = all[i]
		}
		d.Notice = number
		list = append(list, d)
	}
	return list
}

// Owed are the recipients that wait to be told and can be: a message to each must exist.
func Owed(request *v1alpha1.ErasureRequest, registers []v1alpha1.DataRegister) []Disclosure {
	return slices.DeleteFunc(Waiting(request, registers), func(d Disclosure) bool { return d.Channel == "" })
}
