package consentd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// options are the flags. What is secret is in files, never in a flag.
type options struct {
	// migrate makes roles and tables, and ends.
	migrate bool

	listen, metricsListen string
	tlsDir                string
	url                   string
	config, keys          string
	credentials           string
	forgotten             string
	mail                  string
	ledger                string
	database              database
	proxies               prefixes
	rate                  float64
	burst                 int
	inFlight              int
	timeout               time.Duration
	grace                 time.Duration
	reload                time.Duration
	level                 slog.Level
}

// database is where the ledger's PostgreSQL is.
type database struct {
	host, name, tls, ca string
	port                uint
	connections         int
}

// The ledgers.
const (
	ledgerPostgres = "postgres"
	ledgerMemory   = "memory"
)

// How the database is reached.
const (
	tlsVerify  = string(v1alpha1.TLSVerifyFull)
	tlsRequire = string(v1alpha1.TLSRequire)
	tlsDisable = string(v1alpha1.TLSDisable)
)

// prefixes are ranges of addresses, with commas or repeated.
type prefixes []netip.Prefix

// String returns the ranges with commas.
func (p *prefixes) String() string {
	texts := make([]string, len(*p))
	for i, prefix := range *p {
		texts[i] = prefix.String()
	}
	return strings.Join(texts, ",")
}

// Set adds ranges.
func (p *prefixes) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil || prefix != prefix.Masked() {
			return fmt.Errorf("%q is not a range of addresses such as 10.0.0.0/8", part)
		}
		*p = append(*p, prefix)
	}
	return nil
}

// errUsage means that the flags' package already told the user what is wrong.
var errUsage = errors.New("reading flags")

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("consentd", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.listen, "listen", ":8080", "address of the API")
	flags.StringVar(&o.metricsListen, "metrics-listen", ":9090", "address of /metrics, /healthz and /readyz")
	flags.StringVar(&o.tlsDir, "tls-dir", "", "folder of tls.crt and tls.key; empty serves without TLS, behind something that has it")
	flags.StringVar(&o.url, "url", "", "address at which pages reach the service; https and the policy's host when empty")
	flags.StringVar(&o.config, "config-dir", "/etc/consentd/config", "folder of policy.json, which may change, and of checkpoint, the head of the log that was copied out last")
	flags.StringVar(&o.keys, "keys-dir", "/etc/consentd/keys", "folder of the keys signing, pepper and kek, 32 bytes each, and of others that are held")
	flags.StringVar(&o.credentials, "credentials-dir", "/etc/consentd/credentials", "folder of app, sequencer and, to migrate, admin, each with username and password")
	flags.StringVar(&o.forgotten, "forgotten-dir", "", "folder with marks of who was forgotten, which a restored database does not revive; empty for none")
	flags.StringVar(&o.mail, "mail-dir", "", "folder of username, password and ca.crt of the policy's mail server, as far as it has them")
	flags.StringVar(&o.ledger, "ledger", ledgerPostgres, "postgres, or memory for a trial: it forgets all when it ends")
	flags.StringVar(&o.database.host, "database-host", "", "host of the ledger's PostgreSQL")
	flags.UintVar(&o.database.port, "database-port", 5432, "its port")
	flags.StringVar(&o.database.name, "database-name", "consent", "its database")
	flags.StringVar(&o.database.tls, "database-tls", tlsVerify, "VerifyFull; Require, which encrypts and does not check who answers; or Disable")
	flags.StringVar(&o.database.ca, "database-ca-file", "", "certificate authorities of the database; the system's when empty")
	flags.IntVar(&o.database.connections, "database-connections", 8, "most connections that record and read")
	flags.Var(&o.proxies, "trusted-proxies", "ranges of the proxies whose X-Forwarded-For counts; with commas, may be repeated")
	flags.Float64Var(&o.rate, "rate", 20, "requests per second of one site from one network, /24 or /48; 0 limits nothing")
	flags.IntVar(&o.burst, "burst", 200, "requests at once of one site from one network")
	flags.IntVar(&o.inFlight, "max-in-flight", 256, "requests that are answered at once; four times as many wait, for half of the timeout at most, and more get 503")
	flags.DurationVar(&o.timeout, "timeout", 4*time.Second, "how long an answer may take")
	flags.DurationVar(&o.grace, "shutdown-delay", 5*time.Second, "time between not being ready and not listening")
	flags.DurationVar(&o.reload, "reload-every", 5*time.Second, "how often to look whether policy.json has changed")
	flags.TextVar(&o.level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	arguments := args[1:]
	if len(arguments) > 0 && arguments[0] == "migrate" {
		o.migrate, arguments = true, arguments[1:]
	}
	if err := flags.Parse(arguments); err != nil {
		return options{}, errUsage
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("%w: %q is not a command; the only one is migrate", errUsage, flags.Arg(0))
	}
	return o, o.check()
}

// check refuses flags that do not go together.
func (o options) check() error {
	address, err := url.Parse(o.url)
	switch {
	case err != nil || o.url != "" && (address.Host == "" || strings.HasSuffix(o.url, "/") || address.Scheme != "https" && address.Scheme != "http"):
		return fmt.Errorf("%w: --url is no address such as https://consent.example", errUsage)
	case o.ledger != ledgerPostgres && o.ledger != ledgerMemory:
		return fmt.Errorf("%w: --ledger is postgres or memory", errUsage)
	case o.ledger == ledgerPostgres && o.database.host == "":
		return fmt.Errorf("%w: --database-host must be set", errUsage)
	case o.ledger == ledgerPostgres && !slices.Contains([]string{tlsVerify, tlsRequire, tlsDisable}, o.database.tls):
		return fmt.Errorf("%w: --database-tls is VerifyFull, Require or Disable", errUsage)
	case o.database.port == 0 || o.database.port > 65535 || o.inFlight < 1 || o.timeout <= 0 || o.reload <= 0:
		return fmt.Errorf("%w: a number is out of range", errUsage)
	default:
		return nil
	}
}
