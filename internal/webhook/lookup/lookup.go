// Package lookup reads live what the snapshot of residency does not have yet: objects that were made a moment ago, of
// which this replica has not heard.
package lookup

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
)

// Snapshots hands out the newest snapshot; nil before the first.
type Snapshots interface{ Load() *residency.Snapshot }

// World reads one namespace live. Nodes and volumes come from the cache: there are many, and they change slowly.
type World struct {
	Snapshots
	// Live reads past the cache, Cached from it.
	Live, Cached      client.Reader
	Clock             clock.PassiveClock
	OperatorNamespace string
}

// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get;list
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups="",resources=nodes;persistentvolumes,verbs=list
// +kubebuilder:rbac:groups=storage.k8s.io,resources=csinodes,verbs=list
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies;dataregisters,verbs=list

// Fresh builds a snapshot of one namespace from what the API server says now.
func (w World) Fresh(ctx context.Context, namespace string) (*residency.Snapshot, error) {
	policies, registers := &v1alpha1.ResidencyPolicyList{}, &v1alpha1.DataRegisterList{}
	classes, nodes, ns := &storagev1.StorageClassList{}, &corev1.NodeList{}, &corev1.Namespace{}
	csiNodes, volumes := &storagev1.CSINodeList{}, &corev1.PersistentVolumeList{}
	if err := errors.Join(w.Live.List(ctx, policies), w.Live.List(ctx, registers, client.InNamespace(namespace)), w.Live.List(ctx, classes),
		w.Cached.List(ctx, nodes), w.Cached.List(ctx, csiNodes), w.Cached.List(ctx, volumes, client.UnsafeDisableDeepCopy), w.Live.Get(ctx, client.ObjectKey{Name: namespace}, ns)); err != nil {
		return nil, fmt.Errorf("reading what guards a namespace: %w", err)
	}
	return residency.Build(residency.Input{Policies: policies.Items, Classes: classes.Items, Nodes: nodes.Items, CSINodes: csiNodes.Items, Volumes: volumes.Items, Namespaces: []corev1.Namespace{*ns},
		Registers: residency.RegistersOf(registers.Items), Stores: register.StoresOf(registers.Items), On: residency.Day(w.Clock.Now()), OperatorNamespace: w.OperatorNamespace}), nil
}

// Class reads a class live and judges it; nil when there is none.
func (w World) Class(ctx context.Context, policy *residency.Judged, name string) (*residency.ClassVerdict, error) {
	class := &storagev1.StorageClass{}
	err := w.Live.Get(ctx, client.ObjectKey{Name: name}, class)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading a class: %w", err)
	}
	verdict := policy.JudgeClass(class)
	return &verdict, nil
}
