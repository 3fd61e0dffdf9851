package metric

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Sample is one number of a Labelled gauge, with the values of its labels in their order.
type Sample struct {
	Labels []string
	Value  float64
}

// Labelled is a gauge with labels that is read when Prometheus asks, so that it is never stale and holds no label that is
// gone. The values of the labels must be bounded.
type Labelled struct {
	description *prometheus.Desc
	labels      int
	read        func() []Sample
}

// NewLabelled returns a collector of one gauge. Read answers from memory.
func NewLabelled(g Gauge, labels []string, read func() []Sample) *Labelled {
	return &Labelled{description: prometheus.NewDesc(g.Name, g.Help, labels, nil), labels: len(labels), read: read}
}

// Describe implements prometheus.Collector.
func (l *Labelled) Describe(out chan<- *prometheus.Desc) { out <- l.description }

// Collect implements prometheus.Collector.
func (l *Labelled) Collect(out chan<- prometheus.Metric) {
	for _, sample := range l.read() {
		if len(sample.Labels) == l.labels {
			out <- prometheus.MustNewConstMetric(l.description, prometheus.GaugeValue, sample.Value, sample.Labels...)
		}
	}
}
