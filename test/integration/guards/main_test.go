// Package guards asks a real API server that has the admission policies of config/ and no webhook at all what it refuses by
// itself, while the controllers of residency run and while they do not.
package guards

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/controllers/restore"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/apiserver"
)

var (
	server *apiserver.Server
	admin  client.Client
	// stopOperator ends the controllers; what comes after has neither them nor webhooks.
	stopOperator func()
	config       *rest.Config
	scheme       *runtime.Scheme
	installed    *guard.Guards
	snapshots    = &residency.Holder{}
)

func TestMain(m *testing.M) { os.Exit(apiserver.Prepared(m, prepare)) }

func prepare(started *apiserver.Server) (end func(), err error) {
	server, admin, config, scheme = started, started.Client, started.Config, started.Scheme
	ctx := context.Background()
	if installed, err = guard.Installed(apiserver.OperatorNamespace); err != nil {
		return nil, err
	}
	if err := install(ctx); err != nil {
		return nil, err
	}
	if stopOperator, err = server.Operate(ctx, nil, operator); err != nil {
		return nil, err
	}
	if err := settled(ctx); err != nil {
		stopOperator()
		return nil, err
	}
	return stopOperator, nil
}

// operator registers the controllers of residency and what restores admission policies. The webhook configurations are left
// alone: where one is, its webhooks are called.
func operator(mgr ctrl.Manager) error {
	return errors.Join((&restore.Reconciler{Client: mgr.GetClient(), Guards: &guard.Guards{Policies: installed.Policies, Bindings: installed.Bindings}}).Register(mgr),
		residencypolicy.Register(mgr, residencypolicy.Config{Snapshots: snapshots, Scans: &residency.ScanHolder{}, Clock: clock.RealClock{}, OperatorNamespace: apiserver.OperatorNamespace, Guards: installed}))
}

// patience is for what the API server reads with a delay: it learns of new kinds every 30 seconds. A busy machine needs longer.
const patience = 5 * time.Minute
