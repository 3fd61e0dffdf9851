package register

import (
	"maps"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Paths of the official postgres image.
const (
	pathData  = "/var/lib/postgresql/data"
	pathAdmin = "/etc/rempart/admin"
)

// Names of the database's volumes, container and port.
const (
	volumeData  = "data"
	volumeAdmin = "admin"
	database    = "postgres"
)

// scratch are the folders that the image writes to beside its data.
var scratch = []struct{ volume, path string }{{"tmp", "/tmp"}, {"run", "/var/run/postgresql"}}

// identity labels and selects what belongs to a managed store.
func identity(register, store, component string) map[string]string {
	return map[string]string{v1alpha1.LabelRegister: register, v1alpha1.LabelStore: store, v1alpha1.LabelComponent: component}
}

// labels of a child are its identity, and who made it.
func labels(register, store, component string) map[string]string {
	all := identity(register, store, component)
	all[v1alpha1.LabelManagedBy] = v1alpha1.ManagedByRempart
	return all
}

// statefulSet builds the database of a managed store. Live is the StatefulSet as it is, nil before the first time: the
// template of its volume is immutable and stays as it was made.
func statefulSet(r *v1alpha1.DataRegister, s *v1alpha1.DataStore, regions []string, live *appsv1.StatefulSet, owner *metav1ac.OwnerReferenceApplyConfiguration) *appsac.StatefulSetApplyConfiguration {
	name, all := Name(r.Name, string(s.Name)), labels(r.Name, string(s.Name), job.ComponentDatabase)
	return appsac.StatefulSet(name, r.Namespace).WithLabels(all).WithOwnerReferences(owner).
		WithSpec(appsac.StatefulSetSpec().
			WithReplicas(replicasOf(s.Managed)).WithServiceName(name).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(identity(r.Name, string(s.Name), job.ComponentDatabase))).
			WithPersistentVolumeClaimRetentionPolicy(appsac.StatefulSetPersistentVolumeClaimRetentionPolicy().
				WithWhenDeleted(retention(s.Managed.DeletionPolicy)).WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(all).WithSpec(databasePod(r, s, regions))).
			WithVolumeClaimTemplates(claimTemplate(r, s, live)))
}

// replicasOf returns 0 or 1.
func replicasOf(m *v1alpha1.ManagedStore) int32 {
	if m.Replicas == nil {
		return 1
	}
	return *m.Replicas
}

func retention(policy v1alpha1.DeletionPolicy) appsv1.PersistentVolumeClaimRetentionPolicyType {
	if policy == v1alpha1.DeletionDelete {
		return appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
	return appsv1.RetainPersistentVolumeClaimRetentionPolicyType
}

// claimTemplate is the live template, or the one that the spec asks for.
func claimTemplate(r *v1alpha1.DataRegister, s *v1alpha1.DataStore, live *appsv1.StatefulSet) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	size, class, all := s.Managed.Storage.Size, string(s.Managed.Storage.StorageClassName), labels(r.Name, string(s.Name), job.ComponentDatabase)
	if live != nil && len(live.Spec.VolumeClaimTemplates) == 1 {
		made := live.Spec.VolumeClaimTemplates[0]
		size, all = made.Spec.Resources.Requests[corev1.ResourceStorage], maps.Clone(made.Labels)
		if made.Spec.StorageClassName != nil {
			class = *made.Spec.StorageClassName
		}
	}
	claim := corev1ac.PersistentVolumeClaim(volumeData, "").WithLabels(all).
		WithSpec(corev1ac.PersistentVolumeClaimSpec().WithAccessModes(corev1.ReadWriteOnce).
			WithVolumeMode(corev1.PersistentVolumeFilesystem).WithStorageClassName(class).
			WithResources(corev1ac.VolumeResourceRequirements().WithRequests(corev1.ResourceList{corev1.ResourceStorage: size})))
	claim.Namespace = nil
	return claim
}

func databasePod(r *v1alpha1.DataRegister, s *v1alpha1.DataStore, regions []string) *corev1ac.PodSpecApplyConfiguration {
	user := int64(999)
	if s.Managed.RunAsUser != nil {
		user = *s.Managed.RunAsUser
	}
	pod := corev1ac.PodSpec().
		WithAutomountServiceAccountToken(false).WithEnableServiceLinks(false).WithTerminationGracePeriodSeconds(60).
		WithSecurityContext(corev1ac.PodSecurityContext().WithRunAsNonRoot(true).WithRunAsUser(user).WithRunAsGroup(user).
			WithFSGroup(user).WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(databaseContainer(s.Managed)).
		WithVolumes(corev1ac.Volume().WithName(volumeAdmin).WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(SecretName(r.Name, string(s.Name), task.Admin)).WithDefaultMode(0o440).
			WithItems(corev1ac.KeyToPath().WithKey(corev1.BasicAuthPasswordKey).WithPath(corev1.BasicAuthPasswordKey))))
	for _, folder := range scratch {
		pod.WithVolumes(corev1ac.Volume().WithName(folder.volume).WithEmptyDir(
			corev1ac.EmptyDirVolumeSource().WithSizeLimit(resource.MustParse("256Mi"))))
	}
	if affinity := Affinity(regions); affinity != nil {
		pod.WithAffinity(corev1ac.Affinity().WithNodeAffinity(affinity))
	}
	return pod
}

