package fair_test

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/internal/kube/fair"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

func object(namespace string, n int) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(n)}}
}

func TestACrowdInOneNamespaceDoesNotKeepAnotherWaiting(t *testing.T) {
	q := fair.Queue("fair", flow.Backoff()).(priorityqueue.PriorityQueue[reconcile.Request])
	defer q.ShutDown()
	q.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}, object("resync", 1))
	for n := range 10_000 {
		q.Add(object("crowd", n))
	}
	for n := range 3 {
		q.Add(object("quiet", n))
	}
	quiet, crowd, last := 0, 0, ""
	for place := range 10_004 {
		item, priority, shutdown := q.GetWithPriority()
		if shutdown {
			t.Fatal("the queue ended")
		}
		if item.Namespace == "quiet" && place > 10 {
			t.Errorf("the quiet namespace waited for %d others", place)
		}
		if want := item.Namespace == "resync"; (priority == handler.LowPriority) != want {
			t.Errorf("%s has priority %d", item, priority)
		}
		switch item.Namespace {
		case "quiet":
			quiet++
		case "crowd":
			crowd++
		}
		last = item.Namespace
		q.Done(item)
	}
	if quiet != 3 || crowd != 10_000 || last != "resync" {
		t.Errorf("%d quiet, %d of the crowd, last %s", quiet, crowd, last)
	}
}

func TestAnObjectComesOnceAndAgainAfterAWait(t *testing.T) {
	q := fair.Queue("again", flow.Backoff()).(priorityqueue.PriorityQueue[reconcile.Request])
	defer q.ShutDown()
	q.Add(object("a", 1))
	q.Add(object("a", 1))
	item, _, _ := q.GetWithPriority()
	q.Done(item)
	q.AddWithOpts(priorityqueue.AddOpts{After: time.Millisecond}, item)
	if got, _ := q.Get(); got != item {
		t.Errorf("%s came, want %s", got, item)
	}
	q.Done(item)
	if q.Len() != 0 {
		t.Errorf("%d are left", q.Len())
	}
}
