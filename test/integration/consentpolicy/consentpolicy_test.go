// Package consentpolicy runs the controller of ConsentPolicy against a real API server and a real consent service, with the
// samples as they are. The database and the nodes are played by the test: no kubelet runs here, and the service keeps its
// ledger in memory.
package consentpolicy

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	controller "github.com/rempart-dev/rempart/controllers/consentpolicy"
	"github.com/rempart-dev/rempart/internal/adapter/issuer"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/test/apiserver"
)

var server *apiserver.Server

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(apiserver.Run(m, func(s *apiserver.Server) { server = s }))
}

const (
	namespace         = "default" // of the samples
	operatorNamespace = "rempart-system"
	// patience is how long the test waits for the controller, which looks again every ten seconds for what no event tells of.
	patience = 45 * time.Second
)

// everywhere allows all places.
type everywhere struct{}

var paris = register.Place{Region: "eu-west-3", Country: "FR", Zone: v1alpha1.ZoneEU, Verdict: v1alpha1.VerdictAllowed}

func (everywhere) AllowedRegions(*v1alpha1.DataRegister) ([]string, error) {
	return []string{"eu-west-3"}, nil
}
func (everywhere) JudgeNode(*v1alpha1.DataRegister, *corev1.Node) register.Place { return paris }
func (everywhere) JudgeClass(*v1alpha1.DataRegister, string) register.Place      { return paris }
func (everywhere) JudgeDeclared(*v1alpha1.DataRegister, *v1alpha1.ExternalStore) register.Place {
	return paris
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, service *program) (ctrl.Manager, controller.Config) {
	t.Helper()
	mgr, err := ctrl.NewManager(server.Config, ctrl.Options{Scheme: server.Scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	must(t, err)
	api, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	must(t, err)
	config := controller.Config{Namespace: operatorNamespace, Account: consentAccount, Image: "consentd:1", Places: everywhere{}, Service: service,
		Tokens: issuer.Cluster{REST: api.RESTClient()}, Chance: rand.Reader, Clock: clock.RealClock{}}
	must(t, controller.Register(t.Context(), mgr, config))
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
	return mgr, config
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s; conditions: %+v", patience, what, live(t).Status.Conditions)
		}
	}
}

func live(t *testing.T) *v1alpha1.ConsentPolicy {
	t.Helper()
	cpol := &v1alpha1.ConsentPolicy{}
	must(t, client.IgnoreNotFound(server.Client.Get(t.Context(), key("chat"), cpol)))
	return cpol
}

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: namespace, Name: name} }

func there(t *testing.T, name string, into client.Object) func() bool {
	return func() bool { return server.Client.Get(t.Context(), key(name), into) == nil }
}

func has(t *testing.T, kind string, status metav1.ConditionStatus, reason string) func() bool {
	return func() bool {
		c := meta.FindStatusCondition(live(t).Status.Conditions, kind)
		return c != nil && c.Status == status && c.Reason == reason
	}
}

// sample creates an object of config/samples.
func sample(t *testing.T, name string, into client.Object) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(apiserver.Root(), "config", "samples", "gdpr_v1alpha1_"+name+".yaml"))
	must(t, err)
	must(t, yaml.UnmarshalStrict(text, into))
	must(t, server.Client.Create(t.Context(), into))
}

// play plays a pod of a workload, on a node in Paris.
func play(t *testing.T, name string, template corev1.PodTemplateSpec, volumes ...corev1.Volume) {
	t.Helper()
	must(t, client.IgnoreAlreadyExists(server.Client.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "paris"}})))
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: template.Labels}, Spec: *template.Spec.DeepCopy()}
	pod.Spec.NodeName = "paris"
	pod.Spec.Volumes = append(pod.Spec.Volumes, volumes...)
	must(t, server.Client.Create(t.Context(), pod))
}

// playDatabase plays the StatefulSet controller, the scheduler and the kubelet.
func playDatabase(t *testing.T) {
	t.Helper()
	database := &appsv1.StatefulSet{}
	eventually(t, "a database", there(t, "chat-ledger", database))
	template := database.Spec.VolumeClaimTemplates[0]
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data-chat-ledger-0", Namespace: namespace, Labels: template.Labels}, Spec: template.Spec}
	must(t, server.Client.Create(t.Context(), claim))
	play(t, "chat-ledger-0", database.Spec.Template, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name}}})
	database.Status = appsv1.StatefulSetStatus{ObservedGeneration: database.Generation, Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
		UpdatedReplicas: 1, CurrentReplicas: 1, CurrentRevision: "r1", UpdateRevision: "r1"}
	must(t, server.Client.Status().Update(t.Context(), database))
}

