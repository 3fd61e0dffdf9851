// Package database builds the PostgreSQL that Rempart runs for whoever needs one: a store of a register, the ledger of a
// consent policy. It is pure.
package database

import (
	"maps"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Port is the port of a managed PostgreSQL.
const Port = 5432

// AdminUser is the login role that owns a managed PostgreSQL.
const AdminUser = "postgres"

// Paths of the official postgres image.
const (
	pathData  = "/var/lib/postgresql/data"
	pathAdmin = "/etc/rempart/admin"
)

// Names of the database's volumes, container and port.
const (
	volumeData  = "data"
	volumeAdmin = "admin"
	postgres    = "postgres"
)

// scratch are the folders that the image writes to beside its data.
var scratch = []struct{ volume, path string }{{"tmp", "/tmp"}, {"run", "/var/run/postgresql"}}

// Managed is a PostgreSQL of one pod, and what it is called.
type Managed struct {
	// Name of the StatefulSet, the Service and the NetworkPolicy.
	Name, Namespace string
	// Identity are the labels that select the pod; they never change. Labels are all labels of the children, Identity included.
	Identity, Labels map[string]string
	Spec             *v1alpha1.ManagedStore
	// AdminSecret holds the password of AdminUser.
	AdminSecret string
	// Affinity pins the pod to allowed places; nil pins nothing.
	Affinity *corev1ac.NodeAffinityApplyConfiguration
	// Clients are the labels of the pods of the namespace that may reach the database.
	Clients map[string]string
	Owner   *metav1ac.OwnerReferenceApplyConfiguration
}

// ClaimName returns the name of the volume claim of a database.
func ClaimName(name string) string { return volumeData + "-" + name + "-0" }

// PodName returns the name of the pod of a database.
func PodName(name string) string { return name + "-0" }

// Name returns the database that is created in it.
func Name(m *v1alpha1.ManagedStore) string {
	if m.Database == "" {
		return "app"
	}
	return string(m.Database)
}

// Replicas returns 0 or 1.
func Replicas(m *v1alpha1.ManagedStore) int32 {
	if m.Replicas == nil {
		return 1
	}
	return *m.Replicas
}

// Ready tells whether a database runs and answers pg_isready, as the newest spec asks.
func Ready(live *appsv1.StatefulSet) bool {
	return live != nil && live.Status.ObservedGeneration >= live.Generation && live.Status.ReadyReplicas >= 1 &&
		live.Status.UpdatedReplicas >= 1 && (live.Status.UpdateRevision == "" || live.Status.CurrentRevision == live.Status.UpdateRevision)
}

// StatefulSet builds the database. Live is the StatefulSet as it is, nil before the first time: the template of its volume is
// immutable and stays as it was made.
func (d Managed) StatefulSet(live *appsv1.StatefulSet) *appsac.StatefulSetApplyConfiguration {
	return appsac.StatefulSet(d.Name, d.Namespace).WithLabels(d.Labels).WithOwnerReferences(d.Owner).
		WithSpec(appsac.StatefulSetSpec().
			WithReplicas(Replicas(d.Spec)).WithServiceName(d.Name).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(d.Identity)).
			WithPersistentVolumeClaimRetentionPolicy(appsac.StatefulSetPersistentVolumeClaimRetentionPolicy().
				WithWhenDeleted(retention(d.Spec.DeletionPolicy)).WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(d.Labels).WithSpec(d.pod())).
			WithVolumeClaimTemplates(d.claimTemplate(live)))
}

