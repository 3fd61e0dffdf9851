package operator

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

// options are the operator's flags.
type options struct {
	namespace     string
	eraserImage   string
	notifyAllow   listFlag
	leaderElect   bool
	metricsAddr   string
	probeAddr     string
	webhookPort   int
	webhookCerts  string
	webhookSecret string
	webhookHost   string
	logLevel      string
}

// listFlag is a flag that may be given several times, or with commas.
type listFlag []string

// String returns the values with commas.
func (l *listFlag) String() string { return strings.Join(*l, ",") }

// Set adds values; empty ones are left out.
func (l *listFlag) Set(text string) error {
	for value := range strings.SplitSeq(text, ",") {
		if value = strings.TrimSpace(value); value != "" {
			*l = append(*l, value)
		}
	}
	return nil
}

// errUsage means that the flags' package already told the user what is wrong.
var errUsage = errors.New("reading flags")

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of the operator and of the Secrets of cluster-scoped kinds")
	flags.StringVar(&o.eraserImage, "eraser-image", "", "image of the eraser's Jobs (required)")
	flags.Var(&o.notifyAllow, "notify-allow", "host:port that notifications may reach although it is private or not encrypted; may be repeated")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "run controllers only while leading")
	flags.StringVar(&o.metricsAddr, "metrics-bind-address", ":8443", "address of the authenticated metrics; 0 turns them off")
	flags.StringVar(&o.probeAddr, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	flags.IntVar(&o.webhookPort, "webhook-port", 9443, "port of the admission webhooks")
	flags.StringVar(&o.webhookCerts, "webhook-cert-dir", "/tmp/k8s-webhook-server/serving-certs", "where the certificates' Secret is mounted")
	flags.StringVar(&o.webhookSecret, "webhook-cert-secret", "rempart-webhook-certs", "Secret of the webhooks' certificates")
	flags.StringVar(&o.webhookHost, "webhook-service", "webhook-service", "Service of the webhooks")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	if err := flags.Parse(args[1:]); err != nil {
		return options{}, errUsage
	}
	switch {
	case o.namespace == "":
		return options{}, fmt.Errorf("%w: --namespace, or POD_NAMESPACE, must be set", errUsage)
	case o.eraserImage == "":
		return options{}, fmt.Errorf("%w: --eraser-image must be set", errUsage)
	}
	return o, nil
}
