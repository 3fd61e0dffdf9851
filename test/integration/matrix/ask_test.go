package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// soon is how long a test waits at most for an answer that rests on something Rempart hears of with a delay. The table says how long it
// took.
const soon = 2 * time.Minute

// way is one way to send a request: as a rehearsal or in earnest, as an update or a patch.
type way struct {
	name string
	send func(context.Context) outcome
}

// send makes a request with an object as its body.
func (b *bench) send(ctx context.Context, who string, v verb, o object, at string) outcome {
	body, err := json.Marshal(o)
	if err != nil {
		return outcome{err: err}
	}
	return b.do(ctx, who, v, o, at, body)
}

// ways are all ways to send a request. The last one is in earnest, unless it is only to be rehearsed.
func (b *bench) ways(s *site, q *request) []way {
	var list []way
	add := func(name string, send func(context.Context) outcome) { list = append(list, way{name, send}) }
	simple := func(v verb, o object) {
		add("dry run", func(ctx context.Context) outcome { return b.send(ctx, q.As, v.rehearsed(), o, q.At) })
		if !q.Rehearse {
			add("", func(ctx context.Context) outcome { return b.send(ctx, q.As, v, o, q.At) })
		}
	}
	switch {
	case q.Text != "":
		about, v := q.Create, post
		if about == nil {
			about, v = q.Patch, merge
		}
		v.unchecked = q.Unchecked
		body := []byte(strings.ReplaceAll(q.Text, "$NS", s.namespace))
		add("", func(ctx context.Context) outcome { return b.do(ctx, q.As, v, s.in(about), q.At, body) })
	case q.Create != nil:
		o := q.whole(s)
		if q.At == "" {
			add("apply", func(ctx context.Context) outcome { return b.send(ctx, q.As, apply.rehearsed(), o, "") })
			if !q.Named {
				generated := under(o, object{"metadata": object{"name": nil, "generateName": text(o, "metadata", "name") + "-"}})
				add("generated name", func(ctx context.Context) outcome { return b.send(ctx, q.As, post.rehearsed(), generated, "") })
			}
		}
		simple(post, o)
	case q.Update != nil:
		o := s.in(q.Update)
		if q.At != "namespaces/finalize" {
			add("patch", func(ctx context.Context) outcome { return b.send(ctx, q.As, merge.rehearsed(), o, q.At) })
			list = append(list, b.patches(q, o)...)
		}
		add("dry run", func(ctx context.Context) outcome { return b.update(ctx, q, put.rehearsed(), o) })
		if !q.Rehearse {
			add("", func(ctx context.Context) outcome { return b.update(ctx, q, put, o) })
		}
	case q.Patch != nil:
		simple(merge, s.in(q.Patch))
	case q.Apply != nil:
		simple(apply, q.wholeOf(s, q.Apply))
	default:
		o := s.in(q.Delete)
		if text(o, "kind") != "Namespace" { // which are deleted one by one
			add("of a collection", func(ctx context.Context) outcome { return b.do(ctx, q.As, collection.rehearsed(), o, "", nil) })
		}
		add("dry run", func(ctx context.Context) outcome { return b.do(ctx, q.As, del.rehearsed(), o, "", nil) })
		if !q.Rehearse {
			add("", func(ctx context.Context) outcome { return b.do(ctx, q.As, del, o, "", nil) })
		}
	}
	return list
}

func (q *request) whole(s *site) object { return q.wholeOf(s, q.Create) }

func (q *request) wholeOf(s *site, o object) object {
	o = s.in(o)
	if q.At == "" {
		o = whole(o)
	}
	if q.Pad > 0 {
		o = under(o, object{"metadata": object{"annotations": object{"example.com/pad": strings.Repeat("x", q.Pad)}}})
	}
	return o
}

// update merges what is asked into the object as it is, again if that changes meanwhile.
func (b *bench) update(ctx context.Context, q *request, v verb, o object) outcome {
	for {
		live, err := b.live(ctx, o)
		if err != nil {
			return outcome{err: fmt.Errorf("reading what is to be updated: %w", err)}
		}
		if sent := b.send(ctx, q.As, v, under(live, o), q.At); !isRetried(sent.err) {
			return sent
		}
	}
}

