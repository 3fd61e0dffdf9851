package kubectlgdpr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func objects() []client.Object {
	in := func(code string) []corev1.TopologySelectorTerm {
		return []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{code}}}}}
	}
	return []client.Object{
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "paris"}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: in("eu-west-3")},
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "london"}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: in("eu-west-2")},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{corev1.LabelTopologyRegion: "eu-west-3"}}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data", Namespace: "shop"}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("london")}},
		&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "bound", Namespace: "shop"}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("paris"), VolumeName: "disk"}},
		&corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "disk"}, Spec: corev1.PersistentVolumeSpec{StorageClassName: "paris",
			PersistentVolumeSource: corev1.PersistentVolumeSource{GCEPersistentDisk: &corev1.GCEPersistentDiskVolumeSource{PDName: "d"}}}},
		&v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{
			Enforcement: v1alpha1.EnforcementEnforce, Role: v1alpha1.PolicyRoleDefault, Provider: "aws"}},
	}
}

// explain asks the plug-in about a cluster that holds objects, with calls that fail as given.
func explain(t *testing.T, fail interceptor.Funcs, line string) (code int, out, complaint string) {
	t.Helper()
	reader := fake.NewClientBuilder().WithScheme(Scheme()).WithObjects(objects()...).WithInterceptorFuncs(fail).Build()
	var stdout, stderr bytes.Buffer
	w := World{Out: &stdout, Err: &stderr, Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)),
		Connect: func(target Target) (Cluster, error) {
			if target.Namespace == "" {
				target.Namespace = "default"
			}
			return Cluster{reader, target.Namespace}, nil
		}}
	code = Main(t.Context(), append([]string{"residency", "explain"}, strings.Fields(line)...), w)
	return code, stdout.String(), stderr.String()
}

func TestObjectsOfTheClusterAreExplained(t *testing.T) {
	for line, wants := range map[string][]string{
		"storageclass paris": {"provisioner   ebs.csi.aws.com: kind Block, codes of aws", "topology.kubernetes.io/region (region) in eu-west-3",
			"ResidencyPolicy eu-only (Enforce), rule storage-class: Allowed, Allowed", "aws eu-west-3 (FR, EU)"},
		"sc/london":         {"ResidencyPolicy eu-only (Enforce), rule storage-class: Denied, ZoneNotAllowed", "aws eu-west-2 (GB, Adequate)", `Use "paris"`},
		"node n1":           {"region       eu-west-3", "ResidencyPolicy eu-only (Enforce), rule placement: Allowed, Allowed"},
		"ns shop":           {"ResidencyPolicy eu-only, Enforce", "allowed classes   paris", `"london": Denied, ZoneNotAllowed`, "ResidencyPolicy eu-only (Enforce)\n"},
		"pvc data -n shop":  {`"london", by spec.storageClassName`, "provisioner", "Denied, ZoneNotAllowed"},
		"pv disk":           {"driver     kubernetes.io/gce-pd: kind Block, codes of gcp", "rule volume: Unknown, NoEvidence"},
		"pvc bound -n shop": {"rule storage-class: Allowed, Allowed", "rule volume: Unknown, NoEvidence", `volume        "disk"`},
		"PVC/data -n shop":  {"Denied, ZoneNotAllowed"},
		"ns/shop -o json":   {`"kind": "namespace"`, `"opinions": [`},
		"nodes/n1 -o json ": {`"verdict": "Allowed"`},
	} {
		code, out, complaint := explain(t, interceptor.Funcs{}, line)
		for _, want := range wants {
			if code != Answered || complaint != "" || !strings.Contains(out, want) {
				t.Errorf("%s: exit code %d, %s\n%s\nwant %q", line, code, complaint, out, want)
			}
		}
	}
}

func TestAnExplanationIsJSONToo(t *testing.T) {
	_, out, _ := explain(t, interceptor.Funcs{}, "pvc data -n shop -o json")
	var got explanation
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Kind != "pvc" || got.Namespace != "shop" || got.Name != "data" || len(got.Opinions) != 1 || got.Opinions[0].Verdict != "Denied" || got.Opinions[0].Policy != "ResidencyPolicy eu-only" || len(got.Steps) < 5 {
		t.Errorf("%+v", got)
	}
}

func TestWithoutOurKindsTheBuiltInPolicyJudges(t *testing.T) {
	absent := interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		switch list.(type) {
		case *v1alpha1.ResidencyPolicyList, *v1alpha1.DataRegisterList:
			return &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: v1alpha1.GroupName}}
		}
		return c.List(ctx, list, options...)
	}}
	code, out, complaint := explain(t, absent, "sc paris")
	if code != Answered || !strings.Contains(out, "the built-in default policy (Enforce), rule storage-class: Allowed, Allowed") {
		t.Errorf("exit code %d, %s%s", code, out, complaint)
	}
}

func TestWhatCannotBeReadIsRefusedWithWhatToDo(t *testing.T) {
	forbidden := interceptor.Funcs{List: func(_ context.Context, _ client.WithWatch, _ client.ObjectList, _ ...client.ListOption) error {
		return apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no"))
	}}
	for line, test := range map[string]struct {
		fail interceptor.Funcs
		want string
	}{
		"sc nowhere":           {interceptor.Funcs{}, `storageclass "nowhere" does not exist; "kubectl get storageclass" lists what does`},
		"pv none":              {interceptor.Funcs{}, `pv "none" does not exist; "kubectl get pv" lists what does`},
		"pvc data":             {interceptor.Funcs{}, `pvc "data" does not exist in namespace "default"; name the namespace by -n`},
		"ns nowhere":           {interceptor.Funcs{}, `namespace "nowhere" does not exist`},
		"node n1":              {forbidden, "listing nodes: you may not; ask for the verbs get and list on nodes"},
		"deployment web":       {interceptor.Funcs{}, `"deployment" cannot be explained; kinds are namespace, node, pv, pvc, storageclass`},
		"sc":                   {interceptor.Funcs{}, "name one object"},
		"sc a b":               {interceptor.Funcs{}, "name one object"},
		"sc/":                  {interceptor.Funcs{}, "name one object"},
		"sc paris --date then": {interceptor.Funcs{}, "no day of the calendar"},
	} {
		code, out, complaint := explain(t, test.fail, line)
		if code != Refused || out != "" || !strings.Contains(complaint, test.want) {
			t.Errorf("%s: exit code %d, %s%s, want %q", line, code, out, complaint, test.want)
		}
	}
}

func TestAKubeconfigThatIsNotThereIsNamed(t *testing.T) {
	if _, err := connect(Target{Kubeconfig: filepath.Join(t.TempDir(), "none")}); err == nil || !strings.Contains(err.Error(), "--kubeconfig") {
		t.Errorf("%v", err)
	}
	file := filepath.Join(t.TempDir(), "config")
	config := `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1"}}],
		"contexts":[{"name":"here","context":{"cluster":"c","namespace":"shop"}}],"current-context":"here"}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := connect(Target{Kubeconfig: file})
	if err != nil || cluster.Namespace != "shop" {
		t.Errorf("%q, %v", cluster.Namespace, err)
	}
	if cluster, err = connect(Target{Kubeconfig: file, Namespace: "lab"}); err != nil || cluster.Namespace != "lab" {
		t.Errorf("%q, %v", cluster.Namespace, err)
	}
	if _, err := connect(Target{Kubeconfig: file, Context: "elsewhere"}); err == nil || !strings.Contains(err.Error(), "--context") {
		t.Errorf("%v", err)
	}
}
