// Package admission asks a real API server, with the webhook configurations and admission policies of config/, what it
// refuses while the operator's handlers serve, and what while they do not.
package admission

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	webhookserver "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/go-logr/logr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/residencypolicy"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook"
	"github.com/rempart-dev/rempart/test/apiserver"
)

const (
	operatorNamespace = "rempart-system"
	operatorUser      = "system:serviceaccount:rempart-system:rempart-operator"
)

var (
	admin client.Client
	// stopOperator ends the handlers; what comes after sees the webhooks down.
	stopOperator func()
	config       *rest.Config
	scheme       = runtime.NewScheme()
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
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return fail(err)
		}
	}
	root := apiserver.Root()
	env := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(root, "config", "crd", "bases")}, ErrorIfCRDPathMissing: true, Scheme: scheme,
		WebhookInstallOptions: envtest.WebhookInstallOptions{Paths: []string{filepath.Join(root, "config", "webhook", "validating.yaml"), filepath.Join(root, "config", "webhook", "mutating.yaml")}}}
	var err error
	defer func() { _ = env.Stop() }() // also of a server that could not be filled: it runs all the same
	if config, err = env.Start(); err != nil {
		return fail(err)
	}
	config.QPS, config.Burst = -1, -1
	if admin, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done, err := operate(ctx, env)
	if err != nil {
		return fail(err)
	}
	stopOperator = func() { cancel(); <-done }
	if err := install(ctx, root); err != nil {
		return fail(err)
	}
	code := m.Run()
	cancel()
	<-done
	return code
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// operate runs the residency controllers and every handler under the operator's own user name.
func operate(ctx context.Context, env *envtest.Environment) (<-chan struct{}, error) {
	asOperator := rest.CopyConfig(config)
	asOperator.Impersonate = rest.ImpersonationConfig{UserName: operatorUser, Groups: []string{"system:masters"}}
	serving := env.WebhookInstallOptions
	mgr, err := ctrl.NewManager(asOperator, ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		WebhookServer: webhookserver.NewServer(webhookserver.Options{Host: serving.LocalServingHost, Port: serving.LocalServingPort, CertDir: serving.LocalServingCertDir})})
	if err != nil {
		return nil, err
	}
	holder := &residency.Holder{}
	guards, err := guard.Installed(operatorNamespace)
	if err != nil {
		return nil, err
	}
	if err := residencypolicy.Register(mgr, residencypolicy.Config{Snapshots: holder, Scans: &residency.ScanHolder{}, Clock: clock.RealClock{}, OperatorNamespace: operatorNamespace, Guards: guards}); err != nil {
		return nil, err
	}
	if err := webhook.SetupWithManager(mgr, webhook.Deps{Snapshots: holder, Clock: clock.RealClock{}, OperatorNamespace: operatorNamespace, OperatorUser: operatorUser}); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := mgr.Start(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "running the operator:", err)
		}
	}()
	ready := webhook.Ready(holder)
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		return ready(nil) == nil && mgr.GetWebhookServer().StartedChecker()(nil) == nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting until the handlers serve: %w", err)
	}
	return done, nil
}
