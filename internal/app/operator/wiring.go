package operator

import (
	"context"
	"crypto/rand"
	"fmt"

	"k8s.io/client-go/discovery"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers"
	"github.com/rempart-dev/rempart/controllers/breachincident"
	"github.com/rempart-dev/rempart/controllers/consentpolicy"
	"github.com/rempart-dev/rempart/controllers/consentpolicy/wish"
	"github.com/rempart-dev/rempart/controllers/dataprotectionofficer/digest"
	"github.com/rempart-dev/rempart/controllers/dataregister"
	"github.com/rempart-dev/rempart/controllers/erasurerequest"
	"github.com/rempart-dev/rempart/controllers/erasurerequest/dispatch"
	"github.com/rempart-dev/rempart/controllers/erasurerun"
	"github.com/rempart-dev/rempart/controllers/legalhold"
	"github.com/rempart-dev/rempart/controllers/notification"
	"github.com/rempart-dev/rempart/controllers/notificationchannel"
	"github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/internal/adapter/consentd"
	"github.com/rempart-dev/rempart/internal/adapter/issuer"
	"github.com/rempart-dev/rempart/internal/adapter/smtp"
	hook "github.com/rempart-dev/rempart/internal/adapter/webhook"
	"github.com/rempart-dev/rempart/internal/archive"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/subjectkey/keeper"
	"github.com/rempart-dev/rempart/internal/webhook"
)

// serviceAccount of config/rbac: what admission recognises as the operator.
const serviceAccount = "rempart-operator"

// consentAccount is what consent services recognise as the operator: an account without a role, in its namespace. Whoever gets hold of
// its tokens learns of wishes, and nothing of the cluster.
const consentAccount = "rempart-consent"

// wire fills the interfaces that controllers and webhooks declare.
func wire(ctx context.Context, mgr ctrl.Manager, o options) error {
	now := clock.RealClock{}
	snapshots, scans := &residency.Holder{}, &residency.ScanHolder{}
	where := places{snapshots: snapshots, scans: scans, clock: now}
	keys := keeper.Keeper{Reader: mgr.GetAPIReader(), Client: mgr.GetClient(), Namespace: o.namespace, Random: rand.Reader}

	proofs := &archive.Archive{Reader: mgr.GetAPIReader(), Client: mgr.GetClient(), Namespace: o.namespace, Random: rand.Reader}

	door, err := egress.New(egress.Options{Allow: o.notifyAllow, Deny: o.egressDenied})
	if err != nil {
		return err
	}
	mails, hooks := smtp.New(door), hook.New(door)
	api, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("making a client of the API server's discovery: %w", err)
	}

	guards, err := guard.Installed(o.namespace)
	if err != nil {
		return err
	}

	account := &issuer.Account{REST: api.RESTClient(), Namespace: o.namespace, Name: consentAccount, Clock: now}
	err = controllers.Register(ctx, mgr, controllers.Config{
		Guards:          guards,
		ResidencyPolicy: residencypolicy.Config{Snapshots: snapshots, Scans: scans, Clock: now, OperatorNamespace: o.namespace, Guards: guards},
		DataRegister:    dataregister.Config{Image: o.eraserImage, Places: where, Chance: rand.Reader, Clock: now},
		ConsentPolicy: consentpolicy.Config{Namespace: o.namespace, Account: consentAccount, Image: o.consentdImage, Places: where, Service: consentd.New(),
			Own: account, Tokens: issuer.Cluster{REST: api.RESTClient()}, Chance: rand.Reader, Clock: now},
		Wish:           wish.Config{Service: consentd.New(), Tokens: account, Clock: now},
		ErasureRequest: erasurerequest.Config{Keys: keys, Messages: notice.Erasures{}, Evidence: proofs, Clock: now},
		Dispatch:       dispatch.Config{Image: o.eraserImage, Clock: now},
		ErasureRun:     erasurerun.Config{Image: o.eraserImage, Keys: keys, Places: where, Evidence: proofs, Clock: now},
		LegalHold:      legalhold.Config{Keys: keys, Clock: now},
		BreachIncident: breachincident.Config{Namespace: o.namespace, Clock: now},
		NotificationChannel: notificationchannel.Config{Namespace: o.namespace,
			Addresses: map[v1alpha1.ChannelType]notificationchannel.Address{v1alpha1.ChannelSMTP: mails, v1alpha1.ChannelWebhook: hooks}},
		Notification: notification.Config{Namespace: o.namespace, Clock: now,
			Senders: map[v1alpha1.ChannelType]notification.Sender{v1alpha1.ChannelSMTP: mails, v1alpha1.ChannelWebhook: hooks}},
		Digest: digest.Config{Log: proofs, Namespace: o.namespace, Clock: now},
	})
	if err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("residency", where.Ready); err != nil {
		return fmt.Errorf("adding a readiness check: %w", err)
	}
	return webhook.SetupWithManager(mgr, webhook.Deps{
		Snapshots: snapshots, Clock: now, OperatorNamespace: o.namespace,
		OperatorUser: fmt.Sprintf("system:serviceaccount:%s:%s", o.namespace, serviceAccount),
	})
}
