// Package consentpolicy runs the controller of ConsentPolicy against a real API server and a real consent service, with the
// samples as they are. The database and the nodes are played by the test: no kubelet runs here, and the service keeps its
// ledger in memory.
package consentpolicy

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	controller "github.com/rempart-dev/rempart/controllers/consentpolicy"
	"github.com/rempart-dev/rempart/internal/adapter/issuer"
	"github.com/rempart-dev/rempart/internal/consent/policy"
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
	// patience is how long the test waits for the controller, which looks again every ten seconds for what no event tells of. A busy
	// machine needs several of those.
	patience = 2 * time.Minute
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

// operate runs the controller in a manager of its own, until stop is called.
func operate(t *testing.T, service *program) (config controller.Config, stop func()) {
	t.Helper()
	mgr := manager(t)
	api, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	must(t, err)
	config = controller.Config{Namespace: operatorNamespace, Account: consentAccount, Image: "consentd:1", Places: everywhere{}, Service: service,
		Own:    &issuer.Account{REST: api.RESTClient(), Namespace: operatorNamespace, Name: consentAccount, Clock: clock.RealClock{}},
		Tokens: issuer.Cluster{REST: api.RESTClient()}, Chance: rand.Reader, Clock: clock.RealClock{}}
	must(t, controller.Register(t.Context(), mgr, config))
	return config, run(t, mgr)
}

func manager(t *testing.T) ctrl.Manager {
	t.Helper()
	mgr, err := ctrl.NewManager(server.Config, ctrl.Options{Scheme: server.Scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	must(t, err)
	return mgr
}

// run runs a manager until stop is called, or the test ends.
func run(t *testing.T, mgr ctrl.Manager) (stop func()) {
	t.Helper()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- mgr.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
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

// has tells whether a condition is so, of the policy as it is now.
func has(t *testing.T, kind string, status metav1.ConditionStatus, reason string) func() bool {
	return func() bool {
		cpol := live(t)
		c := meta.FindStatusCondition(cpol.Status.Conditions, kind)
		return c != nil && c.Status == status && c.Reason == reason && ptr.Deref(cpol.Status.ObservedGeneration, -1) == cpol.Generation
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
	must(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := server.Client.Get(t.Context(), key("chat-ledger"), database); err != nil {
			return err
		}
		database.Status = appsv1.StatefulSetStatus{ObservedGeneration: database.Generation, Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
			UpdatedReplicas: 1, CurrentReplicas: 1, CurrentRevision: "r1", UpdateRevision: "r1"}
		return server.Client.Status().Update(t.Context(), database)
	}))
}

// playService plays the Deployment controller.
func playService(t *testing.T) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	eventually(t, "a service", there(t, "chat-consentd", deployment))
	play(t, "chat-consentd-x", deployment.Spec.Template)
	rollOut(t)
}

// rollOut plays the Deployment controller: the pods are those of the Deployment as it is. Nothing is written if they were.
func rollOut(t *testing.T) {
	t.Helper()
	must(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		deployment := &appsv1.Deployment{}
		if err := server.Client.Get(t.Context(), key("chat-consentd"), deployment); err != nil || deployment.Generation == deployment.Status.ObservedGeneration {
			return err
		}
		deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
		return server.Client.Status().Update(t.Context(), deployment)
	}))
}

