// Command coredns is CoreDNS with the few plugins that a cluster needs. The full one brings the client libraries
// of several clouds, which take most of its build time and size.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// The order in which plugins see a query. Unlike upstream's, template comes after kubernetes, so that it can
	// answer for all names that are not of the cluster.
	dnsserver.Directives = []string{
		"health", "ready", "errors", "log", "loadbalance", "cache", "kubernetes", "template", "loop", "forward",
	}
	coremain.Run()
}
