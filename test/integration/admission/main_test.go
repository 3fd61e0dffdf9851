// Package admission asks a real API server, with the webhook configurations and admission policies of config/, what it
// refuses while the operator's handlers serve, and what while they do not.
package admission

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/controllers/dataregister"
	"github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook"
	"github.com/rempart-dev/rempart/test/apiserver"
	"github.com/rempart-dev/rempart/test/expect"
)

var (
	admin client.Client
	// stopOperator ends the handlers; what comes after sees the webhooks down.
	stopOperator func()
	config       *rest.Config
	scheme       *runtime.Scheme
)

func TestMain(m *testing.M) { os.Exit(apiserver.Prepared(m, prepare)) }

func prepare(server *apiserver.Server) (end func(), err error) {
	admin, config, scheme = server.Client, server.Config, server.Scheme
	ctx := context.Background()
	hooks, err := apiserver.NewHooks()
	if err != nil {
		return nil, err
	}
	if err := server.Install(ctx, hooks.Guards); err != nil {
		return nil, err
	}
	if stopOperator, err = operate(ctx, server, hooks); err != nil {
		return nil, err
	}
	if err := install(ctx); err != nil {
		stopOperator()
		return nil, err
	}
	return stopOperator, nil
}

// operate runs the residency controllers and every handler, and waits until the handlers have read the cluster.
func operate(ctx context.Context, server *apiserver.Server, hooks *apiserver.Hooks) (end func(), err error) {
	holder := &residency.Holder{}
	end, err = server.Operate(ctx, hooks, func(mgr ctrl.Manager) error {
		return errors.Join(
			residencypolicy.Register(mgr, residencypolicy.Config{Snapshots: holder, Scans: &residency.ScanHolder{}, Clock: clock.RealClock{}, OperatorNamespace: apiserver.OperatorNamespace, Guards: hooks.Guards}),
			dataregister.Index(ctx, mgr.GetFieldIndexer()),
			webhook.SetupWithManager(mgr, webhook.Deps{Snapshots: holder, Clock: clock.RealClock{}, OperatorNamespace: apiserver.OperatorNamespace, OperatorUser: apiserver.OperatorUser}))
	})
	if err != nil {
		return nil, err
	}
	ready := webhook.Ready(holder)
	if err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, expect.Soon, true, func(context.Context) (bool, error) { return ready(nil) == nil, nil }); err != nil {
		end()
		return nil, fmt.Errorf("waiting until the handlers have read the cluster: %w", err)
	}
	return end, nil
}
