package policy

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
)

// head is a checkpoint of so many events; fill makes its root.
func head(size int64, fill byte) LedgerAnswer {
	root := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(fill)), 32)))
	return LedgerAnswer{Size: size, Root: root, CheckpointTime: ptr.To(noon), Checkpoint: fmt.Sprintf("consent.acme.example/t\n%d\n%s\n\n— consent.acme.example/t c2ln\n", size, root)}
}

// good is the answer of a service that serves the policy as it is.
func good(t *testing.T, in Input) *Answer {
	t.Helper()
	digest, err := MaterialDigest(in.Officer.Spec.Organisation, &in.Policy.Spec, in.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &Answer{
		TenantID: TenantID(in.Policy.Namespace, in.Policy.Name), Notice: NoticeAnswer{1, digest}, Ledger: head(7, 'a'), Audit: AuditAnswer{true, ptr.To(noon)},
		Sites: []SiteAnswer{{"shop", "https://consent.acme.example/w/shop/widget.js", "sha384-" + strings.Repeat("A", 64), "sha256:" + strings.Repeat("0", 64), 5432}},
	}
}

func TestJudgeGivesTheReasonOfTheFirstObjection(t *testing.T) {
	cases := []struct {
		name                                                  string
		change                                                func(*Input, *Seen)
		ready, published, provisioned, resident, proof, check string
	}{
		{"all is well", func(*Input, *Seen) {}, "True Serving", "True NoticePublished", "True ServiceProvisioned", "True ServicePlaced", "True OwnProof", "True AuditPassed"},
		{"no officer", func(in *Input, _ *Seen) { in.Officer = nil }, "False OfficerMissing", "False OfficerMissing", "True", "True", "True", "True"},
		{"no register", func(in *Input, s *Seen) { in.Register, s.Answer = nil, nil }, "False RegisterMissing", "False RegisterMissing", "False RegisterMissing", "False RegisterMissing", "True", "Unknown ServiceSilent"},
		{"not recorded", func(in *Input, _ *Seen) { in.Register.Spec.Activities = nil }, "False PurposeNotRegistered", "False PurposeNotRegistered", "True", "True", "True", "True"},
		{"not in effect", func(in *Input, _ *Seen) { in.Policy.Spec.Notices = nil }, "False NoticeNotInEffect", "False NoticeNotInEffect", "True", "True", "True", "True"},
		{"no region", func(in *Input, _ *Seen) { in.Regions = nil }, "False NoAllowedRegion", "True", "False NoAllowedRegion", "False NoAllowedRegion", "True", "True"},
		{"class abroad", func(in *Input, _ *Seen) { in.Class = abroad }, "False StorageClassNotAllowed", "True", "False StorageClassNotAllowed", "False StorageClassNotAllowed", "True", "True"},
		{"pod abroad", func(_ *Input, s *Seen) { s.Places = []register.Place{{}, abroad, allowed} }, "False PlaceNotAllowed", "True", "True", "False PlaceNotAllowed", "True", "True"},
		{"pod nowhere", func(_ *Input, s *Seen) { s.Places = []register.Place{allowed, {}} }, "False PlaceUnknown", "True", "True", "False PlaceUnknown", "True", "True"},
		{"no pod", func(_ *Input, s *Seen) { s.Places = nil }, "False PlaceNotObserved", "True", "True", "Unknown PlaceNotObserved", "True", "True"},
		{"shrunk", func(in *Input, _ *Seen) { in.Claim = &corev1.PersistentVolumeClaim{Spec: claim("2Gi")} }, "False StorageShrunk", "True", "False StorageShrunk", "True", "True", "True"},
		{"keys lost", func(in *Input, _ *Seen) { in.Missing = "chat-consentd-keys" }, "False CredentialsMissing", "True", "False CredentialsMissing", "True", "True", "True"},
		{"paused", func(in *Input, _ *Seen) { in.Policy.Spec.Service.Database.Managed.Replicas = ptr.To(int32(0)) }, "False Paused", "True", "False Paused", "True", "True", "True"},
		{"database starts", func(in *Input, _ *Seen) { in.StatefulSet = nil }, "False LedgerStarting", "True", "False LedgerStarting", "True", "True", "True"},
		{"no issuer", func(in *Input, _ *Seen) { in.Issuers = nil }, "False IssuerUnknown", "True", "False IssuerUnknown", "True", "True", "True"},
		{"service starts", func(in *Input, s *Seen) { in.Deployment.Status.ReadyReplicas, s.Answer = 0, nil }, "False ServiceStarting", "Unknown ServiceStarting", "False ServiceStarting", "True", "True", "Unknown ServiceStarting"},
		{"service silent", func(_ *Input, s *Seen) { s.Answer = nil }, "False ServiceSilent", "Unknown ServiceSilent", "True", "True", "True", "Unknown ServiceSilent"},
		{"old words", func(_ *Input, s *Seen) { s.Answer.Notice.Version = 0 }, "False NoticePending", "False NoticePending", "True", "True", "True", "True"},
		{"old configuration", func(_ *Input, s *Seen) { s.Answer.PolicyDigest = "sha256:0" }, "False NoticePending", "False NoticePending", "True", "True", "True", "True"},
		{"refused", func(_ *Input, s *Seen) { s.Answer.PolicyRefused = true }, "False PolicyRefused", "False PolicyRefused", "True", "True", "True", "True"},
		{"old pods", func(in *Input, _ *Seen) { in.Deployment.Status.UpdatedReplicas = 1 }, "False NoticePending", "False NoticePending", "True", "True", "True", "True"},
		{"a site is missing", func(_ *Input, s *Seen) { s.Answer.Sites = nil }, "False NoticePending", "False NoticePending", "True", "True", "True", "True"},
		{"word of a site", func(in *Input, s *Seen) { assert(in, s, "") }, "True", "True", "True", "True", "False AssertionEvidenceMissing", "True"},
		{"word of a site with proof", func(in *Input, s *Seen) { assert(in, s, "https://acme.example/proof") }, "True", "True", "True", "True", "True OwnProof", "True"},
		{"no audit yet", func(_ *Input, s *Seen) { s.Answer.Audit = AuditAnswer{} }, "True", "True", "True", "True", "True", "Unknown AuditPending"},
		{"an audit of the day before yesterday", func(_ *Input, s *Seen) { s.Answer.Audit.Time = ptr.To(noon.Add(-26*time.Hour - time.Second)) }, "True", "True", "True", "True", "True", "Unknown AuditPending"},
		{"audit failed, and nothing is kept", func(in *Input, s *Seen) {
			in.Checkpoint, s.Answer.Ledger, s.Answer.Audit.Verified = Checkpoint{}, LedgerAnswer{}, false
		}, "False Contradicted", "True", "True", "True", "True", "False Contradicted"},
		{"audit failed", func(in *Input, _ *Seen) { in.Checkpoint = in.Checkpoint.After(AuditAnswer{false, ptr.To(noon)}) }, "False Contradicted", "True", "True", "True", "True", "False Contradicted"},
		{"log was cut", func(in *Input, _ *Seen) { in.Checkpoint.Contradicted = "note" }, "False Contradicted", "True", "True", "True", "True", "False Contradicted"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := input(t, "managed")
			in.Deployment = readyService()
			seen := Seen{Places: []register.Place{allowed}}
			before := *in.Policy.DeepCopy()
			seen.Answer = good(t, in)
			c.change(&in, &seen)
			verdict := Judge(in, seen)
			for kind, want := range map[string]string{v1alpha1.ConditionReady: c.ready, v1alpha1.ConditionPublished: c.published, v1alpha1.ConditionProvisioned: c.provisioned,
				v1alpha1.ConditionResident: c.resident, v1alpha1.ConditionProofComplete: c.proof, v1alpha1.ConditionVerified: c.check} {
				condition := meta.FindStatusCondition(verdict.Conditions, kind)
				if condition == nil || !strings.HasPrefix(string(condition.Status)+" "+condition.Reason, want) || condition.Message == "" || strings.HasSuffix(condition.Message, ".") {
					t.Errorf("%s: got %+v, want %s", kind, condition, want)
				}
			}
			if verdict.TenantID != TenantID(before.Namespace, before.Name) {
				t.Errorf("tenant %s", verdict.TenantID)
			}
			if stuck, working := meta.FindStatusCondition(verdict.Conditions, v1alpha1.ConditionStalled), meta.FindStatusCondition(verdict.Conditions, v1alpha1.ConditionReconciling); stuck != nil && working != nil {
				t.Error("Stalled and Reconciling at once")
			}
		})
	}
}

