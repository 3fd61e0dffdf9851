// Command localprovisioner gives pods real volumes on the machine's own disk: a directory per claim, as a
// PersistentVolume of type local. Unlike a host path, such a volume knows its node, region and zone, and takes a
// pod's fsGroup, so that pods under the restricted Pod Security Standard can write to it.
package main

import (
	"context"
	"flag"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// provisionerName is what StorageClasses call this program.
const provisionerName = "local.rempart.dev"

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the cluster")
	root := flag.String("root", "", "directory that holds the volumes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *root); err != nil {
		klog.ErrorS(err, "Local provisioner stopped")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}

func run(ctx context.Context, kubeconfig, root string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, time.Minute)
	if err := watchSizes(ctx, client, factory); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	controller.NewProvisionController(ctx, client, provisionerName, &provisioner{client: client, root: root},
		controller.LeaderElection(false),
		// A failed attempt is repeated soon: people wait for tests.
		controller.ExponentialBackOffOnError(false),
		controller.MetricsPort(0),
	).Run(ctx)
	return nil
}
