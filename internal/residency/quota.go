package residency

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// QuotaName is the name of the ResourceQuota in each namespace whose policies want one.
const QuotaName = "rempart-residency"

// ofClass stands between the name of a class and what is counted of it, in the words of Kubernetes.
const ofClass = ".storageclass.storage.k8s.io/"

// maxQualifier is the most characters before the slash in the name of a resource.
const maxQualifier = 253

// Quota is what a namespace is granted of the classes that an enforcing policy does not allow there: nothing, neither
// claims nor storage. A quota knows no objects, so where an exception lets some in, the other layers judge alone. Empty when there is no such class, or no policy that wants a quota. A class whose name is too long to
// be counted is left to the other layers.
func (s *Snapshot) Quota(namespace string) corev1.ResourceList {
	guard := s.guards[namespace]
	if guard == nil {
		return nil
	}
	none := corev1.ResourceList{}
	for _, policy := range guard.Policies {
		if !policy.Rules.quota || has(policy.uncounted, namespace) {
			continue
		}
		for name, class := range policy.Classes {
			if class.Verdict != v1alpha1.VerdictAllowed && len(name)+len(ofClass) <= maxQualifier {
				none[corev1.ResourceName(name+ofClass+string(corev1.ResourceRequestsStorage))] = resource.MustParse("0")
				none[corev1.ResourceName(name+ofClass+string(corev1.ResourcePersistentVolumeClaims))] = resource.MustParse("0")
			}
		}
	}
	return none
}

// Limits tells whether a ResourceQuota grants what it should, in every namespace alike, and nothing else.
func Limits(quota *corev1.ResourceQuota, want corev1.ResourceList) bool {
	return equality.Semantic.DeepEqual(quota.Spec, corev1.ResourceQuotaSpec{Hard: want})
}

// Unlimited names the namespaces of a policy that lack the quota that they should have, sorted. Quotas are those of
// QuotaName.
func (s *Snapshot) Unlimited(policy string, quotas []corev1.ResourceQuota) []string {
	lacking := map[string]corev1.ResourceList{}
	for namespace, guard := range s.guards {
		if !slices.ContainsFunc(guard.Policies, func(j *Judged) bool { return j.Rules.Name == policy && j.Rules.quota && !has(j.uncounted, namespace) }) {
			continue
		}
		if want := s.Quota(namespace); len(want) > 0 {
			lacking[namespace] = want
		}
	}
	for i := range quotas {
		if want, asked := lacking[quotas[i].Namespace]; asked && quotas[i].Name == QuotaName && Limits(&quotas[i], want) {
			delete(lacking, quotas[i].Namespace)
		}
	}
	return slices.Sorted(maps.Keys(lacking))
}
