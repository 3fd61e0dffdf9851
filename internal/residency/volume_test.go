package residency

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// is makes one expression of a term: a key, and values separated by commas.
func is(key, values string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: strings.Split(values, ",")}
}

func reachable(list ...[]corev1.NodeSelectorRequirement) *corev1.VolumeNodeAffinity {
	required := &corev1.NodeSelector{}
	for _, expressions := range list {
		required.NodeSelectorTerms = append(required.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchExpressions: expressions})
	}
	return &corev1.VolumeNodeAffinity{Required: required}
}

func one(expressions ...corev1.NodeSelectorRequirement) *corev1.VolumeNodeAffinity {
	return reachable(expressions)
}

func volume(source corev1.PersistentVolumeSource, affinity *corev1.VolumeNodeAffinity) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "v"}, Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: source, NodeAffinity: affinity}}
}

func csi(driver, handle string, attributes ...string) corev1.PersistentVolumeSource {
	source := &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: handle, VolumeAttributes: map[string]string{}}
	for i := 0; i+1 < len(attributes); i += 2 {
		source.VolumeAttributes[attributes[i]] = attributes[i+1]
	}
	return corev1.PersistentVolumeSource{CSI: source}
}

func nfs(server string) corev1.PersistentVolumeSource {
	return corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: server, Path: "/"}}
}

var localDisk = corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/data"}}

// withServers are rules with servers in France, the United States and nowhere.
func withServers() *Rules {
	return Compile("eu", v1alpha1.ResidencyPolicySpec{Provider: "aws", Enforcement: v1alpha1.EnforcementEnforce, Storage: v1alpha1.PolicyStorage{
		Servers: []v1alpha1.StorageServer{{Host: "nfs.dc1.example.com", Country: "FR"}, {Host: "nfs.us.example.com", Country: "US"}, {Host: "2001:db8::1", Country: "DE"}, {Host: "odd.example.com", Country: "ZZ"}},
		Declarations: []v1alpha1.StorageDeclaration{{StorageClassName: "files", Provisioner: "files.example.com", Country: "FR"}, {StorageClassName: "ebs", Provisioner: "ebs.csi.aws.com", Country: "FR"},
			{StorageClassName: "ceph", Provisioner: "rbd.csi.ceph.com", Country: "FR"}, {StorageClassName: "efs", Provisioner: "efs.csi.aws.com", Country: "FR"}, {StorageClassName: "nfs", Provisioner: "nfs.csi.k8s.io", Country: "FR"}}}}, today)
}

