package policy

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// ErrCheckpoint means that a note is not a checkpoint (C2SP tlog-checkpoint), or not the one that its answer speaks of.
var ErrCheckpoint = errors.New("not a checkpoint")

// Checkpoint is what is kept of a ledger outside of it, in the operator's namespace: who can change the database cannot
// change this too.
type Checkpoint struct {
	// Size is the number of events, Root the hash of the log in base64, Note the signed note.
	Size int64
	Root string
	Note string
	// Time when it was signed, as the service said.
	Time time.Time
	// Contradicted is a note that did not continue this one; empty while none was seen. It stays until a person removes it.
	Contradicted string
	// Disagreed is when a self-audit found that ledger and log disagree; zero while none did. Another replica, which audits at times of its
	// own, does not clear it: it stays until a person removes it.
	Disagreed time.Time
}

// Read parses the body of a checkpoint's note: origin, size, root, an empty line, signatures. It does not verify these: the
// service's keys are not the operator's.
func Read(note string) (size int64, root string, err error) {
	text, signatures, found := strings.Cut(note, "\n\n")
	lines := strings.Split(text, "\n")
	if !found || signatures == "" || len(lines) < 3 || lines[0] == "" {
		return 0, "", ErrCheckpoint
	}
	if size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return 0, "", ErrCheckpoint
	}
	if hash, err := base64.StdEncoding.DecodeString(lines[2]); err != nil || len(hash) != 32 {
		return 0, "", ErrCheckpoint
	}
	return size, lines[2], nil
}

// Grows tells whether an answer shows a larger log than what was kept: it is then to be proven that it continues that
// (RFC 6962, section 2.1.2).
func (c Checkpoint) Grows(answer LedgerAnswer) bool {
	return c.Contradicted == "" && c.Size > 0 && answer.Size > c.Size
}

// Continue returns what is to be kept after an answer. A larger checkpoint, with the proof that it continues what was kept,
// replaces that; the same one changes nothing; a smaller one, another of the same size, or one that is proven to continue
// something else contradicts what was kept, which then stays. It fails with ErrCheckpoint.
func (c Checkpoint) Continue(answer LedgerAnswer, path [][]byte) (Checkpoint, error) {
	size, root, err := Read(answer.Checkpoint)
	if err != nil {
		return c, err
	}
	if size != answer.Size || root != answer.Root {
		return c, ErrCheckpoint
	}
	switch {
	case c.Contradicted != "":
		return c, nil
	case c.Note != "" && !continues(c, size, root, path):
		c.Contradicted = answer.Checkpoint
		return c, nil
	case c.Note != "" && size == c.Size:
		return c, nil
	}
	next := Checkpoint{Size: size, Root: root, Note: answer.Checkpoint, Disagreed: c.Disagreed}
	if answer.CheckpointTime != nil {
		next.Time = answer.CheckpointTime.UTC().Truncate(time.Second)
	}
	return next, nil
}

// After is the checkpoint with what a self-audit found.
func (c Checkpoint) After(audit AuditAnswer) Checkpoint {
	if c.Disagreed.IsZero() && audit.Time != nil && !audit.Verified {
		c.Disagreed = audit.Time.UTC().Truncate(time.Second)
	}
	return c
}

// continues tells whether a log of some size and root continues the one that was kept.
func continues(c Checkpoint, size int64, root string, path [][]byte) bool {
	head := func(size int64, root string) consent.Checkpoint {
		hash, _ := base64.StdEncoding.DecodeString(root) // Read has decoded it
		return consent.Checkpoint{Size: size, Root: hash}
	}
	return proof.Consistency(head(c.Size, c.Root), head(size, root), path) == nil
}

// Keys of the ConfigMap that keeps a checkpoint.
const (
	keyNote         = "checkpoint"
	keyTime         = "time"
	keyContradicted = "contradicted"
	keyDisagreed    = "disagreed"
)

// OfConfigMap reads what was kept; the zero Checkpoint of none. Size and root are those of the note.
func OfConfigMap(object *corev1.ConfigMap) (Checkpoint, error) {
	if object == nil || object.Data[keyNote] == "" {
		return Checkpoint{}, nil
	}
	c := Checkpoint{Note: object.Data[keyNote], Contradicted: object.Data[keyContradicted]}
	var err error
	if c.Size, c.Root, err = Read(c.Note); err != nil {
		return Checkpoint{}, err
	}
	for key, at := range map[string]*time.Time{keyTime: &c.Time, keyDisagreed: &c.Disagreed} {
		if text := object.Data[key]; text != "" {
			if *at, err = time.Parse(time.RFC3339, text); err != nil {
				return Checkpoint{}, ErrCheckpoint
			}
		}
	}
	return c, nil
}

// ConfigMap keeps a checkpoint in the operator's namespace. It has no owner: it outlives the policy, for the tenant does too.
func (c Checkpoint) ConfigMap(p *v1alpha1.ConsentPolicy, namespace string) *corev1ac.ConfigMapApplyConfiguration {
	data := map[string]string{keyNote: c.Note}
	if !c.Time.IsZero() {
		data[keyTime] = c.Time.Format(time.RFC3339)
	}
	if c.Contradicted != "" {
		data[keyContradicted] = c.Contradicted
	}
	if !c.Disagreed.IsZero() {
		data[keyDisagreed] = c.Disagreed.Format(time.RFC3339)
	}
	all := labels(p.Name, ComponentCheckpoint)
	return corev1ac.ConfigMap(CheckpointName(TenantID(p.Namespace, p.Name)), namespace).WithLabels(all).WithData(data)
}
