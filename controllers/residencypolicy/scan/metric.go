package scan

import (
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/telemetry/metric"
)

// measure registers the number of violations by policy and rule. Only the replica that leads has scanned, and has it.
func measure(scans *residency.ScanHolder) error {
	gauge := metric.Gauge{Name: "rempart_residency_violations", Help: "Objects that are where a policy does not allow them, or of which nothing proves where they are"}
	_, err := metric.Register(metrics.Registry, metric.NewLabelled(gauge, []string{"policy", "rule"}, func() []metric.Sample { return samples(scans.Load()) }))
	return err
}

// samples has every rule of every policy, so that a number that falls to nothing is a zero and not a gap.
func samples(found *residency.Scan) []metric.Sample {
	var out []metric.Sample
	for _, policy := range found.All() {
		name := policy.Policy
		if name == "" {
			name = residency.BuiltInPolicy
		}
		for _, rule := range slices.Sorted(maps.Keys(policy.Rules)) {
			out = append(out, metric.Sample{Labels: []string{name, rule}, Value: float64(policy.Rules[rule])})
		}
	}
	return out
}
