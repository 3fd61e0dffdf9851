package operator

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// options are the operator's flags.
type options struct {
	namespace     string
	eraserImage   string
	consentdImage string
	notifyAllow   listFlag
	egressDenied  rangesFlag
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

// rangesFlag is a list of address ranges in CIDR form. A range that is not written as such is an error: one with bits
// behind its length is more likely a typing mistake.
type rangesFlag []netip.Prefix

// String returns the ranges with commas.
func (r *rangesFlag) String() string {
	texts := make([]string, len(*r))
	for i, prefix := range *r {
		texts[i] = prefix.String()
	}
	return strings.Join(texts, ",")
}

// Set adds ranges; empty ones are left out.
func (r *rangesFlag) Set(text string) error {
	var values listFlag
	if err := values.Set(text); err != nil {
		return err
	}
	for _, value := range values {
		prefix, err := netip.ParsePrefix(value)
		switch {
		case err != nil:
			return fmt.Errorf("%q is not a range of addresses such as 203.0.113.0/24", value)
		case prefix.Addr().Is4In6():
			return fmt.Errorf("%q is IPv4 written as IPv6; write it as IPv4", value)
		case prefix != prefix.Masked():
			return fmt.Errorf("%q has address bits behind its length; write %s", value, prefix.Masked())
		}
		*r = append(*r, prefix)
	}
	return nil
}

// errUsage means that the flags' package already told the user what is wrong.
var errUsage = errors.New("reading flags")

// rotates tells whether the operator makes and renews the webhooks' certificate itself.
func (o options) rotates() bool { return o.webhookSecret != "" }

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of the operator and of the Secrets of cluster-scoped kinds")
	flags.StringVar(&o.eraserImage, "eraser-image", "", "image of the eraser's Jobs (required)")
	flags.StringVar(&o.consentdImage, "consentd-image", "docker.io/rempart/consentd:dev", "image of the consent service of ConsentPolicies")
	flags.Var(&o.notifyAllow, "notify-allow", "host:port that notifications may reach although it is private or not encrypted; may be repeated")
	flags.Var(&o.egressDenied, "egress-denied-cidrs", "ranges that notifications may not reach although they are public, such as the cluster's pods and services; with commas, may be repeated")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "run controllers only while leading")
	flags.StringVar(&o.metricsAddr, "metrics-bind-address", ":8443", "address of the authenticated metrics; 0 turns them off")
	flags.StringVar(&o.probeAddr, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	flags.IntVar(&o.webhookPort, "webhook-port", 9443, "port of the admission webhooks")
	flags.StringVar(&o.webhookCerts, "webhook-cert-dir", "/tmp/k8s-webhook-server/serving-certs", "folder of the webhooks' certificate, tls.crt and tls.key")
	flags.StringVar(&o.webhookSecret, "webhook-cert-secret", "rempart-webhook-certs", "Secret in which the operator keeps and renews the webhooks' certificate; empty when somebody else, such as OLM, mounts and renews what is in --webhook-cert-dir")
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
