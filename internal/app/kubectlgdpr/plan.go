package kubectlgdpr

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// waitAtMost is how long a plan is waited for.
const waitAtMost = 10 * time.Minute

// shownPlan is the answer of plan: what would happen, or has happened, in each store. It holds no identifier.
type shownPlan struct {
	Namespace string `json:"namespace"`
	Request   string `json:"request"`
	// State is the reason of the condition Ready.
	State string `json:"state"`
	// Planned is whether all stores have a plan; Digest is then what an approval approves.
	Planned bool         `json:"planned"`
	Digest  string       `json:"digest,omitempty"`
	Stores  []shownStore `json:"stores"`
	// Findings are what the law says of the request and of the purposes that it touches.
	Findings []v1alpha1.Finding `json:"findings,omitempty"`
}

type shownStore struct {
	Register string                `json:"register"`
	Kind     v1alpha1.TargetKind   `json:"kind,omitempty"`
	Store    string                `json:"store"`
	Result   v1alpha1.TargetResult `json:"result"`
	Reason   string                `json:"reason,omitempty"`
	Digest   string                `json:"digest,omitempty"`
	Tables   []v1alpha1.TableCount `json:"tables"`
	Kept     []v1alpha1.KeptRows   `json:"kept"`
	// Note is what to know or to do, in a sentence.
	Note string `json:"note,omitempty"`
	// Omitted is how many tables are not listed.
	Omitted *int32 `json:"tablesOmitted,omitempty"`
}

func planCommand(w World) *cobra.Command {
	var target Target
	var form format
	var until bool
	var timeout time.Duration
	command := &cobra.Command{
		Use: "plan REQUEST", Short: "Show what a request of erasure would do, or has done, table by table",
		Example: "  kubectl gdpr plan web-2026-0117 -n shop --wait\n  kubectl gdpr plan web-2026-0117 -n shop -o json",
		Args:    oneRequest,
		RunE: func(command *cobra.Command, args []string) error {
			cluster, err := w.Connect(target)
			if err != nil {
				return err
			}
			read := cluster.request
			if until {
				read = func(ctx context.Context, name string) (*v1alpha1.ErasureRequest, error) {
					return cluster.untilPlanned(ctx, w, name, timeout)
				}
			}
			request, err := read(command.Context(), args[0])
			if err != nil {
				return err
			}
			return answerPlan(w, request, form)
		}}
	targetFlags(command, &target, "request")
	command.Flags().BoolVar(&until, "wait", false, "wait until there is a plan, or the request ends or cannot go on")
	command.Flags().DurationVar(&timeout, "timeout", waitAtMost, "how long --wait waits")
	outputFlag(command, &form, asTable, asJSON)
	return command
}

func answerPlan(w World, request *v1alpha1.ErasureRequest, form format) error {
	shown := planOf(request)
	if form == asJSON {
		return writeJSON(w.Out, shown)
	}
	return writePlan(w.Out, request, shown)
}

// planOf takes the plan, or what was done, from the status of a request.
func planOf(request *v1alpha1.ErasureRequest) shownPlan {
	shown := shownPlan{Namespace: request.Namespace, Request: request.Name, State: state(request), Planned: planned(request), Stores: []shownStore{}, Findings: request.Status.Findings}
	if shown.Planned {
		shown.Digest = request.Status.PlanDigest
	}
	for _, t := range request.Status.Targets {
		shown.Stores = append(shown.Stores, shownStore{
			Register: string(t.Register), Kind: t.Kind, Store: string(t.Store), Result: t.Result, Reason: t.Reason, Digest: t.PlanDigest,
			Tables: append([]v1alpha1.TableCount{}, t.Tables...), Kept: append([]v1alpha1.KeptRows{}, t.Kept...), Note: t.Message, Omitted: t.TablesOmitted})
	}
	return shown
}

func writePlan(out io.Writer, request *v1alpha1.ErasureRequest, shown shownPlan) error {
	fmt.Fprintf(out, "%s: %s\n", title(request), because(request))
	if shown.Planned {
		fmt.Fprintf(out, "digest %s\n", shown.Digest)
	}
	if len(shown.Stores) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	rows := [][]string{{"STORE", "RESULT", "TABLE", "ACTION", "ROWS", "KEPT BY", "LAST DAY", "LAW"}}
	for _, store := range shown.Stores {
		rows = append(rows, store.rows()...)
	}
	if err := writeTable(out, rows); err != nil {
		return err
	}
	for _, store := range shown.Stores {
		if store.Omitted != nil {
			fmt.Fprintf(out, "\n%s: %d more tables are not listed\n", store.name(), *store.Omitted)
		}
		if store.Note != "" {
			fmt.Fprintf(out, "\n%s: %s\n", store.name(), store.Note)
		}
	}
	for _, f := range shown.Findings {
		fmt.Fprintf(out, "\n%s, %s (Article %s), %s: %s\n", f.Severity, f.Rule, f.Article, f.Subject, f.Message)
	}
	return nil
}

func (s shownStore) name() string {
	if s.Kind == v1alpha1.TargetConsentLedger {
		return s.Register + "/" + string(s.Kind) + ":" + s.Store
	}
	return s.Register + "/" + s.Store
}

// rows of the table: one for each table and action, or one that says why there are none.
func (s shownStore) rows() [][]string {
	result := string(s.Result)
	if s.Reason != "" {
		result += " (" + s.Reason + ")"
	}
	if len(s.Tables) == 0 {
		found := ""
		if s.Reason == "" && (s.Result == v1alpha1.TargetPlanned || s.Result == v1alpha1.TargetNothing) {
			found = "no row of the person"
		}
		return [][]string{{s.name(), result, found, "", "", "", "", ""}}
	}
	var rows [][]string
	for _, t := range s.Tables {
		rows = append(rows, s.tableRows(t, result)...)
	}
	return rows
}

// tableRows are a row for each law that keeps rows of a table, and one for the rows of which no law is listed.
func (s shownStore) tableRows(t v1alpha1.TableCount, result string) (rows [][]string) {
	row := func(n *int64, article, until, law string) {
		rows = append(rows, []string{s.name(), result, t.Table, string(t.Action), count(n), article, until, law})
	}
	rest := t.Rows
	for _, k := range s.Kept {
		if k.Table != t.Table || t.Action != v1alpha1.EraseKeep {
			continue
		}
		row(k.Rows, k.Article, string(k.UntilOn), k.LegalReference)
		if rest != nil && k.Rows != nil {
			rest = ptr.To(*rest - *k.Rows)
		}
	}
	if len(rows) == 0 || rest != nil && *rest > 0 {
		row(rest, "", "", "")
	}
	return rows
}

func count(rows *int64) string {
	if rows == nil {
		return ""
	}
	return strconv.FormatInt(*rows, 10)
}
