// Package fair gives a controller a work queue in which no namespace waits for another one's crowd.
package fair

import (
	"sync"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// queue is the priority queue of controller-runtime, with a priority that falls with the number of objects of the same
// namespace that wait already: the first of a quiet namespace comes before the thousandth of a crowded one. What a start or
// a resync brings stays last, as handler.LowPriority says.
type queue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	mu      sync.Mutex
	waiting map[string]map[reconcile.Request]bool // by namespace
}

// Queue is the NewQueue of a controller's options.
func Queue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	inner := priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter })
	return &queue{PriorityQueue: inner, waiting: map[string]map[reconcile.Request]bool{}}
}

// AddWithOpts adds objects. A priority of the caller counts only when it is a low one.
func (q *queue) AddWithOpts(o priorityqueue.AddOpts, items ...reconcile.Request) {
	if o.Priority != nil && *o.Priority <= handler.LowPriority {
		q.PriorityQueue.AddWithOpts(o, items...)
		return
	}
	for _, item := range items {
		o.Priority = ptr.To(q.enter(item, o.After == 0 && !o.RateLimited))
		q.PriorityQueue.AddWithOpts(o, item)
	}
}

// enter returns the priority of an object, above the low ones. One that comes later, after a wait, is not counted yet.
func (q *queue) enter(item reconcile.Request, now bool) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	crowd := q.waiting[item.Namespace]
	priority := max(-len(crowd), handler.LowPriority+1)
	if now {
		if crowd == nil {
			crowd = map[reconcile.Request]bool{}
			q.waiting[item.Namespace] = crowd
		}
		crowd[item] = true
	}
	return priority
}

// Add adds an object.
func (q *queue) Add(item reconcile.Request) { q.AddWithOpts(priorityqueue.AddOpts{}, item) }

// AddRateLimited adds an object after a failure.
func (q *queue) AddRateLimited(item reconcile.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, item)
}

// GetWithPriority waits for the next object. The priority is low or 0: the place in a crowd is not the object's own.
func (q *queue) GetWithPriority() (reconcile.Request, int, bool) {
	item, priority, shutdown := q.PriorityQueue.GetWithPriority()
	q.mu.Lock()
	defer q.mu.Unlock()
	if crowd := q.waiting[item.Namespace]; crowd != nil {
		if delete(crowd, item); len(crowd) == 0 {
			delete(q.waiting, item.Namespace)
		}
	}
	if priority > handler.LowPriority {
		priority = 0
	}
	return item, priority, shutdown
}

// Get waits for the next object.
func (q *queue) Get() (reconcile.Request, bool) {
	item, _, shutdown := q.GetWithPriority()
	return item, shutdown
}
