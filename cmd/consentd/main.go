// Command consentd asks for consents, records them and proves them: the widget, the ledger's API, and the gate.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the image has no time zones of its own

	_ "golang.org/x/crypto/x509roots/fallback" // nor certificates

	"github.com/rempart-dev/rempart/internal/app/consentd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := consentd.Main(ctx, os.Args, os.Stderr)
	stop()
	os.Exit(code)
}
