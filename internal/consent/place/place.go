// Package place names a consent service and those who belong to it within the cluster, so that who asks it need know nothing else of
// how it is run.
package place

// Port is that of the Service.
const Port = 80

// Audience is what tokens for the service are made for. The API server does not accept them.
const Audience = "consentd"

// OperatorAudience is what the operator's own tokens are made for: one service alone, named by its tenant. One that is shown to a
// service proves nothing to another.
func OperatorAudience(tenant string) string { return Audience + "/" + tenant }

// Service returns the name of a policy's Deployment and Service, and of what guards them.
func Service(policy string) string { return policy + "-consentd" }

// Eraser returns the name of the ServiceAccount of the eraser's pods that work on a policy's ledger, and of the NetworkPolicy that
// guards them.
func Eraser(policy string) string { return Service(policy) + "-eraser" }

// Host returns the name of a policy's service within the cluster.
func Host(namespace, policy string) string { return Service(policy) + "." + namespace + ".svc" }

// Database returns the name of the managed database of a policy's ledger, and of its Service.
func Database(policy string) string { return policy + "-ledger" }
