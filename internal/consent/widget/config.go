package widget

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Acceptance is what counts as accepting the requested service.
type Acceptance string

// Message: sending a message or a button; Explicit: a button only.
const (
	AcceptByMessage Acceptance = "Message"
	AcceptExplicit  Acceptance = "Explicit"
)

// Store is where the marker and the conversation's id are kept.
type Store string

// Local: both in localStorage; Tab: the conversation's id in sessionStorage; Cookie: the marker in a cookie that subdomains share.
const (
	StoreLocal  Store = "Local"
	StoreTab    Store = "Tab"
	StoreCookie Store = "Cookie"
)

// Proof is how an act is recorded.
type Proof string

// Linked: under a receipt secret of the visitor's; Aggregate: by itself, so that nobody can be recognised, and a withdrawal
// is known to the device only.
const (
	ProofLinked    Proof = "Linked"
	ProofAggregate Proof = "Aggregate"
)

// Config is all that a page must know when it loads the widget. It is public, and equal for every visitor.
type Config struct {
	// Tenant is the policy's in the ledger, for ever.
	Tenant uuid.UUID
	Site   string
	// Host is the service's base URL without a slash at the end, such as https://consent.shop.example.
	Host string
	// Languages are those of the site's notices (fr, pt-BR); the primary language of each needs a pack of interface texts.
	Languages       []string
	DefaultLanguage string
	// Material is the first 16 hexadecimal digits of the current notice's materialDigest, Version its number.
	Material string
	Version  int32
	// Requested are the names of the purposes that the banner asks for: the service that the visitor asks for, where it does not rest on
	// consent. With none there is nothing to accept, and what was accepted can still be withdrawn.
	Requested []string
	// Asserted are the purposes that the site may say it collected acceptance for; none when siteAssertion.mode is Refused.
	Asserted     []string
	Acceptance   Acceptance
	Store        Store
	CookieDomain string
	// ConsentTTL and SessionTTL are in seconds.
	ConsentTTL int64
	SessionTTL int64
	// ReadAtLoad lets the widget read the visitor's own choice when it loads; else nothing is read before the visitor's first act.
	ReadAtLoad      bool
	RememberRefusal bool
	Ephemeral       bool
	Proof           Proof
	// DoNotTrack has the older signal respected as GPC always is.
	DoNotTrack bool
	// SendURL takes accepted messages by POST where the page sets no gate.
	SendURL string
}

// literal is the configuration as src/config.js takes it apart: by position, settings as far decided as a policy can.
// known are its languages, with the words that are needed without the notice.
func (c Config) literal(known []known) []any {
	return []any{
		c.Site, c.Host, known, c.DefaultLanguage, built{c.Material, c.Version}, append([]string{}, c.Requested...), append([]string{}, c.Asserted...),
		bit(c.Acceptance == AcceptByMessage), c.cookie(), bit(c.Store == StoreTab),
		c.ConsentTTL, c.SessionTTL, bit(c.ReadAtLoad), bit(c.RememberRefusal), bit(c.Ephemeral), bit(c.Proof == ProofLinked),
		bit(c.DoNotTrack), c.SendURL,
	}
}

// built is what a script knows of the notice that was current when it was built, by the names that the notice has.
type built struct {
	MaterialDigest string `json:"materialDigest"`
	Version        int32  `json:"version"`
}

// cookieLife is how long a browser keeps the marker's cookie, in seconds: thirteen months, the longest consent that a policy can
// ask for; browsers keep none for more than 400 days. The marker says itself until when an acceptance or a refusal holds. A
// withdrawal, and what the service has not heard of it, must outlive them.
const cookieLife = 395 * 86400

// cookieName is that of the marker's cookie, as the source has it.
const cookieName = "__Secure-rempart="

// named gives the cookie the policy's own name. Policies under one domain, or under one and its parent, are sent each other's cookies:
// with one name they would take the other's choices for their own and write over its withdrawals. The sites of a policy share one.
func (c Config) named(script []byte) []byte {
	if c.Store != StoreCookie {
		return script
	}
	return bytes.ReplaceAll(script, []byte(cookieName), fmt.Appendf(nil, "__Secure-rempart-%x=", c.Tenant[:4]))
}

// cookie is what follows the value of the marker's cookie; empty where the marker is in localStorage.
func (c Config) cookie() string {
	if c.Store != StoreCookie {
		return ""
	}
	attributes := fmt.Sprintf("; Path=/; Secure; SameSite=Lax; Max-Age=%d", max(cookieLife, c.ConsentTTL))
	if c.CookieDomain != "" {
		attributes += "; Domain=" + c.CookieDomain
	}
	return attributes
}

func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}

var (
	siteID   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)
	language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	digest   = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// check returns everything that is wrong with the configuration.
func (c Config) check() error {
	host, err := url.Parse(c.Host)
	return errors.Join(
		unless(c.Tenant != uuid.Nil, "the tenant is missing"),
		unless(siteID.MatchString(c.Site), "site is not 1 to 63 letters, digits, - or _"),
		unless(err == nil && (host.Scheme == "https" || host.Scheme == "http") && host.Host != "" && !strings.HasSuffix(c.Host, "/"), "host %q is no base URL", c.Host),
		unless(len(c.Languages) > 0 && !slices.ContainsFunc(c.Languages, func(l string) bool { return !language.MatchString(l) }), "languages %q are not language tags", c.Languages),
		unless(slices.Contains(c.Languages, c.DefaultLanguage), "the default language %q is none of the site's", c.DefaultLanguage),
		unless(digest.MatchString(c.Material), "material %q is not 16 hexadecimal digits", c.Material),
		unless(!slices.ContainsFunc(c.Asserted, func(p string) bool { return !slices.Contains(c.Requested, p) }), "asserted purposes %q are not all of a requested service", c.Asserted),
		unless(slices.Contains([]Acceptance{AcceptByMessage, AcceptExplicit}, c.Acceptance), "acceptance %q is unknown", c.Acceptance),
		unless(slices.Contains([]Store{StoreLocal, StoreTab, StoreCookie}, c.Store), "store %q is unknown", c.Store),
		unless(slices.Contains([]Proof{ProofLinked, ProofAggregate}, c.Proof), "proof %q is unknown", c.Proof),
		unless(c.ConsentTTL > 0 && c.SessionTTL > 0, "consentTTL and sessionTTL are not positive"),
	)
}

func unless(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