func TestVolumesAreJudgedBySourceAndThenByAffinity(t *testing.T) {
	const ebs, pd, azureFile, azureZone = "ebs.csi.aws.com", "pd.csi.storage.gke.io", "file.csi.azure.com", "topology.disk.csi.azure.com/zone"
	notIn := corev1.NodeSelectorRequirement{Key: region, Operator: corev1.NodeSelectorOpNotIn, Values: []string{"us-east-1"}}
	exists := corev1.NodeSelectorRequirement{Key: zone, Operator: corev1.NodeSelectorOpExists}
	allowed, denied, unknown := v1alpha1.VerdictAllowed, v1alpha1.VerdictDenied, v1alpha1.VerdictUnknown
	ceph := ClassVerdict{Name: "ceph", Provisioner: "rbd.csi.ceph.com", parameters: map[string]string{"clusterID": "here"}}
	efs := ClassVerdict{Name: "efs", Provisioner: "efs.csi.aws.com", parameters: map[string]string{"fileSystemId": "fs-1"}}
	for name, test := range map[string]struct {
		volume  *corev1.PersistentVolume
		class   ClassVerdict
		verdict v1alpha1.PlacementVerdict
		reason  Reason
	}{
		"a disk reached in Paris":                 {volume(csi(ebs, "vol-1"), one(is("topology.ebs.csi.aws.com/zone", "eu-west-3a"))), ClassVerdict{}, allowed, ReasonAllowed},
		"a disk reached in Virginia":              {volume(csi(ebs, "vol-1"), one(is(zone, "us-east-1a"))), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"a disk without affinity":                 {volume(csi(ebs, "vol-1"), nil), ClassVerdict{}, unknown, ReasonNoEvidence},
		"a disk with an affinity without terms":   {volume(csi(ebs, "vol-1"), reachable()), ClassVerdict{}, unknown, ReasonAffinityUnknown},
		"a term that only excludes":               {volume(csi(ebs, "vol-1"), one(notIn)), ClassVerdict{}, unknown, ReasonAffinityUnknown},
		"a term that only asks for a label":       {volume(csi(ebs, "vol-1"), one(exists)), ClassVerdict{}, unknown, ReasonAffinityUnknown},
		"an empty term beside a good one":         {volume(csi(ebs, "vol-1"), reachable([]corev1.NodeSelectorRequirement{is(zone, "eu-west-3a")}, nil)), ClassVerdict{}, unknown, ReasonAffinityUnknown},
		"alternatives, one abroad":                {volume(csi(ebs, "vol-1"), reachable([]corev1.NodeSelectorRequirement{is(zone, "eu-west-3a")}, []corev1.NodeSelectorRequirement{is(zone, "us-east-1a")})), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"values, one abroad":                      {volume(csi(ebs, "vol-1"), one(is(zone, "eu-west-3a,us-east-1a"))), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"a place narrowed further":                {volume(csi(ebs, "vol-1"), one(is(zone, "eu-west-3a"), notIn, exists)), ClassVerdict{}, allowed, ReasonAllowed},
		"a key nobody knows":                      {volume(csi(ebs, "vol-1"), one(is("example.com/rack", "eu-west-3"))), ClassVerdict{}, unknown, ReasonAffinityUnknown},
		"a zone abroad under its parent's region": {volume(csi(ebs, "vol-1"), one(is(region, "eu-west-3"), is(zone, "eu-west-3-wl1-cmn-wlz-1"))), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"the zone in a handle":                    {volume(csi(pd, "projects/p/zones/europe-west9-a/disks/d"), nil), ClassVerdict{}, allowed, ReasonAllowed},
		"the region in a handle":                  {volume(csi(pd, "projects/p/regions/us-east1/disks/d"), nil), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"a handle that leaves the zone open":      {volume(csi(pd, "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d"), nil), ClassVerdict{}, unknown, ReasonZoneUnknown},
		"handle and affinity agree":               {volume(csi(pd, "projects/p/regions/europe-west9/disks/d"), one(is("topology.gke.io/zone", "europe-west9-a,europe-west9-b"))), ClassVerdict{}, allowed, ReasonAllowed},
		"handle and affinity disagree":            {volume(csi(pd, "projects/p/zones/us-east1-b/disks/d"), one(is(zone, "europe-west9-a"))), ClassVerdict{}, unknown, ReasonConflicting},
		"the other way round":                     {volume(csi(pd, "projects/p/zones/europe-west9-a/disks/d"), one(is(zone, "us-east1-b"))), ClassVerdict{}, unknown, ReasonConflicting},
		"the old name of a driver":                {volume(corev1.PersistentVolumeSource{AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: "aws://eu-west-3a/vol-1"}}, nil), ClassVerdict{}, allowed, ReasonAllowed},
		"a zone in its handle":                    {volume(csi("csi.scaleway.com", "nl-ams-1/11111111-2222"), nil), ClassVerdict{}, allowed, ReasonAllowed},
		"a region in its identifier":              {volume(csi("blockvolume.csi.oraclecloud.com", "ocid1.volume.oc1.us-ashburn-1.abc"), nil), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"files are not where they are reached":    {volume(csi(azureFile, "rg#account#share#"), one(is(region, "francecentral"))), ClassVerdict{}, unknown, ReasonNoEvidence},
		"files on a server nobody declared":       {volume(nfs("nfs.example.org"), one(is(region, "eu-west-3"))), ClassVerdict{}, unknown, ReasonServerUnknown},
		"files on a server in France":             {volume(nfs("NFS.dc1.example.com."), nil), ClassVerdict{}, allowed, ReasonDeclared},
		"files on a server abroad":                {volume(nfs("nfs.us.example.com"), one(is(region, "eu-west-3"))), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"files on a server in no country":         {volume(nfs("odd.example.com"), nil), ClassVerdict{}, unknown, ReasonServerUnknown},
		"files on a server by driver":             {volume(csi("nfs.csi.k8s.io", "x", "server", "nfs.dc1.example.com", "share", "/"), nil), ClassVerdict{}, allowed, ReasonDeclared},
		"shares on a server by driver":            {volume(csi("smb.csi.k8s.io", "x", "source", "//nfs.dc1.example.com/share"), nil), ClassVerdict{}, allowed, ReasonDeclared},
		"an address in brackets":                  {volume(corev1.PersistentVolumeSource{ISCSI: &corev1.ISCSIPersistentVolumeSource{TargetPortal: "[2001:0DB8::1]:3260"}}, nil), ClassVerdict{}, allowed, ReasonDeclared},
		"one of two portals abroad":               {volume(corev1.PersistentVolumeSource{ISCSI: &corev1.ISCSIPersistentVolumeSource{TargetPortal: "[2001:db8::1]:3260", Portals: []string{"nfs.us.example.com:3260"}}}, nil), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"monitors of Ceph":                        {volume(corev1.PersistentVolumeSource{CephFS: &corev1.CephFSPersistentVolumeSource{Monitors: []string{"nfs.dc1.example.com:6789", "10.0.0.9:6789"}}}, nil), ClassVerdict{}, unknown, ReasonServerUnknown},
		"a cluster by its name only":              {volume(csi("rbd.csi.ceph.com", "x", "clusterID", "c"), nil), ClassVerdict{}, unknown, ReasonPointer},
		"a server in an attribute of a zone":      {volume(csi("filestore.csi.storage.gke.io", "modeInstance/europe-west9-a/i/s", "ip", "10.1.2.3"), nil), ClassVerdict{}, unknown, ReasonServerUnknown},
		"a local disk of a node in Paris":         {volume(localDisk, one(is(corev1.LabelHostname, "paris"))), ClassVerdict{}, allowed, ReasonAllowed},
		"a local disk of a node in Virginia":      {volume(localDisk, one(is(corev1.LabelHostname, "virginia"))), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"a local disk of a node nobody knows":     {volume(localDisk, one(is(corev1.LabelHostname, "gone"))), ClassVerdict{}, unknown, ReasonNoEvidence},
		"a folder of any node":                    {volume(corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/x"}}, nil), ClassVerdict{}, unknown, ReasonNoEvidence},
		"a driver nobody knows":                   {volume(csi("x.example.com", "eu-west-3"), one(is(region, "eu-west-3"))), ClassVerdict{}, unknown, ReasonProvisionerUnknown},
		"a disk of vSphere":                       {volume(corev1.PersistentVolumeSource{VsphereVolume: &corev1.VsphereVirtualDiskVolumeSource{VolumePath: "x"}}, one(is("topology.csi.vmware.com/k8s-region", "eu-west-3"))), ClassVerdict{}, allowed, ReasonAllowed},
		"a source nobody knows":                   {volume(corev1.PersistentVolumeSource{}, one(is(region, "eu-west-3"))), ClassVerdict{}, unknown, ReasonProvisionerUnknown},
		"declared by its class":                   {volume(csi("files.example.com", "x"), nil), ClassVerdict{Name: "files", Provisioner: "files.example.com"}, allowed, ReasonDeclared},
		"of another driver than its class":        {volume(csi("x.example.com", "x"), nil), ClassVerdict{Name: "files", Provisioner: "files.example.com"}, unknown, ReasonProvisionerUnknown},
		"declared, and abroad by its affinity":    {volume(csi(ebs, "vol-1"), one(is(zone, "us-east-1a"))), ClassVerdict{Name: "ebs", Provisioner: ebs}, denied, ReasonZoneNotAllowed},
		"declared in France, reached in Ireland":  {volume(csi(ebs, "vol-1"), one(is(zone, "eu-west-1a"))), ClassVerdict{Name: "ebs", Provisioner: ebs}, unknown, ReasonConflicting},
		"a server by a key in capitals":           {volume(csi("nfs.csi.k8s.io", "x", "SERVER", "nfs.dc1.example.com"), nil), ClassVerdict{}, allowed, ReasonDeclared},
		"two servers by one key in two cases":     {volume(csi("nfs.csi.k8s.io", "x", "server", "nfs.dc1.example.com", "Server", "10.0.0.1"), nil), ClassVerdict{}, unknown, ReasonServerUnknown},
		"a server in options among attributes":    {volume(csi("nfs.csi.k8s.io", "x", "server", "nfs.dc1.example.com", "mountOptions", "hard,addr=10.0.0.1"), nil), ClassVerdict{}, unknown, ReasonServerUnknown},
		"in all zones of a region, and in none":   {volume(csi("disk.csi.azure.com", "x"), reachable([]corev1.NodeSelectorRequirement{is(azureZone, "francecentral-1")}, []corev1.NodeSelectorRequirement{is(azureZone, "")})), ClassVerdict{}, allowed, ReasonAllowed},
		"in a zone abroad, and in none":           {volume(csi("disk.csi.azure.com", "x"), reachable([]corev1.NodeSelectorRequirement{is(azureZone, "eastus-1")}, []corev1.NodeSelectorRequirement{is(azureZone, "")})), ClassVerdict{}, denied, ReasonZoneNotAllowed},
		"the cluster that its class names":        {volume(csi("rbd.csi.ceph.com", "x", "clusterID", "here"), nil), ceph, allowed, ReasonDeclared},
		"a cluster that its class does not name":  {volume(csi("rbd.csi.ceph.com", "x", "clusterID", "there"), nil), ceph, unknown, ReasonPointer},
		"the file system that its class names":    {volume(csi("efs.csi.aws.com", "fs-1::fsap-2"), nil), efs, allowed, ReasonDeclared},
		"a file system that it does not name":     {volume(csi("efs.csi.aws.com", "fs-12::fsap-2"), nil), efs, unknown, ReasonNoEvidence},
		"declared, by its old name":               {volume(corev1.PersistentVolumeSource{AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: "vol-1"}}, nil), ClassVerdict{Name: "ebs", Provisioner: ebs}, allowed, ReasonDeclared},
	} {
		t.Run(name, func(t *testing.T) {
			rules := withServers()
			got := rules.JudgeVolume(test.volume, test.class, judgeNodes(rules, []*corev1.Node{paris, virginia}))
			if got.Verdict != test.verdict || got.Reason != test.reason {
				t.Errorf("%s %s (%s), want %s %s", got.Verdict, got.Reason, got.Detail, test.verdict, test.reason)
			}
		})
	}
}

func TestMountOptionsMoveAVolume(t *testing.T) {
	rules := withServers()
	for options, want := range map[string]v1alpha1.PlacementVerdict{
		"hard,nfsvers=4.1": v1alpha1.VerdictAllowed, "ADDR=nfs.dc1.example.com": v1alpha1.VerdictAllowed, "hard, addr=10.9.9.9": v1alpha1.VerdictUnknown,
		"ip=nfs.us.example.com": v1alpha1.VerdictDenied, "mon_addr=nfs.dc1.example.com/1.2.3.4": v1alpha1.VerdictUnknown, "region=us-east-1": v1alpha1.VerdictUnknown,
		"unc=//10.9.9.9/share": v1alpha1.VerdictUnknown, "source=//nfs.dc1.example.com/share": v1alpha1.VerdictAllowed, "region us-east-1": v1alpha1.VerdictUnknown, "--endpoint-url https://s3.example.com": v1alpha1.VerdictUnknown,
	} {
		v := volume(nfs("nfs.dc1.example.com"), nil)
		v.Spec.MountOptions = []string{options}
		if got := rules.JudgeVolume(v, ClassVerdict{}, nil); got.Verdict != want {
			t.Errorf("%s: %s %s, want %s", options, got.Verdict, got.Reason, want)
		}
		v.Spec.MountOptions, v.Annotations = nil, map[string]string{corev1.MountOptionAnnotation: options}
		if got := rules.JudgeVolume(v, ClassVerdict{}, nil); got.Verdict != want {
			t.Errorf("annotated with %s: %s %s, want %s", options, got.Verdict, got.Reason, want)
		}
		c := class("nfs.csi.k8s.io", map[string]string{"server": "nfs.dc1.example.com", "share": "/"})
		c.MountOptions = []string{options}
		if got := rules.JudgeClass(c, nil); got.Verdict != want {
			t.Errorf("a class with %s: %s %s, want %s", options, got.Verdict, got.Reason, want)
		}
	}
}

func TestWhatIsDeclaredOfAClassIsNotSaidOfAMountFromElsewhere(t *testing.T) {
	rules := withServers()
	v := volume(csi("nfs.csi.k8s.io", "x", "server", "10.0.0.7"), nil)
	of := rules.JudgeClass(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "nfs"}, Provisioner: "nfs.csi.k8s.io", Parameters: map[string]string{"server": "10.0.0.7"}}, nil)
	if got := rules.JudgeVolume(v, of, nil); got.Verdict != v1alpha1.VerdictAllowed {
		t.Fatalf("as its class: %s %s", got.Verdict, got.Reason)
	}
	v.Spec.MountOptions = []string{"addr=10.9.9.9"}
	if got := rules.JudgeVolume(v, of, nil); got.Reason != ReasonServerUnknown {
		t.Errorf("with an option: %s %s", got.Verdict, got.Reason)
	}
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "nfs"}, Provisioner: "nfs.csi.k8s.io", MountOptions: []string{"addr=10.9.9.9"}}
	if got := rules.JudgeClass(class, nil); got.Reason != ReasonServerUnknown {
		t.Errorf("a class with an option: %s %s", got.Verdict, got.Reason)
	}
}

func TestADiskWithoutAZoneIsWhereTheNodesAre(t *testing.T) {
	rules := Compile("eu", v1alpha1.ResidencyPolicySpec{Provider: "ovh"}, today)
	here, abroad := node("gravelines", "GRA11", "nova", ""), node("beauharnois", "BHS5", "nova", "")
	v := volume(csi("cinder.csi.openstack.org", "x"), one(is("topology.cinder.csi.openstack.org/zone", "nova")))
	if got := rules.JudgeVolume(v, ClassVerdict{}, judgeNodes(rules, []*corev1.Node{here})); got.Verdict != v1alpha1.VerdictAllowed {
		t.Errorf("all nodes in the Union: %s %s", got.Verdict, got.Reason)
	}
	if got := rules.JudgeVolume(v, ClassVerdict{}, judgeNodes(rules, []*corev1.Node{here, abroad})); got.Reason != ReasonTopologyOpen {
		t.Errorf("some abroad: %s %s", got.Verdict, got.Reason)
	}
}

func TestVolumesOfPodsAreJudgedUnlessTheyLieWithThePod(t *testing.T) {
	rules := withServers()
	for name, test := range map[string]struct {
		source  corev1.VolumeSource
		apart   bool
		verdict v1alpha1.PlacementVerdict
	}{
		"memory":                {corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}, false, ""},
		"a folder of the node":  {corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}, false, ""},
		"a claim":               {corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{}}, false, ""},
		"secrets by a driver":   {corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "secrets-store.csi.k8s.io"}}, false, ""},
		"a declared server":     {corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.dc1.example.com"}}, true, v1alpha1.VerdictAllowed},
		"a server nobody knows": {corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "10.0.0.1"}}, true, v1alpha1.VerdictUnknown},
		"a server abroad":       {corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.us.example.com"}}, true, v1alpha1.VerdictDenied},
		"a target nobody knows": {corev1.VolumeSource{ISCSI: &corev1.ISCSIVolumeSource{TargetPortal: "10.0.0.1:3260"}}, true, v1alpha1.VerdictUnknown},
		"a driver nobody knows": {corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "x.example.com"}}, true, v1alpha1.VerdictUnknown},
		"files by a driver":     {corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "nfs.csi.k8s.io", VolumeAttributes: map[string]string{"server": "nfs.dc1.example.com"}}}, true, v1alpha1.VerdictAllowed},
		"a driver without host": {corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "nfs.csi.k8s.io"}}, true, v1alpha1.VerdictUnknown},
		"a disk of a cloud":     {corev1.VolumeSource{GCEPersistentDisk: &corev1.GCEPersistentDiskVolumeSource{PDName: "d"}}, true, v1alpha1.VerdictUnknown},
		"a disk of a zone":      {corev1.VolumeSource{AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: "aws://us-east-1a/vol-1"}}, true, v1alpha1.VerdictDenied},
		"a disk of a network":   {corev1.VolumeSource{FC: &corev1.FCVolumeSource{WWIDs: []string{"x"}}}, true, v1alpha1.VerdictUnknown},
		"a disk of vSphere":     {corev1.VolumeSource{VsphereVolume: &corev1.VsphereVirtualDiskVolumeSource{VolumePath: "x"}}, true, v1alpha1.VerdictUnknown},
		"a plug-in's":           {corev1.VolumeSource{FlexVolume: &corev1.FlexVolumeSource{Driver: "ebs.csi.aws.com"}}, true, v1alpha1.VerdictUnknown},
		"nothing that is known": {corev1.VolumeSource{}, true, v1alpha1.VerdictUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			got, apart := rules.JudgeInline(&corev1.Volume{Name: "v", VolumeSource: test.source})
			if apart != test.apart || got.Verdict != test.verdict {
				t.Errorf("%v %s %s", apart, got.Verdict, got.Reason)
			}
		})
	}
}

