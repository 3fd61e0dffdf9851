package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/rempart-dev/rempart/test/apiserver"
)

// kyvernoNamespace is where Kyverno keeps its certificates and settings.
const kyvernoNamespace = "kyverno-system"

// kyverno is a running admission controller of Kyverno, a second comparator. It makes its certificates and its webhook
// configurations itself.
type kyverno struct {
	process *exec.Cmd
	logs    bytes.Buffer
}

// startKyverno installs its kinds, runs the program, and gives it a policy that allows one class.
func startKyverno(ctx context.Context, server *apiserver.Server, program, folder string) (*kyverno, error) {
	if err := installKyverno(ctx, server); err != nil {
		return nil, fmt.Errorf("installing Kyverno's kinds: %w", err)
	}
	config, err := server.Kubeconfig()
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(folder, "kyverno")
	if err := os.WriteFile(kubeconfig, config, 0o600); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	k := &kyverno{process: exec.Command(program, "--kubeconfig="+kubeconfig, "--serverIP=127.0.0.1:"+port, "--webhookServerHost=127.0.0.1", "--webhookServerPort="+port,
		"--caSecretName=bench-ca", "--tlsSecretName=bench-tls", "--webhookTimeout=5", "--admissionReports=false", "--enableReporting=", "--generateValidatingAdmissionPolicy=false",
		"--generateMutatingAdmissionPolicy=false", "--omitEvents=PolicyViolation,PolicyApplied,PolicyError,PolicySkipped", "--disableMetrics", "--controllerRuntimeMetricsAddress=0",
		"--backgroundServiceAccountName=bench", "--reportsServiceAccountName=bench")}
	k.process.Env = append(os.Environ(), "KYVERNO_NAMESPACE="+kyvernoNamespace, "KYVERNO_SERVICEACCOUNT_NAME=bench", "KYVERNO_DEPLOYMENT=bench", "KYVERNO_POD_NAME=bench",
		"INIT_CONFIG=kyverno", "METRICS_CONFIG=kyverno-metrics")
	k.process.Stdout, k.process.Stderr = &k.logs, &k.logs
	if err := k.process.Start(); err != nil {
		return nil, err
	}
	if err := server.Client.Create(ctx, restrictClasses()); err != nil {
		return nil, errors.Join(fmt.Errorf("making its policy: %w", err), k.stop())
	}
	return k, nil
}

// installKyverno installs the kinds that its module defines, and the setting that it is asked about its set-up only.
func installKyverno(ctx context.Context, server *apiserver.Server) error {
	module, err := moduleOf(ctx, "kyverno", "github.com/kyverno/kyverno")
	if err != nil {
		return err
	}
	for _, kinds := range []string{"kyverno", "policies.kyverno.io", "policyreport", "reports"} {
		if _, err := envtest.InstallCRDs(server.Config, envtest.CRDInstallOptions{MaxTime: 2 * time.Minute, Paths: []string{filepath.Join(module, "config", "crds", kinds)}}); err != nil {
			return err
		}
	}
	only := `{"namespaceSelector":{"matchExpressions":[{"key":"` + setUpLabel + `","operator":"In","values":["kyverno"]}]}}`
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: kyvernoNamespace, Name: "kyverno"}, Data: map[string]string{"webhooks": only}}
	metrics := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: kyvernoNamespace, Name: "kyverno-metrics"}}
	return errors.Join(server.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: kyvernoNamespace}}), server.Client.Create(ctx, settings), server.Client.Create(ctx, metrics))
}

// moduleOf is the folder of a module that a module of its own below test/perf pins.
func moduleOf(ctx context.Context, folder, module string) (string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
	list.Dir, list.Stderr = filepath.Join(apiserver.Root(), "test", "perf", folder), os.Stderr
	out, err := list.Output()
	return strings.TrimSpace(string(out)), err
}

// restrictClasses is a policy that compares the name of a claim's class, as policies on classes do, and fails closed.
func restrictClasses() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": map[string]any{"name": "bench"},
		"spec": map[string]any{"validationFailureAction": "Enforce", "failurePolicy": "Fail", "background": false, "rules": []any{map[string]any{"name": "class",
			"match":    map[string]any{"any": []any{map[string]any{"resources": map[string]any{"kinds": []any{"PersistentVolumeClaim"}}}}},
			"validate": map[string]any{"message": "the class is not allowed", "pattern": map[string]any{"spec": map[string]any{"storageClassName": allowedClass}}}}}}}}
}

// stop ends it as Kubernetes would. It ends with an error if it could not give its lease back, which is none here.
func (k *kyverno) stop() error {
	_ = k.process.Process.Signal(syscall.SIGTERM)
	err := k.process.Wait()
	var exit *exec.ExitError
	if err == nil || (errors.As(err, &exit) && exit.ExitCode() >= 0) {
		return nil
	}
	return fmt.Errorf("the process of Kyverno ended: %w", err)
}
