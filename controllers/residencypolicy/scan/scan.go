// Package scan finds what exists and is where a policy does not allow it: moments after a change, and by a sweep of
// everything. It opens suspected breaches and writes reports; the status of policies and registers is written by their own
// controllers, which hear of what it found.
package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies;dataregisters,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=breachincidents,verbs=list;watch;create
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims;persistentvolumes;pods;services,verbs=list;watch
// +kubebuilder:rbac:groups=storage.k8s.io,resources=volumeattachments,verbs=list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=list;watch
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshotcontents;volumesnapshotclasses,verbs=list;watch
// +kubebuilder:rbac:groups=velero.io,resources=backupstoragelocations;volumesnapshotlocations,verbs=list;watch
// +kubebuilder:rbac:groups=barmancloud.cnpg.io,resources=objectstores,verbs=list;watch
// +kubebuilder:rbac:groups=longhorn.io,resources=backuptargets,verbs=list;watch
// +kubebuilder:rbac:groups=postgresql.cnpg.io,resources=clusters,verbs=list;watch
// +kubebuilder:rbac:groups=openreports.io,resources=reports,verbs=list;create;patch;delete
// +kubebuilder:rbac:groups=wgpolicyk8s.io,resources=policyreports,verbs=list;create;patch;delete

// Paces: how long a change waits for others, so that a burst is one scan; and how often everything is looked at again, for
// what no event tells. What is watched is found within a minute of its cause.
const (
	pause      = 2 * time.Second
	sweepEvery = 10 * time.Minute
)

// whole is the one thing that is reconciled: everything that exists.
var whole = reconcile.Request{NamespacedName: types.NamespacedName{Name: "cluster"}}

// Scanner looks at everything that exists.
type Scanner struct {
	Client client.Client
	// Reader reads past the cache: reports are not cached.
	Reader    client.Reader
	Snapshots *residency.Holder
	// Copies are what kinds of others tell of copies of data; nil where they are not followed.
	Copies *Copies
	// Scans is filled here.
	Scans *residency.ScanHolder
	Clock clock.PassiveClock

	listeners []chan event.GenericEvent
	// swept is when everything was last written anew; published is the scan of the last reports. One worker uses them.
	swept     time.Time
	published *residency.Scan
}

// Listen returns a channel that hears of each scan that found something else than the one before. To be called before the
// manager starts.
func (s *Scanner) Listen() <-chan event.GenericEvent {
	heard := make(chan event.GenericEvent, 1)
	s.listeners = append(s.listeners, heard)
	return heard
}

// Register adds the scanner to the manager. Heard hears of new snapshots: of policies, registers, classes, nodes and
// namespaces.
func (s *Scanner) Register(mgr ctrl.Manager, heard <-chan event.GenericEvent) error {
	if err := measure(s.Scans); err != nil {
		return err
	}
	if err := mgr.Add(s.Copies); err != nil {
		return fmt.Errorf("following the kinds of others: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).Named("residency-scan").
		WatchesRawSource(source.Channel(heard, soon)).
		WatchesRawSource(source.Channel(s.Copies.changed, soon)).
		Watches(&corev1.PersistentVolumeClaim{}, soon, only(claimChanged)).
		Watches(&corev1.PersistentVolume{}, soon, only(volumeChanged)).
		Watches(&corev1.Pod{}, soon, only(podMoved)).
		Watches(&corev1.Service{}, soon, only(redirected)).
		Watches(&discoveryv1.EndpointSlice{}, soon, only(handMade)).
		Watches(&storagev1.VolumeAttachment{}, soon, only(attached)).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), MaxConcurrentReconciles: 1}).
		Complete(s)
}

// Reconcile looks at everything, tells who listens if it found something else than before, and writes what follows.
func (s *Scanner) Reconcile(ctx context.Context, _ reconcile.Request) (ctrl.Result, error) {
	scene, err := s.load(ctx)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading what exists: %w", err)
	}
	if scene.Snapshot == nil {
		return ctrl.Result{}, nil // the first snapshot asks again
	}
	var tried bool
	if scene.Copies, tried = s.Copies.all(); !tried {
		return ctrl.Result{}, nil // the first look at each kind asks again
	}
	found := residency.Look(scene)
	if !found.Equal(scene.Before) {
		s.Scans.Store(found)
		s.tell()
	}
	return flow.Next(untilNext(scene), errors.Join(s.suspect(ctx, found, scene.Registers), s.publish(ctx, found, scene.Now)), nil)
}

// load reads each input once. Everything but the clock comes from the cache.
func (s *Scanner) load(ctx context.Context) (residency.Scene, error) {
	scene := residency.Scene{Snapshot: s.Snapshots.Load(), Before: s.Scans.Load(), Now: s.Clock.Now()}
	if scene.Snapshot == nil {
		return scene, nil
	}
	policies, registers := &v1alpha1.ResidencyPolicyList{}, &v1alpha1.DataRegisterList{}
	attachments, endpoints := &storagev1.VolumeAttachmentList{}, &discoveryv1.EndpointSliceList{}
	claims, volumes, pods, services := &corev1.PersistentVolumeClaimList{}, &corev1.PersistentVolumeList{}, &corev1.PodList{}, &corev1.ServiceList{}
	for _, list := range []client.ObjectList{policies, registers, claims, volumes, pods, services, attachments, endpoints} {
		if err := s.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil { // Look only reads
			return scene, err
		}
	}
	scene.Policies, scene.Registers = policies.Items, registers.Items
	scene.Claims, scene.Volumes, scene.Pods, scene.Services = claims.Items, volumes.Items, pods.Items, services.Items
	scene.Attachments, scene.Endpoints = attachments.Items, endpoints.Items
	return scene, nil
}

func (s *Scanner) tell() {
	for _, heard := range s.listeners {
		select {
		case heard <- event.GenericEvent{Object: &v1alpha1.ResidencyPolicy{}}:
		default: // one is waiting already, and will see this scan
		}
	}
}

// untilNext is the time to the next sweep, or to the end of an exception.
func untilNext(scene residency.Scene) time.Duration {
	next := sweepEvery
	for i := range scene.Policies {
		next = flow.Earliest(next, residency.UntilExceptionsChange(scene.Policies[i].Spec.Exceptions, scene.Now))
	}
	return next
}
