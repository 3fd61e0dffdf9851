package ledger

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// asking asks questions at once, in order, and returns the answers and errors in theirs.
func asking(ctx context.Context, g *gather[string, string], questions ...string) (answers []string, errs []error) {
	answers, errs = make([]string, len(questions)), make([]error, len(questions))
	var wait sync.WaitGroup
	for i, question := range questions {
		wait.Go(func() { answers[i], errs[i] = g.ask(ctx, question) })
		synctest.Wait()
	}
	wait.Wait()
	return answers, errs
}

// journal answers each question with itself after a second, but refuses a group with a bad one, and loses one with a lost one.
type journal struct {
	mu     sync.Mutex
	groups []string
}

func (j *journal) answer(ctx context.Context, group []string) ([]string, error) {
	j.mu.Lock()
	j.groups = append(j.groups, strings.Join(group, " "))
	j.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, failure(ctx.Err())
	}
	switch {
	case slices.Contains(group, "bad"):
		return nil, &Failure{SQLState: "23505"}
	case slices.Contains(group, "lost"):
		return nil, &Failure{}
	case slices.Contains(group, "odd"):
		return nil, errRow
	}
	return group, nil
}

func TestWhatIsAskedWhileAGroupIsUnderWayIsTheNextGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := &gather[string, string]{most: 3, lanes: 1, answer: j.answer}
		answers, errs := asking(t.Context(), g, "a", "b", "c", "d", "e")
		if got := strings.Join(answers, " "); got != "a b c d e" || errors.Join(errs...) != nil {
			t.Errorf("%s, %v", got, errs)
		}
		if got := strings.Join(j.groups, "|"); got != "a|b c d|e" {
			t.Errorf("groups %s", got)
		}
	})
}

func TestWhoIsRefusedHarmsNoOtherOfTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := &gather[string, string]{most: 64, lanes: 1, answer: j.answer}
		answers, errs := asking(t.Context(), g, "a", "b", "bad", "c")
		if got := strings.Join(answers, " "); got != "a b  c" {
			t.Errorf("answers %q", got)
		}
		for i, err := range errs {
			if f, ok := failed(err); (i == 2) != (ok && f.SQLState == "23505") {
				t.Errorf("question %d: %v", i, err)
			}
		}
	})
}

func TestAGroupThatWasNotAnsweredIsNotTakenApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, spoiled := range []string{"lost", "odd"} {
			var j journal
			g := &gather[string, string]{most: 64, lanes: 1, answer: j.answer}
			_, errs := asking(t.Context(), g, "a", "b", spoiled)
			if errs[0] != nil || errs[1] == nil || errs[2] == nil || len(j.groups) != 2 {
				t.Errorf("%s: %v after groups %q", spoiled, errs, j.groups)
			}
		}
	})
}

func TestNobodyIsAskedForWhoNoLongerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := &gather[string, string]{most: 64, lanes: 1, answer: j.answer}
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := g.ask(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		wait.Go(func() {
			_, err := g.ask(impatient, "b")
			if f, ok := failed(err); !ok || !f.lost() || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who left: %v", err)
			}
		})
		wait.Wait()
		synctest.Wait()
		if got := strings.Join(j.groups, "|"); got != "a" {
			t.Errorf("groups %s", got)
		}
	})
}

// TestWhoLeavesDoesNotEndTheGroup asks for the one whose context the group began with.
func TestWhoLeavesDoesNotEndTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := &gather[string, string]{most: 64, lanes: 1, answer: j.answer}
		impatient, cancel := context.WithTimeout(t.Context(), 3*time.Second/2)
		defer cancel()
		var wait sync.WaitGroup
		for i, ctx := range []context.Context{t.Context(), impatient, t.Context()} {
			wait.Go(func() {
				if _, err := g.ask(ctx, string(rune('a'+i))); (err != nil) != (i == 1) {
					t.Errorf("question %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		wait.Wait()
		if got := strings.Join(j.groups, "|"); got != "a|b c" {
			t.Errorf("groups %s", got)
		}
	})
}

// TestAGroupThatTakesLongHoldsNoOtherUp asks while the first group waits for a lock, and again when a whole group waits.
func TestAGroupThatTakesLongHoldsNoOtherUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var groups []string
		start := time.Now()
		g := &gather[string, string]{most: 2, lanes: 3, answer: func(_ context.Context, group []string) ([]string, error) {
			mu.Lock()
			groups = append(groups, strings.Join(group, " "))
			mu.Unlock()
			if slices.Contains(group, "slow") {
				<-time.After(3 * time.Second)
			}
			return group, nil
		}}
		var wait sync.WaitGroup
		for _, question := range []string{"slow", "a"} {
			wait.Go(func() {
				if _, err := g.ask(t.Context(), question); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); question == "a" && took != patience {
					t.Errorf("it took %v", took)
				}
			})
			synctest.Wait()
		}
		<-time.After(time.Second)
		before := time.Now()
		if _, errs := asking(t.Context(), g, "b", "c"); errors.Join(errs...) != nil || time.Since(before) != 0 {
			t.Errorf("a whole group took %v, %v", time.Since(before), errs)
		}
		wait.Wait()
		if got := strings.Join(groups, "|"); got != "slow|a|b c" {
			t.Errorf("groups %s", got)
		}
	})
}

// TestTwoOfOneNameAreNeverUnderWayTogether asks at random, with names shared by some, and counts who is under way.
func TestTwoOfOneNameAreNeverUnderWayTogether(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			var mu sync.Mutex
			under, largest, refused := map[string]bool{}, 0, 0
			g := &gather[string, string]{most: 1 + r.IntN(8), lanes: 1 + r.IntN(3), names: strings.Fields}
			g.answer = func(_ context.Context, group []string) ([]string, error) {
				mu.Lock()
				largest = max(largest, len(group))
				for name := range strings.FieldsSeq(strings.Join(group, " ")) {
					if under[name] {
						t.Errorf("%s is under way twice", name)
					}
					under[name] = true
				}
				wait, refuse := time.Duration(r.IntN(50))*time.Millisecond, r.IntN(5) == 0
				mu.Unlock()
				<-time.After(wait)
				mu.Lock()
				defer mu.Unlock()
				for name := range strings.FieldsSeq(strings.Join(group, " ")) {
					delete(under, name)
				}
				if refuse {
					refused++
					return nil, &Failure{SQLState: "23505"}
				}
				return group, nil
			}
			var wait sync.WaitGroup
			for range 60 {
				question := string(rune('a'+r.IntN(6))) + " " + string(rune('A'+r.IntN(6)))
				wait.Go(func() {
					if answer, err := g.ask(t.Context(), question); err == nil && answer != question {
						t.Errorf("%q was answered %q", question, answer)
					}
				})
			}
			wait.Wait()
			synctest.Wait()
			if g.running != 0 || len(g.waiting) != 0 || len(g.held) != 0 || largest > g.most {
				t.Errorf("%d run, %d wait, %d are held; a group had %d of %d", g.running, len(g.waiting), len(g.held), largest, g.most)
			}
		})
	}
}
