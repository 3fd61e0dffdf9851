package lookup

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups="",resources=persistentvolumes,verbs=get;list;watch
// +kubebuilder:rbac:groups=storage.k8s.io,resources=volumeattributesclasses,verbs=get
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots;volumesnapshotcontents,verbs=get
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshotclasses,verbs=get;list
// +kubebuilder:rbac:groups=groupsnapshot.storage.k8s.io,resources=volumegroupsnapshotclasses,verbs=get;list
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=referencegrants,verbs=list

// SnapshotGroup is the group of snapshots, whose kinds a cluster may lack.
const SnapshotGroup = "snapshot.storage.k8s.io"

// Volume reads a volume from the cache, and live when the cache does not have it; nil when there is none.
func (w World) Volume(ctx context.Context, name string) (*corev1.PersistentVolume, error) {
	volume, key := &corev1.PersistentVolume{}, client.ObjectKey{Name: name}
	err := w.Cached.Get(ctx, key, volume)
	if apierrors.IsNotFound(err) {
		err = w.Live.Get(ctx, key, volume)
	}
	return found(volume, "a volume", err)
}

// AttributesClass reads a VolumeAttributesClass live; nil when there is none.
func (w World) AttributesClass(ctx context.Context, name string) (*storagev1.VolumeAttributesClass, error) {
	class := &storagev1.VolumeAttributesClass{}
	err := w.Live.Get(ctx, client.ObjectKey{Name: name}, class)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	return found(class, "a class of volume attributes", err)
}

// Guarded tells whether a namespace carries the label of guarded ones, from the cache.
func (w World) Guarded(ctx context.Context, name string) (bool, error) {
	namespace := &corev1.Namespace{}
	seen, err := found(namespace, "a namespace", w.Cached.Get(ctx, client.ObjectKey{Name: name}, namespace))
	return seen != nil && seen.Labels[residency.LabelGuarded] != "", err
}

// ClaimsOf lists the claims whose class has a name, from the cache.
func (w World) ClaimsOf(ctx context.Context, class string) ([]corev1.PersistentVolumeClaim, error) {
	claims := &corev1.PersistentVolumeClaimList{}
	if err := w.Cached.List(ctx, claims, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the claims: %w", err)
	}
	var of []corev1.PersistentVolumeClaim
	for i := range claims.Items {
		claim := &claims.Items[i]
		named := claim.Spec.StorageClassName
		if annotated, is := claim.Annotations[corev1.BetaStorageClassAnnotation]; is {
			named = &annotated
		}
		if named != nil && *named == class {
			of = append(of, *claim)
		}
	}
	return of, nil
}

// Snapshot reads an object of the group of snapshots live; nil when there is none, or no such kind. Namespace is empty
// for kinds of the cluster.
func (w World) Snapshot(ctx context.Context, kind, namespace, name string) (*unstructured.Unstructured, error) {
	return w.Other(ctx, schema.GroupVersionKind{Group: SnapshotGroup, Version: "v1", Kind: kind}, namespace, name)
}

// Other reads an object of a kind of others live; nil when there is none, or no such kind.
func (w World) Other(ctx context.Context, kind schema.GroupVersionKind, namespace, name string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	err := w.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	return found(object, "a "+kind.Kind, err)
}

// Others lists all objects of a kind of others live; none when there is no such kind.
func (w World) Others(ctx context.Context, kind schema.GroupVersionKind) ([]unstructured.Unstructured, error) {
	return w.listed(ctx, kind.GroupVersion().WithKind(kind.Kind+"List"))
}

// Grants lists the ReferenceGrants of a namespace live; none when there is no such kind.
func (w World) Grants(ctx context.Context, namespace string) ([]unstructured.Unstructured, error) {
	return w.listed(ctx, schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1beta1", Kind: "ReferenceGrantList"}, client.InNamespace(namespace))
}

func (w World) listed(ctx context.Context, kind schema.GroupVersionKind, options ...client.ListOption) ([]unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind)
	err := w.Live.List(ctx, list, options...)
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", kind.Kind, err)
	}
	return list.Items, nil
}
