package consentpolicy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// faults fails writes of the reconciler, before or after they take effect.
type faults struct {
	*bench
	failed int
	seen   map[string]int
	// fails tells whether the write of an object fails, by how often it was written.
	fails func(time int, after bool) bool
}

var errLost = errors.New("no connection")

func withFaults(t *testing.T) *faults {
	t.Helper()
	f := &faults{bench: newBench(t, dreg(), chat("one")), fails: func(int, bool) bool { return false }, seen: map[string]int{}}
	write := func(verb string, object any, do func() error) error {
		key := fmt.Sprintf("%s %T", verb, object)
		switch o := object.(type) {
		case client.Object:
			key += o.GetName()
		case interface{ GetName() *string }:
			key += ptr.Deref(o.GetName(), "")
		}
		f.seen[key]++
		for _, after := range []bool{false, true} {
			if f.fails(f.seen[key], after) {
				f.failed++
				return errLost
			}
			if !after {
				if err := do(); err != nil {
					return err
				}
			}
		}
		return nil
	}
	f.reconciler.Client = interceptor.NewClient(f.Client.(client.WithWatch), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return write("Create", o, func() error { return c.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return write("Update", o, func() error { return c.Update(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return write("Patch", o, func() error { return c.Patch(ctx, o, p, opts...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			return write("Apply", o, func() error { return c.Apply(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return write("Delete", o, func() error { return c.Delete(ctx, o, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return write("SubResourcePatch", o, func() error { return c.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	})
	return f
}

// stored is the policy; nil when it is gone.
func (f *faults) stored() *v1alpha1.ConsentPolicy {
	object := &v1alpha1.ConsentPolicy{}
	if !f.get("chat", object) {
		return nil
	}
	return object
}

// rest passes until a pass neither fails nor changes the policy: the fake client takes any apply for a write. Behind lets a reconciler
// with an old cache pass after each.
func (f *faults) rest(behind bool) {
	f.t.Helper()
	for range 100 {
		before := f.stored()
		if before == nil {
			return
		}
		_, err := f.reconciler.Reconcile(f.t.Context(), before.DeepCopy())
		after := f.stored()
		if err == nil && after != nil && after.ResourceVersion == before.ResourceVersion {
			return
		}
		if behind {
			_, _ = f.reconciler.Reconcile(f.t.Context(), before) // what it writes of the status may be refused, and is tried again
		}
	}
	f.t.Fatal("it does not come to rest")
}

// story is a policy from its creation over a change to its deletion.
func story(f *faults, behind bool) (served, gone string) {
	f.t.Helper()
	f.rest(behind)
	f.startDatabase()
	f.rest(behind)
	f.startService(7)
	f.rest(behind)
	changed := f.stored()
	changed.Spec.Service.Replicas.Max = 5
	changed.Generation++
	f.must(f.Update(f.t.Context(), changed))
	f.rest(behind)
	f.startService(9)
	f.rest(behind)
	served = f.world()
	f.must(f.Delete(f.t.Context(), f.stored()))
	f.rest(behind)
	return served, f.world()
}

// world is every object that there is, with the conditions of the policy.
func (f *faults) world() string {
	f.t.Helper()
	var lines []string
	for _, list := range []client.ObjectList{&appsv1.StatefulSetList{}, &appsv1.DeploymentList{}, &corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &corev1.ServiceAccountList{}, &corev1.PersistentVolumeClaimList{}, &networkingv1.NetworkPolicyList{}, &networkingv1.IngressList{}} {
		f.must(f.List(f.t.Context(), list))
		f.must(meta.EachListItem(list, func(o runtime.Object) error {
			lines = append(lines, fmt.Sprintf("%T %s/%s", o, o.(client.Object).GetNamespace(), o.(client.Object).GetName()))
			return nil
		}))
	}
	if policy := f.stored(); policy != nil {
		for _, c := range policy.Status.Conditions {
			lines = append(lines, fmt.Sprintf("%s=%s/%s %s", c.Type, c.Status, c.Reason, c.Message))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestEveryWriteMayFail fails the first and the third write of each object, before or after it took effect: what there is in the end is
// the same.
func TestEveryWriteMayFail(t *testing.T) {
	served, gone := story(withFaults(t), false)
	if !strings.Contains(served, "Ready=True/Serving") {
		t.Fatal(served)
	}
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("after %v", late), func(t *testing.T) {
			f := withFaults(t)
			f.fails = func(time int, after bool) bool { return (time == 1 || time == 3) && after == late }
			thenServed, thenGone := story(f, false)
			if diff := cmp.Diff(served+"\n"+gone, thenServed+"\n"+thenGone); diff != "" || f.failed < 15 {
				t.Errorf("%d writes failed %s", f.failed, diff)
			}
		})
	}
}

// TestEveryReadMayBeOld lets another operator see what there was before each pass.
func TestEveryReadMayBeOld(t *testing.T) {
	served, gone := story(withFaults(t), false)
	thenServed, thenGone := story(withFaults(t), true)
	if diff := cmp.Diff(served+"\n"+gone, thenServed+"\n"+thenGone); diff != "" {
		t.Error(diff)
	}
}
