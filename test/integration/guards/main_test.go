// Package guards asks a real API server that has the admission policies of config/ and no webhook at all what it refuses by
// itself, while the controllers of residency run and while they do not.
package guards

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/controllers/restore"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/apiserver"
)

const (
	operatorNamespace = "rempart-system"
	operatorUser      = "system:serviceaccount:rempart-system:rempart-operator"
)

var (
	admin client.Client
	// stopOperator ends the controllers; what comes after has neither them nor webhooks.
	stopOperator func()
	config       *rest.Config
	scheme       = runtime.NewScheme()
	installed    *guard.Guards
	snapshots    = &residency.Holder{}
)

func TestMain(m *testing.M) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "KUBEBUILDER_ASSETS is not set; run these tests by `make test-integration`, which builds what they need")
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	logf.SetLogger(logr.Discard())
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return fail(err)
	}
	env := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(apiserver.Root(), "config", "crd", "bases")}, ErrorIfCRDPathMissing: true, Scheme: scheme}
	var err error
	defer func() { _ = env.Stop() }() // also of a server that could not be filled: it runs all the same
	if config, err = env.Start(); err != nil {
		return fail(err)
	}
	config.QPS, config.Burst = -1, -1
	if admin, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return fail(err)
	}
	if installed, err = guard.Installed(operatorNamespace); err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := install(ctx); err != nil {
		return fail(err)
	}
	done, err := operate(ctx)
	if err != nil {
		return fail(err)
	}
	stopOperator = func() { cancel(); <-done }
	if err := settled(ctx); err != nil {
		return fail(err)
	}
	code := m.Run()
	stopOperator()
	return code
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// operate runs the controllers of residency under the operator's own user name, and what restores admission policies. The
// webhook configurations are left alone: where one is, its webhooks are called.
func operate(ctx context.Context) (<-chan struct{}, error) {
	return running(ctx, func(mgr ctrl.Manager) error {
		return errors.Join((&restore.Reconciler{Client: mgr.GetClient(), Guards: &guard.Guards{Policies: installed.Policies, Bindings: installed.Bindings}}).Register(mgr),
			residencypolicy.Register(mgr, residencypolicy.Config{Snapshots: snapshots, Scans: &residency.ScanHolder{}, Clock: clock.RealClock{}, OperatorNamespace: operatorNamespace, Guards: installed}))
	})
}

// running starts controllers, and returns what is closed when they have ended.
func running(ctx context.Context, register func(ctrl.Manager) error) (<-chan struct{}, error) {
	asOperator := rest.CopyConfig(config)
	asOperator.Impersonate = rest.ImpersonationConfig{UserName: operatorUser, Groups: []string{"system:masters"}}
	mgr, err := ctrl.NewManager(asOperator, ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}, Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(true)}})
	if err != nil {
		return nil, err
	}
	if err := register(mgr); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := mgr.Start(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "running controllers:", err)
		}
	}()
	return done, nil
}

// patience is for what the API server reads with a delay: it learns of new kinds every 30 seconds.
const patience = time.Minute
