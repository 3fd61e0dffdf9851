package admission

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/test/expect"
)

// localVolume makes a volume on nodes of a region, reserved for a claim unless the namespace is empty.
func localVolume(name, region, namespace, claimed string) *corev1.PersistentVolume {
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{
		Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		StorageClassName: "eu-fast", PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/data"}}, NodeAffinity: onNodesOf(region)}}
	if namespace != "" {
		volume.Spec.ClaimRef = &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: namespace, Name: claimed}
	}
	return volume
}

func onNodesOf(region string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelTopologyRegion, Operator: corev1.NodeSelectorOpIn, Values: []string{region}}}}}}}
}

func patch(format string, values ...any) client.Patch {
	return client.RawPatch(types.MergePatchType, fmt.Appendf(nil, format, values...))
}

func TestVolumesAbroadAreNotBoundToGuardedClaims(t *testing.T) {
	newNodes(t)
	newNamespace(t, "binds", nil)
	expect.Accepted(t, admin.Create(t.Context(), localVolume("abroad", "us-east-1", "", "")))
	expect.Accepted(t, admin.Create(t.Context(), localVolume("here", "eu-west-3", "", "")))
	older := claim("binds", "older", "eu-fast")
	older.Spec.VolumeName = "abroad"
	expect.Accepted(t, admin.Create(t.Context(), older))
	expect.Accepted(t, admin.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "binds"}}, patch(`{"metadata":{"labels":{"data":"personal"}}}`)))
	guarded(t, "binds", "true")

	expect.Refused(t, admin.Create(t.Context(), localVolume("reserved", "us-east-1", "binds", "data")), "rule volume", `volume "reserved" lies in aws us-east-1 (US, AdequatePartial)`)
	expect.Accepted(t, admin.Create(t.Context(), localVolume("reserved", "eu-west-3", "binds", "data")))
	expect.Accepted(t, admin.Create(t.Context(), localVolume("elsewhere", "us-east-1", "default", "data")))
	expect.Refused(t, admin.Patch(t.Context(), localVolume("abroad", "", "", ""), patch(`{"spec":{"claimRef":{"namespace":"binds","name":"data"}}}`)), "us-east-1")
	expect.Accepted(t, admin.Patch(t.Context(), localVolume("abroad", "", "", ""), patch(`{"metadata":{"labels":{"a":"b"}}}`)))
	expect.Refused(t, admin.Patch(t.Context(), localVolume("reserved", "", "", ""), patch(`{"spec":{"mountOptions":["addr=10.0.0.1"]}}`)), "10.0.0.1")

	preBound := claim("binds", "pre-bound", "eu-fast")
	preBound.Spec.VolumeName = "abroad"
	expect.Refused(t, admin.Create(t.Context(), preBound), "rule volume", "us-east-1")
	preBound.Spec.VolumeName = "absent"
	expect.Refused(t, admin.Create(t.Context(), preBound), `volume "absent" does not exist`)
	data := claim("binds", "data", "eu-fast")
	expect.Accepted(t, admin.Create(t.Context(), data))
	expect.Refused(t, admin.Patch(t.Context(), data.DeepCopy(), patch(`{"spec":{"volumeName":"abroad"}}`)), "us-east-1")
	for _, subresource := range []bool{false, true} {
		for node, allowed := range map[string]bool{"virginia": false, "nowhere": false, "paris": true} {
			change := patch(`{"metadata":{"annotations":{"volume.kubernetes.io/selected-node":%q}}}`, node)
			err := admin.Patch(t.Context(), data.DeepCopy(), change)
			if subresource {
				err = admin.Status().Patch(t.Context(), data.DeepCopy(), change)
			}
			if allowed {
				expect.Accepted(t, err)
			} else {
				expect.Refused(t, err, "rule volume", node)
			}
		}
	}
	expect.Accepted(t, admin.Patch(t.Context(), data.DeepCopy(), patch(`{"metadata":{"annotations":{"volume.kubernetes.io/selected-node":null}}}`)))
	expect.Accepted(t, admin.Patch(t.Context(), data.DeepCopy(), patch(`{"spec":{"volumeName":"here"},"metadata":{"annotations":{"pv.kubernetes.io/bind-completed":"yes"}}}`)))
	expect.Accepted(t, admin.Status().Patch(t.Context(), data.DeepCopy(), patch(`{"status":{"phase":"Bound"}}`)))

	expect.Refused(t, admin.Patch(t.Context(), older.DeepCopy(), patch(`{"metadata":{"annotations":{"pv.kubernetes.io/bind-completed":"yes"}}}`)), "us-east-1")
	expect.Refused(t, admin.Status().Patch(t.Context(), older.DeepCopy(), patch(`{"status":{"phase":"Bound"}}`)), "us-east-1")
	expect.Accepted(t, admin.Patch(t.Context(), older.DeepCopy(), patch(`{"metadata":{"labels":{"a":"b"}}}`)))
	expect.Accepted(t, admin.Delete(t.Context(), older))
	expect.Accepted(t, admin.Delete(t.Context(), localVolume("elsewhere", "", "", "")))
}

