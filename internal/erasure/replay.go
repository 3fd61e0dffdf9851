package erasure

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
	"github.com/rempart-dev/rempart/internal/erasure/restore"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// maxExecuted is how many requests a scan asks for: what the Secret of its task has room for beside the dataset.
const maxExecuted = 10_000

// Executed are the UIDs of the requests that were executed in a store and that its ledger must have, sorted: a store that comes
// back from a backup forgets some, and has their people again. When no backup can hold the person any more they are left out.
// Of more than a scan can ask for it asks for the youngest, which a backup forgets first, and in turn for a part of the others:
// for all of them in so many scans.
//
// Those whom a live hold keeps whole, held, come last: they are not erased again before its end, and nobody waits for it. Whom a scan
// has missed is asked for until the ledger has them, however old the backups are.
func Executed(requests []v1alpha1.ErasureRequest, holds []v1alpha1.LegalHold, register string, status *v1alpha1.StoreStatus, now time.Time) (uids, held []string, scans int) {
	at, live := place{v1alpha1.ObjectName(register), v1alpha1.TargetStore, status.Name}, hold.Live(holds, now)
	keeps := map[string]bool{}
	for _, i := range byAge(requests) {
		r := &requests[i]
		uid, clear := string(r.UID), r.Status.BackupsClearTime
		missed := slices.Contains(status.Lost, uid) || slices.Contains(status.Held, uid)
		if executedIn(r, at) && (missed || clear == nil || now.Before(clear.Time)) {
			uids, keeps[uid] = append(uids, uid), keptWhole(register, r, live)
		}
	}
	uids, scans = inTurn(uids, maxExecuted, valueOf(status.Scans))
	slices.Sort(uids)
	slices.SortStableFunc(uids, func(a, b string) int {
		switch {
		case keeps[a] == keeps[b]:
			return 0
		case keeps[b]:
			return -1
		default:
			return 1
		}
	})
	if first := slices.IndexFunc(uids, func(uid string) bool { return keeps[uid] }); first >= 0 {
		held = uids[first:]
	}
	return uids, held, scans
}

// keptWhole tells whether a hold that was read keeps all that a register has of the person of a request that has ended.
func keptWhole(register string, r *v1alpha1.ErasureRequest, live []*v1alpha1.LegalHold) bool {
	return slices.ContainsFunc(live, func(h *v1alpha1.LegalHold) bool {
		return hold.Read(h) && hold.Keeps(h, register, Remembered(r).References)
	})
}

// inTurn returns at most so many of a list: its end, and the nth part of what is before, of so many parts.
func inTurn(list []string, most int, nth int64) (some []string, parts int) {
	if len(list) <= most {
		return list, 1
	}
	half := most / 2
	before, end := list[:len(list)-half], list[len(list)-half:]
	parts = (len(before) + half - 1) / half
	at := int(nth%int64(parts)) * half
	return slices.Concat(before[at:min(at+half, len(before))], end), parts
}

// executedIn tells whether a store committed the erasure of a request whose person can be recalled.
func executedIn(r *v1alpha1.ErasureRequest, at place) bool {
	return len(r.Status.RecallRefs) > 0 && committedIn(r, at)
}

// committedIn tells whether a request has counted an erasure at a place.
func committedIn(r *v1alpha1.ErasureRequest, at place) bool {
	return slices.ContainsFunc(r.Status.Targets, func(t v1alpha1.ErasureTarget) bool { return placeOf(&t) == at && t.ExecutedTime != nil })
}

// replay returns the run that erases again who came back with a backup of a store; nil while one works, and while only a person can tell
// whether there was a backup: who was erased may have come back by themselves. No other run of the
// store begins before none is lost. Its name has the number of the scan that said so: another restore makes another run.
func replay(in DispatchInput, at site, status *v1alpha1.StoreStatus) *v1alpha1.ErasureRun {
	if restore.Cause(in.Register, status) != v1alpha1.LossRestored || slices.ContainsFunc(in.Runs, func(r v1alpha1.ErasureRun) bool {
		return workplace(&r) == at.place && r.Spec.Mode == v1alpha1.RunReplay && r.Status.EndedTime == nil
	}) {
		return nil
	}
	var batch []v1alpha1.RunRequest
	for _, i := range byAge(in.Requests) {
		r := &in.Requests[i]
		if r.DeletionTimestamp == nil && slices.Contains(status.Lost, string(r.UID)) && executedIn(r, at.place) {
			batch = append(batch, v1alpha1.RunRequest{Name: v1alpha1.ObjectName(r.Name), UID: string(r.UID), Attempt: ptr.To(int32(min(valueOf(status.Scans), 1<<30)))})
		}
	}
	if len(batch) == 0 {
		return nil
	}
	run := newRun(in, at, v1alpha1.RunReplay, "", batch)
	run.Spec.Restore = restoreOf(in, at.place, status, batch)
	if slices.ContainsFunc(in.Runs, func(r v1alpha1.ErasureRun) bool { return r.Name == run.Name }) {
		return nil // it has ended; the next scan says what is left
	}
	return run
}

