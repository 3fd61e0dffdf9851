package residency

import (
	"net/netip"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// serversOf indexes declared servers by their normalised hosts.
func serversOf(declared []v1alpha1.StorageServer) map[string]v1alpha1.Country {
	servers := make(map[string]v1alpha1.Country, len(declared))
	for _, server := range declared {
		host, country := hostOf(server.Host), Canonical(server.Country)
		if before, twice := servers[host]; twice && before != country {
			country = ""
		}
		servers[host] = country
	}
	return servers
}

// locateServer finds a server among the declared ones. The place carries the host as its region.
func (r *Rules) locateServer(host string) Place {
	place := Place{Region: host, Law: v1alpha1.ZoneUnknown, Reason: ReasonServerUnknown}
	country, declared := r.servers[host]
	switch {
	case host == "" || !declared:
		return place
	case country == "":
		place.Reason = ReasonConflicting
		return place
	}
	if law := ZoneOf(country, r.on); law != v1alpha1.ZoneUnknown {
		place.Country, place.Law, place.Reason = country, law, ReasonDeclared
	}
	return place
}

// hostOf takes the host out of what a volume names: host, host:port, [address]:port, //host/share, host:/path. Names are
// compared without case and without the final dot, addresses by value. What holds more than one host is left as it is,
// and so is in no list.
func hostOf(server string) string {
	host := strings.TrimPrefix(lower(strings.TrimSpace(server)), "//")
	host, _, _ = strings.Cut(host, "/")
	if inner, found := strings.CutPrefix(host, "["); found {
		address, rest, closed := strings.Cut(inner, "]")
		if !closed || (rest != "" && rest[0] != ':') || strings.Contains(rest, ",") {
			return host
		}
		host = address
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().WithZone("").String()
	}
	if name, port, found := strings.Cut(host, ":"); found && strings.Trim(port, "0123456789") == "" {
		host = name
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().WithZone("").String()
	}
	return strings.TrimSuffix(host, ".")
}

// Mount options that say which server is mounted, whatever the volume names: by its host, or by a path on it; and options
// that may say another place.
var (
	serverOptions = map[string]struct{}{"addr": {}, "ip": {}, "mountaddr": {}, "mounthost": {}, "mon_addr": {}, "mounttargetip": {}}
	pathOptions   = map[string]struct{}{"unc": {}, "source": {}, "target": {}}
	placeOptions  = map[string]struct{}{"region": {}, "az": {}, "crossaccount": {}, "endpoint-url": {}}
)

// readMountOptions reads the options of a mount that move it to another server. Some drivers write them as flags, with a space
// before the value.
func (r *Rules) readMountOptions(found *evidence, options []string) {
	server := func(host string) {
		place := r.locateServer(host)
		found.places = append([]Place{place}, found.places...) // it is named before what it hides
		found.apart = found.apart || !place.Known()
	}
	for _, option := range options {
		for one := range strings.SplitSeq(option, ",") {
			one = strings.TrimLeft(strings.TrimSpace(one), "-")
			key, value := one, ""
			if i := strings.IndexAny(one, "= "); i >= 0 {
				key, value = one[:i], strings.TrimSpace(one[i+1:])
			}
			switch key = lower(strings.TrimSpace(key)); {
			case has(serverOptions, key):
				for host := range strings.SplitSeq(value, "/") {
					server(hostOf(host))
				}
			case has(pathOptions, key):
				server(hostOf(value))
			case has(placeOptions, key):
				found.apart = true
				if found.gap == "" {
					found.gap, found.detail = ReasonPointer, "mount option "+key
				}
			}
		}
	}
}
