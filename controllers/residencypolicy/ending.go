package residencypolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies/finalizers,verbs=update
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters;dataprotectionofficers;notificationchannels,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications,verbs=get;create;patch

const fieldOwner = client.FieldOwner("residencypolicy.gdpr.rempart.dev")

// notify writes the messages about exceptions that end soon, and notes in the input to whom. A message is written once, so
// that of one that exists nothing is written.
func (r *Reconciler) notify(ctx context.Context, in *residency.Observed) error {
	audience, err := r.audience(ctx, in)
	if err != nil {
		return fmt.Errorf("looking for whom to tell: %w", err)
	}
	for _, draft := range notice.Exceptions(in.Policy, audience, in.Now.Time) {
		existing := &v1alpha1.Notification{}
		err := r.Reader.Get(ctx, client.ObjectKey{Namespace: draft.Subject.Namespace, Name: draft.Name()}, existing)
		if err == nil && child.Ours(existing, in.Policy) {
			continue
		}
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("looking for a message: %w", err)
		}
		message := draft.Apply().WithOwnerReferences(child.OwnedBy(in.Policy, "ResidencyPolicy"))
		err = child.Apply(ctx, r.Client, r.Reader, in.Policy, fieldOwner, []runtime.ApplyConfiguration{message})
		if err != nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) { // nothing that goes needs an exception
			return fmt.Errorf("writing a message: %w", err)
		}
	}
	in.Audience = &audience
	return nil
}

// audience reads whom the exceptions that end soon concern. It reads nothing when none does.
func (r *Reconciler) audience(ctx context.Context, in *residency.Observed) (residency.Audience, error) {
	audience := residency.Audience{Readers: map[v1alpha1.ObjectName][]residency.Reader{}, Channels: map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel{}}
	for _, e := range residency.Ending(in.Policy, in.Now.Time) {
		namespace := v1alpha1.ObjectName(e.Namespace)
		if _, read := audience.Readers[namespace]; read {
			continue
		}
		registers := &v1alpha1.DataRegisterList{}
		if err := r.Client.List(ctx, registers, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return audience, fmt.Errorf("listing the registers: %w", err)
		}
		if len(registers.Items) == 0 {
			continue
		}
		readers, err := r.readers(ctx, registers.Items)
		if err != nil {
			return audience, err
		}
		audience.Readers[namespace] = readers
	}
	if len(audience.Readers) == 0 {
		return audience, nil
	}
	channels := &v1alpha1.NotificationChannelList{}
	if err := r.Client.List(ctx, channels); err != nil {
		return audience, fmt.Errorf("listing the channels: %w", err)
	}
	for i := range channels.Items {
		audience.Channels[v1alpha1.ObjectName(channels.Items[i].Name)] = &channels.Items[i]
	}
	return audience, nil
}

// readers are the officers that registers name and that exist, in the order of their names.
func (r *Reconciler) readers(ctx context.Context, registers []v1alpha1.DataRegister) ([]residency.Reader, error) {
	officers := &v1alpha1.DataProtectionOfficerList{}
	if err := r.Client.List(ctx, officers); err != nil {
		return nil, fmt.Errorf("listing the officers: %w", err)
	}
	var readers []residency.Reader
	for i := range officers.Items {
		officer := &officers.Items[i]
		if slices.ContainsFunc(registers, func(register v1alpha1.DataRegister) bool {
			return string(register.Spec.OfficerRef.Name) == officer.Name
		}) {
			zone, err := time.LoadLocation(officer.Spec.TimeZone)
			if err != nil {
				zone = time.UTC // admission refuses such a zone
			}
			readers = append(readers, residency.Reader{Officer: officer, Zone: zone})
		}
	}
	slices.SortFunc(readers, func(a, b residency.Reader) int { return strings.Compare(a.Officer.Name, b.Officer.Name) })
	return readers, nil
}
