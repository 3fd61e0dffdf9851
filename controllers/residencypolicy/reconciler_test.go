package residencypolicy

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/guard"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/scan"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/snapshot"
	guards "github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/residency"
)

// cluster is a fake API server with the controllers of residency around it.
type cluster struct {
	client.Client
	holder *residency.Holder
	keeper *snapshot.Keeper
	scan   *scan.Scanner
	guard  *guard.Reconciler
	status *Reconciler
	clock  *clocktesting.FakePassiveClock
	events *events.FakeRecorder
}

func start(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	s := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s)); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(s).WithObjects(objects...).WithStatusSubresource(&v1alpha1.ResidencyPolicy{}).Build()
	scans := &residency.ScanHolder{}
	clock, holder, recorder := clocktesting.NewFakePassiveClock(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)), &residency.Holder{}, events.NewFakeRecorder(10)
	return &cluster{Client: c, holder: holder, clock: clock, events: recorder,
		keeper: &snapshot.Keeper{Client: c, Holder: holder, Clock: clock, OperatorNamespace: "rempart-system"},
		guard:  &guard.Reconciler{Client: c, Reader: c, Clock: clock, Snapshots: holder},
		scan:   &scan.Scanner{Client: c, Reader: c, Clock: clock, Snapshots: holder, Scans: scans},
		status: &Reconciler{Client: c, Reader: c, Recorder: recorder, Clock: clock, Snapshots: holder, Scans: scans, Guards: installed(t), OperatorNamespace: "rempart-system"}}
}

func (c *cluster) snapshot(t *testing.T) {
	t.Helper()
	if _, err := c.keeper.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.scan.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) judge(t *testing.T) *v1alpha1.ResidencyPolicy {
	t.Helper()
	policy := &v1alpha1.ResidencyPolicy{}
	key := client.ObjectKey{Name: "eu-only"}
	if err := c.Get(t.Context(), key, policy); err != nil {
		t.Fatal(err)
	}
	if _, err := c.status.Reconcile(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), key, policy); err != nil {
		t.Fatal(err)
	}
	return policy
}

func (c *cluster) label(t *testing.T, name string) string {
	t.Helper()
	namespace := &corev1.Namespace{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: name}, namespace); err != nil {
		t.Fatal(err)
	}
	if _, err := c.guard.Reconcile(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(context.WithoutCancel(t.Context()), client.ObjectKey{Name: name}, namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Labels[residency.LabelGuarded]
}

func eu() *v1alpha1.ResidencyPolicy {
	return &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only", UID: "u1", Generation: 1}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Default",
		Namespaces: v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesSelected, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"data": "personal"}}}}}
}

func class(name, region string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "c"}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: []corev1.TopologySelectorTerm{
		{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}
}

func namespace(name string, labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

func claim(ns, name, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}}
}

func installed(t *testing.T) *guards.Guards {
	t.Helper()
	installed, err := guards.Installed("rempart-system")
	if err != nil {
		t.Fatal(err)
	}
	return installed
}

// guarding are the guards as they are once the operator has begun: with an authority, and bound to the policy.
func guarding(t *testing.T, policy *v1alpha1.ResidencyPolicy) []client.Object {
	t.Helper()
	var objects []client.Object
	all := installed(t)
	for _, p := range all.Policies {
		objects = append(objects, p)
	}
	for _, b := range append(all.Bindings, residency.Bindings(policy, "rempart-system")...) {
		objects = append(objects, b)
	}
	for _, c := range all.Validating {
		for i := range c.Webhooks {
			c.Webhooks[i].ClientConfig.CABundle = []byte("x")
		}
		objects = append(objects, c)
	}
	for _, c := range all.Mutating {
		for i := range c.Webhooks {
			c.Webhooks[i].ClientConfig.CABundle = []byte("x")
		}
		objects = append(objects, c)
	}
	return objects
}

