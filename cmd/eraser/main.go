// Command eraser does one step of an erasure in a store: provision, scan, plan, erase or verify.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	_ "golang.org/x/crypto/x509roots/fallback" // the image has no certificates of its own

	"github.com/rempart-dev/rempart/internal/app/eraser"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := eraser.Main(ctx, os.Args, eraser.Pod())
	stop()
	os.Exit(code)
}
