package erasurerequest_test

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// scanned writes what a scan says that the store's ledger lost.
func (s *shop) scanned(number int64, lost ...string) {
	s.t.Helper()
	r := &v1alpha1.DataRegister{}
	s.must(s.client.Get(s.t.Context(), types.NamespacedName{Namespace: "shop", Name: "crm"}, r))
	status := v1alpha1.StoreStatus{Name: r.Spec.Stores[0].Name, Scans: &number}
	if len(lost) > 0 {
		status.RestoreKind, status.RestoredTime = v1alpha1.RestoreOtherTimeline, ptr.To(metav1.NewTime(s.clock.Now()))
		status.Lost, status.LostRequests = lost, ptr.To(int32(len(lost))) //nolint:gosec // a few
	}
	r.Status.Stores = []v1alpha1.StoreStatus{status}
	s.must(s.client.Status().Update(s.t.Context(), r))
}

// replays are the runs of mode Replay.
func (s *shop) replays() []v1alpha1.ErasureRun {
	s.t.Helper()
	runs := &v1alpha1.ErasureRunList{}
	s.must(s.client.List(s.t.Context(), runs))
	var list []v1alpha1.ErasureRun
	for _, run := range runs.Items {
		if run.Spec.Mode == v1alpha1.RunReplay {
			list = append(list, run)
		}
	}
	return list
}

// TestWhoComesBackWithABackupIsErasedAgainFirst: the request has ended and its Secret is gone. The replay begins by itself, before
// any other run of the store, with references and keys and without the person; the recorded end stays as it is.
func TestWhoComesBackWithABackupIsErasedAgainFirst(t *testing.T) {
	s := newShop(t)
	executed(t, s)
	ended := s.get("r1")
	if len(ended.Status.RecallRefs) == 0 {
		t.Fatal("nothing is kept by which the person could be recalled")
	}
	s.scanned(7, string(ended.UID))
	s.secret("other", map[string]string{"email": "eve@example.org"})
	s.request("r2", "other", v1alpha1.ExecutionAutomatic)
	s.hang = true
	s.settle()
	replays := s.replays()
	if len(replays) != 1 || replays[0].Spec.PlanDigest != "" {
		t.Fatalf("%d replays", len(replays))
	}
	if got := s.ready("r2"); got != "False/Planning" {
		t.Errorf("meanwhile another request is %s", got)
	}
	secret := &corev1.Secret{}
	s.must(s.client.Get(t.Context(), types.NamespacedName{Namespace: "shop", Name: erasure.TaskSecretName(&replays[0])}, secret))
	var work task.Task
	s.must(json.Unmarshal(secret.Data["task.json"], &work))
	if !work.Replay() || len(work.Requests) != 1 || len(work.Requests[0].Recall) == 0 || work.Requests[0].Check != "" {
		t.Errorf("%+v", work.Requests)
	}
	for name, data := range secret.Data {
		if strings.Contains(string(data), "canary") {
			t.Errorf("%s holds the person", name)
		}
	}
	before := s.committed()
	s.hang = false
	s.settle()
	if s.committed() != before+1 || len(s.replays()) != 1 || s.replays()[0].Status.VerifiedTime == nil {
		t.Errorf("%d commits, %+v", s.committed()-before, s.replays()[0].Status)
	}
	s.replayProven(&s.replays()[0], ended)
	writes := s.writes
	for range 3 {
		s.pass()
	}
	if s.writes != writes {
		t.Errorf("three passes after the replay wrote %d times", s.writes-writes)
	}
	s.scanned(8)
	s.settle()
	if got := s.ready("r2"); got != "True/Erased" {
		t.Errorf("after the replay the other request is %s", got)
	}
	if after := s.get("r1"); string(after.Status.End) != "Erased" || after.ResourceVersion != ended.ResourceVersion {
		t.Error("the recorded end was touched")
	}
	s.scanned(9, string(ended.UID)) // restored once more
	s.settle()
	if len(s.replays()) != 2 {
		t.Errorf("a second restore made %d replays in all, want 2", len(s.replays()))
	}
}

// TestAHoldKeepsWhoComesBackToo: a restore lifts no hold.
func TestAHoldKeepsWhoComesBackToo(t *testing.T) {
	s := newShop(t)
	executed(t, s)
	s.secret("claim", map[string]string{"email": canary})
	s.hold("acme", "claim")
	s.settle()
	before := s.committed()
	s.scanned(7, string(s.get("r1").UID))
	s.settle()
	if s.committed() != before {
		t.Error("the person was erased in spite of the hold")
	}
	for _, run := range s.replays() {
		if o := run.Status.Outcomes[0]; o.Reason != v1alpha1.ReasonOnLegalHold {
			t.Errorf("%+v", o)
		}
	}
}

// replayProven checks that the evidence log has a replay once, behind the request's own leaf, and that its certificate says what was
// seen of the restore and what was run again.
func (s *shop) replayProven(run *v1alpha1.ErasureRun, of *v1alpha1.ErasureRequest) {
	s.t.Helper()
	e := run.Status.Evidence
	if e == nil || *e.LogIndex != 1 {
		s.t.Fatalf("the replay is logged as %+v", e)
	}
	public, err := evidence.ParsePublicKey(s.config("rempart-system", evidence.PublicKeyName, evidence.PublicKeyFile))
	s.must(err)
	certificate, err := evidence.Open([]byte(s.config("shop", string(e.CertificateRef.Name), evidence.CertificateFile)), public)
	s.must(err)
	_, err = evidence.ReadProof(e.Proof, certificate.Leaf(), public)
	s.must(err)
	executed := of.Status.Targets[0].ExecutedTime.UTC().Format("2006-01-02T15:04:05Z")
	p := certificate.Replay.Predicate
	if p.Restore != "OtherTimeline" || p.RestoreSeenTime == "" || p.FromTime != executed || p.ToTime != executed || p.Store != "main" || p.RowsDeleted != 3 || p.VerifiedTime == "" ||
		len(p.Requests) != 1 || p.Requests[0].RequestUID != string(of.UID) || p.Requests[0].Result != "Erased" {
		s.t.Errorf("%+v", p)
	}
}

// TestEveryWriteMayFailDuringAReplay fails each write from the restore on once, each second one after it took effect: the person is
// erased again once, and the log tells of it once.
func TestEveryWriteMayFailDuringAReplay(t *testing.T) {
	story := func(s *shop) int {
		executed(t, s)
		before := s.writes
		s.scanned(7, string(s.get("r1").UID))
		s.settle()
		return before
	}
	reference := newShop(t)
	for n := story(reference) + 1; n <= reference.writes; n++ {
		s := newShop(t)
		s.fault = func(i int, after bool) error {
			if i == n && after == (n%2 == 0) {
				return errInjected
			}
			return nil
		}
		story(s)
		s.fault = nil
		s.settle()
		if len(s.replays()) != 1 || s.erased[string(s.get("r1").UID)] != 2 {
			t.Fatalf("write %d: %d replays, erased %d times", n, len(s.replays()), s.erased[string(s.get("r1").UID)])
		}
		s.replayProven(&s.replays()[0], s.get("r1"))
	}
}
