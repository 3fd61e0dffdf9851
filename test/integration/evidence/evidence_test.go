// Package evidence lets requests end on a real API server, with two operators at once that have no more rights than they are
// installed with, and verifies what they leave with the plug-in of kubectl.
package evidence

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/erasurerequest"
	"github.com/rempart-dev/rempart/internal/app/kubectlgdpr"
	"github.com/rempart-dev/rempart/internal/archive"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/subjectkey/keeper"
	"github.com/rempart-dev/rempart/test/apiserver"
)

const (
	system   = "rempart-system"
	patience = 3 * time.Minute
	// requests that end at once.
	requests = 12
)

var server *apiserver.Server

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(apiserver.Run(m, func(s *apiserver.Server) { server = s }))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// install makes the namespaces, and the roles of config/rbac that concern evidence.
func install(t *testing.T) {
	t.Helper()
	for _, name := range []string{system, "shop", "forum"} {
		must(t, server.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	}
	for _, file := range []string{"role.yaml", "role_binding.yaml", "evidence_reader_role.yaml"} {
		text, err := os.ReadFile(filepath.Join(apiserver.Root(), "config", "rbac", file))
		must(t, err)
		for document := range strings.SplitSeq("\n"+string(text), "\n---") {
			object := &unstructured.Unstructured{}
			must(t, yaml.Unmarshal([]byte(document), &object.Object))
			if object.Object != nil {
				must(t, server.Client.Create(t.Context(), object))
			}
		}
	}
}

// as is the configuration of a user.
func as(user string) *rest.Config {
	c := rest.CopyConfig(server.Config)
	c.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	return c
}

// operate runs the controller of requests with the operator's rights.
func operate(t *testing.T) {
	t.Helper()
	mgr, err := ctrl.NewManager(as("system:serviceaccount:rempart-system:rempart-operator"), ctrl.Options{Scheme: server.Scheme,
		Metrics: metricsserver.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: ptr.To(true)}})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	must(t, erasurerequest.Register(ctx, mgr, erasurerequest.Config{
		Keys:     keeper.Keeper{Reader: mgr.GetAPIReader(), Client: mgr.GetClient(), Namespace: system, Random: rand.Reader},
		Messages: notice.Erasures{}, Clock: clock.RealClock{},
		Evidence: &archive.Archive{Reader: mgr.GetAPIReader(), Client: mgr.GetClient(), Namespace: system, Random: rand.Reader},
	}))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
}

// refuse makes a request that a person refused, and was told of: it ends without a store.
func refuse(t *testing.T, namespace, name string) {
	t.Helper()
	must(t, server.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{"email": []byte(name + "-canary@example.org")}}))
	r := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	r.Spec.RequestID, r.Spec.ReceivedTime = name, ptr.To(metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second)))
	r.Spec.Subject.SecretRef.Name = v1alpha1.ObjectName(name)
	r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalLegalClaims, LegalReference: "Claim 2026/17", UntilOn: "2031-06-30"}
	r.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: r.Spec.ReceivedTime}
	must(t, server.Client.Create(t.Context(), r))
}

// plugin runs kubectl gdpr as the administrator.
func plugin(t *testing.T, line ...string) string {
	t.Helper()
	var out, complaint bytes.Buffer
	world := kubectlgdpr.World{Out: &out, Err: &complaint, Connect: func(target kubectlgdpr.Target) (kubectlgdpr.Cluster, error) {
		return kubectlgdpr.Cluster{Client: server.Client, Namespace: target.Namespace}, nil
	}}
	if code := kubectlgdpr.Main(t.Context(), line, world); code != kubectlgdpr.Answered {
		t.Fatalf("%q: exit code %d, %s%s", line, code, out.String(), complaint.String())
	}
	return out.String()
}

func TestTwoOperatorsCertifyEachRequestOnce(t *testing.T) {
	install(t)
	operate(t)
	operate(t)
	for n := range requests {
		refuse(t, []string{"shop", "forum"}[n%2], fmt.Sprintf("r%d", n))
	}
	list := &v1alpha1.ErasureRequestList{}
	gomega.NewWithT(t).Eventually(func() (int, error) {
		ready := 0
		err := server.Client.List(t.Context(), list)
		for i := range list.Items {
			if meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, v1alpha1.ConditionReady) {
				ready++
			}
		}
		return ready, err
	}).WithTimeout(patience).WithPolling(100 * time.Millisecond).Should(gomega.Equal(requests))

	folder := t.TempDir()
	if out := plugin(t, "evidence", "export", "-A", "--to", folder); !strings.Contains(out, fmt.Sprintf("%d leaves and %d certificates", requests, requests)) {
		t.Error(out)
	}
	for i := range list.Items {
		verify(t, folder, &list.Items[i])
	}
	rights(t, &list.Items[0])
	rotated(t, folder, &list.Items[0])
	answered(t)
	quiet(t)
}

