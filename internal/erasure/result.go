package erasure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// sharedArticle stands with rows that are kept although the register does not order it: another person reaches them
// too, and the right of Article 17(1) ends at one's own data.
const sharedArticle, sharedReference = "17(1)", "Rows that other people share, or that rows of others refer to"

// maxKept and maxTables are the bounds of a target's lists.
const maxKept, maxTables = 32, 128

// begin gives each admitted request its result, without counts: done says that rows were, or will be, changed.
func (t *trial) begin(done v1alpha1.TargetResult) {
	var outcomes []v1alpha1.RunOutcome
	for _, o := range t.status.Outcomes {
		if o.Result == v1alpha1.TargetPending {
			outcomes = append(outcomes, o)
		}
	}
	for _, r := range admitted(t.Run) {
		outcomes = append(outcomes, v1alpha1.RunOutcome{UID: r.UID, Result: done})
	}
	t.status.Outcomes, t.status.Tables, t.status.Counted = outcomes, nil, ptr.To(int32(0))
	t.status.Admitted = ptr.To(int32(len(admitted(t.Run)))) //nolint:gosec // at most 1000
}

// absorb writes the counts that answers bring beyond those that are known already, in the order of the run. It tells
// whether there were any. All pages of a run have the same columns; one that has not is passed over.
func (t *trial) absorb(answers ...task.Outcome) bool {
	known := valueOf(t.status.Counted)
	first := len(t.status.Outcomes) - int(valueOf(t.status.Admitted)) // the refused come before
	for _, answer := range answers {
		at := int(valueOf(t.status.Counted))
		end := min(answer.From+len(answer.Requests), int(valueOf(t.status.Admitted)))
		if !answer.OK || answer.From > at || end <= at || first < 0 {
			continue
		}
		if t.status.Tables == nil {
			t.status.Tables = t.columns(answer.Tables)
		}
		if !slices.EqualFunc(t.status.Tables, answer.Tables, func(a v1alpha1.RunTable, b task.Table) bool {
			return a.Table == b.Name && a.Action == b.Action && a.HoldRef == t.holdRef(b)
		}) {
			continue
		}
		for i := at; i < end; i++ {
			t.count(&t.status.Outcomes[first+i], answer.Requests[i-answer.From])
		}
		t.status.Counted = ptr.To(int32(end)) //nolint:gosec // at most 1000
	}
	return valueOf(t.status.Counted) > known
}

// count writes the counts of one request.
func (t *trial) count(o *v1alpha1.RunOutcome, c task.Counts) {
	o.Rows, o.Until = slices.Clone(c.Rows), nil
	for n := len(o.Rows); n > 0 && o.Rows[n-1] == 0; n-- {
		o.Rows = o.Rows[:n-1]
	}
	for i := range t.status.Tables {
		if day := c.Until[i]; day != "" && (t.status.Tables[i].HoldRef != "" || t.rule(t.status.Tables[i].Table) != nil) && len(o.Until) < maxKept {
			o.Until = append(o.Until, v1alpha1.RunDay{Column: ptr.To(int32(i)), UntilOn: v1alpha1.Date(day)}) //nolint:gosec // at most 512
		}
	}
	if o.Result == v1alpha1.TargetErased {
		o.Result = resultOf(t.status.Tables, o.Rows)
	}
}

// columns are the tables of an answer, those of kept rows with the article that orders or allows it.
func (t *trial) columns(tables []task.Table) []v1alpha1.RunTable {
	list := make([]v1alpha1.RunTable, 0, len(tables))
	for _, table := range tables {
		column := v1alpha1.RunTable{Table: table.Name, Action: table.Action}
		if table.Action == v1alpha1.EraseKeep {
			column.Article, column.LegalReference = sharedArticle, sharedReference
			if r := t.recordOf(table.Hold); r != nil {
				column.Article, column.LegalReference, column.HoldRef = r.Article, r.LegalReference, r.Name
			} else if rule := t.rule(table.Name); rule != nil {
				column.Article, column.LegalReference = rule.Article, rule.LegalReference
			}
		}
		list = append(list, column)
	}
	return list
}

// holdRef is the hold that keeps the rows of a table of an answer; empty when none does.
func (t *trial) holdRef(table task.Table) v1alpha1.ObjectName {
	if r := t.recordOf(table.Hold); r != nil {
		return r.Name
	}
	return ""
}

func (t *trial) allCounted() bool {
	return valueOf(t.status.Counted) >= valueOf(t.status.Admitted)
}

// judgeCounts ends a verified run when the counts of all requests are known. One pod says only so many: for the others
// a further Job asks the ledger.
func (t *trial) judgeCounts(fresh bool) RunVerdict {
	switch {
	case t.allCounted():
		return t.end("", t.status.Message)
	case !t.more(executeAttempts):
		return t.endUncounted()
	case !fresh:
		return t.retry(task.Outcome{Reason: task.Internal})
	default:
		t.status.Attempts = ptr.To(valueOf(t.status.Attempts) + 1)
		return t.busy(v1alpha1.ReasonReporting, t.progress(), time.Second)
	}
}

// endUncounted ends a verified run of which counts cannot be fetched: what was done was done.
func (t *trial) endUncounted() RunVerdict {
	t.leaveRest()
	return t.end("", t.status.Message)
}

