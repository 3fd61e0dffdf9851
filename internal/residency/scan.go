package residency

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// maxKept bounds how many findings of one policy a scan keeps, and how many that are excused; all are counted.
const maxKept = 4096

// scannedRules are the rules by which what exists is judged.
var scannedRules = []string{RuleStorageClass, RuleVolume, RuleSnapshot, RuleInlineVolume, RuleNode, RuleDeclaredPlace}

// Scene is what a scan looks at, each part read once. It is only read.
type Scene struct {
	Snapshot  *Snapshot
	Policies  []v1alpha1.ResidencyPolicy
	Registers []v1alpha1.DataRegister
	Claims    []corev1.PersistentVolumeClaim
	Volumes   []corev1.PersistentVolume
	// Pods need no more than metadata, the node, the phase, and the volumes that are claims or may lie elsewhere than the pod.
	Pods []corev1.Pod
	// Services that stand for a host; others are passed over.
	Services []corev1.Service
	// Endpoints of Services that select no pods; others are passed over.
	Endpoints []discoveryv1.EndpointSlice
	// Attachments say which volumes are at which nodes.
	Attachments []storagev1.VolumeAttachment
	// Copies of data that objects of others tell of.
	Copies []Copy
	// Before is the scan before, which says when a finding was first seen; nil after a start.
	Before *Scan
	Now    time.Time
}

// Counts are objects of one namespace, each counted once per rule that judges it.
type Counts struct{ Pass, Fail, Skip int }

// PolicyScan is what a scan found under one policy.
type PolicyScan struct {
	// Policy is its name; empty for the built-in one. UID and Generation are those that were judged.
	Policy, UID string
	Generation  int64
	Enforced    bool
	// Findings are violations, worst first; Excused are those that an exception lifts. At most 4096 each.
	Findings, Excused []Finding
	// Total counts the violations, Rules counts them by rule, Namespaces by namespace.
	Total      int
	Rules      map[string]int
	Namespaces map[string]Counts
}

// Scan is an immutable picture of what exists and is where it may not be.
type Scan struct{ policies map[string]*PolicyScan }

// ScanHolder hands the newest scan to whoever asks, without a lock.
type ScanHolder struct{ pointer atomic.Pointer[Scan] }

// Load returns the newest scan; nil before the first, and on a replica that does not lead.
func (h *ScanHolder) Load() *Scan { return h.pointer.Load() }

// Store replaces the scan.
func (h *ScanHolder) Store(s *Scan) { h.pointer.Store(s) }

// Look judges everything that exists. Its cost is linear in the objects. The same scene always gives the same scan.
func Look(scene Scene) *Scan {
	s := &scanner{Scene: scene, scan: &Scan{policies: map[string]*PolicyScan{}}, claims: make(map[types.NamespacedName]*corev1.PersistentVolumeClaim, len(scene.Claims)),
		volumes: make(map[string]*corev1.PersistentVolume, len(scene.Volumes))}
	for _, judged := range append(slices.Collect(maps.Values(scene.Snapshot.policies)), scene.Snapshot.fallback) {
		s.scan.policies[judged.Rules.Name] = &PolicyScan{Policy: judged.Rules.Name, UID: judged.UID, Generation: judged.Generation,
			Enforced: judged.Rules.Enforcement != v1alpha1.EnforcementAudit, Rules: map[string]int{}, Namespaces: map[string]Counts{}}
		for _, rule := range scannedRules {
			s.scan.policies[judged.Rules.Name].Rules[rule] = 0
		}
	}
	for i := range scene.Claims {
		s.claims[types.NamespacedName{Namespace: scene.Claims[i].Namespace, Name: scene.Claims[i].Name}] = &scene.Claims[i]
	}
	for i := range scene.Claims {
		s.claim(&scene.Claims[i])
	}
	for i := range scene.Volumes {
		s.volumes[scene.Volumes[i].Name] = &scene.Volumes[i]
		s.volume(&scene.Volumes[i])
	}
	for i := range scene.Pods {
		s.pod(&scene.Pods[i])
	}
	for i := range scene.Attachments {
		s.attachment(&scene.Attachments[i])
	}
	for i := range scene.Services {
		s.redirect(&scene.Services[i])
	}
	for i := range scene.Endpoints {
		s.endpoints(&scene.Endpoints[i])
	}
	for i := range scene.Copies {
		s.keeps(&scene.Copies[i])
	}
	for i := range scene.Registers {
		s.register(&scene.Registers[i])
	}
	s.finish()
	return s.scan
}

