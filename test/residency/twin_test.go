// Package residency asks whether the layers that keep data where policies allow agree with each other.
package residency

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/storage"
	"github.com/rempart-dev/rempart/test/vap"
)

const operatorNamespace = "rempart-system"

var (
	today     = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	claimKind = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")
)

// world is a cluster as the operator has settled it: policies with their status, namespaces with their labels.
type world struct {
	residency.Input
	snapshot *residency.Snapshot
	webhook  *storage.Handler
}

func newScheme(t interface{ Fatal(...any) }) *runtime.Scheme {
	s := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s)); err != nil {
		t.Fatal(err)
	}
	return s
}

// settle judges a world as the operator's controllers do.
func settle(scheme *runtime.Scheme, in residency.Input) *world {
	w := &world{Input: in, snapshot: residency.Build(in)}
	for i := range w.Policies {
		policy := &w.Policies[i]
		verdict := residency.Judge(residency.Observed{Policy: policy, Snapshot: w.snapshot, Webhooks: true, Now: metav1.NewTime(today)})
		policy.Status = verdict.Status
		conditions.Report(&policy.Status.Conditions, policy.Generation, verdict.Conditions...)
	}
	for i := range w.Namespaces {
		maps.Copy(w.Namespaces[i].Labels, w.snapshot.GuardOf(w.Namespaces[i].Name).Marks())
	}
	holder := &residency.Holder{}
	holder.Store(w.snapshot)
	live := fake.NewClientBuilder().WithScheme(scheme)
	for i := range w.Namespaces {
		live.WithObjects(w.Namespaces[i].DeepCopy())
	}
	reader := live.Build()
	w.webhook = storage.New(lookup.World{Snapshots: holder, Live: reader, Cached: reader, Clock: clocktesting.NewFakePassiveClock(today), OperatorNamespace: operatorNamespace})
	return w
}

// byTwin asks the admission policy under each binding that selects the namespace, and returns what Deny bindings refuse.
func (w *world) byTwin(t *rapid.T, claims *vap.Policy, namespace *corev1.Namespace, who string, object, old *corev1.PersistentVolumeClaim) []string {
	var refusals []string
	for i := range w.Policies {
		binding := residency.Twin(&w.Policies[i], operatorNamespace)
		selector, err := metav1.LabelSelectorAsSelector(binding.Spec.MatchResources.NamespaceSelector)
		if err != nil {
			t.Fatal(err)
		}
		if !selector.Matches(labels.Set(namespace.Labels)) {
			continue
		}
		request := vap.Request{Resource: "persistentvolumeclaims", Kind: claimKind, Object: object, Namespace: namespace, Params: &w.Policies[i], User: &user.DefaultInfo{Name: who}}
		if old != nil {
			request.Old = old
		}
		refusal, err := claims.Judge(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if refusal != "" && slices.Contains(binding.Spec.ValidationActions, admissionregistrationv1.Deny) {
			refusals = append(refusals, refusal)
		}
	}
	return refusals
}

func (w *world) byWebhook(t *rapid.T, namespace, who string, object, old *corev1.PersistentVolumeClaim) string {
	raw := func(claim *corev1.PersistentVolumeClaim) runtime.RawExtension {
		if claim == nil {
			return runtime.RawExtension{}
		}
		content, err := json.Marshal(claim)
		if err != nil {
			t.Fatal(err)
		}
		return runtime.RawExtension{Raw: content}
	}
	request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: admissionv1.Create, Kind: metav1.GroupVersionKind(claimKind), Namespace: namespace,
		Name: object.Name, Object: raw(object), OldObject: raw(old), UserInfo: authenticationv1.UserInfo{Username: who}}}
	if old != nil {
		request.Operation = admissionv1.Update
	}
	answer := w.webhook.Handle(t.Context(), request)
	if answer.Allowed {
		return ""
	}
	return answer.Result.Message
}

var regions = []string{"eu-west-3", "eu-central-1", "eu-west-2", "us-east-1", "atlantis-1"}