// restoreOf says why a batch is erased again. The times are those at which the forgotten erasures were committed: the backup is
// older than the first of them.
func restoreOf(in DispatchInput, at place, status *v1alpha1.StoreStatus, batch []v1alpha1.RunRequest) *v1alpha1.RunRestore {
	why := &v1alpha1.RunRestore{Kind: status.RestoreKind, SeenTime: status.RestoredTime.DeepCopy()}
	if why.Kind == "" {
		why.Kind = v1alpha1.RestoreNotKnown
	}
	if why.SeenTime == nil {
		why.SeenTime = ptr.To(metav1.NewTime(in.Now.Truncate(time.Second)))
	}
	listed := map[string]bool{}
	for _, r := range batch {
		listed[r.UID] = true
	}
	for i := range in.Requests {
		for _, t := range in.Requests[i].Status.Targets {
			if !listed[string(in.Requests[i].UID)] || placeOf(&t) != at || t.ExecutedTime == nil {
				continue
			}
			if why.FromTime == nil || t.ExecutedTime.Before(why.FromTime) {
				why.FromTime = t.ExecutedTime.DeepCopy()
			}
			if why.ToTime == nil || why.ToTime.Before(t.ExecutedTime) {
				why.ToTime = t.ExecutedTime.DeepCopy()
			}
		}
	}
	return why
}

// Certifies tells whether a run's end is stated in the evidence log: that of a replay which began. How a request ended is
// stated of the request.
func Certifies(run *v1alpha1.ErasureRun) bool {
	return run.Spec.Mode == v1alpha1.RunReplay && run.Status.StartedTime != nil && run.Status.EndedTime != nil && run.Status.Evidence == nil
}

// restored is the status of a store that forgot requests and is not whole yet; nil for any other, and where a person stated that its
// ledger alone was lost. A ledger of
// consents has a list of whom it forgot, and forgets them again by itself.
func restored(in DispatchInput, at place) *v1alpha1.StoreStatus {
	for i := range in.Register.Status.Stores {
		s := &in.Register.Status.Stores[i]
		if at.kind == v1alpha1.TargetStore && s.Name == at.name && int(valueOf(s.LostRequests)) > onlyHeld(in, s) && restore.Cause(in.Register, s) != v1alpha1.LossLedger {
			return s
		}
	}
	return nil
}

// onlyHeld is how many lost requests wait for nothing but the end of a hold, which may have come after the scan: nobody else waits for
// that.
func onlyHeld(in DispatchInput, status *v1alpha1.StoreStatus) int {
	n, live := 0, hold.Live(in.Holds, in.Now)
	for i := range in.Requests {
		if r := &in.Requests[i]; slices.Contains(status.Lost, string(r.UID)) && keptWhole(in.Register.Name, r, live) {
			n++
		}
	}
	return n
}

// admitReplay tells why a person is not erased again; empty when they are.
func admitReplay(run *v1alpha1.ErasureRun, live Live, holds []*v1alpha1.LegalHold) string {
	switch {
	case live.Request == nil || live.Request.DeletionTimestamp != nil:
		return v1alpha1.ReasonRequestDeleted
	case !executedIn(live.Request, workplace(run)):
		return v1alpha1.ReasonNotApproved
	case kept(run, Remembered(live.Request), holds):
		return v1alpha1.ReasonOnLegalHold
	default:
		return ""
	}
}

// Recalled gives the requests of a replay what is known of their people without a Secret.
func Recalled(live []Live) []Live {
	for i := range live {
		live[i].Person, live[i].Identifiers = Person{}, nil
		if live[i].Request != nil {
			live[i].Person = Remembered(live[i].Request)
		}
	}
	return live
}

// recall returns a request of a task with the references of its person, in a replay.
func (t *trial) recall(r task.Request, live Live) task.Request {
	if t.Run.Spec.Mode == v1alpha1.RunReplay {
		r.Check, r.Recall = "", live.Person.Recall
	}
	return r
}
