package residency

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// reachedFrom is node affinity with one term per key and value.
func reachedFrom(pairs ...string) *corev1.VolumeNodeAffinity {
	selector := &corev1.NodeSelector{}
	for i := 0; i+1 < len(pairs); i += 2 {
		selector.NodeSelectorTerms = append(selector.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: pairs[i], Operator: corev1.NodeSelectorOpIn, Values: []string{pairs[i+1]}}}})
	}
	return &corev1.VolumeNodeAffinity{Required: selector}
}

func csiVolume(driver, handle string, affinity *corev1.VolumeNodeAffinity, attributes map[string]string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-1"}, Spec: corev1.PersistentVolumeSpec{NodeAffinity: affinity, StorageClassName: "eu-fast",
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: handle, VolumeAttributes: attributes}}}}
}

func nfsVolume(server string) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-1"}}
	v.Spec.NFS = &corev1.NFSVolumeSource{Server: server, Path: "/"}
	return v
}

func judgesOfVolumes() *Guard {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, func(spec *v1alpha1.ResidencyPolicySpec) {
		spec.Storage.Servers = []v1alpha1.StorageServer{{Host: "nfs.example.com", Country: "FR"}}
		spec.Storage.Declarations = []v1alpha1.StorageDeclaration{{StorageClassName: "eu-fast", Provisioner: "ebs.csi.aws.com", Country: "FR"}}
	})}
	return Build(in).Judgements()
}

func TestAVolumeIsExplainedLinkByLink(t *testing.T) {
	judges := judgesOfVolumes()
	explain := func(volume *corev1.PersistentVolume) Explanation { return judges.ExplainVolume(volume, time.Time{}) }
	expect(t, explain(csiVolume("ebs.csi.aws.com", "vol-1", reachedFrom(zone, "eu-west-3a"), nil)), `volume: "pv-1"`, "class: eu-fast",
		"driver: ebs.csi.aws.com: kind Block, codes of aws", "handle: says nothing of a place", "affinity: topology.kubernetes.io/zone In eu-west-3a",
		"ResidencyPolicy eu-only: Allowed Allowed", "declaration: says FR for provisioner ebs.csi.aws.com; it does not count, for the class has another", "place: aws eu-west-3a (FR, EU)")
	expect(t, explain(csiVolume("pd.csi.storage.gke.io", "projects/p/zones/europe-west2-a/disks/d", reachedFrom(zone, "europe-west2-a"), nil)),
		"handle: names the zone europe-west2-a", "Denied ZoneNotAllowed", "rule volume: volume \"pv-1\" lies in gcp europe-west2-a (GB, Adequate)")
	expect(t, explain(nfsVolume("NFS.example.com")), "class: none", "server: nfs.example.com", "affinity: none", "Allowed Declared")
	expect(t, explain(nfsVolume("elsewhere.example.com")), "on a server that is named", "place: elsewhere.example.com is a server that is not declared", "Unknown ServerUnknown", "missing: the country of the server: spec.storage.servers of the policy declares it")
	expect(t, explain(csiVolume("example.com/unknown", "x", nil, nil)), "driver: example.com/unknown is not in the list of drivers", "Unknown ProvisionerUnknown")
	expect(t, explain(&corev1.PersistentVolume{}), "driver: its source is not in the list of drivers")
	expect(t, explain(csiVolume("ebs.csi.aws.com", "vol-1", reachedFrom("example.com/rack", "1"), nil)), "Unknown AffinityUnknown", "missing: a place in each term")
	nfs := nfsVolume("nfs.example.com")
	nfs.Spec.NodeAffinity, nfs.Spec.MountOptions = reachedFrom(zone, "us-east-1a"), []string{"addr=elsewhere.example.com"}
	expect(t, explain(nfs), "affinity: says from where the volume is reached, not where it lies: it does not count", "mount option: addr=elsewhere.example.com", "Unknown ServerUnknown")
}

