// Package breachincident judges BreachIncidents at admission, and stamps who decided what, and when. The record of a
// breach stays (Article 33(5)).
package breachincident

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/breach"
	"github.com/rempart-dev/rempart/internal/webhook/personal"
	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Where the API server calls.
const (
	Path       = "/validate/breachincident"
	MutatePath = "/mutate/breachincident"
)

// Rules that refusals name.
const (
	RuleRecord    = "record"
	RuleRights    = "rights"
	RuleRetention = "retention"
)

type request = review.Request[*v1alpha1.BreachIncident]

type judge struct {
	rights   rights.Asker
	clock    clock.PassiveClock
	operator string
	cleaners []string
}

// New makes a validating handler. Operator is the operator's user; cleaners are the users of the garbage and namespace
// controllers.
func New(scheme *runtime.Scheme, asker rights.Asker, clock clock.PassiveClock, operator string, cleaners []string) admission.Handler {
	j := judge{asker, clock, operator, cleaners}
	return review.Handler(scheme, fresh, j.judge)
}

func fresh() *v1alpha1.BreachIncident { return &v1alpha1.BreachIncident{} }

func (j judge) judge(ctx context.Context, req request) (review.Answer, error) {
	var answer review.Answer
	if req.Deleted() {
		j.deletion(&answer, req)
		return answer, nil
	}
	j.finalizer(&answer, req)
	if !req.Created() && equality.Semantic.DeepEqual(req.Object.Spec, req.Old.Spec) {
		return answer, nil
	}
	for _, objection := range breach.Validate(req.Object, req.Old, j.clock.Now()) {
		answer.Refuse(RuleRecord, "spec", objection)
	}
	hits, err := personal.Scan(req.Request.Object.Raw)
	if err != nil {
		return answer, err
	}
	for _, hit := range hits {
		answer.Warn(fmt.Sprintf("%s holds what looks like %s: describe the people concerned by category, not by name", hit.Field, hit.Kind))
	}
	return answer, j.mayDecide(ctx, &answer, req)
}

// deletion is refused until the retention of the record is over. A namespace that goes takes its incidents with it.
func (j judge) deletion(answer *review.Answer, req request) {
	if req.UserInfo.Username == j.operator || slices.Contains(j.cleaners, req.UserInfo.Username) {
		return
	}
	if end, closed := breach.RecordEnds(req.Old, time.UTC); closed && !j.clock.Now().Before(end) {
		return
	}
	answer.Refuse(RuleRetention, "", fmt.Sprintf("BreachIncident %q stays in the record until five years after its closure (Article 33(5), rule %s); set verdict Dismissed with a reason if it was none, or close it",
		req.Old.Name, RuleRetention))
}

// finalizer keeps the one that guards the record: only the operator, and whoever removes the namespace, may take it off.
func (j judge) finalizer(answer *review.Answer, req request) {
	if req.Created() || !slices.Contains(req.Old.Finalizers, v1alpha1.FinalizerBreachRegister) || slices.Contains(req.Object.Finalizers, v1alpha1.FinalizerBreachRegister) {
		return
	}
	if req.UserInfo.Username != j.operator && !slices.Contains(j.cleaners, req.UserInfo.Username) {
		answer.Refuse(RuleRetention, "metadata.finalizers", fmt.Sprintf("finalizer %s keeps the record of a breach (Article 33(5), rule %s); only the operator removes it", v1alpha1.FinalizerBreachRegister, RuleRetention))
	}
}

// mayDecide asks for the verb of each decision that is new. Suspecting is open to whoever may create the kind.
func (j judge) mayDecide(ctx context.Context, answer *review.Answer, req request) error {
	for _, verb := range breach.VerbsFor(req.Old, req.Object) {
		question := rights.Question{Verb: verb, Group: v1alpha1.GroupName, Resource: "breachincidents", Namespace: req.Namespace, Name: req.Object.Name}
		allowed, err := j.rights.May(ctx, req.UserInfo, question)
		if err != nil {
			return err
		}
		if !allowed {
			answer.Refuse(RuleRights, "spec", fmt.Sprintf("this change needs the right to %s in this namespace, which you do not have (rule %s); ask for a role that has it", question, RuleRights))
		}
	}
	return nil
}

// NewMutating makes the handler that stamps decisions with the user and the instant. What a user writes there is replaced.
func NewMutating(scheme *runtime.Scheme, clock clock.PassiveClock) admission.Handler {
	decoder := admission.NewDecoder(scheme)
	return admission.HandlerFunc(func(ctx context.Context, req admission.Request) admission.Response {
		incident := fresh()
		var old *v1alpha1.BreachIncident
		err := decoder.DecodeRaw(req.Object, incident)
		if len(req.OldObject.Raw) > 0 {
			old = fresh()
			err = errors.Join(err, decoder.DecodeRaw(req.OldObject, old))
		}
		if err != nil {
			return admission.Errored(http.StatusBadRequest, errors.New("the object in the request cannot be read"))
		}
		breach.Stamp(old, incident, req.UserInfo.Username, clock.Now())
		stamped, err := json.Marshal(incident)
		if err != nil {
			return review.Failed(ctx, req, fmt.Errorf("encoding the incident: %w", err))
		}
		return admission.PatchResponseFromRaw(req.Object.Raw, stamped)
	})
}
