package kubectlgdpr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

// Whom a request waits for.
const (
	forNobody    = "Nobody"    // it is over
	forRempart   = "Rempart"   // the operator is at it
	forDecision  = "Decision"  // of somebody with the verb approve on erasurerequests
	forPerson    = "Person"    // an answer about their identity (Article 12(6))
	forRequester = "Requester" // whoever made it lacks something
	forNotice    = "Notice"    // somebody who tells the person of the refusal, of the legal hold, or of what was done (Article 12(3), (4))
	forRepair    = "Repair"    // only a person can mend it
)

// standing is where a request stands. It holds no identifier.
type standing struct {
	Namespace string `json:"namespace"`
	Request   string `json:"request"`
	// State is the reason of the condition Ready, and Message says why.
	State    string `json:"state"`
	Message  string `json:"message,omitempty"`
	WaitsFor string `json:"waitsFor"`
	// DueTime is the safe target of the answer, LegalDueTime the limit; absent while the clock stands still.
	DueTime      *metav1.Time `json:"dueTime,omitempty"`
	LegalDueTime *metav1.Time `json:"legalDueTime,omitempty"`
	// Overdue is whether the safe target has passed and something is owed to the person, as the condition says.
	Overdue          bool                `json:"overdue"`
	End              v1alpha1.ErasureEnd `json:"end,omitempty"`
	EndedTime        *metav1.Time        `json:"endedTime,omitempty"`
	BackupsClearTime *metav1.Time        `json:"backupsClearTime,omitempty"`
	BackupsUnclear   []string            `json:"backupsUnclear,omitempty"`
}

func statusCommand(w World) *cobra.Command {
	var target Target
	var form format
	var everywhere bool
	command := &cobra.Command{
		Use: "status [REQUEST]", Short: "Show where requests of erasure stand, what waits for whom, and what is due when",
		Example: "  kubectl gdpr status -n shop\n  kubectl gdpr status --all-namespaces\n  kubectl gdpr status web-2026-0117 -n shop",
		Args:    atMostOneRequest,
		RunE: func(command *cobra.Command, args []string) error {
			if everywhere && len(args) > 0 {
				return errors.New("name a request, or ask for --all-namespaces, not both")
			}
			cluster, err := w.Connect(target)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				return statusOf(command.Context(), w, cluster, args[0], form)
			}
			return statusOfAll(command.Context(), w, cluster, everywhere, form)
		}}
	targetFlags(command, &target, "requests")
	command.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "requests of all namespaces")
	outputFlag(command, &form, asTable, asJSON)
	return command
}

// statusOf shows one request.
func statusOf(ctx context.Context, w World, cluster Cluster, name string, form format) error {
	request, err := cluster.request(ctx, name)
	if err != nil {
		return err
	}
	s := standingOf(request, w.Clock.Now())
	if form == asJSON {
		return writeJSON(w.Out, s)
	}
	rows := [][]string{
		{"request", title(request)},
		{"state", because(request)},
		{"waits for", s.words()},
		{"due", instant(s.DueTime)},
		{"legal limit", instant(s.LegalDueTime)},
	}
	if s.End != "" {
		rows = append(rows, []string{"ended", instant(s.EndedTime)}, []string{"backups clear", instant(s.BackupsClearTime)})
		for _, unclear := range s.BackupsUnclear {
			rows = append(rows, []string{"backups unclear", unclear})
		}
	}
	if err := writeTable(w.Out, rows); err != nil {
		return err
	}
	return writeProgress(w.Out, request)
}

// writeProgress lists the conditions on the way to the end, with their reasons.
func writeProgress(out io.Writer, request *v1alpha1.ErasureRequest) error {
	rows := [][]string{{"CONDITION", "STATUS", "REASON", "MESSAGE"}}
	for _, kind := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionPlanned, v1alpha1.ConditionApproved,
		v1alpha1.ConditionExecuted, v1alpha1.ConditionVerified, v1alpha1.ConditionRecipientsInformed, v1alpha1.ConditionPersonInformed} {
		if c := meta.FindStatusCondition(request.Status.Conditions, kind); c != nil {
			rows = append(rows, []string{kind, string(c.Status), c.Reason, c.Message})
		}
	}
	if len(rows) == 1 {
		return nil
	}
	fmt.Fprintln(out)
	return writeTable(out, rows)
}

