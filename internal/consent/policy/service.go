package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/place"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// Ports of the service: of its pods, of what they measure, and of its Service.
const (
	PodPort     = 8080
	MetricsPort = 9090
	ServicePort = place.Port
	portName    = "http"
)

// private are the ranges in which a cluster's Ingress controllers are: what they say of a visitor's network counts, where the policy does
// not say in which narrower ones they are.
const private = "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fc00::/7"

// Folders that the service reads.
const (
	pathPolicy   = "/etc/consentd/policy"
	pathKeys     = "/etc/consentd/keys"
	pathDatabase = "/etc/consentd/database"
	pathMarks    = "/etc/consentd/forgotten"
	pathMail     = "/etc/consentd/mail"
)

// user runs the service: that of distroless images.
const user = 65532

// readable by the pod's group alone.
const readable = 0o440

// annotationSecrets makes new pods when a Secret or the interval of checkpoints is another one: both are taken when a pod starts.
const annotationSecrets = "gdpr.rempart.dev/secrets"

// deployment builds the service.
func deployment(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) *appsac.DeploymentApplyConfiguration {
	p, one := in.Policy, intstr.FromInt32(1)
	none := intstr.FromInt32(0)
	desired := appsac.Deployment(ServiceName(p.Name), p.Namespace).WithLabels(labels(p.Name, ComponentService)).WithOwnerReferences(owner).
		WithSpec(appsac.DeploymentSpec().WithReplicas(replicas(in)).WithRevisionHistoryLimit(3).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(identity(p.Name, ComponentService))).
			WithStrategy(appsac.DeploymentStrategy().WithType(appsv1.RollingUpdateDeploymentStrategyType).
				WithRollingUpdate(appsac.RollingUpdateDeployment().WithMaxSurge(one).WithMaxUnavailable(none))).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(governed(p, labels(p.Name, ComponentService))).
				WithAnnotations(map[string]string{annotationSecrets: in.started()}).WithSpec(pod(in))))
	if scales(p) && in.Deployment != nil {
		// The number of pods was read: where the autoscaler has written another since, the write conflicts and a new pass reads it.
		desired.WithResourceVersion(in.Deployment.ResourceVersion)
	}
	return desired
}

// least is the least number of pods, most the largest.
func least(p *v1alpha1.ConsentPolicy) int32 { return max(p.Spec.Service.Replicas.Min, 1) }
func most(p *v1alpha1.ConsentPolicy) int32  { return max(p.Spec.Service.Replicas.Max, least(p)) }

// scales tells whether the number of pods follows the load.
func scales(p *v1alpha1.ConsentPolicy) bool { return most(p) > least(p) }

// replicas is the number of pods. Where it follows the load, it is what the autoscaler left, within the bounds: a field that
// is not written would fall back to one pod.
func replicas(in Input) int32 {
	if !scales(in.Policy) || in.Deployment == nil || in.Deployment.Spec.Replicas == nil {
		return least(in.Policy)
	}
	return min(max(*in.Deployment.Spec.Replicas, least(in.Policy)), most(in.Policy))
}

// started is a digest of what a pod takes when it starts: the Secrets' marks, and the interval of checkpoints.
func (in Input) started() string {
	taken := append(slices.Clip(in.Marks), strconv.Itoa(int(in.Policy.Spec.Service.CheckpointIntervalSeconds)))
	sum := sha256.Sum256([]byte(strings.Join(taken, "\n")))
	return hex.EncodeToString(sum[:8])
}

