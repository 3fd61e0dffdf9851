package residency

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

const (
	kindVolume   = "PersistentVolume"
	kindClaim    = "PersistentVolumeClaim"
	kindPod      = "Pod"
	kindRegister = "DataRegister"
)

// NamedClass is the class that a claim names; nil when it names none. The beta annotation wins over the field.
func NamedClass(claim *corev1.PersistentVolumeClaim) *string {
	if annotated, found := claim.Annotations[corev1.BetaStorageClassAnnotation]; found {
		return &annotated
	}
	return claim.Spec.StorageClassName
}

// unlessAllowed says what was found, if there is something to say: most objects are where they may be.
func unlessAllowed(verdict v1alpha1.PlacementVerdict, say func() string) string {
	if verdict == v1alpha1.VerdictAllowed {
		return ""
	}
	return say()
}

// governors are the registers of whose stores a claim is, and the one that its label names; and those of the claim that it was
// cloned from, while that is there: admission labels clones, as long as it is asked.
func (s *scanner) governors(claim *corev1.PersistentVolumeClaim) []string {
	t := Ties{Namespace: claim.Namespace, Labels: claim.Labels, Claims: []string{claim.Name}}
	s.original(claim, &t)
	return s.Snapshot.Governors(t)
}

// original adds the claim that a claim was cloned from.
func (s *scanner) original(claim *corev1.PersistentVolumeClaim, t *Ties) {
	from := claim.Spec.DataSource
	if from == nil || from.Kind != kindClaim || (from.APIGroup != nil && *from.APIGroup != "") {
		return
	}
	t.Claims = append(t.Claims, from.Name)
	if source, exists := s.claims[types.NamespacedName{Namespace: claim.Namespace, Name: from.Name}]; exists {
		t.ClaimLabels = append(t.ClaimLabels, source.Labels)
	}
}

// claim judges the class of a claim. One that waits for a class is nowhere yet.
func (s *scanner) claim(claim *corev1.PersistentVolumeClaim) {
	guard, class := s.Snapshot.GuardOf(claim.Namespace), NamedClass(claim)
	if guard == nil || (class == nil && claim.Spec.VolumeName == "") {
		return
	}
	registers := s.governors(claim)
	for _, policy := range guard.Policies {
		verdict := policy.verdictOf(class)
		s.see(policy, Finding{Rule: RuleStorageClass, Kind: kindClaim, Namespace: claim.Namespace, Name: claim.Name, UID: string(claim.UID), Class: verdict.Name,
			Verdict: verdict.Verdict, Reason: verdict.Reason, Place: verdict.Decisive, Message: unlessAllowed(verdict.Verdict, func() string { return Sentence(verdict) }), Registers: registers},
			Target{Namespace: claim.Namespace, Objects: WorkloadsOf(kindClaim, &claim.ObjectMeta, claim.Labels)})
	}
}

// volume judges where a volume lies that serves a claim of a guarded namespace, or served one and was retained.
func (s *scanner) volume(volume *corev1.PersistentVolume) {
	ref := volume.Spec.ClaimRef
	if ref == nil {
		return
	}
	guard := s.Snapshot.GuardOf(ref.Namespace)
	if guard == nil {
		return
	}
	claim, exists := s.claims[types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}]
	if !exists || (ref.UID != "" && ref.UID != claim.UID) {
		claim = &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}}
	}
	registers := s.governors(claim)
	target := targetOfVolume(volume.Name, ref.Namespace, ref.Name)
	for _, policy := range guard.Policies {
		verdict := policy.JudgeVolume(volume)
		s.see(policy, Finding{Rule: RuleVolume, Kind: kindVolume, Namespace: ref.Namespace, Name: volume.Name, UID: string(volume.UID), Class: verdict.Class,
			Verdict: verdict.Verdict, Reason: verdict.Reason, Place: verdict.Decisive, Registers: registers,
			Message: unlessAllowed(verdict.Verdict, func() string { return "claim " + quote(ref.Name) + ": " + verdict.Sentence() })}, target)
	}
}

// pod judges what a running pod brings, and the node that it runs on if it is placed.
func (s *scanner) pod(pod *corev1.Pod) {
	if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return
	}
	workloads := WorkloadsOf(kindPod, &pod.ObjectMeta, pod.Labels)
	ties := TiesOf(pod.Namespace, pod.Labels, pod.Spec.Volumes, workloads)
	for _, name := range ties.Claims {
		if claim, exists := s.claims[types.NamespacedName{Namespace: pod.Namespace, Name: name}]; exists {
			ties.ClaimLabels = append(ties.ClaimLabels, claim.Labels)
			s.original(claim, &ties)
		}
	}
	found := Finding{Kind: kindPod, Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID), Registers: s.Snapshot.Governors(ties)}
	target := Target{Namespace: pod.Namespace, Objects: workloads}
	if guard := s.Snapshot.GuardOf(pod.Namespace); guard != nil {
		s.inline(guard, pod, found, target)
	}
	if guard := s.Snapshot.Placing(pod.Namespace, found.Registers); guard != nil {
		s.node(guard, pod, found, target)
	}
}

// inline judges the volumes that a pod brings and that may lie elsewhere than the pod. The first that is not allowed counts.
func (s *scanner) inline(guard *Guard, pod *corev1.Pod, f Finding, target Target) {
	f.Rule = RuleInlineVolume
	for _, policy := range guard.Policies {
		brings := false
		f.Verdict, f.Message = v1alpha1.VerdictAllowed, ""
		for i := range pod.Spec.Volumes {
			verdict, apart := policy.Rules.JudgeInline(&pod.Spec.Volumes[i])
			if brings = brings || apart; !apart || verdict.Verdict == v1alpha1.VerdictAllowed {
				continue
			}
			f.Verdict, f.Reason, f.Place = verdict.Verdict, verdict.Reason, verdict.Decisive
			f.Message = "pod " + quote(pod.Name) + ": " + verdict.Sentence()
			break
		}
		if brings {
			s.see(policy, f, target)
		}
	}
}

// node judges the node that a pod runs on. A node that is gone runs nothing.
func (s *scanner) node(guard *Guard, pod *corev1.Pod, f Finding, target Target) {
	f.Rule = RuleNode
	for _, policy := range guard.Policies {
		node := policy.node(pod.Spec.NodeName)
		if node == nil {
			continue
		}
		f.Verdict, f.Reason, f.Place = node.Verdict, node.Reason, node.Place
		f.Message = unlessAllowed(node.Verdict, func() string {
			return fmt.Sprintf("pod %s runs on node %s: %s", quote(pod.Name), quote(node.Name), node.Place.Words())
		})
		s.see(policy, f, target)
	}
}

// register judges the declared places of stores outside of the cluster. The stores inside are pods and claims.
func (s *scanner) register(register *v1alpha1.DataRegister) {
	guard := s.Snapshot.GuardOf(register.Namespace)
	if guard == nil {
		return
	}
	for i := range register.Spec.Stores {
		store := &register.Spec.Stores[i]
		if store.External == nil {
			continue
		}
		for _, policy := range guard.Policies {
			judged := policy.Rules.JudgeExternal(register, store)
			s.see(policy, Finding{Rule: RuleDeclaredPlace, Kind: kindRegister, Namespace: register.Namespace, Name: register.Name, UID: string(register.UID),
				Verdict: judged.Verdict, Reason: judged.Reason, Place: judged.Place, Registers: []string{register.Name},
				Message: fmt.Sprintf("store %q: %s", store.Name, judged.Message)}, Target{})
		}
	}
}
