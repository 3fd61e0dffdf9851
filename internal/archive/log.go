package archive

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// attempts is how often the head is read again after another operator moved it.
const attempts = 5

// remembered is the most hashes that are kept in memory, 32 bytes each.
const remembered = 1 << 16

// memory is what this process knows of the log. Hashes never change, so they are remembered; and no head that is shorter
// than one that was signed here is believed.
type memory struct {
	hashes map[int64]tlog.Hash
	last   evidence.Checkpoint
	known
}

func (m *memory) keep(entry evidence.Entry) {
	if m.hashes == nil || len(m.hashes) > remembered {
		m.hashes = map[int64]tlog.Hash{}
	}
	first := tlog.StoredHashIndex(0, entry.Index)
	for i, hash := range entry.Hashes {
		m.hashes[first+int64(i)] = hash
	}
}

// head is the signed checkpoint as it was read, and the object that holds it; nil when there is none.
type head struct {
	evidence.Checkpoint
	signed []byte
	object *corev1.ConfigMap
}

// log appends a leaf, unless the log has it, and proves that it does. The caller holds the lock.
func (a *Archive) log(ctx context.Context, leaf evidence.Leaf, key ring) (int64, string, error) {
	now, err := a.head(ctx, key)
	if err != nil {
		return 0, "", err
	}
	// The head was read before the leaf is looked for: a leaf that is not found then can only come at or behind the head,
	// where append meets it.
	index, found, err := a.find(ctx, leaf, key)
	if err == nil {
		key, err = a.handedOver(ctx, key)
	}
	if err == nil && !found {
		index, err = a.append(ctx, max(now.Size, a.last.Size), leaf)
	}
	if err != nil {
		return 0, "", err
	}
	now, err = a.sign(ctx, now, index+1, key)
	if err != nil {
		return 0, "", err
	}
	proof, err := evidence.Prove(index, now.Checkpoint, now.signed, a.stored(ctx))
	return index, proof, err
}

// append writes the leaf at the first free index from size on. Whoever is there already is passed, or is the leaf itself.
func (a *Archive) append(ctx context.Context, size int64, leaf evidence.Leaf) (int64, error) {
	for index := size; ; index++ {
		grown, err := evidence.Grow(index, leaf, a.stored(ctx))
		if err != nil {
			return 0, err
		}
		entry := evidence.Entry{Index: index, Leaf: leaf, Hashes: grown}
		object := immutable(a.Namespace, evidence.EntryName(index), evidence.LabelLeaf, leaf.UID, entry.Data())
		err = a.Client.Create(ctx, object)
		if err == nil {
			a.keep(entry)
			if index == a.size {
				err = a.note(leaf.UID, index, leaf.Rotation)
			}
			return index, err
		}
		if !apierrors.IsAlreadyExists(err) {
			return 0, fmt.Errorf("appending a leaf: %w", err)
		}
		there, err := a.entry(ctx, index)
		if err != nil {
			return 0, err
		}
		if there.Leaf.UID == leaf.UID {
			return index, same(there, leaf)
		}
	}
}

// sign moves the head to a size at least, and returns it. Leaves that others appended meanwhile are checked before they
// are signed.
func (a *Archive) sign(ctx context.Context, now head, size int64, key ring) (head, error) {
	for range attempts {
		if now.Size >= size {
			return now, nil
		}
		next, err := a.next(ctx, max(now.Size, a.last.Size), size, key)
		if err != nil {
			return head{}, err
		}
		err = a.write(ctx, now.object, next.signed)
		switch {
		case err == nil:
			a.last = next.Checkpoint
			return next, nil
		case !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err):
			return head{}, fmt.Errorf("moving the head of the log: %w", err)
		}
		if now, err = a.head(ctx, key); err != nil {
			return head{}, err
		}
	}
	return head{}, fmt.Errorf("moving the head of the log: others move it all the time")
}

