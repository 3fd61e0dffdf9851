package walls

import (
	"slices"
	"strings"
	"testing"
)

// domain are the pure packages: they decide, from facts that they are given.
var domain = []string{"internal/breach", "internal/consent", "internal/erasure", "internal/evidence", "internal/law", "internal/notice", "internal/officer", "internal/register", "internal/residency"}

// layer is what the packages below some folders may not import themselves.
type layer struct {
	name   string
	in     func(path string) bool
	refuse func(from, to string) bool
	why    string
}

var layers = []layer{
	{
		"the API is types", func(p string) bool { return under(p, "api") },
		func(_, to string) bool {
			outside := strings.Contains(strings.SplitN(to, "/", 2)[0], ".")
			return outside && !under(to, "k8s.io/apimachinery", module+"api", "sigs.k8s.io/structured-merge-diff/v6", "k8s.io/client-go/applyconfigurations")
		},
		"every client of the API would have to link it too: stdlib and apimachinery only (generated apply configurations also client-go's)",
	},
	{
		"what others link is small", func(p string) bool { return under(p, "client") },
		func(_, to string) bool {
			outside := strings.Contains(strings.SplitN(to, "/", 2)[0], ".")
			return outside && to != module+"internal/consent" && !under(to, module+"client", module+"internal/consent/gate")
		},
		"other people's programs would have to link it too: stdlib, and the pure filter that the service has (docs/adr/0012-client-packages.md)",
	},
	{
		"decisions are pure", func(p string) bool { return under(p, domain...) },
		func(_, to string) bool {
			return slices.Contains([]string{"os", "net", "math/rand", "math/rand/v2", "crypto/rand"}, to) ||
				under(to, "net/http", "database/sql", "log", "github.com/jackc/pgx", "sigs.k8s.io/controller-runtime",
					"k8s.io/client-go/rest", "k8s.io/client-go/kubernetes", "k8s.io/client-go/tools", "k8s.io/client-go/util")
		},
		"the law lives in decisions, tested in microseconds: what they need from the world is an input",
	},
	{
		"imports point inwards", func(p string) bool { return under(p, domain...) || under(p, "internal/kube") },
		func(_, to string) bool {
			return under(to, module+"internal/adapter", module+"internal/app", module+"internal/webhook", module+"controllers")
		},
		"the domain and internal/kube are what others build on",
	},
	{
		"decisions know no reconciler's tools", func(p string) bool { return under(p, domain...) },
		func(_, to string) bool { return under(to, module+"internal/kube") },
		"internal/kube links controller-runtime",
	},
	{
		"internal/kube knows none of our kinds' rules", func(p string) bool { return under(p, "internal/kube") },
		func(_, to string) bool {
			short, is := strings.CutPrefix(to, module)
			return is && under(short, domain...)
		},
		"it is the tools of every reconciler",
	},
	{
		"controllers act through small interfaces", func(p string) bool { return under(p, "controllers") },
		func(_, to string) bool {
			return under(to, "database/sql", "github.com/jackc/pgx", "net/http", module+"internal/adapter", module+"internal/app")
		},
		"internal/app fills the interfaces that a controller declares; then its tests need no server",
	},
	{
		"one job per controller", func(p string) bool { return under(p, "controllers") },
		func(from, to string) bool {
			short, is := strings.CutPrefix(to, module+"controllers/")
			if !is || from == "controllers" {
				return false // the list of all controllers
			}
			mine, _, _ := strings.Cut(strings.TrimPrefix(from, "controllers/"), "/")
			other, _, _ := strings.Cut(short, "/")
			return other != mine
		},
		"controllers meet in the API, not in each other's code",
	},
	{
		"adapters decide nothing", func(p string) bool { return under(p, "internal/adapter") },
		func(_, to string) bool {
			return under(to, module+"controllers", module+"internal/app", module+"internal/webhook")
		},
		"an adapter speaks to one technology, for whoever asks",
	},
	{
		// What measures a program puts it together as cmd does; the product itself never imports test.
		"only cmd starts programs", func(p string) bool { return !under(p, "cmd", "internal/app", "test") },
		func(_, to string) bool { return under(to, module+"internal/app") },
		"internal/app puts a program together; nothing else may depend on how",
	},
	{
		"programs are not libraries", func(string) bool { return true },
		func(_, to string) bool { return under(to, module+"cmd") },
		"what two programs share belongs to internal",
	},
	{
		"the product runs without its tests", func(p string) bool { return !under(p, "test") },
		func(_, to string) bool { return under(to, module+"test") },
		"test code must not reach a production image",
	},
}

func TestImportsPointOneWay(t *testing.T) {
	everything := list(t, "./...")
	packages := everything.ours()
	slices.Sort(packages)
	for _, wall := range layers {
		t.Run(wall.name, func(t *testing.T) {
			for _, from := range packages {
				if !wall.in(from) {
					continue
				}
				for _, to := range everything[module+from].Imports {
					if wall.refuse(from, to) {
						t.Errorf("%s imports %s, but %s", from, to, wall.why)
					}
				}
			}
		})
	}
}

// TestEveryLayerIsThere keeps a renamed folder from emptying a wall.
func TestEveryLayerIsThere(t *testing.T) {
	packages := list(t, "./...").ours()
	for _, root := range append([]string{"api", "client", "controllers", "internal/kube", "internal/adapter", "internal/app", "internal/egress", "cmd"}, domain...) {
		if !slices.ContainsFunc(packages, func(p string) bool { return under(p, root) }) {
			t.Errorf("there is no package below %s: was it renamed? Then rename it here and in .golangci.yml too", root)
		}
	}
}