func limit(namespace string, classes ...string) *corev1.ResourceQuota {
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: residency.QuotaName}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{}}}
	for _, class := range classes {
		for _, counted := range []string{"requests.storage", "persistentvolumeclaims"} {
			quota.Spec.Hard[corev1.ResourceName(class+".storageclass.storage.k8s.io/"+counted)] = resource.MustParse("0")
		}
	}
	return quota
}

func reason(t *testing.T, policy *v1alpha1.ResidencyPolicy, conditionType string) string {
	t.Helper()
	condition := meta.FindStatusCondition(policy.Status.Conditions, conditionType)
	if condition == nil {
		return ""
	}
	return condition.Reason
}

func TestAPolicySaysWhatItMeansForTheCluster(t *testing.T) {
	c := start(t, append(guarding(t, eu()), eu(), class("paris", "eu-west-3"), class("london", "eu-west-2"), namespace("lab", map[string]string{"data": "personal"}), namespace("free", nil),
		claim("lab", "bad", "london"), claim("lab", "good", "paris"), claim("lab", "gone", "nowhere"), claim("free", "bad", "london"), limit("lab", "london"))...)
	c.snapshot(t)
	policy := c.judge(t)
	for conditionType, want := range map[string]string{v1alpha1.ConditionReady: v1alpha1.ReasonJudged, v1alpha1.ConditionEnforcing: v1alpha1.ReasonEnforced,
		v1alpha1.ConditionCompliant: v1alpha1.ReasonViolations, v1alpha1.ConditionReconciling: ""} {
		if got := reason(t, policy, conditionType); got != want {
			t.Errorf("%s %q, want %q", conditionType, got, want)
		}
	}
	status := policy.Status
	if len(status.StorageClasses) != 2 || status.StorageClasses[0].Name != "paris" || status.StorageClasses[1].Places[0].Country != "GB" {
		t.Errorf("classes %+v", status.StorageClasses)
	}
	if *status.ViolationsTotal != 2 || status.Violations[0].Name != "bad" || status.Violations[0].Namespace != "lab" || status.LastScanTime == nil {
		t.Errorf("violations %+v", status.Violations)
	}
	if len(c.events.Events) != 3 { // one of each violation, and one of the policy
		t.Errorf("%d events", len(c.events.Events))
	}
	if bad := status.Violations[0]; bad.Class != "london" || bad.Region != "eu-west-2" || bad.Country != "GB" || bad.Reason != "ZoneNotAllowed" || !bad.FirstSeenTime.Time.Equal(c.clock.Now()) {
		t.Errorf("violation %+v", bad)
	}
	c.clock.SetTime(c.clock.Now().Add(time.Hour))
	c.snapshot(t)
	if again := c.judge(t); again.ResourceVersion != policy.ResourceVersion {
		t.Error("a second pass over a judged policy writes")
	}
	if len(c.events.Events) != 3 {
		t.Errorf("a second pass tells again: %d events", len(c.events.Events))
	}
}

func TestAPolicySaysWhichLayerIsMissing(t *testing.T) {
	for name, test := range map[string]struct{ reason, message string }{
		"rempart-validating":         {v1alpha1.ReasonWebhooksMissing, "rempart-validating"},
		"rempart-mutating":           {v1alpha1.ReasonWebhooksMissing, "rempart-mutating"},
		"rempart-claims":             {v1alpha1.ReasonAdmissionPoliciesMissing, "rempart-claims:"},
		"rempart-claims-eu-only":     {v1alpha1.ReasonAdmissionPoliciesMissing, "rempart-claims-eu-only:"},
		"rempart-namespaces-eu-only": {v1alpha1.ReasonAdmissionPoliciesMissing, "rempart-namespaces-eu-only:"},
		"rempart-guard":              {v1alpha1.ReasonAdmissionPoliciesMissing, "rempart-guard:"},
	} {
		objects := slices.DeleteFunc(guarding(t, eu()), func(o client.Object) bool { return o.GetName() == name })
		c := start(t, append(objects, eu())...)
		c.snapshot(t)
		condition := meta.FindStatusCondition(c.judge(t).Status.Conditions, v1alpha1.ConditionEnforcing)
		if condition.Reason != test.reason || !strings.Contains(condition.Message, test.message) || condition.Status != metav1.ConditionFalse {
			t.Errorf("without %s: %+v", name, condition)
		}
	}
}

