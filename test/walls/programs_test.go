package walls

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// programs may not link these, whatever the way. A program on one side of trust must not be able to do the other's work.
var programs = map[string][]struct {
	forbidden []string
	why       string
}{
	"cmd/operator": {
		// database/sql itself comes with Prometheus' collectors; without a driver it opens nothing.
		{[]string{"github.com/jackc/pgx", "github.com/lib/pq", "github.com/go-sql-driver/mysql", "go.mongodb.org/mongo-driver", "github.com/redis/go-redis"},
			"the operator has rights in the whole cluster and must not be able to open a store of personal data: the eraser does, in a Job with one store's credentials"},
		{[]string{module + "internal/adapter/postgres"},
			"the operator has rights in the whole cluster and must not be able to open a store of personal data: the eraser does"},
	},
	"cmd/eraser": {
		{[]string{"k8s.io/client-go/rest", "k8s.io/client-go/kubernetes", "k8s.io/client-go/tools", "sigs.k8s.io/controller-runtime"},
			"the eraser sees personal data and must not be able to talk to the API server: it answers through its termination message"},
		{[]string{module + "internal/app/consentd", module + "internal/kube", module + "controllers"},
			"the eraser asks a ledger of consents over HTTP, with a token that the API server refuses; it does none of the service's or the operator's work"},
	},
	"cmd/kubectl-gdpr": {
		{[]string{"github.com/jackc/pgx", "github.com/lib/pq", "github.com/go-sql-driver/mysql", "go.mongodb.org/mongo-driver", "github.com/redis/go-redis",
			module + "internal/adapter", module + "controllers", module + "internal/webhook", "sigs.k8s.io/controller-runtime/pkg/manager"},
			"the plug-in runs with the rights of whoever calls it: it asks and answers, opens no store, and does none of the operator's work"},
	},
	"cmd/consentd": {
		{[]string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime"},
			"the consent service faces the internet and has no business with the API server: it verifies tokens offline"},
		{[]string{module + "internal/adapter/smtp", module + "internal/adapter/webhook", module + "internal/notice", "net/smtp"},
			"the consent service calls nobody but its database and the controller's mail server: a visitor's choice goes to no third party, and notifications are the operator's"},
		{[]string{module + "controllers", module + "internal/webhook", module + "internal/kube", module + "internal/erasure/plan"},
			"the consent service does none of the operator's or the eraser's work"},
	},
}

func TestProgramsLinkNothingFromTheOtherSideOfTrust(t *testing.T) {
	for program, walls := range programs {
		t.Run(program, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join("../..", program)); err != nil {
				t.Skip("not written yet")
			}
			linked := list(t, "./"+program)
			for _, wall := range walls {
				way := linked.chain(module+program, func(path string) bool { return under(path, wall.forbidden...) })
				if way != nil {
					t.Errorf("%s links %s\n  by %s\n  but %s", program, way[len(way)-1], strings.Join(way, " → "), wall.why)
				}
			}
		})
	}
}

// TestClientsLinkNoModuleButOne: what other people's programs link stays what docs/adr/0012-client-packages.md says.
func TestClientsLinkNoModuleButOne(t *testing.T) {
	for path := range list(t, "./client/...") {
		if strings.Contains(strings.SplitN(path, "/", 2)[0], ".") && !under(path, module+"client", module+"internal/consent", "github.com/google/uuid") {
			t.Errorf("client links %s", path)
		}
	}
}

// TestTheWallsAreHighEnough plants nothing: it asks for a link that is there, so that a broken search cannot pass.
func TestTheWallsAreHighEnough(t *testing.T) {
	linked := list(t, "./cmd/operator")
	if linked.chain(module+"cmd/operator", func(path string) bool { return path == "sigs.k8s.io/controller-runtime" }) == nil {
		t.Error("the search does not find that the operator links controller-runtime, so it would find nothing else either")
	}
}