func pod(in Input) *corev1ac.PodSpecApplyConfiguration {
	p := in.Policy
	selector := metav1ac.LabelSelector().WithMatchLabels(identity(p.Name, ComponentService))
	spread := func(key string) *corev1ac.TopologySpreadConstraintApplyConfiguration {
		return corev1ac.TopologySpreadConstraint().WithMaxSkew(1).WithTopologyKey(key).
			WithWhenUnsatisfiable(corev1.ScheduleAnyway).WithLabelSelector(selector)
	}
	spec := corev1ac.PodSpec().
		WithAutomountServiceAccountToken(false).WithEnableServiceLinks(false).WithTerminationGracePeriodSeconds(30).
		WithSecurityContext(corev1ac.PodSecurityContext().WithRunAsNonRoot(true).WithRunAsUser(user).WithRunAsGroup(user).
			WithFSGroup(user).WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithTopologySpreadConstraints(spread(corev1.LabelHostname), spread(corev1.LabelTopologyZone)).
		WithInitContainers(container(in, "migrate", Roles, "migrate").WithResources(amounts(v1alpha1.StoreResources{}))).
		WithContainers(serve(in)).
		WithVolumes(volumes(in)...)
	if affinity := register.Affinity(in.Regions); affinity != nil {
		spec.WithAffinity(corev1ac.Affinity().WithNodeAffinity(affinity))
	}
	return spec
}

// serve is the container that answers. It has no administrator's credentials.
func serve(in Input) *corev1ac.ContainerApplyConfiguration {
	get := func(path string) *corev1ac.HTTPGetActionApplyConfiguration {
		return corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString(portName)).WithScheme(corev1.URISchemeHTTP)
	}
	serve := container(in, "consentd", []Role{App, Sequencer, Pruner}, serving(in.Policy)...).
		WithPorts(corev1ac.ContainerPort().WithName(portName).WithContainerPort(PodPort).WithProtocol(corev1.ProtocolTCP),
			corev1ac.ContainerPort().WithName("metrics").WithContainerPort(MetricsPort).WithProtocol(corev1.ProtocolTCP)).
		WithResources(amounts(in.Policy.Spec.Service.Resources)).
		WithVolumeMounts(mount("policy", pathPolicy), mount("keys", pathKeys), mount("forgotten", pathMarks)).
		WithStartupProbe(corev1ac.Probe().WithHTTPGet(get("/healthz")).WithPeriodSeconds(2).WithTimeoutSeconds(2).WithFailureThreshold(60)).
		WithLivenessProbe(corev1ac.Probe().WithHTTPGet(get("/healthz")).WithPeriodSeconds(10).WithTimeoutSeconds(5).WithFailureThreshold(6)).
		WithReadinessProbe(corev1ac.Probe().WithHTTPGet(get("/readyz")).WithPeriodSeconds(5).WithTimeoutSeconds(5).WithFailureThreshold(2))
	if len(mailNeeds(in.Policy.Spec.Service.Mail)) > 0 {
		serve.WithVolumeMounts(mount(volumeMail, pathMail))
	}
	return serve
}

// serving are the arguments of the container that answers.
func serving(p *v1alpha1.ConsentPolicy) []string {
	args := []string{"--config-dir=" + pathPolicy, "--keys-dir=" + pathKeys, "--forgotten-dir=" + pathMarks}
	if len(mailNeeds(p.Spec.Service.Mail)) > 0 {
		args = append(args, "--mail-dir="+pathMail)
	}
	if ranges := trusted(&p.Spec.Service); ranges != "" {
		args = append(args, "--trusted-proxies="+ranges)
	}
	if limit := p.Spec.Service.RateLimit; limit != nil {
		args = append(args, "--rate="+strconv.Itoa(int(limit.PerSecond)), "--burst="+strconv.Itoa(int(limit.Burst)))
	}
	return args
}

// trusted are the ranges of the proxies before the service; empty for none.
func trusted(s *v1alpha1.ConsentService) string {
	if len(s.TrustedProxies) == 0 {
		if s.Host == "" {
			return ""
		}
		return private
	}
	ranges := make([]string, len(s.TrustedProxies))
	for i, r := range s.TrustedProxies {
		ranges[i] = string(r)
	}
	return strings.Join(ranges, ",")
}