func TestAPolicySaysWhereAQuotaIsMissing(t *testing.T) {
	c := start(t, append(guarding(t, eu()), eu(), class("london", "eu-west-2"), namespace("lab", map[string]string{"data": "personal"}))...)
	c.snapshot(t)
	condition := meta.FindStatusCondition(c.judge(t).Status.Conditions, v1alpha1.ConditionEnforcing)
	if condition.Reason != v1alpha1.ReasonQuotasMissing || !strings.Contains(condition.Message, "1 namespace(s), such as lab,") {
		t.Errorf("%+v", condition)
	}
}

func TestAPolicyIsReadyOnlyWhenTheSnapshotHasItsGeneration(t *testing.T) {
	policy := eu()
	c := start(t, policy, namespace("lab", nil))
	if got := c.judge(t); reason(t, got, v1alpha1.ConditionReady) != v1alpha1.ReasonNotYetKnown || reason(t, got, v1alpha1.ConditionReconciling) != v1alpha1.ReasonJudging {
		t.Errorf("%+v", got.Status.Conditions)
	}
	c.snapshot(t)
	if got := c.judge(t); reason(t, got, v1alpha1.ConditionReady) != v1alpha1.ReasonJudged || reason(t, got, v1alpha1.ConditionEnforcing) != v1alpha1.ReasonWebhooksMissing {
		t.Errorf("%+v", got.Status.Conditions)
	}
}

func TestLabelsComeAtOnceAndGoAfterAWhile(t *testing.T) {
	register := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}}
	c := start(t, register, namespace("shop", nil), namespace("free", map[string]string{residency.LabelGuarded: residency.GuardedEnforce}))
	c.snapshot(t)
	if got := c.label(t, "shop"); got != residency.GuardedEnforce {
		t.Errorf("shop is labelled %q", got)
	}
	if got := c.label(t, "free"); got != residency.GuardedEnforce {
		t.Errorf("the label went at once: %q", got)
	}
	c.clock.SetTime(c.clock.Now().Add(time.Minute))
	if got := c.label(t, "free"); got != "" {
		t.Errorf("a label without a reason stays: %q", got)
	}
}

func TestPoliciesComeAndGoOnANamespaceAsTheLabelDoes(t *testing.T) {
	of := func(c *cluster) map[string]string {
		ns := &corev1.Namespace{}
		if err := c.Get(t.Context(), client.ObjectKey{Name: "lab"}, ns); err != nil {
			t.Fatal(err)
		}
		return residency.MarksOf(ns.Labels)
	}
	gone := residency.NamespaceLabel("gone")
	c := start(t, eu(), namespace("lab", map[string]string{"data": "personal", gone: "true"}))
	c.snapshot(t)
	_ = c.label(t, "lab")
	want := map[string]string{residency.LabelGuarded: residency.GuardedEnforce, residency.NamespaceLabel("eu-only"): "true", gone: "true"}
	if got := of(c); !maps.Equal(got, want) {
		t.Errorf("at first %v", got)
	}
	_ = c.label(t, "lab")
	c.clock.SetTime(c.clock.Now().Add(time.Minute))
	_ = c.label(t, "lab")
	delete(want, gone)
	if got := of(c); !maps.Equal(got, want) {
		t.Errorf("in the end %v", got)
	}
}