func databaseContainer(m *v1alpha1.ManagedStore) *corev1ac.ContainerApplyConfiguration {
	port := corev1ac.TCPSocketAction().WithPort(intstr.FromInt32(Port))
	container := corev1ac.Container().WithName(database).WithImage(m.Image).WithImagePullPolicy(corev1.PullIfNotPresent).
		WithPorts(corev1ac.ContainerPort().WithName(database).WithContainerPort(Port).WithProtocol(corev1.ProtocolTCP)).
		WithEnv(
			env("POSTGRES_USER", AdminUser), env("POSTGRES_PASSWORD_FILE", pathAdmin+"/"+corev1.BasicAuthPasswordKey),
			env("POSTGRES_DB", databaseOf(m)), env("PGDATA", pathData+"/pgdata")).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName(volumeData).WithMountPath(pathData),
			corev1ac.VolumeMount().WithName(volumeAdmin).WithMountPath(pathAdmin).WithReadOnly(true)).
		WithSecurityContext(corev1ac.SecurityContext().WithAllowPrivilegeEscalation(false).WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))).
		// The first start makes the cluster of files, and the server answers on its socket only: TCP means started.
		// Recovery after a crash may be long and must not be cut off, so liveness asks for the port alone.
		WithStartupProbe(corev1ac.Probe().WithTCPSocket(port).WithPeriodSeconds(2).WithTimeoutSeconds(2).WithFailureThreshold(300)).
		WithLivenessProbe(corev1ac.Probe().WithTCPSocket(port).WithPeriodSeconds(10).WithTimeoutSeconds(5).WithFailureThreshold(6)).
		WithReadinessProbe(corev1ac.Probe().WithPeriodSeconds(5).WithTimeoutSeconds(5).WithFailureThreshold(3).
			WithExec(corev1ac.ExecAction().WithCommand("pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(Port), "-U", AdminUser, "-d", databaseOf(m))))
	for _, folder := range scratch {
		container.WithVolumeMounts(corev1ac.VolumeMount().WithName(folder.volume).WithMountPath(folder.path))
	}
	if amounts := resources(m.Resources); amounts != nil {
		container.WithResources(amounts)
	}
	return container
}

func env(name, value string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValue(value)
}

func resources(r v1alpha1.StoreResources) *corev1ac.ResourceRequirementsApplyConfiguration {
	requests, limits := amounts(r.Requests), amounts(r.Limits)
	if len(requests)+len(limits) == 0 {
		return nil
	}
	requirements := corev1ac.ResourceRequirements()
	if len(requests) > 0 {
		requirements.WithRequests(requests)
	}
	if len(limits) > 0 {
		requirements.WithLimits(limits)
	}
	return requirements
}

func amounts(a v1alpha1.ResourceAmounts) corev1.ResourceList {
	list := corev1.ResourceList{}
	if a.CPU != nil {
		list[corev1.ResourceCPU] = *a.CPU
	}
	if a.Memory != nil {
		list[corev1.ResourceMemory] = *a.Memory
	}
	return list
}

// service gives the database its name in the namespace.
func service(r *v1alpha1.DataRegister, s *v1alpha1.DataStore, owner *metav1ac.OwnerReferenceApplyConfiguration) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(Name(r.Name, string(s.Name)), r.Namespace).
		WithLabels(labels(r.Name, string(s.Name), job.ComponentDatabase)).WithOwnerReferences(owner).
		WithSpec(corev1ac.ServiceSpec().WithType(corev1.ServiceTypeClusterIP).
			WithSelector(identity(r.Name, string(s.Name), job.ComponentDatabase)).
			WithPorts(corev1ac.ServicePort().WithName(database).WithProtocol(corev1.ProtocolTCP).
				WithPort(Port).WithTargetPort(intstr.FromString(database))))
}

// DatabaseReady tells whether the database of a managed store runs and answers pg_isready, as the newest spec asks.
func DatabaseReady(live *appsv1.StatefulSet) bool {
	return live != nil && live.Status.ObservedGeneration >= live.Generation && live.Status.ReadyReplicas >= 1 &&
		live.Status.UpdatedReplicas >= 1 && (live.Status.UpdateRevision == "" || live.Status.CurrentRevision == live.Status.UpdateRevision)
}
