// Package gate filters people's data by their consent inside of a program of yours: what no record of the ConsentPolicy lists, or
// what no usable purpose needs, never reaches your handlers, or never leaves them. It asks the policy's consent service, keeps
// answers for five seconds at most, forgets them at once when the service's stream says that somebody's choice changed, and lets
// nothing pass when it cannot ask.
//
//	client, err := gate.New(gate.Options{
//		URL: "http://shop-consentd.shop.svc", PlainWithinCluster: true, // encrypt the pod network
//		HTTP: &http.Client{}, Token: gate.TokenFile("/var/run/secrets/consentd/token"),
//	})
//	go client.Watch(ctx)
//	http.Handle("POST /customers", client.Requests(gate.Use{Record: "customer", Purposes: []string{"newsletter"}}, who)(handler))
//	http.Handle("POST /messages", client.Requires(who, "conversation")(handler)) // 403 consent_required
//
// The package and what it links are the standard library, Rempart's filter and a package for UUIDs: no Kubernetes.
package gate