func TestALabelStaysWhileARegisterIsThereThatTheSnapshotHasNotSeen(t *testing.T) {
	c := start(t, namespace("shop", map[string]string{residency.LabelGuarded: residency.GuardedEnforce}))
	c.snapshot(t)
	_ = c.label(t, "shop")
	if err := c.Create(t.Context(), &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}}); err != nil {
		t.Fatal(err)
	}
	c.clock.SetTime(c.clock.Now().Add(time.Minute))
	if got := c.label(t, "shop"); got != residency.GuardedEnforce {
		t.Errorf("the label went: %q", got)
	}
}

func TestListenersHearOfANewSnapshotAndNeverBlockIt(t *testing.T) {
	c := start(t, namespace("shop", nil))
	heard := c.keeper.Listen()
	c.snapshot(t)
	c.snapshot(t)
	if len(heard) != 1 {
		t.Error("nobody was told")
	}
}

func TestAfterARestartWhatWasJudgedOfTheSameGenerationStands(t *testing.T) {
	c := start(t, eu(), class("fast", "eu-west-3"))
	c.snapshot(t)
	before := c.judge(t)
	c.holder.Store(nil) // a new process has no snapshot yet, and no scan
	c.scan.Scans.Store(nil)
	if after := c.judge(t); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the first pass of a new process wrote %v over %v", after.Status.Conditions, before.Status.Conditions)
	}
	c.snapshot(t)
	if after := c.judge(t); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("a pass after a restart wrote %v over %v", after.Status.Conditions, before.Status.Conditions)
	}
}

func TestTheEndOfAnExceptionIsToldBeforeAndWhenItComes(t *testing.T) {
	policy := eu()
	end := metav1.NewTime(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	policy.Spec.Exceptions = []v1alpha1.ResidencyException{{Name: "move", Rule: v1alpha1.ExceptionStorageClass, Namespace: "lab", ExpiresTime: &end}}
	c := start(t, policy, class("london", "eu-west-2"), namespace("lab", map[string]string{"data": "personal"}), claim("lab", "kept", "london"))
	told := 0
	for _, step := range []struct {
		at         time.Time
		state      v1alpha1.ExceptionState
		violations int32
		events     int
	}{
		{end.AddDate(0, 0, -30).Add(-time.Second), v1alpha1.ExceptionActive, 0, 0},
		{end.AddDate(0, 0, -30), v1alpha1.ExceptionExpiresSoon, 0, 1},
		{end.Add(-time.Second), v1alpha1.ExceptionExpiresSoon, 0, 0},
		{end.Time, v1alpha1.ExceptionExpired, 1, 3}, // the exception, the claim, the policy
		{end.AddDate(0, 1, 0), v1alpha1.ExceptionExpired, 1, 0},
	} {
		c.clock.SetTime(step.at)
		c.snapshot(t)
		got := c.judge(t)
		if got.Status.Exceptions[0].State != step.state || *got.Status.ViolationsTotal != step.violations {
			t.Errorf("at %v: %+v, %d violations", step.at, got.Status.Exceptions, *got.Status.ViolationsTotal)
		}
		if len(c.events.Events)-told != step.events {
			t.Errorf("at %v: %d events", step.at, len(c.events.Events)-told)
		}
		told = len(c.events.Events)
		if again := c.judge(t); again.ResourceVersion != got.ResourceVersion {
			t.Errorf("at %v: a second pass writes", step.at)
		}
	}
}

func TestAPassComesWhenTheStateOfAnExceptionChanges(t *testing.T) {
	policy := eu()
	c := start(t, policy, namespace("lab", nil))
	end := metav1.NewTime(c.clock.Now().Add(time.Minute))
	policy.Spec.Exceptions = []v1alpha1.ResidencyException{{Name: "move", ExpiresTime: &end}}
	if err := c.Update(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	c.snapshot(t)
	if result, err := c.status.Reconcile(t.Context(), policy); err != nil || result.RequeueAfter != time.Minute {
		t.Errorf("%v, %v", result, err)
	}
}
