package scan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

// followAgain is how long after a kind of others was not served, could not be read, or stopped telling of changes it is asked
// for again. With the pause of the scan it is within a minute.
const followAgain = 30 * time.Second

// Copies follows the kinds of others that tell where copies of data are kept, as far as they are installed: it lists them
// page by page, watches them, and keeps of each object what is judged, which of most is nothing. Such objects may be many
// and large, and a cluster may lack any of the kinds, so they are not in the manager's cache.
type Copies struct {
	client client.WithWatch
	// changed hears that something else is known than before.
	changed chan event.GenericEvent

	mu    sync.Mutex
	known map[schema.GroupVersionKind]map[types.UID]residency.Copy
	// tried are the kinds that were read, or could not be.
	tried map[schema.GroupVersionKind]struct{}
}

// NewCopies follows nothing before it is started.
func NewCopies(c client.WithWatch) *Copies {
	return &Copies{client: c, changed: make(chan event.GenericEvent, 1), known: map[schema.GroupVersionKind]map[types.UID]residency.Copy{}, tried: map[schema.GroupVersionKind]struct{}{}}
}

// Start follows every kind until the context ends. It is run by the leader.
func (c *Copies) Start(ctx context.Context) error {
	var group sync.WaitGroup
	for _, kind := range residency.CopyKinds {
		group.Go(func() { wait.UntilWithContext(ctx, func(ctx context.Context) { c.follow(ctx, kind) }, followAgain) })
	}
	group.Wait()
	return nil
}

// all is what is known; false while some kind was not tried yet: what it holds would seem to be gone.
func (c *Copies) all() ([]residency.Copy, bool) {
	if c == nil {
		return nil, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []residency.Copy
	for _, kind := range residency.CopyKinds {
		all = slices.AppendSeq(all, maps.Values(c.known[kind]))
	}
	slices.SortFunc(all, func(a, b residency.Copy) int { return strings.Compare(a.UID, b.UID) })
	return all, len(c.tried) == len(residency.CopyKinds)
}

// follow reads a kind, and then each change of it, until that ends. What was known of a kind stays while it cannot be read.
func (c *Copies) follow(ctx context.Context, kind schema.GroupVersionKind) {
	version, err := c.list(ctx, kind)
	if err == nil && version != "" {
		err = c.watch(ctx, kind, version)
	}
	if err != nil && ctx.Err() == nil {
		c.replace(kind, nil, true)
		ctrl.LoggerFrom(ctx).Error(err, "Could not follow a kind of others; it is asked for again", "kind", kind)
	}
}

// list reads all objects of a kind and returns their version; an empty one where the kind is not installed.
func (c *Copies) list(ctx context.Context, kind schema.GroupVersionKind) (string, error) {
	served, err := served(c.client.RESTMapper(), kind)
	if err != nil {
		return "", err
	}
	found, version := map[types.UID]residency.Copy{}, ""
	for next := ""; served; {
		list := listOf(kind)
		err := c.client.List(ctx, list, client.Limit(page), client.Continue(next))
		if apierrors.IsNotFound(err) { // it was installed once
			break
		}
		if err != nil {
			return "", fmt.Errorf("listing %s objects: %w", kind.Kind, err)
		}
		for i := range list.Items {
			if one := residency.CopyOf(&list.Items[i]); one != nil {
				found[list.Items[i].GetUID()] = *one
			}
		}
		if next, version = list.GetContinue(), list.GetResourceVersion(); next == "" {
			break
		}
	}
	c.replace(kind, found, false)
	return version, nil
}

// watch keeps what is known of a kind as it changes, until the API server ends that, as it does every hour or so.
func (c *Copies) watch(ctx context.Context, kind schema.GroupVersionKind, version string) error {
	changes, err := c.client.Watch(ctx, listOf(kind), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true}})
	if err != nil {
		return fmt.Errorf("watching %s objects: %w", kind.Kind, err)
	}
	defer changes.Stop()
	for change := range changes.ResultChan() {
		object, is := change.Object.(*unstructured.Unstructured)
		switch {
		case change.Type == watch.Error:
			return fmt.Errorf("watching %s objects: %w", kind.Kind, apierrors.FromObject(change.Object))
		case change.Type == watch.Bookmark || !is:
		case change.Type == watch.Deleted:
			c.note(kind, object.GetUID(), nil)
		default:
			c.note(kind, object.GetUID(), residency.CopyOf(object))
		}
	}
	return nil
}

func listOf(kind schema.GroupVersionKind) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	return list
}

// replace says what is known of a kind now; kept is that it is what was known.
func (c *Copies) replace(kind schema.GroupVersionKind, found map[types.UID]residency.Copy, kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, again := c.tried[kind]
	c.tried[kind] = struct{}{}
	if kept {
		found = c.known[kind]
	}
	same := maps.Equal(found, c.known[kind])
	c.known[kind] = found
	if !again || !same {
		c.tell()
	}
}

// note says what one object tells now; nil when nothing.
func (c *Copies) note(kind schema.GroupVersionKind, uid types.UID, one *residency.Copy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, known := c.known[kind][uid]
	switch {
	case one == nil && known:
		delete(c.known[kind], uid)
	case one == nil || (known && was == *one):
		return
	default:
		c.known[kind][uid] = *one
	}
	c.tell()
}

func (c *Copies) tell() {
	select {
	case c.changed <- event.GenericEvent{Object: &v1alpha1.ResidencyPolicy{}}:
	default: // one is waiting already
	}
}
