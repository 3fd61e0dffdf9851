// Package witness sends the checkpoints of ConsentPolicies out of the cluster, to whoever keeps them: then not even who may do
// everything in the cluster can rewrite a log of consents unseen.
package witness

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=consentpolicies;notificationchannels;dataprotectionofficers,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=consentpolicies/finalizers,verbs=update
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get,namespace=rempart-system

const fieldOwner = client.FieldOwner("consentpolicy-witness.gdpr.rempart.dev")

// indexPolicy finds the messages with checkpoints by the UID of their policy.
const indexPolicy = "consentpolicy.witness"

// Config is what the controller is given.
type Config struct {
	// Namespace of the operator, where the checkpoints are.
	Namespace string
	Clock     clock.PassiveClock
}

// Reconciler writes the messages of one ConsentPolicy.
type Reconciler struct {
	Client client.Client
	// Reader reads past the cache.
	Reader client.Reader
	Config
}

// Indexes are the indexes that the controller needs.
func Indexes() []index.Index {
	return []index.Index{index.On(&v1alpha1.Notification{}, indexPolicy, func(o client.Object) []string {
		message := o.(*v1alpha1.Notification)
		if message.Spec.Cause.Event != v1alpha1.EventConsentCheckpoint {
			return nil
		}
		return []string{message.Spec.ObjectRef.UID}
	})}
}

// Register adds the controller to the manager. A policy's status is watched too: a log that grows is news.
func Register(ctx context.Context, mgr ctrl.Manager, config Config) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), Indexes()...); err != nil {
		return err
	}
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Config: config}
	return ctrl.NewControllerManagedBy(mgr).Named("consentpolicywitness").
		For(&v1alpha1.ConsentPolicy{}).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Reconcile writes the message of the day, if the log has grown, and says when to look again. It has no part of the status.
func (r *Reconciler) Reconcile(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (ctrl.Result, error) {
	if !cpol.DeletionTimestamp.IsZero() || cpol.Spec.Service.WitnessChannelRef == nil {
		return ctrl.Result{}, nil
	}
	in, err := r.load(ctx, cpol)
	if err != nil {
		return flow.Next(0, fmt.Errorf("loading: %w", err), nil)
	}
	drafts, wait := policy.Witness(in)
	var messages []runtime.ApplyConfiguration
	for _, draft := range drafts {
		messages = append(messages, draft.Apply().WithOwnerReferences(child.OwnedBy(cpol, "ConsentPolicy")))
	}
	return flow.Next(wait, child.Once(ctx, r.Client, r.Reader, cpol, fieldOwner, messages), nil)
}

// load reads the checkpoint, who carries it, and what was sent. A channel that does not exist yet is for the message to say.
func (r *Reconciler) load(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (policy.WitnessInput, error) {
	in := policy.WitnessInput{Policy: cpol, Now: r.Clock.Now()}
	channel, officer, kept := &v1alpha1.NotificationChannel{}, &v1alpha1.DataProtectionOfficer{}, &corev1.ConfigMap{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: string(cpol.Spec.Service.WitnessChannelRef.Name)}, channel)
	if client.IgnoreNotFound(err) != nil {
		return in, fmt.Errorf("reading the channel: %w", err)
	}
	if err == nil {
		in.Channel = channel
	}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: string(cpol.Spec.OfficerRef.Name)}, officer); client.IgnoreNotFound(err) != nil {
		return in, fmt.Errorf("reading the officer: %w", err)
	}
	in.Language = officer.Spec.Language
	sent := &v1alpha1.NotificationList{}
	if err := r.Client.List(ctx, sent, client.InNamespace(cpol.Namespace), client.MatchingFields{indexPolicy: string(cpol.UID)}); err != nil {
		return in, fmt.Errorf("listing what was sent: %w", err)
	}
	in.Sent = sent.Items
	name := policy.CheckpointName(policy.TenantID(cpol.Namespace, cpol.Name))
	if err := r.Reader.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, kept); err != nil {
		return in, client.IgnoreNotFound(err)
	}
	// One that cannot be read is for the policy's own controller to say.
	if checkpoint, err := policy.OfConfigMap(kept); err == nil && policy.Kept(kept, cpol.Name) {
		in.Checkpoint = checkpoint
	}
	return in, nil
}