// next is the signed checkpoint of a size, or of what was signed before when that is longer.
func (a *Archive) next(ctx context.Context, from, size int64, key ring) (head, error) {
	for index := from; index < size; index++ {
		entry, err := a.entry(ctx, index)
		if err != nil {
			return head{}, err
		}
		if to := entry.Leaf.Rotation.To; to != "" && to != key.Public().String() { // the next key signs from here on
			return head{}, errRotated
		}
		grown, err := evidence.Grow(index, entry.Leaf, a.stored(ctx))
		if err != nil {
			return head{}, err
		}
		if (evidence.Entry{Index: index, Leaf: entry.Leaf, Hashes: grown}).Data()[evidence.HashesData] != entry.Data()[evidence.HashesData] {
			return head{}, damaged(evidence.ErrLeaves)
		}
		a.keep(entry)
	}
	checkpoint, err := evidence.CheckpointOf(max(from, size), a.stored(ctx))
	if err != nil {
		return head{}, err
	}
	signed, err := checkpoint.Sign(key.Key)
	return head{Checkpoint: checkpoint, signed: signed}, err
}

// write makes the head, or replaces the version that was read.
func (a *Archive) write(ctx context.Context, read *corev1.ConfigMap, signed []byte) error {
	data := map[string]string{evidence.CheckpointFile: string(signed)}
	if read == nil {
		return a.Client.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: evidence.HeadName,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}}, Data: data})
	}
	object := read.DeepCopy()
	object.Data = data
	return a.Client.Update(ctx, object)
}

// Head returns the newest signed checkpoint, so that a copy of it can lie elsewhere; the zero SignedHead while the log has
// no leaves. A flow.Permanent error means that only a person can help.
func (a *Archive) Head(ctx context.Context) (evidence.SignedHead, error) {
	a.lock.Lock()
	defer a.lock.Unlock()
	key, err := a.ring(ctx)
	if err != nil {
		return evidence.SignedHead{}, err
	}
	now, err := a.head(ctx, key)
	if err != nil || now.object == nil {
		return evidence.SignedHead{}, err
	}
	return evidence.SplitCheckpoint(now.signed, key.keys)
}

// head reads the head live, and checks that the leaves that it signs are there: a log that was changed is not signed on.
func (a *Archive) head(ctx context.Context, key ring) (head, error) {
	object := &corev1.ConfigMap{}
	err := a.Reader.Get(ctx, a.name(evidence.HeadName), object)
	if apierrors.IsNotFound(err) {
		return head{}, nil
	}
	if err != nil {
		return head{}, fmt.Errorf("reading the head of the log: %w", err)
	}
	signed := []byte(object.Data[evidence.CheckpointFile])
	checkpoint, err := evidence.ReadCheckpoint(signed, key.keys)
	if err != nil {
		return head{}, a.unless(ctx, key, damaged(err))
	}
	stored, err := evidence.CheckpointOf(checkpoint.Size, a.stored(ctx))
	if err != nil {
		return head{}, err
	}
	if stored != checkpoint {
		return head{}, damaged(evidence.ErrLeaves)
	}
	return head{checkpoint, signed, object}, nil
}

// entry reads a leaf that was there: one that is not was taken away.
func (a *Archive) entry(ctx context.Context, index int64) (evidence.Entry, error) {
	entry, err := a.read(ctx, index)
	if apierrors.IsNotFound(err) {
		return evidence.Entry{}, damaged(evidence.ErrTail)
	}
	return entry, err
}

// read reads the leaf at an index live.
func (a *Archive) read(ctx context.Context, index int64) (evidence.Entry, error) {
	object := &corev1.ConfigMap{}
	if err := a.Reader.Get(ctx, a.name(evidence.EntryName(index)), object); err != nil {
		return evidence.Entry{}, fmt.Errorf("reading a leaf: %w", err)
	}
	entry, err := evidence.ParseEntry(index, object.Data)
	if err != nil {
		return evidence.Entry{}, damaged(err)
	}
	return entry, nil
}

// stored reads the hashes of the log: from memory, or from the leaf that brought them.
func (a *Archive) stored(ctx context.Context) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hash, known := a.hashes[index]
			if !known {
				leaf, place := evidence.Bringer(index)
				entry, err := a.entry(ctx, leaf)
				if err != nil {
					return nil, err
				}
				a.keep(entry)
				hash = entry.Hashes[place]
			}
			found[i] = hash
		}
		return found, nil
	})
}