func TestHostsAreReadOutOfWhatVolumesName(t *testing.T) {
	for server, want := range map[string]string{
		"NFS.Example.com.": "nfs.example.com", "nfs:2049": "nfs", "10.0.0.1:3260": "10.0.0.1", "[::1]:3260": "::1", "0:0:0:0:0:0:0:1": "::1", "::ffff:10.0.0.1": "10.0.0.1",
		"//srv/share": "srv", "srv:/export": "srv", "a,b": "a,b", "v2:10.0.0.1:3300": "v2:10.0.0.1:3300", "": "", "[v2:10.0.0.1:3300,v1:10.0.0.1:6789]": "v2:10.0.0.1:3300,v1:10.0.0.1:6789",
	} {
		if got := hostOf(server); got != want {
			t.Errorf("%q: %q, want %q", server, got, want)
		}
	}
}

func TestOpenClassesAreJudgedByTheNodesThatRunTheDriver(t *testing.T) {
	const ebs = "ebs.csi.aws.com"
	runs := func(node string, drivers ...string) storagev1.CSINode {
		n := storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: node}}
		for _, d := range drivers {
			n.Spec.Drivers = append(n.Spec.Drivers, storagev1.CSINodeDriver{Name: d})
		}
		return n
	}
	for name, test := range map[string]struct {
		provisioner string
		csiNodes    []storagev1.CSINode
		reason      Reason
	}{
		"nobody says what runs":        {ebs, nil, ReasonTopologyOpen},
		"only in Paris":                {ebs, []storagev1.CSINode{runs("paris", ebs), runs("virginia", "other")}, ReasonAllowed},
		"in both":                      {ebs, []storagev1.CSINode{runs("paris", ebs), runs("virginia", ebs)}, ReasonTopologyOpen},
		"nowhere":                      {ebs, []storagev1.CSINode{runs("paris"), runs("virginia")}, ReasonNoEvidence},
		"one node does not say":        {ebs, []storagev1.CSINode{runs("paris", ebs)}, ReasonTopologyOpen},
		"the old name is everywhere":   {"kubernetes.io/aws-ebs", []storagev1.CSINode{runs("paris", ebs), runs("virginia")}, ReasonTopologyOpen},
		"what is no driver is as well": {"rancher.io/local-path", []storagev1.CSINode{runs("paris"), runs("virginia")}, ReasonTopologyOpen},
	} {
		t.Run(name, func(t *testing.T) {
			in := world()
			in.Policies = []v1alpha1.ResidencyPolicy{policy("eu", "Default", nil)}
			in.Classes, in.CSINodes = []storagev1.StorageClass{named("open", class(test.provisioner, nil))}, test.csiNodes
			if got := Build(in).Policy("eu").Classes["open"]; got.Reason != test.reason {
				t.Errorf("%s %s, want %s", got.Verdict, got.Reason, test.reason)
			}
		})
	}
}

