package residency

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func pvc(namespace, name, class, volume string) corev1.PersistentVolumeClaim {
	return corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + name)},
		Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class, VolumeName: volume}}
}

// pv makes a volume of a claim, whose disk is in a zone.
func pv(name, driver, zone, namespace, claim string) corev1.PersistentVolume {
	v := corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}, Spec: corev1.PersistentVolumeSpec{
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: "vol-1"}},
		ClaimRef:               &corev1.ObjectReference{Namespace: namespace, Name: claim, UID: types.UID(namespace + claim)}}}
	if zone != "" {
		v.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{zone}}}}}}}
	}
	return v
}

func pod(namespace, name, node, register string) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)}, Spec: corev1.PodSpec{NodeName: node}}
	if register != "" {
		p.Labels = map[string]string{v1alpha1.LabelRegister: register}
	}
	return p
}

// scene has a register crm in shop, whose store is claim data, under policy eu-only.
func scene(change func(*Input)) Scene {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", "Default", selected)}
	in.Policies[0].UID, in.Policies[0].Generation = "u1", 3
	in.Registers = []Register{{"shop", "crm", ""}}
	in.Stores = []Store{{Namespace: "shop", Register: "crm", Claim: "data"}}
	if change != nil {
		change(&in)
	}
	return Scene{Snapshot: Build(in), Policies: in.Policies, Now: noon}
}

// lines are the findings of a policy, one line each.
func lines(scanned *PolicyScan) []string {
	var out []string
	for _, f := range scanned.Findings {
		out = append(out, fmt.Sprintf("%s %s %s/%s %s %s %v", f.Rule, f.Kind, f.Namespace, f.Name, f.Place.Country, f.Reason, f.Registers))
	}
	return out
}

func TestWhatExistsIsJudgedAndTheWorstComesFirst(t *testing.T) {
	s := scene(nil)
	s.Claims = []corev1.PersistentVolumeClaim{pvc("shop", "data", "eu-fast", "pv-data"), pvc("shop", "cache", "us-fast", ""), pvc("shop", "odd", "mystery", "pv-odd"),
		pvc("free", "data", "us-fast", "")}
	s.Volumes = []corev1.PersistentVolume{pv("pv-data", "ebs.csi.aws.com", "us-east-1a", "shop", "data"), pv("pv-cache", "ebs.csi.aws.com", "eu-west-3a", "shop", "cache"),
		pv("pv-old", "ebs.csi.aws.com", "eu-west-2a", "shop", "gone"), pv("pv-odd", "nobody.example.com", "us-east-1a", "shop", "odd"), pv("pv-free", "ebs.csi.aws.com", "us-east-1a", "free", "data")}
	s.Pods = []corev1.Pod{pod("shop", "app", "virginia", "crm"), pod("shop", "home", "paris", "crm"), pod("shop", "stranger", "virginia", ""), pod("shop", "pending", "", "crm"), pod("shop", "lost", "gone", "crm")}
	done := pod("shop", "done", "virginia", "crm")
	done.Status.Phase = corev1.PodSucceeded
	sharing := pod("shop", "sharing", "paris", "")
	sharing.Spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "share", VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.example.com"}}}}
	s.Pods = append(s.Pods, done, sharing)
	s.Registers = []v1alpha1.DataRegister{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{Stores: []v1alpha1.DataStore{
		{Name: "abroad", External: &v1alpha1.ExternalStore{Country: "US"}}, {Name: "home", External: &v1alpha1.ExternalStore{Country: "FR"}}}}}}
	scanned := Look(s).Of(&s.Policies[0])
	want := []string{
		"declared-place DataRegister shop/crm US ZoneNotAllowed [crm]",
		"node Pod shop/app US ZoneNotAllowed [crm]",
		"volume PersistentVolume shop/pv-data US ZoneNotAllowed [crm]",
		"storage-class PersistentVolumeClaim shop/cache US ZoneNotAllowed []",
		"volume PersistentVolume shop/pv-old GB ZoneNotAllowed []",
		"inline-volume Pod shop/sharing  ServerUnknown []",
		"storage-class PersistentVolumeClaim shop/odd  ProvisionerUnknown []",
		"volume PersistentVolume shop/pv-odd  ProvisionerUnknown []",
	}
	if diff := cmp.Diff(want, lines(scanned)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]Counts{"shop": {Pass: 4, Fail: 8}}, scanned.Namespaces); diff != "" {
		t.Error(diff)
	}
	if scanned.Total != 8 || scanned.Rules[RuleVolume] != 3 || !strings.Contains(scanned.Findings[2].Message, `claim "data": volume "pv-data" lies in aws us-east-1a (US, AdequatePartial)`) {
		t.Errorf("%d, %v, %q", scanned.Total, scanned.Rules, scanned.Findings[2].Message)
	}
}

