package consent

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rempart-dev/rempart/test/perf/measure"
)

// Call is one thing that a client does; the ledger by itself now, and through HTTP as well.
type Call func(ctx context.Context, client, n int) error

// Load is what came of a run.
type Load struct {
	PerSecond float64
	// Seconds that it lasted.
	Seconds float64
	// Milliseconds of each call, sorted.
	Waits []float64
}

// P returns a percentile of the waits, in milliseconds.
func (l Load) P(percent float64) float64 {
	if len(l.Waits) == 0 {
		return 0
	}
	return l.Waits[min(len(l.Waits)-1, int(float64(len(l.Waits))*percent/100))]
}

// Closed lets clients call one after the other as fast as they are answered. The first error ends the run.
func Closed(ctx context.Context, clients int, lasts time.Duration, call Call) (Load, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		load  Load
		first error
	)
	start := time.Now()
	for client := range clients {
		wait.Go(func() {
			var waits []float64
			var err error
			for n := 0; err == nil && ctx.Err() == nil && time.Since(start) < lasts; n++ {
				began := time.Now()
				if err = call(ctx, client, n); err == nil {
					waits = append(waits, measure.Milliseconds(time.Since(began)))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			load.Waits = append(load.Waits, waits...)
			if err != nil && first == nil {
				first = err
				cancel()
			}
		})
	}
	wait.Wait()
	load.Seconds = time.Since(start).Seconds()
	load.PerSecond = float64(len(load.Waits)) / load.Seconds
	slices.Sort(load.Waits)
	return load, first
}

// Open calls at a steady rate, whether the earlier calls were answered or not; waits count from the intended start.
func Open(ctx context.Context, rate int, lasts time.Duration, call Call) (Load, error) {
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		load  Load
		first error
	)
	start := time.Now()
	total := int(lasts.Seconds() * float64(rate))
	for n := range total {
		due := start.Add(time.Duration(n) * time.Second / time.Duration(rate))
		timer := time.NewTimer(time.Until(due))
		select {
		case <-ctx.Done():
			timer.Stop()
			wait.Wait()
			return load, ctx.Err()
		case <-timer.C:
		}
		wait.Go(func() {
			err := call(ctx, 0, n)
			took := measure.Milliseconds(time.Since(due))
			mu.Lock()
			defer mu.Unlock()
			load.Waits = append(load.Waits, took)
			if err != nil && first == nil {
				first = err
			}
		})
	}
	wait.Wait()
	load.Seconds = time.Since(start).Seconds()
	load.PerSecond = float64(total) / load.Seconds
	slices.Sort(load.Waits)
	return load, first
}
