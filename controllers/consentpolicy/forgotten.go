package consentpolicy

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/place"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

// forgotten reads the list of who was forgotten, part by part. One that cannot be read is never overwritten: somebody would come back.
func (r *Reconciler) forgotten(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (list policy.Forgotten, err error) {
	for part := 1; len(list.Marks) == (part-1)*policy.MarksPerPart; part++ {
		name := policy.ForgottenName(policy.TenantID(cpol.Namespace, cpol.Name), part)
		object, err := child.Find(ctx, r.Reader, r.Namespace, name, &corev1.ConfigMap{})
		switch {
		case err != nil:
			return list, fmt.Errorf("reading who was forgotten: %w", err)
		case object == nil:
			return list, nil
		case !policy.Kept(object, cpol.Name):
			return list, taken("ConfigMap", name)
		}
		if list, err = list.And(object); err != nil {
			return list, &flow.Permanent{Reason: v1alpha1.ReasonContradicted, Err: err, Message: fmt.Sprintf(
				"The ConfigMap %s in the operator's namespace holds no list of the forgotten that can be read; restore it", name)}
		}
	}
	return list, nil
}

// Bounds of one pass over the answers of a service, which a tenant may have put there: the next pass goes on from where it ended.
const (
	pagesPerPass = 64
	timePerPass  = 20 * time.Second
)

var errUntrue = errors.New("a part of the list does not go on, or has more people than events")

// collect learns who was forgotten up to a size of the log, from where the list ends or from the start, and keeps it. It tells whether it
// came to the end.
func (r *Reconciler) collect(ctx context.Context, in *policy.Input, answer *policy.Answer, size int64) (bool, error) {
	var learnt []consent.Mark
	var peppers []string
	from, whole := in.Forgotten.From(in.Checkpoint.Size, answer)
	token, err := r.Own.Token(ctx, place.OperatorAudience(policy.TenantID(in.Policy.Namespace, in.Policy.Name)))
	if err != nil {
		return false, fmt.Errorf("showing who asks: %w", err)
	}
	began := r.Clock.Now()
	for pages := 0; from < size && pages < pagesPerPass && r.Clock.Since(began) < timePerPass; pages++ {
		page, err := r.Service.Forgotten(ctx, policy.Host(in.Policy), token, from)
		if err == nil && (page.To <= from || int64(len(page.Marks)) > page.To-from) {
			err = errUntrue
		}
		if err != nil {
			return false, err
		}
		learnt, from, peppers = append(learnt, page.Marks...), page.To, append(peppers, page.Pepper)
	}
	done := from >= size
	list, more := in.Forgotten.With(learnt)
	if done {
		list = list.Under(peppers, whole)
	} else {
		list = list.UpTo(from, peppers)
	}
	if !more && len(list.Versions) > 0 && list.Pepper == in.Forgotten.Pepper && list.Read == in.Forgotten.Read {
		return done, nil
	}
	return done, r.keepForgotten(ctx, in, list)
}

// keepForgotten writes the parts of a list that are others than those of before.
func (r *Reconciler) keepForgotten(ctx context.Context, in *policy.Input, list policy.Forgotten) error {
	// The last part that there was has room, or is written as it is. The first says under which pepper all of them are: it comes last.
	for part := list.Parts(); part > 0; part-- {
		if part > 1 && part < in.Forgotten.Parts() {
			continue
		}
		if err := r.write(ctx, list.ConfigMap(in.Policy, r.Namespace, part)); err != nil {
			return err
		}
	}
	in.Forgotten = list
	return nil
}

// write keeps a part of the list.
func (r *Reconciler) write(ctx context.Context, part *corev1ac.ConfigMapApplyConfiguration) error {
	if err := r.Client.Apply(ctx, part, fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("keeping who was forgotten: %w", err)
	}
	return nil
}
