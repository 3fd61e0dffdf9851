package erasure

import (
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Recipients are told without undue delay of what is erased (Article 19): a part that waits, for a hold, for a store that fails or for a
// person, keeps nobody from being told of the rest. What is erased later is told by another notice.

// tellMeanwhile lists who is to be told of what is erased already, while something else holds the request up. A request that gets on
// tells each recipient once, at its end.
func (j *judgement) tellMeanwhile(o objection) {
	if o.condition == v1alpha1.ConditionAccepted || o.condition == v1alpha1.ConditionRecipientsInformed || o.stance == working && !j.failing() {
		return
	}
	j.list(Disclosures(j.Request, j.status.Targets, j.Registers))
	j.readNotices()
}

// failing tells whether a store has failed so often that the others are not to wait for it.
func (j *judgement) failing() bool {
	for i := range j.status.Targets {
		if t := &j.status.Targets[i]; t.Result == v1alpha1.TargetPending && t.Reason != "" && valueOf(t.Attempts) >= patience {
			return true
		}
	}
	return false
}

// readNotices reads what became of the recipients who wait. Who was listed is asked for by name, whatever the activity has come to be;
// who is listed by this pass has no notice yet.
func (j *judgement) readNotices() {
	of, waits := map[string]Disclosure{}, map[string]int32{}
	for _, d := range everyone(j.Registers) {
		of[MessageKey(d.Register, d.Recipient)] = d
	}
	for i := range j.Request.Status.Recipients {
		if r := &j.Request.Status.Recipients[i]; r.Result == v1alpha1.RecipientPending {
			waits[MessageKey(r.Register, r.Name)] = noticeOf(r)
		}
	}
	for i := range j.status.Recipients {
		r := &j.status.Recipients[i]
		if key := MessageKey(r.Register, r.Name); r.Result == v1alpha1.RecipientPending {
			r.Result, r.Reason = j.informed(of[key], r, waits[key] == noticeOf(r))
		}
	}
}

// meanwhile says who was told although the request goes on; empty when nobody was to be.
func (j *judgement) meanwhile() string {
	told, open := 0, 0
	for i := range j.status.Recipients {
		if j.status.Recipients[i].Result == v1alpha1.RecipientPending {
			open++
		} else {
			told++
		}
	}
	if told+open == 0 {
		return ""
	}
	return fmt.Sprintf("; of what was erased so far %d recipients have a result, and %d wait to be told (Article 19)", told, open)
}

// acceptedWords say what is known of the recipients whose channel took a notice: not that they read it, nor that they know whom it
// concerns, which no notice says.
func acceptedWords(recipients []v1alpha1.InformedRecipient) string {
	n := 0
	for i := range recipients {
		if recipients[i].Result == v1alpha1.RecipientInformed {
			n++
		}
	}
	return fmt.Sprintf("The channels of %d recipients accepted a notice of the erasure. It names this request and nobody: tell each, through the contact agreed with them, whom it concerns (Article 19)", n)
}

// othersAccepted says it of those who could be told, beside others who could not.
func othersAccepted(recipients []v1alpha1.InformedRecipient) string {
	for i := range recipients {
		if recipients[i].Result == v1alpha1.RecipientInformed {
			return ". " + acceptedWords(recipients)
		}
	}
	return ""
}
