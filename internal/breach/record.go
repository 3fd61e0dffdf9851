package breach

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/deadline"
	"github.com/rempart-dev/rempart/internal/law/profile"
)

// RecordEnds is when the record of Article 33(5) need no longer be kept; false while the incident is not closed.
func RecordEnds(incident *v1alpha1.BreachIncident, zone *time.Location) (time.Time, bool) {
	closed := incident.Status.ClosedTime
	if closed == nil {
		return time.Time{}, false
	}
	name := profile.Default
	if incident.Status.Clock != nil {
		name = incident.Status.Clock.LawProfile
	}
	p, err := profile.Find(name)
	if err != nil {
		return time.Time{}, false
	}
	period, err := p.Period(profile.BreachRecord)
	if err != nil {
		return time.Time{}, false
	}
	if zone == nil {
		zone = time.UTC
	}
	end, err := deadline.Retention(closed.Time, period, zone)
	return end, err == nil
}

// record is what is sealed: the incident without what only the API server needs.
type record struct {
	APIVersion string                        `json:"apiVersion"`
	Kind       string                        `json:"kind"`
	Namespace  string                        `json:"namespace"`
	Name       string                        `json:"name"`
	UID        string                        `json:"uid"`
	Created    metav1.Time                   `json:"created"`
	Spec       v1alpha1.BreachIncidentSpec   `json:"spec"`
	Status     v1alpha1.BreachIncidentStatus `json:"status"`
}

// Seal returns the copy of an incident's record that outlives its namespace: an immutable ConfigMap in the operator's
// namespace, named by the incident's UID, with the record as JSON and its digest.
func Seal(incident *v1alpha1.BreachIncident, namespace string) (*corev1ac.ConfigMapApplyConfiguration, error) {
	content, err := json.Marshal(record{
		APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: Kind, Namespace: incident.Namespace, Name: incident.Name,
		UID: string(incident.UID), Created: incident.CreationTimestamp, Spec: incident.Spec, Status: incident.Status,
	})
	if err != nil {
		return nil, fmt.Errorf("sealing a record: %w", err)
	}
	sum := sha256.Sum256(content)
	return corev1ac.ConfigMap(SealName(incident), namespace).
		WithLabels(map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelOwnerUID: string(incident.UID), v1alpha1.LabelComponent: "breach-record",
		}).
		WithImmutable(true).
		WithData(map[string]string{"record.json": string(content), "digest": "sha256:" + hex.EncodeToString(sum[:])}), nil
}

// SealName is the name of the sealed copy.
func SealName(incident *v1alpha1.BreachIncident) string {
	return "breach-record-" + string(incident.UID)
}
