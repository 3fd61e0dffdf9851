package scan

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

// suspect opens a suspected breach for each volume with governed data in a denied place, once: what people then say of it
// is theirs. The API server decides whether there is one already, for the name follows from the volume.
func (s *Scanner) suspect(ctx context.Context, found *residency.Scan, registers []v1alpha1.DataRegister) error {
	var failed error
	for _, suspicion := range found.Suspicions() {
		register := suspicion.Governor(registers)
		if register == nil || !register.DeletionTimestamp.IsZero() {
			continue
		}
		incident := suspicion.Incident(register)
		err := s.Client.Get(ctx, client.ObjectKeyFromObject(incident), &v1alpha1.BreachIncident{})
		if apierrors.IsNotFound(err) {
			err = s.Client.Create(ctx, incident)
			if err == nil {
				logf.FromContext(ctx).Info("Opened a suspected breach", "incident", client.ObjectKeyFromObject(incident), "volume", suspicion.Name)
			}
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			failed = errors.Join(failed, fmt.Errorf("opening a suspected breach: %w", err))
		}
	}
	return failed
}