func anyWorld(t *rapid.T, scheme *runtime.Scheme) *world {
	in := residency.Input{On: residency.Day(today), OperatorNamespace: operatorNamespace}
	for i := range rapid.IntRange(0, 5).Draw(t, "classes") {
		class := storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("class-%d", i)}, Provisioner: "ebs.csi.aws.com"}
		if values := rapid.SliceOfNDistinct(rapid.SampledFrom(regions), 0, 2, rapid.ID[string]).Draw(t, "regions"); len(values) > 0 {
			class.AllowedTopologies = []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: values}}}}
		}
		in.Classes = append(in.Classes, class)
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "namespaces") {
		namespace := corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("ns-%d", i), Labels: rapid.MapOfN(rapid.SampledFrom([]string{"data", "team", "tier"}), rapid.SampledFrom([]string{"", "a", "b"}), 0, 3).Draw(t, "labels")}}
		namespace.Labels[corev1.LabelMetadataName] = namespace.Name
		in.Namespaces = append(in.Namespaces, namespace)
	}
	in.Namespaces = append(in.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", Labels: map[string]string{corev1.LabelMetadataName: "kube-system"}}})
	// Where no policy is the default, the built-in one may hold, which only the webhook knows.
	in.Policies = append(in.Policies, anyPolicy(t, "policy-0", v1alpha1.PolicyRoleDefault))
	for i := range rapid.IntRange(0, 2).Draw(t, "policies") {
		in.Policies = append(in.Policies, anyPolicy(t, fmt.Sprintf("policy-%d", i+1), v1alpha1.PolicyRoleNamed))
	}
	for _, namespace := range in.Namespaces {
		if rapid.Bool().Draw(t, "register") {
			in.Registers = append(in.Registers, residency.Register{Namespace: namespace.Name, Name: "crm", Policy: rapid.SampledFrom([]string{"", "policy-0", "policy-1", "policy-2", "gone"}).Draw(t, "policy")})
		}
	}
	return settle(scheme, in)
}

func anyPolicy(t *rapid.T, name string, role v1alpha1.PolicyRole) v1alpha1.ResidencyPolicy {
	policy := v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 3, UID: "u"}, Spec: v1alpha1.ResidencyPolicySpec{Role: role, Provider: "aws",
		Enforcement: rapid.SampledFrom([]v1alpha1.Enforcement{v1alpha1.EnforcementEnforce, v1alpha1.EnforcementEnforce, v1alpha1.EnforcementAudit}).Draw(t, "enforcement")}}
	if rapid.Bool().Draw(t, "more zones") {
		policy.Spec.Allowed.Zones = []v1alpha1.AllowedZone{v1alpha1.AllowedZoneEU, v1alpha1.AllowedZoneAdequate}
	}
	if rapid.Bool().Draw(t, "denied") {
		policy.Spec.Denied.Countries = []v1alpha1.Country{"FR"}
	}
	policy.Spec.Storage.DefaultClassName = rapid.SampledFrom([]v1alpha1.ObjectName{"", "", "class-0", "gone"}).Draw(t, "default class") // whatever it names, the policy is judged
	policy.Spec.Namespaces.Mode = rapid.SampledFrom([]v1alpha1.NamespaceMode{"", v1alpha1.NamespacesAll, v1alpha1.NamespacesSelected}).Draw(t, "mode")
	if policy.Spec.Namespaces.Mode == v1alpha1.NamespacesSelected {
		policy.Spec.Namespaces.Selector = anySelector(t)
	}
	if policy.Spec.Namespaces.Mode != "" && rapid.Bool().Draw(t, "excludes") {
		policy.Spec.Namespaces.Excluded = []v1alpha1.ObjectName{"ns-0"}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "exceptions") {
		end := metav1.NewTime(today.AddDate(0, 0, rapid.SampledFrom([]int{-1, 0, 1, 60}).Draw(t, "days")))
		policy.Spec.Exceptions = append(policy.Spec.Exceptions, v1alpha1.ResidencyException{Name: v1alpha1.PartName(fmt.Sprintf("exception-%d", i)), ExpiresTime: &end,
			Rule:       rapid.SampledFrom([]v1alpha1.ExceptionRule{v1alpha1.ExceptionStorageClass, v1alpha1.ExceptionStorageClass, v1alpha1.ExceptionVolume}).Draw(t, "rule"),
			Namespace:  rapid.SampledFrom([]v1alpha1.PartName{"ns-0", "ns-1"}).Draw(t, "namespace"),
			Kind:       rapid.SampledFrom([]v1alpha1.ExceptionKind{"", "PersistentVolumeClaim", "StatefulSet"}).Draw(t, "kind"),
			ObjectName: rapid.SampledFrom([]v1alpha1.ObjectName{"", "data", "other"}).Draw(t, "object")})
	}
	return policy
}

