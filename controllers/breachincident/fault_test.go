package breachincident

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// story is an incident from its detection to its closure, three days later; rest lets the reconciler work until it rests.
func story(b *bench, rest func()) {
	b.t.Helper()
	change := func(edit func(*v1alpha1.BreachIncidentSpec)) {
		current := b.stored()
		edit(&current.Spec)
		current.Generation++
		if err := b.client.Update(b.t.Context(), current); err != nil {
			b.t.Fatal(err)
		}
		rest()
	}
	rest()
	b.clock.SetTime(start.Add(72*time.Hour + time.Second))
	rest()
	change(func(spec *v1alpha1.BreachIncidentSpec) {
		spec.Submissions = []v1alpha1.Submission{{Authority: "FR", Type: v1alpha1.SubmissionNew, Completeness: v1alpha1.SubmissionComplete, SubmittedTime: ptr.To(metav1.NewTime(b.clock.Now()))}}
	})
	b.clock.SetTime(start.Add(80 * time.Hour))
	change(func(spec *v1alpha1.BreachIncidentSpec) {
		spec.Verdict, spec.VerdictReason = v1alpha1.BreachDismissed, "no personal data"
	})
}

func (b *bench) stored() *v1alpha1.BreachIncident {
	b.t.Helper()
	current := &v1alpha1.BreachIncident{}
	if err := b.client.Get(b.t.Context(), client.ObjectKey{Namespace: "shop", Name: "bucket"}, current); err != nil {
		b.t.Fatal(err)
	}
	return current
}

// rest passes until nothing is written; an error is tried again.
func (b *bench) rest() {
	b.t.Helper()
	for range 20 {
		writes := b.writes
		if _, _, err := b.pass(); err == nil && b.writes == writes {
			return
		}
	}
	b.t.Fatal("it does not come to rest")
}

// end is all that a story leaves: status, finalizers and messages, with their times but those of the machine.
func (b *bench) end() string {
	b.t.Helper()
	i := b.stored()
	for k := range i.Status.Conditions {
		i.Status.Conditions[k].LastTransitionTime = metav1.Time{}
	}
	var messages []any
	for _, n := range b.messages() {
		messages = append(messages, []any{n.Name, n.OwnerReferences, n.Spec})
	}
	text, err := json.MarshalIndent([]any{i.Status, i.Finalizers, messages}, "", " ")
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// TestEveryWriteMayFail fails each write of a story once, before it and after it took effect: the end is the same, and at rest nothing is
// written any more.
func TestEveryWriteMayFail(t *testing.T) {
	reference := newBench(t, world(incident())...)
	story(reference, reference.rest)
	want, writes := reference.end(), reference.writes
	if len(reference.messages()) < 3 || writes < 6 {
		t.Fatalf("the story has %d messages and %d writes", len(reference.messages()), writes)
	}
	for n := 1; n <= writes; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %v", n, after), func(t *testing.T) {
				b := newBench(t, world(incident())...)
				fails := func(here bool) error {
					if b.writes == n && here {
						return errors.New("no connection")
					}
					return nil
				}
				b.fail, b.lost = func(string) error { return fails(!after) }, func() error { return fails(after) }
				story(b, b.rest)
				if diff := cmp.Diff(want, b.end()); diff != "" {
					t.Error(diff)
				}
				for range 3 {
					b.still()
				}
			})
		}
	}
}

// TestEveryReadMayBeOld lets a second operator, or one whose cache is behind, pass after each pass with what there was before it.
func TestEveryReadMayBeOld(t *testing.T) {
	reference := newBench(t, world(incident())...)
	story(reference, reference.rest)
	b := newBench(t, world(incident())...)
	story(b, func() {
		for {
			old, seen, writes := b.stored(), &v1alpha1.NotificationList{Items: b.messages()}, b.writes
			if _, _, err := b.pass(); err == nil && b.writes == writes {
				return
			}
			b.seen = seen
			_, _ = b.r.Reconcile(t.Context(), old) // its status has changed since: it may be refused, and is tried again
			b.seen = nil
		}
	})
	if diff := cmp.Diff(reference.end(), b.end()); diff != "" {
		t.Error(diff)
	}
	for range 3 {
		b.still()
	}
}
