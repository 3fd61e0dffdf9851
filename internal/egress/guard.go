// Package egress is the only code that dials out of the cluster for users. A channel's address is written by a user and
// resolved by a name server that may belong to somebody else, so an address is judged after resolution, in the dialer,
// on each connection: a name that was public a second ago is not trusted now.
package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// Limits of every call.
const (
	// Timeout of a whole call, from resolution to the last byte read.
	Timeout = 10 * time.Second
	// MaxBody is the most bytes read of an answer.
	MaxBody = 64 << 10
)

// ports that a channel may use without the operator's leave: https, and mail with implicit TLS or STARTTLS.
var ports = []int{443, 465, 587}

// Errors of the guard. None carries an address: what a name resolved to is not for the user's status.
var (
	// ErrBlocked means that the address, port or scheme is not one that users may reach.
	ErrBlocked = errors.New("the address is not one that notifications may reach")
	// ErrMalformed means that a URL or host is written in a way that is not accepted.
	ErrMalformed = errors.New("the address is malformed")
)

// Options of a Guard.
type Options struct {
	// Allow lists host:port pairs that may be reached although they are private, on another port, or without TLS.
	Allow []string
	// Deny lists further ranges, such as the cluster's pods and services where they are public addresses.
	Deny []netip.Prefix
	// Resolver resolves names; the system's when nil.
	Resolver *net.Resolver
}

// Guard dials what may be dialled.
type Guard struct {
	allow    []Target
	deny     []netip.Prefix
	resolver *net.Resolver
}

// New returns a guard. An entry of Allow that is not host:port is an error: a typing mistake must not go unnoticed.
func New(o Options) (*Guard, error) {
	g := &Guard{deny: o.Deny, resolver: o.Resolver}
	for _, entry := range o.Allow {
		target, err := ParseTarget(entry)
		if err != nil {
			return nil, fmt.Errorf("reading the allowed address %q: %w; write host:port", entry, err)
		}
		g.allow = append(g.allow, target)
	}
	return g, nil
}

// Allowed tells whether the operator's configuration names this target. Such a target may be private and without TLS.
func (g *Guard) Allowed(t Target) bool { return slices.Contains(g.allow, t) }

// CheckTarget judges what can be judged before resolution: the port, and an address written as a number.
func (g *Guard) CheckTarget(t Target) error {
	if g.Allowed(t) {
		return nil
	}
	if !slices.Contains(ports, t.Port) {
		return ErrBlocked
	}
	if addr, err := netip.ParseAddr(t.Host); err == nil && !g.public(addr) {
		return ErrBlocked
	}
	return nil
}

// CheckURL reads a webhook's URL and judges it. The URL that it returns is rebuilt from its parts; use that one.
func (g *Guard) CheckURL(raw string) (*url.URL, error) {
	u, target, err := ParseURL(raw)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" && !g.Allowed(target) {
		return nil, ErrBlocked
	}
	return u, g.CheckTarget(target)
}

// DialContext resolves addr, a host:port, and connects to the first of its addresses that may be reached.
func (g *Guard) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, ErrBlocked
	}
	target, err := ParseTarget(addr)
	if err != nil {
		return nil, err
	}
	if err := g.CheckTarget(target); err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: Timeout, Resolver: g.resolver, Control: g.control}
	if g.Allowed(target) {
		dialer.Control = nil
	}
	return dialer.DialContext(ctx, network, target.String())
}

// control runs after resolution, for each address that is about to be tried.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !slices.Contains(ports, int(ap.Port())) || !g.public(ap.Addr()) {
		return ErrBlocked
	}
	return nil
}

func (g *Guard) public(addr netip.Addr) bool {
	return Public(addr) && !slices.ContainsFunc(g.deny, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// Client returns an HTTP client that dials through the guard: no redirects, no proxy, no cookies, no connection kept.
// Config may add roots; nil trusts the system's.
func (g *Guard) Client(config *tls.Config) *http.Client {
	return &http.Client{
		Timeout:       Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            g.DialContext,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    Timeout,
			ResponseHeaderTimeout:  Timeout,
			MaxResponseHeaderBytes: MaxBody,
			DisableKeepAlives:      true,
			DisableCompression:     true,
		},
	}
}
