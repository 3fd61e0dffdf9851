package operator

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
)

func wire(ctx context.Context, mgr ctrl.Manager, o options) error { return nil }
