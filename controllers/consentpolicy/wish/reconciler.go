package wish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/place"
	"github.com/rempart-dev/rempart/internal/consent/wish"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
)

// Reconcile asks for wishes, does what they need, and reports it. It has one condition of the status and touches no other.
func (r *Reconciler) Reconcile(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (ctrl.Result, error) {
	if !cpol.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	status := statuspatch.New(r.Client, cpol, func(p *v1alpha1.ConsentPolicy) any { return &p.Status })
	judged, err := r.step(ctx, cpol)
	if err != nil {
		judged = condition.False(v1alpha1.ConditionWishesHandled, v1alpha1.ReasonStepFailed, "A request could not be made of a wish, which will be tried again; the operator's log says why")
	}
	report(cpol, judged)
	return flow.Next(wish.Interval, err, status.Patch(ctx, cpol))
}

// report writes the condition.
func report(cpol *v1alpha1.ConsentPolicy, judged metav1.Condition) {
	judged.ObservedGeneration = cpol.Generation
	meta.SetStatusCondition(&cpol.Status.Conditions, judged)
}

// unheard says that nobody knows whether people wait. A service that is being replaced is no news, pass after pass.
func unheard(ctx context.Context, err error) metav1.Condition {
	if errors.Is(err, wish.ErrOtherVersion) {
		return condition.Unknown(v1alpha1.ConditionWishesHandled, v1alpha1.ReasonServiceOutdated,
			"The service is of another version than the operator and does not know how it asks for people's wishes to be erased; none is lost, and it is asked again until it was replaced")
	}
	ctrl.LoggerFrom(ctx).Info("Did not learn of people's wishes from the consent service", "reason", err.Error())
	return condition.Unknown(v1alpha1.ConditionWishesHandled, v1alpha1.ReasonServiceSilent, "The service does not tell the operator of people's wishes to be erased; it is asked again")
}

// step is the order of work, and the only place that knows it.
func (r *Reconciler) step(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (metav1.Condition, error) {
	deployment, err := child.Find(ctx, r.Client, cpol.Namespace, place.Service(cpol.Name), &appsv1.Deployment{})
	if err != nil {
		return metav1.Condition{}, fmt.Errorf("reading the service: %w", err)
	}
	if cpol.Status.TenantID == "" || deployment == nil || deployment.Status.ReadyReplicas == 0 {
		return condition.Unknown(v1alpha1.ConditionWishesHandled, v1alpha1.ReasonServiceStarting, "No pod of the service is ready"), nil
	}
	token, err := r.Tokens.Token(ctx, place.OperatorAudience(cpol.Status.TenantID))
	if err != nil {
		return unheard(ctx, err), nil
	}
	s := session{Reconciler: r, policy: cpol, host: place.Host(cpol.Namespace, cpol.Name), token: token}
	in, err := s.read(ctx)
	if err != nil {
		return unheard(ctx, err), nil
	}
	if err := s.load(ctx, &in); err != nil {
		return metav1.Condition{}, err
	}
	plan := wish.Decide(in)
	made, failed, err := s.make(ctx, plan.Make)
	plan.Make, plan.Later = made, append(plan.Later, failed...)
	silent, unanswered := s.answer(ctx, plan)
	switch err := errors.Join(err, unanswered); {
	case err != nil:
		return metav1.Condition{}, err
	case silent != nil:
		return unheard(ctx, silent), nil
	}
	return plan.Judge(), nil
}

// session is one pass with one service.
type session struct {
	*Reconciler
	policy      *v1alpha1.ConsentPolicy
	host, token string
}

// read reads, of each way, as many wishes as this pass can make requests of, and those of which one was made. However many there are
// of one, the others are read, and a pass reads no more.
func (s session) read(ctx context.Context) (wish.Input, error) {
	in := wish.Input{Tenant: s.policy.Status.TenantID, Requests: map[string]*v1alpha1.ErasureRequest{}, Open: map[consent.Way]int{}, Unseen: map[consent.Way]bool{}}
	for _, way := range consent.Ways() {
		more, err := s.pages(ctx, &in, wish.List{Way: way, Limit: wish.Most}, 1)
		if err != nil {
			return in, err
		}
		in.More = in.More || more
		if in.Unseen[way], err = s.pages(ctx, &in, wish.List{Way: way, Opened: true, Limit: wish.PageSize}, wish.MostPages); err != nil {
			return in, err
		}
	}
	return in, nil
}

// pages reads the first pages of a list, and tells whether there are more.
func (s session) pages(ctx context.Context, in *wish.Input, list wish.List, most int) (more bool, err error) {
	for range most {
		page, err := s.Service.Wishes(ctx, s.host, s.token, list)
		if err != nil {
			return false, err //nolint:wrapcheck // says what it was asking
		}
		for _, w := range page.Wishes {
			w.Listed = list.Way
			in.Wishes = append(in.Wishes, w)
		}
		if page.Next == "" {
			return false, nil
		}
		list.After = page.Next
	}
	return true, nil
}

// load reads the requests that were made. What the cache does not have is looked for in the API server before it is made, or said to be
// gone: a Secret that is made for a request that has ended would stay.
func (s session) load(ctx context.Context, in *wish.Input) error {
	made := &v1alpha1.ErasureRequestList{}
	if err := s.Client.List(ctx, made, client.InNamespace(s.policy.Namespace), client.MatchingLabels{v1alpha1.LabelConsentPolicy: s.policy.Name}); err != nil {
		return fmt.Errorf("listing requests: %w", err)
	}
	for i := range made.Items {
		in.Requests[made.Items[i].Name] = &made.Items[i]
		if made.Items[i].Status.End == "" {
			in.Open[wish.WayOf(&made.Items[i])]++
		}
	}
	for _, w := range in.Wishes {
		name := wish.Name(in.Tenant, w.ID)
		if in.Requests[name] != nil {
			continue
		}
		request, err := child.Find(ctx, s.Reader, s.policy.Namespace, name, &v1alpha1.ErasureRequest{})
		if err != nil {
			return fmt.Errorf("looking for a request: %w", err)
		}
		if request != nil {
			in.Requests[name] = request
		}
	}
	return nil
}

// errRefused: a request cannot be made of one wish. Of another it may be.
var errRefused = errors.New("refused")

// make makes requests. One that is refused holds up no other; after any other failure nothing more of its queue is tried, for the API
// server may be away. Failed are those of which none was made, the reasons in err.
func (s session) make(ctx context.Context, wishes []wish.Wish) (made []wish.Wish, failed []uuid.UUID, err error) {
	defer func() {
		if len(made) > 0 {
			s.Recorder.Eventf(s.policy, nil, corev1.EventTypeNormal, v1alpha1.ReasonErasureRequested, "Make", "%d wishes to be erased, of people who asked on their page or withdrew a purpose with StopAndErase, became requests, which wait for a decision once they are planned", len(made))
		}
	}()
	stopped := map[consent.Way]bool{}
	for _, w := range wishes {
		if stopped[w.Listed] {
			continue
		}
		one := s.makeOne(ctx, w)
		if one == nil {
			made = append(made, w)
			continue
		}
		failed, err = append(failed, w.ID), errors.Join(err, one)
		stopped[w.Listed] = !errors.Is(one, errRefused)
	}
	return made, failed, err
}

// makeOne makes a request, its Secret before it: a request without one could be given another person. The API server's words are not
// repeated, for another's webhook may quote the Secret.
func (s session) makeOne(ctx context.Context, w wish.Wish) error {
	secret, err := s.keep(ctx, wish.Person(s.policy, s.policy.Status.TenantID, w))
	if err != nil {
		return err
	}
	return s.request(ctx, wish.Request(s.policy, s.policy.Status.TenantID, w), secret)
}

// because says why the API server did not make something.
func because(doing string, err error) error {
	if refused(err) {
		return fmt.Errorf("%s: %w: %s", doing, errRefused, apierrors.ReasonForError(err))
	}
	return fmt.Errorf("%s: %s", doing, apierrors.ReasonForError(err))
}

// refused tells that the API server did not do it, and will not: all else may have been done.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
}

// keep makes a subject Secret. One that an interrupted pass left is taken; one that says anything else is somebody's mistake or malice.
func (s session) keep(ctx context.Context, wanted *corev1.Secret) (*corev1.Secret, error) {
	secret := wanted.DeepCopy()
	err := s.Client.Create(ctx, secret, fieldOwner)
	if apierrors.IsAlreadyExists(err) {
		secret, err = child.Find(ctx, s.Reader, wanted.Namespace, wanted.Name, &corev1.Secret{})
		if err == nil && (secret == nil || secret.Type != wanted.Type || !maps.EqualFunc(secret.Data, wanted.Data, slices.Equal[[]byte])) {
			return nil, fmt.Errorf("making a subject Secret: %w: another one has its name %q; remove it", errRefused, wanted.Name)
		}
	}
	if err != nil {
		return nil, because("making a subject Secret", err)
	}
	return secret, nil
}

// request makes a request. Where the API server refuses it the Secret goes at once: nobody else would remove it.
func (s session) request(ctx context.Context, wanted *v1alpha1.ErasureRequest, secret *corev1.Secret) error {
	err := s.Client.Create(ctx, wanted, fieldOwner)
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil
	}
	failed := because("making a request of erasure", err)
	if refused(err) {
		if err := child.Delete(ctx, s.Client, secret); err != nil {
			return fmt.Errorf("%w; and removing its Secret: %s", failed, apierrors.ReasonForError(err))
		}
	}
	return failed
}

