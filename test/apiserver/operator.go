package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	webhookserver "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/rempart-dev/rempart/internal/guard"
)

// Whom the installation runs the operator as, and where.
const (
	OperatorNamespace = "rempart-system"
	OperatorUser      = "system:serviceaccount:rempart-system:rempart-operator"
)

// Hooks are where handlers in the test's own process serve, and the guards whose webhooks call there.
type Hooks struct {
	Guards  *guard.Guards
	serving envtest.WebhookInstallOptions
}

// webhookPatience is how many seconds the API server waits for a webhook: more than as installed, since the machine may be busy with other tests.
const webhookPatience = 30

// NewHooks reads the guards of this release, which are given more time, and makes certificates. Nothing is installed.
func NewHooks() (*Hooks, error) {
	guards, err := guard.Installed(OperatorNamespace)
	if err != nil {
		return nil, err
	}
	for _, configuration := range guards.Validating {
		for i := range configuration.Webhooks {
			configuration.Webhooks[i].TimeoutSeconds = ptr.To[int32](webhookPatience)
		}
	}
	for _, configuration := range guards.Mutating {
		for i := range configuration.Webhooks {
			configuration.Webhooks[i].TimeoutSeconds = ptr.To[int32](webhookPatience)
		}
	}
	hooks := &Hooks{Guards: guards, serving: envtest.WebhookInstallOptions{ValidatingWebhooks: guards.Validating, MutatingWebhooks: guards.Mutating, LocalServingHost: "127.0.0.1"}}
	if err := hooks.serving.PrepWithoutInstalling(); err != nil {
		return nil, fmt.Errorf("making certificates of webhooks: %w", err)
	}
	return hooks, nil
}

// Server serves the handlers.
func (h *Hooks) Server() webhookserver.Server {
	return webhookserver.NewServer(webhookserver.Options{Host: h.serving.LocalServingHost, Port: h.serving.LocalServingPort, CertDir: h.serving.LocalServingCertDir})
}

// URL is where the API server reaches what is served under a path.
func (h *Hooks) URL(path string) string {
	return fmt.Sprintf("https://%s:%d%s", h.serving.LocalServingHost, h.serving.LocalServingPort, path)
}

// Authority signed what Server shows.
func (h *Hooks) Authority() []byte { return h.serving.LocalServingCAData }

// Install makes the admission policies with their bindings and the webhook configurations.
func (s *Server) Install(ctx context.Context, guards *guard.Guards) error {
	var made error
	for _, policy := range guards.Policies {
		made = errors.Join(made, s.Client.Create(ctx, policy.DeepCopy()))
	}
	for _, binding := range guards.Bindings {
		made = errors.Join(made, s.Client.Create(ctx, binding.DeepCopy()))
	}
	for _, hooks := range guards.Validating {
		made = errors.Join(made, s.Client.Create(ctx, hooks.DeepCopy()))
	}
	for _, hooks := range guards.Mutating {
		made = errors.Join(made, s.Client.Create(ctx, hooks.DeepCopy()))
	}
	return made
}

// Operate runs a manager under the operator's own user name, and returns what ends it. Hooks is nil where nothing serves.
func (s *Server) Operate(ctx context.Context, hooks *Hooks, register func(ctrl.Manager) error) (end func(), err error) {
	asOperator := rest.CopyConfig(s.Config)
	asOperator.Impersonate = rest.ImpersonationConfig{UserName: OperatorUser, Groups: []string{"system:masters"}}
	options := ctrl.Options{Scheme: s.Scheme, Metrics: metricsserver.Options{BindAddress: "0"}, Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(true)}}
	if hooks != nil {
		options.WebhookServer = hooks.Server()
	}
	mgr, err := ctrl.NewManager(asOperator, options)
	if err != nil {
		return nil, err
	}
	if err := register(mgr); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := mgr.Start(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "running the operator:", err)
		}
	}()
	end = func() { cancel(); <-done }
	if hooks == nil {
		return end, nil
	}
	serves := mgr.GetWebhookServer().StartedChecker()
	if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) { return serves(nil) == nil, nil }); err != nil {
		end()
		return nil, fmt.Errorf("waiting until the handlers serve: %w", err)
	}
	return end, nil
}