func retention(policy v1alpha1.DeletionPolicy) appsv1.PersistentVolumeClaimRetentionPolicyType {
	if policy == v1alpha1.DeletionDelete {
		return appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
	return appsv1.RetainPersistentVolumeClaimRetentionPolicyType
}

// claimTemplate is the live template, or the one that the spec asks for.
func (d Managed) claimTemplate(live *appsv1.StatefulSet) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	size, class, all := d.Spec.Storage.Size, string(d.Spec.Storage.StorageClassName), d.Labels
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

func (d Managed) pod() *corev1ac.PodSpecApplyConfiguration {
	user := int64(999)
	if d.Spec.RunAsUser != nil {
		user = *d.Spec.RunAsUser
	}
	pod := corev1ac.PodSpec().
		WithAutomountServiceAccountToken(false).WithEnableServiceLinks(false).WithTerminationGracePeriodSeconds(60).
		WithSecurityContext(corev1ac.PodSecurityContext().WithRunAsNonRoot(true).WithRunAsUser(user).WithRunAsGroup(user).
			WithFSGroup(user).WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(d.container()).
		WithVolumes(corev1ac.Volume().WithName(volumeAdmin).WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(d.AdminSecret).WithDefaultMode(0o440).
			WithItems(corev1ac.KeyToPath().WithKey(corev1.BasicAuthPasswordKey).WithPath(corev1.BasicAuthPasswordKey))))
	for _, folder := range scratch {
		pod.WithVolumes(corev1ac.Volume().WithName(folder.volume).WithEmptyDir(
			corev1ac.EmptyDirVolumeSource().WithSizeLimit(resource.MustParse("256Mi"))))
	}
	if d.Affinity != nil {
		pod.WithAffinity(corev1ac.Affinity().WithNodeAffinity(d.Affinity))
	}
	return pod
}

func (d Managed) container() *corev1ac.ContainerApplyConfiguration {
	port := corev1ac.TCPSocketAction().WithPort(intstr.FromInt32(Port))
	container := corev1ac.Container().WithName(postgres).WithImage(d.Spec.Image).WithImagePullPolicy(corev1.PullIfNotPresent).
		WithPorts(corev1ac.ContainerPort().WithName(postgres).WithContainerPort(Port).WithProtocol(corev1.ProtocolTCP)).
		WithEnv(
			env("POSTGRES_USER", AdminUser), env("POSTGRES_PASSWORD_FILE", pathAdmin+"/"+corev1.BasicAuthPasswordKey),
			env("POSTGRES_DB", Name(d.Spec)), env("PGDATA", pathData+"/pgdata")).
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
			WithExec(corev1ac.ExecAction().WithCommand("pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(Port), "-U", AdminUser, "-d", Name(d.Spec))))
	for _, folder := range scratch {
		container.WithVolumeMounts(corev1ac.VolumeMount().WithName(folder.volume).WithMountPath(folder.path))
	}
	if amounts := Resources(d.Spec.Resources); amounts != nil {
		container.WithResources(amounts)
	}
	return container
}

func env(name, value string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValue(value)
}

// Resources turns what a spec asks for into a container's; nil when it asks for nothing.
func Resources(r v1alpha1.StoreResources) *corev1ac.ResourceRequirementsApplyConfiguration {
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

// Service gives the database its name in the namespace.
func (d Managed) Service() *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(d.Name, d.Namespace).WithLabels(d.Labels).WithOwnerReferences(d.Owner).
		WithSpec(corev1ac.ServiceSpec().WithType(corev1.ServiceTypeClusterIP).WithSelector(d.Identity).
			WithPorts(corev1ac.ServicePort().WithName(postgres).WithProtocol(corev1.ProtocolTCP).
				WithPort(Port).WithTargetPort(intstr.FromString(postgres))))
}

// Policy lets its clients reach the database, and lets the database reach nobody.
func (d Managed) Policy() *networkingac.NetworkPolicyApplyConfiguration {
	return networkingac.NetworkPolicy(d.Name, d.Namespace).WithLabels(d.Labels).WithOwnerReferences(d.Owner).
		WithSpec(networkingac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(d.Identity)).
			WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress).
			WithIngress(networkingac.NetworkPolicyIngressRule().
				WithFrom(networkingac.NetworkPolicyPeer().WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(d.Clients))).
				WithPorts(networkingac.NetworkPolicyPort().WithProtocol(corev1.ProtocolTCP).WithPort(intstr.FromInt32(Port)))))
}
