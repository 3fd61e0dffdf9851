package policy

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// wantedKey is the number of the signing key that the policy asks for.
func wantedKey(p *v1alpha1.ConsentPolicy) int32 { return max(p.Spec.Service.SigningKeyNumber, 1) }

// Rotates tells whether another signing key is to be made now: the policy asks for one, and the service runs with the keys that are
// there. So each key takes its place in the log before the next one follows; one that was passed over could not name its successor.
func Rotates(in Input) bool {
	p := in.Policy
	if in.Keys == nil || p.Spec.Service.SigningSecretRef != nil || !Kept(in.Keys, p.Name) {
		return false
	}
	// What is no number is an old one: a key more does no harm.
	there, _ := strconv.ParseInt(in.Keys.GetAnnotations()[v1alpha1.AnnotationSigningKey], 10, 32)
	return wantedKey(p) > max(int32(there), 1) && in.Missing == "" && settled(in.Deployment) &&
		in.Deployment.Spec.Template.Annotations[annotationSecrets] == digest(in.Marks)
}

// operation is one of a JSON Patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	From  string `json:"from,omitempty"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Rotation is the JSON Patch of the Secret of the keys which puts another signing key in the place of the one of before, and that one
// beside it. It is refused with a conflict where the Secret is not the one that was looked at.
func Rotation(in Input, chance io.Reader) ([]byte, error) {
	seed := make([]byte, keyBytes)
	if _, err := io.ReadFull(chance, seed); err != nil {
		return nil, fmt.Errorf("drawing a key: %w", err)
	}
	annotations := map[string]string{v1alpha1.AnnotationSigningKey: strconv.Itoa(int(wantedKey(in.Policy)))}
	for name, value := range in.Keys.GetAnnotations() {
		if name != v1alpha1.AnnotationSigningKey {
			annotations[name] = value
		}
	}
	patch, err := json.Marshal([]operation{
		{Op: "replace", Path: "/metadata/resourceVersion", Value: in.Keys.GetResourceVersion()},
		{Op: "copy", From: "/data/" + KeySigning, Path: "/data/" + KeyBefore},
		{Op: "replace", Path: "/data/" + KeySigning, Value: seed},
		{Op: "add", Path: "/metadata/annotations", Value: annotations},
	})
	if err != nil {
		return nil, fmt.Errorf("writing a patch: %w", err)
	}
	return patch, nil
}
