package consentpolicy

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
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

var errEndless = errors.New("the list does not come to its end")

// collect learns who was forgotten up to a size of the log, from where the list ends or from the start, and keeps it.
func (r *Reconciler) collect(ctx context.Context, in *policy.Input, size int64, whole bool) error {
	var learnt []consent.Mark
	var peppers []string
	from := in.Checkpoint.Size
	if whole {
		from = 0
	}
	for from < size {
		page, err := r.Service.Forgotten(ctx, policy.Host(in.Policy), from)
		if err == nil && page.To <= from {
			err = errEndless
		}
		if err != nil {
			return err
		}
		learnt, from, peppers = append(learnt, page.Marks...), page.To, append(peppers, page.Pepper)
	}
	list, more := in.Forgotten.Under(peppers, whole).With(learnt)
	if !more && len(list.Versions) > 0 && list.Pepper == in.Forgotten.Pepper {
		return nil
	}
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
