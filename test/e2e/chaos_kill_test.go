package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/apiserver"
)

// errNobody means that there is nothing of the kind to kill at the moment.
var errNobody = errors.New("nobody to kill")

// patientRestarts is how often kubelet starts a container of a pod again before it makes the pod wait for minutes. Then the pod goes.
const patientRestarts = 2

// victim is a pod with a container at work.
type victim struct {
	pod       corev1.Pod
	container corev1.ContainerStatus
}

// victims are what works in pods of the selection.
func victims(ctx context.Context, options []client.ListOption) ([]victim, error) {
	pods := &corev1.PodList{}
	if err := admin.List(ctx, pods, options...); err != nil {
		return nil, err
	}
	var found []victim
	for i := range pods.Items {
		status := &pods.Items[i].Status
		for _, container := range slices.Concat(status.InitContainerStatuses, status.ContainerStatuses) {
			if container.State.Running != nil && pods.Items[i].DeletionTimestamp == nil {
				found = append(found, victim{pods.Items[i], container})
			}
		}
	}
	return found, nil
}

// murder ends a container by SIGKILL, which neither kubelet nor the pod is asked about.
func (v victim) murder(ctx context.Context) error {
	_, id, _ := strings.Cut(v.container.ContainerID, "://")
	_, err := tried(ctx, "ctr", "--address", filepath.Join(clusterState(), "containerd", "containerd.sock"), "--namespace", "k8s.io",
		"tasks", "kill", "--signal", "SIGKILL", id)
	return err
}

func (v victim) remove(ctx context.Context, grace int64) error {
	return admin.Delete(ctx, &v.pod, client.GracePeriodSeconds(grace), client.Preconditions{UID: &v.pod.UID})
}

// one draws a victim of the selection.
func one(ctx context.Context, r *rand.Rand, ns string, labels ...client.ListOption) (victim, error) {
	found, err := victims(ctx, append(labels, client.InNamespace(ns)))
	if err != nil {
		return victim{}, err
	}
	if len(found) == 0 {
		return victim{}, errNobody
	}
	return found[r.IntN(len(found))], nil
}

// killing is one way of it.
type killing struct {
	what string
	do   func(context.Context, *rand.Rand) error
}

// lostPod removes a pod of the selection at once, as the API server does with one of a lost node.
func lostPod(what, ns string, labels ...client.ListOption) killing {
	return killing{what + " pod", func(ctx context.Context, r *rand.Rand) error {
		v, err := one(ctx, r, ns, labels...)
		if err != nil {
			return err
		}
		return v.remove(ctx, 0)
	}}
}

// lostProcess kills a process. Of a pod that died often kubelet would wait for minutes: that one is replaced. A database's goes
// with its grace: two servers on one volume are nobody's promise.
func lostProcess(what, ns string, labels ...client.ListOption) killing {
	return killing{what + " process", func(ctx context.Context, r *rand.Rand) error {
		v, err := one(ctx, r, ns, labels...)
		if err != nil {
			return err
		}
		if err := v.murder(ctx); err != nil || v.container.RestartCount < patientRestarts || v.pod.Labels[v1alpha1.LabelRun] != "" {
			return err
		}
		return v.remove(ctx, 5)
	}}
}

const someBackends = "FROM pg_catalog.pg_stat_activity WHERE datname = '%s' AND pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'"

// lostSessions ends all sessions of a database.
func lostSessions(what, database string, labels ...client.ListOption) killing {
	return killing{what + " sessions", func(ctx context.Context, r *rand.Rand) error {
		v, err := one(ctx, r, demoNamespace, labels...)
		if err != nil {
			return err
		}
		ended, err := query(ctx, v.pod.Name, database, fmt.Sprintf("SELECT pg_catalog.count(*) FILTER (WHERE pg_catalog.pg_terminate_backend(pid)) "+someBackends, database))
		if err == nil && ended == "0" {
			return errNobody
		}
		return err
	}}
}

