// Package apiserver starts a real kube-apiserver with the kinds of Rempart for tests that need no nodes.
package apiserver

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// patience is how long a server, or what runs beside it, may take to start or to stop.
const patience = 3 * time.Minute

// Root is the top of the repository: tests run in the folder of their package, below it.
func Root() string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "PROJECT")); err == nil {
			return folder
		}
	}
	panic("no PROJECT file above the working directory: run the tests by go test, in the repository")
}

// Server is a running API server.
type Server struct {
	Config *rest.Config
	Client client.Client // uncached, with strict field validation
	Scheme *apiruntime.Scheme
	env    *envtest.Environment
}

// Run starts a server, runs the tests of the package, stops the server and returns the exit code. Ready receives the
// server before any test.
func Run(m *testing.M, ready func(*Server)) int {
	return Prepared(m, func(s *Server) (func(), error) {
		ready(s)
		return func() {}, nil
	})
}

// Prepared is Run for tests that need more of the server than its kinds. Prepare fills it before any test, and returns what
// ends that.
func Prepared(m *testing.M, prepare func(*Server) (end func(), err error)) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "KUBEBUILDER_ASSETS is not set; run these tests by `make test-api` or `make test-integration`, which build what they need")
		return 1
	}
	log.SetLogger(logr.Discard()) // what the test's own client would say is not what is tested
	server, err := Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the API server:", err)
		return 1
	}
	code := server.run(m, prepare)
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping the API server:", err)
		return 1
	}
	return code
}

func (s *Server) run(m *testing.M, prepare func(*Server) (func(), error)) int {
	end, err := prepare(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "preparing the API server:", err)
		return 1
	}
	defer end()
	return m.Run()
}

// Stop ends the server.
func (s *Server) Stop() error { return s.env.Stop() }

// Start starts a server. The caller stops it.
func Start() (*Server, error) {
	scheme := apiruntime.NewScheme()
	for _, add := range []func(*apiruntime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(Root(), "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
		Scheme:                scheme,
		// A busy machine needs longer than the 20 seconds that are given by default.
		ControlPlaneStartTimeout: patience,
		ControlPlaneStopTimeout:  patience,
	}
	env.CRDInstallOptions.MaxTime = patience
	// Off by default: claims that name a source in another namespace. Where it is on, they are judged.
	env.ControlPlane.GetAPIServer().Configure().Append("feature-gates", "CrossNamespaceVolumeDataSource=true")
	config, err := env.Start()
	if err != nil {
		_ = env.Stop() // a server that could not be filled runs all the same
		return nil, err
	}
	config.QPS, config.Burst = -1, -1
	c, err := client.New(config, client.Options{Scheme: scheme, FieldValidation: "Strict"})
	if err != nil {
		_ = env.Stop()
		return nil, err
	}
	return &Server{Config: config, Client: c, Scheme: scheme, env: env}, nil
}

// Kubeconfig returns the configuration of an administrator of the server.
func (s *Server) Kubeconfig() ([]byte, error) {
	user, err := s.env.AddUser(envtest.User{Name: "operator", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return nil, fmt.Errorf("adding a user: %w", err)
	}
	return user.KubeConfig()
}
