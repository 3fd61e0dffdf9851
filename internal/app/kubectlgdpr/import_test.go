package kubectlgdpr

import (
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestAManifestOfFidesBecomesADataset(t *testing.T) {
	code, out, complaint := newShell(t, interceptor.Funcs{}).run("import", "fides", "../../register/fides/testdata/shop.yaml", "--dataset", "shop")
	if code != Answered {
		t.Fatalf("exit code %d, %s", code, complaint)
	}
	golden(t, "import.yaml", out)
	golden(t, "import.txt", complaint)
	var store v1alpha1.DataStore
	if err := yaml.UnmarshalStrict([]byte(out), &store); err != nil || store.Dataset == nil || len(store.Dataset.Tables) != 4 {
		t.Errorf("what was written is no part of a store: %v", err)
	}
}

func TestWhatCannotBeImportedIsRefusedWithWhatToDo(t *testing.T) {
	for line, want := range map[string]string{
		"import fides": "name one file, or - for standard input; 0 were named", "import fides a b": "2 were named", "verify": "name one file", "verify receipt": "name one file", "import other x": `unknown command "other"`, "import fides no-such-file": "no such file",
		"import fides testdata/register.yaml":                                      `no list "dataset"`,
		"import fides ../../register/fides/testdata/shop.yaml --dataset elsewhere": "name one of: shop",
	} {
		if code, out, complaint := newShell(t, interceptor.Funcs{}).run(strings.Fields(line)...); code != Refused || out != "" || !strings.Contains(complaint, want) {
			t.Errorf("%s: exit code %d, %s%s, want %q", line, code, out, complaint, want)
		}
	}
}
