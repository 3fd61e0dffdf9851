package consentpolicy

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/consent/policy/policytest"
)

func TestAPolicyBecomesReadyAndStaysAsItIs(t *testing.T) {
	b := newBench(t, dreg(), chat("one"))
	if first := b.pass(); len(first.Finalizers) != 1 || reason(first, "Ready") != "Unknown NotYetKnown" || b.count(&corev1.SecretList{}) != 0 {
		t.Fatalf("the first pass adds the finalizer and nothing else: %+v", first.Status)
	}
	if got := reason(b.pass(), "Ready"); got != "False LedgerStarting" || b.get("chat-consentd", &appsv1.Deployment{}) {
		t.Error(got)
	}
	if b.count(&corev1.SecretList{}) != 7 || b.count(&networkingv1.NetworkPolicyList{}) != 3 || b.count(&corev1.ServiceAccountList{}) != 1 || b.count(&corev1.ServiceList{}) != 2 || b.count(&policyv1.PodDisruptionBudgetList{}) != 1 {
		t.Error("children are missing")
	}
	b.startDatabase()
	b.pass()
	if got := b.pass(); reason(got, "Ready") != "False ServiceStarting" || reason(got, "Verified") != "Unknown ServiceStarting" || reason(got, "Resident") != "True ServicePlaced" {
		t.Errorf("%+v", got.Status.Conditions)
	}
	b.startService(7)
	end := b.pass()
	if reason(end, "Ready") != "True Serving" || reason(end, "Verified") != "True AuditPassed" || reason(end, "Reconciling") != "" ||
		end.Status.TenantID != policy.TenantID("shop", "chat") || *end.Status.Ledger.Size != 7 || end.Status.Notice.Version != 1 || len(end.Status.Sites) != 1 {
		t.Errorf("%+v", end.Status)
	}
	kept := &corev1.ConfigMap{}
	if !b.getIn(operatorNamespace, policy.CheckpointName(end.Status.TenantID), kept) || kept.Data["checkpoint"] != checkpoint(7).Checkpoint {
		t.Errorf("the checkpoint is not kept: %v", kept.Data)
	}
	before := b.pass()
	for range 3 {
		if after := b.pass(); after.ResourceVersion != before.ResourceVersion {
			t.Error("a pass over a converged policy writes")
		}
	}
}

func TestKeysAreMadeOnceAndNeverAgainForALedgerThatExists(t *testing.T) {
	b := settled(t)
	keys := &corev1.Secret{}
	if !b.get("chat-consentd-keys", keys) || len(keys.Data) != 3 || len(keys.OwnerReferences) != 0 {
		t.Fatalf("%+v", keys)
	}
	for name, key := range keys.Data {
		if len(key) != 32 {
			t.Errorf("%s has %d bytes", name, len(key))
		}
		for other, value := range keys.Data {
			if name != other && bytes.Equal(key, value) {
				t.Errorf("%s is %s", name, other)
			}
		}
	}
	b.must(b.Delete(t.Context(), keys))
	for range 2 {
		if got := reason(b.pass(), "Provisioned"); got != "False CredentialsMissing" || b.get("chat-consentd-keys", &corev1.Secret{}) {
			t.Errorf("other keys open nothing and prove nothing: %s", got)
		}
	}
	app := &corev1.Secret{}
	b.get("chat-ledger-app", app)
	b.must(b.Delete(t.Context(), app))
	b.pass()
	if !b.get("chat-ledger-app", &corev1.Secret{}) {
		t.Error("the password of a role can be made again")
	}
}

func TestSecretsThatThePolicyNamesAreLookedAtAndNotMade(t *testing.T) {
	ref := func(name string) *v1alpha1.SecretRef { return &v1alpha1.SecretRef{Name: v1alpha1.ObjectName(name)} }
	elsewhere := func(s *v1alpha1.ConsentPolicySpec) {
		s.Service.Database = v1alpha1.LedgerDatabase{Connection: &v1alpha1.LedgerConnection{Host: "db.acme.example", Database: "consent", Place: v1alpha1.ExternalStore{Country: "FR"},
			AdminSecretRef: *ref("admin"), AppSecretRef: *ref("app"), SequencerSecretRef: *ref("sequencer"), PrunerSecretRef: *ref("pruner")}}
		s.Service.SigningSecretRef, s.Service.PepperSecretRef, s.Service.KEKSecretRef = ref("keys"), ref("keys"), ref("keys")
	}
	b := newBench(t, dreg(), chat("one", elsewhere))
	b.pass()
	login := map[string][]byte{"username": []byte("u"), "password": []byte("p")}
	for _, want := range []struct {
		missing, makes string
		data           map[string][]byte
	}{
		{"admin", "admin", login}, {"app", "app", login}, {"sequencer", "sequencer", map[string][]byte{"username": []byte("u")}}, {"sequencer", "", nil},
	} {
		for range 2 {
			got := b.pass()
			if reason(got, "Provisioned") != "False CredentialsMissing" || !strings.Contains(message(got, "Provisioned"), `"`+want.missing+`"`) {
				t.Errorf("%s is missing: %s", want.missing, message(got, "Provisioned"))
			}
		}
		if want.makes != "" {
			b.must(b.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: want.makes, Namespace: "shop"}, Data: want.data}))
		}
	}
	sequencer := &corev1.Secret{}
	b.get("sequencer", sequencer)
	sequencer.Data = login
	b.must(b.Update(t.Context(), sequencer))
	b.must(b.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pruner", Namespace: "shop"}, Data: login}))
	b.must(b.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys", Namespace: "shop"},
		Data: map[string][]byte{"signing": {1}, "pepper": {2}, "kek": {3}}}))
	for range 2 {
		b.pass()
		if !b.get("chat-consentd", &appsv1.Deployment{}) || b.count(&corev1.SecretList{}) != 7 || b.count(&appsv1.StatefulSetList{}) != 0 {
			t.Error("the service runs with what it was given, and nothing is made")
		}
	}
}

