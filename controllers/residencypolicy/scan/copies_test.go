package scan

import (
	"context"
	"errors"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/internal/residency"
)

var veleros = schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: "BackupStorageLocation"}

// follower is a bench that follows the kinds of others. Its list fails while broken is set.
type follower struct {
	*bench
	broken error
	// watching hears of each watch that stands, and of its namespace of changes.
	watching chan struct{}
}

func follow(t *testing.T, b *bench) *follower {
	t.Helper()
	f := &follower{bench: b, watching: make(chan struct{}, 10)}
	b.Copies = NewCopies(interceptor.NewClient(b.Client.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if f.broken != nil {
				return f.broken
			}
			if err := c.List(ctx, list, options...); err != nil {
				return err
			}
			list.SetResourceVersion("1") // the fake has no version of an empty list
			return nil
		},
		Watch: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
			changes, err := c.Watch(ctx, list, options...)
			context.AfterFunc(ctx, changes.Stop) // as a real one ends
			f.watching <- struct{}{}
			return changes, err
		}}))
	return f
}

// read follows every kind once, up to the watch.
func (f *follower) read(t *testing.T) {
	t.Helper()
	for _, kind := range residency.CopyKinds {
		if _, err := f.Copies.list(t.Context(), kind); err != nil {
			f.Copies.replace(kind, nil, true)
		}
	}
}

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

func (b *bench) addLocation(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	location := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"provider": "aws", "config": map[string]any{"region": "us-east-1"}}}}
	location.SetGroupVersionKind(veleros)
	location.SetNamespace("velero")
	location.SetName(name)
	location.SetUID(types.UID(name))
	if err := b.Client.Create(t.Context(), location); err != nil {
		t.Fatal(err)
	}
	return location
}

func TestKindsOfOthersAreFollowed(t *testing.T) {
	f := follow(t, newBench(t, veleros))
	f.addLocation(t, "first")
	f.read(t)
	f.pass(t)
	if f.backups() != 1 {
		t.Fatalf("%d findings of what was there", f.backups())
	}
	<-f.Copies.changed
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { f.Copies.follow(ctx, veleros) })
	<-f.watching
	second := f.addLocation(t, "second")
	<-f.Copies.changed
	f.pass(t)
	if f.backups() != 2 {
		t.Errorf("%d findings after one came", f.backups())
	}
	second.SetLabels(map[string]string{"of": "no interest"})
	if err := f.Client.Update(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if err := unstructured.SetNestedField(second.Object, "eu-west-3", "spec", "config", "region"); err != nil {
		t.Fatal(err)
	}
	if err := f.Client.Update(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	<-f.Copies.changed // the label told of nothing: this is the region
	f.pass(t)
	if f.backups() != 1 {
		t.Errorf("%d findings after one moved", f.backups())
	}
	if err := f.Client.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	<-f.Copies.changed
	stop()
	group.Wait()
}

func TestAKindThatIsNotInstalledIsNoFailureAndOneThatComesIsRead(t *testing.T) {
	f := follow(t, newBench(t))
	f.read(t)
	f.pass(t)
	if f.backups() != 0 {
		t.Error("found what is not installed")
	}
	f.mapper.Add(veleros, meta.RESTScopeNamespace)
	f.addLocation(t, "first")
	f.read(t)
	f.pass(t)
	if f.backups() != 1 {
		t.Errorf("%d findings once the kind is there", f.backups())
	}
}

func TestWhatWasReadStaysWhileAKindCannotBeRead(t *testing.T) {
	f := follow(t, newBench(t, veleros))
	f.addLocation(t, "first")
	f.read(t)
	f.addLocation(t, "second")
	f.broken = errors.New("no")
	f.Copies.follow(t.Context(), veleros)
	f.pass(t)
	if f.backups() != 1 {
		t.Errorf("%d findings while the kind cannot be read", f.backups())
	}
	f.broken = nil
	f.read(t)
	f.pass(t)
	if f.backups() != 2 {
		t.Errorf("%d findings once it can be read again", f.backups())
	}
}

// What a kind holds must not seem to be gone while it was not read: the finding would begin anew.
func TestNothingIsScannedBeforeEveryKindWasTried(t *testing.T) {
	f := follow(t, newBench(t, veleros))
	f.pass(t)
	if f.Scans.Load() != nil {
		t.Error("scanned before the kinds of others were read")
	}
	f.broken = errors.New("no")
	f.read(t)
	f.pass(t)
	if f.Scans.Load() == nil {
		t.Error("a kind that cannot be read stops the scan")
	}
}
