// Package residency runs the controllers of residency against a real API server without nodes: what a scan finds, how soon,
// and that it stops writing.
package residency

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	controller "github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/apiserver"
)

// soon is how long this waits for a finding. The promise is a minute; a busy machine is given more.
const soon = 3 * time.Minute

var server *apiserver.Server

func TestMain(m *testing.M) {
	os.Exit(apiserver.Run(m, func(s *apiserver.Server) { server = s }))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T) {
	t.Helper()
	mgr, err := ctrl.NewManager(server.Config, ctrl.Options{Scheme: server.Scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	must(t, err)
	guards, err := guard.Installed("rempart-system")
	must(t, err)
	must(t, controller.Register(mgr, controller.Config{Snapshots: &residency.Holder{}, Scans: &residency.ScanHolder{}, Clock: clock.RealClock{},
		OperatorNamespace: "rempart-system", Guards: guards}))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
}

func class(name, region string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: []corev1.TopologySelectorTerm{
		{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}
}

func claim(name, class, register string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class,
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}}}
	if register != "" {
		c.Labels = map[string]string{v1alpha1.LabelRegister: register}
	}
	return c
}

func volume(name, region, claim string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{
		Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "ebs.csi.aws.com", VolumeHandle: "vol-1"}},
		StorageClassName:       "paris", ClaimRef: &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: "shop", Name: claim},
		NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelTopologyRegion, Operator: corev1.NodeSelectorOpIn, Values: []string{region}}}}}}}}}
}

func policy(t *testing.T) *v1alpha1.ResidencyPolicy {
	t.Helper()
	p := &v1alpha1.ResidencyPolicy{}
	must(t, server.Client.Get(t.Context(), client.ObjectKey{Name: "eu-only"}, p))
	return p
}

// found are the names of what the policy's status shows.
func found(t *testing.T) func() []string {
	return func() []string {
		names := []string{}
		for _, v := range policy(t).Status.Violations {
			names = append(names, v.Rule+" "+string(v.Name))
		}
		return names
	}
}

// reportAPI is enough of OpenReports' kind for what is written to be kept.
func reportAPI() *apiextensionsv1.CustomResourceDefinition {
	keep := apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: ptr.To(true)}
	return &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "reports.openreports.io"}, Spec: apiextensionsv1.CustomResourceDefinitionSpec{
		Group: "openreports.io", Scope: apiextensionsv1.NamespaceScoped, Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "reports", Singular: "report", Kind: "Report", ListKind: "ReportList"},
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1alpha1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{
			OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"scope": keep, "summary": keep,
				"results": {Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &keep}}}}}}}}}
}

func TestWhatExistsIsFoundAndToldOnce(t *testing.T) {
	g := gomega.NewWithT(t)
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, class("paris", "eu-west-3"), class("london", "eu-west-2"), claim("older", "london", ""),
		&v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Default", Provider: "aws"}},
		&v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{Role: v1alpha1.RoleController,
			OfficerRef: v1alpha1.ClusterRef{Name: "acme"}, Activities: []v1alpha1.ProcessingActivity{{Name: "support",
				Purposes: []v1alpha1.Purpose{{Name: "support", LegalBasis: v1alpha1.BasisContract}}, DataSubjects: []string{"customers"}, DataCategories: []v1alpha1.DataCategory{{Name: "contact"}}}}}},
	} {
		must(t, server.Client.Create(t.Context(), object))
	}
	start(t)
	g.Eventually(found(t)).WithTimeout(soon).Should(gomega.Equal([]string{"storage-class older"}))
	judged := policy(t)
	first := judged.Status.Violations[0]
	if first.Region != "eu-west-2" || first.Country != "GB" || first.Class != "london" || first.FirstSeenTime == nil || !meta.IsStatusConditionFalse(judged.Status.Conditions, v1alpha1.ConditionCompliant) {
		t.Errorf("%+v", first)
	}

	must(t, server.Client.Create(t.Context(), claim("data", "paris", "crm")))
	must(t, server.Client.Create(t.Context(), volume("pv-data", "us-east-1", "data")))
	g.Eventually(found(t)).WithTimeout(soon).Should(gomega.Equal([]string{"volume pv-data", "storage-class older"}))
	incidents := &v1alpha1.BreachIncidentList{}
	g.Eventually(func() (int, error) {
		err := server.Client.List(t.Context(), incidents, client.InNamespace("shop"))
		return len(incidents.Items), err
	}).WithTimeout(soon).Should(gomega.Equal(1))
	if incident := incidents.Items[0]; incident.Spec.Verdict != v1alpha1.BreachSuspected || incident.Spec.EscalationPolicyRef.Name != "default" || incident.Spec.Affected[0].Name != "pv-data" {
		t.Errorf("%+v", incident.Spec)
	}

	_, err := envtest.InstallCRDs(server.Config, envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{reportAPI()}})
	must(t, err)
	must(t, server.Client.Create(t.Context(), claim("later", "london", "")))
	report := &unstructured.Unstructured{}
	report.SetGroupVersionKind(schema.GroupVersionKind{Group: "openreports.io", Version: "v1alpha1", Kind: "Report"})
	counted := func(what string) func() (int64, error) {
		return func() (int64, error) {
			if err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "rempart-residency-eu-only"}, report); err != nil {
				return 0, err
			}
			n, _, err := unstructured.NestedInt64(report.Object, "summary", what)
			return n, err
		}
	}
	all := []string{"volume pv-data", "storage-class later", "storage-class older"}
	g.Eventually(counted("fail")).WithTimeout(soon).Should(gomega.Equal(int64(3)))
	g.Eventually(found(t)).WithTimeout(soon).Should(gomega.Equal(all))

	passed, err := counted("pass")()
	must(t, err)
	version := policy(t).ResourceVersion
	for i, name := range []string{"good", "good-too"} { // scans that find nothing new
		must(t, server.Client.Create(t.Context(), claim(name, "paris", "")))
		g.Eventually(counted("pass")).WithTimeout(soon).Should(gomega.Equal(passed + int64(i) + 1))
	}
	if now := policy(t).ResourceVersion; now != version {
		t.Errorf("a scan that finds nothing new wrote the policy: version %s, then %s", version, now)
	}

	except := func(end time.Time) {
		t.Helper()
		now := policy(t)
		patch := client.MergeFrom(now.DeepCopy())
		now.Spec.Exceptions = []v1alpha1.ResidencyException{{Name: "move", Rule: v1alpha1.ExceptionStorageClass, Namespace: "shop", Mechanism: v1alpha1.MechanismSCC, Reference: "SCC 1",
			Reason: "until the move", ApprovedBy: "data protection officer", ExpiresTime: ptr.To(metav1.NewTime(end))}}
		must(t, server.Client.Patch(t.Context(), now, patch))
	}
	except(time.Now().Add(time.Hour))
	g.Eventually(found(t)).WithTimeout(soon).Should(gomega.Equal([]string{"volume pv-data"}))
	end := time.Now().Add(15 * time.Second).Truncate(time.Second)
	except(end)
	g.Eventually(found(t)).WithTimeout(soon).Should(gomega.Equal(all))
	if states := policy(t).Status.Exceptions; time.Now().Before(end) || states[0].State != v1alpha1.ExceptionExpired {
		t.Errorf("%v, and it is %v", states, time.Now())
	}
	if err := server.Client.List(t.Context(), incidents, client.InNamespace("shop")); err != nil || len(incidents.Items) != 1 {
		t.Errorf("%d incidents, %v", len(incidents.Items), err)
	}
}
