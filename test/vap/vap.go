// Package vap evaluates the admission policies of config/admission as the API server does, without one.
package vap

import (
	"context"
	"errors"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/controller-runtime/pkg/client"

	celgo "github.com/google/cel-go/cel"
)

// Policy is a compiled admission policy.
type Policy struct {
	conditions, validations, messages cel.ConditionEvaluator
	fallback                          []string
}

// Request is what is asked of a policy. Object is nil on DELETE, Old on CREATE.
type Request struct {
	Resource    string // with its subresource after a slash
	Kind        schema.GroupVersionKind
	Object, Old client.Object
	// Namespace of the object; nil for a cluster-scoped one.
	Namespace *corev1.Namespace
	User      user.Info
	// Params is the parameter of the binding; nil without one.
	Params client.Object
	// May answers whether the user has a verb on a resource, named or not.
	May func(verb, resource, name string) bool
}

type expression struct {
	name, text string
	returns    *celgo.Type
}

func (e expression) GetName() string            { return e.name }
func (e expression) GetExpression() string      { return e.text }
func (e expression) ReturnTypes() []*celgo.Type { return []*celgo.Type{e.returns} }

// Compile compiles a policy in the environment of the API server's release. It names every expression that does not compile.
func Compile(policy *admissionregistrationv1.ValidatingAdmissionPolicy) (*Policy, error) {
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, fmt.Errorf("making a compiler: %w", err)
	}
	params := policy.Spec.ParamKind != nil
	whole := cel.OptionalVariableDeclarations{HasParams: params, HasAuthorizer: true}
	compiled := &Policy{}
	var failed error
	for _, variable := range policy.Spec.Variables {
		result := compiler.CompileAndStoreVariable(expression{variable.Name, variable.Expression, celgo.AnyType}, whole, environment.StoredExpressions)
		if result.Error != nil {
			failed = errors.Join(failed, fmt.Errorf("variable %s: %w", variable.Name, result.Error))
		}
	}
	var conditions, validations, messages []cel.ExpressionAccessor
	for _, condition := range policy.Spec.MatchConditions {
		conditions = append(conditions, expression{condition.Name, condition.Expression, celgo.BoolType})
	}
	for _, validation := range policy.Spec.Validations {
		validations = append(validations, expression{"", validation.Expression, celgo.BoolType})
		if validation.MessageExpression == "" {
			messages = append(messages, nil)
		} else {
			messages = append(messages, expression{"", validation.MessageExpression, celgo.StringType})
		}
		compiled.fallback = append(compiled.fallback, validation.Message)
	}
	compiled.conditions = compiler.CompileCondition(conditions, whole, environment.StoredExpressions)
	compiled.validations = compiler.CompileCondition(validations, whole, environment.StoredExpressions)
	compiled.messages = compiler.CompileCondition(messages, cel.OptionalVariableDeclarations{HasParams: params}, environment.StoredExpressions)
	for _, part := range []cel.ConditionEvaluator{compiled.conditions, compiled.validations, compiled.messages} {
		failed = errors.Join(failed, errors.Join(part.CompilationErrors()...))
	}
	return compiled, failed
}

// Judge returns the message of the refusal; empty when the request passes. An error is one that the API server would meet
// too: it then refuses.
func (p *Policy) Judge(ctx context.Context, r Request) (string, error) {
	attributes, request := r.attributes()
	bindings := cel.OptionalVariableBindings{Authorizer: answers(r.May)}
	if r.Params != nil {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r.Params)
		if err != nil {
			return "", err
		}
		bindings.VersionedParams = &unstructured.Unstructured{Object: content}
	}
	evaluate := func(part cel.ConditionEvaluator) ([]cel.EvaluationResult, error) {
		results, _, err := part.ForInput(ctx, attributes, request, bindings, cel.CreateNamespaceObject(r.Namespace), celconfig.RuntimeCELCostBudget)
		for _, result := range results {
			err = errors.Join(err, result.Error)
		}
		return results, err
	}
	conditions, err := evaluate(p.conditions)
	if err != nil {
		return "", fmt.Errorf("evaluating the match conditions: %w", err)
	}
	for _, condition := range conditions {
		if condition.EvalResult.Value() != true {
			return "", nil
		}
	}
	validations, err := evaluate(p.validations)
	if err != nil {
		return "", fmt.Errorf("evaluating the validations: %w", err)
	}
	for i, validation := range validations {
		if validation.EvalResult.Value() == true {
			continue
		}
		messages, err := evaluate(p.messages)
		if err != nil {
			return "", fmt.Errorf("evaluating the messages: %w", err)
		}
		if messages[i].EvalResult != nil {
			return fmt.Sprint(messages[i].EvalResult.Value()), nil
		}
		return p.fallback[i], nil
	}
	return "", nil
}

func (r Request) attributes() (*admission.VersionedAttributes, *admissionv1.AdmissionRequest) {
	operation, some := admission.Update, r.Object
	switch {
	case r.Old == nil:
		operation = admission.Create
	case r.Object == nil:
		operation, some = admission.Delete, r.Old
	}
	resource, subresource, _ := strings.Cut(r.Resource, "/")
	who := r.User
	if who == nil {
		who = &user.DefaultInfo{Name: "somebody"}
	}
	gvr := r.Kind.GroupVersion().WithResource(resource)
	versioned := &admission.VersionedAttributes{VersionedKind: r.Kind}
	var object, old runtime.Object
	if r.Object != nil {
		object = r.Object
		versioned.VersionedObject = admission.NewLazyObject(object)
	}
	if r.Old != nil {
		old = r.Old
		versioned.VersionedOldObject = admission.NewLazyObject(old)
	}
	versioned.Attributes = admission.NewAttributesRecord(object, old, r.Kind, some.GetNamespace(), some.GetName(), gvr, subresource, operation, nil, false, who)
	return versioned, cel.CreateAdmissionRequest(versioned, metav1.GroupVersionResource(gvr), metav1.GroupVersionKind(r.Kind))
}

// answers is an authorizer that asks a function.
type answers func(verb, resource, name string) bool

// Authorize answers one question.
func (a answers) Authorize(_ context.Context, q authorizer.Attributes) (authorizer.Decision, string, error) {
	if a != nil && a(q.GetVerb(), q.GetResource()+"."+q.GetAPIGroup(), q.GetName()) {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}
