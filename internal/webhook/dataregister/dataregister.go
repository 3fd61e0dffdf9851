// Package dataregister judges DataRegisters at admission: where their stores are, whether another register claims them,
// whether their datasets name paths that mean something, and whether the user may read the Secrets that they name. The Article 30 rules are in the schema.
package dataregister

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Path is where the API server calls.
const Path = "/validate/dataregister"

// Rules that refusals name, beside those of residency.
const (
	RuleOneStore = "one-register-per-store"
	RuleRights   = "rights"
	RuleExempt   = "exempt"
	RulePaths    = "paths"
)

// shownRequests bounds how many open requests a deletion is warned of by name.
const shownRequests = 5

type request = review.Request[*v1alpha1.DataRegister]

// Marker labels a namespace as guarded before the register is there, so that no claim slips in between.
type Marker interface {
	Mark(ctx context.Context, namespace string, marks map[string]string) error
}

type judge struct {
	world  lookup.World
	reader client.Reader
	rights rights.Asker
	marker Marker
}

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasurerequests,verbs=list
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters,verbs=get;list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies;dataprotectionofficers,verbs=get

// New makes a handler. It judges by what the API server says now: a policy, a class and a register are often applied
// together, and registers are rare.
func New(scheme *runtime.Scheme, world lookup.World, asker rights.Asker, marker Marker) admission.Handler {
	j := judge{world, world.Live, asker, marker}
	return review.Handler(scheme, func() *v1alpha1.DataRegister { return &v1alpha1.DataRegister{} }, j.judge)
}

