package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/cert"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/rempart-dev/rempart/test/apiserver"
)

// gatekeeperNamespace is where Gatekeeper keeps what it says of itself.
const gatekeeperNamespace = "gatekeeper-system"

// rego is a rule that compares the name of a claim's class with a list: as much of what Rempart judges as a name tells.
const rego = `package rempartbench
violation[{"msg": msg}] {
  annotations := object.get(input.review.object.metadata, "annotations", {})
  class := object.get(annotations, "volume.beta.kubernetes.io/storage-class", object.get(input.review.object.spec, "storageClassName", ""))
  not allowed[class]
  msg := sprintf("class <%v> is not allowed", [class])
}
allowed[class] { class := input.parameters.classes[_] }`

// gatekeeper is a running Gatekeeper: the comparator's own program, in a process of its own.
type gatekeeper struct {
	process   *exec.Cmd
	port      string
	authority []byte
	logs      bytes.Buffer
}

// startGatekeeper installs its kinds, runs the program, and gives it a template with a constraint that allows one class.
func startGatekeeper(ctx context.Context, server *apiserver.Server, program, folder string) (*gatekeeper, error) {
	if err := installGatekeeper(ctx, server); err != nil {
		return nil, fmt.Errorf("installing Gatekeeper's kinds: %w", err)
	}
	folder = filepath.Join(folder, "gatekeeper")
	kubeconfig, err := server.Kubeconfig()
	if err != nil {
		return nil, err
	}
	g := &gatekeeper{}
	pair, key, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err := errors.Join(err, os.Mkdir(folder, 0o700)); err != nil {
		return nil, err
	}
	g.authority = pair
	for name, content := range map[string][]byte{"kubeconfig": kubeconfig, "tls.crt": pair, "tls.key": key, "ca.crt": pair} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	probes, err := freePort()
	if err != nil {
		return nil, err
	}
	metrics, err := freePort()
	if err != nil {
		return nil, err
	}
	if g.port, err = freePort(); err != nil {
		return nil, err
	}
	g.process = exec.Command(program, "--operation=webhook", "--operation=generate", "--operation=status", "--debug-use-fake-pod", "--disable-cert-rotation",
		"--cert-dir="+folder, "--host=127.0.0.1", "--port="+g.port, "--health-addr=127.0.0.1:"+probes, "--prometheus-port="+metrics, "--exempt-namespace="+gatekeeperNamespace,
		"--log-level=WARNING", "--shutdown-delay=0")
	g.process.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(folder, "kubeconfig"), "POD_NAMESPACE="+gatekeeperNamespace, "POD_NAME=bench")
	g.process.Stdout, g.process.Stderr = &g.logs, &g.logs
	if err := g.process.Start(); err != nil {
		return nil, err
	}
	if err := errors.Join(isReady(ctx, probes), g.constrain(ctx, server)); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting until Gatekeeper is ready: %w", err), g.stop())
	}
	return g, nil
}

// isReady waits until a program says so on a port.
func isReady(ctx context.Context, port string) error {
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 2*time.Minute, true, func(context.Context) (bool, error) {
		answer, err := http.Get("http://127.0.0.1:" + port + "/readyz")
		if err != nil {
			return false, nil
		}
		return answer.StatusCode == http.StatusOK, answer.Body.Close()
	})
}

// installGatekeeper installs the kinds that its module's manifests define.
func installGatekeeper(ctx context.Context, server *apiserver.Server) error {
	module, err := moduleOf(ctx, "gatekeeper", "github.com/open-policy-agent/gatekeeper/v3")
	if err != nil {
		return err
	}
	manifests := filepath.Join(module, "deploy", "gatekeeper.yaml")
	if _, err := envtest.InstallCRDs(server.Config, envtest.CRDInstallOptions{Paths: []string{manifests}}); err != nil {
		return err
	}
	return server.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: gatekeeperNamespace}})
}

// constrain makes the template, and, once Gatekeeper serves its kind, the constraint.
func (g *gatekeeper) constrain(ctx context.Context, server *apiserver.Server) error {
	template := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate", "metadata": map[string]any{"name": "rempartbench"},
		"spec": map[string]any{"crd": map[string]any{"spec": map[string]any{"names": map[string]any{"kind": "RempartBench"}, "validation": map[string]any{"openAPIV3Schema": map[string]any{
			"type": "object", "properties": map[string]any{"classes": map[string]any{"type": "array", "items": map[string]any{"type": "string"}}}}}}},
			"targets": []any{map[string]any{"target": "admission.k8s.gatekeeper.sh", "rego": rego}}}}}
	if err := server.Client.Create(ctx, template); err != nil {
		return err
	}
	constraint := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "RempartBench", "metadata": map[string]any{"name": "bench"},
		"spec": map[string]any{"match": map[string]any{"kinds": []any{map[string]any{"apiGroups": []any{""}, "kinds": []any{"PersistentVolumeClaim"}}}},
			"parameters": map[string]any{"classes": []any{allowedClass}}}}}
	return wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := server.Client.Create(ctx, constraint.DeepCopy())
		if meta.IsNoMatchError(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// configuration calls it about claims of its set-up, and fails closed as ours does.
func (g *gatekeeper) configuration() *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "bench-gatekeeper"}, Webhooks: []admissionregistrationv1.ValidatingWebhook{{
		Name: "validation.gatekeeper.sh", AdmissionReviewVersions: []string{"v1"}, SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone), TimeoutSeconds: ptr.To[int32](5),
		FailurePolicy: ptr.To(admissionregistrationv1.Fail), MatchPolicy: ptr.To(admissionregistrationv1.Exact),
		ClientConfig:      admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://127.0.0.1:" + g.port + "/v1/admit"), CABundle: g.authority},
		NamespaceSelector: restrict(nil, func(s setUp) bool { return s.gatekeeper }),
		Rules: []admissionregistrationv1.RuleWithOperations{{Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
			Rule: admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"persistentvolumeclaims"}}}}}}}
}

// stop ends it as Kubernetes would; its log goes into the error when it failed.
func (g *gatekeeper) stop() error {
	_ = g.process.Process.Signal(syscall.SIGTERM)
	if err := g.process.Wait(); err != nil {
		return fmt.Errorf("the comparator ended: %w: %s", err, g.logs.Bytes()[max(0, g.logs.Len()-3000):])
	}
	return nil
}