func TestStaticClassesAreJudgedByTheVolumesThatNoClaimHas(t *testing.T) {
	of := func(name, host string, bound bool) corev1.PersistentVolume {
		v := volume(localDisk, one(is(corev1.LabelHostname, host)))
		v.Name, v.Spec.StorageClassName = name, "static"
		if bound {
			v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "shop", Name: "data"}
		}
		return *v
	}
	for name, test := range map[string]struct {
		volumes []corev1.PersistentVolume
		verdict v1alpha1.PlacementVerdict
		reason  Reason
	}{
		"none":                   {nil, v1alpha1.VerdictAllowed, ReasonEachVolume},
		"one in Paris":           {[]corev1.PersistentVolume{of("a", "paris", false)}, v1alpha1.VerdictAllowed, ReasonEachVolume},
		"one abroad":             {[]corev1.PersistentVolume{of("a", "paris", false), of("b", "virginia", false)}, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"one abroad, taken":      {[]corev1.PersistentVolume{of("a", "paris", false), of("b", "virginia", true)}, v1alpha1.VerdictAllowed, ReasonEachVolume},
		"one nobody can locate":  {[]corev1.PersistentVolume{of("a", "gone", false)}, v1alpha1.VerdictUnknown, ReasonNoEvidence},
		"worst of them decides":  {[]corev1.PersistentVolume{of("a", "gone", false), of("b", "virginia", false)}, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"volumes of other names": {[]corev1.PersistentVolume{*volume(localDisk, one(is(corev1.LabelHostname, "virginia")))}, v1alpha1.VerdictAllowed, ReasonEachVolume},
	} {
		t.Run(name, func(t *testing.T) {
			in := world()
			in.Policies = []v1alpha1.ResidencyPolicy{policy("eu", "Default", nil)}
			in.Classes, in.Volumes = []storagev1.StorageClass{named("static", class("kubernetes.io/no-provisioner", nil))}, test.volumes
			got := Build(in).Policy("eu").Classes["static"]
			if got.Verdict != test.verdict || got.Reason != test.reason {
				t.Errorf("%s %s, want %s %s", got.Verdict, got.Reason, test.verdict, test.reason)
			}
			if (got.Volume != nil) != (got.Verdict != v1alpha1.VerdictAllowed) || Sentence(got) == "" {
				t.Errorf("%q by %v", Sentence(got), got.Volume)
			}
		})
	}
}

func TestDeclarationsNameARegionOrPinAClass(t *testing.T) {
	const driver = "files.example.com"
	fast := class(driver, nil)
	for name, test := range map[string]struct {
		declaration v1alpha1.StorageDeclaration
		verdict     v1alpha1.PlacementVerdict
		reason      Reason
	}{
		"a region":                    {v1alpha1.StorageDeclaration{Location: &v1alpha1.ProviderRegion{Provider: "aws", Region: "eu-west-3"}}, v1alpha1.VerdictAllowed, ReasonDeclared},
		"a region abroad":             {v1alpha1.StorageDeclaration{Location: &v1alpha1.ProviderRegion{Provider: "aws", Region: "us-east-1"}}, v1alpha1.VerdictDenied, ReasonZoneNotAllowed},
		"a region nobody knows":       {v1alpha1.StorageDeclaration{Location: &v1alpha1.ProviderRegion{Provider: "aws", Region: "eu-wesst-3"}}, v1alpha1.VerdictUnknown, ReasonRegionUnknown},
		"the class that was declared": {v1alpha1.StorageDeclaration{Country: "FR", Digest: Digest(fast)}, v1alpha1.VerdictAllowed, ReasonDeclared},
		"another class by its name":   {v1alpha1.StorageDeclaration{Country: "FR", Digest: "sha256:" + strings.Repeat("0", 64)}, v1alpha1.VerdictUnknown, ReasonDigestMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			test.declaration.StorageClassName, test.declaration.Provisioner = "fast", driver
			rules := Compile("eu", v1alpha1.ResidencyPolicySpec{Storage: v1alpha1.PolicyStorage{Declarations: []v1alpha1.StorageDeclaration{test.declaration}}}, today)
			got := rules.JudgeClass(fast, nil)
			if got.Verdict != test.verdict || got.Reason != test.reason {
				t.Errorf("%s %s, want %s %s", got.Verdict, got.Reason, test.verdict, test.reason)
			}
			of := rules.JudgeVolume(volume(csi(driver, "x"), nil), got, nil)
			if of.Verdict != test.verdict || of.Reason != test.reason {
				t.Errorf("its volume: %s %s, want %s %s", of.Verdict, of.Reason, test.verdict, test.reason)
			}
		})
	}
}

