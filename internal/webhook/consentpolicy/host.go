package consentpolicy

import (
	"context"
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// RuleHost is the rule that refusals of a host name that another policy has.
const RuleHost = "host-taken"

// published is by what the world reaches a service.
func published(s *v1alpha1.ConsentService) v1alpha1.ConsentService {
	return v1alpha1.ConsentService{Host: s.Host, IngressClassName: s.IngressClassName, TLSSecretRef: s.TLSSecretRef, GatewayRef: s.GatewayRef}
}

// mayPublish asks whether the host is the policy's to have, and whether the user may make the Ingress or the route that the operator makes
// of it. Where two of them have one host, their controllers let the older one have it, or mix both: so a host is of one policy in the
// cluster, whose visitors no other can get.
func (j judge) mayPublish(ctx context.Context, answer *review.Answer, req request) error {
	after, before := published(&req.Object.Spec.Service), v1alpha1.ConsentService{}
	if !req.Created() {
		before = published(&req.Old.Spec.Service)
	}
	if after.Host == "" || equality.Semantic.DeepEqual(after, before) {
		return nil
	}
	if after.Host != before.Host {
		if taken, err := j.taken(ctx, req, after.Host); err != nil {
			return err
		} else if taken {
			answer.Refuse(RuleHost, "spec.service.host", fmt.Sprintf("another ConsentPolicy of the cluster has host %q (rule %s): choose another host, or let it go there first", after.Host, RuleHost))
		}
	}
	question := rights.Question{Verb: "create", Group: networkingv1.GroupName, Resource: "ingresses", Namespace: req.Namespace}
	if policy.Routed(req.Object) {
		question.Group, question.Resource = policy.RouteKind.Group, "httproutes"
	}
	allowed, err := j.rights.May(ctx, req.UserInfo, question)
	if err == nil && !allowed {
		answer.Refuse(RuleRights, "spec.service", fmt.Sprintf("the policy lets pages reach a host, which you may not do: you need the right to %s in this namespace (rule %s)", question, RuleRights))
	}
	return err
}

// taken tells whether another policy has a host, also one of another namespace.
func (j judge) taken(ctx context.Context, req request, host string) (bool, error) {
	policies := &v1alpha1.ConsentPolicyList{}
	if err := j.world.Live.List(ctx, policies); err != nil {
		return false, fmt.Errorf("reading which policy has a host: %w", err)
	}
	return slices.ContainsFunc(policies.Items, func(p v1alpha1.ConsentPolicy) bool {
		return p.Spec.Service.Host == host && (p.Namespace != req.Namespace || p.Name != req.Object.Name)
	}), nil
}