func TestAGovernedVolumeAttachedByHandIsFound(t *testing.T) {
	s := scene(nil)
	s.Claims = []corev1.PersistentVolumeClaim{pvc("shop", "data", "eu-fast", "vol"), pvc("shop", "other", "eu-fast", "free")}
	s.Volumes = []corev1.PersistentVolume{pv("vol", "ebs.csi.aws.com", "eu-west-3a", "shop", "data"), pv("free", "ebs.csi.aws.com", "eu-west-3a", "shop", "other")}
	attach := func(name, volume, node string) storagev1.VolumeAttachment {
		return storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: storagev1.VolumeAttachmentSpec{Attacher: "ebs.csi.aws.com", NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume}}}
	}
	s.Attachments = []storagev1.VolumeAttachment{attach("here", "vol", "paris"), attach("abroad", "vol", "virginia"), attach("gone", "absent", "virginia"), attach("nobody's", "free", "virginia"),
		attach("nowhere", "vol", "no-such-node"), {ObjectMeta: metav1.ObjectMeta{Name: "inline"}, Spec: storagev1.VolumeAttachmentSpec{NodeName: "virginia"}}}
	want := []string{"node VolumeAttachment shop/abroad US ZoneNotAllowed [crm]"}
	if diff := cmp.Diff(want, lines(Look(s).Of(&s.Policies[0]))); diff != "" {
		t.Error(diff)
	}
	mounting := pod("shop", "app", "virginia", "")
	mounting.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	s.Pods = []corev1.Pod{mounting}
	want = []string{"node Pod shop/app US ZoneNotAllowed [crm]"} // the pod is to blame, and what excuses it excuses the attachment
	if diff := cmp.Diff(want, lines(Look(s).Of(&s.Policies[0]))); diff != "" {
		t.Error(diff)
	}
}

func TestAPodThatMountsACloneOfWhatIsGovernedIsFound(t *testing.T) {
	s := scene(nil)
	clone := pvc("shop", "clone", "eu-fast", "")
	clone.Spec.DataSource = &corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "data"}
	s.Claims = []corev1.PersistentVolumeClaim{clone, pvc("shop", "plain", "eu-fast", "")}
	mounting := func(name, claim string) corev1.Pod {
		p := pod("shop", name, "virginia", "")
		p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}}
		return p
	}
	s.Pods = []corev1.Pod{mounting("app", "clone"), mounting("other", "plain")}
	if diff := cmp.Diff([]string{"node Pod shop/app US ZoneNotAllowed [crm]"}, lines(Look(s).Of(&s.Policies[0]))); diff != "" {
		t.Error(diff)
	}
}

func TestAuditedNamespacesAreScannedToo(t *testing.T) {
	s := scene(func(in *Input) { in.Policies[0].Spec.Enforcement = v1alpha1.EnforcementAudit })
	s.Claims = []corev1.PersistentVolumeClaim{pvc("lab", "data", "us-fast", "")}
	if scanned := Look(s).Of(&s.Policies[0]); scanned.Total != 1 || scanned.Enforced {
		t.Errorf("%+v", scanned)
	}
}

func TestAnExceptionMovesAFindingUntilItEnds(t *testing.T) {
	s := scene(func(in *Input) {
		in.Policies[0].Spec.Exceptions = []v1alpha1.ResidencyException{exception("volume", nil), exception("placement", func(e *v1alpha1.ResidencyException) { e.Kind, e.ObjectName = "Deployment", "app" })}
	})
	made := pod("shop", "app-7-x", "virginia", "crm")
	made.Labels["pod-template-hash"] = "7"
	made.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "app-7", Controller: new(true)}}
	s.Pods = []corev1.Pod{made}
	s.Claims = []corev1.PersistentVolumeClaim{pvc("shop", "data", "eu-fast", "pv-data")}
	s.Volumes = []corev1.PersistentVolume{pv("pv-data", "ebs.csi.aws.com", "us-east-1a", "shop", "data")}
	excused := Look(s).Of(&s.Policies[0])
	if excused.Total != 0 || len(excused.Excused) != 2 || excused.Excused[0].Exception != "move" || excused.Namespaces["shop"] != (Counts{Pass: 1, Skip: 2}) || len(Look(s).Suspicions()) != 0 {
		t.Errorf("%+v", excused)
	}
	s.Now = noon.AddDate(0, 6, 0)
	if ended := Look(s).Of(&s.Policies[0]); ended.Total != 2 || len(ended.Excused) != 0 {
		t.Errorf("%+v", ended)
	}
}

