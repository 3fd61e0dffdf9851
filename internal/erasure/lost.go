package erasure

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// leaveWait is the time between two looks at pods that are being deleted.
const leaveWait = 15 * time.Second

// unlessLost is a verdict on work under way, or, where a node does not end a pod of the run, that somebody has to say that the node is off:
// until then the pod may still change the store, and only its node, or who looks at it, knows.
func (t *trial) unlessLost(verdict RunVerdict) RunVerdict {
	if t.LostNode == "" {
		return verdict
	}
	return t.busy(v1alpha1.ReasonNodeLost, fmt.Sprintf("Node %q does not end a pod of the run, which may still work on the store. If the machine is off and does not return: "+
		"kubectl delete node %[1]s, or kubectl taint node %[1]s node.kubernetes.io/out-of-service=nodeshutdown:NoExecute; then the run goes on by itself", t.LostNode), leaveWait)
}

// LostWords say that a run waits for a node, and what to do; empty when it does not.
func LostWords(run *v1alpha1.ErasureRun) string {
	ready := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.ConditionReady)
	if run.Status.EndedTime != nil || ready == nil || ready.Reason != v1alpha1.ReasonNodeLost {
		return ""
	}
	return ready.Message
}

// lostWords are those of the first run of the request that waits for a node, after a colon.
func (j *judgement) lostWords() string {
	for i := range j.Runs {
		if words := LostWords(&j.Runs[i]); words != "" {
			return ": " + words
		}
	}
	return ""
}