// ready waits until a request has its end, after which nothing of it is written.
func ready(t *testing.T, name string) {
	t.Helper()
	gomega.NewWithT(t).Eventually(func() (bool, error) {
		r := &v1alpha1.ErasureRequest{}
		err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, r)
		return r.Status.Evidence != nil && meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionReady), err
	}).WithTimeout(patience).WithPolling(100 * time.Millisecond).Should(gomega.BeTrue())
}

// answered lets two requests end that find nothing, and says of one that the person was told (Article 12(3)). Both are over; quiet sees
// that neither is written again.
func answered(t *testing.T) {
	t.Helper()
	must(t, server.Client.Create(t.Context(), &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{
		Role: v1alpha1.RoleController, OfficerRef: v1alpha1.ClusterRef{Name: "officer"},
		Activities: []v1alpha1.ProcessingActivity{{Name: "support", Purposes: []v1alpha1.Purpose{{Name: "support", LegalBasis: v1alpha1.BasisContract}},
			DataSubjects: []string{"customers"}, DataCategories: []v1alpha1.DataCategory{{Name: "contact"}}}},
		Stores: []v1alpha1.DataStore{{Name: "main", Engine: v1alpha1.EnginePostgreSQL, Managed: &v1alpha1.ManagedStore{Image: "postgres:15",
			Storage: v1alpha1.StorageRequest{Size: resource.MustParse("1Gi"), StorageClassName: "eu-fast"}}}},
	}}))
	for _, name := range []string{"untold", "told"} {
		must(t, server.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Type: corev1.SecretTypeOpaque,
			Data: map[string][]byte{"email": []byte(name + "-canary@example.org")}}))
		r := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
		r.Spec.RequestID, r.Spec.ReceivedTime = name, ptr.To(metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second)))
		r.Spec.Subject.SecretRef.Name = v1alpha1.ObjectName(name)
		r.Spec.Execution = v1alpha1.ExecutionAutomatic // its only store has no dataset, which a person would be asked about
		must(t, server.Client.Create(t.Context(), r))
		ready(t, name)
		must(t, server.Client.Get(t.Context(), client.ObjectKeyFromObject(r), r))
		if r.Status.End != v1alpha1.EndNothingFound || !meta.IsStatusConditionFalse(r.Status.Conditions, v1alpha1.ConditionPersonInformed) {
			t.Fatalf("%s: %+v", r.Status.End, r.Status.Conditions)
		}
		if name == "untold" {
			continue
		}
		sent := fmt.Appendf(nil, `{"spec":{"answerNotice":{"sentTime":%q}}}`, time.Now().UTC().Format(time.RFC3339))
		must(t, server.Client.Patch(t.Context(), r, client.RawPatch(types.MergePatchType, sent)))
		gomega.NewWithT(t).Eventually(func() (bool, error) {
			err := server.Client.Get(t.Context(), client.ObjectKeyFromObject(r), r)
			return meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionPersonInformed) && *r.Status.ObservedGeneration == r.Generation, err
		}).WithTimeout(patience).WithPolling(100 * time.Millisecond).Should(gomega.BeTrue())
		if !meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionReady) {
			t.Errorf("%+v", r.Status.Conditions)
		}
	}
}

