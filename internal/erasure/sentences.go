package erasure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// planWords sums up what a plan would do, or what was done.
func planWords(targets []v1alpha1.ErasureTarget) string {
	sums, least := map[v1alpha1.TableErasure]int64{}, "" // where a list was cut
	for i := range targets {
		for _, t := range targets[i].Tables {
			sums[t.Action] += valueOf(t.Rows)
		}
		if targets[i].TablesOmitted != nil {
			least = "at least "
		}
	}
	stores := "1 store"
	if n := len(searchable(targets)); n != 1 {
		stores = fmt.Sprintf("%d stores", n)
	}
	var parts []string
	for _, p := range []struct {
		action v1alpha1.TableErasure
		word   string
	}{{v1alpha1.EraseDeleteRows, "to delete"}, {v1alpha1.EraseMaskColumns, "to mask"}, {v1alpha1.EraseDetach, "to detach"}, {v1alpha1.EraseKeep, "to keep"}} {
		if sums[p.action] > 0 {
			parts = append(parts, fmt.Sprintf("%s%d rows %s", least, sums[p.action], p.word))
		}
	}
	if len(searchable(targets)) == 0 {
		return "Nothing can be searched" + left(targets)
	}
	if len(parts) == 0 {
		return fmt.Sprintf("The plan of %s found no row of the person", stores) + unsearched(targets) + left(targets)
	}
	return fmt.Sprintf("The plan of %s has %s", stores, strings.Join(parts, ", ")) + unsearched(targets) + left(targets)
}

// unsearched names the targets in which the person could not be looked for; empty when there are none.
func unsearched(targets []v1alpha1.ErasureTarget) string {
	var names []string
	for i := range targets {
		if targets[i].Reason == v1alpha1.ReasonNotSearchable {
			names = append(names, placeOf(&targets[i]).key())
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("; without an identifier by which they find people, %d could not be searched: %s", len(names), condition.Names(names, 8))
}

// noted refers to what the plan or the verifier had to say beside: second copies, and tables in which nobody could be looked for.
func noted(targets []v1alpha1.ErasureTarget) string {
	if !slices.ContainsFunc(targets, func(t v1alpha1.ErasureTarget) bool { return t.Reason == "" && t.Message != "" }) {
		return ""
	}
	return "; see the messages of status.targets beside"
}

// endWords say how the request ended. They depend on recorded facts only.
func endWords(request *v1alpha1.ErasureRequest, status *v1alpha1.ErasureRequestStatus) string {
	var words string
	decision := request.Spec.Decision
	switch status.End {
	case v1alpha1.EndErased:
		words = "The person was erased from every store, and the verifier found nothing"
	case v1alpha1.EndPartlyErased:
		words = "The person was erased but for what status.targets names: rows that are kept, each with the article that keeps it, and stores that are left to a person"
	case v1alpha1.EndNothingErased:
		words = "Nothing was erased, for all rows of the person are kept, each with the article that keeps it in status.targets.kept: the person is told why, and of their right to complain and to a judicial remedy (Article 12(4))"
	case v1alpha1.EndNothingFound:
		words = nothing(request, status)
	case v1alpha1.EndRefused:
		words = "The request was refused"
		if decision != nil {
			words = refusal(decision.Reason) + noticeWords(request, status)
		}
	case v1alpha1.EndPlannedOnly:
		words = "The plan is in status.targets; nothing was executed, since only a plan was asked for"
	case v1alpha1.EndAlreadyExecuted:
		words = "An older request has the same requestID; this one ran nothing"
	}
	if status.End != v1alpha1.EndRefused && status.End != v1alpha1.EndAlreadyExecuted {
		words += unsearched(status.Targets) + left(status.Targets) + noted(status.Targets)
	}
	switch {
	case len(status.BackupsUnclear) == 0:
	case status.BackupsClearTime == nil:
		words += "; no day is known on which the last backup that can hold the person goes: status.backupsUnclear says why"
	default:
		words += "; status.backupsUnclear says of whose backups nothing is known"
	}
	if status.SubjectDeletedTime == nil {
		return words + "; the subject Secret was left alone, since it is not this request's to delete"
	}
	return words
}

// nothing says why nothing was found: no store that was searched has the person, or none was searched.
func nothing(request *v1alpha1.ErasureRequest, status *v1alpha1.ErasureRequestStatus) string {
	blind := func(t v1alpha1.ErasureTarget) bool { return t.Reason == v1alpha1.ReasonNotSearchable }
	targets := searchable(status.Targets)
	searched := slices.ContainsFunc(targets, func(t v1alpha1.ErasureTarget) bool { return !blind(t) })
	switch {
	case len(status.Targets) == 0 && len(request.Spec.Purposes) > 0:
		return "No store holds data for the withdrawn purposes alone, so none was searched and nothing was erased; the message of Accepted names those that other purposes need too: " +
			"what only the withdrawn purposes needed there is for a person to remove (Article 17(1)(b))"
	case slices.ContainsFunc(status.Targets, func(t v1alpha1.ErasureTarget) bool {
		return t.Result == v1alpha1.TargetManual && t.Reason == v1alpha1.ReasonStoreMissing
	}):
		return "Nothing was erased"
	case len(targets) == 0:
		return "No store of the chosen registers has a dataset, so none was searched and nothing was erased"
	case !searched:
		return "Nothing was erased"
	case slices.ContainsFunc(targets, func(t v1alpha1.ErasureTarget) bool { return t.Reason == v1alpha1.ReasonCountedWithOthers }):
		return "No row was counted for this request alone: what it shares with another request of the same run, such as a second one of the same person, was treated and is counted there"
	default:
		return "No store that was searched held a row of the person"
	}
}

// RefusalArticle is the place in the Regulation that a refusal rests on.
func RefusalArticle(reason v1alpha1.RefusalReason) string {
	switch reason {
	case v1alpha1.RefusalManifestlyUnfounded, v1alpha1.RefusalExcessive:
		return "12(5)(b)"
	case v1alpha1.RefusalIdentityNotProven:
		return "12(2)"
	case v1alpha1.RefusalFreedomOfExpression:
		return "17(3)(a)"
	case v1alpha1.RefusalLegalObligation, v1alpha1.RefusalPublicTask:
		return "17(3)(b)"
	case v1alpha1.RefusalPublicHealth:
		return "17(3)(c)"
	case v1alpha1.RefusalArchiving:
		return "17(3)(d)"
	case v1alpha1.RefusalLegalClaims:
		return "17(3)(e)"
	default:
		return ""
	}
}

func refusal(reason v1alpha1.RefusalReason) string {
	return fmt.Sprintf("The request was refused: %s (Article %s)", reason, RefusalArticle(reason))
}
