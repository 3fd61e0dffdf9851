// Package webhook wires the admission handlers of every subject to the manager's server. Its subpackages judge; what CEL
// can say is in the schemas, what needs no other object is in the policies of config/admission.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/breachincident"
	"github.com/rempart-dev/rempart/internal/webhook/consentpolicy"
	"github.com/rempart-dev/rempart/internal/webhook/dataregister"
	"github.com/rempart-dev/rempart/internal/webhook/erasurerequest"
	"github.com/rempart-dev/rempart/internal/webhook/legalhold"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/notificationchannel"
	"github.com/rempart-dev/rempart/internal/webhook/officer"
	"github.com/rempart-dev/rempart/internal/webhook/placement"
	"github.com/rempart-dev/rempart/internal/webhook/residencypolicy"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
	"github.com/rempart-dev/rempart/internal/webhook/storage"
)

// Cleaners are the users of the controllers that remove objects whose owner or namespace goes. A controller manager
// without service accounts of its own acts as one user.
var Cleaners = []string{
	"system:serviceaccount:kube-system:generic-garbage-collector",
	"system:serviceaccount:kube-system:namespace-controller",
	"system:kube-controller-manager",
}

var errNotLoaded = errors.New("judging residency: the cluster was not read yet")

// Deps are what the handlers need beside the manager.
type Deps struct {
	Snapshots lookup.Snapshots
	Clock     clock.PassiveClock
	// OperatorNamespace is where the operator runs; it is never judged.
	OperatorNamespace string
	// OperatorUser is the user name of the operator's service account.
	OperatorUser string
}

// SetupWithManager serves every handler. All replicas do.
func SetupWithManager(mgr ctrl.Manager, deps Deps) error {
	scheme, live := mgr.GetScheme(), mgr.GetAPIReader()
	asker := rights.Reviews{Client: mgr.GetClient()}
	world := lookup.World{Snapshots: deps.Snapshots, Live: live, Cached: mgr.GetClient(), Clock: deps.Clock, OperatorNamespace: deps.OperatorNamespace}
	storer, placer := storage.New(world), placement.New(world)
	handlers := map[string]admission.Handler{
		storage.Path:              storer,
		storage.MutatePath:        storer.Mutating(),
		storage.VolumePath:        storage.NewVolumes(scheme, world),
		storage.ClassPath:         storage.NewClasses(scheme, world),
		storage.SnapshotPath:      storage.NewSnapshots(scheme, world),
		placement.Path:            placer,
		placement.MutatePath:      placer.Mutating(),
		consentpolicy.Path:        consentpolicy.New(scheme, world, asker),
		dataregister.Path:         dataregister.New(scheme, world, asker, marker{live, mgr.GetClient()}),
		erasurerequest.Path:       erasurerequest.New(scheme, asker, deps.Clock, live),
		erasurerequest.MutatePath: erasurerequest.NewMutating(scheme, deps.Clock),
		legalhold.Path:            legalhold.New(scheme, asker, deps.Clock, Cleaners),
		breachincident.Path:       breachincident.New(scheme, asker, deps.Clock, deps.OperatorUser, Cleaners),
		breachincident.MutatePath: breachincident.NewMutating(scheme, deps.Clock),
		notificationchannel.Path:  notificationchannel.New(scheme, notice.AuthorityDomain),
		officer.Path:              officer.New(scheme),
		residencypolicy.Path:      residencypolicy.New(scheme, live, asker, deps.Clock),
	}
	for path, handler := range handlers {
		mgr.GetWebhookServer().Register(path, Serve(handler))
	}
	return nil
}

// Serve returns what answers the API server's requests by a handler. Its log does not name the request: that would be worded
// for each, to be thrown away. Who has a failure to tell names it.
func Serve(handler admission.Handler) *admission.Webhook {
	return &admission.Webhook{Handler: handler, RecoverPanic: ptr.To(true),
		LogConstructor: func(base logr.Logger, _ *admission.Request) logr.Logger { return base }}
}

// Ready tells whether this replica can answer: it has judged the cluster once. To be added as a readiness check.
func Ready(snapshots lookup.Snapshots) healthz.Checker {
	return func(*http.Request) error {
		if snapshots.Load() == nil {
			return errNotLoaded
		}
		return nil
	}
}

// marker labels a namespace as guarded from within an admission request, so that no claim slips in between a register
// and the label.
type marker struct {
	live   client.Reader
	writer client.Writer
}

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;patch

// Mark sets the labels unless they are there, or stronger ones.
func (m marker) Mark(ctx context.Context, name string, marks map[string]string) error {
	namespace := &corev1.Namespace{}
	if err := m.live.Get(ctx, client.ObjectKey{Name: name}, namespace); err != nil {
		return fmt.Errorf("reading the namespace: %w", err)
	}
	has := residency.MarksOf(namespace.Labels)
	stronger := residency.Stronger(has, marks)
	if maps.Equal(has, stronger) {
		return nil
	}
	before := namespace.DeepCopy()
	if namespace.Labels == nil {
		namespace.Labels = map[string]string{}
	}
	maps.Copy(namespace.Labels, stronger)
	if err := m.writer.Patch(ctx, namespace, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("labelling the namespace: %w", err)
	}
	return nil
}