// rotated asks for the next key, lets two requests more end, and verifies a certificate of before with the new key alone.
func rotated(t *testing.T, folder string, before *v1alpha1.ErasureRequest) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: evidence.KeySecret(1)}}
	must(t, server.Client.Patch(t.Context(), secret, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"please"}}}`, evidence.AnnotationRotate))))
	for _, name := range []string{"second-key", "second-key-too"} {
		refuse(t, "shop", name)
		ready(t, name)
	}
	plugin(t, "evidence", "export", "-A", "--to", folder)
	text, err := os.ReadFile(filepath.Join(folder, "key.pub"))
	must(t, err)
	keys, err := evidence.ParseKeys(string(text))
	if err != nil || len(keys) != 2 {
		t.Fatalf("%s, %v", text, err)
	}
	newest := filepath.Join(t.TempDir(), "new.pub")
	must(t, os.WriteFile(newest, []byte(keys.Last().String()+"\n"), 0o600))
	out := plugin(t, "verify", filepath.Join(folder, "certificates", before.Namespace, string(before.UID)+".json"), "--key", newest, "--log", folder)
	if !strings.Contains(out, "that key was replaced since") {
		t.Error(out)
	}
}

// verify checks a certificate with its log, and with nothing but what the request's status says.
func verify(t *testing.T, folder string, r *v1alpha1.ErasureRequest) {
	t.Helper()
	file := filepath.Join(folder, "certificates", r.Namespace, string(r.UID)+".json")
	proof := filepath.Join(t.TempDir(), "proof")
	must(t, os.WriteFile(proof, []byte(r.Status.Evidence.Proof), 0o600))
	for _, log := range []string{folder, proof} {
		out := plugin(t, "verify", file, "--key", filepath.Join(folder, "key.pub"), "--log", log)
		for _, want := range []string{string(r.UID), "Refused at ", "LegalClaims", r.Status.Evidence.Digest, fmt.Sprintf("leaf %d of ", *r.Status.Evidence.LogIndex)} {
			if !strings.Contains(out, want) {
				t.Errorf("%s, want %q", out, want)
			}
		}
	}
	if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte("canary")) {
		t.Errorf("the certificate names the person, or is not there: %v", err)
	}
}

// rights checks who may read what, and that nobody changes a certificate.
func rights(t *testing.T, r *v1alpha1.ErasureRequest) {
	t.Helper()
	anybody, err := client.New(as("anybody"), client.Options{Scheme: server.Scheme})
	must(t, err)
	key, head := &corev1.ConfigMap{}, &corev1.ConfigMap{}
	must(t, anybody.Get(t.Context(), client.ObjectKey{Namespace: system, Name: evidence.PublicKeyName}, key))
	if _, err := evidence.ParsePublicKey(key.Data[evidence.PublicKeyFile]); err != nil {
		t.Error(err)
	}
	if err := anybody.Get(t.Context(), client.ObjectKey{Namespace: system, Name: evidence.HeadName}, head); !apierrors.IsForbidden(err) {
		t.Errorf("anybody reads the log: %v", err)
	}
	certificate := &corev1.ConfigMap{}
	must(t, server.Client.Get(t.Context(), client.ObjectKey{Namespace: r.Namespace, Name: string(r.Status.Evidence.CertificateRef.Name)}, certificate))
	certificate.Data[evidence.CertificateFile] = "{}"
	if err := server.Client.Update(t.Context(), certificate); !apierrors.IsInvalid(err) {
		t.Errorf("a certificate was changed: %v", err)
	}
	if len(certificate.OwnerReferences) != 1 || certificate.OwnerReferences[0].UID != r.UID {
		t.Errorf("owned by %+v", certificate.OwnerReferences)
	}
}

// quiet checks that a third operator, which sees everything for the first time, changes nothing.
func quiet(t *testing.T) {
	t.Helper()
	versions := func() map[string]string {
		found := map[string]string{}
		configs, list := &corev1.ConfigMapList{}, &v1alpha1.ErasureRequestList{}
		must(t, server.Client.List(t.Context(), configs, client.HasLabels{v1alpha1.LabelManagedBy}))
		must(t, server.Client.List(t.Context(), list))
		for i := range configs.Items {
			found[configs.Items[i].Namespace+"/"+configs.Items[i].Name] = configs.Items[i].ResourceVersion
		}
		for i := range list.Items {
			found[string(list.Items[i].UID)] = list.Items[i].ResourceVersion
		}
		return found
	}
	before := versions()
	operate(t)
	refuse(t, "shop", "last") // when it has ended, the third operator has seen the others too, or the first two have
	ready(t, "last")
	after := versions()
	for name, version := range before {
		if name != system+"/"+evidence.HeadName && after[name] != version {
			t.Errorf("%s was written again", name)
		}
	}
	if len(after) != len(before)+3 { // the request, its certificate and its leaf
		t.Errorf("%d objects, then %d", len(before), len(after))
	}
}