// Of returns what a scan found under exactly this policy; nil while it is of an older one.
func (s *Scan) Of(policy *v1alpha1.ResidencyPolicy) *PolicyScan {
	if s == nil {
		return nil
	}
	scanned, known := s.policies[policy.Name]
	if !known || scanned.UID != string(policy.UID) || scanned.Generation != policy.Generation {
		return nil
	}
	return scanned
}

// All returns what was found under each policy, sorted by name.
func (s *Scan) All() []*PolicyScan {
	if s == nil {
		return nil
	}
	all := slices.Collect(maps.Values(s.policies))
	slices.SortFunc(all, func(a, b *PolicyScan) int { return cmp.Compare(a.Policy, b.Policy) })
	return all
}

// Equal tells whether two scans found the same.
func (s *Scan) Equal(other *Scan) bool {
	return s == other || (s != nil && other != nil && equality.Semantic.DeepEqual(s.policies, other.policies))
}

// scanner goes through a scene.
type scanner struct {
	Scene
	scan    *Scan
	claims  map[types.NamespacedName]*corev1.PersistentVolumeClaim
	volumes map[string]*corev1.PersistentVolume
	// mounts are of pods; made when they are asked about.
	mounts map[mount]struct{}
}

// see notes how a policy judges an object.
func (s *scanner) see(policy *Judged, f Finding, target Target) {
	scanned := s.scan.policies[policy.Rules.Name]
	counts := scanned.Namespaces[f.Namespace]
	exception := policy.Rules.ExceptionFor(f.Rule, target, s.Now)
	switch {
	case f.Verdict == v1alpha1.VerdictAllowed:
		counts.Pass++
	case exception != nil:
		counts.Skip++
		f.Exception = exception.Name
		scanned.Excused = append(scanned.Excused, f)
	default:
		counts.Fail++
		scanned.Total++
		scanned.Rules[f.Rule]++
		scanned.Findings = append(scanned.Findings, f)
	}
	scanned.Namespaces[f.Namespace] = counts
}

// finish sorts and cuts what was found, and says when each was first seen.
func (s *scanner) finish() {
	for _, scanned := range s.scan.policies {
		for _, list := range []*[]Finding{&scanned.Findings, &scanned.Excused} {
			slices.SortFunc(*list, worse)
			if len(*list) > maxKept {
				*list = slices.Clone((*list)[:maxKept])
			}
		}
		seen := s.seen(scanned)
		for i := range scanned.Findings {
			f := &scanned.Findings[i]
			f.FirstSeen = metav1.NewTime(s.Now.Truncate(time.Second))
			if first, known := seen[f.key()]; known {
				f.FirstSeen = first
			}
		}
	}
}

// seen are the instants at which findings of a policy were first seen: the status of the policy outlives a restart, the scan
// before knows more of them.
func (s *scanner) seen(scanned *PolicyScan) map[findingKey]metav1.Time {
	seen := map[findingKey]metav1.Time{}
	for i := range s.Policies {
		if s.Policies[i].Name != scanned.Policy || string(s.Policies[i].UID) != scanned.UID {
			continue
		}
		for j := range s.Policies[i].Status.Violations {
			if v := &s.Policies[i].Status.Violations[j]; v.FirstSeenTime != nil {
				seen[shownKey(v)] = *v.FirstSeenTime
			}
		}
	}
	if s.Before == nil {
		return seen
	}
	if before := s.Before.policies[scanned.Policy]; before != nil && before.UID == scanned.UID {
		for i := range before.Findings {
			seen[before.Findings[i].key()] = before.Findings[i].FirstSeen
		}
	}
	return seen
}
