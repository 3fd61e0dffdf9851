package erasurerun

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/telemetry/metric"
)

// gauges count runs when asked. Every replica counts the same, so take the maximum.
func gauges(reader client.Reader) *metric.Counted {
	return metric.NewCounted(func(ctx context.Context) ([]float64, error) {
		list := &v1alpha1.ErasureRunList{}
		if err := reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("counting runs: %w", err)
		}
		var lost float64
		for i := range list.Items {
			if erasure.LostWords(&list.Items[i]) != "" {
				lost++
			}
		}
		return []float64{lost}, nil
	}, metric.Gauge{Name: "rempart_erasure_runs_node_lost", Help: "Runs that wait for a node that does not answer, until somebody says that it is off"})
}
