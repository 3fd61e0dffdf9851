package erasurerequest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// proven checks that the log has the certificates of these requests, each once, and no other; and that each says what the
// request's status says.
func (s *shop) proven(names ...string) {
	s.t.Helper()
	public, err := evidence.ParsePublicKey(s.config("rempart-system", evidence.PublicKeyName, evidence.PublicKeyFile))
	s.must(err)
	var leaves strings.Builder
	for index := range names {
		leaves.WriteString(s.config("rempart-system", evidence.EntryName(int64(index)), evidence.LeafData) + "\n")
	}
	log, err := evidence.ReadLog([]byte(leaves.String()), []byte(s.config("rempart-system", evidence.HeadName, evidence.CheckpointFile)), public)
	s.must(err)
	for _, name := range names {
		r := s.get(name)
		certificate, err := evidence.Open([]byte(s.config("shop", string(r.Status.Evidence.CertificateRef.Name), evidence.CertificateFile)), public)
		s.must(err)
		index, err := log.Find(certificate.Leaf())
		s.must(err)
		proof, err := evidence.ReadProof(r.Status.Evidence.Proof, certificate.Leaf(), public)
		s.must(err)
		p := certificate.Statement.Predicate
		if index != *r.Status.Evidence.LogIndex || proof.Index != index || certificate.Digest != r.Status.Evidence.Digest ||
			p.End != string(r.Status.End) || p.RequestUID != string(r.UID) || p.SubjectRef != r.Status.SubjectRef || len(p.Stores) != len(r.Status.Targets) {
			s.t.Errorf("%s: %+v, in status %+v", name, certificate, r.Status.Evidence)
		}
	}
}

func (s *shop) config(namespace, name, file string) string {
	s.t.Helper()
	object := &corev1.ConfigMap{}
	s.must(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object))
	return object.Data[file]
}

// TestEachEndIsCertified: an erasure, a refusal, a plan and a repetition.
func TestEachEndIsCertified(t *testing.T) {
	s := newShop(t)
	executed(t, s)
	for _, name := range []string{"r2", "r3", "r4"} {
		s.secret(name, map[string]string{"email": canary})
	}
	s.request("r2", "r2", v1alpha1.ExecutionPlanOnly)
	s.request("r3", "r3", v1alpha1.ExecutionAfterApproval)
	refused := s.get("r3")
	refused.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalExcessive}
	refused.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: ptr.To(metav1.NewTime(start.Add(time.Hour)))}
	s.must(s.client.Update(t.Context(), refused))
	s.request("r4", "r4", v1alpha1.ExecutionAfterApproval)
	again := s.get("r4")
	again.Spec.RequestID = "r1"
	s.must(s.client.Update(t.Context(), again))
	s.settle()
	for name, want := range map[string]string{"r1": "True/Erased", "r2": "True/PlannedOnly", "r3": "True/Refused", "r4": "True/AlreadyExecuted"} {
		if got := s.ready(name); got != want {
			t.Errorf("%s: Ready is %s, want %s", name, got, want)
		}
	}
	s.proven("r1", "r2", "r3", "r4")
	s.noIdentifier()
}

// broken is evidence that cannot be written.
type broken struct{ err error }

func (b broken) Certify(context.Context, *v1alpha1.ErasureRequest) (*v1alpha1.ErasureEvidence, error) {
	return nil, b.err
}

// TestWithoutACertificateNoRequestIsReady: the person is forgotten all the same, and that is recorded.
func TestWithoutACertificateNoRequestIsReady(t *testing.T) {
	s := newShop(t)
	works := s.requests.Evidence
	s.requests.Evidence = broken{errInjected}
	executed(t, s)
	r := s.get("r1")
	if got := s.ready("r1"); got != "False/Certifying" || s.secretExists("person") || r.Status.SubjectDeletedTime == nil || r.Status.Evidence != nil {
		t.Fatalf("Ready is %s; %+v", got, r.Status)
	}
	if !meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionReconciling) {
		t.Error("nothing says that the operator is at it")
	}
	if _, err := s.requests.Reconcile(t.Context(), r); !errors.Is(err, errInjected) {
		t.Errorf("the work queue is told %v", err)
	}
	s.requests.Evidence = works
	s.settle()
	if got := s.ready("r1"); got != "True/Erased" {
		t.Errorf("Ready is %s", got)
	}
	s.proven("r1")
}