// statusOfAll lists requests: the open ones first, by what is due first.
func statusOfAll(ctx context.Context, w World, cluster Cluster, everywhere bool, form format) error {
	requests, options := &v1alpha1.ErasureRequestList{}, []client.ListOption{client.InNamespace(cluster.Namespace)}
	if everywhere {
		options = nil
	}
	if err := cluster.list(ctx, "erasurerequests", requests, options...); err != nil {
		return err
	}
	all := []standing{}
	for i := range requests.Items {
		all = append(all, standingOf(&requests.Items[i], w.Clock.Now()))
	}
	slices.SortFunc(all, sooner)
	if form == asJSON {
		return writeJSON(w.Out, all)
	}
	if len(all) == 0 {
		fmt.Fprintln(w.Err, "There is no request of erasure.")
		return nil
	}
	rows := [][]string{{"NAMESPACE", "REQUEST", "STATE", "WAITS FOR", "DUE", "LEGAL LIMIT"}}
	for _, s := range all {
		rows = append(rows, []string{s.Namespace, s.Request, s.State, s.words(), instant(s.DueTime), instant(s.LegalDueTime)})
	}
	return writeTable(w.Out, rows)
}

// sooner orders requests: open before ended, then by the safe target, then by name.
func sooner(a, b standing) int {
	open := func(s standing) int {
		if s.End == "" || s.WaitsFor == forNotice {
			return 0
		}
		return 1
	}
	due := func(s standing) int64 {
		if s.DueTime == nil {
			return 0 // the clock stands still, or was never set: somebody should look
		}
		return s.DueTime.Unix()
	}
	return cmp.Or(cmp.Compare(open(a), open(b)), cmp.Compare(due(a), due(b)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Request, b.Request))
}

func standingOf(request *v1alpha1.ErasureRequest, now time.Time) standing {
	status := &request.Status
	return standing{
		Namespace: request.Namespace, Request: request.Name, State: state(request), Message: message(request), WaitsFor: waitsFor(request),
		DueTime: status.DueTime, LegalDueTime: status.LegalDueTime, Overdue: erasure.Overdue(request, now),
		End: status.End, EndedTime: status.EndedTime, BackupsClearTime: status.BackupsClearTime, BackupsUnclear: status.BackupsUnclear}
}

// waitsFor tells whose turn it is.
func waitsFor(request *v1alpha1.ErasureRequest) string {
	switch reason := state(request); {
	case ended(request) && meta.IsStatusConditionTrue(request.Status.Conditions, v1alpha1.ConditionReady):
		if erasure.Unanswered(request) {
			return forNotice
		}
		return forNobody
	case seen(request) < request.Generation: // what was judged is another spec
		return forRempart
	case stalled(request):
		return forRepair
	case reason == v1alpha1.ReasonAwaitingNotice, reason == v1alpha1.ReasonOnLegalHold && request.Spec.Deferral == nil:
		return forNotice
	case reason == v1alpha1.ReasonAwaitingApproval:
		return forDecision
	case reason == v1alpha1.ReasonAwaitingIdentity:
		return forPerson
	case reason == v1alpha1.ReasonSubjectMissing, reason == v1alpha1.ReasonRegisterMissing, reason == v1alpha1.ReasonReceivedInFuture:
		return forRequester
	default:
		return forRempart
	}
}

// seen is the generation that was judged; -1 before the first.
func seen(request *v1alpha1.ErasureRequest) int64 {
	if request.Status.ObservedGeneration == nil {
		return -1
	}
	return *request.Status.ObservedGeneration
}

// words say whom a request waits for, and whether it is late.
func (s standing) words() string {
	text := map[string]string{
		forNobody:    "nobody: it is over",
		forRempart:   "Rempart",
		forDecision:  "a decision: approve or refuse",
		forPerson:    "the person's answer",
		forRequester: "whoever made it",
		forNotice:    "a letter to the person: kubectl gdpr letter",
		forRepair:    "somebody who repairs it",
	}[s.WaitsFor]
	if s.WaitsFor == forNotice && s.State == v1alpha1.ReasonOnLegalHold {
		text = "a letter to the person about the legal hold, and spec.deferral, which says when it was sent"
	}
	if s.Overdue {
		text += "; OVERDUE"
	}
	return text
}

func instant(at *metav1.Time) string {
	if at == nil {
		return ""
	}
	return stamp(at.Time)
}