func (j judge) judge(ctx context.Context, req request) (review.Answer, error) {
	var answer review.Answer
	if req.Deleted() {
		return answer, j.deletion(ctx, &answer, req)
	}
	if !req.Created() && equality.Semantic.DeepEqual(req.Object.Spec, req.Old.Spec) {
		return answer, nil // finalizers, labels: cleanup always passes
	}
	snapshot, err := j.world.Fresh(ctx, req.Namespace)
	if err != nil {
		return answer, err
	}
	guard := snapshot.GuardFor(req.Namespace, residency.PolicyName(req.Object))
	stores(&answer, guard, req)
	datasets(&answer, req)
	if err := j.repointed(ctx, &answer, snapshot, req); err != nil {
		return answer, err
	}
	if err := j.oneRegister(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.mayRead(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.mayRun(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.mayState(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.references(ctx, &answer, req); err != nil {
		return answer, err
	}
	return answer, j.mark(ctx, answer, guard, req)
}

// mark labels the namespace when the register is about to be let in.
func (j judge) mark(ctx context.Context, answer review.Answer, guard *residency.Guard, req request) error {
	if answer.Refused() || !req.Created() || (req.DryRun != nil && *req.DryRun) {
		return nil
	}
	return j.marker.Mark(ctx, req.Namespace, guard.Marks())
}

// repointed refuses that a register goes to a policy that allows more, to who may not loosen the one that it leaves: for the
// register, and for a namespace that nothing else guards, that is the same.
func (j judge) repointed(ctx context.Context, answer *review.Answer, snapshot *residency.Snapshot, req request) error {
	if req.Created() || residency.PolicyName(req.Old) == residency.PolicyName(req.Object) {
		return nil
	}
	was, is := snapshot.Policy(residency.PolicyName(req.Old)).Rules, snapshot.Policy(residency.PolicyName(req.Object)).Rules
	more := residency.AllowsMore(was, is, req.Namespace)
	if more == "" {
		return nil
	}
	question := rights.Question{Verb: "exempt", Group: v1alpha1.GroupName, Resource: "residencypolicies", Name: was.Name}
	allowed, err := j.rights.May(ctx, req.UserInfo, question)
	if err == nil && !allowed {
		answer.Refuse(RuleExempt, "spec.residencyPolicyRef", fmt.Sprintf("%s allows more than %s (spec.%s): to leave that one needs the right to %s, which you do not have (rule %s)", is.Title(), was.Title(), more, question, RuleExempt))
	}
	return err
}

// oldStore finds a store as it was; nil when it is new.
func oldStore(req request, name v1alpha1.PartName) *v1alpha1.DataStore {
	if req.Old == nil {
		return nil
	}
	at := slices.IndexFunc(req.Old.Spec.Stores, func(s v1alpha1.DataStore) bool { return s.Name == name })
	if at < 0 {
		return nil
	}
	return &req.Old.Spec.Stores[at]
}

// oneRegister refuses a store that another register, of any namespace, claims already. It asks only of claims that the
// request brings: others are known to the index of the cache, and those that it names are read live, for they may have let
// go. A register that came a moment ago, or that another replica lets in at the same time, is not in the index: then both
// are admitted, and the reconciler of the younger one stalls with StoreClaimed and touches no store (register.Rival).
func (j judge) oneRegister(ctx context.Context, answer *review.Answer, req request) error {
	refuse := func(claim register.Claim, by string) {
		store := register.Store(req.Object, string(claim.Store))
		answer.Refuse(RuleOneStore, field(store, ""), fmt.Sprintf("store %q is claimed by %s already: one store has one register (rule %s); remove it from one of them", claim.Store, by, RuleOneStore))
	}
	var old []register.Claim
	var twiceBefore register.Claim
	if req.Old != nil {
		old = register.Claims(req.Old)
		twiceBefore, _ = register.Twice(req.Old)
	}
	refused := map[v1alpha1.PartName]struct{}{}
	for _, claim := range register.Claims(req.Object) {
		if _, done := refused[claim.Store]; done || slices.Contains(old, claim) {
			continue
		}
		holder, err := j.holder(ctx, req, claim.Key)
		if err != nil {
			return err
		}
		if holder != nil {
			refuse(claim, whose(holder, req.Namespace))
			refused[claim.Store] = struct{}{}
		}
	}
	if claim, twice := register.Twice(req.Object); twice && len(refused) == 0 && claim != twiceBefore {
		refuse(claim, "another store of this register")
	}
	return nil
}

// holder is another register that claims a key; nil when there is none.
func (j judge) holder(ctx context.Context, req request, key string) (*v1alpha1.DataRegister, error) {
	known := &v1alpha1.DataRegisterList{}
	if err := j.world.Cached.List(ctx, known, client.MatchingFields{register.IndexClaims: key}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return nil, fmt.Errorf("looking for other claims: %w", err)
	}
	for i := range known.Items {
		at := client.ObjectKeyFromObject(&known.Items[i])
		if at == (client.ObjectKey{Namespace: req.Namespace, Name: req.Object.Name}) {
			continue
		}
		other := &v1alpha1.DataRegister{}
		err := j.reader.Get(ctx, at, other)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return nil, fmt.Errorf("reading another register: %w", err)
		case slices.Contains(register.ClaimKeys(other), key):
			return other, nil
		}
	}
	return nil, nil
}

// whose names the other register, but not one of a namespace that the user may not see.
func whose(other *v1alpha1.DataRegister, namespace string) string {
	if other.Namespace == namespace {
		return fmt.Sprintf("DataRegister %q", other.Name)
	}
	return "a DataRegister of another namespace"
}

// mayRead asks whether the user may read the Secrets of a connection that is new or changed: a changed host would send
// their contents elsewhere.
func (j judge) mayRead(ctx context.Context, answer *review.Answer, req request) error {
	asked := map[v1alpha1.ObjectName]struct{}{}
	for s := range req.Object.Spec.Stores {
		store := &req.Object.Spec.Stores[s]
		if old := oldStore(req, store.Name); old != nil && equality.Semantic.DeepEqual(old.Connection, store.Connection) {
			continue
		}
		for _, secret := range secretsOf(store.Connection) {
			if _, done := asked[secret]; done {
				continue
			}
			asked[secret] = struct{}{}
			question := rights.Question{Verb: "get", Resource: "secrets", Namespace: req.Namespace, Name: string(secret)}
			allowed, err := j.rights.May(ctx, req.UserInfo, question)
			if err != nil {
				return err
			}
			if !allowed {
				answer.Refuse(RuleRights, field(store, "connection"), fmt.Sprintf("store %q names a Secret that you may not read: you need the right to %s in this namespace (rule %s)", store.Name, question, RuleRights))
			}
		}
	}
	return nil
}

// mayRun asks whether the user may run what a new or changed image of a managed store holds: the operator makes the StatefulSet for whoever
// writes the register.
func (j judge) mayRun(ctx context.Context, answer *review.Answer, req request) error {
	for s := range req.Object.Spec.Stores {
		store := &req.Object.Spec.Stores[s]
		old := oldStore(req, store.Name)
		if store.Managed == nil || (old != nil && old.Managed != nil && old.Managed.Image == store.Managed.Image) {
			continue
		}
		question := rights.ToRun(req.Namespace)
		allowed, err := j.rights.May(ctx, req.UserInfo, question)
		if err == nil && !allowed {
			answer.Refuse(RuleRights, field(store, "managed.image"), fmt.Sprintf("store %q runs an image, which you may not do: you need the right to %s in this namespace (rule %s)", store.Name, question, RuleRights))
		}
		return err
	}
	return nil
}

// mayState asks whether the user may approve erasures, where they state that a store came back from a backup: people are erased again for
// it, and nobody is asked a second time.
func (j judge) mayState(ctx context.Context, answer *review.Answer, req request) error {
	for s := range req.Object.Spec.Stores {
		store := &req.Object.Spec.Stores[s]
		old := oldStore(req, store.Name)
		if store.Loss == nil || old != nil && equality.Semantic.DeepEqual(old.Loss, store.Loss) {
			continue
		}
		question := rights.Question{Verb: "approve", Group: v1alpha1.GroupName, Resource: "erasurerequests", Namespace: req.Namespace}
		allowed, err := j.rights.May(ctx, req.UserInfo, question)
		if err == nil && !allowed {
			answer.Refuse(RuleRights, field(store, "loss"), fmt.Sprintf("store %q: to state why its ledger forgot requests decides whether people are erased again: you need the right to %s in this namespace (rule %s)", store.Name, question, RuleRights))
		}
		return err
	}
	return nil
}

func secretsOf(connection *v1alpha1.StoreConnection) []v1alpha1.ObjectName {
	if connection == nil {
		return nil
	}
	secrets := []v1alpha1.ObjectName{connection.EraserSecretRef.Name, connection.VerifierSecretRef.Name}
	if connection.TLS.CASecretRef != nil {
		secrets = append(secrets, connection.TLS.CASecretRef.Name)
	}
	return secrets
}

// references warns of objects that are named and not there: they may come later.
func (j judge) references(ctx context.Context, answer *review.Answer, req request) error {
	missing := func(name v1alpha1.ObjectName, object client.Object) (bool, error) {
		err := j.reader.Get(ctx, client.ObjectKey{Name: string(name)}, object)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	}
	if ref := req.Object.Spec.ResidencyPolicyRef; ref != nil {
		absent, err := missing(ref.Name, &v1alpha1.ResidencyPolicy{})
		if err != nil {
			return fmt.Errorf("reading the policy: %w", err)
		}
		if absent {
			answer.Warn(fmt.Sprintf("ResidencyPolicy %q does not exist: the default policy holds until it does", ref.Name))
		}
	}
	absent, err := missing(req.Object.Spec.OfficerRef.Name, &v1alpha1.DataProtectionOfficer{})
	if err != nil {
		return fmt.Errorf("reading the officer: %w", err)
	}
	if absent {
		answer.Warn(fmt.Sprintf("DataProtectionOfficer %q does not exist yet: nobody is told of what happens here", req.Object.Spec.OfficerRef.Name))
	}
	return nil
}

// deletion warns of requests that have not ended: they lose the map that makes them executable.
func (j judge) deletion(ctx context.Context, answer *review.Answer, req request) error {
	requests := &v1alpha1.ErasureRequestList{}
	if err := j.reader.List(ctx, requests, client.InNamespace(req.Namespace)); err != nil {
		return fmt.Errorf("listing the requests: %w", err)
	}
	var open []string
	for i := range requests.Items {
		if item := &requests.Items[i]; item.Status.EndedTime == nil && concerns(item, req.Old.Name) {
			open = append(open, item.Name)
		}
	}
	if len(open) > 0 {
		answer.Warn(fmt.Sprintf("%d ErasureRequest(s) that concern this register have not ended, such as %s", len(open), join(open[:min(len(open), shownRequests)])))
	}
	return nil
}

func concerns(request *v1alpha1.ErasureRequest, register string) bool {
	choice := request.Spec.Registers
	return choice.Mode != v1alpha1.RegistersNamed || slices.Contains(choice.Names, v1alpha1.ObjectName(register))
}
