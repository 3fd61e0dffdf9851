package guards

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/test/apiserver"
	"github.com/rempart-dev/rempart/test/expect"
)

// eraserJob is a Job with the labels of the eraser's.
func eraserJob(namespace, name string) *batchv1.Job {
	labels := job.Labels("crm", "main", job.ComponentRun)
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}, Spec: batchv1.JobSpec{
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec()}}}
}

func podSpec() corev1.PodSpec {
	return corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "verify", Image: "eraser:1"}}}
}

// podOf is a pod as the Job controller makes it.
func podOf(j *batchv1.Job, name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: j.Namespace, Name: name, Labels: j.Spec.Template.Labels, Finalizers: []string{batchv1.JobTrackingFinalizer},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(j, batchv1.SchemeGroupVersion.WithKind("Job"))}}, Spec: podSpec()}
}

func verdict(message string) client.Patch {
	return client.RawPatch(types.MergePatchType, []byte(`{"status":{"containerStatuses":[{"name":"verify","image":"eraser:1","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":0,"message":"`+message+`"}}}]}}`))
}

// TestNobodyAnswersInTheErasersPlace: an administrator has every right that there is, and is not the Job controller.
func TestNobodyAnswersInTheErasersPlace(t *testing.T) {
	newNamespace(t, "answers", nil)
	const role = "system:masters"
	operator, jobs := impersonating(t, apiserver.OperatorUser, role), impersonating(t, "system:serviceaccount:kube-system:job-controller", role)
	kubelet, collector := impersonating(t, "system:node:one", "system:nodes", role), impersonating(t, "system:serviceaccount:kube-system:generic-garbage-collector", role)
	another, nobody := impersonating(t, "system:node:two", "system:nodes", role), impersonating(t, "system:node:", "system:nodes", role)
	rule := "rule eraser-job"

	expect.Refused(t, admin.Create(t.Context(), eraserJob("answers", "mine")), rule)
	expect.Refused(t, impersonating(t, "system:serviceaccount:kube-system:cronjob-controller", role).Create(t.Context(), eraserJob("answers", "mine")), rule)
	owned := eraserJob("answers", "er-00000001-main-g1")
	owned.Labels, owned.Spec.Template.Labels = nil, nil
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ErasureRun", Name: "run", UID: "run"}}
	expect.Refused(t, admin.Create(t.Context(), owned), rule)
	template := eraserJob("answers", "mine")
	template.Labels = nil
	expect.Refused(t, admin.Create(t.Context(), template), rule)

	for _, name := range []string{"er-00000001-main-g1", "crm-main-scan-0123456789"} { // a name alone would hold up the run
		taken := eraserJob("answers", name)
		taken.Labels, taken.Spec.Template.Labels = nil, nil
		expect.Refused(t, admin.Create(t.Context(), taken), rule)
	}

	j := eraserJob("answers", "er-00000001-main-g1")
	expect.Accepted(t, operator.Create(t.Context(), j))
	expect.Refused(t, admin.Patch(t.Context(), j.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"suspend":true}}`))), rule)
	expect.Refused(t, admin.Patch(t.Context(), j.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":null}}`))), rule)
	expect.Refused(t, admin.Status().Patch(t.Context(), j.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"active":1}}`))), rule)
	expect.Accepted(t, admin.Patch(t.Context(), j.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}}}`))))
	expect.Accepted(t, operator.Patch(t.Context(), j.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"suspend":true}}`))))
	expect.Accepted(t, jobs.Status().Patch(t.Context(), j.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"active":1}}`))))

	expect.Refused(t, admin.Create(t.Context(), podOf(j, "forged")), rule)
	expect.Refused(t, operator.Create(t.Context(), podOf(j, "forged")), rule)
	bare := podOf(j, "forged")
	bare.Labels, bare.OwnerReferences[0].Controller = nil, ptr.To(false)
	expect.Refused(t, admin.Create(t.Context(), bare), rule)
	scan := podOf(j, "forged")
	scan.Labels, scan.OwnerReferences[0].Name = nil, "crm-main-scan-0123456789"
	expect.Refused(t, admin.Create(t.Context(), scan), rule)
	plain := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "answers", Name: "plain"}, Spec: podSpec()}
	expect.Accepted(t, admin.Create(t.Context(), plain))
	expect.Refused(t, admin.Patch(t.Context(), plain, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"gdpr.rempart.dev/component":"run"}}}`))), rule)
	expect.Refused(t, admin.Status().Patch(t.Context(), plain, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"gdpr.rempart.dev/run":"x"}}}`))), rule)
	expect.Refused(t, kubelet.Status().Patch(t.Context(), plain, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"gdpr.rempart.dev/run":"x"}}}`))), rule)

	real := podOf(j, "real")
	real.Spec.NodeName = "one"
	expect.Accepted(t, jobs.Create(t.Context(), real))
	expect.Refused(t, admin.Status().Patch(t.Context(), real.DeepCopy(), verdict("forged")), rule)
	unbound := podOf(j, "unbound")
	expect.Accepted(t, jobs.Create(t.Context(), unbound))
	debug := real.DeepCopy()
	debug.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "look", Image: "busybox"}}}
	expect.Refused(t, admin.SubResource("ephemeralcontainers").Update(t.Context(), debug), rule)
	expect.Accepted(t, admin.Patch(t.Context(), real.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"network":"10.0.0.1"}}}`))))
	expect.Refused(t, another.Status().Patch(t.Context(), real.DeepCopy(), verdict("forged")), rule)
	expect.Refused(t, nobody.Status().Patch(t.Context(), unbound.DeepCopy(), verdict("forged")), rule)
	expect.Accepted(t, kubelet.Status().Patch(t.Context(), real.DeepCopy(), verdict("said")))
	expect.Refused(t, admin.Patch(t.Context(), real.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))), rule)
	expect.Accepted(t, impersonating(t, "system:kube-scheduler", role).Status().Patch(t.Context(), unbound.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"nominatedNodeName":"one"}}`))))
	expect.Accepted(t, collector.Patch(t.Context(), real.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null}}`))))
	expect.Accepted(t, jobs.Patch(t.Context(), real.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
	expect.Accepted(t, admin.Delete(t.Context(), real, client.GracePeriodSeconds(0)))
	expect.Accepted(t, admin.Delete(t.Context(), j, client.PropagationPolicy(metav1.DeletePropagationBackground)))
}

// TestOtherJobsAndPodsAreNobodysBusiness: what is not Rempart's is made and changed as ever.
func TestOtherJobsAndPodsAreNobodysBusiness(t *testing.T) {
	newNamespace(t, "others", nil)
	j := eraserJob("others", "nightly")
	j.Labels, j.Spec.Template.Labels = map[string]string{"gdpr.rempart.dev/component": "database"}, nil
	expect.Accepted(t, admin.Create(t.Context(), j))
	expect.Accepted(t, admin.Create(t.Context(), podOf(j, "nightly-x")))
	pod := podOf(j, "managed")
	pod.Labels, pod.OwnerReferences = map[string]string{"gdpr.rempart.dev/component": "database", "gdpr.rempart.dev/store": "main"}, nil
	expect.Accepted(t, admin.Create(t.Context(), pod))
	expect.Accepted(t, admin.Status().Patch(t.Context(), pod, verdict("x")))
}

// TestNobodyMakesOrChangesTheErasersTask: it says whom to erase where, and a Secret of its name that somebody else made would hold up the run.
func TestNobodyMakesOrChangesTheErasersTask(t *testing.T) {
	newNamespace(t, "tasks", nil)
	const role, rule = "system:masters", "rule eraser-job"
	operator, collector := impersonating(t, apiserver.OperatorUser, role), impersonating(t, "system:serviceaccount:kube-system:generic-garbage-collector", role)
	for _, name := range []string{"er-00000001-main-task", "crm-main-scan-0123456789"} {
		secret := func() *corev1.Secret {
			return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "tasks", Name: name}, Data: map[string][]byte{job.TaskKey: []byte("{}")}}
		}
		expect.Refused(t, admin.Create(t.Context(), secret()), rule)
		expect.Refused(t, collector.Create(t.Context(), secret()), rule)
		made := secret()
		expect.Accepted(t, operator.Create(t.Context(), made))
		for _, change := range []string{`{"data":{"task.json":"e30K"}}`, `{"immutable":true}`, `{"metadata":{"labels":{"a":"b"}}}`,
			`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Secret","name":"x","uid":"x"}]}}`} {
			expect.Refused(t, admin.Patch(t.Context(), made.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(change))), rule)
		}
		expect.Accepted(t, admin.Patch(t.Context(), made.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}}}`))))
		expect.Accepted(t, operator.Patch(t.Context(), made.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"data":{"task.json":"e30K"}}`))))
		expect.Accepted(t, admin.Delete(t.Context(), made))
	}
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "tasks", Name: "er-letters"}}
	expect.Accepted(t, admin.Create(t.Context(), other))
}
