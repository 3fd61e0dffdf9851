package operator

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/scan"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/telemetry/scrape"
)

// Names of the webhook configurations in config/webhook.
const (
	validatingConfiguration = "rempart-validating"
	mutatingConfiguration   = "rempart-mutating"
)

// reconciliationTimeout bounds one pass: a hung API call must not stop a queue.
const reconciliationTimeout = 2 * time.Minute

func scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	return s, nil
}

// newManager returns the manager with its caches, servers and probes, and no controller yet.
func newManager(restConfig *rest.Config, o options) (ctrl.Manager, error) {
	s, err := scheme()
	if err != nil {
		return nil, err
	}
	certs := &certificate{key: types.NamespacedName{Namespace: o.namespace, Name: o.webhookSecret}}
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:    s,
		Cache:     cacheOptions(),
		NewClient: newClient,
		Client: client.Options{
			FieldOwner:      "rempart-operator",
			FieldValidation: "Strict",
			Cache: &client.CacheOptions{
				DisableFor:                      []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}},
				EnableReadYourWritesConsistency: ptr.To(true),
			},
		},
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "rempart-operator",
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true,
		HealthProbeBindAddress:        o.probeAddr,
		Metrics:                       metricsOptions(o),
		WebhookServer:                 webhookServer(certs, o),
		Controller: config.Controller{
			EnableWarmup:          ptr.To(true),
			RecoverPanic:          ptr.To(true),
			ReconciliationTimeout: reconciliationTimeout,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	certs.reader = mgr.GetAPIReader()
	return mgr, addServing(mgr, certs, o)
}

// cacheOptions keep the cache small: no managed fields, of Jobs and Deployments only those that Rempart made, and of pods only what a scan
// reads, and no endpoints of Services that select pods. Secrets and ConfigMaps are never cached.
func cacheOptions() cache.Options {
	others, err := labels.NewRequirement(discoveryv1.LabelManagedBy, selection.NotIn, []string{residency.ManagedEndpoints})
	if err != nil { // constants
		panic(err)
	}
	ours := labels.SelectorFromSet(labels.Set{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart})
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}:        {Transform: scan.Lean},
			&batchv1.Job{}:       {Label: ours},
			&appsv1.Deployment{}: {Label: ours},

			&discoveryv1.EndpointSlice{}: {Label: labels.NewSelector().Add(*others)},
		},
	}
}

func metricsOptions(o options) metricsserver.Options {
	return metricsserver.Options{
		BindAddress:    o.metricsAddr,
		SecureServing:  true,
		FilterProvider: scrape.Filter,
		TLSOpts:        []func(*tls.Config){harden},
	}
}

// addServing adds what every replica needs to answer admission requests, and the probes.
func addServing(mgr ctrl.Manager, certs *certificate, o options) error {
	checks := map[string]healthz.Checker{"webhooks": mgr.GetWebhookServer().StartedChecker()}
	if o.rotates() {
		checks["certificate"] = certs.Ready
		if err := addRotation(mgr, certs, o); err != nil {
			return err
		}
	}
	for name, check := range checks {
		if err := mgr.AddReadyzCheck(name, check); err != nil {
			return fmt.Errorf("adding a readiness check: %w", err)
		}
	}
	return mgr.AddHealthzCheck("ping", healthz.Ping)
}

// addRotation adds the certificate of every replica, and the leader's renewal of it.
func addRotation(mgr ctrl.Manager, certs *certificate, o options) error {
	if err := mgr.Add(certs); err != nil {
		return fmt.Errorf("adding the certificate: %w", err)
	}
	err := rotator.AddRotator(mgr, &rotator.CertRotator{
		SecretKey:             certs.key,
		CertDir:               o.webhookCerts,
		CAName:                "rempart-ca",
		CAOrganization:        "rempart",
		DNSName:               fmt.Sprintf("%s.%s.svc", o.webhookHost, o.namespace),
		IsReady:               make(chan struct{}),
		RequireLeaderElection: o.leaderElect,
		FieldOwner:            "rempart-cert-rotator",
		Webhooks: []rotator.WebhookInfo{
			{Name: validatingConfiguration, Type: rotator.Validating},
			{Name: mutatingConfiguration, Type: rotator.Mutating},
		},
	})
	if err != nil {
		return fmt.Errorf("adding the rotation of certificates: %w", err)
	}
	return nil
}
