// Package integration runs the operator's own program against a real API server that has no nodes: what it writes, and
// that it stops writing.
package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/apiserver"
)

const operatorNamespace = "rempart-system"

var (
	server  *apiserver.Server
	program string
)

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "rempart-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(folder, "operator")
	build := exec.Command("go", "build", "-o", program, "./cmd/operator")
	build.Dir, build.Stderr = apiserver.Root(), os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = apiserver.Run(m, func(s *apiserver.Server) { server = s })
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// operator is a running operator.
type operator struct {
	process *exec.Cmd
	probes  string
	logs    *os.File
	// ended is closed when the process is gone, with what was then said of it.
	ended chan struct{}
	err   error
	// stopped tells that it was asked to end.
	stopped bool
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start runs the operator and waits until it is ready. Somebody else may take a port between its choice and its use: then it is started
// again, with others.
func start(t *testing.T) *operator {
	t.Helper()
	for range 5 {
		o := launch(t)
		if o.ready() {
			t.Cleanup(func() { o.stop(t) })
			return o
		}
		_ = o.process.Process.Kill()
		<-o.ended
		t.Logf("the operator did not become ready, and ended with %v: %s", o.err, o.tail())
	}
	t.Fatal("the operator does not become ready")
	return nil
}

// ready waits until the operator is, and tells whether it came to that.
func (o *operator) ready() bool {
	tick, late := time.NewTicker(200*time.Millisecond), time.After(3*time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if answer, err := http.Get("http://" + o.probes + "/readyz"); err == nil {
				_ = answer.Body.Close()
				if answer.StatusCode == http.StatusOK {
					return true
				}
			}
		case <-o.ended:
			return false
		case <-late:
			return false
		}
	}
}

func launch(t *testing.T) *operator {
	t.Helper()
	folder := t.TempDir()
	kubeconfig, err := server.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(file, kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	logs, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	probes := freeAddress(t)
	_, port, _ := net.SplitHostPort(freeAddress(t))
	o := &operator{probes: probes, logs: logs, ended: make(chan struct{}), process: exec.Command(program, "--namespace="+operatorNamespace, "--eraser-image=eraser:test",
		"--metrics-bind-address=0", "--health-probe-bind-address="+probes, "--webhook-port="+port, "--webhook-cert-dir="+folder)}
	o.process.Env = append(os.Environ(), "KUBECONFIG="+file)
	o.process.Stdout, o.process.Stderr = logs, logs
	if err := o.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(o.ended)
		o.err = o.process.Wait()
	}()
	return o
}

// stop ends the operator as Kubernetes would, and shows its log when the test failed.
func (o *operator) stop(t *testing.T) {
	t.Helper()
	if o.stopped {
		return
	}
	o.stopped = true
	_ = o.process.Process.Signal(syscall.SIGTERM)
	<-o.ended
	if o.err != nil {
		t.Errorf("the operator ended with %v: %s", o.err, o.tail())
	}
	if t.Failed() {
		t.Log(o.tail())
	}
}

func (o *operator) tail() string {
	text, _ := os.ReadFile(o.logs.Name())
	return string(text[max(0, len(text)-6000):])
}

// samples are the objects of config/samples, and the namespaces that they need.
func samples(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	folder := filepath.Join(apiserver.Root(), "config", "samples")
	paths, err := filepath.Glob(filepath.Join(folder, "gdpr_*.yaml"))
	internal, errInternal := filepath.Glob(filepath.Join(folder, "internal", "gdpr_*.yaml"))
	if err := errors.Join(err, errInternal); err != nil || len(paths) == 0 || len(internal) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	var objects []*unstructured.Unstructured
	for _, path := range append(paths, internal...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq("\n"+string(text), "\n---") {
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if object.Object != nil {
				objects = append(objects, object)
			}
		}
	}
	return objects
}

