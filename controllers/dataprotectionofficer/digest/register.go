// Package digest sends each DataProtectionOfficer a regular summary, and with it the signed state of the evidence log: a
// copy of it that lies outside of the cluster shows when the log is cut or written anew.
package digest

import (
	"context"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
)

// Old digests are deleted; everything else is written once.
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataprotectionofficers,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataprotectionofficers/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataprotectionofficers/finalizers,verbs=update
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notificationchannels,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications,namespace=rempart-system,verbs=delete

const fieldOwner = client.FieldOwner("dataprotectionofficer-digest.gdpr.rempart.dev")

// indexOfficer finds digests by the UID of their officer.
const indexOfficer = "dataprotectionofficer.digest"

// Config is what the controller is given.
type Config struct {
	Log Log
	// Namespace of the operator.
	Namespace string
	Clock     clock.PassiveClock
}

// officerOf is the UID of the officer whose digest a message is.
func officerOf(object client.Object) []string {
	message := object.(*v1alpha1.Notification)
	if message.Spec.Cause.Event != v1alpha1.EventOfficerDigest {
		return nil
	}
	return []string{message.Spec.ObjectRef.UID}
}

// Register adds the controller to the manager. An officer's status is watched too: the first count makes the first digest.
func Register(ctx context.Context, mgr ctrl.Manager, config Config) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), index.On(&v1alpha1.Notification{}, indexOfficer, officerOf)); err != nil {
		return err
	}
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Log: config.Log, Namespace: config.Namespace, Clock: config.Clock}
	return ctrl.NewControllerManagedBy(mgr).Named("dataprotectionofficerdigest").
		For(&v1alpha1.DataProtectionOfficer{}).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}