// container runs consentd with the credentials of some roles.
func container(in Input, name string, roles []Role, args ...string) *corev1ac.ContainerApplyConfiguration {
	c := corev1ac.Container().WithName(name).WithImage(in.Image).WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs(append(args, connection(in.Policy)...)...).
		WithTerminationMessagePath("/dev/termination-log").WithTerminationMessagePolicy(corev1.TerminationMessageReadFile).
		WithSecurityContext(corev1ac.SecurityContext().WithAllowPrivilegeEscalation(false).WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL")))
	for _, role := range roles {
		c.WithVolumeMounts(mount(volumeOf(role), path.Join(pathDatabase, string(role))))
	}
	if caSecret(in.Policy) != "" {
		c.WithVolumeMounts(mount("ca", path.Join(pathDatabase, "ca")))
	}
	return c
}

// connection says how to reach the database. Between pods that NetworkPolicies let talk, in one namespace, there is no TLS.
func connection(p *v1alpha1.ConsentPolicy) []string {
	host, port, name, mode := DatabaseName(p.Name)+"."+p.Namespace+".svc", int32(database.Port), "", v1alpha1.TLSDisable
	if c := p.Spec.Service.Database.Connection; c != nil {
		host, name, mode = c.Host, string(c.Database), c.TLS.Mode
		if c.Port != 0 {
			port = c.Port
		}
	} else {
		name = database.Name(p.Spec.Service.Database.Managed)
	}
	args := []string{"--credentials-dir=" + pathDatabase, "--database-host=" + host, "--database-port=" + strconv.Itoa(int(port)),
		"--database-name=" + name, "--database-tls=" + string(mode)}
	if caSecret(p) != "" {
		args = append(args, "--database-ca-file="+path.Join(pathDatabase, "ca", keyCA))
	}
	return args
}

// amounts are the resources that are asked for, or a little. A processor share is always asked for: the autoscaler counts in it.
func amounts(r v1alpha1.StoreResources) *corev1ac.ResourceRequirementsApplyConfiguration {
	little := func(amount string) *resource.Quantity { return ptr.To(resource.MustParse(amount)) }
	if r == (v1alpha1.StoreResources{}) {
		r.Requests.Memory, r.Limits.Memory = little("64Mi"), little("256Mi")
	}
	if r.Requests.CPU == nil && r.Limits.CPU == nil {
		r.Requests.CPU = little("50m")
	}
	return database.Resources(r)
}

func mount(volume, at string) *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(volume).WithMountPath(at).WithReadOnly(true)
}

// volumeOf names the volume with the credentials of a role.
func volumeOf(role Role) string { return "database-" + string(role) }

func volumes(in Input) []*corev1ac.VolumeApplyConfiguration {
	p := in.Policy
	list := []*corev1ac.VolumeApplyConfiguration{secretVolume("policy", ConfigName(p.Name)), keyVolume(p), marksVolume(p, in.Forgotten.Parts())}
	for _, role := range Roles {
		list = append(list, secretVolume(volumeOf(role), CredentialsOf(p, role), corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey))
	}
	if ca := caSecret(p); ca != "" {
		list = append(list, secretVolume("ca", ca, keyCA))
	}
	return append(list, mailVolumes(p.Spec.Service.Mail)...)
}

func secretVolume(volume, secret string, keys ...string) *corev1ac.VolumeApplyConfiguration {
	source := corev1ac.SecretVolumeSource().WithSecretName(secret).WithDefaultMode(readable)
	for _, key := range keys {
		source.WithItems(item(key))
	}
	return corev1ac.Volume().WithName(volume).WithSecret(source)
}

func item(key string) *corev1ac.KeyToPathApplyConfiguration {
	return corev1ac.KeyToPath().WithKey(key).WithPath(key)
}

// marksVolume has one file per part of the list of the forgotten. A pod does not start without one.
func marksVolume(p *v1alpha1.ConsentPolicy, parts int) *corev1ac.VolumeApplyConfiguration {
	projected := corev1ac.ProjectedVolumeSource().WithDefaultMode(readable)
	for part := range parts {
		file := corev1ac.KeyToPath().WithKey(keyMarks).WithPath(keyMarks + "-" + strconv.Itoa(part+1))
		projected.WithSources(corev1ac.VolumeProjection().WithSecret(corev1ac.SecretProjection().WithName(MarksName(p.Name, part+1)).WithItems(file)))
	}
	return corev1ac.Volume().WithName("forgotten").WithProjected(projected)
}

// keyVolume has one file per key, from whichever Secret it comes, and those that stand beside it where there are any.
func keyVolume(p *v1alpha1.ConsentPolicy) *corev1ac.VolumeApplyConfiguration {
	projected := corev1ac.ProjectedVolumeSource().WithDefaultMode(readable)
	for _, source := range keySources(p) {
		others := corev1ac.SecretProjection().WithName(source.secret).WithOptional(true)
		for _, entry := range besides(source.key) {
			others.WithItems(item(entry))
		}
		projected.WithSources(corev1ac.VolumeProjection().WithSecret(corev1ac.SecretProjection().WithName(source.secret).WithItems(item(source.key))),
			corev1ac.VolumeProjection().WithSecret(others))
	}
	return corev1ac.Volume().WithName("keys").WithProjected(projected)
}
