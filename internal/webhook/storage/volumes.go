package storage

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// VolumePath is where the API server calls about PersistentVolumes.
const VolumePath = "/validate/volume"

// NewVolumes makes the handler of volumes that are reserved for a claim of a guarded namespace, or bound to one. Those
// that no claim has are judged when they get one.
func NewVolumes(scheme *runtime.Scheme, world lookup.World) admission.Handler {
	h := New(world)
	return review.Handler(scheme, func() *corev1.PersistentVolume { return &corev1.PersistentVolume{} }, h.judgeVolume)
}

func (h *Handler) judgeVolume(ctx context.Context, req review.Request[*corev1.PersistentVolume]) (review.Answer, error) {
	volume := req.Object
	claimRef := volume.Spec.ClaimRef
	if claimRef == nil || (req.Old != nil && !moves(req.Old, volume)) {
		return review.Answer{}, nil
	}
	snapshot := h.world.Load()
	if snapshot == nil {
		return review.Answer{}, errNotLoaded
	}
	if snapshot.GuardOf(claimRef.Namespace) == nil {
		guarded, err := h.world.Guarded(ctx, claimRef.Namespace)
		if err != nil || !guarded {
			return review.Answer{}, err
		}
	}
	return h.answer(ctx, snapshot, claimRef.Namespace, targetOfVolume(volume), func(_ *residency.Snapshot, guard *residency.Guard) (review.Answer, error) {
		var answer review.Answer
		object(&answer, "spec", guard.JudgeVolume(volume))
		if name := attributesOf(volume); name != "" && (req.Old == nil || name != attributesOf(req.Old)) {
			return answer, h.judgeAttributes(ctx, &answer, guard, claimRef.Namespace, &links{attributes: name})
		}
		return answer, nil
	})
}

// moves tells whether an update changes who has a volume, or what says where it lies. Labels, finalizers, status, the
// reclaim policy and a release pass: what violates already can be cleaned up.
func moves(old, now *corev1.PersistentVolume) bool {
	was := old.Spec.ClaimRef
	return was == nil || was.Namespace != now.Spec.ClaimRef.Namespace || was.Name != now.Spec.ClaimRef.Name || was.UID != now.Spec.ClaimRef.UID ||
		residency.ClassOfVolume(old) != residency.ClassOfVolume(now) || attributesOf(old) != attributesOf(now) ||
		!equality.Semantic.DeepEqual(old.Spec.NodeAffinity, now.Spec.NodeAffinity) || !equality.Semantic.DeepEqual(residency.MountOptionsOf(old), residency.MountOptionsOf(now)) ||
		!equality.Semantic.DeepEqual(old.Spec.PersistentVolumeSource, now.Spec.PersistentVolumeSource)
}

func attributesOf(volume *corev1.PersistentVolume) string {
	if volume.Spec.VolumeAttributesClassName == nil {
		return ""
	}
	return *volume.Spec.VolumeAttributesClassName
}