func message(object *v1alpha1.ConsentPolicy, kind string) string {
	for _, c := range object.Status.Conditions {
		if c.Type == kind {
			return c.Message
		}
	}
	return ""
}

func TestALogThatWasCutIsSaidAndStaysSaid(t *testing.T) {
	b := settled(t)
	b.told()
	b.service.answer.Ledger = checkpoint(9)
	if got := b.pass(); *got.Status.Ledger.Size != 9 || reason(got, "Verified") != "True AuditPassed" {
		t.Fatalf("%+v", got.Status)
	}
	b.service.answer.Ledger = checkpoint(8)
	got := b.pass()
	if reason(got, "Verified") != "False Contradicted" || reason(got, "Ready") != "False Contradicted" || *got.Status.Ledger.Size != 9 {
		t.Errorf("%+v", got.Status)
	}
	if told := b.told(); !strings.Contains(told, "Contradicted") {
		t.Errorf("nobody was told: %s", told)
	}
	b.service.answer.Ledger = checkpoint(50)
	for range 2 {
		if got := b.pass(); reason(got, "Verified") != "False Contradicted" || *got.Status.Ledger.Size != 9 {
			t.Errorf("growth hides the cut: %+v", got.Status)
		}
	}
	kept := &corev1.ConfigMap{}
	b.getIn(operatorNamespace, policy.CheckpointName(policy.TenantID("shop", "chat")), kept)
	delete(kept.Data, "contradicted")
	b.must(b.Update(t.Context(), kept))
	if got := b.pass(); reason(got, "Verified") != "True AuditPassed" || *got.Status.Ledger.Size != 50 {
		t.Errorf("a person has looked at it: %+v", got.Status)
	}
}

func TestWhatASelfAuditFoundIsNotTakenBackByAReplicaThatDidNone(t *testing.T) {
	b := settled(t)
	well := b.service.answer.Audit
	b.service.answer.Audit.Verified = false
	b.pass()
	b.service.answer.Audit = well
	for range 2 {
		if got := b.pass(); reason(got, "Verified") != "False Contradicted" || reason(got, "Ready") != "False Contradicted" {
			t.Errorf("another replica hides it: %+v", got.Status.Conditions)
		}
	}
	b.service.answer.Ledger = checkpoint(9)
	if got := b.pass(); reason(got, "Verified") != "False Contradicted" || *got.Status.Ledger.Size != 9 {
		t.Errorf("growth hides it: %+v", got.Status)
	}
	kept := &corev1.ConfigMap{}
	b.getIn(operatorNamespace, policy.CheckpointName(policy.TenantID("shop", "chat")), kept)
	delete(kept.Data, "disagreed")
	b.must(b.Update(t.Context(), kept))
	if got := b.pass(); reason(got, "Verified") != "True AuditPassed" {
		t.Errorf("a person has looked at it: %+v", got.Status)
	}
}

func TestWhatASelfAuditFoundIsKeptAlsoWhereNoCheckpointCanBe(t *testing.T) {
	b := settled(t)
	whole := *b.service.answer
	b.service.answer.Ledger, b.service.answer.Audit.Verified = policy.LedgerAnswer{}, false // the checkpoints are gone
	if got := b.pass(); reason(got, "Verified") != "False Contradicted" {
		t.Errorf("%+v", got.Status.Conditions)
	}
	*b.service.answer = whole
	if got := b.pass(); reason(got, "Verified") != "False Contradicted" {
		t.Errorf("another replica hides it: %+v", got.Status.Conditions)
	}
}