func assert(in *Input, seen *Seen, evidence v1alpha1.WebURL) {
	in.Policy.Spec.SiteAssertion = v1alpha1.SiteAssertion{Mode: v1alpha1.AssertionAccepted, EvidenceURL: evidence}
	seen.Answer.PolicyDigest = ""
}

func claim(size string) corev1.PersistentVolumeClaimSpec {
	return corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}}}
}

func TestStatusSaysWhatTheServiceSaysAndKeepsItWhileItIsSilent(t *testing.T) {
	in := input(t, "managed")
	in.Deployment = readyService()
	in.Checkpoint = Checkpoint{Size: 7, Root: "root", Note: "note", Time: noon}
	answer := good(t, in)
	verdict := Judge(in, Seen{Answer: answer})
	if verdict.Notice.Version != 1 || verdict.Notice.MaterialDigest != answer.Notice.MaterialDigest || len(verdict.Sites) != 1 || *verdict.Sites[0].Bytes != 5432 ||
		*verdict.Ledger.Size != 7 || verdict.Ledger.Root != "root" || !verdict.Ledger.CheckpointTime.Time.Equal(noon) {
		t.Errorf("%+v", verdict)
	}
	if silent := Judge(in, Seen{}); silent.Notice != nil || silent.Sites != nil || *silent.Ledger.Size != 7 {
		t.Errorf("%+v", silent)
	}
}

