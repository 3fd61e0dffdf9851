package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"k8s.io/client-go/util/cert"

	"github.com/rempart-dev/rempart/test/apiserver"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

// operator is a running operator: its program, in a process of its own.
type operator struct {
	process *exec.Cmd
	// port of the webhooks, and the authority that signed what they show.
	port      string
	authority []byte
	logs      bytes.Buffer
}

// startOperator builds the program, runs it against the server, and waits until it is ready.
func startOperator(ctx context.Context, server *apiserver.Server, folder string) (*operator, error) {
	program := filepath.Join(folder, "operator")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/operator")
	build.Dir, build.Stderr = apiserver.Root(), os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building the operator: %w", err)
	}
	kubeconfig, err := server.Kubeconfig()
	if err != nil {
		return nil, err
	}
	pair, key, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{"kubeconfig": kubeconfig, "tls.crt": pair, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	probes, err := freePort()
	if err != nil {
		return nil, err
	}
	o := &operator{authority: pair}
	if o.port, err = freePort(); err != nil {
		return nil, err
	}
	o.process = exec.Command(program, "--namespace="+operatorNamespace, "--eraser-image=eraser:bench", "--metrics-bind-address=0", "--health-probe-bind-address=127.0.0.1:"+probes,
		"--webhook-port="+o.port, "--webhook-cert-dir="+folder, "--webhook-cert-secret=")
	o.process.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(folder, "kubeconfig"))
	o.process.Stdout, o.process.Stderr = &o.logs, &o.logs
	if err := o.process.Start(); err != nil {
		return nil, err
	}
	err = isReady(ctx, probes)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting until the operator is ready: %w", err), o.stop())
	}
	return o, nil
}

// stop ends the operator as Kubernetes would; its log goes into the error when it failed.
func (o *operator) stop() error {
	_ = o.process.Process.Signal(syscall.SIGTERM)
	if err := o.process.Wait(); err != nil {
		return fmt.Errorf("the operator ended: %w: %s", err, o.logs.Bytes()[max(0, o.logs.Len()-3000):])
	}
	return nil
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// children returns the processes that this one started and that run a program of that name.
func children(program string) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, file := range files {
		name, fields, err := measure.Stat(file)
		if err != nil {
			continue // it ended meanwhile
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && name == program && fields[1] == strconv.Itoa(os.Getpid()) {
			found = append(found, pid)
		}
	}
	return found, nil
}

// spent is the processor time of processes, in user and system mode.
func spent(pids ...int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		_, fields, err := measure.Stat(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		used, err := measure.Ticks(fields[11:13])
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// resident is the memory of a process, in bytes.
func resident(pid int) (float64, error) {
	_, fields, err := measure.Stat(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(fields[21])
	return float64(pages * os.Getpagesize()), err
}
