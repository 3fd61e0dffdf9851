package erasure

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// keptRuns is how many runs of a store stay for people to look at, once all of their requests have ended.
const keptRuns = 5

// DispatchInput is all that the gathering of requests into runs depends on.
type DispatchInput struct {
	Register *v1alpha1.DataRegister
	// Policies of the namespace: the ledgers of those that name the register are worked on like its stores.
	Policies []v1alpha1.ConsentPolicy
	// Requests of the namespace, and Runs of the register.
	Requests []v1alpha1.ErasureRequest
	Runs     []v1alpha1.ErasureRun
	// Holds of the namespace.
	Holds []v1alpha1.LegalHold
	// Image of the eraser.
	Image string
	Now   time.Time
}

// DispatchVerdict says which runs to make and which to remove.
type DispatchVerdict struct {
	Create []*v1alpha1.ErasureRun
	Prune  []*v1alpha1.ErasureRun
	Wait   time.Duration
}

// Dispatch gathers the requests that wait for the same store into one run per mode, while no other run of that store and
// mode works: what arrives meanwhile goes into the next one. So ten thousand requests are tens of Jobs.
func Dispatch(in DispatchInput) DispatchVerdict {
	var verdict DispatchVerdict
	if in.Register.DeletionTimestamp != nil {
		return verdict
	}
	order, served := byAge(in.Requests), servedBy(in.Runs)
	for _, at := range sitesOf(in.Register, in.Policies) {
		if status := restored(in, at.place); status != nil { // first
			if run := replay(in, at, status); run != nil {
				verdict.Create = append(verdict.Create, run)
			}
			continue
		}
		for _, mode := range []v1alpha1.RunMode{v1alpha1.RunPlan, v1alpha1.RunExecute} {
			run, wait := gather(in, at, mode, order, served)
			if run != nil {
				verdict.Create = append(verdict.Create, run)
			}
			verdict.Wait = earliest(verdict.Wait, wait)
		}
	}
	verdict.Prune = prunable(in)
	return verdict
}

// gather returns the next run of a store and mode, or how long the earliest request still waits.
func gather(in DispatchInput, at site, mode v1alpha1.RunMode, order []int, served map[string][]v1alpha1.ErasureRun) (*v1alpha1.ErasureRun, time.Duration) {
	if slices.ContainsFunc(in.Runs, func(r v1alpha1.ErasureRun) bool {
		return workplace(&r) == at.place && r.Spec.Mode == mode && r.Status.EndedTime == nil
	}) {
		return nil, 0
	}
	var wait time.Duration
	batches := map[group][]v1alpha1.RunRequest{}
	var oldest group
	for _, i := range order {
		request := &in.Requests[i]
		target := waits(request, at.place, mode, served[string(request.UID)])
		if target == nil {
			continue
		}
		if target.RetryTime != nil && target.RetryTime.After(in.Now) {
			wait = earliest(wait, target.RetryTime.Sub(in.Now))
			continue
		}
		g := group{target.PlanDigest, suspicion(target)}
		if len(batches) == 0 {
			oldest = g
		}
		batches[g] = append(batches[g], v1alpha1.RunRequest{
			Name: v1alpha1.ObjectName(request.Name), UID: string(request.UID), Attempt: ptr.To(valueOf(target.Attempts))})
	}
	batch := batches[oldest]
	if len(batch) == 0 {
		return nil, wait
	}
	most := task.MaxRequests
	if mode == v1alpha1.RunPlan {
		most = task.PlanCapacity(at.dataset)
	}
	return newRun(in, at, mode, oldest.digest, batch[:min(len(batch), max(1, most>>(3*oldest.suspicion)))]), wait
}

// group are requests that may share a run: those of one plan that was approved, and of one suspicion.
type group struct {
	digest    string
	suspicion int32
}

// suspicion grows each time that a run with a request was refused for what may be one person's rows. Such requests are
// tried again in ever smaller company, an eighth each time, so that one who cannot be erased soon stands alone.
func suspicion(target *v1alpha1.ErasureTarget) int32 {
	switch task.Reason(target.Reason) {
	case task.PlanImpossible, task.TooManyRows, task.SubjectEmpty, task.SubjectChanged:
		return min(4, valueOf(target.Attempts))
	default:
		return 0
	}
}

// servedBy returns the runs that list a request, by its UID: there are ten thousand requests, and runs of a thousand each.
func servedBy(runs []v1alpha1.ErasureRun) map[string][]v1alpha1.ErasureRun {
	served := map[string][]v1alpha1.ErasureRun{}
	for i := range runs {
		for _, r := range runs[i].Spec.Requests {
			served[r.UID] = append(served[r.UID], runs[i])
		}
	}
	return served
}

// byAge returns the indexes of requests, oldest first: nobody is overtaken.
func byAge(requests []v1alpha1.ErasureRequest) []int {
	indexes := make([]int, len(requests))
	for i := range indexes {
		indexes[i] = i
	}
	slices.SortFunc(indexes, func(a, b int) int {
		if older(&requests[a], &requests[b]) {
			return -1
		}
		return 1
	})
	return indexes
}

// older orders requests by creation, then UID.
func older(a, b *v1alpha1.ErasureRequest) bool {
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c < 0
	}
	return a.UID < b.UID
}

