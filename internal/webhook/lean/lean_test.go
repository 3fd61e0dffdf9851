package lean

import (
	"encoding/json"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"
)

// anyPod has of each kind of field one that is read, and all that are not.
func anyPod() *rapid.Generator[*corev1.Pod] {
	return rapid.Custom(func(t *rapid.T) *corev1.Pod {
		text := rapid.StringMatching(`[a-z]{1,8}`)
		labels := rapid.MapOfN(text, text, 0, 3)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: text.Draw(t, "name"), Labels: labels.Draw(t, "labels"), Annotations: labels.Draw(t, "annotations"),
			CreationTimestamp: metav1.Unix(1795000000, 0), ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)}},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: text.Draw(t, "owner"), Controller: ptr.To(rapid.Bool().Draw(t, "controls"))}}}}
		pod.Spec = corev1.PodSpec{NodeName: text.Draw(t, "node"), NodeSelector: labels.Draw(t, "selector"), Containers: []corev1.Container{{Name: "c", Image: text.Draw(t, "image")}},
			InitContainers: []corev1.Container{{Name: "i"}}, Tolerations: []corev1.Toleration{{Key: "k"}}, SecurityContext: &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1)},
			SchedulingGates: []corev1.PodSchedulingGate{{Name: text.Draw(t, "gate")}}, Volumes: []corev1.Volume{{Name: text.Draw(t, "volume"), VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: text.Draw(t, "server")}}}},
			Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: text.Draw(t, "key"), Operator: corev1.NodeSelectorOpIn, Values: []string{text.Draw(t, "value")}}}}}}}}}
		return pod
	})
}

func encoded(t interface{ Fatal(...any) }, object any) runtime.RawExtension {
	content, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: content}
}

func TestAPodIsReadButForWhatNobodyLooksAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyPod().Draw(t, "pod")
		got := &corev1.Pod{}
		if err := Decode(encoded(t, want), got); err != nil {
			t.Fatal(err)
		}
		want.CreationTimestamp, want.ManagedFields = metav1.Time{}, nil
		want.Spec.Containers, want.Spec.InitContainers, want.Spec.Tolerations, want.Spec.SecurityContext = nil, nil, nil, nil
		if !equality.Semantic.DeepEqual(want, got) {
			t.Fatalf("read %+v, want %+v", got, want)
		}
	})
}

func TestAClaimIsReadButForWhatNobodyLooksAt(t *testing.T) {
	want := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data", Annotations: map[string]string{"a": "b"}, CreationTimestamp: metav1.Unix(1795000000, 0), DeletionTimestamp: ptr.To(metav1.NewTime(time.Unix(1795000000, 0)))},
		Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To(""), VolumeName: "v", DataSourceRef: &corev1.TypedObjectReference{Kind: "VolumeSnapshot", Name: "s", Namespace: ptr.To("n")},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}}}
	got := &corev1.PersistentVolumeClaim{}
	if err := Decode(encoded(t, want), got); err != nil {
		t.Fatal(err)
	}
	want.CreationTimestamp, want.Status.AccessModes = metav1.Time{}, nil
	if !equality.Semantic.DeepEqual(want, got) {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

func TestAWorkloadIsReadWhole(t *testing.T) {
	want, got := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c"}}}}}}, &appsv1.Deployment{}
	if err := Decode(encoded(t, want), got); err != nil || !equality.Semantic.DeepEqual(want, got) {
		t.Errorf("read %+v, want %+v: %v", got, want, err)
	}
}

func TestWhatIsNoObjectIsAnError(t *testing.T) {
	for _, text := range []string{"", "null", "[]", `{"spec":1}`, `{"spec":{"nodeName":5}}`, `{"spec":{"containers":[}}`} {
		for _, into := range []runtime.Object{&corev1.Pod{}, &corev1.PersistentVolumeClaim{}, &appsv1.Deployment{}} {
			if err := Decode(runtime.RawExtension{Raw: []byte(text)}, into); err == nil && text != `{"spec":{"nodeName":5}}` {
				t.Errorf("%q was read as %T", text, into)
			}
		}
	}
}

// As the API server reads: a key in other letters is another key.
func TestKeysCountTheirCase(t *testing.T) {
	pod := &corev1.Pod{}
	if err := Decode(runtime.RawExtension{Raw: []byte(`{"Spec":{"nodeName":"a"},"spec":{"NodeName":"b"}}`)}, pod); err != nil || pod.Spec.NodeName != "" {
		t.Errorf("read %+v: %v", pod.Spec, err)
	}
}
