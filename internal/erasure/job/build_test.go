package job_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestBuildWritesTheJobOfTheGoldenFile(t *testing.T) {
	cases := map[string]job.Spec{
		"execution": {
			Name: "run-1", Namespace: "shop", Labels: job.Labels("crm", "main", job.ComponentRun), Image: "eraser:1",
			Init:       []job.Container{{Step: task.Erase, Roles: map[task.Role]string{task.Eraser: "crm-main-eraser"}}},
			Containers: []job.Container{{Step: task.Verify, Roles: map[task.Role]string{task.Verifier: "crm-main-verifier"}}},
			TaskSecret: "run-1", CASecret: "roots", Suspend: true, BackoffLimit: 2,
			NodeAffinity: corev1ac.NodeAffinity(),
		},
		"large plan": {
			Name: "plan-1", Namespace: "shop", Labels: job.Labels("crm", "main", job.ComponentRun), Image: "eraser:1", TaskSecret: "plan-1",
			Init:       []job.Container{{Step: task.Plan, Roles: map[task.Role]string{task.Verifier: "crm-main-verifier"}}},
			Containers: []job.Container{{Step: task.Report}},
		},
		"consent ledger": {
			Name: "run-2", Namespace: "shop", Labels: job.LedgerLabels("crm", "chat"), Image: "eraser:1",
			Init: []job.Container{{Step: task.Erase}}, Containers: []job.Container{{Step: task.Verify}},
			TaskSecret: "run-2", ServiceAccount: "chat-consentd-eraser", Audience: "consentd",
		},
		"provisioning scan": {
			Name: "scan-1", Namespace: "shop", Labels: job.Labels("crm", "main", job.ComponentScan), Image: "eraser:1", Deadline: 300,
			Init: []job.Container{{Step: task.Provision, Roles: map[task.Role]string{
				task.Admin: "crm-main-admin", task.Eraser: "crm-main-eraser", task.Verifier: "crm-main-verifier"}}},
			Containers: []job.Container{{Step: task.Scan, Roles: map[task.Role]string{task.Verifier: "crm-main-verifier"}}},
			TaskSecret: "scan-1",
		},
	}
	for name, spec := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := yaml.Marshal(spec.Build())
			if err != nil {
				t.Fatal(err)
			}
			file := "testdata/" + name + ".golden.yaml"
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the Job differs from %s (-want +got):\n%s", file, diff)
			}
		})
	}
}
