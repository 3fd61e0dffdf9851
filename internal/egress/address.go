package egress

import "net/netip"

// denied are the ranges that no notification may reach: an address in them is the cluster's own, its node's, its
// cloud's metadata service, somebody's internal network, or nobody.
var denied = prefixes(
	"0.0.0.0/8",       // unspecified, "this network" (RFC 1122)
	"10.0.0.0/8",      // private (RFC 1918)
	"100.64.0.0/10",   // shared by carriers (RFC 6598); also metadata of some clouds
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local; metadata of most clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments (RFC 6890); metadata of one cloud
	"192.0.2.0/24",    // documentation
	"192.31.196.0/24", // AS112
	"192.52.193.0/24", // AMT
	"192.88.99.0/24",  // 6to4 relays (RFC 7526)
	"192.168.0.0/16",  // private
	"192.175.48.0/24", // AS112
	"198.18.0.0/15",   // benchmarks (RFC 2544)
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast
	"168.63.129.16/32",
	"::/8",           // unspecified, loopback, IPv4-compatible, IPv4-mapped, and what else is reserved there
	"64:ff9b::/96",   // NAT64 (RFC 6052)
	"64:ff9b:1::/48", // local NAT64 (RFC 8215)
	"100::/64",       // discard (RFC 6666)
	"2001::/23",      // Teredo, ORCHID, protocol assignments (RFC 2928)
	"2001:db8::/32",  // documentation
	"2002::/16",      // 6to4 (RFC 3056)
	"2620:4f:8000::/48",
	"3fff::/20", // documentation (RFC 9637)
	"5f00::/16", // segment routing
	"fc00::/7",  // unique local; metadata of one cloud
	"fe80::/10", // link-local
	"fec0::/10", // site-local (RFC 3879)
	"ff00::/8",  // multicast
)

// Public tells whether an address is one that anybody on the Internet has. A mapped IPv4 address is judged as IPv6:
// nobody needs that form, so it is refused. So is an address with a zone.
func Public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" || addr.Is4In6() {
		return false
	}
	if addr.Is6() && !netip.MustParsePrefix("2000::/3").Contains(addr) {
		return false // the only range from which public addresses are given out
	}
	for _, prefix := range denied {
		if prefix.Contains(addr) {
			return false
		}
	}
	return true
}

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}
