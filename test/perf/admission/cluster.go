package admission

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/apiserver"
)

// setUp is what the API server asks about a claim. Each has a namespace of its name, and the operator judges all of them:
// they differ only in who is asked.
type setUp struct {
	name                                  string
	policy, webhooks, gatekeeper, kyverno bool
}

var setUps = []setUp{{name: "none"}, {name: "policies", policy: true}, {name: "webhooks", webhooks: true}, {name: "both", policy: true, webhooks: true}}

// setUpLabel on a namespace tells its set-up.
const setUpLabel = "bench.rempart.dev/set-up"

// cluster is an API server with the operator's process behind it.
type cluster struct {
	server   *apiserver.Server
	operator *operator
	// gatekeeper and kyverno are the comparators; nil without them.
	gatekeeper *gatekeeper
	kyverno    *kyverno
	// serving are the API server and etcd.
	serving []int
}

// startCluster starts all, and waits until each set-up asks whom it should. Stop also ends what a failure left.
func startCluster(ctx context.Context, o options, folder string) (c *cluster, stop func(), err error) {
	c = &cluster{}
	if c.server, err = apiserver.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting the API server: %w", err)
	}
	stop = func() {
		if c.gatekeeper != nil {
			err = errors.Join(err, c.gatekeeper.stop())
		}
		if c.kyverno != nil {
			err = errors.Join(err, c.kyverno.stop())
		}
		if c.operator != nil {
			err = errors.Join(err, c.operator.stop())
		}
		if err := errors.Join(err, c.server.Stop()); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return c, stop, c.fill(ctx, o, folder)
}

func (c *cluster) fill(ctx context.Context, o options, folder string) (err error) {
	for _, program := range []string{"kube-apiserver", "etcd"} {
		pids, err := children(program)
		if err != nil {
			return err
		}
		c.serving = append(c.serving, pids...)
	}
	if err := c.server.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}}); err != nil {
		return err
	}
	if c.operator, err = startOperator(ctx, c.server, folder); err != nil {
		return err
	}
	if o.gatekeeper != "" {
		setUps = append(setUps, setUp{name: "gatekeeper", gatekeeper: true})
		if c.gatekeeper, err = startGatekeeper(ctx, c.server, o.gatekeeper, folder); err != nil {
			return err
		}
	}
	if o.kyverno != "" {
		setUps = append(setUps, setUp{name: "kyverno", kyverno: true})
		if c.kyverno, err = startKyverno(ctx, c.server, o.kyverno, folder); err != nil {
			return err
		}
	}
	policy := newPolicy()
	made := errors.Join(c.server.Client.Create(ctx, policy), c.server.Client.Create(ctx, newClass(allowedClass, "eu-west-3")), c.server.Client.Create(ctx, newClass(deniedClass, "us-east-1")))
	for _, s := range setUps {
		made = errors.Join(made, c.server.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name, Labels: map[string]string{"data": selected["data"], setUpLabel: s.name}}}))
	}
	if err := errors.Join(made, c.install(ctx)); err != nil {
		return err
	}
	for _, s := range setUps {
		if err := c.settled(ctx, s); err != nil {
			return fmt.Errorf("waiting until the set-up %q holds: %w", s.name, err)
		}
	}
	return nil
}

// install makes copies of the guards of this release that select namespaces by set-up. Under their own names the operator
// would restore them; and the webhooks are where no Service leads.
func (c *cluster) install(ctx context.Context) error {
	guards, err := guard.Installed(operatorNamespace)
	if err != nil {
		return err
	}
	var made error
	twin := guards.Policy(residency.TwinPolicy)
	binding := residency.Twin(newPolicy(), operatorNamespace)
	twin.Name, binding.Name, binding.Spec.PolicyName, binding.OwnerReferences = "bench-claims", "bench-claims", "bench-claims", nil
	restrict(binding.Spec.MatchResources.NamespaceSelector, func(s setUp) bool { return s.policy })
	made = errors.Join(c.server.Client.Create(ctx, twin), c.server.Client.Create(ctx, binding))
	for _, configuration := range guards.Validating {
		configuration.Name = "bench-validating"
		for i := range configuration.Webhooks {
			hook := &configuration.Webhooks[i]
			c.reach(&hook.ClientConfig)
			hook.NamespaceSelector = restrict(hook.NamespaceSelector, func(s setUp) bool { return s.webhooks })
		}
		made = errors.Join(made, c.server.Client.Create(ctx, configuration))
	}
	for _, configuration := range guards.Mutating {
		configuration.Name = "bench-mutating"
		for i := range configuration.Webhooks {
			hook := &configuration.Webhooks[i]
			c.reach(&hook.ClientConfig)
			hook.NamespaceSelector = restrict(hook.NamespaceSelector, func(s setUp) bool { return s.webhooks })
		}
		made = errors.Join(made, c.server.Client.Create(ctx, configuration))
	}
	if c.gatekeeper != nil {
		made = errors.Join(made, c.server.Client.Create(ctx, c.gatekeeper.configuration()))
	}
	return made
}

// judging are the processes that webhooks call.
func (c *cluster) judging() []int {
	pids := []int{c.operator.process.Process.Pid}
	if c.gatekeeper != nil {
		pids = append(pids, c.gatekeeper.process.Process.Pid)
	}
	if c.kyverno != nil {
		pids = append(pids, c.kyverno.process.Process.Pid)
	}
	return pids
}

// reach replaces a Service by the operator's port on this machine.
func (c *cluster) reach(config *admissionregistrationv1.WebhookClientConfig) {
	url := "https://127.0.0.1:" + c.operator.port + *config.Service.Path
	config.Service, config.URL, config.CABundle = nil, &url, c.operator.authority
}

// restrict narrows a selector to the namespaces of some set-ups.
func restrict(selector *metav1.LabelSelector, some func(setUp) bool) *metav1.LabelSelector {
	if selector == nil {
		selector = &metav1.LabelSelector{}
	}
	only := metav1.LabelSelectorRequirement{Key: setUpLabel, Operator: metav1.LabelSelectorOpIn}
	for _, s := range setUps {
		if some(s) {
			only.Values = append(only.Values, s.name)
		}
	}
	selector.MatchExpressions = append(selector.MatchExpressions, only)
	return selector
}

// settled waits until a set-up admits a claim in the Union, and refuses one abroad if it asks anybody.
func (c *cluster) settled(ctx context.Context, s setUp) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		last = c.server.Client.Create(ctx, newClaim(s.name, allowedClass), client.DryRunAll)
		abroad := c.server.Client.Create(ctx, newClaim(s.name, deniedClass), client.DryRunAll)
		return last == nil && (abroad != nil) == (s.policy || s.webhooks || s.gatekeeper || s.kyverno) && (abroad == nil || apierrors.IsForbidden(abroad) || (s.kyverno && apierrors.IsBadRequest(abroad))), nil
	})
	return errors.Join(err, last)
}
