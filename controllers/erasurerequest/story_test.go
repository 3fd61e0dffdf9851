package erasurerequest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// executed lets a request be approved and executed to its end.
func executed(t *testing.T, s *shop) {
	t.Helper()
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	if got := s.ready("r1"); got != "False/AwaitingApproval" {
		t.Fatalf("before the decision Ready is %s", got)
	}
	s.approve("r1")
	s.settle()
}

func TestARequestGoesTheWholePathAndThenNothingIsWritten(t *testing.T) {
	s := newShop(t)
	executed(t, s)
	r := s.get("r1")
	if got := s.ready("r1"); got != "True/Erased" {
		t.Fatalf("Ready is %s; %+v", got, r.Status)
	}
	target := r.Status.Targets[0]
	if target.Result != v1alpha1.TargetErased || *target.RowsDeleted != 3 || target.VerifiedTime == nil {
		t.Errorf("unexpected target %+v", target)
	}
	if s.secretExists("person") || r.Status.SubjectDeletedTime == nil {
		t.Error("the subject Secret is still there")
	}
	for _, list := range []client.ObjectList{&batchv1.JobList{}} {
		s.must(s.client.List(t.Context(), list))
		if meta.LenList(list) != 0 {
			t.Errorf("%T: %d left", list, meta.LenList(list))
		}
	}
	if s.secretExists(erasure.TaskSecretName(s.run(v1alpha1.RunExecute))) {
		t.Error("the task Secret is still there")
	}
	before := s.writes
	for range 3 {
		s.pass()
	}
	if s.writes != before {
		t.Errorf("three passes after the end wrote %d times", s.writes-before)
	}
	s.noIdentifier()
	s.proven("r1")
	s.eventsOnce(t, "Accept", "Plan", "Approve", "Execute", "Verify", "End")
}

func TestAContradictionIsToldOnceAndThePersonIsKeptForTheNextRequest(t *testing.T) {
	s := newShop(t)
	s.contradict = true
	executed(t, s)
	s.settle()
	if got := s.ready("r1"); got != "False/Contradicted" {
		t.Fatalf("Ready is %s", got)
	}
	if !s.secretExists("person") {
		t.Error("the subject Secret is gone, though the person is still in the store")
	}
	warnings := 0
	for len(s.recorder.Events) > 0 {
		if strings.HasPrefix(<-s.recorder.Events, "Warning Contradicted ") {
			warnings++
		}
	}
	if warnings != 1 {
		t.Errorf("%d warnings, want 1", warnings)
	}
}

func (s *shop) run(mode v1alpha1.RunMode) *v1alpha1.ErasureRun {
	s.t.Helper()
	runs := &v1alpha1.ErasureRunList{}
	s.must(s.client.List(s.t.Context(), runs))
	for i := range runs.Items {
		if runs.Items[i].Spec.Mode == mode {
			return &runs.Items[i]
		}
	}
	s.t.Fatalf("no run of mode %s", mode)
	return nil
}

// noIdentifier looks for the person in every object that is left.
func (s *shop) noIdentifier() {
	s.t.Helper()
	for _, list := range []client.ObjectList{&v1alpha1.ErasureRequestList{}, &v1alpha1.ErasureRunList{}, &v1alpha1.LegalHoldList{}, &batchv1.JobList{}, &corev1.SecretList{}, &corev1.ConfigMapList{}, &v1alpha1.NotificationList{}} {
		s.must(s.client.List(s.t.Context(), list))
		text, err := json.Marshal(list)
		s.must(err)
		if strings.Contains(string(text), "canary") {
			s.t.Errorf("%T holds the person", list)
		}
	}
}

// eventsOnce checks that each action was told exactly once.
func (s *shop) eventsOnce(t *testing.T, actions ...string) {
	t.Helper()
	var told []string
	for len(s.recorder.Events) > 0 {
		told = append(told, <-s.recorder.Events)
	}
	if len(told) != len(actions) {
		t.Errorf("%d events, want %d: %q", len(told), len(actions), told)
	}
	for _, event := range told {
		if strings.Contains(event, "canary") {
			t.Errorf("an event names the person: %s", event)
		}
	}
}