// answer tells the service what became of wishes. Silent is why it was not heard; the next pass tells it again.
func (s session) answer(ctx context.Context, plan wish.Plan) (silent, err error) {
	for _, w := range plan.Make {
		if silent := s.Service.Answer(ctx, s.host, s.token, w.ID, wish.Opened); silent != nil {
			return silent, nil
		}
	}
	for _, a := range plan.Answer {
		if a.Unmade {
			if err := s.forget(ctx, wish.SecretName(wish.Name(s.policy.Status.TenantID, a.Wish.ID))); err != nil {
				return nil, err
			}
		}
		if silent := s.Service.Answer(ctx, s.host, s.token, a.Wish.ID, a.State); silent != nil {
			return silent, nil
		}
		if a.Removed {
			s.Recorder.Eventf(s.policy, nil, corev1.EventTypeWarning, v1alpha1.ReasonRequestRemoved, "Answer",
				"The request %q, which a person asked for on their page or by a withdrawal, was removed before its end; their page lets them ask", wish.Name(s.policy.Status.TenantID, a.Wish.ID))
		}
	}
	for ids := range slices.Chunk(plan.Later, wish.MostLater) {
		if silent := s.Service.Later(ctx, s.host, s.token, ids); silent != nil {
			return silent, nil
		}
	}
	return nil, nil
}

// forget removes a subject Secret that an interrupted pass left, of a person who was erased before there was a request.
func (s session) forget(ctx context.Context, name string) error {
	secret, err := child.Find(ctx, s.Reader, s.policy.Namespace, name, &corev1.Secret{})
	if err == nil && secret != nil {
		err = child.Delete(ctx, s.Client, secret)
	}
	if err != nil {
		return fmt.Errorf("removing a subject Secret: %s", apierrors.ReasonForError(err))
	}
	return nil
}
