package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// right is one verb on one resource, as one role grants it.
type right struct {
	role     string // name of the role
	cluster  bool   // a ClusterRole
	group    string // API group; empty for the core group
	resource string // with its subresource after a slash
	verb     string
	names    []string // restricted to these objects, unless empty
}

func (r right) String() string {
	text := fmt.Sprintf("%s: %s %s/%s", r.role, r.verb, r.group, r.resource)
	if len(r.names) > 0 {
		text += " (" + strings.Join(r.names, ", ") + ")"
	}
	return text
}

// readRights returns all rights that the roles in the files grant.
func readRights(files []string) ([]right, error) {
	var rights []right
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			var role rbacv1.ClusterRole // a Role has the same rules
			if err := utilyaml.Unmarshal(document, &role); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			if role.Kind == "Role" || role.Kind == "ClusterRole" {
				rights = append(rights, rightsOf(role)...)
			}
		}
	}
	if len(rights) == 0 {
		return nil, errors.New("the files grant nothing: wrong files?")
	}
	return rights, nil
}

func rightsOf(role rbacv1.ClusterRole) []right {
	var rights []right
	for _, rule := range role.Rules {
		groups, resources := rule.APIGroups, rule.Resources
		if len(rule.NonResourceURLs) > 0 {
			groups, resources = []string{"url"}, rule.NonResourceURLs
		}
		for _, group := range groups {
			for _, resource := range resources {
				for _, verb := range rule.Verbs {
					rights = append(rights, right{role: role.Name, cluster: role.Kind == "ClusterRole",
						group: group, resource: resource, verb: verb, names: rule.ResourceNames})
				}
			}
		}
	}
	return rights
}

// forbidden returns the rights that let an operator do more than it says, each with the reason.
func forbidden(rights []right) []string {
	var found []string
	for _, r := range rights {
		switch {
		case strings.Contains(r.verb+r.group+r.resource, "*"):
			found = append(found, r.String()+": a wildcard grants what does not exist yet")
		case slices.Contains([]string{"escalate", "bind", "impersonate"}, r.verb):
			found = append(found, r.String()+": lets the operator become somebody else")
		case r.group == "" && r.resource == "secrets" && r.cluster && (r.verb == "list" || r.verb == "watch"):
			found = append(found, r.String()+": shows every Secret of the cluster; read the one that an object names")
		case r.group == "" && r.resource == "serviceaccounts/token" && !r.cluster && len(r.names) > 0 && !slices.Contains(r.names, r.role):
			// Tokens of named accounts of its own namespace, and not of the one that the role is for: those could be made to outlive it.
		case r.group == "" && slices.Contains([]string{"pods/exec", "pods/attach", "pods/portforward", "nodes/proxy", "serviceaccounts/token"}, r.resource):
			found = append(found, r.String()+": reaches into other workloads")
		case r.group == "rbac.authorization.k8s.io" && r.verb != "get" && r.verb != "list" && r.verb != "watch":
			found = append(found, r.String()+": changes who may do what")
		}
	}
	return found
}

// use is one request of an audit log.
type use struct{ group, resource, verb, name string }

// event is the part of an audit event (audit.k8s.io/v1) that matters here.
type event struct {
	Verb string `json:"verb"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef *struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Name        string `json:"name"`
	} `json:"objectRef"`
}

// readUses returns what the user did.
func readUses(log, user string) (map[use]bool, error) {
	file, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	uses := map[use]bool{}
	decoder := json.NewDecoder(bufio.NewReader(file))
	for {
		var e event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		if e.User.Username != user || e.ObjectRef == nil {
			continue
		}
		resource := e.ObjectRef.Resource
		if e.ObjectRef.Subresource != "" {
			resource += "/" + e.ObjectRef.Subresource
		}
		uses[use{e.ObjectRef.APIGroup, resource, e.Verb, e.ObjectRef.Name}] = true
		uses[use{e.ObjectRef.APIGroup, resource, e.Verb, ""}] = true
	}
	if len(uses) == 0 {
		return nil, fmt.Errorf("%s shows no request of %s: wrong user, or the log misses it", log, user)
	}
	return uses, nil
}

// readExceptions returns the rights that a run does not use for a reason, as "group/resource verb".
func readExceptions(path string) (map[string]bool, error) {
	excused := map[string]bool{}
	if path == "" {
		return excused, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 3 {
			return nil, fmt.Errorf("%s: %q gives no reason", path, strings.TrimSpace(line))
		}
		excused[words[0]+" "+words[1]] = true
	}
	return excused, nil
}

// unused returns the rights that no request used, and the exceptions that are none.
func unused(rights []right, uses map[use]bool, excused map[string]bool) []string {
	var found []string
	granted := map[string]bool{}
	for _, r := range rights {
		key := r.group + "/" + r.resource + " " + r.verb
		granted[key] = true
		if !r.used(uses) && !excused[key] {
			found = append(found, r.String())
		}
	}
	for key := range excused {
		if !granted[key] {
			found = append(found, key+": excused, but not granted")
		}
	}
	slices.Sort(found)
	return found
}

func (r right) used(uses map[use]bool) bool {
	if len(r.names) == 0 {
		return uses[use{r.group, r.resource, r.verb, ""}]
	}
	return slices.ContainsFunc(r.names, func(name string) bool { return uses[use{r.group, r.resource, r.verb, name}] })
}
