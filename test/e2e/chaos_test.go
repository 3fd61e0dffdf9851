package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	chaosTime = flag.Duration("chaos", 0, "how long TestWhateverIsKilledInTheClusterWhenever kills; without it the test is skipped")
	chaosSeed = flag.Uint64("chaos-seed", 1, "seed of what it kills and when, and of what is asked meanwhile")
)

const (
	// chaosPause is the mean time between two kills.
	chaosPause = 12 * time.Second
	// chaosEnd is how long what is open may take when nothing is killed any more.
	chaosEnd = 20 * time.Minute
	// chaosOpen is how many requests are open at once.
	chaosOpen = 16
)

// chaos is one such run: what happened so far, which several goroutines tell.
type chaos struct {
	t    *testing.T
	keep string // logs of containers, also of those whose pods are gone

	mutex  sync.Mutex
	kills  map[string]int
	faults []string
	people []*person
	visits []*visit
	later  int // requests that were asked again, since what they asked was dead
}

func (c *chaos) fault(format string, args ...any) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
	fmt.Printf("%s FAULT %s\n", time.Now().UTC().Format(time.TimeOnly), c.faults[len(c.faults)-1])
}

func (c *chaos) again(err error) {
	if err == nil {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.later++
}

// every does something until the context ends, at its own pace, however long one time takes and whether it succeeds.
func (c *chaos) every(ctx context.Context, pace time.Duration, do func(context.Context) error) {
	for ctx.Err() == nil {
		once, cancel := context.WithTimeout(ctx, time.Minute)
		err := do(once)
		cancel()
		c.again(err)
		pause(ctx, pace)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// tried runs a program, which may fail.
func tried(ctx context.Context, name string, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %.300s", name, err, text)
	}
	return strings.TrimSpace(string(text)), nil
}

// query asks a database of a pod that may be dead.
func query(ctx context.Context, pod, database, statement string) (string, error) {
	return tried(ctx, "kubectl", "-n", demoNamespace, "exec", pod, "-c", "postgres", "--", "psql", "-q", "-U", "postgres", "-d", database, "-At", "-c", statement)
}

// keepLogs links the logs of all containers: kubelet removes those of pods that are gone.
func (c *chaos) keepLogs(context.Context) error {
	files, err := filepath.Glob(filepath.Join(clusterState(), "logs", "pods", "*", "*", "*.log"))
	for _, file := range files {
		name := strings.ReplaceAll(strings.TrimPrefix(file, clusterState()), "/", "_")
		_ = os.Link(file, filepath.Join(c.keep, name)) // of one that is linked already, or gone, nothing is to be done
	}
	return err
}

// progress is a line per minute.
func (c *chaos) progress(began time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	ended, held := 0, 0
	for _, p := range c.people {
		if p.ended() {
			ended++
		}
		if p.hold != nil {
			held++
		}
	}
	withdrawn := 0
	for _, v := range c.visits {
		if v.withdrawn {
			withdrawn++
		}
	}
	fmt.Printf("%s minute %d: %d requests, %d ended, %d holds; %d acts, %d withdrawn; asked again %d times; faults %d; killed %s\n", time.Now().UTC().Format(time.TimeOnly),
		int(time.Since(began).Minutes()), len(c.people), ended, held, len(c.visits), withdrawn, c.later, len(c.faults), c.killed())
}

func (c *chaos) killed() string {
	total, parts := 0, []string{}
	for _, name := range slices.Sorted(maps.Keys(c.kills)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, c.kills[name]))
		total += c.kills[name]
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, ", "))
}

// TestWhateverIsKilledInTheClusterWhenever is no part of `make test`; run it by `make chaos`.
func TestWhateverIsKilledInTheClusterWhenever(t *testing.T) {
	if *chaosTime == 0 {
		t.Skip("it takes an hour; run it by make chaos")
	}
	c := &chaos{t: t, keep: filepath.Join(clusterState(), "logs", "kept"), kills: map[string]int{}}
	if err := os.MkdirAll(c.keep, 0o700); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("seed %d, for %s\n", *chaosSeed, *chaosTime)
	operatorServes(t)
	_ = backUp(t) // what the store was before, to compare with
	before := evidenceOf(t, c)
	office := newOffice(t, c, rand.New(rand.NewPCG(*chaosSeed, 1)))
	visitors := newVisitors(t, c, rand.New(rand.NewPCG(*chaosSeed, 3)))

	began := time.Now()
	killing, stop := context.WithTimeout(t.Context(), *chaosTime)
	defer stop()
	watching, stopWatching := context.WithCancel(t.Context())
	var all, watchers sync.WaitGroup
	watchers.Go(func() { c.every(watching, time.Second, c.keepLogs) })
	watchers.Go(func() {
		c.every(watching, time.Minute, func(context.Context) error { c.progress(began); return nil })
	})
	all.Go(func() { c.kill(killing, rand.New(rand.NewPCG(*chaosSeed, 2))) })
	all.Go(func() { visitors.until(killing, t.Context()) })
	all.Go(func() { office.until(killing, t.Context()) })
	all.Wait()

	operatorServes(t)
	c.checkErasures()
	c.checkEvidence(before)
	c.checkConsents(visitors)
	c.checkNothingIsLeft()
	stopWatching()
	watchers.Wait()
	c.checkLogs()
	c.progress(began)
	c.report(time.Since(began))
	for _, fault := range c.faults {
		t.Error(fault)
	}
}
