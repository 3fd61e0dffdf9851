package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	crwebhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
	"github.com/rempart-dev/rempart/internal/webhook/placement"
	"github.com/rempart-dev/rempart/internal/webhook/storage"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

var errRefused = errors.New("a handler refused what it should admit")

// subject is a handler with a request that it admits.
type subject struct {
	name      string
	registers int
	handler   crwebhook.Handler
	served    http.Handler
	request   crwebhook.Request
	body      []byte

	nanoseconds, allocations, servedNanoseconds, servedAllocations measure.Series
}

// subjects are the handlers over a cluster with a number of registers. None of their requests needs the API server, so
// there is none to ask.
func subjects(registers int) ([]*subject, error) {
	snapshot, holder := snapshotOf(registers), &residency.Holder{}
	holder.Store(snapshot)
	world := lookup.World{Snapshots: holder, Clock: clock.RealClock{}, OperatorNamespace: operatorNamespace}
	places := placement.New(world)
	list := []*subject{{name: "a claim", handler: storage.New(world)}, {name: "a pod, pinned", handler: places}, {name: "a pod, to pin", handler: places.Mutating()}}
	for i, s := range list {
		object, resource := admittedClaim(), "persistentvolumeclaims"
		if i > 0 {
			object, resource = admittedPod(snapshot, i == 1), "pods"
		}
		var err error
		if s.body, err = review(object, resource); err != nil {
			return nil, err
		}
		var decoded admissionv1.AdmissionReview
		if err := json.Unmarshal(s.body, &decoded); err != nil {
			return nil, err
		}
		s.registers, s.request, s.served = registers, crwebhook.Request{AdmissionRequest: *decoded.Request}, webhook.Serve(s.handler)
	}
	return list, nil
}

// handle asks the handler alone.
func (s *subject) handle(ctx context.Context) error {
	if !s.handler.Handle(ctx, s.request).Allowed {
		return fmt.Errorf("%s: %w", s.name, errRefused)
	}
	return nil
}

// serve asks by what the operator serves over HTTP: a review is decoded, and one encoded.
func (s *subject) serve(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(s.body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	var answer answer
	s.served.ServeHTTP(&answer, request)
	if !bytes.Contains(answer.Bytes(), []byte(`"allowed":true`)) {
		return fmt.Errorf("%s: %w", s.name, errRefused)
	}
	return nil
}

// answer is a response in memory.
type answer struct {
	bytes.Buffer
	header http.Header
}

// Header is of the response.
func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

// WriteHeader does nothing: a review always comes with 200.
func (*answer) WriteHeader(int) {}

// inProcess measures handlers without a network: time and allocations for each request, and memory before and after many.
func inProcess(ctx context.Context, o options) error {
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil))) // as the operator's
	var all []*subject
	for _, registers := range []int{1, 100, 1000} {
		some, err := subjects(registers)
		if err != nil {
			return err
		}
		all = append(all, some...)
	}
	for round := 0; round <= o.rounds; round++ { // round 0 warms up
		for _, s := range all {
			if err := s.measure(ctx, o.calls, round > 0); err != nil {
				return err
			}
		}
	}
	reportHandlers(all)
	return memory(ctx, all[len(all)-3:], o)
}

// measure adds one round of each figure.
func (s *subject) measure(ctx context.Context, calls int, count bool) error {
	nanoseconds, allocations, err := timed(calls, func() error { return s.handle(ctx) })
	if err != nil {
		return err
	}
	servedNanoseconds, servedAllocations, err := timed(calls, func() error { return s.serve(ctx) })
	if count {
		s.nanoseconds, s.allocations = append(s.nanoseconds, nanoseconds), append(s.allocations, allocations)
		s.servedNanoseconds, s.servedAllocations = append(s.servedNanoseconds, servedNanoseconds), append(s.servedAllocations, servedAllocations)
	}
	return err
}

// timed calls many times and returns nanoseconds of processor time, the collector's included, and allocations for each call.
// What else runs on the machine stretches the time on the wall, and hardly this.
func timed(calls int, call func() error) (nanoseconds, allocations float64, err error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, err := processor()
	if err != nil {
		return 0, 0, err
	}
	for range calls {
		if err := call(); err != nil {
			return 0, 0, err
		}
	}
	ended, err := processor()
	runtime.ReadMemStats(&after)
	return float64((ended - began).Nanoseconds()) / float64(calls), float64(after.Mallocs-before.Mallocs) / float64(calls), err
}

// processor is the processor time of this process until now.
func processor() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}

func reportHandlers(all []*subject) {
	fmt.Printf("\nHandlers in process, processor time for each request; load average %s\n", measure.Load())
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "judging\tregisters\tmedian\tmin\tmax\trounds\tallocations\tagainst 1 register\twith the review decoded and encoded")
	for i, s := range all {
		fmt.Fprintf(w, "%s\t%d\t%.1f µs\t%.1f µs\t%.1f µs\t%d\t%.0f\t%.2f\t%.1f µs, %.0f allocations\n", s.name, s.registers, s.nanoseconds.Median()/1e3, s.nanoseconds.Min()/1e3, s.nanoseconds.Max()/1e3,
			len(s.nanoseconds), s.allocations.Median(), s.nanoseconds.Median()/all[i%3].nanoseconds.Median(), s.servedNanoseconds.Median()/1e3, s.servedAllocations.Median())
	}
	_ = w.Flush()
}

// memory answers many requests on all processors, and compares what the process keeps.
func memory(ctx context.Context, all []*subject, o options) error {
	before := kept()
	began := time.Now()
	limit, cancel := context.WithTimeout(ctx, o.memoryTime)
	defer cancel()
	var asked atomic.Int64
	failed := make(chan error, runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for range cap(failed) {
		group.Go(func() {
			for i := asked.Add(1); i <= int64(o.memoryCalls) && limit.Err() == nil; i = asked.Add(1) {
				if err := all[i%int64(len(all))].serve(ctx); err != nil {
					failed <- err
					return
				}
			}
			asked.Add(-1)
		})
	}
	group.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	after := kept()
	fmt.Printf("\nMemory: %.1f MB of heap in use before, %.1f MB after %d requests over 1000 registers in %.0f s (%.0f each second)\n",
		float64(before)/1e6, float64(after)/1e6, asked.Load(), time.Since(began).Seconds(), float64(asked.Load())/time.Since(began).Seconds())
	return ctx.Err()
}

// kept is the heap that is still in use after a collection, in bytes.
func kept() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one finds in pools, the second one frees
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