func TestAClaimIsExplainedToItsVolume(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, nil)}
	s := Build(in)
	o := ClaimObject{Claim: claimIn("shop", ptr.To("eu-fast")), Class: &in.Classes[0]}
	expect(t, s.ExplainClaim(o), "volume: none yet: the class says where it will be made")
	o.Claim.Spec.VolumeName = "pv-1"
	expect(t, s.ExplainClaim(o), `volume: "pv-1" does not exist`, "Allowed Allowed", "Unknown VolumeMissing", "missing: the volume: make it first")
	o.Volume = csiVolume("ebs.csi.aws.com", "vol-1", reachedFrom(zone, "us-east-1a"), nil)
	expect(t, s.ExplainClaim(o), "ResidencyPolicy eu-only: Allowed Allowed", "affinity: topology.kubernetes.io/zone In us-east-1a", "ResidencyPolicy eu-only: Denied ZoneNotAllowed")
}

func TestWhatAnExceptionLiftsIsSaid(t *testing.T) {
	in, now := world(), time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, func(spec *v1alpha1.ResidencyPolicySpec) {
		spec.Exceptions = []v1alpha1.ResidencyException{{Name: "migration", Rule: v1alpha1.ExceptionRule(RuleStorageClass), Namespace: "shop", ExpiresTime: ptr.To(metav1.NewTime(now.AddDate(0, 1, 0)))}}
	})}
	o := ClaimObject{Claim: claimIn("shop", ptr.To("us-fast")), Class: &in.Classes[1], Now: now}
	const lifted = `exception: "migration" lifts rule storage-class here until 2026-12-24: it only warns`
	expect(t, Build(in).ExplainClaim(o), "Denied ZoneNotAllowed", lifted)
	in.Policies[0].Spec.Exceptions[0].Rule = v1alpha1.ExceptionRule(RuleVolume)
	volume := csiVolume("ebs.csi.aws.com", "vol-1", reachedFrom(zone, "us-east-1a"), nil)
	volume.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "shop", Name: "data"}
	expect(t, Build(in).Judgements().ExplainVolume(volume, now), `exception: "migration" lifts rule volume here until 2026-12-24: it only warns`)
	in.Policies[0].Spec.Exceptions[0].Rule = v1alpha1.ExceptionRule(RuleStorageClass)
	if o.Now = now.AddDate(0, 1, 0); strings.Contains(chain(Build(in).ExplainClaim(o)), lifted) {
		t.Error("an exception that has ended lifts nothing")
	}
}

// TestAnExplanationOfAVolumeEndsWhereAdmissionDoes: the plug-in and the operator cannot differ.
func TestAnExplanationOfAVolumeEndsWhereAdmissionDoes(t *testing.T) {
	judges := judgesOfVolumes()
	rapid.Check(t, func(t *rapid.T) {
		volume := csiVolume(rapid.SampledFrom([]string{"ebs.csi.aws.com", "pd.csi.storage.gke.io", "nfs.csi.k8s.io", "x"}).Draw(t, "driver"),
			rapid.SampledFrom([]string{"", "vol-1", "projects/p/zones/europe-west9-a/disks/d", "a#b#c"}).Draw(t, "handle"),
			reachedFrom(rapid.SampledFrom([]string{zone, region, "x"}).Draw(t, "key"), rapid.SampledFrom([]string{"eu-west-3", "eu-west-3a", "us-east-1a", "europe-west9-a"}).Draw(t, "value")),
			map[string]string{rapid.SampledFrom([]string{"server", "share", "x"}).Draw(t, "attribute"): rapid.String().Draw(t, "text")})
		objections := judges.JudgeVolume(volume)
		for _, o := range judges.ExplainVolume(volume, time.Time{}).Opinions {
			i := slices.IndexFunc(objections, func(refused Objection) bool { return refused.Policy == o.Policy.Name })
			if (i < 0) != (o.Verdict == v1alpha1.VerdictAllowed) || (i >= 0 && objections[i].Message != o.Message) {
				t.Fatalf("explained as %s %s: %s", o.Verdict, o.Reason, o.Message)
			}
		}
	})
}