func TestServersThatContradictEachOtherAreRefused(t *testing.T) {
	spec := v1alpha1.ResidencyPolicySpec{Storage: v1alpha1.PolicyStorage{
		Servers:      []v1alpha1.StorageServer{{Host: "::1", Country: "FR"}, {Host: "0:0:0:0:0:0:0:1", Country: "US"}, {Host: "a", Country: "ZZ"}},
		Declarations: []v1alpha1.StorageDeclaration{{StorageClassName: "a", Location: &v1alpha1.ProviderRegion{Provider: "aws", Region: "nowhere"}}}}}
	if got := Contradictions(spec); len(got) != 4 {
		t.Errorf("%q", got)
	}
	if got := Loosens(v1alpha1.ResidencyPolicySpec{}, v1alpha1.ResidencyPolicySpec{Storage: v1alpha1.PolicyStorage{Servers: spec.Storage.Servers}}); got != "storage.servers" {
		t.Errorf("new servers loosen %q", got)
	}
}

func drawTerm(t *rapid.T, label string) []corev1.NodeSelectorRequirement {
	keys := rapid.SampledFrom([]string{region, zone, "topology.ebs.csi.aws.com/zone", corev1.LabelHostname, "example.com/x"})
	codes := rapid.SampledFrom([]string{"eu-west-3", "eu-west-3a", "us-east-1", "us-east-1a", "paris", "virginia", "nowhere", ""})
	operators := rapid.SampledFrom([]corev1.NodeSelectorOperator{corev1.NodeSelectorOpIn, corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpExists})
	var out []corev1.NodeSelectorRequirement
	for i := range rapid.IntRange(0, 2).Draw(t, label) {
		r := is(keys.Draw(t, fmt.Sprint(label, "key", i)), codes.Draw(t, fmt.Sprint(label, "code", i)))
		r.Operator = operators.Draw(t, fmt.Sprint(label, "operator", i))
		out = append(out, r)
	}
	return out
}