// versions are the resourceVersions of all that the controller writes.
func versions(t *testing.T) map[string]string {
	t.Helper()
	all, routes := map[string]string{}, &unstructured.UnstructuredList{}
	routes.SetGroupVersionKind(policy.RouteKind.GroupVersion().WithKind(policy.RouteKind.Kind + "List"))
	for _, list := range []client.ObjectList{&v1alpha1.ConsentPolicyList{}, &appsv1.StatefulSetList{}, &appsv1.DeploymentList{}, &corev1.ServiceList{}, &networkingv1.NetworkPolicyList{},
		&networkingv1.IngressList{}, &policyv1.PodDisruptionBudgetList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &corev1.SecretList{}, &corev1.PersistentVolumeClaimList{}, &corev1.ConfigMapList{}, routes} {
		if err := server.Client.List(t.Context(), list); !meta.IsNoMatchError(err) { // Gateway API comes and goes
			must(t, client.IgnoreNotFound(err))
		}
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

// walker takes the steps of the controller, one by one. Nobody else takes any meanwhile: two at once would do what one never does.
type walker struct {
	*testing.T
	*controller.Reconciler
	service *program
}

// step takes one, once the operator's cache knows the Deployment as it is.
func (w *walker) step() error {
	w.Helper()
	now, cached := &appsv1.Deployment{}, &appsv1.Deployment{}
	must(w.T, client.IgnoreNotFound(server.Client.Get(w.Context(), key("chat-consentd"), now)))
	eventually(w.T, "the cache has the Deployment", func() bool {
		must(w.T, client.IgnoreNotFound(w.Client.Get(w.Context(), key("chat-consentd"), cached)))
		return cached.ResourceVersion == now.ResourceVersion
	})
	_, err := w.Reconcile(w.Context(), live(w.T))
	return err
}

func (w *walker) pass() {
	w.Helper()
	must(w.T, w.step())
}

// until takes steps until the answer is yes.
func (w *walker) until(what string, yes func() bool) {
	w.Helper()
	eventually(w.T, what, func() bool { w.pass(); return yes() })
}

// change changes what the policy asks of its service.
func (w *walker) change(edit func(*v1alpha1.ConsentService)) {
	w.Helper()
	cpol := live(w.T)
	patch := client.MergeFrom(cpol.DeepCopy())
	edit(&cpol.Spec.Service)
	must(w.T, server.Client.Patch(w.Context(), cpol, patch))
}

// newPods takes steps until the Deployment asks for other pods, and plays that they run.
func (w *walker) newPods() {
	w.Helper()
	deployment := &appsv1.Deployment{}
	w.until("new pods", func() bool {
		must(w.T, server.Client.Get(w.Context(), key("chat-consentd"), deployment))
		return deployment.Generation > deployment.Status.ObservedGeneration
	})
	rollOut(w.T)
	w.service.reload()
}

// served plays the Deployment controller and the kubelet until the policy is served as it is, and a step has nothing to write. Then no
// other has.
func (w *walker) served() {
	w.Helper()
	before := versions(w.T)
	w.until("Ready, and nothing to write", func() bool {
		ready, now := has(w.T, "Ready", metav1.ConditionTrue, v1alpha1.ReasonServing)(), versions(w.T)
		rests := maps.Equal(before, now)
		rollOut(w.T)
		w.service.reload()
		before = versions(w.T)
		return ready && rests
	})
	for range 3 {
		w.pass()
	}
	if diff := cmp.Diff(before, versions(w.T)); diff != "" {
		w.Error(diff)
	}
}

// in is the walker of a part of the test.
func (w *walker) in(part func(*walker)) func(*testing.T) {
	return func(t *testing.T) {
		part(&walker{T: t, Reconciler: w.Reconciler, service: w.service})
	}
}

func TestThePolicyOfTheSamplesBecomesReadyAndThenNothingIsWritten(t *testing.T) {
	ctx, service := t.Context(), &program{t: t}
	must(t, server.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}}))
	sample(t, "consentpolicy", &v1alpha1.ConsentPolicy{})
	config, stop := operate(t, service)
	t.Cleanup(service.end)
	eventually(t, "OfficerMissing", has(t, "Ready", metav1.ConditionFalse, v1alpha1.ReasonOfficerMissing))
	sample(t, "dataprotectionofficer", &v1alpha1.DataProtectionOfficer{})
	eventually(t, "RegisterMissing", has(t, "Ready", metav1.ConditionFalse, v1alpha1.ReasonRegisterMissing))
	sample(t, "dataregister", &v1alpha1.DataRegister{})
	playDatabase(t)
	service.start()
	playService(t)
	for kind, reason := range map[string]string{"Ready": v1alpha1.ReasonServing, v1alpha1.ConditionPublished: v1alpha1.ReasonNoticePublished,
		v1alpha1.ConditionProvisioned: v1alpha1.ReasonServiceProvisioned, v1alpha1.ConditionResident: v1alpha1.ReasonServicePlaced,
		v1alpha1.ConditionProofComplete: v1alpha1.ReasonOwnProof, v1alpha1.ConditionVerified: v1alpha1.ReasonAuditPassed} {
		eventually(t, kind, has(t, kind, metav1.ConditionTrue, reason))
	}
	eventually(t, "a checkpoint", func() bool { return live(t).Status.Ledger != nil })
	t.Run("a Service that was deleted comes back", func(t *testing.T) {
		object := &corev1.Service{}
		must(t, server.Client.Get(ctx, key("chat-consentd"), object))
		must(t, server.Client.Delete(ctx, object))
		eventually(t, "the Service", there(t, "chat-consentd", &corev1.Service{}))
	})
	stop()
	mgr := manager(t) // of a cache, and no controller
	run(t, mgr)
	again := &controller.Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: events.NewFakeRecorder(100), Config: config}
	w := &walker{T: t, Reconciler: again, service: service}
	t.Run("three more passes write nothing", w.in((*walker).served))
	t.Run("another signing key takes the place of the first", w.in(signingKeyIsReplaced))
	t.Run("other keys of people and names are known before they are used", w.in(otherKeysAreKnownFirst))
	t.Run("a mail server is taken in and let go", w.in(mailServerIsTakenIn))
	t.Run("a Gateway takes the place of the Ingress", w.in(gatewayTakesThePlaceOfTheIngress))
	t.Run("the number of pods is the autoscaler's", func(t *testing.T) { podsAreTheAutoscalers(t, again) })
	t.Run("a wish of the page becomes a request", func(t *testing.T) { wishBecomesRequest(t, mgr, service) })
	t.Run("a log that begins anew is said", w.in(func(w *walker) {
		service.start() // its memory is empty, and its keys are the same
		w.until("Contradicted", has(w.T, "Verified", metav1.ConditionFalse, v1alpha1.ReasonContradicted))
	}))
	t.Run("deletion leaves the ledger and its keys", w.in(func(w *walker) {
		must(w.T, server.Client.Delete(ctx, &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: namespace}}))
		eventually(w.T, "the policy gone", func() bool {
			gone := !there(w.T, "chat", &v1alpha1.ConsentPolicy{})()
			if !gone {
				w.pass()
			}
			return gone
		})
		if there(w.T, "chat-consentd", &appsv1.Deployment{})() || there(w.T, "chat-ledger", &appsv1.StatefulSet{})() || there(w.T, "chat-ledger-app", &corev1.Secret{})() {
			w.Error("the service must be gone")
		}
		if !there(w.T, "data-chat-ledger-0", &corev1.PersistentVolumeClaim{})() || !there(w.T, "chat-ledger-admin", &corev1.Secret{})() || !there(w.T, "chat-consentd-keys", &corev1.Secret{})() {
			w.Error("volume, admin's Secret and keys must be kept")
		}
	}))
}