func TestAnAnswerOfAnotherTenantOrForm(t *testing.T) {
	in := input(t, "managed")
	if !good(t, in).Of(in.Policy) {
		t.Fatal("a good answer is refused")
	}
	for name, spoil := range map[string]func(*Answer){
		"another tenant":   func(a *Answer) { a.TenantID = TenantID("shop", "other") },
		"no notice":        func(a *Answer) { a.Notice.Version = 0 },
		"no digest":        func(a *Answer) { a.Notice.MaterialDigest = "sha256:" },
		"two of one site":  func(a *Answer) { a.Sites = append(a.Sites, a.Sites[0]) },
		"a strange id":     func(a *Answer) { a.Sites[0].ID = "Shop!" },
		"a strange url":    func(a *Answer) { a.Sites[0].URL = "javascript:alert(1)" },
		"a long url":       func(a *Answer) { a.Sites[0].URL = "https://" + strings.Repeat("x", 600) },
		"no integrity":     func(a *Answer) { a.Sites[0].Integrity = "md5-x" },
		"no script digest": func(a *Answer) { a.Sites[0].Digest = "" },
		"no bytes":         func(a *Answer) { a.Sites[0].Bytes = 0 },
		"too many sites":   func(a *Answer) { a.Sites = make([]SiteAnswer, 17) },
	} {
		answer := good(t, in)
		spoil(answer)
		if answer.Of(in.Policy) {
			t.Errorf("%s is taken for an answer", name)
		}
	}
}

func TestAConfigMapKeepsACheckpointAsItIs(t *testing.T) {
	cpol := readPolicy(t, "managed")
	for _, c := range []Checkpoint{{}, {Size: 7, Root: head(7, 'a').Root, Note: head(7, 'a').Checkpoint, Time: noon.Truncate(time.Second)},
		{Size: 7, Root: head(7, 'a').Root, Note: head(7, 'a').Checkpoint, Contradicted: head(6, 'a').Checkpoint}} {
		written := c.ConfigMap(cpol, "rempart-system")
		if *written.Namespace != "rempart-system" || *written.Name != "consent-checkpoint-"+TenantID("shop", "chat") || len(written.OwnerReferences) != 0 {
			t.Errorf("%+v", written)
		}
		if got, err := OfConfigMap(&corev1.ConfigMap{Data: written.Data}); err != nil || got != c {
			t.Errorf("%+v became %+v, %v", c, got, err)
		}
	}
	if got, err := OfConfigMap(nil); err != nil || got != (Checkpoint{}) {
		t.Errorf("none: %+v, %v", got, err)
	}
	for _, broken := range []map[string]string{{"checkpoint": "x"}, {"checkpoint": head(7, 'a').Checkpoint, "time": "noon"}} {
		if _, err := OfConfigMap(&corev1.ConfigMap{Data: broken}); err == nil {
			t.Errorf("%v is taken for a checkpoint", broken)
		}
	}
}
