package scan

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/internal/residency"
)

var veleros = schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: "BackupStorageLocation"}

// backups are how many findings are about locations of Velero.
func (b *bench) backups() int {
	count := 0
	for _, scanned := range b.Scans.Load().All() {
		for i := range scanned.Findings {
			if scanned.Findings[i].Kind == veleros.Kind && scanned.Findings[i].Rule == residency.RuleDeclaredPlace {
				count++
			}
		}
	}
	return count
}

func (b *bench) addLocation(t *testing.T, name string) {
	t.Helper()
	location := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"provider": "aws", "config": map[string]any{"region": "us-east-1"}}}}
	location.SetGroupVersionKind(veleros)
	location.SetNamespace("velero")
	location.SetName(name)
	if err := b.Client.Create(t.Context(), location); err != nil {
		t.Fatal(err)
	}
}

func TestKindsOfOthersAreReadWithEachSweep(t *testing.T) {
	b := newBench(t)
	b.pass(t)
	if b.backups() != 0 {
		t.Error("found what is not installed")
	}
	b.mapper.Add(veleros, meta.RESTScopeNamespace)
	b.addLocation(t, "first")
	b.pass(t)
	if b.backups() != 0 {
		t.Error("read between two sweeps")
	}
	b.clock.SetTime(noon.Add(sweepEvery))
	b.pass(t)
	if b.backups() != 1 {
		t.Errorf("%d findings with the sweep", b.backups())
	}
	b.addLocation(t, "second")
	b.clock.SetTime(noon.Add(sweepEvery + time.Second))
	b.pass(t)
	if b.backups() != 1 {
		t.Errorf("%d findings between two sweeps", b.backups())
	}
}

func TestWhatWasReadStaysWhileAKindCannotBeRead(t *testing.T) {
	b := newBench(t, veleros)
	b.addLocation(t, "first")
	b.pass(t)
	reader, broken := b.Client, errors.New("no")
	b.Reader = interceptor.NewClient(reader.(client.WithWatch), interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		if list.GetObjectKind().GroupVersionKind().Group == veleros.Group {
			return broken
		}
		return c.List(ctx, list, options...)
	}})
	b.clock.SetTime(noon.Add(sweepEvery))
	if _, err := b.Reconcile(t.Context(), whole); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if b.backups() != 1 {
		t.Errorf("%d findings while the kind cannot be read", b.backups())
	}
	b.Reader = reader
	b.addLocation(t, "second")
	b.pass(t)
	if b.backups() != 2 {
		t.Errorf("%d findings once it can be read again", b.backups())
	}
}
