package operator

import (
	"context"
	"crypto/rand"
	"fmt"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/rempart-dev/rempart/controllers"
	"github.com/rempart-dev/rempart/controllers/dataregister"
	"github.com/rempart-dev/rempart/controllers/erasurerequest"
	"github.com/rempart-dev/rempart/controllers/erasurerequest/dispatch"
	"github.com/rempart-dev/rempart/controllers/erasurerun"
	"github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/subjectkey/keeper"
	"github.com/rempart-dev/rempart/internal/webhook"
)

// serviceAccount of config/rbac: what admission recognises as the operator.
const serviceAccount = "rempart-operator"

// wire fills the interfaces that controllers and webhooks declare.
func wire(ctx context.Context, mgr ctrl.Manager, o options) error {
	now := clock.RealClock{}
	snapshots := &residency.Holder{}
	where := places{snapshots: snapshots, clock: now}
	keys := keeper.Keeper{Reader: mgr.GetAPIReader(), Client: mgr.GetClient(), Namespace: o.namespace, Random: rand.Reader}

	err := controllers.Register(ctx, mgr, controllers.Config{
		ResidencyPolicy: residencypolicy.Config{Snapshots: snapshots, Clock: now, OperatorNamespace: o.namespace, WebhookConfiguration: validatingConfiguration},
		DataRegister:    dataregister.Config{Image: o.eraserImage, Places: where, Chance: rand.Reader, Clock: now},
		ErasureRequest:  erasurerequest.Config{Keys: keys, Messages: notice.Erasures{}, Clock: now},
		Dispatch:        dispatch.Config{Image: o.eraserImage, Clock: now},
		ErasureRun:      erasurerun.Config{Image: o.eraserImage, Keys: keys, Places: where, Clock: now},
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
