package storage

import (
	"context"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// ClassPath is where the API server calls about StorageClasses.
const ClassPath = "/validate/storageclass"

// NewClasses makes the handler of classes that are made, or changed, under a name that a claim of a guarded namespace has:
// what was allowed when the claim came must stay so.
func NewClasses(scheme *runtime.Scheme, world lookup.World) admission.Handler {
	h := New(world)
	return review.Handler(scheme, func() *storagev1.StorageClass { return &storagev1.StorageClass{} }, h.judgeClass)
}

func (h *Handler) judgeClass(ctx context.Context, req review.Request[*storagev1.StorageClass]) (review.Answer, error) {
	var answer review.Answer
	if req.Old != nil && sameClass(req.Old, req.Object) {
		return answer, nil
	}
	snapshot := h.world.Load()
	if snapshot == nil {
		return answer, errNotLoaded
	}
	claims, err := h.world.ClaimsOf(ctx, req.Object.Name)
	if err != nil {
		return answer, err
	}
	judged := map[*residency.Judged]struct{}{}
	for i := range claims {
		guard := snapshot.GuardOf(claims[i].Namespace)
		if guard == nil {
			continue
		}
		for _, policy := range guard.Policies {
			if _, done := judged[policy]; !done {
				judged[policy] = struct{}{}
				object(&answer, "metadata.name", policy.JudgeClassInUse(req.Object, req.Old, claims[i].Namespace+"/"+claims[i].Name))
			}
		}
	}
	return answer, nil
}

// sameClass tells whether an update changes nothing that says where volumes are made. Provisioner and parameters cannot
// change.
func sameClass(old, now *storagev1.StorageClass) bool {
	return equality.Semantic.DeepEqual(old.AllowedTopologies, now.AllowedTopologies) && equality.Semantic.DeepEqual(old.MountOptions, now.MountOptions)
}
