package scan

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// soon asks for a scan after a pause. What comes in the meantime asks for the same one.
var soon = handler.Funcs{
	CreateFunc:  func(_ context.Context, _ event.CreateEvent, q queue) { q.AddAfter(whole, pause) },
	UpdateFunc:  func(_ context.Context, _ event.UpdateEvent, q queue) { q.AddAfter(whole, pause) },
	DeleteFunc:  func(_ context.Context, _ event.DeleteEvent, q queue) { q.AddAfter(whole, pause) },
	GenericFunc: func(_ context.Context, _ event.GenericEvent, q queue) { q.AddAfter(whole, pause) },
}

func only(p predicate.Predicate) builder.WatchesOption { return builder.WithPredicates(p) }

// changed lets through an update in which what a verdict rests on is another.
func changed[T any](rests func(T) any) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		old, okOld := e.ObjectOld.(T)
		now, okNow := e.ObjectNew.(T)
		return !okOld || !okNow || !equality.Semantic.DeepEqual(rests(old), rests(now))
	}}
}

var (
	claimChanged = changed(func(c *corev1.PersistentVolumeClaim) any {
		return []any{residency.NamedClass(c), c.Spec.VolumeName, c.Labels[v1alpha1.LabelRegister]}
	})
	volumeChanged = changed(func(v *corev1.PersistentVolume) any {
		spec := v.Spec.DeepCopy()
		if spec.ClaimRef != nil {
			spec.ClaimRef.ResourceVersion = ""
		}
		return []any{spec, v.Labels, v.Annotations}
	})
	podMoved = changed(func(p *corev1.Pod) any {
		return []any{p.Spec.NodeName, p.Labels, p.OwnerReferences, p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed}
	})
)

// attached lets through what comes and goes: what an attachment is of, and where, never changes.
var attached = predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}

// redirected lets through Services that stand for a host, and those that did.
var redirected = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return redirects(e.Object) },
	DeleteFunc: func(e event.DeleteEvent) bool { return redirects(e.Object) },
	UpdateFunc: func(e event.UpdateEvent) bool {
		old, okOld := e.ObjectOld.(*corev1.Service)
		now, okNow := e.ObjectNew.(*corev1.Service)
		return !okOld || !okNow || residency.Redirects(old) != residency.Redirects(now) ||
			(residency.Redirects(now) && old.Spec.ExternalName != now.Spec.ExternalName)
	},
}

func redirects(object client.Object) bool {
	service, is := object.(*corev1.Service)
	return !is || residency.Redirects(service)
}

// handMade lets through the endpoints that somebody wrote.
var handMade = predicate.NewPredicateFuncs(func(object client.Object) bool {
	slice, is := object.(*discoveryv1.EndpointSlice)
	return !is || residency.HandMade(slice)
})

// Lean is a transform of the cache that keeps of a pod what a scan reads: pods are many.
func Lean(object any) (any, error) {
	pod, is := object.(*corev1.Pod)
	if !is {
		return object, nil
	}
	lean := &corev1.Pod{TypeMeta: pod.TypeMeta, ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
		Labels: pod.Labels, OwnerReferences: pod.OwnerReferences, DeletionTimestamp: pod.DeletionTimestamp}}
	lean.Spec.NodeName, lean.Status.Phase = pod.Spec.NodeName, pod.Status.Phase
	for i := range pod.Spec.Volumes {
		if source := &pod.Spec.Volumes[i].VolumeSource; source.PersistentVolumeClaim != nil || source.Ephemeral != nil || !residency.LiesWithThePod(source) {
			lean.Spec.Volumes = append(lean.Spec.Volumes, pod.Spec.Volumes[i])
		}
	}
	return lean, nil
}
