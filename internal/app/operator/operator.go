// Package operator puts the operator together: flags, clients, adapters, controllers, webhooks.
package operator

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	_ "time/tzdata" // the image has no zone files

	_ "golang.org/x/crypto/x509roots/fallback" // nor certificate roots
)

// Main runs the operator until ctx ends and returns the process's exit code.
func Main(ctx context.Context, args []string) int {
	o, err := parse(args)
	if err == nil {
		err = run(ctx, o, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rempart operator:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, o options, logs io.Writer) error {
	log, err := newLogger(o.logLevel, logs)
	if err != nil {
		return err
	}
	ctrl.SetLogger(log)
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	mgr, err := newManager(restConfig, o)
	if err != nil {
		return err
	}
	if err := wire(ctx, mgr, o); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func newLogger(level string, w io.Writer) (logr.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return logr.Logger{}, fmt.Errorf("reading --log-level: %w", err)
	}
	return logr.FromSlogHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})), nil
}
