package server

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestATurnIsWaitedForByFewAndNotForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurn(1)
		leave, in := turns.enter(t.Context(), time.Second)
		if !in {
			t.Fatal("nobody is there, and the first did not get in")
		}
		start := time.Now()
		type came struct {
			in    bool
			after time.Duration
		}
		waits := make(chan came, room)
		var wait sync.WaitGroup
		for range room {
			wait.Go(func() {
				leave, in := turns.enter(t.Context(), time.Second)
				waits <- came{in, time.Since(start)}
				if in {
					<-time.After(300 * time.Millisecond)
					leave()
				}
			})
		}
		synctest.Wait()
		if _, in := turns.enter(t.Context(), time.Hour); in || time.Since(start) != 0 {
			t.Errorf("one too many got in: %v, after %v", in, time.Since(start))
		}
		<-time.After(time.Second / 2)
		leave()
		// Two get in before their second is over.
		for n, want := range []came{{true, time.Second / 2}, {true, 800 * time.Millisecond}} {
			if got := <-waits; got != want {
				t.Errorf("turn %d: %+v, want %+v", n, got, want)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, in := turns.enter(gone, time.Hour); in {
			t.Error("who was gone got in")
		}
		wait.Wait()
		for range room - 2 {
			if got := <-waits; got.in || got.after != time.Second {
				t.Errorf("who waited too long: %+v", got)
			}
		}
	})
}