// lostBackend kills the process of a session, upon which the server ends all others and recovers.
func lostBackend(what, database string, labels ...client.ListOption) killing {
	return killing{what + " backend", func(ctx context.Context, r *rand.Rand) error {
		v, err := one(ctx, r, demoNamespace, labels...)
		if err != nil {
			return err
		}
		pids, err := query(ctx, v.pod.Name, database, fmt.Sprintf("SELECT pid "+someBackends, database))
		if err != nil {
			return err
		}
		if pids == "" {
			return errNobody
		}
		each := strings.Fields(pids)
		_, err = tried(ctx, "kubectl", "-n", demoNamespace, "exec", v.pod.Name, "-c", "postgres", "--", "sh", "-c", "kill -9 "+each[r.IntN(len(each))])
		return err
	}}
}

// lostComponent kills a component of the cluster itself, which starts again.
func lostComponent(name string) killing {
	return killing{name, func(ctx context.Context, _ *rand.Rand) error {
		_, err := tried(ctx, filepath.Join(apiserver.Root(), "hack", "kube", "restart.sh"), name)
		return err
	}}
}

func lostLease() killing {
	return killing{"lease", func(ctx context.Context, _ *rand.Rand) error {
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "rempart-operator"}}
		return admin.Patch(ctx, lease, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"holderIdentity":"","leaseDurationSeconds":1}}`)))
	}}
}

func allOperators() killing {
	return killing{"all operators", func(ctx context.Context, _ *rand.Rand) error {
		return admin.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(operatorNamespace), operatorPods, client.GracePeriodSeconds(0))
	}}
}

// killings are all ways; those of what erases come up more often.
func killings() []killing {
	runs := client.HasLabels{v1alpha1.LabelRun}
	store := client.MatchingLabels{v1alpha1.LabelStore: "crm", v1alpha1.LabelComponent: "database"}
	ledger := client.MatchingLabels{v1alpha1.LabelConsentPolicy: "chat", v1alpha1.LabelComponent: "database"}
	consentd := client.MatchingLabels{v1alpha1.LabelConsentPolicy: "chat", v1alpha1.LabelComponent: "consentd"}
	lostRun, lostEraser := lostPod("run's", demoNamespace, runs), lostProcess("run's", demoNamespace, runs)
	ways := []killing{
		lostRun, lostRun, lostRun, lostEraser, lostEraser, lostEraser,
		lostPod("operator's", operatorNamespace, operatorPods), lostProcess("operator's", operatorNamespace, operatorPods), allOperators(), lostLease(), lostLease(),
		lostSessions("store's", "crm", store), lostSessions("store's", "crm", store), lostBackend("store's", "crm", store), lostProcess("store's", demoNamespace, store),
		lostPod("consentd's", demoNamespace, consentd), lostProcess("consentd's", demoNamespace, consentd),
		lostSessions("ledger's", "consent", ledger), lostBackend("ledger's", "consent", ledger), lostProcess("ledger's", demoNamespace, ledger),
	}
	for _, name := range []string{"kube-apiserver", "etcd", "kubelet", "kube-controller-manager"} {
		ways = append(ways, lostComponent(name))
	}
	return ways
}

// kill goes on until the context ends. The seed decides what is killed and how long it waits; what is at work then, the cluster.
func (c *chaos) kill(ctx context.Context, r *rand.Rand) {
	ways := killings()
	for ctx.Err() == nil {
		pause(ctx, chaosPause/4+time.Duration(r.Int64N(int64(chaosPause*3/2))))
		way := ways[r.IntN(len(ways))]
		once, cancel := context.WithTimeout(ctx, time.Minute)
		err := way.do(once, r)
		for errors.Is(err, errNobody) && once.Err() == nil { // a run's pod lives for a second: wait for one
			pause(once, pace/5)
			err = way.do(once, r)
		}
		cancel()
		c.mutex.Lock()
		if err == nil {
			c.kills[way.what]++
		}
		c.mutex.Unlock()
		if err != nil && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "  not killed: %s: %v\n", way.what, err)
		}
	}
}
