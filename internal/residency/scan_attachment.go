package residency

import (
	"fmt"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"
)

const kindAttachment = "VolumeAttachment"

// mount is a claim that a pod has on a node.
type mount struct {
	claim types.NamespacedName
	node  string
}

// attachment judges the node that the volume of a governed claim is attached to. Kubernetes attaches volumes for pods, which
// are judged themselves; what no pod there asks for, somebody attached by hand.
func (s *scanner) attachment(a *storagev1.VolumeAttachment) {
	name := a.Spec.Source.PersistentVolumeName
	if name == nil {
		return
	}
	volume := s.volumes[*name]
	if volume == nil || volume.Spec.ClaimRef == nil {
		return
	}
	of := types.NamespacedName{Namespace: volume.Spec.ClaimRef.Namespace, Name: volume.Spec.ClaimRef.Name}
	claim, exists := s.claims[of]
	if !exists || s.mounted(mount{of, a.Spec.NodeName}) {
		return
	}
	registers := s.governors(claim)
	guard := s.Snapshot.Placing(of.Namespace, registers)
	if guard == nil {
		return
	}
	for _, policy := range guard.Policies {
		node := policy.node(a.Spec.NodeName)
		if node == nil {
			continue
		}
		s.see(policy, Finding{Rule: RuleNode, Kind: kindAttachment, Namespace: of.Namespace, Name: a.Name, UID: string(a.UID), Registers: registers,
			Verdict: node.Verdict, Reason: node.Reason, Place: node.Place, Message: unlessAllowed(node.Verdict, func() string {
				return fmt.Sprintf("volume %s of claim %s is attached to node %s, where no pod has it: %s", quote(volume.Name), quote(of.Name), quote(node.Name), node.Place.Words())
			})}, Target{Namespace: of.Namespace, Objects: WorkloadsOf(kindClaim, &claim.ObjectMeta, claim.Labels)})
	}
}

// mounted tells whether a pod on the node has the claim.
func (s *scanner) mounted(m mount) bool {
	if s.mounts == nil {
		s.mounts = map[mount]struct{}{}
		for i := range s.Pods {
			pod := &s.Pods[i]
			for v := range pod.Spec.Volumes {
				name, claim := "", pod.Spec.Volumes[v].PersistentVolumeClaim
				switch {
				case claim != nil:
					name = claim.ClaimName
				case pod.Spec.Volumes[v].Ephemeral != nil:
					name = pod.Name + "-" + pod.Spec.Volumes[v].Name // as Kubernetes calls the claim that it makes
				}
				s.mounts[mount{types.NamespacedName{Namespace: pod.Namespace, Name: name}, pod.Spec.NodeName}] = struct{}{}
			}
		}
	}
	return has(s.mounts, m)
}
