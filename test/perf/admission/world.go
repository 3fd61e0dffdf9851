package admission

import (
	"encoding/json"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

const (
	operatorNamespace = "rempart-system"
	policyName        = "eu-only"
	allowedClass      = "eu-fast"
	deniedClass       = "us-fast"
	crm               = "crm"
)

// selected is the label of the namespaces that the policy judges.
var selected = map[string]string{"data": "personal"}

func newClass(name, region string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "ebs.csi.aws.com",
		AllowedTopologies: []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: "topology.kubernetes.io/region", Values: []string{region}}}}}}
}

// newPolicy makes no quota: without a controller manager nothing counts what one grants, and every claim would be refused.
func newPolicy() *v1alpha1.ResidencyPolicy {
	return &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: policyName}, Spec: v1alpha1.ResidencyPolicySpec{
		Enforcement: v1alpha1.EnforcementEnforce, Role: v1alpha1.PolicyRoleDefault, Provider: "aws", Storage: v1alpha1.PolicyStorage{Quota: "Off"},
		Namespaces: v1alpha1.PolicyNamespaces{Mode: v1alpha1.NamespacesSelected, Selector: &metav1.LabelSelector{MatchLabels: selected}}}}
}

// snapshotOf judges a cluster of ten nodes with a number of registers, each with a store, in a namespace of its own.
func snapshotOf(registers int) *residency.Snapshot {
	in := residency.Input{Policies: []v1alpha1.ResidencyPolicy{*newPolicy()}, Classes: []storagev1.StorageClass{*newClass(allowedClass, "eu-west-3"), *newClass(deniedClass, "us-east-1")},
		On: residency.Day(time.Now()), OperatorNamespace: operatorNamespace}
	for i := range 10 {
		region := []string{"us-east-1", "eu-west-3"}[i%2]
		in.Nodes = append(in.Nodes, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", i), Labels: map[string]string{
			corev1.LabelTopologyRegion: region, corev1.LabelTopologyZone: region + "a", corev1.LabelHostname: fmt.Sprintf("node-%d", i)}}})
	}
	for i := range registers {
		namespace := fmt.Sprintf("ns-%d", i)
		in.Namespaces = append(in.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: selected}})
		in.Registers = append(in.Registers, residency.Register{Namespace: namespace, Name: crm})
		in.Stores = append(in.Stores, residency.Store{Namespace: namespace, Register: crm, Claim: "data"})
	}
	return residency.Build(in)
}

// managed are the managed fields that an API server adds before it asks: webhooks get them too.
func managed(fields string) []metav1.ManagedFieldsEntry {
	return []metav1.ManagedFieldsEntry{{Manager: "kubectl-client-side-apply", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: ptr.To(metav1.Unix(1795000000, 0)),
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}}
}

func newClaim(namespace, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "data", Labels: map[string]string{"app.kubernetes.io/name": "crm", "app.kubernetes.io/component": "database"}},
		Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, VolumeMode: ptr.To(corev1.PersistentVolumeFilesystem),
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}}}
}

// admittedClaim is a claim as the API server shows it to webhooks.
func admittedClaim() client.Object {
	claim := newClaim("ns-0", allowedClass)
	claim.UID, claim.CreationTimestamp = "9b3f0c1e-64bb-4d8f-9d5b-0a7d1d4e2f11", metav1.Unix(1795000000, 0)
	claim.Finalizers = []string{"kubernetes.io/pvc-protection"}
	claim.ManagedFields = managed(`{"f:metadata":{"f:labels":{".":{},"f:app.kubernetes.io/component":{},"f:app.kubernetes.io/name":{}}},"f:spec":{"f:accessModes":{},"f:resources":{"f:requests":{".":{},"f:storage":{}}},"f:storageClassName":{},"f:volumeMode":{}}}`)
	claim.Status.Phase = corev1.ClaimPending
	return claim
}

// admittedPod is a pod of a governed Deployment as the API server shows it to webhooks; pinned as the mutating webhook
// leaves it.
func admittedPod(snapshot *residency.Snapshot, pinned bool) client.Object {
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ns-0", Name: "crm-6d4cf56db6-x7k2p", GenerateName: "crm-6d4cf56db6-",
		UID: "9b3f0c1e-64bb-4d8f-9d5b-0a7d1d4e2f11", CreationTimestamp: metav1.Unix(1795000000, 0),
		Labels:          map[string]string{"app": "crm", "pod-template-hash": "6d4cf56db6", v1alpha1.LabelRegister: crm},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "crm-6d4cf56db6", UID: "77c1f9ce-7f5f-44ac-8d39-6d3bd0b7a0d2", Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true)}},
		ManagedFields:   managed(`{"f:metadata":{"f:generateName":{},"f:labels":{".":{},"f:app":{},"f:pod-template-hash":{}},"f:ownerReferences":{".":{},"k:{\"uid\":\"77c1f9ce-7f5f-44ac-8d39-6d3bd0b7a0d2\"}":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"crm\"}":{".":{},"f:image":{},"f:name":{},"f:ports":{},"f:resources":{}}},"f:dnsPolicy":{},"f:restartPolicy":{},"f:volumes":{}}}`)}}
	pod.Spec = corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways, DNSPolicy: corev1.DNSClusterFirst, SchedulerName: "default-scheduler", ServiceAccountName: "default", EnableServiceLinks: ptr.To(true),
		TerminationGracePeriodSeconds: ptr.To[int64](30), Priority: ptr.To[int32](0), PreemptionPolicy: ptr.To(corev1.PreemptLowerPriority), SecurityContext: &corev1.PodSecurityContext{},
		Containers: []corev1.Container{{Name: "crm", Image: "crm:1", ImagePullPolicy: corev1.PullIfNotPresent, TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: corev1.TerminationMessageReadFile,
			Ports:        []corev1.ContainerPort{{ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
			Env:          []corev1.EnvVar{{Name: "DATABASE", Value: "crm-db:5432"}, {Name: "LOCALE", Value: "fr_FR"}},
			Resources:    corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")}},
			VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "token", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}}}},
		Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}},
			{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: ptr.To[int64](3607)}}}}}}},
		Tolerations: []corev1.Toleration{{Key: "node.kubernetes.io/not-ready", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr.To[int64](300)},
			{Key: "node.kubernetes.io/unreachable", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr.To[int64](300)}}}
	if pinned {
		required, _ := snapshot.Placing("ns-0", []string{crm}).Pin(nil)
		pod.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}
	}
	return pod
}

// review is the body that the API server sends about the creation of an object.
func review(object client.Object, resource string) ([]byte, error) {
	content, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	kind := metav1.GroupVersionKind(object.GetObjectKind().GroupVersionKind())
	of := metav1.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: resource}
	return json.Marshal(&admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: &admissionv1.AdmissionRequest{
		UID: "705ab4f5-6393-11e8-b7cc-42010a800002", Kind: kind, Resource: of, RequestKind: &kind, RequestResource: &of, Name: object.GetName(), Namespace: object.GetNamespace(), Operation: admissionv1.Create,
		UserInfo: authenticationv1.UserInfo{Username: "system:serviceaccount:kube-system:replicaset-controller", UID: "e3a1bcd3-9f3f-4f51-a2c2-0a9d1e35a2d4",
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"}},
		Object: runtime.RawExtension{Raw: content}, DryRun: ptr.To(true),
		Options: runtime.RawExtension{Raw: []byte(`{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1","dryRun":["All"],"fieldManager":"kubectl-client-side-apply"}`)}}})
}