func TestAFindingIsFirstSeenOnce(t *testing.T) {
	s := scene(nil)
	s.Claims = []corev1.PersistentVolumeClaim{pvc("shop", "cache", "us-fast", "")}
	first := Look(s)
	s.Before, s.Now = first, noon.Add(time.Hour)
	if again := Look(s); !again.Equal(first) {
		t.Errorf("%v", again.Of(&s.Policies[0]).Findings)
	}
	s.Before, s.Policies[0].Status.Violations = nil, first.Of(&s.Policies[0]).violations() // after a restart
	if again := Look(s); !again.Equal(first) {
		t.Errorf("%v", again.Of(&s.Policies[0]).Findings)
	}
	s.Claims = append(s.Claims, pvc("shop", "second", "us-fast", ""))
	second := Look(s)
	if fresh := second.Of(&s.Policies[0]).Fresh(s.Policies[0].Status.Violations); len(fresh) != 1 || fresh[0].Name != "second" || !fresh[0].FirstSeen.Time.Equal(s.Now) || second.Equal(first) {
		t.Errorf("%+v", fresh)
	}
}

func TestAScanOfAnOlderPolicyDoesNotCount(t *testing.T) {
	s := scene(nil)
	found, newer := Look(s), s.Policies[0]
	newer.Generation++
	if found.Of(&newer) != nil || found.Of(&s.Policies[0]) == nil || (*Scan)(nil).Of(&newer) != nil {
		t.Error("the generation is not compared")
	}
	verdict := Judge(Observed{Policy: &newer, Snapshot: s.Snapshot, Scan: found})
	if verdict.Judged {
		t.Error("judged")
	}
}

func TestManyFindingsAreCountedAndTheListsAreBounded(t *testing.T) {
	s := scene(nil)
	for i := range maxKept + 100 {
		s.Claims = append(s.Claims, pvc("shop", fmt.Sprintf("c-%05d", i), "us-fast", ""))
	}
	found := Look(s)
	scanned := found.Of(&s.Policies[0])
	verdict := Judge(Observed{Policy: &s.Policies[0], Snapshot: s.Snapshot, Scan: found, Now: metav1.NewTime(noon)})
	if len(scanned.Findings) != maxKept || *verdict.Status.ViolationsTotal != maxKept+100 || len(verdict.Status.Violations) != maxViolations || len(verdict.Fresh) != maxViolations {
		t.Errorf("%d kept, %d counted, %d shown, %d told", len(scanned.Findings), *verdict.Status.ViolationsTotal, len(verdict.Status.Violations), len(verdict.Fresh))
	}
	reports := found.Reports()
	if len(reports) != 1 || len(reports[0].Results) != maxResults || reports[0].Summary.Fail != maxKept+100 {
		t.Errorf("%d reports", len(reports))
	}
}

func TestReportsHaveFailuresAndWhatIsExcused(t *testing.T) {
	s := scene(func(in *Input) {
		in.Policies[0].Spec.Exceptions = []v1alpha1.ResidencyException{exception("storage-class", func(e *v1alpha1.ResidencyException) { e.Kind, e.ObjectName = "PersistentVolumeClaim", "kept" })}
	})
	s.Claims = []corev1.PersistentVolumeClaim{pvc("shop", "data", "eu-fast", ""), pvc("shop", "kept", "us-fast", ""), pvc("shop", "cache", "us-fast", "")}
	reports := Look(s).Reports()
	if len(reports) != 1 {
		t.Fatalf("%+v", reports)
	}
	report := reports[0]
	if report.Name != "rempart-residency-eu-only" || report.Namespace != "shop" || report.UID != "u1" || report.Summary != (ReportSummary{Pass: 1, Fail: 1, Skip: 1}) {
		t.Errorf("%+v", report)
	}
	fail, skip := report.Results[0], report.Results[1]
	if fail.Result != "fail" || fail.Severity != "high" || fail.Resources[0].Name != "cache" || fail.Properties["country"] != "US" || fail.Rule != RuleStorageClass {
		t.Errorf("%+v", fail)
	}
	if skip.Result != "skip" || skip.Properties["exception"] != "move" || skip.Resources[0].Name != "kept" {
		t.Errorf("%+v", skip)
	}
	content, err := report.Content()
	if err != nil || content["summary"].(map[string]any)["fail"] != int64(1) || len(content["results"].([]any)) != 2 {
		t.Errorf("%v, %v", content, err)
	}
}

