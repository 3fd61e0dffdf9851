package policy

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

// made is a key that Rempart makes, and the number that the policy asks for.
type made struct {
	key, annotation string
	wanted          int32
	// theirs tells that the policy names another Secret for it.
	theirs bool
}

// number is the one that is asked for, as the annotation has it.
func (m made) number() string { return strconv.Itoa(int(max(m.wanted, 1))) }

func madeKeys(p *v1alpha1.ConsentPolicy) []made {
	s := &p.Spec.Service
	return []made{
		{KeySigning, v1alpha1.AnnotationSigningKey, s.SigningKeyNumber, s.SigningSecretRef != nil},
		{KeyPepper, v1alpha1.AnnotationPepper, s.PepperNumber, s.PepperSecretRef != nil},
		{KeyKEK, v1alpha1.AnnotationKEK, s.KEKNumber, s.KEKSecretRef != nil},
	}
}

// due are the keys of which another is asked for.
func due(in Input) (keys []made) {
	for _, m := range madeKeys(in.Policy) {
		// What is no number is an old one: a key more does no harm.
		there, _ := strconv.ParseInt(in.Keys.GetAnnotations()[m.annotation], 10, 32)
		if !m.theirs && m.wanted > max(int32(there), 1) {
			keys = append(keys, m)
		}
	}
	return keys
}

// Rotates tells whether another key is to be made, or used, now: the policy asks for one, and the service runs with the keys that are
// there. So each signing key takes its place in the log before the next one follows; one that was passed over could not name its successor.
// And every pod knows a pepper, or a key that wraps keys, before one of them writes under it.
func Rotates(in Input) bool {
	if in.Keys == nil || !Kept(in.Keys, in.Policy.Name) || len(due(in)) == 0 {
		return false
	}
	return in.Missing == "" && settled(in.Deployment) && in.Deployment.Spec.Template.Annotations[annotationSecrets] == in.started()
}

// operation is one of a JSON Patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	From  string `json:"from,omitempty"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Replacement is a step by which keys take the place of others.
type Replacement struct {
	// Patch is the JSON Patch of the Secret of the keys; nil where nothing can be done. It is refused with a conflict where the Secret is
	// not the one that was looked at.
	Patch []byte
	// Keys are those whose place another takes by it, NoRoom is one that cannot be replaced: see Input.
	Keys   []string
	NoRoom string
}

// Rotation is the next step, from the names of the Secret's entries. A signing key is put in the place of the one of before, and that one
// beside it. A pepper, or a key that wraps keys, is put beside the one of now first, as next; then it takes that one's place.
func Rotation(in Input, entries []string, chance io.Reader) (Replacement, error) {
	var r Replacement
	var operations []operation
	annotations := map[string]string{}
	maps.Copy(annotations, in.Keys.GetAnnotations())
	for _, m := range due(in) {
		next := consent.NextEntry(m.key)
		free := slices.IndexFunc(consent.BeforeEntries(m.key), func(entry string) bool { return !slices.Contains(entries, entry) })
		switch {
		case m.key != KeySigning && free < 0:
			r.NoRoom = m.key
			continue
		case m.key != KeySigning && slices.Contains(entries, next):
			operations = append(operations, operation{Op: "copy", From: "/data/" + m.key, Path: "/data/" + consent.BeforeEntries(m.key)[free]},
				operation{Op: "move", From: "/data/" + next, Path: "/data/" + m.key})
		default:
			key, err := drawn(chance)
			if err != nil {
				return r, err
			}
			if m.key != KeySigning {
				operations = append(operations, operation{Op: "add", Path: "/data/" + next, Value: key})
				continue
			}
			operations = append(operations, operation{Op: "copy", From: "/data/" + KeySigning, Path: "/data/" + KeyBefore},
				operation{Op: "replace", Path: "/data/" + KeySigning, Value: key})
		}
		annotations[m.annotation] = m.number()
		r.Keys = append(r.Keys, m.key)
	}
	if len(operations) == 0 {
		return r, nil
	}
	operations = append(operations, operation{Op: "replace", Path: "/metadata/resourceVersion", Value: in.Keys.GetResourceVersion()},
		operation{Op: "add", Path: "/metadata/annotations", Value: annotations})
	var err error
	if r.Patch, err = json.Marshal(operations); err != nil {
		return r, fmt.Errorf("writing a patch: %w", err)
	}
	return r, nil
}

// drawn is a new key.
func drawn(chance io.Reader) ([]byte, error) {
	key := make([]byte, keyBytes)
	if _, err := io.ReadFull(chance, key); err != nil {
		return nil, fmt.Errorf("drawing a key: %w", err)
	}
	return key, nil
}