// TestEveryWriteMayFail fails each write of the path once, before and after it takes effect. The end is the same, the
// store commits once, and no status ever claims what is not so.
func TestEveryWriteMayFail(t *testing.T) {
	reference := newShop(t)
	executed(t, reference)
	for n := 1; n <= reference.writes; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %v", n, after), func(t *testing.T) {
				s := newShop(t)
				s.fault = func(i int, a bool) error {
					if i == n && a == after {
						return errInjected
					}
					return nil
				}
				executed(t, s)
				if got := s.ready("r1"); got != "True/Erased" {
					t.Errorf("Ready is %s", got)
				}
				if s.committed() != 1 {
					t.Errorf("the store committed %d times", s.committed())
				}
				if s.secretExists("person") {
					t.Error("the subject Secret is still there")
				}
				s.proven("r1")
				before := s.writes
				for range 3 {
					s.pass()
				}
				if s.writes != before {
					t.Errorf("three passes after the end wrote %d times", s.writes-before)
				}
			})
		}
	}
}

func TestALostPodIsTurnedIntoACheckByTheLedger(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	s.approve("r1")
	s.lose = true // the pod commits and vanishes with its answers
	s.settle()
	if got := s.ready("r1"); got != "True/Erased" || s.committed() != 1 {
		t.Fatalf("Ready is %s after %d commits", got, s.committed())
	}
	if run := s.run(v1alpha1.RunExecute); *run.Status.Attempts != 2 {
		t.Errorf("%d attempts, want 2", *run.Status.Attempts)
	}
	// The Jobs of a run share a salt, by which the second finds what the first destroyed; a plan has none.
	if n := len(s.salts); n < 3 || s.salts[0] != "" || len(s.salts[n-1]) != task.SaltSize || s.salts[n-2] != s.salts[n-1] {
		t.Errorf("the Jobs had the salts %x", s.salts)
	}
}

func TestADeletedRequestLeavesNothingBehind(t *testing.T) {
	for name, stage := range map[string]func(*shop){
		"before it was seen":     func(*shop) {},
		"after its first pass":   (*shop).pass,
		"when it waits":          (*shop).settle,
		"while its plan is made": func(s *shop) { s.hang = true; s.settle() },
		"when its Secret went": func(s *shop) {
			s.settle()
			s.must(s.client.Delete(s.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "person"}}))
		},
		"while it is executed": func(s *shop) { s.settle(); s.approve("r1"); s.hang = true; s.settle() },
		"after its end":        func(s *shop) { s.settle(); s.approve("r1"); s.settle() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.open()
			s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
			stage(s)
			s.must(s.client.Delete(t.Context(), s.get("r1")))
			if s.hang { // a Job is under way: the request must wait for it
				s.settle()
				if got := s.ready("r1"); got != "False/Deleting" || !s.secretExists("person") {
					t.Fatalf("Ready is %s, Secret there: %v", got, s.secretExists("person"))
				}
				s.hang = false
			}
			s.settle()
			if got := s.ready("r1"); got != "gone" {
				t.Errorf("Ready is %s", got)
			}
			// A Secret that was never read may be anybody's: it is left alone.
			unread := name == "before it was seen" || name == "after its first pass"
			if s.secretExists("person") != unread {
				t.Errorf("the subject Secret is there: %v", s.secretExists("person"))
			}
			jobs := &batchv1.JobList{}
			s.must(s.client.List(t.Context(), jobs))
			if len(jobs.Items) != 0 {
				t.Errorf("%d Jobs left", len(jobs.Items))
			}
		})
	}
}

func TestASecretThatIsNotASubjectIsNeverDeleted(t *testing.T) {
	for name, secret := range map[string]*corev1.Secret{
		"credentials": {Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"username": []byte("root"), "password": []byte("x")}},
		"token":       {Type: corev1.SecretTypeServiceAccountToken, Data: map[string][]byte{"email": []byte("ada@example.org")}},
		"mixed":       {Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"email": []byte("ada@example.org"), "password": []byte("x")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.open()
			secret.Namespace, secret.Name = "shop", "loot"
			s.create(secret)
			s.request("r1", "loot", v1alpha1.ExecutionAutomatic)
			s.settle()
			if got := s.ready("r1"); got != "False/SubjectUnreadable" {
				t.Errorf("Ready is %s", got)
			}
			s.must(s.client.Delete(t.Context(), s.get("r1")))
			s.settle()
			if !s.secretExists("loot") || s.get("r1") != nil {
				t.Errorf("Secret there: %v, request there: %v", s.secretExists("loot"), s.get("r1") != nil)
			}
		})
	}
}