func TestVolumesThatPodsBringAreRefusedUnlessTheirServerIsDeclared(t *testing.T) {
	newNamespace(t, "brings", map[string]string{"data": "personal"})
	guarded(t, "brings", "true")
	with := func(source corev1.VolumeSource) corev1.PodSpec {
		return corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}, Volumes: []corev1.Volume{{Name: "files", VolumeSource: source}}}
	}
	files := func(host string) corev1.PodSpec {
		return with(corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: host, Path: "/"}})
	}
	expect.Refused(t, admin.Create(t.Context(), &corev1.Pod{ObjectMeta: meta("brings", "p"), Spec: files("10.0.0.1")}), "rule inline-volume", `server "10.0.0.1" is not declared`)
	expect.Refused(t, admin.Create(t.Context(), &corev1.Pod{ObjectMeta: meta("brings", "p"), Spec: with(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "x.example.com"}})}), "x.example.com")
	expect.Refused(t, admin.Create(t.Context(), &appsv1.Deployment{ObjectMeta: meta("brings", "d"), Spec: appsv1.DeploymentSpec{Selector: selecting("x"), Template: template(files("10.0.0.1"))}}), "10.0.0.1")
	expect.Accepted(t, admin.Create(t.Context(), &corev1.Pod{ObjectMeta: meta("brings", "p"), Spec: files("nfs.example.com")}))
	expect.Accepted(t, admin.Create(t.Context(), &corev1.Pod{ObjectMeta: meta("brings", "q"), Spec: with(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})}))
	expect.Accepted(t, admin.Create(t.Context(), &corev1.Pod{ObjectMeta: meta("default", "p"), Spec: files("10.0.0.1")}))
}

func TestAClassStaysWhereItIsWhileGuardedClaimsNameIt(t *testing.T) {
	newNamespace(t, "uses", map[string]string{"data": "personal"})
	guarded(t, "uses", "true")
	moving := func(region string) *storagev1.StorageClass {
		return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "moving"}, Provisioner: "local.rempart.dev",
			AllowedTopologies: []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}
	}
	expect.Accepted(t, admin.Create(t.Context(), moving("eu-west-3")))
	expect.Eventually(t, func() error { return admin.Create(t.Context(), claim("uses", "data", "moving")) }) // once the status lists it
	expect.Eventually(t, func() error {                                                                      // the handlers hear of the claim with a delay
		current := &storagev1.StorageClass{}
		if err := admin.Get(t.Context(), client.ObjectKey{Name: "moving"}, current); err != nil {
			return err
		}
		current.AllowedTopologies = moving("us-east-1").AllowedTopologies
		if admin.Update(t.Context(), current, client.DryRunAll) == nil {
			return errors.New("a class in use was moved abroad")
		}
		return nil
	})
	expect.Accepted(t, admin.Patch(t.Context(), moving(""), patch(`{"metadata":{"labels":{"a":"b"}}}`)))
	expect.Accepted(t, admin.Delete(t.Context(), moving("")))
	expect.Refused(t, admin.Create(t.Context(), moving("us-east-1")), "rule storage-class", `claim "uses/data" names it`, "us-east-1")
	expect.Accepted(t, admin.Create(t.Context(), moving("eu-west-3")))
}

