package erasurerequest

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/telemetry/metric"
)

// gauges count requests when asked. Every replica counts the same, so take the maximum.
func gauges(reader client.Reader) *metric.Counted {
	return metric.NewCounted(func(ctx context.Context) ([]float64, error) {
		list := &v1alpha1.ErasureRequestList{}
		if err := reader.List(ctx, list); err != nil {
			return nil, fmt.Errorf("counting requests: %w", err)
		}
		var open, overdue, stalled float64
		for i := range list.Items {
			status := &list.Items[i].Status
			if erasure.Open(&list.Items[i]) {
				open++
			}
			if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionOverdue) {
				overdue++
			}
			if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled) {
				stalled++
			}
		}
		return []float64{open, overdue, stalled}, nil
	},
		metric.Gauge{Name: "rempart_erasure_requests_open", Help: "Requests that have not ended, and those of which nobody told the person how they ended"},
		metric.Gauge{Name: "rempart_erasure_requests_overdue", Help: "Requests that were not answered in time: that have not ended, or of which nobody told the person how they ended"},
		metric.Gauge{Name: "rempart_erasure_requests_stalled", Help: "Requests that only a person can help, such as those of people who were found again"},
	)
}
