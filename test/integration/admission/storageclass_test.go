package admission

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/expect"
)

// judgedAs waits until the status of the default policy says something of a class.
func judgedAs(t *testing.T, class string, verdict v1alpha1.PlacementVerdict, reason string) {
	t.Helper()
	expect.Eventually(t, func() error {
		policy := &v1alpha1.ResidencyPolicy{}
		if err := admin.Get(t.Context(), client.ObjectKey{Name: "eu-only"}, policy); err != nil {
			return err
		}
		for _, judged := range policy.Status.StorageClasses {
			if string(judged.Name) == class && judged.Verdict == verdict && judged.Reason == reason {
				return nil
			}
		}
		return fmt.Errorf("class %s is not %s for %s: %+v", class, verdict, reason, policy.Status.StorageClasses)
	})
}

// heard waits until claims of a class are accepted, or refused: the API server's own cache hears of what a status says with a delay.
func heard(t *testing.T, namespace, class string, accepted bool) {
	t.Helper()
	expect.Eventually(t, func() error {
		if err := admin.Create(t.Context(), claim(namespace, "probe", class), client.DryRunAll); (err == nil) != accepted {
			return fmt.Errorf("a claim of class %s: %w", class, err)
		}
		return nil
	})
}

func TestStaticClassesFollowTheVolumesThatNoClaimHas(t *testing.T) {
	newNodes(t)
	newNamespace(t, "by-hand", map[string]string{"data": "personal"})
	guarded(t, "by-hand", "true")
	expect.Accepted(t, admin.Create(t.Context(), &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "hand-made"}, Provisioner: "kubernetes.io/no-provisioner"}))
	judgedAs(t, "hand-made", "Allowed", "EachVolumeJudged")
	heard(t, "by-hand", "hand-made", true)
	expect.Accepted(t, admin.Create(t.Context(), claim("by-hand", "early", "hand-made")))

	far := localVolume("hand-made-far", "us-east-1", "", "")
	far.Spec.StorageClassName = "hand-made"
	expect.Accepted(t, admin.Create(t.Context(), far))
	judgedAs(t, "hand-made", "Denied", "ZoneNotAllowed")
	heard(t, "by-hand", "hand-made", false)
	expect.Refused(t, admin.Create(t.Context(), claim("by-hand", "late", "hand-made")), "hand-made")
	expect.Refused(t, admin.Patch(t.Context(), claim("by-hand", "early", ""), patch(`{"spec":{"volumeName":"hand-made-far"}}`)), "rule volume", "us-east-1")

	expect.Accepted(t, admin.Patch(t.Context(), far.DeepCopy(), patch(`{"spec":{"claimRef":{"namespace":"default","name":"other"}}}`)))
	judgedAs(t, "hand-made", "Allowed", "EachVolumeJudged")
	heard(t, "by-hand", "hand-made", true)
	expect.Accepted(t, admin.Create(t.Context(), claim("by-hand", "late", "hand-made")))
}

func TestOpenClassesFollowTheNodesThatRunTheirDriver(t *testing.T) {
	newNodes(t)
	expect.Accepted(t, admin.Create(t.Context(), &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "open"}, Provisioner: "ebs.csi.aws.com"}))
	judgedAs(t, "open", "Denied", "TopologyOpen")
	runs := func(node string, drivers ...string) *storagev1.CSINode {
		csiNode := &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: node}, Spec: storagev1.CSINodeSpec{Drivers: []storagev1.CSINodeDriver{}}}
		for _, driver := range drivers {
			csiNode.Spec.Drivers = append(csiNode.Spec.Drivers, storagev1.CSINodeDriver{Name: driver, NodeID: node, TopologyKeys: []string{corev1.LabelTopologyRegion}})
		}
		return csiNode
	}
	elsewhere := runs("virginia")
	expect.Accepted(t, admin.Create(t.Context(), runs("paris", "ebs.csi.aws.com")))
	expect.Accepted(t, admin.Create(t.Context(), elsewhere))
	judgedAs(t, "open", "Allowed", "Allowed")
	elsewhere.Spec = runs("virginia", "ebs.csi.aws.com").Spec
	expect.Accepted(t, admin.Update(t.Context(), elsewhere))
	judgedAs(t, "open", "Denied", "TopologyOpen")
}