func TestASecretOfAnotherUIDIsNotDeletedAtTheEnd(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionPlanOnly)
	for range 40 { // until the end is recorded, and no further
		if r := s.get("r1"); r.Status.End != "" {
			break
		}
		s.pass()
		s.kubelet()
	}
	s.must(s.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "person"}}))
	s.secret("person", map[string]string{"email": "somebody.else@example.org"})
	s.settle()
	if got := s.ready("r1"); got != "True/PlannedOnly" || !s.secretExists("person") {
		t.Fatalf("Ready is %s, the other person's Secret is there: %v", got, s.secretExists("person"))
	}
}

func TestTheLastOfTwoRequestsDeletesASharedSecret(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.request("r2", "person", v1alpha1.ExecutionPlanOnly)
	s.settle()
	if got := s.ready("r2"); got != "True/PlannedOnly" || !s.secretExists("person") {
		t.Fatalf("r2 is %s, Secret there: %v", got, s.secretExists("person"))
	}
	s.approve("r1")
	s.settle()
	if got := s.ready("r1"); got != "True/Erased" || s.secretExists("person") {
		t.Fatalf("r1 is %s, Secret there: %v", got, s.secretExists("person"))
	}
}

// TestASubjectThatChangesAfterDispatchIsNotExecuted changes the Secret when the run exists and its Job does not.
func TestASubjectThatChangesAfterDispatchIsNotExecuted(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	s.approve("r1")
	ctx := t.Context()
	_, err := s.requests.Reconcile(ctx, s.get("r1"))
	s.must(err)
	register := &v1alpha1.DataRegister{}
	s.must(s.client.Get(ctx, types.NamespacedName{Namespace: "shop", Name: "crm"}, register))
	_, err = s.dispatch.Reconcile(ctx, register)
	s.must(err)
	if s.run(v1alpha1.RunExecute).Status.EndedTime != nil {
		t.Fatal("the run ended before it began")
	}
	secret := &corev1.Secret{}
	s.must(s.client.Get(ctx, types.NamespacedName{Namespace: "shop", Name: "person"}, secret))
	secret.Data["email"] = []byte("victim@example.org")
	s.must(s.client.Update(ctx, secret))
	s.settle()
	if got := s.ready("r1"); got != "False/SubjectChanged" || s.committed() != 0 {
		t.Fatalf("Ready is %s after %d commits", got, s.committed())
	}
	secret.Data["email"] = []byte(canary)
	s.must(s.client.Get(ctx, types.NamespacedName{Namespace: "shop", Name: "person"}, secret))
	secret.Data["email"] = []byte(canary)
	s.must(s.client.Update(ctx, secret))
	s.settle()
	if got := s.ready("r1"); got != "True/Erased" || s.committed() != 1 {
		t.Fatalf("restored, Ready is %s after %d commits", got, s.committed())
	}
}

// TestARunThatRempartDidNotMakeDoesNothing: even if admission failed to refuse it.
func TestARunThatRempartDidNotMakeDoesNothing(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	r := s.get("r1")
	forged := &v1alpha1.ErasureRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "forged"}, Spec: v1alpha1.ErasureRunSpec{
		RegisterRef: v1alpha1.LocalRef{Name: "crm"}, Store: "main", Mode: v1alpha1.RunExecute, Epoch: 1, Image: "evil:1", PlanDigest: digest,
		Requests: []v1alpha1.RunRequest{{Name: "r1", UID: string(r.UID), Attempt: ptr.To(int32(0))}}}}
	s.create(forged)
	s.settle()
	s.must(s.client.Get(t.Context(), client.ObjectKeyFromObject(forged), forged))
	if c := meta.FindStatusCondition(forged.Status.Conditions, v1alpha1.ConditionStalled); c == nil || c.Reason != v1alpha1.ReasonNotOurs {
		t.Errorf("the forged run is %+v", forged.Status.Conditions)
	}
	if s.committed() != 0 || s.ready("r1") != "False/AwaitingApproval" {
		t.Errorf("%d commits, Ready is %s", s.committed(), s.ready("r1"))
	}
}
