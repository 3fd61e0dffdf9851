package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// group is the API group of our own kinds.
const group = "gdpr.rempart.dev"

// input is what the manifests hold, by what the bundle does with it.
type input struct {
	base         *v1alpha1.ClusterServiceVersion
	crds         []apiextensionsv1.CustomResourceDefinition
	deployments  []appsv1.Deployment
	services     []corev1.Service
	roles        []rbacv1.Role
	clusterRoles []rbacv1.ClusterRole
	bindings     []binding
	validating   []admissionv1.ValidatingWebhookConfiguration
	mutating     []admissionv1.MutatingWebhookConfiguration
	examples     []unstructured.Unstructured
	passed       []unstructured.Unstructured // goes into the bundle as it is
}

// binding is a RoleBinding or a ClusterRoleBinding.
type binding struct {
	role    rbacv1.RoleRef
	account string // ServiceAccount that it is for; empty when it is for somebody else
	cluster bool
}

// leftOut are the kinds that a bundle does not carry, each with the reason.
var leftOut = map[string]string{
	"Namespace":                        "OLM installs into the namespace of its Subscription; an annotation suggests ours",
	"ServiceAccount":                   "OLM makes the one that the CSV names, and the validators refuse a second",
	"Secret":                           "the Secret of the webhooks' certificate, which OLM makes and rotates itself",
	"NetworkPolicy":                    "a default deny would cut off the other operators of the namespace that OLM installs into",
	"ValidatingAdmissionPolicy":        "OLM's bundle format has no such kind; the operator and RBAC check the same again",
	"ValidatingAdmissionPolicyBinding": "see ValidatingAdmissionPolicy",
}

// read sorts the documents of in by kind. A kind that the bundle has no place for is an error, not a silent loss.
func read(in io.Reader) (*input, error) {
	result := &input{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		object := unstructured.Unstructured{}
		if err := utilyaml.Unmarshal(text, &object.Object); err != nil {
			return nil, err
		}
		if len(object.Object) == 0 {
			continue
		}
		if err := result.take(object); err != nil {
			return nil, fmt.Errorf("%s %q: %w", object.GetKind(), object.GetName(), err)
		}
	}
	sortByName(result.bindings, func(b binding) string { return b.role.Kind + " " + b.role.Name })
	switch {
	case result.base == nil:
		return nil, errors.New("there is no ClusterServiceVersion to start from")
	case len(result.deployments) == 0:
		return nil, errors.New("there is no Deployment")
	}
	return result, nil
}

func (in *input) take(object unstructured.Unstructured) error {
	if object.GroupVersionKind().Group == group {
		unstructured.RemoveNestedField(object.Object, "status")
		in.examples = append(in.examples, object)
		return nil
	}
	switch kind := object.GetKind(); kind {
	case "ClusterServiceVersion":
		in.base = &v1alpha1.ClusterServiceVersion{}
		return runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, in.base)
	case "CustomResourceDefinition":
		return add(&in.crds, object)
	case "Deployment":
		return add(&in.deployments, object)
	case "Role":
		return add(&in.roles, object)
	case "ClusterRole":
		return add(&in.clusterRoles, object)
	case "RoleBinding", "ClusterRoleBinding":
		return in.bind(object)
	case "ValidatingWebhookConfiguration":
		return add(&in.validating, object)
	case "MutatingWebhookConfiguration":
		return add(&in.mutating, object)
	case "Service":
		return add(&in.services, object)
	case "PodDisruptionBudget":
		in.passed = append(in.passed, object)
		return nil
	default:
		if leftOut[kind] == "" {
			return errors.New("a bundle has no place for it, and the table leftOut gives no reason to leave it out")
		}
		return nil
	}
}

func add[T any](list *[]T, object unstructured.Unstructured) error {
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
		return err
	}
	*list = append(*list, typed)
	return nil
}

func (in *input) bind(object unstructured.Unstructured) error {
	var typed rbacv1.ClusterRoleBinding // a RoleBinding has the same fields
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
		return err
	}
	if len(typed.Subjects) != 1 || typed.Subjects[0].Kind != rbacv1.ServiceAccountKind {
		in.passed = append(in.passed, object) // rights of people: the CSV has no place for them, the bundle has
		return nil
	}
	in.bindings = append(in.bindings, binding{role: typed.RoleRef, cluster: object.GetKind() == "ClusterRoleBinding", account: typed.Subjects[0].Name})
	return nil
}

// rulesFor returns the rules that a ServiceAccount has everywhere, and those that it has in its own namespace.
func (in *input) rulesFor(account string) (everywhere, own []rbacv1.PolicyRule) {
	for _, bound := range in.bindings {
		switch {
		case bound.account != account:
		case bound.cluster:
			everywhere = append(everywhere, in.clusterRole(bound.role.Name)...)
		case bound.role.Kind == "ClusterRole":
			own = append(own, in.clusterRole(bound.role.Name)...)
		default:
			for _, role := range in.roles {
				if role.Name == bound.role.Name {
					own = append(own, role.Rules...)
				}
			}
		}
	}
	return everywhere, own
}

func (in *input) clusterRole(name string) []rbacv1.PolicyRule {
	for _, role := range in.clusterRoles {
		if role.Name == name {
			return role.Rules
		}
	}
	return nil
}

// bound tells whether a Role or ClusterRole is the operator's, and so inside the CSV.
func (in *input) bound(kind, name string) bool {
	return slices.ContainsFunc(in.bindings, func(b binding) bool { return b.role.Kind == kind && b.role.Name == name })
}

// sortByName makes the order of documents not matter.
func sortByName[T any](list []T, name func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(name(a), name(b)) })
}
