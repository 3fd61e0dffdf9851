// Package lean decodes the objects of admission requests without what the handlers of storage and placement never look at,
// such as containers and managed fields. To decode those takes longer than to judge the rest.
package lean

import (
	"bytes"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
)

var errNoObject = errors.New("decoding an object: it is none")

// Decode reads an object that the API server has encoded. Its kind is the one that the request names, so it is not asked
// for again. Workloads are decoded whole: an update compares their templates.
func Decode(raw runtime.RawExtension, into runtime.Object) error {
	if !bytes.HasPrefix(raw.Raw, []byte("{")) { // null would be read as an object without fields
		return errNoObject
	}
	switch o := into.(type) {
	case *corev1.Pod:
		return json.Unmarshal(raw.Raw, &pod{meta{ObjectMeta: &o.ObjectMeta}, podSpec{PodSpec: &o.Spec}})
	case *corev1.PersistentVolumeClaim:
		return json.Unmarshal(raw.Raw, &claim{meta{ObjectMeta: &o.ObjectMeta}, &o.Spec, claimStatus{Phase: &o.Status.Phase}})
	default:
		return json.Unmarshal(raw.Raw, into)
	}
}

// skipped is a field that is passed over. It hides the field of its name in the type that its struct embeds.
type skipped struct{}

// UnmarshalJSON reads nothing.
func (*skipped) UnmarshalJSON([]byte) error { return nil }

type pod struct {
	Metadata meta    `json:"metadata"`
	Spec     podSpec `json:"spec"`
}

type claim struct {
	Metadata meta                              `json:"metadata"`
	Spec     *corev1.PersistentVolumeClaimSpec `json:"spec"`
	Status   claimStatus                       `json:"status"`
}

type meta struct {
	*metav1.ObjectMeta
	CreationTimestamp skipped `json:"creationTimestamp"`
	ManagedFields     skipped `json:"managedFields"`
}

type podSpec struct {
	*corev1.PodSpec
	InitContainers      skipped `json:"initContainers"`
	Containers          skipped `json:"containers"`
	EphemeralContainers skipped `json:"ephemeralContainers"`
	SecurityContext     skipped `json:"securityContext"`
	Tolerations         skipped `json:"tolerations"`
	ImagePullSecrets    skipped `json:"imagePullSecrets"`
	GracePeriod         skipped `json:"terminationGracePeriodSeconds"`
	EnableServiceLinks  skipped `json:"enableServiceLinks"`
	Priority            skipped `json:"priority"`
	PreemptionPolicy    skipped `json:"preemptionPolicy"`
}

type claimStatus struct {
	Phase *corev1.PersistentVolumeClaimPhase `json:"phase"`
}
