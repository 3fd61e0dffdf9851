package metric

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestRegisteringTwiceGivesTheFirst(t *testing.T) {
	registry := prometheus.NewRegistry()
	make := func() prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "rempart_test_total", Help: "x"})
	}
	first, err := Register(registry, make())
	if err != nil {
		t.Fatal(err)
	}
	second, err := Register(registry, make())
	if err != nil || first != second {
		t.Errorf("%v, %v", err, first == second)
	}
}

func TestAFailedCountIsAbsent(t *testing.T) {
	registry := prometheus.NewRegistry()
	fail := errors.New("no cache")
	answer := func(context.Context) ([]float64, error) { return []float64{3, 1}, fail }
	if _, err := Register(registry, NewCounted(answer, Gauge{"rempart_a", "a"}, Gauge{"rempart_b", "b"})); err != nil {
		t.Fatal(err)
	}
	if families, err := registry.Gather(); err != nil || len(families) != 0 {
		t.Errorf("%v, %v", families, err)
	}
	fail = nil
	if families, err := registry.Gather(); err != nil || len(families) != 2 {
		t.Errorf("%v, %v", families, err)
	}
}

func TestAGaugeHasTheLabelsOfNow(t *testing.T) {
	registry, now := prometheus.NewRegistry(), []Sample{{[]string{"eu", "volume"}, 2}, {[]string{"eu", "node"}, 0}, {[]string{"one label too few"}, 1}}
	if _, err := Register(registry, NewLabelled(Gauge{"rempart_c", "c"}, []string{"policy", "rule"}, func() []Sample { return now })); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || len(families[0].Metric) != 2 {
		t.Fatalf("%v, %v", families, err)
	}
	now = nil
	if families, err := registry.Gather(); err != nil || len(families) != 0 {
		t.Errorf("%v, %v", families, err)
	}
}
