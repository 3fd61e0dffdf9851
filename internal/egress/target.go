package egress

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Target is a host and port in one spelling: lower case, no trailing dot, no brackets.
type Target struct {
	Host string
	Port int
}

// String is the form of the flag --notify-allow.
func (t Target) String() string {
	if strings.Contains(t.Host, ":") {
		return "[" + t.Host + "]:" + strconv.Itoa(t.Port)
	}
	return t.Host + ":" + strconv.Itoa(t.Port)
}

// ParseTarget reads host:port strictly. Refused: other spellings of an IPv4 address (decimal, octal, hexadecimal,
// short), zones, characters outside a DNS name, and ports that are not plain numbers.
func ParseTarget(hostport string) (Target, error) {
	host, port, ok := cutPort(hostport)
	if !ok {
		return Target{}, ErrMalformed
	}
	host, err := canonicalHost(host)
	if err != nil {
		return Target{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || port[0] == '+' || port[0] == '0' {
		return Target{}, ErrMalformed
	}
	return Target{Host: host, Port: int(n)}, nil
}

func cutPort(hostport string) (host, port string, ok bool) {
	i := strings.LastIndexByte(hostport, ':')
	if i < 0 {
		return "", "", false
	}
	host, port = hostport[:i], hostport[i+1:]
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		return inner, port, closed && strings.Contains(inner, ":") && port != ""
	}
	return host, port, !strings.Contains(host, ":") && port != ""
}

// canonicalHost accepts an IPv4 address of four decimal numbers, an IPv6 address without a zone, and a DNS name whose
// last label is not a number: that is how resolvers tell a name from an address in an odd spelling.
func canonicalHost(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return "", ErrMalformed
		}
		return addr.String(), nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > 253 {
		return "", ErrMalformed
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !nameLabel(label) {
			return "", ErrMalformed
		}
	}
	if last := labels[len(labels)-1]; numeric(last) {
		return "", ErrMalformed
	}
	return host, nil
}

func nameLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func numeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// ParseURL reads the URL of a webhook and returns it rebuilt from its parts, with its target. Refused: schemes other
// than https and http, user information, fragments, opaque forms, control characters. Whether the target may be reached,
// and whether without TLS, is for Guard.CheckURL.
func ParseURL(raw string) (*url.URL, Target, error) {
	if len(raw) > 2048 || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }) {
		return nil, Target{}, ErrMalformed
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.User != nil || u.Fragment != "" || u.RawFragment != "" || strings.Contains(raw, "#") {
		return nil, Target{}, ErrMalformed
	}
	port := u.Port()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, Target{}, ErrMalformed
	case port == "" && strings.HasSuffix(u.Host, ":"):
		return nil, Target{}, ErrMalformed
	case port == "" && u.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	target, err := ParseTarget(host + ":" + port)
	if err != nil {
		return nil, Target{}, err
	}
	clean := &url.URL{Scheme: u.Scheme, Host: target.String(), Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	return clean, target, nil
}
