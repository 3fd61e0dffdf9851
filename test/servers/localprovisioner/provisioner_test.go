package main

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func TestAVolumeStaysOnTheChosenNodeAndGoesWithItsClaim(t *testing.T) {
	p := &provisioner{client: fake.NewClientset(node("paris", "eu-west-3")), root: t.TempDir()}
	volume, _, err := p.Provision(t.Context(), claim("paris", "eu-west-3"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(volume.Spec.Local.Path); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, want := range volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions {
		got[want.Key] = want.Values[0]
	}
	if got[corev1.LabelHostname] != "paris" || got[corev1.LabelTopologyRegion] != "eu-west-3" {
		t.Errorf("affinity is %v", got)
	}
	if err := p.Delete(t.Context(), volume); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(volume.Spec.Local.Path); !os.IsNotExist(err) {
		t.Errorf("the directory is still there (%v)", err)
	}
}

func TestANodeOutsideTheAllowedRegionIsChosenAnew(t *testing.T) {
	p := &provisioner{client: fake.NewClientset(node("virginia", "us-east-1")), root: t.TempDir()}
	_, state, err := p.Provision(t.Context(), claim("virginia", "eu-west-3"))
	if err == nil || state != controller.ProvisioningReschedule {
		t.Errorf("state %q, error %v", state, err)
	}
}

func TestAClassThatBindsAtOnceGetsANodeOfItsRegion(t *testing.T) {
	p := &provisioner{client: fake.NewClientset(node("paris", "eu-west-3"), node("virginia", "us-east-1")), root: t.TempDir()}
	got, err := p.node(t.Context(), claim("", "us-east-1"))
	if err != nil || got.Name != "virginia" {
		t.Errorf("node %v, error %v", got, err)
	}
}

func node(name, region string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelHostname: name, corev1.LabelTopologyRegion: region, corev1.LabelTopologyZone: region + "a",
	}}}
}

func claim(node, region string) controller.ProvisionOptions {
	remove := corev1.PersistentVolumeReclaimDelete
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	return controller.ProvisionOptions{
		PVName:           "pvc-1",
		SelectedNodeName: node,
		PVC:              &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{Requests: size}}},
		StorageClass: &storagev1.StorageClass{
			ReclaimPolicy: &remove,
			AllowedTopologies: []corev1.TopologySelectorTerm{{
				MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}},
			}},
		},
	}
}