func TestALogThatWasWrittenAnewIsSaidThoughItIsLarger(t *testing.T) {
	b := settled(t)
	b.service.answer.Ledger = checkpoint(9)
	b.service.log = nil
	for range 2 {
		if got := b.pass(); reason(got, "Verified") != "Unknown ServiceSilent" || *got.Status.Ledger.Size != 7 {
			t.Errorf("growth without a proof: %+v", got.Status)
		}
	}
	other := &policytest.Log{Salt: "other"}
	b.service.answer.Ledger, b.service.log = other.Head(9, noon), other
	for range 2 {
		if got := b.pass(); reason(got, "Verified") != "False Contradicted" || *got.Status.Ledger.Size != 7 {
			t.Errorf("another log: %+v", got.Status)
		}
	}
}

func TestAnAnswerThatIsNotThisPolicysIsNone(t *testing.T) {
	b := settled(t)
	good := *b.service.answer
	for name, spoil := range map[string]func(*policy.Answer){
		"another tenant":        func(a *policy.Answer) { a.TenantID = policy.TenantID("shop", "other") },
		"a note that is none":   func(a *policy.Answer) { a.Ledger.Checkpoint = "note" },
		"a note of another log": func(a *policy.Answer) { a.Ledger.Size = 99 },
	} {
		answer := good
		spoil(&answer)
		b.service.answer = &answer
		for range 2 {
			if got := b.pass(); reason(got, "Published") != "Unknown ServiceSilent" || *got.Status.Ledger.Size != 7 || got.Status.Notice.Version != 1 {
				t.Errorf("%s: %+v", name, got.Status)
			}
		}
	}
	good.Ledger = policy.LedgerAnswer{}
	b.service.answer = &good
	if got := b.pass(); reason(got, "Ready") != "True Serving" || *got.Status.Ledger.Size != 7 {
		t.Errorf("a service that has no checkpoint yet: %+v", got.Status)
	}
}

func TestWhatIsMissingIsNamedAndWhatRunsIsLeft(t *testing.T) {
	b := settled(t)
	object := dreg()
	b.must(b.Delete(t.Context(), object))
	for range 2 {
		if got := b.pass(); reason(got, "Ready") != "False RegisterMissing" || !b.get("chat-consentd", &appsv1.Deployment{}) || !b.get("chat-consentd-config", &corev1.Secret{}) {
			t.Errorf("%+v", got.Status.Conditions)
		}
	}
	object = dreg()
	object.Spec.Activities[0].Purposes[0].LegalBasis = v1alpha1.BasisConsent
	b.must(b.Create(t.Context(), object))
	for range 2 {
		if got := b.pass(); reason(got, "Ready") != "False PurposeNotRegistered" || reason(got, "Provisioned") != "True ServiceProvisioned" {
			t.Errorf("%+v", got.Status.Conditions)
		}
	}
}

func TestTheAutoscalerAndTheIngressGoWithTheWishForThem(t *testing.T) {
	b := settled(t)
	if !b.get("chat-consentd", &autoscalingv2.HorizontalPodAutoscaler{}) || !b.get("chat-consentd", &networkingv1.Ingress{}) {
		t.Fatal("they are not there")
	}
	object := &v1alpha1.ConsentPolicy{}
	b.get("chat", object)
	object.Spec.Service.Host, object.Spec.Service.Replicas.Max, object.Generation = "", 0, 2
	b.must(b.Update(t.Context(), object))
	for range 2 {
		b.pass()
		if b.get("chat-consentd", &autoscalingv2.HorizontalPodAutoscaler{}) || b.get("chat-consentd", &networkingv1.Ingress{}) || !b.get("chat-consentd", &appsv1.Deployment{}) {
			t.Error("what is no longer asked for stays, or more went with it")
		}
	}
}

func TestAVolumeGrows(t *testing.T) {
	b := settled(t)
	object := &v1alpha1.ConsentPolicy{}
	b.get("chat", object)
	object.Spec.Service.Database.Managed.Storage.Size = resource.MustParse("2Gi")
	b.must(b.Update(t.Context(), object))
	b.pass()
	claim := &corev1.PersistentVolumeClaim{}
	b.get("data-chat-ledger-0", claim)
	if got := claim.Spec.Resources.Requests[corev1.ResourceStorage]; got.String() != "2Gi" {
		t.Errorf("the volume is asked to have %s", got.String())
	}
}

func TestAStrangersObjectsAreNotTaken(t *testing.T) {
	for _, stranger := range []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "chat-consentd-keys", Namespace: "shop"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "chat-ledger-app", Namespace: "shop"}},
		&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data-chat-ledger-0", Namespace: "shop"}},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "chat-consentd", Namespace: "shop"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: policy.CheckpointName(policy.TenantID("shop", "chat")), Namespace: operatorNamespace}},
	} {
		b := newBench(t, dreg(), chat("one"), stranger)
		b.pass()
		for range 2 {
			if got := b.pass(); reason(got, "Stalled") != "True NameTaken" || reason(got, "Ready") != "False NameTaken" {
				t.Errorf("%T: %+v", stranger, got.Status.Conditions)
			}
		}
	}
}

