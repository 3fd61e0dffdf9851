package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// page is how many leaves are read at once when a process first reads the log.
const page = 500

// known says where the leaf of each request is. A process reads the whole log once and then only what was appended since:
// to ask for one leaf by its label would make the API server look at all of them, for each request that ends.
type known struct {
	// at is the index of a request's leaf, by the request's UID. Nil before the log was read.
	at map[string]int64
	// size is how many leaves were read.
	size int64
	// rotations of the key, in the order of the log.
	rotations []evidence.Rotation
}

func (k *known) note(uid string, index int64, rotation evidence.Rotation) error {
	if _, twice := k.at[uid]; twice {
		return damaged(evidence.ErrTwice)
	}
	k.at[uid], k.size = index, max(k.size, index+1)
	if rotation.To != "" {
		k.rotations = append(k.rotations, rotation)
	}
	return nil
}

// find looks for the leaf of a request, and checks that it is the one that the request's certificate has.
func (a *Archive) find(ctx context.Context, leaf evidence.Leaf, now ring) (int64, bool, error) {
	if err := a.learn(ctx, now); err != nil {
		return 0, false, err
	}
	index, found := a.at[leaf.UID]
	if !found {
		return 0, false, nil
	}
	entry, err := a.entry(ctx, index)
	if err != nil {
		return 0, false, err
	}
	return index, true, same(entry, leaf)
}

// learn reads the leaves that are not known yet.
func (a *Archive) learn(ctx context.Context, now ring) error {
	if a.at == nil {
		whole, err := a.readAll(ctx, now)
		if err != nil {
			return err
		}
		a.known = whole
	}
	for {
		entry, err := a.read(ctx, a.size)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = a.note(entry.Leaf.UID, entry.Index, entry.Leaf.Rotation)
		}
		if err != nil {
			return err
		}
	}
}

// readAll reads the log page by page.
func (a *Archive) readAll(ctx context.Context, now ring) (known, error) {
	whole, list := known{at: map[string]int64{}}, &corev1.ConfigMapList{}
	for {
		err := a.Reader.List(ctx, list, client.InNamespace(a.Namespace), client.MatchingLabels{evidence.Label: evidence.LabelLeaf},
			client.Limit(page), client.Continue(list.Continue))
		if err != nil {
			return known{}, fmt.Errorf("reading the log: %w", err)
		}
		for i := range list.Items {
			index, err := evidence.EntryIndex(list.Items[i].Name)
			if err != nil {
				return known{}, damaged(err)
			}
			var rotation evidence.Rotation
			if line := list.Items[i].Data[evidence.LeafData]; strings.HasPrefix(line, string(evidence.LeafKey)+" ") {
				leaf, err := evidence.ParseLeaf(line)
				if err != nil {
					return known{}, damaged(err)
				}
				rotation = leaf.Rotation
			}
			if err := whole.note(list.Items[i].Labels[v1alpha1.LabelOwnerUID], index, rotation); err != nil {
				return known{}, err
			}
		}
		if list.Continue == "" {
			return whole, a.tail(ctx, whole.size, now)
		}
	}
}

// tail checks that no request names a leaf behind the last one: somebody who takes away the newest leaves and the head that
// signed them leaves a log that holds, but is too short. Nor may a proof be of a key that is not published: then the log was
// signed anew by another.
func (a *Archive) tail(ctx context.Context, size int64, now ring) error {
	wrong := func(e *v1alpha1.ErasureEvidence) error {
		if e == nil || e.LogIndex == nil {
			return nil
		}
		if *e.LogIndex >= size {
			return damaged(evidence.ErrTail)
		}
		signer, err := evidence.ProofSigner(e.Proof)
		if err != nil || !slices.ContainsFunc(now.keys, func(k evidence.PublicKey) bool { return k.KeyHash() == signer }) {
			return a.unless(ctx, now, lost(errors.New("a proof is of a key that is not published")))
		}
		return nil
	}
	requests := &v1alpha1.ErasureRequestList{}
	if err := a.Client.List(ctx, requests); err != nil {
		return fmt.Errorf("reading the requests that the log is of: %w", err)
	}
	for i := range requests.Items {
		if err := wrong(requests.Items[i].Status.Evidence); err != nil {
			return err
		}
	}
	runs := &v1alpha1.ErasureRunList{}
	if err := a.Client.List(ctx, runs); err != nil {
		return fmt.Errorf("reading the runs that the log is of: %w", err)
	}
	for i := range runs.Items {
		if err := wrong(runs.Items[i].Status.Evidence); err != nil {
			return err
		}
	}
	return nil
}

// same checks that the leaf of a request is the one that the request's certificate has.
func same(entry evidence.Entry, leaf evidence.Leaf) error {
	if entry.Leaf != leaf {
		return damaged(evidence.ErrContradicted)
	}
	return nil
}
