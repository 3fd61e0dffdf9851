package consentpolicy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/register"
)

// provide makes the credentials of a managed ledger and the keys that nobody named, and notes which Secrets there are. A Secret
// that is there is never overwritten. Keys and the admin's credentials are made with the ledger only: those of a ledger that
// exists cannot be made again, and others would open and prove nothing.
func (r *Reconciler) provide(ctx context.Context, in *policy.Input) error {
	p := in.Policy
	fresh := in.Claim == nil && in.Checkpoint.Note == ""
	for _, role := range policy.MadeRoles(p) {
		build := func() (*corev1.Secret, error) {
			password, err := register.NewPassword(r.Chance)
			return policy.Credentials(p, role, password), err
		}
		if err := r.provideOne(ctx, p, policy.CredentialsName(p.Name, role), fresh || role != policy.Admin, build); err != nil {
			return err
		}
	}
	if policy.MakesKeys(p) {
		build := func() (*corev1.Secret, error) { return policy.NewKeys(p, r.Chance) }
		if err := r.provideOne(ctx, p, policy.KeysName(p.Name), fresh, build); err != nil {
			return err
		}
	}
	if err := r.look(ctx, in); err != nil || !policy.Rotates(*in) {
		return err
	}
	return r.rotate(ctx, in)
}

// used tells what it means that another key has taken the place of one.
var used = map[string]string{
	policy.KeySigning: "Another key signs receipts and the ledger from now on; what the one of before has signed still counts",
	policy.KeyPepper:  "Another pepper hides names of people from now on; those of before move to it when they are seen",
	policy.KeyKEK:     "Another key wraps the keys of people from now on; those of before are wrapped by it in the background",
}

// rotate makes other keys, and leaves those of before beside them. The API server moves keys: of what the Secret holds only the names of its
// entries are looked at here.
func (r *Reconciler) rotate(ctx context.Context, in *policy.Input) error {
	entries, err := r.entries(ctx, in.Policy.Namespace, in.Keys.GetName())
	if err != nil {
		return err
	}
	step, err := policy.Rotation(*in, entries, r.Chance)
	if err != nil {
		return err //nolint:wrapcheck // says what it was doing
	}
	if in.NoRoom = step.NoRoom; step.Patch == nil {
		return nil
	}
	keys := metadataOf("Secret")
	keys.SetNamespace(in.Policy.Namespace)
	keys.SetName(in.Keys.GetName())
	if err := r.Client.Patch(ctx, keys, client.RawPatch(types.JSONPatchType, step.Patch), fieldOwner); err != nil {
		return fmt.Errorf("replacing a key: %w", r.overtaken(ctx, in.Keys, err))
	}
	for _, key := range step.Keys {
		r.Recorder.Eventf(in.Policy, nil, corev1.EventTypeNormal, v1alpha1.ReasonKeyReplaced, "Rotate", "%s", used[key])
	}
	in.Marks = nil
	return r.look(ctx, in)
}

// overtaken makes a conflict of a refusal of a patch of the keys, where they are no longer those that were looked at: what the patch moves
// has been moved then, by another replica that led for a moment too, and the API server calls that invalid.
func (r *Reconciler) overtaken(ctx context.Context, keys metav1.Object, refusal error) error {
	if !apierrors.IsInvalid(refusal) {
		return refusal
	}
	now, err := child.Find(ctx, r.Reader, keys.GetNamespace(), keys.GetName(), metadataOf("Secret"))
	if err != nil || (now != nil && now.ResourceVersion == keys.GetResourceVersion()) {
		return refusal
	}
	return apierrors.NewConflict(corev1.Resource("secrets"), keys.GetName(), refusal)
}

// provideOne creates a Secret, or takes over the one that a policy of this name left behind with its ledger.
func (r *Reconciler) provideOne(ctx context.Context, p *v1alpha1.ConsentPolicy, name string, make bool, build func() (*corev1.Secret, error)) error {
	existing, err := child.Find(ctx, r.Reader, p.Namespace, name, metadataOf("Secret"))
	switch {
	case err != nil:
		return err
	case existing == nil && !make:
		return nil // look says that it is missing
	case existing == nil:
		wanted, err := build()
		if err != nil {
			return err
		}
		return r.Client.Create(ctx, wanted, fieldOwner)
	case !policy.Kept(existing, p.Name):
		return taken("Secret", name)
	case existing.Labels[v1alpha1.LabelOwnerUID] == string(p.UID):
		return nil
	}
	before := existing.DeepCopy()
	existing.Labels[v1alpha1.LabelOwnerUID] = string(p.UID)
	return r.Client.Patch(ctx, existing, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), fieldOwner)
}

// look reads whether each Secret that the service needs is there, and its mark. What Rempart made is known by its metadata; of
// another's, only the names of its keys are looked at.
func (r *Reconciler) look(ctx context.Context, in *policy.Input) error {
	for _, need := range policy.Needs(in.Policy) {
		metadata, err := child.Find(ctx, r.Reader, in.Policy.Namespace, need.Secret, metadataOf("Secret"))
		if err != nil {
			return fmt.Errorf("looking for a Secret: %w", err)
		}
		there := metadata != nil
		if there && need.Secret == policy.KeysName(in.Policy.Name) {
			in.Keys = metadata
		}
		if there && !policy.Kept(metadata, in.Policy.Name) {
			if there, err = r.holds(ctx, in.Policy.Namespace, need); err != nil {
				return err
			}
		}
		if !there {
			in.Missing = need.Secret
			return nil
		}
		in.Marks = append(in.Marks, string(metadata.UID)+"/"+metadata.ResourceVersion)
	}
	return nil
}

// entries are the names of what a Secret holds.
func (r *Reconciler) entries(ctx context.Context, namespace, name string) ([]string, error) {
	secret, err := child.Find(ctx, r.Reader, namespace, name, &corev1.Secret{})
	if secret == nil || err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(secret.Data)), nil
}

// holds tells whether a Secret has all keys that are needed.
func (r *Reconciler) holds(ctx context.Context, namespace string, need policy.Need) (bool, error) {
	secret, err := child.Find(ctx, r.Reader, namespace, need.Secret, &corev1.Secret{})
	if secret == nil || err != nil {
		return false, err
	}
	for _, key := range need.Keys {
		if len(secret.Data[key]) == 0 {
			return false, nil
		}
	}
	return true, nil
}

// metadataOf reads the metadata of an object and nothing else: what a Secret holds stays in the API server.
func metadataOf(kind string) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	return object
}
