package dataregister

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
)

// defaultPort is the port of a PostgreSQL store whose connection names none.
const defaultPort = 5432

// endpoints are the keys under which a store is claimed: two registers with one key claim one store.
func endpoints(namespace, name string, store *v1alpha1.DataStore) []string {
	var keys []string
	switch {
	case store.Managed != nil:
		host := register.Name(name, string(store.Name)) + "." + namespace + ".svc"
		keys = append(keys, endpoint(host, register.Port, orDefault(string(store.Managed.Database), "app")))
	case store.Connection != nil:
		keys = append(keys, endpoint(canonicalHost(store.Connection.Host, namespace), store.Connection.Port, string(store.Connection.Database)))
	}
	if store.WorkloadRef != nil {
		keys = append(keys, fmt.Sprintf("%s %s/%s", store.WorkloadRef.Kind, namespace, store.WorkloadRef.Name))
	}
	return keys
}

func endpoint(host string, port int32, database string) string {
	if port == 0 {
		port = defaultPort
	}
	return host + ":" + strconv.Itoa(int(port)) + "/" + database
}

// canonicalHost writes one host one way: lower case, no final dot, addresses in their short form, and names of Services
// as <service>.<namespace>.svc whichever way they were written. A name of two labels may be a Service of another
// namespace or a public name; it is taken as a Service, so that both spellings of a Service meet.
func canonicalHost(host, namespace string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().String()
	}
	host = strings.TrimSuffix(strings.TrimSuffix(host, ".cluster.local"), ".svc")
	switch strings.Count(host, ".") {
	case 0:
		return host + "." + namespace + ".svc"
	case 1:
		return host + ".svc"
	default:
		return host
	}
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
