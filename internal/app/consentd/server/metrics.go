package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the service measures. Labels come from closed sets: routes, status codes, and names that the policy lists.
type metrics struct {
	requests     *prometheus.CounterVec
	seconds      *prometheus.HistogramVec
	inFlight     prometheus.Gauge
	events       *prometheus.CounterVec
	dropped      *prometheus.CounterVec
	mails        *prometheus.CounterVec
	streams      prometheus.Gauge
	ledgerErrors prometheus.Counter
	verified     prometheus.Gauge
	ready        prometheus.Gauge
	refused      prometheus.GaugeFunc
	keyRows      *prometheus.GaugeVec
	keyMissing   *prometheus.GaugeVec
}

func newMetrics(registry prometheus.Registerer, refused func() bool) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rempart_consentd_requests_total", Help: "Requests that were answered."}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "rempart_consentd_request_seconds", Help: "How long answers took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}}, []string{"route"}),
		inFlight:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "rempart_consentd_requests_in_flight", Help: "Requests that are being answered."}),
		events:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rempart_consent_events_total", Help: "Events that this process recorded."}, []string{"type", "site"}),
		dropped:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rempart_consent_gate_dropped_fields_total", Help: "Fields that the gate dropped; those that no record lists are one."}, []string{"record", "field"}),
		mails:        prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rempart_consentd_mails_total", Help: "Links that people asked to be mailed: sent, failed, dropped because too many wait, limited because the address had enough."}, []string{"result"}),
		streams:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "rempart_consentd_streams", Help: "Clients that listen for changes."}),
		ledgerErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "rempart_consentd_ledger_errors_total", Help: "Requests that the ledger did not answer."}),
		verified:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "rempart_consent_ledger_verified", Help: "Whether the last self-audit found ledger and log in agreement."}),
		ready:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "rempart_consentd_ready", Help: "Whether the service answers: it has a policy and the ledger is there."}),
		refused: prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rempart_consentd_policy_refused", Help: "Whether the policy file that is there is broken and not served."}, func() float64 {
			if refused() {
				return 1
			}
			return 0
		}),
	}
	m.keyRows = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rempart_consent_key_rows", Help: "Rows that need a key, as last counted."}, []string{"kind", "id"})
	m.keyMissing = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rempart_consent_key_missing", Help: "Whether a key is missing that rows may need."}, []string{"kind", "id"})
	for _, result := range []string{mailSent, mailFailed, mailDropped, mailLimited} {
		m.mails.WithLabelValues(result) // 0 until there is one
	}
	registry.MustRegister(m.keyRows, m.keyMissing, m.requests, m.seconds, m.inFlight, m.events, m.dropped, m.mails, m.streams, m.ledgerErrors, m.verified, m.ready, m.refused)
	return m
}

// mailed counts what became of a link that was asked for.
func (m *metrics) mailed(result string) { m.mails.WithLabelValues(result).Inc() }

// observe counts an answer. The status is 0 where who asked was gone before there was one.
func (m *metrics) observe(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}
