package storage

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// judgeRest judges what an object asks of storage beside classes.
func (h *Handler) judgeRest(ctx context.Context, answer *review.Answer, guard *residency.Guard, namespace string, wanted wishes) error {
	for _, b := range wanted.brought {
		object(answer, b.field, guard.JudgeInline(b.volume))
	}
	l := wanted.links
	if l == nil {
		return nil
	}
	for _, judge := range []func(context.Context, *review.Answer, *residency.Guard, string, *links) error{h.judgeBound, h.judgeNode, h.judgeAttributes, h.judgeSource} {
		if err := judge(ctx, answer, guard, namespace, l); err != nil {
			return err
		}
	}
	return nil
}

// judgeRelease refuses to take a claim out of the hands of its register: pods that mount it would be free.
func judgeRelease(answer *review.Answer, snapshot *residency.Snapshot, namespace string, wanted wishes) {
	register, released := snapshot.Released(namespace, wanted.before, wanted.labels, false)
	if !released {
		return
	}
	if guard := snapshot.Placing(namespace, []string{register}); guard != nil {
		object(answer, "metadata.labels", guard.JudgeRelease(register))
	}
}

// object adds what the policies object to a field, other than a class that is asked for.
func object(answer *review.Answer, field string, objections []residency.Objection) {
	add(answer, claim{field: field}, objections, false)
}

// judgeBound judges the volume that a claim names.
func (h *Handler) judgeBound(ctx context.Context, answer *review.Answer, guard *residency.Guard, _ string, l *links) error {
	if l.volume == "" {
		return nil
	}
	volume, err := h.world.Volume(ctx, l.volume)
	if err != nil {
		return err
	}
	objections := guard.MissingVolume(l.volume)
	if volume != nil {
		objections = guard.JudgeVolume(volume)
	}
	object(answer, "spec.volumeName", objections)
	return nil
}

// judgeNode judges the node for which a volume is to be made.
func (h *Handler) judgeNode(ctx context.Context, answer *review.Answer, guard *residency.Guard, _ string, l *links) error {
	if l.node == "" {
		return nil
	}
	var live *corev1.Node
	if !guard.HasNode(l.node) {
		var err error
		if live, err = h.world.Node(ctx, l.node); err != nil {
			return err
		}
	}
	object(answer, "metadata.annotations["+annSelectedNode+"]", guard.JudgeSelectedNode(l.node, live))
	return nil
}

// judgeAttributes judges what a class of volume attributes changes.
func (h *Handler) judgeAttributes(ctx context.Context, answer *review.Answer, guard *residency.Guard, _ string, l *links) error {
	if l.attributes == "" {
		return nil
	}
	class, err := h.world.AttributesClass(ctx, l.attributes)
	if err != nil {
		return err
	}
	object(answer, "spec.volumeAttributesClassName", guard.JudgeAttributes(l.attributes, class))
	return nil
}

// judgeSource judges where the first data of a claim come from: another namespace must grant them, and a snapshot must
// be one that the cluster took.
func (h *Handler) judgeSource(ctx context.Context, answer *review.Answer, guard *residency.Guard, namespace string, l *links) error {
	if l.source == nil {
		return nil
	}
	from, field := namespace, "spec.dataSourceRef"
	if l.source.Namespace != nil && *l.source.Namespace != "" && *l.source.Namespace != namespace {
		from = *l.source.Namespace
		grants, err := h.world.Grants(ctx, from)
		if err != nil {
			return err
		}
		if !granted(grants, namespace, l.source) {
			object(answer, field, guard.ForeignSource(from, l.source.Kind, l.source.Name))
			return nil
		}
	}
	if l.source.Kind != "VolumeSnapshot" || l.source.APIGroup == nil || *l.source.APIGroup != lookup.SnapshotGroup {
		return nil
	}
	objections, err := h.snapshotSource(ctx, guard, from, l.source.Name)
	object(answer, field, objections)
	return err
}

// granted tells whether a ReferenceGrant lets claims of a namespace use a source.
func granted(grants []unstructured.Unstructured, namespace string, source *corev1.TypedObjectReference) bool {
	group := ""
	if source.APIGroup != nil {
		group = *source.APIGroup
	}
	for i := range grants {
		from, _, _ := unstructured.NestedSlice(grants[i].Object, "spec", "from")
		to, _, _ := unstructured.NestedSlice(grants[i].Object, "spec", "to")
		if holds(from, map[string]string{"group": "", "kind": "PersistentVolumeClaim", "namespace": namespace}) &&
			(holds(to, map[string]string{"group": group, "kind": source.Kind, "name": source.Name}) || holds(to, map[string]string{"group": group, "kind": source.Kind, "name": ""})) {
			return true
		}
	}
	return false
}

// holds tells whether one of the entries has all the fields; an absent field is empty.
func holds(entries []any, fields map[string]string) bool {
	for _, entry := range entries {
		object, ok := entry.(map[string]any)
		same := ok
		for name, want := range fields {
			has, _, err := unstructured.NestedString(object, name)
			same = same && err == nil && has == want
		}
		if same {
			return true
		}
	}
	return false
}

// snapshotSource judges a snapshot that a claim is restored from. Content that somebody made by hand lies where somebody
// made it; what the cluster took is judged when it is taken.
func (h *Handler) snapshotSource(ctx context.Context, guard *residency.Guard, namespace, name string) ([]residency.Objection, error) {
	snapshot, err := h.world.Snapshot(ctx, "VolumeSnapshot", namespace, name)
	if err != nil || snapshot == nil {
		return missing(guard, "VolumeSnapshot", name, err)
	}
	taken, _, _ := unstructured.NestedString(snapshot.Object, "spec", "source", "persistentVolumeClaimName")
	content, _, _ := unstructured.NestedString(snapshot.Object, "status", "boundVolumeSnapshotContentName")
	if content == "" {
		content, _, _ = unstructured.NestedString(snapshot.Object, "spec", "source", "volumeSnapshotContentName")
	}
	if content == "" && taken != "" {
		return nil, nil // the cluster is about to take it
	}
	if content == "" {
		return guard.MissingSnapshot("VolumeSnapshotContent", ""), nil
	}
	object, err := h.world.Snapshot(ctx, "VolumeSnapshotContent", "", content)
	if err != nil || object == nil {
		return missing(guard, "VolumeSnapshotContent", content, err)
	}
	handle, made, err := unstructured.NestedString(object.Object, "spec", "source", "volumeHandle")
	if err != nil || !made || handle == "" {
		return guard.HandMadeSnapshot(content), nil
	}
	return nil, nil
}

func missing(guard *residency.Guard, kind, name string, err error) ([]residency.Objection, error) {
	if err != nil {
		return nil, err
	}
	return guard.MissingSnapshot(kind, name), nil
}