// ask makes a request in every way; each must be answered alike.
func (b *bench) ask(t *testing.T, s *site, q *request) {
	t.Helper()
	want, ctx := q.in(s.layer), context.WithoutCancel(t.Context())
	var before object
	if q.Back {
		var err error
		if before, err = b.live(ctx, s.in(q.about())); err != nil {
			t.Fatalf("%s: %v", q.Ask, err)
		}
	}
	for i, w := range b.ways(s, q) {
		since := time.Now()
		got := w.send(ctx)
		wrong := q.compare(s, want, got)
		if wrong != "" && i == 0 && q.Settles {
			_, err := until(ctx, soon, func(ctx context.Context) error {
				if got = w.send(ctx); q.compare(s, want, got) != "" {
					return errors.New(q.compare(s, want, got))
				}
				return nil
			})
			wrong = ""
			if err != nil {
				wrong = err.Error()
			}
		}
		if wrong != "" {
			t.Errorf("%s (%s), %s: %s", q.Ask, w.name, s.layer, wrong)
			return
		}
		if w.name == "" || (i == 0 && q.Rehearse) {
			b.table.add(s, q.Ask, string(want), time.Since(since))
		}
	}
	if q.Back {
		took, err := until(ctx, soon, func(ctx context.Context) error {
			now, err := b.live(ctx, s.in(q.about()))
			if q.Delete != nil && text(now, "metadata", "uid") == text(before, "metadata", "uid") {
				return errors.New("it never went")
			}
			return errors.Join(err, complaint(differs(guarding(before), guarding(now), text(before, "kind"))), complaint(differs(guarding(now), guarding(before), text(before, "kind"))))
		})
		if err != nil {
			t.Errorf("%s: not as it was: %v", q.Ask, err)
		}
		b.table.add(s, q.Ask, "restored", took)
	}
}

func complaint(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// guarding are the parts of a guard that say what it does.
func guarding(o object) object { return object{"spec": o["spec"], "webhooks": o["webhooks"]} }

// about is the object of the request.
func (q *request) about() object {
	for _, o := range []object{q.Create, q.Update, q.Patch, q.Apply} {
		if o != nil {
			return o
		}
	}
	return q.Delete
}

// compare says how an outcome is not the answer that is wanted; empty when it is.
func (q *request) compare(s *site, want answer, got outcome) string {
	is := q.classify(want, got)
	if is != want {
		return fmt.Sprintf("%s, want %s: %v %q", is, want, got.err, got.warnings)
	}
	if want != refused && want != warned {
		return ""
	}
	said := strings.Join(got.warnings, "\n")
	if want == refused {
		said = got.err.Error()
	}
	cut := want == warned && strings.HasSuffix(said, "…") // the API server cuts long warnings
	for _, words := range q.Says {
		words = s.words().Replace(words)
		if !cut && !strings.Contains(said, words) {
			return fmt.Sprintf("%s, and says %q, without %q", is, said, words)
		}
	}
	return ""
}

func (q *request) classify(want answer, got outcome) answer {
	ours := slices.ContainsFunc(got.warnings, func(w string) bool { return strings.Contains(w, "ResidencyPolicy") })
	switch {
	case got.err == nil && (want == pinned || want == unpinned):
		return pinning(got.object)
	case got.err == nil && ours:
		return warned
	case got.err == nil:
		return accepted
	case strings.Contains(got.err.Error(), "failed calling webhook"):
		return unanswered
	case strings.Contains(got.err.Error(), "exceeded quota"):
		return exceeded
	case apierrors.IsForbidden(got.err):
		return refused
	default:
		return invalid
	}
}

// pinning tells whether every term of the required node affinity keeps pods on allowed nodes.
func pinning(o object) answer {
	spec, _ := at(o, "spec").(object)
	for _, inner := range [][]string{{"jobTemplate", "spec", "template", "spec"}, {"template", "spec"}} {
		if template, is := at(spec, inner...).(object); is {
			spec = template
			break
		}
	}
	terms, _ := at(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms").([]any)
	held := 0
	for _, term := range terms {
		expressions, _ := at(term, "matchExpressions").([]any)
		if slices.ContainsFunc(expressions, func(e any) bool {
			key := fmt.Sprint(at(e, "key"))
			return strings.HasPrefix(key, "rempart.node-restriction.kubernetes.io/policy.") && fmt.Sprint(at(e, "values")) == "[Allowed]"
		}) {
			held++
		}
	}
	switch {
	case held == 0:
		return unpinned
	case held == len(terms):
		return pinned
	default:
		return "pinned in some terms"
	}
}
