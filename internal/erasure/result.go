package erasure

import (
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// sharedArticle stands with rows that are kept although the register does not order it: another person reaches them
// too, and the right of Article 17(1) ends at one's own data.
const sharedArticle, sharedReference = "17(1)", "Rows that other people share, or that rows of others refer to"

// maxKept and maxTables are the bounds of an outcome's lists.
const maxKept, maxTables = 32, 128

// record writes the outcome of each admitted request: done is its result when rows were, or will be, changed.
func (t *trial) record(answer task.Outcome, done v1alpha1.TargetResult) {
	counts := map[string]task.Counts{}
	for _, c := range answer.Requests {
		counts[c.UID] = c
	}
	var outcomes []v1alpha1.RunOutcome
	for _, o := range t.status.Outcomes {
		if o.Result == v1alpha1.TargetPending {
			outcomes = append(outcomes, o)
		}
	}
	for _, r := range admitted(t.Run) {
		o := v1alpha1.RunOutcome{UID: r.UID, Result: done}
		c, ok := counts[r.UID]
		switch {
		case ok:
			o.Tables, o.Kept = t.tables(answer, c), t.kept(answer, c)
			if done == v1alpha1.TargetErased {
				o.Result = resultOf(o.Tables)
			}
		case answer.Truncated:
			o.Reason = "CountsInLedger"
		case done == v1alpha1.TargetErased: // nothing of the person was in the store
			o.Result = v1alpha1.TargetNothing
		}
		outcomes = append(outcomes, o)
	}
	t.status.Outcomes = outcomes
}

// resultOf is the result of an execution with these counts.
func resultOf(tables []v1alpha1.TableCount) v1alpha1.TargetResult {
	result := v1alpha1.TargetNothing
	for _, t := range tables {
		switch {
		case valueOf(t.Rows) == 0:
		case t.Action == v1alpha1.EraseKeep:
			return v1alpha1.TargetPartlyKept
		default:
			result = v1alpha1.TargetErased
		}
	}
	return result
}

// tables returns the counts of tables with rows, sorted.
func (t *trial) tables(answer task.Outcome, c task.Counts) []v1alpha1.TableCount {
	var list []v1alpha1.TableCount
	for i, rows := range c.Rows {
		if i < len(answer.Tables) && rows > 0 {
			list = append(list, v1alpha1.TableCount{Table: answer.Tables[i].Name, Action: answer.Tables[i].Action, Rows: ptr.To(rows)})
		}
	}
	slices.SortFunc(list, func(a, b v1alpha1.TableCount) int {
		return strings.Compare(a.Table+"/"+string(a.Action), b.Table+"/"+string(b.Action))
	})
	return list[:min(len(list), maxTables)]
}

// kept returns the rows that stay, each with the article that orders or allows it.
func (t *trial) kept(answer task.Outcome, c task.Counts) []v1alpha1.KeptRows {
	var list []v1alpha1.KeptRows
	for i, rows := range c.Rows {
		if i >= len(answer.Tables) || rows == 0 || answer.Tables[i].Action != v1alpha1.EraseKeep {
			continue
		}
		k := v1alpha1.KeptRows{Table: answer.Tables[i].Name, Rows: ptr.To(rows), Article: sharedArticle, LegalReference: sharedReference}
		if rule := t.rule(answer.Tables[i].Name); rule != nil {
			k.Article, k.LegalReference, k.UntilOn = rule.Article, rule.LegalReference, v1alpha1.Date(c.Until[i])
		}
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b v1alpha1.KeptRows) int { return strings.Compare(a.Table, b.Table) })
	return list[:min(len(list), maxKept)]
}

// rule returns the keep rule of a table; nil when the register orders none.
func (t *trial) rule(table string) *v1alpha1.KeepRule {
	store := StoreOf(t.Register, t.Run)
	if store == nil {
		return nil
	}
	for i := range store.Dataset.Tables {
		d := &store.Dataset.Tables[i]
		schema := d.Schema
		if schema == "" {
			schema = "public"
		}
		if string(schema)+"."+string(d.Name) == table {
			return d.Keep
		}
	}
	return nil
}

// all gives every request of the run the same outcome; those that were refused before keep their own.
func (t *trial) all(result v1alpha1.TargetResult, reason string) {
	var refused []v1alpha1.RunOutcome
	for _, o := range t.status.Outcomes {
		if o.Result == v1alpha1.TargetPending {
			refused = append(refused, o)
		}
	}
	for _, r := range t.Run.Spec.Requests {
		if !slices.ContainsFunc(refused, func(o v1alpha1.RunOutcome) bool { return o.UID == r.UID }) {
			refused = append(refused, v1alpha1.RunOutcome{UID: r.UID, Result: result, Reason: reason})
		}
	}
	t.status.Outcomes = refused
}

// fail marks the admitted requests as Failed, and keeps what was counted.
func (t *trial) fail(reason string) {
	if t.status.CommittedTime == nil {
		t.all(v1alpha1.TargetFailed, reason)
		return
	}
	for i := range t.status.Outcomes {
		if t.status.Outcomes[i].Result != v1alpha1.TargetPending {
			t.status.Outcomes[i].Result, t.status.Outcomes[i].Reason = v1alpha1.TargetFailed, reason
		}
	}
}