func drawVolume(t *rapid.T) *corev1.PersistentVolume {
	source := rapid.SampledFrom([]corev1.PersistentVolumeSource{localDisk, nfs("nfs.dc1.example.com"), nfs("10.0.0.1"), csi("ebs.csi.aws.com", "vol-1"), csi("x.example.com", "y"),
		csi("pd.csi.storage.gke.io", "projects/p/zones/europe-west9-a/disks/d"), csi("file.csi.azure.com", "a#b#c")}).Draw(t, "source")
	v := volume(source, nil)
	for i := range rapid.IntRange(0, 3).Draw(t, "terms") {
		if v.Spec.NodeAffinity == nil {
			v.Spec.NodeAffinity = reachable()
		}
		required := v.Spec.NodeAffinity.Required
		required.NodeSelectorTerms = append(required.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchExpressions: drawTerm(t, fmt.Sprint("term", i))})
	}
	return v
}

func TestAddingAPlaceNeverWidensTheVerdictOnAVolume(t *testing.T) {
	rules := withServers()
	nodes := judgeNodes(rules, []*corev1.Node{paris, virginia})
	rapid.Check(t, func(t *rapid.T) {
		v := drawVolume(t)
		if v.Spec.NodeAffinity == nil {
			return // naming the first place is the first evidence
		}
		before := rules.JudgeVolume(v, ClassVerdict{}, nodes).Verdict
		required := v.Spec.NodeAffinity.Required
		required.NodeSelectorTerms = append(required.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchExpressions: drawTerm(t, "more")})
		if after := rules.JudgeVolume(v, ClassVerdict{}, nodes).Verdict; rank[after] > rank[before] {
			t.Fatalf("%s became %s", before, after)
		}
	})
}

