package notificationchannel

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
	"github.com/rempart-dev/rempart/internal/notice"
)

// Reconciler judges one channel. It has no children.
type Reconciler struct {
	Client    client.Client
	Reader    client.Reader
	Recorder  events.EventRecorder
	Addresses map[v1alpha1.ChannelType]Address
	Namespace string
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, channel *v1alpha1.NotificationChannel) (ctrl.Result, error) {
	before := channel.DeepCopy()
	status := statuspatch.New(r.Client, channel, statusOf)
	verdict, err := r.step(ctx, channel)
	report(channel, verdict, err)
	written := status.Patch(ctx, channel)
	if written == nil {
		r.announce(before, channel)
	}
	return flow.Next(verdict.Wait, err, written)
}

func (r *Reconciler) step(ctx context.Context, channel *v1alpha1.NotificationChannel) (notice.ChannelVerdict, error) {
	in, err := r.load(ctx, channel)
	if err != nil {
		return notice.ChannelVerdict{}, fmt.Errorf("loading: %w", err)
	}
	return notice.JudgeChannel(in), nil
}

// load reads the channel's messages from the cache, and its Secrets live.
func (r *Reconciler) load(ctx context.Context, channel *v1alpha1.NotificationChannel) (notice.ChannelInput, error) {
	in := notice.ChannelInput{Channel: channel}
	if address, ok := r.Addresses[channel.Spec.Type]; ok {
		in.Accepted = address.Accepts(&channel.Spec)
	}
	list := &v1alpha1.NotificationList{}
	if err := r.Client.List(ctx, list, client.MatchingFields{indexMessage: channel.Name}); err != nil {
		return in, fmt.Errorf("listing the channel's messages: %w", err)
	}
	in.Notifications = list.Items
	content := map[v1alpha1.ObjectName]map[string][]byte{}
	for _, need := range notice.Needs(&channel.Spec) {
		secret := &corev1.Secret{}
		switch err := r.Reader.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: string(need.Secret)}, secret); {
		case err == nil:
			content[need.Secret] = secret.Data
		case client.IgnoreNotFound(err) != nil:
			return in, fmt.Errorf("reading a channel's Secret: %w", err)
		}
	}
	_, in.Lack = notice.Gather(&channel.Spec, content)
	return in, nil
}