// playService plays the Deployment controller.
func playService(t *testing.T) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	eventually(t, "a service", there(t, "chat-consentd", deployment))
	play(t, "chat-consentd-x", deployment.Spec.Template)
	deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
	must(t, server.Client.Status().Update(t.Context(), deployment))
}

// versions are the resourceVersions of all that the controller writes.
func versions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, list := range []client.ObjectList{&v1alpha1.ConsentPolicyList{}, &appsv1.StatefulSetList{}, &appsv1.DeploymentList{}, &corev1.ServiceList{}, &networkingv1.NetworkPolicyList{},
		&networkingv1.IngressList{}, &policyv1.PodDisruptionBudgetList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &corev1.SecretList{}, &corev1.PersistentVolumeClaimList{}, &corev1.ConfigMapList{}} {
		must(t, server.Client.List(t.Context(), list))
		must(t, meta.EachListItem(list, func(o runtime.Object) error {
			object := o.(client.Object)
			if ns := object.GetNamespace(); ns == namespace || ns == operatorNamespace {
				all[fmt.Sprintf("%T %s", object, object.GetName())] = object.GetResourceVersion()
			}
			return nil
		}))
	}
	return all
}

func TestThePolicyOfTheSamplesBecomesReadyAndThenNothingIsWritten(t *testing.T) {
	ctx, service := t.Context(), &program{t: t}
	must(t, server.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}}))
	sample(t, "consentpolicy", &v1alpha1.ConsentPolicy{})
	mgr, config := start(t, service)
	t.Cleanup(service.end)
	eventually(t, "OfficerMissing", has(t, "Ready", metav1.ConditionFalse, v1alpha1.ReasonOfficerMissing))
	sample(t, "dataprotectionofficer", &v1alpha1.DataProtectionOfficer{})
	eventually(t, "RegisterMissing", has(t, "Ready", metav1.ConditionFalse, v1alpha1.ReasonRegisterMissing))
	sample(t, "dataregister", &v1alpha1.DataRegister{})
	playDatabase(t)
	service.start()
	playService(t)
	eventually(t, "Ready", has(t, "Ready", metav1.ConditionTrue, v1alpha1.ReasonServing))
	eventually(t, "a checkpoint and an audit", func() bool {
		return live(t).Status.Ledger != nil && has(t, "Verified", metav1.ConditionTrue, v1alpha1.ReasonAuditPassed)()
	})
	for _, kind := range []string{v1alpha1.ConditionPublished, v1alpha1.ConditionProvisioned, v1alpha1.ConditionResident, v1alpha1.ConditionProofComplete, v1alpha1.ConditionVerified} {
		if !meta.IsStatusConditionTrue(live(t).Status.Conditions, kind) {
			t.Errorf("%s is not True: %+v", kind, live(t).Status.Conditions)
		}
	}
	again := &controller.Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: events.NewFakeRecorder(100), Config: config}
	pass := func(t *testing.T) {
		t.Helper()
		if _, err := again.Reconcile(ctx, live(t)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("three more passes write nothing", func(t *testing.T) {
		pass(t) // the configuration gets the checkpoint that was kept a moment ago
		before := versions(t)
		for range 3 {
			pass(t)
		}
		if diff := cmp.Diff(before, versions(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("another signing key takes the place of the first", func(t *testing.T) {
		before, after := &corev1.Secret{}, &corev1.Secret{}
		must(t, server.Client.Get(ctx, key("chat-consentd-keys"), before))
		cpol := live(t)
		patch := client.MergeFrom(cpol.DeepCopy())
		cpol.Spec.Service.SigningKeyNumber = 2
		must(t, server.Client.Patch(ctx, cpol, patch))
		eventually(t, "another key", func() bool {
			must(t, server.Client.Get(ctx, key("chat-consentd-keys"), after))
			return after.Annotations[v1alpha1.AnnotationSigningKey] == "2"
		})
		if !bytes.Equal(after.Data["signing-before"], before.Data["signing"]) || bytes.Equal(after.Data["signing"], before.Data["signing"]) || len(after.Data["signing"]) != 32 ||
			!bytes.Equal(after.Data["kek"], before.Data["kek"]) || !bytes.Equal(after.Data["pepper"], before.Data["pepper"]) {
			t.Error("the keys are not those of before and one more")
		}
		deployment := &appsv1.Deployment{}
		eventually(t, "new pods", func() bool {
			must(t, server.Client.Get(ctx, key("chat-consentd"), deployment))
			return deployment.Generation > deployment.Status.ObservedGeneration
		})
		deployment.Status.ObservedGeneration = deployment.Generation
		must(t, server.Client.Status().Update(ctx, deployment))
		service.reload()
		eventually(t, "Ready", func() bool { pass(t); return has(t, "Ready", metav1.ConditionTrue, v1alpha1.ReasonServing)() })
		written := versions(t)
		for range 2 {
			pass(t)
		}
		if diff := cmp.Diff(written, versions(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("other keys of people and names are known before they are used", func(t *testing.T) {
		before, after := &corev1.Secret{}, &corev1.Secret{}
		must(t, server.Client.Get(ctx, key("chat-consentd-keys"), before))
		rolled := func() {
			deployment := &appsv1.Deployment{}
			eventually(t, "new pods", func() bool {
				must(t, server.Client.Get(ctx, key("chat-consentd"), deployment))
				return deployment.Generation > deployment.Status.ObservedGeneration
			})
			deployment.Status.ObservedGeneration = deployment.Generation
			must(t, server.Client.Status().Update(ctx, deployment))
			service.reload()
		}
		cpol := live(t)
		patch := client.MergeFrom(cpol.DeepCopy())
		cpol.Spec.Service.PepperNumber, cpol.Spec.Service.KEKNumber = 2, 2
		must(t, server.Client.Patch(ctx, cpol, patch))
		eventually(t, "keys beside those of now", func() bool {
			must(t, server.Client.Get(ctx, key("chat-consentd-keys"), after))
			return len(after.Data["pepper-next"]) == 32 && len(after.Data["kek-next"]) == 32
		})
		next := after.DeepCopy()
		rolled()
		eventually(t, "keys in their place", func() bool {
			pass(t)
			must(t, server.Client.Get(ctx, key("chat-consentd-keys"), after))
			return after.Annotations[v1alpha1.AnnotationPepper] == "2" && after.Annotations[v1alpha1.AnnotationKEK] == "2"
		})
		for _, name := range []string{"pepper", "kek"} {
			if !bytes.Equal(next.Data[name], before.Data[name]) || !bytes.Equal(after.Data[name], next.Data[name+"-next"]) ||
				!bytes.Equal(after.Data[name+"-before"], before.Data[name]) || after.Data[name+"-next"] != nil {
				t.Errorf("the %s is not the one that was made known, with the one of before beside it", name)
			}
		}
		rolled()
		eventually(t, "Ready", func() bool { pass(t); return has(t, "Ready", metav1.ConditionTrue, v1alpha1.ReasonServing)() })
		eventually(t, "what the keys are needed for", func() bool {
			pass(t)
			return len(live(t).Status.Keys) == 2 && has(t, v1alpha1.ConditionKeysComplete, metav1.ConditionTrue, v1alpha1.ReasonKeysThere)()
		})
		written := versions(t)
		for range 2 {
			pass(t)
		}
		if diff := cmp.Diff(written, versions(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a mail server is taken in and let go", func(t *testing.T) { mailServerIsTakenIn(t, service, pass) })
	t.Run("a Gateway takes the place of the Ingress", func(t *testing.T) { gatewayTakesThePlaceOfTheIngress(t, service, pass) })
	t.Run("the number of pods is the autoscaler's", func(t *testing.T) { podsAreTheAutoscalers(t, again) })
	t.Run("a Service that was deleted comes back", func(t *testing.T) {
		object := &corev1.Service{}
		must(t, server.Client.Get(ctx, key("chat-consentd"), object))
		must(t, server.Client.Delete(ctx, object))
		eventually(t, "the Service", there(t, "chat-consentd", &corev1.Service{}))
	})
	t.Run("a wish of the page becomes a request", func(t *testing.T) { wishBecomesRequest(t, mgr, service) })
	t.Run("a log that begins anew is said", func(t *testing.T) {
		service.start() // its memory is empty, and its keys are the same
		eventually(t, "Contradicted", func() bool {
			pass(t)
			return has(t, "Verified", metav1.ConditionFalse, v1alpha1.ReasonContradicted)()
		})
	})
	t.Run("deletion leaves the ledger and its keys", func(t *testing.T) {
		must(t, server.Client.Delete(ctx, &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: namespace}}))
		eventually(t, "the policy gone", func() bool { return !there(t, "chat", &v1alpha1.ConsentPolicy{})() })
		if there(t, "chat-consentd", &appsv1.Deployment{})() || there(t, "chat-ledger", &appsv1.StatefulSet{})() || there(t, "chat-ledger-app", &corev1.Secret{})() {
			t.Error("the service must be gone")
		}
		if !there(t, "data-chat-ledger-0", &corev1.PersistentVolumeClaim{})() || !there(t, "chat-ledger-admin", &corev1.Secret{})() || !there(t, "chat-consentd-keys", &corev1.Secret{})() {
			t.Error("volume, admin's Secret and keys must be kept")
		}
	})
}