func TestJunkNeverTurnsAnUnknownVolumeIntoAnAllowedOne(t *testing.T) {
	rules := withServers()
	nodes := judgeNodes(rules, []*corev1.Node{paris, virginia})
	rapid.Check(t, func(t *rapid.T) {
		v := drawVolume(t)
		before := rules.JudgeVolume(v, ClassVerdict{}, nodes).Verdict
		v.Spec.MountOptions = append(v.Spec.MountOptions, rapid.String().Draw(t, "option"))
		v.Labels = map[string]string{rapid.String().Draw(t, "label"): "eu-west-3"}
		if v.Spec.CSI != nil {
			v.Spec.CSI = v.Spec.CSI.DeepCopy()
			v.Spec.CSI.VolumeAttributes[rapid.String().Draw(t, "key")] = rapid.String().Draw(t, "value")
		}
		if after := rules.JudgeVolume(v, ClassVerdict{}, nodes).Verdict; rank[after] > rank[before] {
			t.Fatalf("%s became %s", before, after)
		}
	})
}

func TestRefusalsOfVolumesFitIntoFiveHundredCharacters(t *testing.T) {
	long := strings.Repeat("é", 300)
	spec := v1alpha1.ResidencyPolicySpec{Enforcement: v1alpha1.EnforcementEnforce, Provider: "aws"}
	for country := range iso {
		spec.Allowed.Countries, spec.Denied.Countries = append(spec.Allowed.Countries, country), append(spec.Denied.Countries, country)
	}
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{{ObjectMeta: metav1.ObjectMeta{Name: strings.Repeat("p", 50)}, Spec: spec}}
	in.Registers = []Register{{"shop", "crm", strings.Repeat("p", 50)}}
	guard := Build(in).GuardOf("shop")
	rapid.Check(t, func(t *rapid.T) {
		v := drawVolume(t)
		v.Name = long
		if v.Spec.CSI != nil {
			v.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: long, VolumeHandle: long}
		}
		objections := append(guard.JudgeVolume(v), guard.MissingVolume(long)...)
		objections = append(objections, guard.JudgeSelectedNode(long, nil)...)
		for _, objection := range objections {
			if n := utf8.RuneCountInString(objection.Message); n >= 500 || !strings.Contains(objection.Message, "; allowed: ") || !strings.HasSuffix(objection.Message, HelpPage) {
				t.Fatalf("%d characters: %s", n, objection.Message)
			}
		}
	})
}

func FuzzJudgeVolume(f *testing.F) {
	f.Add("ebs.csi.aws.com", "vol-1", "k", "v", zone, "eu-west-3a")
	f.Add("nfs.csi.k8s.io", "x", "server", "[", "", "")
	f.Add("", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, driver, handle, attribute, value, key, code string) {
		rules := withServers()
		v := volume(csi(driver, handle, attribute, value), one(is(key, code)))
		got := rules.JudgeVolume(v, ClassVerdict{}, nil)
		if _, known := facts().drivers[driver]; !known && got.Verdict == v1alpha1.VerdictAllowed {
			t.Errorf("an unknown driver was allowed")
		}
		_ = got.Sentence()
	})
}
