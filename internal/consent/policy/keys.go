package policy

import (
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/consent"
)

// keysTold are the keys of the ledger as status has them; nil where they cannot be told now. That nothing needs a key is true only when
// every pod writes under the same keys, and when the list of the forgotten is under the pepper of now: marks under another are worth
// nothing without it.
func keysTold(in Input, answer *Answer) []v1alpha1.LedgerKeyStatus {
	if !settled(in.Deployment) || (in.Checkpoint.Note != "" && in.Forgotten.Pepper != answer.pepper()) {
		return nil
	}
	keys := []v1alpha1.LedgerKeyStatus{}
	for _, k := range answer.Keys {
		keys = append(keys, v1alpha1.LedgerKeyStatus{Kind: v1alpha1.LedgerKeyKind(k.Kind), ID: k.ID, Entry: k.Entry, Use: useOf(k), Rows: k.Rows})
	}
	return keys
}

func useOf(k KeyAnswer) v1alpha1.LedgerKeyUse {
	if k.Current {
		return v1alpha1.LedgerKeyWrite
	}
	return v1alpha1.LedgerKeyRead
}

// keysThere tells whether the service has every key that rows of the ledger may need.
func keysThere(_ Input, seen Seen) condition.Objection {
	if seen.Answer == nil { // answers says so
		return condition.Objection{}
	}
	for _, k := range seen.Answer.Keys {
		if k.Entry != "" {
			continue
		}
		lost := "what they open cannot be read, and what is recorded of their people needs no evidence or waits"
		if k.Kind == KeyPepper {
			lost = "people who are known under it are not found, nobody is taken for somebody new, and nobody is erased by a name"
		}
		return condition.Objection{Reason: v1alpha1.ReasonKeyMissing, Message: fmt.Sprintf(
			"The ledger needs the %s %s, which is in no Secret of the policy: %s; put it back as %s", k.Kind, k.ID, lost, consent.BeforeEntries(k.Kind)[0])}
	}
	return condition.Objection{}
}

// roomForKeys tells whether a key that is asked for can take the place of the one of now.
func roomForKeys(in Input, _ Seen) condition.Objection {
	if in.NoRoom == "" {
		return condition.Objection{}
	}
	return condition.Objection{Reason: v1alpha1.ReasonNoRoomForKey, Message: fmt.Sprintf(
		"%d old keys stand beside %s in the Secret %q, and there is no room for another; remove those that status.keys says that nothing needs", consent.MostBefore, in.NoRoom, KeysName(in.Policy.Name))}
}
