// Package consentpolicy judges ConsentPolicies at admission: whether their purposes are recorded, whether what people accepted
// changes behind their back, where the ledger is to be, and whether the user may read the Secrets that are named and let the world in by
// the host.
package consentpolicy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Path is where the API server calls.
const Path = "/validate/consentpolicy"

// RuleRights is the rule that refusals for want of a right name.
const RuleRights = "rights"

type request = review.Request[*v1alpha1.ConsentPolicy]

type judge struct {
	world  lookup.World
	rights rights.Asker
}

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters;dataprotectionofficers,verbs=get

// New makes a handler. It judges by what the API server says now: a register and a policy are often applied together.
func New(scheme *runtime.Scheme, world lookup.World, asker rights.Asker) admission.Handler {
	j := judge{world, asker}
	return review.Handler(scheme, func() *v1alpha1.ConsentPolicy { return &v1alpha1.ConsentPolicy{} }, j.judge)
}

func (j judge) judge(ctx context.Context, req request) (review.Answer, error) {
	var answer review.Answer
	if req.Deleted() || (!req.Created() && equality.Semantic.DeepEqual(req.Object.Spec, req.Old.Spec)) {
		return answer, nil // finalizers, labels: cleanup always passes
	}
	refuse(&answer, policy.Faults(&req.Object.Spec, j.world.Clock.Now()))
	after, err := j.controller(ctx, &answer, req.Object.Spec.OfficerRef.Name)
	if err != nil {
		return answer, err
	}
	for _, younger := range policy.Younger(&req.Object.Spec, after.Country) {
		answer.Warn(younger)
	}
	for _, unasked := range policy.Unasked(&req.Object.Spec) {
		answer.Warn(unasked)
	}
	if err := j.changes(ctx, &answer, req, after); err != nil {
		return answer, err
	}
	if err := j.recorded(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.mayPublish(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.mayRun(ctx, &answer, req); err != nil {
		return answer, err
	}
	return answer, j.mayRead(ctx, &answer, req)
}

func refuse(answer *review.Answer, objections []policy.Objection) {
	for _, o := range objections {
		answer.Refuse(o.Rule, o.Field, o.Message)
	}
}

// changes refuses what people would accept without having been told. After is the controller from now on.
func (j judge) changes(ctx context.Context, answer *review.Answer, req request, after v1alpha1.Organisation) error {
	if req.Created() || req.Old.Status.Notice == nil {
		return nil
	}
	for _, unsaid := range policy.Unsaid(&req.Old.Spec, &req.Object.Spec) {
		answer.Warn(unsaid)
	}
	before := after
	if old := req.Old.Spec.OfficerRef.Name; old != req.Object.Spec.OfficerRef.Name {
		var err error
		if before, err = j.controller(ctx, nil, old); err != nil {
			return err
		}
	}
	refuse(answer, policy.Changes(policy.Version{Spec: &req.Old.Spec, Controller: before}, policy.Version{Spec: &req.Object.Spec, Controller: after},
		req.Old.Status.Notice.Version, j.world.Clock.Now()))
	return nil
}

// controller returns the organisation of an officer; none, with a warning, where there is no officer.
func (j judge) controller(ctx context.Context, answer *review.Answer, name v1alpha1.ObjectName) (v1alpha1.Organisation, error) {
	officer := &v1alpha1.DataProtectionOfficer{}
	err := j.world.Live.Get(ctx, client.ObjectKey{Name: string(name)}, officer)
	switch {
	case apierrors.IsNotFound(err):
		if answer != nil {
			answer.Warn(fmt.Sprintf("DataProtectionOfficer %q does not exist yet: nothing is served until it does", name))
		}
		return v1alpha1.Organisation{}, nil
	case err != nil:
		return v1alpha1.Organisation{}, fmt.Errorf("reading the officer: %w", err)
	default:
		return officer.Spec.Organisation, nil
	}
}

// recorded refuses purposes that the register lacks, and a ledger or a mail server where its residency policy does not allow one.
func (j judge) recorded(ctx context.Context, answer *review.Answer, req request) error {
	register, name := &v1alpha1.DataRegister{}, req.Object.Spec.RegisterRef.Name
	err := j.world.Live.Get(ctx, client.ObjectKey{Namespace: req.Namespace, Name: string(name)}, register)
	switch {
	case apierrors.IsNotFound(err):
		answer.Warn(fmt.Sprintf("DataRegister %q does not exist yet: nothing is served until it does, and records the purposes", name))
		return nil
	case err != nil:
		return fmt.Errorf("reading the register: %w", err)
	}
	refuse(answer, policy.Unregistered(&req.Object.Spec, register))
	moved, service := movedOf(req), &req.Object.Spec.Service
	if !moved.database && !moved.mail {
		return nil
	}
	snapshot, err := j.world.Fresh(ctx, req.Namespace)
	if err != nil {
		return err
	}
	guard := snapshot.GuardFor(req.Namespace, residency.PolicyName(register))
	if moved.database {
		place(answer, guard, register, &service.Database)
	}
	if moved.mail && service.Mail != nil {
		declared(answer, guard, register, &service.Mail.Place, "the mail server", "spec.service.mail.place")
	}
	return nil
}

// moved says what of the service another host may get from now on.
type moved struct{ database, mail bool }

func movedOf(req request) moved {
	if req.Created() {
		return moved{true, true}
	}
	before, after := &req.Old.Spec.Service, &req.Object.Spec.Service
	return moved{!equality.Semantic.DeepEqual(after.Database, before.Database), !equality.Semantic.DeepEqual(after.Mail, before.Mail)}
}

// place judges where the ledger is to be, with the words of the storage webhook.
func place(answer *review.Answer, guard *residency.Guard, register *v1alpha1.DataRegister, database *v1alpha1.LedgerDatabase) {
	if m := database.Managed; m != nil {
		for _, objection := range guard.JudgeClass(string(m.Storage.StorageClassName), nil) {
			object(answer, objection.Enforced, objection.Rule, "spec.service.database.managed.storage.storageClassName", "the ledger: "+objection.Message)
		}
		return
	}
	declared(answer, guard, register, &database.Connection.Place, "the ledger", "spec.service.database.connection.place")
}

// declared judges where something is that Rempart does not run.
func declared(answer *review.Answer, guard *residency.Guard, register *v1alpha1.DataRegister, at *v1alpha1.ExternalStore, whose, field string) {
	for _, rules := range guard.Policies {
		judged := rules.Rules.JudgeExternal(register, &v1alpha1.DataStore{External: at})
		if judged.Message != "" {
			object(answer, rules.Rules.Enforcement != v1alpha1.EnforcementAudit, residency.RuleDeclaredPlace, field,
				fmt.Sprintf("%s: %s, rule %s: %s", whose, rules.Rules.Title(), residency.RuleDeclaredPlace, judged.Message))
		}
	}
}

func object(answer *review.Answer, enforced bool, rule, field, message string) {
	if enforced {
		answer.Refuse(rule, field, message)
	} else {
		answer.Warn(message)
	}
}

// mayRead asks whether the user may read the Secrets that are named: the service reads them for whoever writes the policy, and a
// changed host would send their contents elsewhere. So what is sent to a database is not known to be theirs to send to a mail server.
func (j judge) mayRead(ctx context.Context, answer *review.Answer, req request) error {
	moved, named := movedOf(req), map[v1alpha1.ObjectName]bool{}
	var before *v1alpha1.ConsentService
	if !req.Created() {
		before = &req.Old.Spec.Service
	}
	for _, part := range []struct {
		of    func(*v1alpha1.ConsentService) []v1alpha1.ObjectName
		moved bool
	}{{secretsOf, moved.database}, {mailSecretsOf, moved.mail}} {
		known := map[v1alpha1.ObjectName]bool{}
		if before != nil && !part.moved {
			for _, secret := range part.of(before) {
				known[secret] = true
			}
		}
		for _, secret := range part.of(&req.Object.Spec.Service) {
			named[secret] = named[secret] || !known[secret]
		}
	}
	for _, secret := range slices.Sorted(maps.Keys(named)) {
		if !named[secret] {
			continue
		}
		question := rights.Question{Verb: "get", Resource: "secrets", Namespace: req.Namespace, Name: string(secret)}
		allowed, err := j.rights.May(ctx, req.UserInfo, question)
		if err != nil {
			return err
		}
		if !allowed {
			answer.Refuse(RuleRights, "spec.service", fmt.Sprintf("the policy names a Secret that you may not read: you need the right to %s in this namespace (rule %s)", question, RuleRights))
		}
	}
	return nil
}

// mayRun asks whether the user may run what a new or changed image of the ledger's database holds.
func (j judge) mayRun(ctx context.Context, answer *review.Answer, req request) error {
	image := func(p *v1alpha1.ConsentPolicy) string {
		if m := p.Spec.Service.Database.Managed; m != nil {
			return m.Image
		}
		return ""
	}
	if is := image(req.Object); is == "" || (!req.Created() && is == image(req.Old)) {
		return nil
	}
	question := rights.ToRun(req.Namespace)
	allowed, err := j.rights.May(ctx, req.UserInfo, question)
	if err == nil && !allowed {
		answer.Refuse(RuleRights, "spec.service.database.managed.image", fmt.Sprintf("the ledger runs an image, which you may not do: you need the right to %s in this namespace (rule %s)", question, RuleRights))
	}
	return err
}

// mailSecretsOf are the Secrets whose contents a mail server gets, or is known by.
func mailSecretsOf(s *v1alpha1.ConsentService) []v1alpha1.ObjectName {
	var names []v1alpha1.ObjectName
	if s.Mail == nil {
		return nil
	}
	for _, ref := range []*v1alpha1.SecretRef{s.Mail.CredentialsSecretRef, s.Mail.CASecretRef} {
		if ref != nil {
			names = append(names, ref.Name)
		}
	}
	return names
}

// secretsOf are the Secrets whose contents the service and its database get.
func secretsOf(s *v1alpha1.ConsentService) []v1alpha1.ObjectName {
	var names []v1alpha1.ObjectName
	for _, ref := range []*v1alpha1.SecretRef{s.SigningSecretRef, s.PepperSecretRef, s.KEKSecretRef} {
		if ref != nil {
			names = append(names, ref.Name)
		}
	}
	if c := s.Database.Connection; c != nil {
		names = append(names, c.AdminSecretRef.Name, c.AppSecretRef.Name, c.SequencerSecretRef.Name, c.PrunerSecretRef.Name)
		if c.TLS.CASecretRef != nil {
			names = append(names, c.TLS.CASecretRef.Name)
		}
	}
	return names
}