func TestAGovernedVolumeAbroadIsSuspectedOnce(t *testing.T) {
	strict := policy("strict", "Named", func(spec *v1alpha1.ResidencyPolicySpec) { spec.Namespaces.Mode = v1alpha1.NamespacesAll })
	s := scene(func(in *Input) { in.Policies = append(in.Policies, strict) })
	s.Claims = []corev1.PersistentVolumeClaim{pvc("shop", "data", "eu-fast", "pv-data"), pvc("shop", "cache", "eu-fast", "pv-cache")}
	s.Volumes = []corev1.PersistentVolume{pv("pv-data", "ebs.csi.aws.com", "us-east-1a", "shop", "data"), pv("pv-cache", "ebs.csi.aws.com", "us-east-1a", "shop", "cache")}
	suspicions := Look(s).Suspicions()
	if len(suspicions) != 1 || suspicions[0].Name != "pv-data" {
		t.Fatalf("%+v", suspicions)
	}
	register := v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{Role: v1alpha1.RoleProcessor,
		OfficerRef: v1alpha1.ClusterRef{Name: "acme"}, Controllers: []v1alpha1.Party{{Name: "A Ltd"}}}}
	governor := suspicions[0].Governor([]v1alpha1.DataRegister{{ObjectMeta: metav1.ObjectMeta{Namespace: "lab", Name: "crm"}}, register})
	if governor == nil || governor.Namespace != "shop" {
		t.Fatal("no governor")
	}
	incident := suspicions[0].Incident(governor)
	if incident.Namespace != "shop" || incident.Name != suspicions[0].IncidentName() || incident.Spec.Verdict != v1alpha1.BreachSuspected || incident.Spec.AwareTime != nil ||
		incident.Spec.Role != v1alpha1.BreachRoleProcessor || incident.Spec.Controllers[0].Name != "A Ltd" || incident.Spec.OfficerRef.Name != "acme" || !incident.Spec.DetectedTime.Time.Equal(noon) ||
		!strings.Contains(incident.Spec.Description, "us-east-1a (US") {
		t.Errorf("%+v", incident)
	}
	s.Snapshot = scene(func(in *Input) { in.Policies[0].Spec.Enforcement = v1alpha1.EnforcementAudit }).Snapshot
	if suspected := Look(s).Suspicions(); len(suspected) != 0 {
		t.Errorf("an audit opens incidents: %+v", suspected)
	}
}

func TestARegisterHearsOfWhatItGoverns(t *testing.T) {
	watch := policy("watch", "Named", func(spec *v1alpha1.ResidencyPolicySpec) {
		spec.Namespaces.Mode, spec.Enforcement, spec.Allowed.Countries = v1alpha1.NamespacesAll, v1alpha1.EnforcementAudit, nil
	})
	s := scene(func(in *Input) { in.Policies = append(in.Policies, watch) })
	s.Claims = []corev1.PersistentVolumeClaim{pvc("shop", "data", "us-fast", ""), pvc("shop", "cache", "us-fast", "")}
	found := Look(s)
	about := found.About("shop", "crm", "eu-only")
	if len(about) != 1 || about[0].Name != "data" || !slices.Contains(about[0].Registers, "crm") {
		t.Errorf("%+v", about)
	}
	if len(found.About("shop", "other", "")) != 0 || len((*Scan)(nil).About("shop", "crm", "")) != 0 {
		t.Error("a stranger hears")
	}
}

func BenchmarkScan(b *testing.B) {
	for _, claims := range []int{1000, 10000} {
		b.Run(fmt.Sprintf("claims=%d", claims), func(b *testing.B) {
			s := scene(nil)
			for i := range claims {
				name := fmt.Sprintf("c-%05d", i)
				s.Claims = append(s.Claims, pvc("shop", name, "eu-fast", "pv-"+name))
				s.Volumes = append(s.Volumes, pv("pv-"+name, "ebs.csi.aws.com", "eu-west-3a", "shop", name))
				s.Pods = append(s.Pods, pod("shop", name, "paris", "crm"))
			}
			b.ReportAllocs()
			for b.Loop() {
				Look(s)
			}
		})
	}
}
