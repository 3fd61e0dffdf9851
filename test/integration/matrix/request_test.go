package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/rempart-dev/rempart/test/apiserver"
)

// caller makes requests as they are written: with the paths, bodies and warnings of HTTP.
type caller struct {
	server *apiserver.Server
	mapper meta.RESTMapper

	mu      sync.Mutex
	clients map[string]rest.Interface
}

func newCaller(server *apiserver.Server) (*caller, error) {
	client, err := rest.HTTPClientFor(server.Config)
	if err != nil {
		return nil, err
	}
	mapper, err := apiutil.NewDynamicRESTMapper(server.Config, client)
	return &caller{server: server, mapper: mapper, clients: map[string]rest.Interface{}}, err
}

// users are whom requests are made as, beside administrators: names, and a group that has rights.
var users = map[string][]string{
	"clerk":      {"clerk"},                                                      // may do everything but exempt
	"scheduler":  {"system:kube-scheduler", "clerks"},                            // the scheduler of Kubernetes
	"controller": {"system:serviceaccount:kube-system:job-controller", "clerks"}, // a controller of Kubernetes
}

// as returns the client of a user. A kubelet is named by its node: kubelet:NODE.
func (c *caller) as(who string) (rest.Interface, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.clients[who]; known != nil {
		return known, nil
	}
	config := rest.CopyConfig(c.server.Config)
	config.NegotiatedSerializer = serializer.NewCodecFactory(c.server.Scheme).WithoutConversion()
	config.WarningHandler = rest.NoWarnings{}
	if node, kubelet := strings.CutPrefix(who, "kubelet:"); kubelet {
		config.Impersonate = rest.ImpersonationConfig{UserName: "system:node:" + node, Groups: []string{"system:nodes", "clerks"}}
	} else if who != "" {
		if users[who] == nil {
			return nil, fmt.Errorf("nobody is called %q", who)
		}
		config.Impersonate = rest.ImpersonationConfig{UserName: users[who][0], Groups: append(slices.Clone(users[who][1:]), "system:authenticated")}
	}
	client, err := rest.UnversionedRESTClientFor(config)
	if err == nil {
		c.clients[who] = client
	}
	return client, err
}

// outcome is the answer of the API server.
type outcome struct {
	object   object
	warnings []string
	err      error
}

// verb is how an object is sent.
type verb struct {
	method, content   string
	dryRun, unchecked bool
	// collection is whether the name stands in a selector of fields instead of the path.
	collection bool
}

var (
	post  = verb{method: http.MethodPost, content: "application/json"}
	put   = verb{method: http.MethodPut, content: "application/json"}
	merge = verb{method: http.MethodPatch, content: "application/merge-patch+json"}
	apply = verb{method: http.MethodPatch, content: "application/apply-patch+yaml"}
	get   = verb{method: http.MethodGet}
	del   = verb{method: http.MethodDelete}

	collection = verb{method: http.MethodDelete, collection: true}
)

func (v verb) rehearsed() verb {
	v.dryRun = true
	return v
}

// do sends a body about an object. At is the resource and subresource where the kind does not say it.
func (c *caller) do(ctx context.Context, who string, v verb, about object, at string, body []byte) outcome {
	client, err := c.as(who)
	if err != nil {
		return outcome{err: err}
	}
	where, err := c.path(v, about, at)
	if err != nil {
		return outcome{err: err}
	}
	asked := client.Verb(v.method).AbsPath(where)
	if v.content != "" {
		asked = asked.SetHeader("Content-Type", v.content).Body(body)
	}
	if v.dryRun {
		asked = asked.Param("dryRun", "All")
	}
	if v.method != http.MethodGet && v.method != http.MethodDelete {
		asked = asked.Param("fieldManager", "matrix").Param("fieldValidation", map[bool]string{false: "Strict", true: "Ignore"}[v.unchecked])
	}
	if v.collection {
		asked = asked.Param("fieldSelector", "metadata.name="+text(about, "metadata", "name"))
	}
	if v.content == apply.content {
		asked = asked.Param("force", "true")
	}
	result := asked.Do(ctx)
	answered := outcome{err: result.Error()}
	for _, warning := range result.Warnings() {
		answered.warnings = append(answered.warnings, warning.Text)
	}
	if raw, err := result.Raw(); err == nil && len(raw) > 0 {
		answered.err = errors.Join(answered.err, json.Unmarshal(raw, &answered.object))
	}
	return answered
}

func (c *caller) path(v verb, about object, at string) (string, error) {
	group, err := schema.ParseGroupVersion(text(about, "apiVersion"))
	if err != nil {
		return "", err
	}
	mapping, err := c.mapper.RESTMapping(schema.GroupKind{Group: group.Group, Kind: text(about, "kind")}, group.Version)
	if err != nil {
		return "", err
	}
	resource, sub, _ := strings.Cut(at, "/")
	if resource == "" {
		resource = mapping.Resource.Resource
	}
	parts := []string{"/apis", group.Group, group.Version}
	if group.Group == "" {
		parts = []string{"/api", group.Version}
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		parts = append(parts, "namespaces", text(about, "metadata", "namespace"))
	}
	parts = append(parts, resource)
	if !v.collection && (v.method != http.MethodPost || sub != "") {
		parts = append(parts, text(about, "metadata", "name"), sub)
	}
	return path.Join(parts...), nil
}

// live reads an object.
func (c *caller) live(ctx context.Context, about object) (object, error) {
	read := c.do(ctx, "", get, about, "", nil)
	return read.object, read.err
}

// isRetried tells whether the API server asks to try again: the object changed meanwhile.
func isRetried(err error) bool { return apierrors.IsConflict(err) }
