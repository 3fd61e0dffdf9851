// Package controllers lists all that runs in the operator, in reading order.
package controllers

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/rempart-dev/rempart/controllers/breachincident"
	"github.com/rempart-dev/rempart/controllers/consentpolicy"
	"github.com/rempart-dev/rempart/controllers/consentpolicy/wish"
	"github.com/rempart-dev/rempart/controllers/consentpolicy/witness"
	"github.com/rempart-dev/rempart/controllers/dataprotectionofficer"
	"github.com/rempart-dev/rempart/controllers/dataprotectionofficer/digest"
	"github.com/rempart-dev/rempart/controllers/dataregister"
	"github.com/rempart-dev/rempart/controllers/erasurerequest"
	"github.com/rempart-dev/rempart/controllers/erasurerequest/dispatch"
	"github.com/rempart-dev/rempart/controllers/erasurerun"
	"github.com/rempart-dev/rempart/controllers/escalationpolicy"
	"github.com/rempart-dev/rempart/controllers/legalhold"
	"github.com/rempart-dev/rempart/controllers/notification"
	"github.com/rempart-dev/rempart/controllers/notificationchannel"
	"github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/controllers/restore"
	"github.com/rempart-dev/rempart/internal/guard"
)

// Config is what each controller is given.
type Config struct {
	Guards              *guard.Guards
	ResidencyPolicy     residencypolicy.Config
	DataRegister        dataregister.Config
	ErasureRequest      erasurerequest.Config
	Dispatch            dispatch.Config
	ErasureRun          erasurerun.Config
	ConsentPolicy       consentpolicy.Config
	Wish                wish.Config
	LegalHold           legalhold.Config
	BreachIncident      breachincident.Config
	NotificationChannel notificationchannel.Config
	Notification        notification.Config
	Digest              digest.Config
}

// Register adds every controller to the manager.
func Register(ctx context.Context, mgr ctrl.Manager, c Config) error {
	steps := []struct {
		name     string
		register func() error
	}{
		// what the API server holds for us
		{"guards", func() error { return (&restore.Reconciler{Client: mgr.GetClient(), Guards: c.Guards}).Register(mgr) }},
		// where personal data may be
		{"residencypolicy", func() error { return residencypolicy.Register(mgr, c.ResidencyPolicy) }},
		// what is held, and where it is
		{"dataregister", func() error { return dataregister.Register(ctx, mgr, c.DataRegister) }},
		// what people are asked, and what proves the answer
		{"consentpolicy", func() error { return consentpolicy.Register(ctx, mgr, c.ConsentPolicy) }},
		{"consentpolicy/witness", func() error {
			return witness.Register(ctx, mgr, witness.Config{Namespace: c.ConsentPolicy.Namespace, Clock: c.ConsentPolicy.Clock})
		}},
		{"consentpolicy/wish", func() error { return wish.Register(mgr, c.Wish) }},
		// what the law keeps, and a person who asks to be erased: the request, its batches, each execution
		{"legalhold", func() error { return legalhold.Register(mgr, c.LegalHold) }},
		{"erasurerequest", func() error { return erasurerequest.Register(ctx, mgr, c.ErasureRequest) }},
		{"erasurerequest/dispatch", func() error { return dispatch.Register(mgr, c.Dispatch) }},
		{"erasurerun", func() error { return erasurerun.Register(mgr, c.ErasureRun) }},
		// a breach: its clock, who is told, by which channel, each message
		{"breachincident", func() error { return breachincident.Register(ctx, mgr, c.BreachIncident) }},
		{"escalationpolicy", func() error { return escalationpolicy.Register(ctx, mgr) }},
		{"notificationchannel", func() error { return notificationchannel.Register(ctx, mgr, c.NotificationChannel) }},
		{"notification", func() error { return notification.Register(ctx, mgr, c.Notification) }},
		// what the officer sees
		{"dataprotectionofficer", func() error { return dataprotectionofficer.Register(ctx, mgr, c.DataRegister.Clock) }},
		{"dataprotectionofficer/digest", func() error { return digest.Register(ctx, mgr, c.Digest) }},
	}
	for _, step := range steps {
		if err := step.register(); err != nil {
			return fmt.Errorf("registering controller %s: %w", step.name, err)
		}
	}
	return nil
}