func TestAttributesOfVolumesMayNotMoveThem(t *testing.T) {
	newNamespace(t, "tuned", map[string]string{"data": "personal"})
	guarded(t, "tuned", "true")
	for name, parameter := range map[string]string{"faster": "iops", "mover": "zone"} {
		expect.Accepted(t, admin.Create(t.Context(), &storagev1.VolumeAttributesClass{ObjectMeta: metav1.ObjectMeta{Name: name}, DriverName: "ebs.csi.aws.com", Parameters: map[string]string{parameter: "1"}}))
	}
	tuned := claim("tuned", "data", "eu-fast")
	tuned.Spec.VolumeAttributesClassName = ptr.To("mover")
	expect.Refused(t, admin.Create(t.Context(), tuned), `parameter "zone" may move data`)
	tuned.Spec.VolumeAttributesClassName = ptr.To("faster")
	expect.Accepted(t, admin.Create(t.Context(), tuned))
}

// snapshotKinds are the parts of the kinds of snapshots that the handlers read.
const snapshotKinds = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: %[1]s.snapshot.storage.k8s.io
  annotations: {api-approved.kubernetes.io: "unapproved, for a test"}
spec:
  group: snapshot.storage.k8s.io
  names: {kind: %[2]s, listKind: %[2]sList, plural: %[1]s}
  scope: %[3]s
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

func snapshotObject(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestSnapshotsAreKeptAndRestoredInAllowedPlaces(t *testing.T) {
	newNamespace(t, "kept-copies", map[string]string{"data": "personal"})
	guarded(t, "kept-copies", "true")
	restored := claim("kept-copies", "restored", "eu-fast")
	restored.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: ptr.To("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: "by-hand"}
	expect.Refused(t, admin.Create(t.Context(), restored.DeepCopy()), `VolumeSnapshot "by-hand" does not exist`) // nor does its kind
	for _, kind := range [][]any{{"volumesnapshots", "VolumeSnapshot", "Namespaced"}, {"volumesnapshotcontents", "VolumeSnapshotContent", "Cluster"}, {"volumesnapshotclasses", "VolumeSnapshotClass", "Cluster"}} {
		expect.Accepted(t, admin.Create(t.Context(), snapshotObject(t, fmt.Sprintf(snapshotKinds, kind...))))
	}
	create := func(text string) error {
		object := snapshotObject(t, text)
		object.SetAPIVersion("snapshot.storage.k8s.io/v1")
		return admin.Create(t.Context(), object)
	}
	expect.Eventually(t, func() error {
		return create(`{kind: VolumeSnapshotClass, metadata: {name: near}, driver: ebs.csi.aws.com, deletionPolicy: Delete}`)
	})
	expect.Eventually(t, func() error {
		return create(`{kind: VolumeSnapshotContent, metadata: {name: made}, spec: {driver: ebs.csi.aws.com, source: {snapshotHandle: snap-1}}}`)
	})
	expect.Accepted(t, create(`{kind: VolumeSnapshotClass, metadata: {name: far}, driver: disk.csi.azure.com, deletionPolicy: Delete, parameters: {location: eastus}}`))
	taken := `{kind: VolumeSnapshot, metadata: {namespace: kept-copies, name: %s}, spec: {volumeSnapshotClassName: %s, source: {persistentVolumeClaimName: data}}}`
	expect.Eventually(t, func() error { // the API server hears of the kind with a delay
		err := create(fmt.Sprintf(taken, "far", "far"))
		if err == nil || !strings.Contains(err.Error(), "rule snapshot") || !strings.Contains(err.Error(), "eastus") {
			return fmt.Errorf("want a refusal of a snapshot abroad, have %q", fmt.Sprint(err))
		}
		return nil
	})
	expect.Accepted(t, create(fmt.Sprintf(taken, "near", "near")))
	expect.Accepted(t, create(`{kind: VolumeSnapshot, metadata: {namespace: kept-copies, name: by-hand}, spec: {source: {volumeSnapshotContentName: made}}}`))
	expect.Refused(t, admin.Create(t.Context(), restored), "rule snapshot", `snapshot content "made" was made by hand`)
	restored.Spec.DataSource.Name = "near"
	expect.Accepted(t, admin.Create(t.Context(), restored))
}
