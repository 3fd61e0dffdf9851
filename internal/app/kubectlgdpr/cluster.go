package kubectlgdpr

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
)

// patience is how long one question to the API server may take.
const patience = 30 * time.Second

// Target says which cluster, as the flags of kubectl of the same names do. Empty fields mean the default of the kubeconfig.
type Target struct{ Kubeconfig, Context, Namespace string }

// Cluster is a cluster, and the namespace that is meant where none is named.
type Cluster struct {
	Client    client.Client
	Namespace string
}

// targetFlags gives a command the flags that name a cluster, and a namespace of what.
func targetFlags(command *cobra.Command, into *Target, what string) {
	flags := command.Flags()
	flags.StringVar(&into.Kubeconfig, "kubeconfig", "", "path of the kubeconfig; KUBECONFIG or the default one when absent")
	flags.StringVar(&into.Context, "context", "", "context of the kubeconfig; the current one when absent")
	flags.StringVarP(&into.Namespace, "namespace", "n", "", "namespace of the "+what+"; that of the context when absent")
}

// Scheme has the kinds that the plug-in knows.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil { // compiled-in types: a fault of the build
			panic(err)
		}
	}
	return scheme
}

// connect opens a cluster by the kubeconfig.
func connect(target Target) (Cluster, error) {
	log.SetLogger(logr.Discard()) // else the library complains on standard error that nobody listens
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = target.Kubeconfig
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: target.Context})
	namespace, _, err := config.Namespace()
	if err != nil {
		return Cluster{}, fmt.Errorf("reading the kubeconfig: %w; name one by --kubeconfig, and a context of it by --context", err)
	}
	rest, err := config.ClientConfig()
	if err != nil {
		return Cluster{}, fmt.Errorf("reading the kubeconfig: %w; name one by --kubeconfig, and a context of it by --context", err)
	}
	rest.Timeout = patience
	opened, err := client.New(rest, client.Options{Scheme: Scheme()})
	if err != nil {
		return Cluster{}, fmt.Errorf("connecting to the cluster: %w", err)
	}
	if target.Namespace != "" {
		namespace = target.Namespace
	}
	return Cluster{Client: opened, Namespace: namespace}, nil
}

// world reads what a snapshot judges: all policies, classes, volumes and nodes with their drivers, and one namespace with
// its registers when it is named.
func (c Cluster) world(ctx context.Context, namespace string, on v1alpha1.Date, operator string) (residency.Input, error) {
	policies, registers := &v1alpha1.ResidencyPolicyList{}, &v1alpha1.DataRegisterList{}
	classes, nodes := &storagev1.StorageClassList{}, &corev1.NodeList{}
	csiNodes, volumes := &storagev1.CSINodeList{}, &corev1.PersistentVolumeList{}
	in := residency.Input{On: on, OperatorNamespace: operator}
	err := errors.Join(c.list(ctx, "csinodes", csiNodes), c.list(ctx, "persistentvolumes", volumes),
		c.list(ctx, "residencypolicies", policies), c.list(ctx, "storageclasses", classes), c.list(ctx, "nodes", nodes))
	if namespace != "" {
		ns := &corev1.Namespace{}
		err = errors.Join(err, c.list(ctx, "dataregisters", registers, client.InNamespace(namespace)), c.get(ctx, "namespace", client.ObjectKey{Name: namespace}, ns))
		in.Namespaces = []corev1.Namespace{*ns}
	}
	in.Policies, in.Classes, in.Nodes = policies.Items, classes.Items, nodes.Items
	in.CSINodes, in.Volumes = csiNodes.Items, volumes.Items
	in.Registers, in.Stores = residency.RegistersOf(registers.Items), register.StoresOf(registers.Items)
	return in, err
}

// list reads objects. A kind of ours that the cluster does not have has no objects.
func (c Cluster) list(ctx context.Context, what string, into client.ObjectList, options ...client.ListOption) error {
	err := c.Client.List(ctx, into, options...)
	switch {
	case err == nil || meta.IsNoMatchError(err):
		return nil
	case apierrors.IsForbidden(err):
		return fmt.Errorf("listing %s: you may not; ask for the verbs get and list on %s", what, what)
	default:
		return fmt.Errorf("listing %s: %w", what, err)
	}
}

// get reads an object that must exist.
func (c Cluster) get(ctx context.Context, what string, key client.ObjectKey, into client.Object) error {
	err := c.Client.Get(ctx, key, into)
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err):
		return absent(what, key.Name, key.Namespace)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("reading %s %q: you may not; ask for the verb get on it", what, key.Name)
	default:
		return fmt.Errorf("reading %s %q: %w", what, key.Name, err)
	}
}

// absent says that an object is not there, and where to look.
func absent(what, name, namespace string) error {
	if namespace != "" {
		return fmt.Errorf("%s %q does not exist in namespace %q; name the namespace by -n", what, name, namespace)
	}
	return fmt.Errorf("%s %q does not exist; \"kubectl get %s\" lists what does", what, name, what)
}
