package admission

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

// promised is the time within which the operator finds what is where it may not be.
const promised = time.Minute

// glance is how often the status of the policy is read while a finding is awaited: the figures are no finer.
const glance = 20 * time.Millisecond

// finding is what it takes until a claim abroad, that nobody refused, stands in the status of its policy.
type finding struct {
	claims            int
	seconds, milliCPU measure.Series
}

// scan measures findings with no other claims, and then among many, all of which are scanned each time.
func (c *cluster) scan(ctx context.Context, o options) error {
	var results []*finding
	for _, claims := range []int{0, o.claims} {
		if err := c.populate(ctx, claims, o.clients); err != nil {
			return fmt.Errorf("making %d claims: %w", claims, err)
		}
		f := &finding{claims: claims}
		for range o.findings {
			if err := c.find(ctx, f); err != nil {
				return err
			}
		}
		results = append(results, f)
	}
	fmt.Printf("\nFrom a claim abroad to its finding in the policy's status; load average %s\n", measure.Load())
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "other claims\tmedian\tmin\tmax\trounds\tagainst none\tCPU of the operator")
	for _, f := range results {
		fmt.Fprintf(w, "%d\t%.2f s\t%.2f s\t%.2f s\t%d\t%.2f\t%.0f ms\n", f.claims, f.seconds.Median(), f.seconds.Min(), f.seconds.Max(), len(f.seconds), f.seconds.Median()/results[0].seconds.Median(), f.milliCPU.Median())
	}
	return w.Flush()
}

// populate makes claims that are allowed, for good.
func (c *cluster) populate(ctx context.Context, claims, clients int) error {
	failed := make(chan error, clients)
	var next atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for i := next.Add(1); i <= int64(claims); i = next.Add(1) {
				claim := newClaim(setUps[0].name, allowedClass)
				claim.Name = fmt.Sprintf("data-%d", i)
				if err := c.server.Client.Create(ctx, claim); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	return <-failed
}

// find makes a claim abroad, waits until it is found, and takes it away again.
func (c *cluster) find(ctx context.Context, f *finding) error {
	before, err := spent(c.operator.process.Process.Pid)
	if err != nil {
		return err
	}
	claim := newClaim(setUps[0].name, deniedClass)
	claim.Name = "abroad"
	began := time.Now()
	if err := c.server.Client.Create(ctx, claim); err != nil {
		return err
	}
	if err := c.violations(ctx, 1); err != nil {
		return fmt.Errorf("waiting for the finding: %w", err)
	}
	took := time.Since(began)
	after, err := spent(c.operator.process.Process.Pid)
	if err != nil {
		return err
	}
	f.seconds, f.milliCPU = append(f.seconds, took.Seconds()), append(f.milliCPU, measure.Milliseconds(after-before))
	// The controller that lets claims go does not run here.
	free := claim.DeepCopy()
	free.Finalizers = nil
	if err := errors.Join(c.server.Client.Patch(ctx, free, client.MergeFrom(claim)), c.server.Client.Delete(ctx, free)); err != nil {
		return err
	}
	return c.violations(ctx, 0)
}

// violations waits until the policy's status counts so many.
func (c *cluster) violations(ctx context.Context, want int32) error {
	return wait.PollUntilContextTimeout(ctx, glance, promised, true, func(ctx context.Context) (bool, error) {
		policy := &v1alpha1.ResidencyPolicy{}
		if err := c.server.Client.Get(ctx, client.ObjectKey{Name: policyName}, policy); err != nil {
			return false, err
		}
		return policy.Status.ViolationsTotal != nil && *policy.Status.ViolationsTotal == want, nil
	})
}
