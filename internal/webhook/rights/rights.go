// Package rights asks whether the user who made a request may do something: the operator's own rights are never lent to
// a user who lacks them.
package rights

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Question is what a user may or may not do.
type Question struct {
	Verb, Group, Resource, Namespace, Name string
}

// String says the question in the words of kubectl auth can-i.
func (q Question) String() string {
	what := q.Resource
	if q.Group != "" {
		what += "." + q.Group
	}
	if q.Name != "" {
		what += "/" + q.Name
	}
	return q.Verb + " " + what
}

// ToRun asks for what runs an image of a user's choice in a namespace.
func ToRun(namespace string) Question {
	return Question{Verb: "create", Group: appsv1.GroupName, Resource: "statefulsets", Namespace: namespace}
}

// Asker answers questions about the rights of users.
type Asker interface {
	May(ctx context.Context, user authenticationv1.UserInfo, q Question) (bool, error)
}

// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Reviews asks the API server by SubjectAccessReview.
type Reviews struct{ Client client.Writer }

// May tells whether the user may.
func (r Reviews) May(ctx context.Context, user authenticationv1.UserInfo, q Question) (bool, error) {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, values := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: q.Verb, Group: q.Group, Resource: q.Resource, Namespace: q.Namespace, Name: q.Name},
	}}
	if err := r.Client.Create(ctx, review); err != nil {
		return false, fmt.Errorf("asking for the rights of a user: %w", err)
	}
	return review.Status.Allowed && !review.Status.Denied, nil
}