func TestAFailureAtAnyStepIsReportedAndTriedAgain(t *testing.T) {
	for _, verb := range []string{"create", "apply", "list"} {
		b := newBench(t, dreg(), chat("one"))
		b.pass()
		b.fail = func(v string, _ any) error {
			if v == verb {
				return errors.New("the API server is away")
			}
			return nil
		}
		for range 2 {
			if got := b.pass(); reason(got, "Reconciling") != "True StepFailed" || strings.Contains(message(got, "Reconciling"), "away") {
				t.Errorf("%s: %+v", verb, got.Status.Conditions)
			}
		}
		b.fail = func(string, any) error { return nil }
		if got := b.pass(); reason(got, "Ready") != "False LedgerStarting" {
			t.Errorf("after %s: %+v", verb, got.Status.Conditions)
		}
	}
	b := newBench(t, dreg(), chat("one"))
	b.reconciler.Tokens = tokens{errors.New("away")}
	b.pass()
	if got := b.pass(); reason(got, "Reconciling") != "True StepFailed" {
		t.Errorf("%+v", got.Status.Conditions)
	}
}

// remove deletes the policy, and reconciles until it is gone.
func (b *bench) remove() {
	b.t.Helper()
	object := &v1alpha1.ConsentPolicy{}
	b.get("chat", object)
	b.must(b.Client.Delete(b.t.Context(), object))
	for range 6 {
		if b.pass() == nil {
			return
		}
	}
	b.t.Fatal("the policy does not go")
}

func TestADeletedPolicyKeepsItsLedgerAndTheNextOneOfItsNameTakesItOver(t *testing.T) {
	b := settled(t)
	keys := &corev1.Secret{}
	b.get("chat-consentd-keys", keys)
	b.told()
	b.remove()
	if b.count(&corev1.SecretList{}) != 2 || b.count(&appsv1.DeploymentList{}) != 0 || b.count(&appsv1.StatefulSetList{}) != 0 || b.count(&networkingv1.IngressList{}) != 0 || !b.get("data-chat-ledger-0", &corev1.PersistentVolumeClaim{}) {
		t.Error("volume, admin and keys stay, and nothing else")
	}
	if told := b.told(); !strings.Contains(told, "DataKept") {
		t.Errorf("nobody was told: %s", told)
	}
	again := chat("two")
	b.must(b.Client.Create(t.Context(), again))
	b.pass()
	b.pass()
	after := &corev1.Secret{}
	if !b.get("chat-consentd-keys", after) || !bytes.Equal(after.Data["kek"], keys.Data["kek"]) || types.UID(after.Labels[v1alpha1.LabelOwnerUID]) != again.UID {
		t.Errorf("the keys are others, or not the new policy's: %+v", after.Labels)
	}
	b.startDatabase()
	b.pass()
	b.startService(3)
	if got := b.pass(); reason(got, "Verified") != "False Contradicted" || got.Status.TenantID != policy.TenantID("shop", "chat") {
		t.Errorf("the tenant is the same, so an emptier ledger is a lie: %+v", got.Status)
	}
}

func TestALedgerThatMayGoGoesWithItsKeysAndBeginsAnew(t *testing.T) {
	b := settled(t, func(s *v1alpha1.ConsentPolicySpec) {
		s.Service.Database.Managed.DeletionPolicy = v1alpha1.DeletionDelete
	})
	b.remove()
	if b.count(&corev1.SecretList{}) != 0 || b.count(&corev1.PersistentVolumeClaimList{}) != 0 {
		t.Error("something stays")
	}
	b.must(b.Client.Create(t.Context(), chat("two")))
	b.pass()
	b.pass()
	b.startDatabase()
	b.pass()
	b.startService(1)
	if got := b.pass(); reason(got, "Verified") != "True AuditPassed" || *got.Status.Ledger.Size != 1 {
		t.Errorf("%+v", got.Status)
	}
}

func TestAStrangersObjectsOutliveThePolicy(t *testing.T) {
	b := settled(t, func(s *v1alpha1.ConsentPolicySpec) {
		s.Service.Host = ""
		s.Service.Database.Managed.DeletionPolicy = v1alpha1.DeletionDelete
	})
	b.must(b.Create(t.Context(), &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: "chat-consentd", Namespace: "shop"}}))
	b.pass()
	b.remove()
	if !b.get("chat-consentd", &networkingv1.Ingress{}) {
		t.Error("another's Ingress was deleted")
	}
}
