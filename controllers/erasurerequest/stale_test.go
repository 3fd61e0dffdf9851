package erasurerequest_test

import (
	"context"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/erasurerequest"
)

// stale reads what was, and writes to what is: a cache that no event reaches.
type stale struct {
	client.WithWatch
	old client.Reader
}

func (s stale) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	return s.old.Get(ctx, key, o, options...)
}

func (s stale) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return s.old.List(ctx, list, options...)
}

// snapshot copies every object as it is now.
func (s *shop) snapshot() client.Reader {
	s.t.Helper()
	builder := fake.NewClientBuilder().WithScheme(s.client.Scheme())
	for _, i := range erasurerequest.Indexes() {
		builder.WithIndex(i.Object, i.Field, i.Values)
	}
	for _, list := range []client.ObjectList{&v1alpha1.DataProtectionOfficerList{}, &v1alpha1.DataRegisterList{}, &v1alpha1.ErasureRequestList{}, &v1alpha1.ErasureRunList{},
		&v1alpha1.LegalHoldList{}, &v1alpha1.NotificationList{}, &batchv1.JobList{}, &corev1.PodList{}, &corev1.SecretList{}, &corev1.ConfigMapList{}} {
		s.must(s.client.List(s.t.Context(), list))
		s.must(meta.EachListItem(list, func(o runtime.Object) error {
			builder.WithObjects(o.DeepCopyObject().(client.Object))
			return nil
		}))
	}
	return builder.Build()
}

// see lets every controller read its cache from there. What decides over an erasure is read live all the same.
func (s *shop) see(cache client.Client, old bool) {
	s.old = old
	s.cache, s.requests.Client, s.dispatch.Client, s.runs.Client, s.holds.Client = cache, cache, cache, cache, cache
}

// TestNoOldCacheRepeatsOrSkipsAnything freezes the caches before each write of a story, with the events of it lost, lets the
// controllers work on what was, and then on what is. Where the caches are shown later than they were taken, that is a restart on an
// older list. The story ends as ever: one erasure, told once, and nothing left to write.
func TestNoOldCacheRepeatsOrSkipsAnything(t *testing.T) {
	reference := newShop(t)
	reference.open()
	reference.request("r1", "person", v1alpha1.ExecutionAutomatic)
	opened := reference.writes
	reference.settle()
	for _, lag := range []int{0, 7} {
		for n := opened + 1; n+lag <= reference.writes; n += 1 + lag/3 {
			s := newShop(t)
			var old client.Reader
			s.fault = func(i int, after bool) error {
				switch {
				case i == n && !after:
					old = s.snapshot()
				case i == n+lag && after && old != nil:
					s.see(stale{s.client, old}, true)
				}
				return nil
			}
			s.open()
			s.request("r1", "person", v1alpha1.ExecutionAutomatic)
			for range 60 {
				s.pass()
				s.kubelet()
				if s.old {
					break
				}
				s.deliver()
				s.clock.SetTime(s.clock.Now().Add(20e9))
			}
			for range 3 {
				s.pass()
				s.kubelet()
			}
			s.fault = nil
			s.see(s.client, false)
			s.deliver()
			s.settle()
			if r := s.get("r1"); s.ready("r1") != "True/Erased" || s.erased[string(r.UID)] != 1 || s.committed() != 1 || s.secretExists("person") {
				t.Fatalf("frozen before write %d, shown after %d more: Ready is %s, erased %d times", n, lag, s.ready("r1"), s.erased[string(r.UID)])
			}
			s.proven("r1")
			before := s.writes
			for range 3 {
				s.pass()
			}
			if s.writes != before {
				t.Errorf("frozen before write %d, shown after %d more: three passes after the end wrote %d times", n, lag, s.writes-before)
			}
		}
	}
}

// outdated tells whether an error is what an old cache makes of a write.
func outdated(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err)
}
