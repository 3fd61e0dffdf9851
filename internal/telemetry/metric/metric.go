// Package metric registers what is measured.
package metric

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scrapeTimeout bounds a count made while Prometheus waits.
const scrapeTimeout = 5 * time.Second

// Register adds a metric, or returns the one that was registered before under the same description: a program that
// builds two managers, such as a test, registers twice.
func Register[C prometheus.Collector](registry prometheus.Registerer, collector C) (C, error) {
	err := registry.Register(collector)
	if known, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := known.ExistingCollector.(C); ok {
			return existing, nil
		}
	}
	if err != nil {
		return collector, fmt.Errorf("registering a metric: %w", err)
	}
	return collector, nil
}

// Gauge is one number of a Count.
type Gauge struct {
	// Name of the metric, rempart_<noun>_<unit>.
	Name string
	// Help in one sentence.
	Help string
}

// Counted are gauges that are counted when Prometheus asks, from the operator's cache, so that they are never stale. If
// counting fails the gauges are absent: an absent metric alerts, a wrong one does not.
type Counted struct {
	descriptions []*prometheus.Desc
	count        func(context.Context) ([]float64, error)
}

// NewCounted returns a collector; count answers one number per gauge, in their order.
func NewCounted(count func(context.Context) ([]float64, error), gauges ...Gauge) *Counted {
	c := &Counted{count: count}
	for _, g := range gauges {
		c.descriptions = append(c.descriptions, prometheus.NewDesc(g.Name, g.Help, nil, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *Counted) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descriptions {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Counted) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	numbers, err := c.count(ctx)
	if err != nil || len(numbers) != len(c.descriptions) {
		return
	}
	for i, d := range c.descriptions {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, numbers[i])
	}
}
