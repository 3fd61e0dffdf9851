package matrix

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/internal/residency"
)

// promised is how long the scan may take to find something, also in a cluster of 10,000 claims.
const promised = 60 * time.Second

func TestNoWayRoundRempart(t *testing.T) {
	b := matrix
	t.Cleanup(func() { t.Log("\n" + b.table.String() + notes(b.rows)) })
	b.phase(t, up, audit)
	b.withoutConfigurations(t)
	b.phase(t, without)
	b.counting(t)
	b.phase(t, quota)
	b.unanswering(t)
	b.phase(t, down)
}

// phase asks every row in some layers: those that change what others rest on come last, one after the other.
func (b *bench) phase(t *testing.T, in ...layer) {
	for _, alone := range []bool{false, true} {
		t.Run(fmt.Sprint(in, " alone ", alone), func(t *testing.T) {
			for _, r := range b.rows {
				for _, l := range in {
					if r.Alone != alone || !r.asked(l) {
						continue
					}
					t.Run(fmt.Sprint(r.title(), " ", r.Vector, " ", l), func(t *testing.T) {
						if !alone {
							t.Parallel()
						}
						b.run(t, siteOf(r, l))
					})
				}
			}
		})
	}
}

// run asks the questions of a row, and then what became of it.
func (b *bench) run(t *testing.T, s *site) {
	ctx, since := context.WithoutCancel(t.Context()), time.Now()
	for i := range s.row.Requests {
		if q := &s.row.Requests[i]; q.in(s.layer) != "" {
			b.ask(t, s, q)
		}
	}
	if s.layer == quota || s.layer == down {
		return
	}
	for _, f := range s.row.Found {
		if len(f.In) == 0 || slices.Contains(f.In, s.layer) {
			b.find(t, s, f, since)
		}
	}
	for _, part := range s.row.Then {
		part = s.in(part)
		took, err := until(ctx, soon, func(ctx context.Context) error {
			live, err := b.live(ctx, part)
			delete(part, "apiVersion")
			part["apiVersion"] = live["apiVersion"]
			return errors.Join(err, complaint(differs(under(part, object{"metadata": object{"namespace": at(live, "metadata", "namespace")}}), live, text(part, "kind"))))
		})
		if err != nil {
			t.Errorf("in the end, %s: %v", s.layer, err)
		}
		b.table.add(s, "in the end, "+text(part, "kind"), "as it should be", took)
	}
	for i := range s.row.After {
		ways := b.ways(s, &s.row.After[i])
		if left := ways[len(ways)-1].send(ctx); left.err != nil {
			t.Errorf("%s, %s: %v", s.row.After[i].Ask, s.layer, left.err)
		}
	}
}

// find waits for what the scan finds, and says how long after the first request of the row that was, at most.
func (b *bench) find(t *testing.T, s *site, want finding, since time.Time) {
	t.Helper()
	name, namespace := s.words().Replace(want.Name), cmp.Or(s.words().Replace(want.Namespace), s.namespace)
	_, err := until(context.WithoutCancel(t.Context()), promised, func(context.Context) error {
		for _, scanned := range b.scans.Load().All() {
			if scanned.Policy == s.policy && slices.ContainsFunc(scanned.Findings, func(f residency.Finding) bool {
				return f.Rule == want.Rule && f.Name == name && f.Namespace == namespace
			}) {
				return nil
			}
		}
		return fmt.Errorf("the scan has not found %s by rule %s", name, want.Rule)
	})
	if err != nil {
		t.Errorf("%s: %v", s.layer, err)
		return
	}
	b.table.add(s, "scan", "found by rule "+want.Rule, time.Since(since))
}

// withoutConfigurations removes the webhook configurations, as an administrator could who may exempt.
func (b *bench) withoutConfigurations(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	b.endHooks()
	for _, gone := range []client.Object{&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rempart-validating"}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rempart-mutating"}}} {
		if err := b.server.Client.Delete(ctx, gone); err != nil {
			t.Fatal(err)
		}
	}
	asked := &site{namespace: "probe"}
	pod := whole(asked.in(object{"kind": "Pod", "metadata": object{"name": "probe", "labels": object{"gdpr.rempart.dev/register": "crm"}}, "spec": object{"nodeName": "virginia"}}))
	if _, err := until(ctx, patience, func(ctx context.Context) error {
		return errors.Join(b.send(ctx, "", post.rehearsed(), pod, "").err, b.judges(ctx, "probe"))
	}); err != nil {
		t.Fatalf("without webhook configurations: %v", err)
	}
}

// counting gives the namespaces of the quota's layer what Rempart grants a guarded one. Nothing here computes what a quota
// has granted already, so that is said by hand: nothing.
func (b *bench) counting(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	written := &corev1.ResourceQuota{}
	if _, err := until(ctx, soon, func(ctx context.Context) error {
		return b.server.Client.Get(ctx, client.ObjectKey{Namespace: "counted", Name: residency.QuotaName}, written)
	}); err != nil {
		t.Fatal(err)
	}
	for _, s := range b.sites() {
		if s.layer != quota {
			continue
		}
		copied := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "copied"}, Spec: written.Spec}
		if err := b.server.Client.Create(ctx, copied); err != nil {
			t.Fatal(err)
		}
		copied.Status.Hard, copied.Status.Used = written.Spec.Hard, written.Spec.Hard
		if err := b.server.Client.Status().Update(ctx, copied); err != nil {
			t.Fatal(err)
		}
	}
}

// unanswering ends the operator, and brings the webhook configurations back.
func (b *bench) unanswering(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	b.endOperator()
	for _, object := range []client.Object{b.hooks.Guards.Validating[0].DeepCopy(), b.hooks.Guards.Mutating[0].DeepCopy()} {
		if err := b.server.Client.Create(ctx, object); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := until(ctx, patience, func(ctx context.Context) error {
		if b.judges(ctx, "probe") == nil {
			return errors.New("the webhooks are not called yet")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
