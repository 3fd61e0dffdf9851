// Command kubectl-gdpr is a plug-in of kubectl: it answers where data may lie, when a period ends and whether a certificate holds,
// and leads requests of erasure.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubeconfigs may ask for them

	"github.com/rempart-dev/rempart/internal/app/kubectlgdpr"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := kubectlgdpr.Main(ctx, os.Args[1:], kubectlgdpr.Terminal())
	stop()
	os.Exit(code)
}