// progress says how many of the requests are counted.
func (t *trial) progress() string {
	return fmt.Sprintf("The store has committed and was verified; the counts of %d of %d requests are known", valueOf(t.status.Counted), valueOf(t.status.Admitted))
}

// leaveRest says of the requests whose counts did not come why that is so. A plan is made again for them; it changes
// nothing. Where not even one came, asking again would bring none either.
func (t *trial) leaveRest() {
	first := len(t.status.Outcomes) - int(valueOf(t.status.Admitted))
	for i := max(0, first+int(valueOf(t.status.Counted))); i < len(t.status.Outcomes); i++ {
		o := &t.status.Outcomes[i]
		if o.Reason == v1alpha1.ReasonSubjectLost {
			continue
		}
		o.Reason = v1alpha1.ReasonCountsMissing
		if o.Result == v1alpha1.TargetErased && len(t.held()) > 0 { // nobody can say that none of its rows was held
			o.Result = v1alpha1.TargetDeferred
		}
		if o.Result == v1alpha1.TargetPlanned && valueOf(t.status.Counted) > 0 {
			o.Result, o.Reason = v1alpha1.TargetPending, v1alpha1.ReasonNoRoom
		}
	}
}

// resultOf is the result of an execution with these rows.
func resultOf(tables []v1alpha1.RunTable, rows []int64) v1alpha1.TargetResult {
	result := v1alpha1.TargetNothing
	for i, n := range rows {
		switch {
		case n == 0 || i >= len(tables):
		case tables[i].Action == v1alpha1.EraseKeep:
			if tables[i].HoldRef != "" {
				return v1alpha1.TargetDeferred
			}
			result = v1alpha1.TargetPartlyKept
		case result != v1alpha1.TargetPartlyKept:
			result = v1alpha1.TargetErased
		}
	}
	return result
}

// counted are the rows of a request: by table and those that stay apart as well, sorted by name, and per action. The lists are cut to
// what a target has room for, after the sums were made; how many entries that left out is told.
type counted struct {
	tables                     []v1alpha1.TableCount
	kept                       []v1alpha1.KeptRows
	tablesOmitted, keptOmitted *int32
	sums                       map[v1alpha1.TableErasure]int64
}

// countedOf reads what an outcome says of a request, whose lists are in the columns of its run.
func countedOf(run *v1alpha1.ErasureRun, o v1alpha1.RunOutcome) counted {
	var tables []v1alpha1.TableCount
	var kept []v1alpha1.KeptRows
	sums := map[v1alpha1.TableErasure]int64{}
	until := map[int32]v1alpha1.Date{}
	for _, day := range o.Until {
		until[valueOf(day.Column)] = day.UntilOn
	}
	for i, rows := range o.Rows {
		if rows == 0 || i >= len(run.Status.Tables) {
			continue
		}
		column := run.Status.Tables[i]
		sums[column.Action] += rows
		same := slices.IndexFunc(tables, func(t v1alpha1.TableCount) bool { return t.Table == column.Table && t.Action == column.Action })
		if same < 0 {
			tables = append(tables, v1alpha1.TableCount{Table: column.Table, Action: column.Action, Rows: ptr.To(rows)})
		} else { // kept by the register and by a hold
			*tables[same].Rows += rows
		}
		if column.Action == v1alpha1.EraseKeep {
			kept = append(kept, v1alpha1.KeptRows{Table: column.Table, Rows: ptr.To(rows), Article: column.Article,
				LegalReference: column.LegalReference, UntilOn: until[int32(i)], HoldRef: column.HoldRef}) //nolint:gosec // at most 512
		}
	}
	slices.SortFunc(tables, func(a, b v1alpha1.TableCount) int {
		return strings.Compare(a.Table+"/"+string(a.Action), b.Table+"/"+string(b.Action))
	})
	slices.SortFunc(kept, func(a, b v1alpha1.KeptRows) int {
		return cmp.Or(strings.Compare(string(b.HoldRef), string(a.HoldRef)), strings.Compare(a.Table, b.Table)) // those on hold are not cut
	})
	return counted{tables: tables[:min(len(tables), maxTables)], tablesOmitted: beyond(len(tables), maxTables),
		kept: kept[:min(len(kept), maxKept)], keptOmitted: beyond(len(kept), maxKept), sums: sums}
}

// beyond is by how many a list is longer than it may be; nil when it is not.
func beyond(n, most int) *int32 {
	if n <= most {
		return nil
	}
	return ptr.To(int32(n - most)) //nolint:gosec // a run has at most 512 columns
}

// rule returns the keep rule of a table; nil when the register orders none.
func (t *trial) rule(table string) *v1alpha1.KeepRule {
	at := siteOf(&t.RunInput)
	if at == nil {
		return nil
	}
	for i := range at.dataset.Tables {
		d := &at.dataset.Tables[i]
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
	own := map[string]bool{}
	var outcomes []v1alpha1.RunOutcome
	for _, o := range t.status.Outcomes {
		if o.Result == v1alpha1.TargetPending {
			outcomes, own[o.UID] = append(outcomes, o), true
		}
	}
	for _, r := range t.Run.Spec.Requests {
		if !own[r.UID] {
			outcomes = append(outcomes, v1alpha1.RunOutcome{UID: r.UID, Result: result, Reason: reason})
		}
	}
	t.status.Outcomes = outcomes
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