func anySelector(t *rapid.T) *metav1.LabelSelector {
	selector := &metav1.LabelSelector{MatchLabels: rapid.MapOfN(rapid.SampledFrom([]string{"data", "team"}), rapid.SampledFrom([]string{"", "a", "b"}), 0, 2).Draw(t, "match labels")}
	for range rapid.IntRange(0, 2).Draw(t, "expressions") {
		expression := metav1.LabelSelectorRequirement{Key: rapid.SampledFrom([]string{"data", "team", "tier"}).Draw(t, "key"), Operator: rapid.SampledFrom([]metav1.LabelSelectorOperator{
			metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist}).Draw(t, "operator")}
		if expression.Operator == metav1.LabelSelectorOpIn || expression.Operator == metav1.LabelSelectorOpNotIn {
			expression.Values = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"", "a", "b"}), 1, 2, rapid.ID[string]).Draw(t, "values")
		}
		selector.MatchExpressions = append(selector.MatchExpressions, expression)
	}
	return selector
}

func anyClaim(t *rapid.T, namespace string) *corev1.PersistentVolumeClaim {
	name := rapid.SampledFrom([]string{"-", "", "class-0", "class-1", "class-2", "class-9"})
	claim := &corev1.PersistentVolumeClaim{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "data"}}
	if class := name.Draw(t, "class"); class != "-" {
		claim.Spec.StorageClassName = &class
	}
	if annotation := name.Draw(t, "annotation"); annotation != "-" && rapid.Bool().Draw(t, "annotated") {
		claim.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: annotation}
	}
	if size := rapid.SampledFrom([]string{"", "1Gi", "1024Mi", "2Gi", "3G"}).Draw(t, "size"); size != "" {
		claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	}
	if rapid.Bool().Draw(t, "owned") {
		controls := rapid.Bool().Draw(t, "controls")
		claim.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: rapid.SampledFrom([]string{"data", "other"}).Draw(t, "owner"), UID: "u", Controller: &controls}}
	}
	claim.CreationTimestamp = metav1.NewTime(today) // as the API server sets it before it asks
	return claim
}

// 100 worlds with 100 claims each.
func TestTwinAndWebhookAgreeOnRandomClaims(t *testing.T) {
	claims, err := vap.Load(residency.TwinPolicy)
	if err != nil {
		t.Fatal(err)
	}
	scheme := newScheme(t)
	refused, admitted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t, scheme)
		for range 100 {
			namespace := &w.Namespaces[rapid.IntRange(0, len(w.Namespaces)-1).Draw(t, "namespace")]
			object := anyClaim(t, namespace.Name)
			var old *corev1.PersistentVolumeClaim
			if rapid.Bool().Draw(t, "update") {
				old = anyClaim(t, namespace.Name)
			}
			who := rapid.SampledFrom([]string{"alice", "system:serviceaccount:kube-system:statefulset-controller"}).Draw(t, "user")
			twin, webhook := w.byTwin(t, claims, namespace, who, object, old), w.byWebhook(t, namespace.Name, who, object, old)
			if (len(twin) > 0) != (webhook != "") {
				t.Fatalf("the twin refuses with %q, the webhook with %q", twin, webhook)
			}
			for _, refusal := range twin {
				start, _, _ := strings.Cut(refusal, ": ")
				if !strings.Contains(webhook, start) {
					t.Fatalf("the twin refuses with %q, the webhook with %q", refusal, webhook)
				}
			}
			if webhook == "" {
				admitted++
			} else {
				refused++
			}
		}
	})
	if refused == 0 || admitted == 0 {
		t.Errorf("%d refused, %d admitted: the claims are not various", refused, admitted)
	}
}
