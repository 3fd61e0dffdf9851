package erasure

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// journal is a log of evidence in memory: what the operator does for a request that ended, without the API server.
type journal struct {
	key    evidence.Key
	size   int64
	hashes []tlog.Hash
}

func newJournal() (*journal, error) {
	key, err := evidence.NewKey(make([]byte, evidence.SeedSize))
	return &journal{key: key}, err
}

// ReadHashes makes the journal a tlog.HashReader.
func (j *journal) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(j.hashes)) {
			return nil, evidence.ErrLeaves
		}
		found[i] = j.hashes[index]
	}
	return found, nil
}

// certify signs the certificate of each request of a run, appends each to the log, signs the log and proves the certificate
// in it, as the operator does one request after the other.
func (j *journal) certify(t task.Task, erased, verified task.Outcome) error {
	for i := range erased.Requests {
		statement, err := evidence.Of(ended(t, i, erased, verified))
		if err != nil {
			return err
		}
		file, err := evidence.Issue(statement, j.key)
		if err != nil {
			return err
		}
		certificate, err := evidence.Open(file, j.key.Public())
		if err != nil {
			return err
		}
		if err := j.log(certificate.Leaf()); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) log(leaf evidence.Leaf) error {
	index := j.size
	grown, err := evidence.Grow(index, leaf, j)
	if err != nil {
		return err
	}
	j.hashes, j.size = append(j.hashes, grown...), index+1
	checkpoint, err := evidence.CheckpointOf(j.size, j)
	if err != nil {
		return err
	}
	signed, err := checkpoint.Sign(j.key)
	if err != nil {
		return err
	}
	proof, err := evidence.Prove(index, checkpoint, signed, j)
	if err == nil && proof == "" {
		err = fmt.Errorf("proving leaf %d: nothing was written", index)
	}
	return err
}

// ended is a request as it is when its person was erased from the one store.
func ended(t task.Task, i int, erased, verified task.Outcome) *v1alpha1.ErasureRequest {
	executed, seen := metav1.NewTime(erased.At), metav1.NewTime(verified.At)
	target := v1alpha1.ErasureTarget{Register: v1alpha1.ObjectName(t.Register), Store: v1alpha1.PartName(t.Store), Result: v1alpha1.TargetErased,
		PlanDigest: erased.PlanDigest, ExecutedTime: &executed, VerifiedTime: &seen}
	for n, table := range erased.Tables {
		rows := int64(0)
		if n < len(erased.Requests[i].Rows) {
			rows = erased.Requests[i].Rows[n]
		}
		target.Tables = append(target.Tables, v1alpha1.TableCount{Table: table.Name, Action: table.Action, Rows: &rows})
	}
	r := &v1alpha1.ErasureRequest{}
	r.UID, r.Spec.Ground = types.UID(erased.Requests[i].UID), v1alpha1.GroundPointA
	r.Status.End, r.Status.EndedTime, r.Status.PlanDigest = v1alpha1.EndErased, &seen, erased.PlanDigest
	r.Status.Targets = []v1alpha1.ErasureTarget{target}
	return r
}
