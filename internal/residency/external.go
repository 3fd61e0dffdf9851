package residency

import (
	"fmt"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// ReasonTransferMissing means that a store lies outside of the EEA and no activity records the transfer.
const ReasonTransferMissing Reason = "TransferMissing"

// ExternalVerdict is the judgement of the declared place of a store outside of the cluster.
type ExternalVerdict struct {
	Verdict v1alpha1.PlacementVerdict
	Reason  Reason
	Place   Place
	// Message says what was found and what to do; empty when it is allowed.
	Message string
}

// JudgeExternal judges a declared place. Outside of the EEA, data are transferred: the record must say by which mechanism
// (Article 30(1)(e), Chapter V), and then does.
func (r *Rules) JudgeExternal(register *v1alpha1.DataRegister, store *v1alpha1.DataStore) ExternalVerdict {
	declared := store.External
	place := r.LocateCountry(declared.Country)
	if declared.Country == "" {
		place = r.Locate(declared.Provider, declared.Region, "")
	}
	verdict, reason := r.JudgePlace(place)
	third := place.Law != v1alpha1.ZoneEU && place.Law != v1alpha1.ZoneEEA
	if verdict == v1alpha1.VerdictAllowed && third {
		reason = ReasonTransferMissing
	}
	switch {
	case !place.Known() && declared.Country != "":
		return ExternalVerdict{v1alpha1.VerdictUnknown, reason, place, string(declared.Country) + " is no ISO 3166-1 code; name the country of the store"}
	case !place.Known():
		return ExternalVerdict{v1alpha1.VerdictUnknown, reason, place, place.Words() + "; name a region of the table, or the country, or declare it in spec.locations of the policy"}
	case third && !transferred(register, store.Name, place.Country):
		return ExternalVerdict{v1alpha1.VerdictDenied, reason, place, fmt.Sprintf(
			"it lies in %s; allowed: %s. Record the transfer to %s with its mechanism in spec.activities[].transfers (Articles 30(1)(e) and 44 to 49), or move the store",
			place.Words(), r.Allows(), place.Country)}
	case !third && verdict != v1alpha1.VerdictAllowed:
		return ExternalVerdict{v1alpha1.VerdictDenied, reason, place, fmt.Sprintf("it lies in %s; allowed: %s (%s). Move the store, or name another policy", place.Words(), r.Allows(), article)}
	default:
		return ExternalVerdict{Verdict: v1alpha1.VerdictAllowed, Reason: ReasonDeclared, Place: place}
	}
}

// transferred tells whether an activity that uses the store records a transfer to the country. Without a store, any activity does.
func transferred(register *v1alpha1.DataRegister, store v1alpha1.PartName, country v1alpha1.Country) bool {
	return slices.ContainsFunc(register.Spec.Activities, func(activity v1alpha1.ProcessingActivity) bool {
		uses := store == "" || len(activity.Stores) == 0 || slices.Contains(activity.Stores, store)
		return uses && slices.ContainsFunc(activity.Transfers, func(t v1alpha1.Transfer) bool { return Canonical(t.Country) == country })
	})
}
