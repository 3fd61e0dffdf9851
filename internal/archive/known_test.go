package archive_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/archive"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

// TestNewestLeavesAndHeadTakenAwayTogether: what is left is a log that holds; only the requests know that it was longer.
func TestNewestLeavesAndHeadTakenAwayTogether(t *testing.T) {
	c := newCluster(t)
	c.certify(c.quiet(), 0)
	last := ended(1)
	last.Status.Evidence = c.certify(c.quiet(), 1)
	if err := c.real.Create(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{evidence.EntryName(1), evidence.HeadName} {
		if err := c.real.Delete(t.Context(), c.config(system, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.quiet().Certify(t.Context(), ended(2))
	var hopeless *flow.Permanent
	if !errors.As(err, &hopeless) || hopeless.Reason != v1alpha1.ReasonEvidenceDamaged {
		t.Errorf("%v, want a damaged log", err)
	}
}

// TestACertificateCostsTheSameHoweverLongTheLogIs counts what is read: the log is listed once per process.
func TestACertificateCostsTheSameHoweverLongTheLogIs(t *testing.T) {
	c := newCluster(t)
	gets, lists := 0, 0
	counted := interceptor.NewClient(c.real, interceptor.Funcs{
		Get: func(ctx context.Context, w client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			gets++
			return w.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, w client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, leaves := list.(*corev1.ConfigMapList); leaves {
				lists++
			}
			return w.List(ctx, list, opts...)
		},
	})
	a := &archive.Archive{Reader: counted, Client: c.real, Namespace: system, Random: rand.Reader}
	reads := func(n int) int {
		before := gets
		c.certify(a, n)
		return gets - before
	}
	reads(0)
	early := reads(1)
	for n := 2; n < 100; n++ {
		reads(n)
	}
	if late := reads(100); late > early || lists != 1 {
		t.Errorf("the second certificate read %d objects, the last one %d; the log was listed %d times, want once", early, late, lists)
	}
}
