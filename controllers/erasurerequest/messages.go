package erasurerequest

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/child"
)

// messages reads, of each recipient that waits, the message that says what became of it.
func (r *Reconciler) messages(ctx context.Context, request *v1alpha1.ErasureRequest, registers []v1alpha1.DataRegister) (map[string]*v1alpha1.Notification, error) {
	waiting := erasure.Waiting(request, registers)
	if len(waiting) == 0 {
		return nil, nil
	}
	list := &v1alpha1.NotificationList{}
	if err := r.Client.List(ctx, list, client.InNamespace(request.Namespace), client.MatchingFields{indexMessage: string(request.UID)}, onlyRead); err != nil {
		return nil, fmt.Errorf("listing messages: %w", err)
	}
	written := map[string][]*v1alpha1.Notification{}
	for i := range list.Items {
		if n := &list.Items[i]; child.Ours(n, request) && n.Spec.Cause.Event == v1alpha1.EventRecipientErasure {
			key := erasure.MessageKey(v1alpha1.ObjectName(parameter(n, "register")), v1alpha1.PartName(parameter(n, "recipient")))
			written[key] = append(written[key], n)
		}
	}
	found := map[string]*v1alpha1.Notification{}
	for _, d := range waiting {
		key := erasure.MessageKey(d.Register, d.Recipient)
		of := slices.DeleteFunc(written[key], func(n *v1alpha1.Notification) bool { return max(1, n.Spec.Cause.Ordinal) != max(1, d.Notice) })
		if n := decisive(of, d.Channel, r.Messages.Name(request, d)); n != nil {
			found[key] = n
		}
	}
	return found, nil
}

// decisive is the message to a recipient that counts: one that arrived, or the one through the channel of now. Where the register
// names none any more, any that was written does.
func decisive(written []*v1alpha1.Notification, channel v1alpha1.ObjectName, name string) *v1alpha1.Notification {
	var found *v1alpha1.Notification
	for _, n := range written {
		switch {
		case n.Status.DeliveredTime != nil:
			return n
		case channel == "" || n.Name == name:
			found = n
		}
	}
	return found
}

// parameter of a message; empty when it has none of the name.
func parameter(n *v1alpha1.Notification, name string) string {
	for _, p := range n.Spec.Parameters {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