// waits returns the target at which a request waits for a run of that mode, with the ends of all runs that list it
// counted; nil when it does not wait there.
func waits(request *v1alpha1.ErasureRequest, at place, mode v1alpha1.RunMode, runs []v1alpha1.ErasureRun) *v1alpha1.ErasureTarget {
	if Unfit(request) != "" {
		return nil
	}
	targets := Fold(request.Status.Targets, request.UID, runs)
	i := slices.IndexFunc(targets, func(t v1alpha1.ErasureTarget) bool { return placeOf(&t) == at })
	if i < 0 || slices.ContainsFunc(runs, func(r v1alpha1.ErasureRun) bool {
		return r.Status.EndedTime == nil && Serves(&r, request.UID, &targets[i])
	}) {
		return nil
	}
	switch {
	case mode == v1alpha1.RunPlan && targets[i].Result == v1alpha1.TargetPending:
		targets[i].PlanDigest = ""
		return &targets[i]
	case mode == v1alpha1.RunExecute && targets[i].Result == v1alpha1.TargetPlanned && len(targets[i].HeldBy) == 0 && Approved(request, targets):
		return &targets[i]
	default:
		return nil
	}
}

// Unfit is the reason why nothing may run for a request; empty when something may.
func Unfit(request *v1alpha1.ErasureRequest) string {
	switch {
	case request == nil || request.DeletionTimestamp != nil:
		return v1alpha1.ReasonRequestDeleted
	case request.Status.End != "":
		return v1alpha1.ReasonRequestEnded
	case Refused(request):
		return v1alpha1.ReasonRefused
	case !slices.ContainsFunc(request.Status.Conditions, func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ConditionAccepted && c.Status == metav1.ConditionTrue
	}):
		return v1alpha1.ReasonNotAccepted
	default:
		return ""
	}
}

// Approved tells whether the plans in targets are those that may be executed: a person approved them, or the request
// asks for no approval.
func Approved(request *v1alpha1.ErasureRequest, targets []v1alpha1.ErasureTarget) bool {
	digest := PlanDigest(targets)
	if digest == "" || digest != request.Status.PlanDigest || digest != request.Status.ApprovedPlanDigest {
		return false
	}
	switch request.Spec.Execution {
	case v1alpha1.ExecutionAutomatic:
		return true
	case v1alpha1.ExecutionAfterApproval:
		return request.Spec.Decision != nil && request.Spec.Decision.Verdict == v1alpha1.ErasureApproved
	default:
		return false
	}
}

func newRun(in DispatchInput, at site, mode v1alpha1.RunMode, digest string, batch []v1alpha1.RunRequest) *v1alpha1.ErasureRun {
	register := in.Register
	labels := labelsOf(at.place)
	labels[v1alpha1.LabelOwnerUID] = string(register.UID)
	return &v1alpha1.ErasureRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: register.Namespace, Name: RunName(register.UID, at.kind, at.name, mode, batch), Labels: labels,
			Finalizers: []string{v1alpha1.FinalizerErasureRun},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "DataRegister",
				Name: register.Name, UID: register.UID, Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true)}},
		},
		Spec: v1alpha1.ErasureRunSpec{
			RegisterRef: v1alpha1.LocalRef{Name: v1alpha1.ObjectName(register.Name)}, Kind: at.kind, Store: at.name, Mode: mode,
			Requests: batch, PlanDigest: digest, Epoch: nextEpoch(in, at.place, mode), Image: in.Image,
		},
	}
}

// labelsOf a run and its Job. A ledger's have no store, so that no NetworkPolicy of a store of that name selects them.
func labelsOf(at place) map[string]string {
	if at.kind == v1alpha1.TargetConsentLedger {
		return job.LedgerLabels(string(at.register), string(at.name))
	}
	return job.Labels(string(at.register), string(at.name), job.ComponentRun)
}

// nextEpoch is later than every known run of the store, and grows with the clock when runs are forgotten. Within one
// pass an execution is later than a plan.
func nextEpoch(in DispatchInput, at place, mode v1alpha1.RunMode) int64 {
	epoch := in.Now.UnixMilli()
	for i := range in.Runs {
		if workplace(&in.Runs[i]) == at {
			epoch = max(epoch, in.Runs[i].Spec.Epoch+1)
		}
	}
	for i := range in.Requests {
		for _, t := range in.Requests[i].Status.Targets {
			if placeOf(&t) == at {
				epoch = max(epoch, valueOf(t.Epoch)+1)
			}
		}
	}
	if mode != v1alpha1.RunPlan {
		epoch++
	}
	return epoch
}

// prunable are the ended runs, but for the newest of each store, whose requests have all ended or are gone.
func prunable(in DispatchInput) []*v1alpha1.ErasureRun {
	open := map[types.UID]bool{}
	for i := range in.Requests {
		open[in.Requests[i].UID] = in.Requests[i].Status.End == ""
	}
	byStore := map[place][]*v1alpha1.ErasureRun{}
	for i := range in.Runs {
		run := &in.Runs[i]
		if run.Status.EndedTime == nil || Certifies(run) || run.DeletionTimestamp != nil || slices.ContainsFunc(run.Spec.Requests, func(r v1alpha1.RunRequest) bool { return open[types.UID(r.UID)] }) {
			continue
		}
		byStore[workplace(run)] = append(byStore[workplace(run)], run)
	}
	var list []*v1alpha1.ErasureRun
	for _, runs := range byStore {
		slices.SortFunc(runs, func(a, b *v1alpha1.ErasureRun) int { return cmp.Compare(b.Spec.Epoch, a.Spec.Epoch) })
		list = append(list, runs[min(keptRuns, len(runs)):]...)
	}
	slices.SortFunc(list, func(a, b *v1alpha1.ErasureRun) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// earliest returns the shorter of two waits, where zero means none.
func earliest(a, b time.Duration) time.Duration {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}
