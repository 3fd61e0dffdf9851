package storage

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// SnapshotPath is where the API server calls about snapshots of volumes, of groups of volumes, and their contents.
const SnapshotPath = "/validate/snapshot"

// annDefaults mark the class of snapshots that name none, by the kind of the class.
var annDefaults = map[string]string{
	"VolumeSnapshotClass":      "snapshot.storage.kubernetes.io/is-default-class",
	"VolumeGroupSnapshotClass": "groupsnapshot.storage.kubernetes.io/is-default-class",
}

// asked is what a snapshot, or the content of one, asks of a class of snapshots.
type asked struct {
	// namespace in which it counts, and the field that names the class.
	namespace, field string
	// kind of the class, and its name; empty for any default one.
	kind schema.GroupVersionKind
	name string
	// driver of content without a class, which gives it no parameters.
	driver string
	// exists means that the data are there already: they are judged when a claim is restored from them.
	exists bool
}

// askedOf reads a VolumeSnapshot, a VolumeGroupSnapshot or a VolumeSnapshotContent.
func askedOf(object *unstructured.Unstructured) asked {
	of := object.GroupVersionKind()
	read := func(fields ...string) string {
		value, _, _ := unstructured.NestedString(object.Object, fields...) // another type names nothing
		return value
	}
	a := asked{namespace: object.GetNamespace(), field: "volumeSnapshotClassName", kind: of.GroupVersion().WithKind("VolumeSnapshotClass")}
	switch of.Kind {
	case "VolumeGroupSnapshot":
		a.field, a.kind = "volumeGroupSnapshotClassName", of.GroupVersion().WithKind("VolumeGroupSnapshotClass")
		a.exists = read("spec", "source", "volumeGroupSnapshotContentName") != ""
	case "VolumeSnapshotContent":
		a.namespace, a.exists, a.driver = read("spec", "volumeSnapshotRef", "namespace"), read("spec", "source", "volumeHandle") == "", read("spec", "driver")
	default:
		a.exists = read("spec", "source", "volumeSnapshotContentName") != ""
	}
	a.name = read("spec", a.field)
	return a
}

// NewSnapshots makes the handler of snapshots of guarded namespaces: their class must keep them in allowed places.
func NewSnapshots(scheme *runtime.Scheme, world lookup.World) admission.Handler {
	h := New(world)
	return review.Handler(scheme, func() *unstructured.Unstructured { return &unstructured.Unstructured{} }, h.judgeSnapshot)
}

func (h *Handler) judgeSnapshot(ctx context.Context, req review.Request[*unstructured.Unstructured]) (review.Answer, error) {
	now := askedOf(req.Object)
	if now.exists || (req.Old != nil && now.name == askedOf(req.Old).name) {
		return review.Answer{}, nil
	}
	snapshot := h.world.Load()
	if snapshot == nil {
		return review.Answer{}, errNotLoaded
	}
	if req.Namespace == "" && snapshot.GuardOf(now.namespace) == nil {
		guarded, err := h.world.Guarded(ctx, now.namespace)
		if err != nil || !guarded {
			return review.Answer{}, err
		}
	}
	return h.answer(ctx, snapshot, now.namespace, targetOf(req.Request), func(_ *residency.Snapshot, guard *residency.Guard) (review.Answer, error) {
		var answer review.Answer
		classes, err := h.snapshotClasses(ctx, now)
		if err != nil {
			return answer, err
		}
		field := "spec." + now.field
		if len(classes) == 0 {
			object(&answer, field, guard.MissingSnapshot(now.kind.Kind, now.name))
		}
		for _, class := range classes {
			object(&answer, field, guard.JudgeSnapshotClass(class))
		}
		return answer, nil
	})
}

// snapshotClasses returns the class of a name, or for no name every class that may be filled in: one default of each
// driver.
func (h *Handler) snapshotClasses(ctx context.Context, a asked) ([]residency.SnapshotClass, error) {
	if a.name != "" {
		class, err := h.world.Other(ctx, a.kind, "", a.name)
		if err != nil || class == nil {
			return nil, err
		}
		return []residency.SnapshotClass{readSnapshotClass(class)}, nil
	}
	if a.driver != "" {
		return []residency.SnapshotClass{{Driver: a.driver}}, nil
	}
	all, err := h.world.Others(ctx, a.kind)
	if err != nil {
		return nil, err
	}
	var defaults []residency.SnapshotClass
	for i := range all {
		if all[i].GetAnnotations()[annDefaults[a.kind.Kind]] == "true" {
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
