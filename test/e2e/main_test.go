// Package e2e tells the user stories on a real cluster: real kubelet, containers, PostgreSQL, mail server. The demo runs
// first, so that what it promises is tested too; the stories then go on in the cluster that it left.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/apiserver"
)

const (
	operatorNamespace = "rempart-system"
	demoNamespace     = "parley"
	// patience is how long a story waits for what the cluster does. On a busy machine that is long.
	patience = 5 * time.Minute
	pace     = 500 * time.Millisecond
	// slow is how long one request to a service in the cluster may take.
	slow = time.Minute
)

var (
	config *rest.Config
	scheme = runtime.NewScheme()
	admin  client.Client
)

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	log.SetLogger(logr.Discard())
	if os.Getenv("KUBECONFIG") == "" {
		return fmt.Errorf("KUBECONFIG is not set; run these tests by `make test-e2e`")
	}
	if os.Getenv("REMPART_SKIP_DEMO") == "" {
		demo := exec.Command(filepath.Join(apiserver.Root(), "hack", "demo", "demo.sh"))
		demo.Stdout, demo.Stderr = os.Stdout, os.Stderr
		if err := demo.Run(); err != nil {
			return fmt.Errorf("the demo failed: %w", err)
		}
	}
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	var err error
	if config, err = clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")); err != nil {
		return err
	}
	config.QPS, config.Burst = -1, -1
	config.Wrap(resend)
	admin, err = client.New(config, client.Options{Scheme: scheme})
	return err
}

// as returns a client with the rights of a user.
func as(t *testing.T, user string) client.Client {
	t.Helper()
	impersonating := rest.CopyConfig(config)
	impersonating.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	c, err := client.New(impersonating, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually polls what a test expects; see gomega's Eventually.
func eventually(t *testing.T, check func(g gomega.Gomega), timeout ...time.Duration) {
	t.Helper()
	limit := patience
	if len(timeout) > 0 {
		limit = timeout[0]
	}
	gomega.NewWithT(t).Eventually(check).WithTimeout(limit).WithPolling(pace).Should(gomega.Succeed())
}

// namespace makes a namespace that goes with the test.
func namespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "story-", Labels: labels}}
	if err := admin.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Delete(context.WithoutCancel(t.Context()), ns) })
	return ns.Name
}

// create makes an object that goes with the test.
func create[T client.Object](t *testing.T, c client.Client, object T) T {
	t.Helper()
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatalf("creating %T: %v", object, err)
	}
	t.Cleanup(func() { _ = admin.Delete(context.WithoutCancel(t.Context()), object) })
	return object
}

func get(ctx context.Context, g gomega.Gomega, object client.Object) {
	g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(object), object)).To(gomega.Succeed())
}

// output runs a program of PATH and returns what it wrote. Cleanups use it too, after the test's context has ended.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, text)
	}
	return string(text)
}
