package admission

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/test/expect"
)

// It is the last test: what it stops does not come back.
func TestZWhileTheWebhooksAreDownOnlyGuardedNamespacesFailClosed(t *testing.T) {
	newNamespace(t, "held", map[string]string{"data": "personal"})
	newNamespace(t, "open", nil)
	newNamespace(t, "watched", map[string]string{"data": "maybe"})
	guarded(t, "held", "true")
	guarded(t, "watched", "audit")
	expect.Accepted(t, admin.Create(t.Context(), claim("held", "before", "eu-fast")))
	newNodes(t)
	running, deployed := governed("held", "running"), &appsv1.Deployment{ObjectMeta: meta("held", "deployed"), Spec: appsv1.DeploymentSpec{Selector: selecting("running"), Template: templateOf(governed("held", "running"))}}
	expect.Accepted(t, admin.Create(t.Context(), running))
	expect.Accepted(t, admin.Create(t.Context(), deployed))
	expect.Accepted(t, admin.Create(t.Context(), localVolume("spare", "eu-west-3", "", "")))
	stopOperator()
	expect.Refused(t, admin.Patch(t.Context(), claim("held", "before", "eu-fast"), patch(`{"spec":{"volumeName":"spare"}}`)), "failed calling webhook")
	expect.Accepted(t, admin.Create(t.Context(), localVolume("unjudged", "us-east-1", "held", "before")))
	expect.Refused(t, admin.Create(t.Context(), &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "later"}, Provisioner: "local.rempart.dev"}), "failed calling webhook")
	expect.Accepted(t, admin.Patch(t.Context(), &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "eu-fast"}}, patch(`{"metadata":{"labels":{"a":"b"}}}`)))
	expect.Refused(t, admin.Create(t.Context(), claim("held", "data", "eu-fast")), "failed calling webhook")
	expect.Refused(t, admin.Create(t.Context(), &corev1.Pod{ObjectMeta: meta("held", "p"), Spec: podSpec("eu-fast")}), "failed calling webhook")
	stateless := podSpec("eu-fast")
	stateless.Volumes = nil
	expect.Accepted(t, admin.Create(t.Context(), &corev1.Pod{ObjectMeta: meta("held", "stateless"), Spec: stateless}))
	for _, namespace := range []string{"open", "watched"} {
		expect.Accepted(t, admin.Create(t.Context(), claim(namespace, "data", "us-fast")))
	}
	before := &corev1.PersistentVolumeClaim{}
	expect.Accepted(t, admin.Get(t.Context(), client.ObjectKey{Namespace: "held", Name: "before"}, before))
	before.Labels = map[string]string{"a": "b"}
	expect.Accepted(t, admin.Update(t.Context(), before))
	expect.Accepted(t, admin.Delete(t.Context(), before))
	expect.Refused(t, admin.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "held"}},
		client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"gdpr.rempart.dev/guarded":null}}}`))), "rule guard")

	expect.Refused(t, admin.Create(t.Context(), governed("held", "later")), "failed calling webhook")
	expect.Refused(t, admin.Create(t.Context(), governed("open", "later")), "failed calling webhook")
	expect.Accepted(t, admin.Create(t.Context(), governed("watched", "later")))
	deployed.Spec.Replicas = ptr.To[int32](0)
	expect.Accepted(t, admin.Update(t.Context(), deployed))
	unlabelled := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"gdpr.rempart.dev/register":null}}}`))
	expect.Refused(t, admin.Status().Patch(t.Context(), running.DeepCopy(), unlabelled), "failed calling webhook")
	expect.Accepted(t, admin.Patch(t.Context(), running.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`))))
	expect.Refused(t, bind(t, admin, "held", "stateless", "paris"), "failed calling webhook")
	expect.Accepted(t, bind(t, impersonating(t, "system:kube-scheduler"), "held", "stateless", "paris"))
	expect.Accepted(t, admin.Delete(t.Context(), running))
}
