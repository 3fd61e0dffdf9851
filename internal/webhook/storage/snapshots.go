package storage

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// SnapshotPath is where the API server calls about VolumeSnapshots.
const SnapshotPath = "/validate/snapshot"

// annDefaultSnapshotClass marks the class of snapshots that name none.
const annDefaultSnapshotClass = "snapshot.storage.kubernetes.io/is-default-class"

// NewSnapshots makes the handler of snapshots of guarded namespaces: their class must keep them in allowed places.
func NewSnapshots(scheme *runtime.Scheme, world lookup.World) admission.Handler {
	h := New(world)
	return review.Handler(scheme, func() *unstructured.Unstructured { return &unstructured.Unstructured{} }, h.judgeSnapshot)
}

func (h *Handler) judgeSnapshot(ctx context.Context, req review.Request[*unstructured.Unstructured]) (review.Answer, error) {
	name := snapshotClassOf(req.Object)
	made, _, _ := unstructured.NestedString(req.Object.Object, "spec", "source", "volumeSnapshotContentName")
	if made != "" || (req.Old != nil && name == snapshotClassOf(req.Old)) {
		return review.Answer{}, nil // content that exists is judged when a claim is restored from it
	}
	snapshot := h.world.Load()
	if snapshot == nil {
		return review.Answer{}, errNotLoaded
	}
	return h.answer(ctx, snapshot, req.Namespace, targetOf(req.Request), func(_ *residency.Snapshot, guard *residency.Guard) (review.Answer, error) {
		var answer review.Answer
		classes, err := h.snapshotClasses(ctx, name)
		if err != nil {
			return answer, err
		}
		const field = "spec.volumeSnapshotClassName"
		if len(classes) == 0 {
			object(&answer, field, guard.MissingSnapshot("VolumeSnapshotClass", name))
		}
		for _, class := range classes {
			object(&answer, field, guard.JudgeSnapshotClass(class))
		}
		return answer, nil
	})
}

func snapshotClassOf(snapshot *unstructured.Unstructured) string {
	name, _, _ := unstructured.NestedString(snapshot.Object, "spec", "volumeSnapshotClassName")
	return name
}

// snapshotClasses returns the class of a name, or for no name every class that may be filled in: one default of each
// driver.
func (h *Handler) snapshotClasses(ctx context.Context, name string) ([]residency.SnapshotClass, error) {
	if name != "" {
		class, err := h.world.Snapshot(ctx, "VolumeSnapshotClass", "", name)
		if err != nil || class == nil {
			return nil, err
		}
		return []residency.SnapshotClass{readSnapshotClass(class)}, nil
	}
	all, err := h.world.SnapshotClasses(ctx)
	if err != nil {
		return nil, err
	}
	var defaults []residency.SnapshotClass
	for i := range all {
		if all[i].GetAnnotations()[annDefaultSnapshotClass] == "true" {
			defaults = append(defaults, readSnapshotClass(&all[i]))
		}
	}
	return defaults, nil
}

func readSnapshotClass(class *unstructured.Unstructured) residency.SnapshotClass {
	driver, _, _ := unstructured.NestedString(class.Object, "driver")
	parameters, _, err := unstructured.NestedStringMap(class.Object, "parameters")
	if err != nil { // not text, so no driver reads it: a key that nobody knows
		parameters = map[string]string{"parameters": ""}
	}
	return residency.SnapshotClass{Name: class.GetName(), Driver: driver, Parameters: parameters}
}
