package job

import (
	"path"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	batchac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// user is the user and group of the eraser's image. fsGroup lets it read what is mounted with readable.
const user, readable = 65532, 0o440

// tokenSeconds is how long a token lives: the least that Kubernetes gives. The kubelet renews it in time.
const tokenSeconds = 600

// Names of volumes.
const (
	volumeTask     = "task"
	volumeSubjects = "subjects"
	volumeResults  = "results"
	volumeCA       = "ca"
	volumeToken    = "token"
)

// volumeOf names the volume with the credentials of a role.
func volumeOf(role task.Role) string { return "credentials-" + string(role) }

// roles are in a fixed order, so that a map of roles always gives the same Job.
var roles = []task.Role{task.Admin, task.Eraser, task.Verifier}

// Build returns the Job. It never restarts a container in place: each attempt is a new pod, ExitFatal ends the Job, and a new pod
// starts only when the old one is seen to have ended. A pod that was evicted does not count as an attempt, but for one that erases:
// it may have committed, so no other of the same Job answers in its place.
func (s Spec) Build() *batchac.JobApplyConfiguration {
	spec := batchac.JobSpec().
		WithParallelism(1).WithCompletions(1).WithSuspend(s.Suspend).WithBackoffLimit(s.BackoffLimit).
		WithPodReplacementPolicy(batchv1.Failed).WithPodFailurePolicy(s.failurePolicy()).
		WithTemplate(corev1ac.PodTemplateSpec().WithLabels(s.Labels).WithSpec(s.pod()))
	if s.Deadline > 0 {
		spec.WithActiveDeadlineSeconds(s.Deadline)
	}
	job := batchac.Job(s.Name, s.Namespace).WithLabels(s.Labels).WithSpec(spec)
	if s.Owner != nil {
		job.WithOwnerReferences(s.Owner)
	}
	return job
}

func (s Spec) failurePolicy() *batchac.PodFailurePolicyApplyConfiguration {
	policy := batchac.PodFailurePolicy().WithRules(
		batchac.PodFailurePolicyRule().WithAction(batchv1.PodFailurePolicyActionFailJob).
			WithOnExitCodes(batchac.PodFailurePolicyOnExitCodesRequirement().
				WithOperator(batchv1.PodFailurePolicyOnExitCodesOpIn).WithValues(ExitFatal)))
	if slices.ContainsFunc(s.Init, func(c Container) bool { return c.Step == task.Erase }) {
		return policy
	}
	return policy.WithRules(batchac.PodFailurePolicyRule().WithAction(batchv1.PodFailurePolicyActionIgnore).
		WithOnPodConditions(batchac.PodFailurePolicyOnPodConditionsPattern().
			WithType(corev1.DisruptionTarget).WithStatus(corev1.ConditionTrue)))
}

func (s Spec) pod() *corev1ac.PodSpecApplyConfiguration {
	pod := corev1ac.PodSpec().
		WithRestartPolicy(corev1.RestartPolicyNever).
		WithAutomountServiceAccountToken(false).WithEnableServiceLinks(false).
		WithSecurityContext(corev1ac.PodSecurityContext().WithRunAsNonRoot(true).
			WithRunAsUser(user).WithRunAsGroup(user).WithFSGroup(user).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithVolumes(s.volumes()...)
	if s.ServiceAccount != "" {
		pod.WithServiceAccountName(s.ServiceAccount)
	}
	for _, c := range s.Init {
		pod.WithInitContainers(s.container(c))
	}
	for _, c := range s.Containers {
		pod.WithContainers(s.container(c))
	}
	if s.NodeAffinity != nil {
		pod.WithAffinity(corev1ac.Affinity().WithNodeAffinity(s.NodeAffinity))
	}
	return pod
}

func (s Spec) container(c Container) *corev1ac.ContainerApplyConfiguration {
	container := corev1ac.Container().WithName(string(c.Step)).WithImage(s.Image).
		WithImagePullPolicy(corev1.PullIfNotPresent).WithArgs(string(c.Step)).
		WithTerminationMessagePath(task.Termination).WithTerminationMessagePolicy(corev1.TerminationMessageReadFile).
		WithSecurityContext(corev1ac.SecurityContext().WithAllowPrivilegeEscalation(false).WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))).
		WithResources(corev1ac.ResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")}).
			WithLimits(corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")})).
		WithVolumeMounts(s.mounts(c)...)
	return container
}

// mounts are what a step needs, and no more: one that only repeats what another found has neither task nor credentials.
func (s Spec) mounts(c Container) []*corev1ac.VolumeMountApplyConfiguration {
	if c.Step == task.Report {
		return []*corev1ac.VolumeMountApplyConfiguration{mount(volumeResults, task.Results)}
	}
	list := []*corev1ac.VolumeMountApplyConfiguration{mount(volumeTask, path.Dir(task.File))}
	for _, role := range roles {
		if _, ok := c.Roles[role]; ok {
			list = append(list, mount(volumeOf(role), path.Join(task.Credentials, string(role))))
		}
	}
	if concernsPeople(c) {
		list = append(list, mount(volumeSubjects, path.Dir(task.Subjects)))
	}
	if s.Audience != "" {
		list = append(list, mount(volumeToken, task.Token))
	}
	if s.CASecret != "" {
		list = append(list, mount(volumeCA, task.CA))
	}
	if c.Step != task.Verify && s.reports() {
		list = append(list, corev1ac.VolumeMount().WithName(volumeResults).WithMountPath(task.Results))
	}
	return list
}

func concernsPeople(c Container) bool {
	return slices.Contains([]task.Step{task.Plan, task.Erase, task.Verify}, c.Step)
}

// reports tells whether one container repeats what another could not say in its own message.
func (s Spec) reports() bool {
	return slices.ContainsFunc(s.Containers, func(c Container) bool { return c.Step == task.Report })
}

func mount(volume, at string) *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(volume).WithMountPath(at).WithReadOnly(true)
}

// volumes returns one volume per Secret. A role has one Secret in the whole pod.
func (s Spec) volumes() []*corev1ac.VolumeApplyConfiguration {
	list := []*corev1ac.VolumeApplyConfiguration{secretVolume(volumeTask, s.TaskSecret, TaskKey)}
	for _, role := range roles {
		for _, c := range slices.Concat(s.Init, s.Containers) {
			if name, ok := c.Roles[role]; ok {
				list = append(list, secretVolume(volumeOf(role), name, corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey))
				break
			}
		}
	}
	if slices.ContainsFunc(slices.Concat(s.Init, s.Containers), concernsPeople) {
		list = append(list, secretVolume(volumeSubjects, s.TaskSecret, PeopleKey))
	}
	if s.reports() {
		list = append(list, corev1ac.Volume().WithName(volumeResults).WithEmptyDir(corev1ac.EmptyDirVolumeSource().WithSizeLimit(resource.MustParse("1Mi"))))
	}
	if s.Audience != "" {
		list = append(list, corev1ac.Volume().WithName(volumeToken).WithProjected(corev1ac.ProjectedVolumeSource().WithDefaultMode(readable).
			WithSources(corev1ac.VolumeProjection().WithServiceAccountToken(corev1ac.ServiceAccountTokenProjection().
				WithAudience(s.Audience).WithExpirationSeconds(tokenSeconds).WithPath("token")))))
	}
	if s.CASecret != "" {
		list = append(list, secretVolume(volumeCA, s.CASecret, "ca.crt"))
	}
	return list
}

func secretVolume(volume, secret string, keys ...string) *corev1ac.VolumeApplyConfiguration {
	source := corev1ac.SecretVolumeSource().WithSecretName(secret).WithDefaultMode(readable)
	for _, key := range keys {
		source.WithItems(corev1ac.KeyToPath().WithKey(key).WithPath(key))
	}
	return corev1ac.Volume().WithName(volume).WithSecret(source)
}