func apply(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	namespaces := map[string]bool{operatorNamespace: true}
	for _, object := range objects {
		namespaces[object.GetNamespace()] = true
	}
	delete(namespaces, "")
	for name := range namespaces {
		if err := server.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
	certificates := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "rempart-webhook-certs"}}
	if err := server.Client.Create(t.Context(), certificates); client.IgnoreAlreadyExists(err) != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if err := server.Client.Create(t.Context(), object.DeepCopy()); client.IgnoreAlreadyExists(err) != nil {
			t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// everything returns all objects of the API server by name, but those that change by themselves.
func everything(ctx context.Context) (map[string]*unstructured.Unstructured, error) {
	found := map[string]*unstructured.Unstructured{}
	lists := []struct{ version, kind string }{
		{"v1", "Secret"}, {"v1", "ConfigMap"}, {"v1", "Service"}, {"v1", "Namespace"}, {"apps/v1", "StatefulSet"}, {"batch/v1", "Job"},
		{"networking.k8s.io/v1", "NetworkPolicy"},
	}
	for kind := range server.Scheme.KnownTypes(v1alpha1.SchemeGroupVersion) {
		if name, isList := strings.CutSuffix(kind, "List"); isList && name != "" {
			lists = append(lists, struct{ version, kind string }{v1alpha1.SchemeGroupVersion.String(), name})
		}
	}
	for _, l := range lists {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion(l.version)
		list.SetKind(l.kind + "List")
		if err := server.Client.List(ctx, list); err != nil {
			return nil, err
		}
		for i := range list.Items {
			object := &list.Items[i]
			found[fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())] = object
		}
	}
	return found, nil
}

// settled waits until each of our objects was looked at as it is and nothing was written for a while, and returns what there is.
func settled(t *testing.T) map[string]*unstructured.Unstructured {
	t.Helper()
	var last map[string]*unstructured.Unstructured
	quiet := 0
	gomega.NewWithT(t).Eventually(func() (int, error) {
		now, err := everything(t.Context())
		if err != nil {
			return 0, err
		}
		if len(difference(last, now)) == 0 && looked(now) {
			quiet++
		} else {
			quiet = 0
		}
		last = now
		return quiet, nil
	}).WithTimeout(5*time.Minute).WithPolling(500*time.Millisecond).Should(gomega.BeNumerically(">=", 16), "the operator does not come to rest")
	return last
}

// looked tells whether a controller has said something of each of our objects, as it is.
func looked(objects map[string]*unstructured.Unstructured) bool {
	for _, object := range objects {
		observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
		if object.GetAPIVersion() == v1alpha1.SchemeGroupVersion.String() && observed != object.GetGeneration() {
			return false
		}
	}
	return true
}

// difference names objects that came, went or were written.
func difference(before, after map[string]*unstructured.Unstructured) []string {
	var names []string
	for name, object := range after {
		switch old := before[name]; {
		case old == nil:
			names = append(names, name+" came")
		case old.GetResourceVersion() != object.GetResourceVersion():
			names = append(names, name+" was written")
		}
	}
	for name := range before {
		if after[name] == nil {
			names = append(names, name+" went")
		}
	}
	return names
}

func TestTheOperatorComesToRestAndARestartWritesNothing(t *testing.T) {
	apply(t, samples(t))
	first := start(t)
	before := settled(t)
	first.stop(t)

	for name, object := range before {
		if object.GetAPIVersion() != v1alpha1.SchemeGroupVersion.String() {
			continue
		}
		checkStatus(t, name, object)
	}
	for range 3 {
		again := start(t)
		after := settled(t)
		again.stop(t)
		for _, change := range difference(before, after) {
			t.Errorf("after a restart, %s", change)
		}
	}
}

func checkStatus(t *testing.T, name string, object *unstructured.Unstructured) {
	t.Helper()
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	ready := ""
	for _, entry := range conditions {
		if c, ok := entry.(map[string]any); ok && c["type"] == v1alpha1.ConditionReady {
			ready = fmt.Sprint(c["status"])
		}
	}
	observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	result, err := status.Compute(object)
	switch {
	case err != nil:
		t.Errorf("%s: %v", name, err)
	case ready == "":
		t.Errorf("%s has no condition Ready", name)
	case observed != object.GetGeneration():
		t.Errorf("%s was observed at generation %d, and is at %d", name, observed, object.GetGeneration())
	case (ready == "True") != (result.Status == status.CurrentStatus):
		t.Errorf("%s: Ready is %s, kstatus says %s", name, ready, result.Status)
	}
}
