// Package matrix asks a real API server every question of the bypass matrix (test/residency/matrix, one file for each row):
// with all layers of Rempart, with its webhook configurations removed, and under a policy that audits. What cannot be
// refused must be found, and how fast is measured. `go test -v` prints the answers as a table.
package matrix

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/rempart-dev/rempart/controllers/dataregister"
	"github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/controllers/restore"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook"
	"github.com/rempart-dev/rempart/test/apiserver"
)

// bench is a cluster in which Rempart runs, and the questions.
type bench struct {
	*caller
	hooks     *apiserver.Hooks
	snapshots *residency.Holder
	scans     *residency.ScanHolder
	rows      []*row
	table     table

	// endHooks ends what restores webhook configurations; endOperator ends all other controllers, and the handlers.
	endHooks, endOperator func()
}

var matrix = &bench{snapshots: &residency.Holder{}, scans: &residency.ScanHolder{}}

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // rows wait for the scan, and for what Rempart hears of with a delay
		panic(err)
	}
	os.Exit(apiserver.Prepared(m, matrix.prepare))
}

// prepare fills the server: what is older than Rempart first, then Rempart.
func (b *bench) prepare(server *apiserver.Server) (end func(), err error) {
	ctx := context.Background()
	if b.rows, err = load(); err != nil {
		return nil, err
	}
	if wrong := complaints(b.rows); len(wrong) > 0 {
		return nil, fmt.Errorf("%d complaints: %q", len(wrong), wrong)
	}
	b.rows = chosen(b.rows, *only)
	if b.caller, err = newCaller(server); err != nil {
		return nil, err
	}
	if b.hooks, err = apiserver.NewHooks(); err != nil {
		return nil, err
	}
	if err := b.older(ctx); err != nil {
		return nil, err
	}
	if err := server.Install(ctx, b.hooks.Guards); err != nil {
		return nil, err
	}
	if err := b.unpinning(ctx); err != nil {
		return nil, err
	}
	if b.endOperator, err = server.Operate(ctx, b.hooks, b.operator); err != nil {
		return nil, err
	}
	if b.endHooks, err = server.Operate(ctx, nil, b.keeper); err != nil {
		b.endOperator()
		return nil, err
	}
	end = func() { b.endHooks(); b.endOperator() }
	if err := b.settled(ctx); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// operator registers the controllers of residency, all handlers, and what restores admission policies.
func (b *bench) operator(mgr ctrl.Manager) error {
	guards := b.hooks.Guards
	mgr.GetWebhookServer().Register(unpinPath, unpinner)
	return errors.Join(
		residencypolicy.Register(mgr, residencypolicy.Config{Snapshots: b.snapshots, Scans: b.scans, Clock: clock.RealClock{}, OperatorNamespace: apiserver.OperatorNamespace, Guards: guards}),
		dataregister.Index(context.Background(), mgr.GetFieldIndexer()),
		webhook.SetupWithManager(mgr, webhook.Deps{Snapshots: b.snapshots, Clock: clock.RealClock{}, OperatorNamespace: apiserver.OperatorNamespace, OperatorUser: apiserver.OperatorUser}),
		(&restore.Reconciler{Client: mgr.GetClient(), Guards: &guard.Guards{Policies: guards.Policies, Bindings: guards.Bindings}}).Register(mgr))
}

// keeper restores webhook configurations. It ends before they are removed.
func (b *bench) keeper(mgr ctrl.Manager) error {
	guards := b.hooks.Guards
	return (&restore.Reconciler{Client: mgr.GetClient(), Guards: &guard.Guards{Validating: guards.Validating, Mutating: guards.Mutating}}).Register(mgr)
}
