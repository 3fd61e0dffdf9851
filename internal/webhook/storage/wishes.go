package storage

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Annotations that controllers put on claims.
const (
	// annSelectedNode is the node for which the volume is to be made.
	annSelectedNode = "volume.kubernetes.io/selected-node"
	// annBound says that the binder has done its work.
	annBound = "pv.kubernetes.io/bind-completed"
)

// wishes are what an object asks of storage.
type wishes struct {
	// claims that it is, makes or will make.
	claims []claim
	// links of a claim; nil for what only makes claims.
	links *links
	// brought are volumes that pods bring without a claim.
	brought []brought
	// labels of a claim, and those that it had where an update changes its register.
	labels, before map[string]string
}

// brought is a volume of a pod, or of the pods of a template, and its path within the object.
type brought struct {
	field  string
	volume *corev1.Volume
}

// links are what a claim ties itself to.
type links struct {
	// volume that it is bound to, or is to be bound to, and whether that is done.
	volume string
	bound  bool
	// node for which its volume is to be made.
	node string
	// attributes is the name of its VolumeAttributesClass.
	attributes string
	// source of its first data; nil for none.
	source *corev1.TypedObjectReference
	bytes  int64
}

func linksOf(claim *corev1.PersistentVolumeClaim) *links {
	l := &links{volume: claim.Spec.VolumeName, node: claim.Annotations[annSelectedNode], source: claim.Spec.DataSourceRef}
	_, done := claim.Annotations[annBound]
	l.bound = done || claim.Status.Phase == corev1.ClaimBound
	if claim.Spec.VolumeAttributesClassName != nil {
		l.attributes = *claim.Spec.VolumeAttributesClassName
	}
	if from := claim.Spec.DataSource; l.source == nil && from != nil {
		l.source = &corev1.TypedObjectReference{APIGroup: from.APIGroup, Kind: from.Kind, Name: from.Name}
	}
	if size, found := claim.Spec.Resources.Requests[corev1.ResourceStorage]; found {
		l.bytes = size.Value()
	}
	return l
}

// none tells whether there is nothing to judge.
func (w wishes) none() bool {
	return len(w.claims)+len(w.brought)+len(w.before) == 0 && (w.links == nil || *w.links == links{bound: w.links.bound, bytes: w.links.bytes})
}

// since returns what an update adds, moves, or lets grow. What was there before passes: an object that violates already
// can be cleaned up.
func (w wishes) since(old wishes) wishes {
	if old.claims == nil {
		old.claims = []claim{}
	}
	changed := wishes{claims: news(w.claims, old.claims), labels: w.labels}
	if w.labels[v1alpha1.LabelRegister] != old.labels[v1alpha1.LabelRegister] {
		changed.before = old.labels
	}
	before := make(map[string]*corev1.Volume, len(old.brought))
	for _, b := range old.brought {
		before[b.field] = b.volume
	}
	for _, b := range w.brought {
		if was := before[b.field]; was == nil || !equality.Semantic.DeepEqual(was.VolumeSource, b.volume.VolumeSource) {
			changed.brought = append(changed.brought, b)
		}
	}
	if w.links != nil && old.links != nil {
		changed.links = w.links.since(old.links)
	}
	return changed
}

// since keeps the links that are new. A volume counts again when the claim is bound to it, and when the claim grows.
func (l *links) since(old *links) *links {
	changed := &links{bound: l.bound, bytes: l.bytes}
	if l.volume != old.volume || (l.bound && !old.bound) || l.bytes > old.bytes {
		changed.volume = l.volume
	}
	if l.node != old.node {
		changed.node = l.node
	}
	if l.attributes != old.attributes {
		changed.attributes = l.attributes
	}
	if !equality.Semantic.DeepEqual(l.source, old.source) {
		changed.source = l.source
	}
	return changed
}
