package judge_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/judge"
)

// The laws, for acts that nobody thought of.

func drawAct(t *rapid.T) judge.Act {
	names := []string{"conversation", "transcript", "statistics", "newsletter", "health", "diet", "game", "postcards", "gone", "else"}
	a := judge.Act{
		Method: rapid.SampledFrom([]consent.Method{consent.MethodMessage, consent.MethodButton, consent.MethodCheckbox, consent.MethodTriggerButton,
			consent.MethodDoubleOptIn, consent.MethodAssertedBySite, consent.MethodAPI, consent.MethodOperatorWithdraw, ""}).Draw(t, "method"),
		Shown:        consent.NoticeRef{Material: rapid.SampledFrom([][]byte{material, nil, []byte("else")}).Draw(t, "shown")},
		BannerSeen:   rapid.Bool().Draw(t, "seen"),
		OldEnoughFor: rapid.SampledFrom([]int32{0, 13, 15, 16}).Draw(t, "age"),
		GPC:          rapid.Bool().Draw(t, "gpc"),
	}
	if rapid.Bool().Draw(t, "asserted") {
		a.AssertedAt = now.Add(time.Duration(rapid.Int64Range(int64(-3*time.Hour), int64(3*time.Hour)).Draw(t, "at")))
	}
	for range rapid.IntRange(0, 4).Draw(t, "choices") {
		a.Choices = append(a.Choices, judge.Choice{Purpose: rapid.SampledFrom(names).Draw(t, "purpose"),
			Decision: rapid.SampledFrom([]consent.Decision{consent.Granted, consent.Denied}).Draw(t, "decision")})
	}
	return a
}

func drawBefore(t *rapid.T) []consent.State {
	var before []consent.State
	for _, name := range []string{"conversation", "transcript", "statistics", "newsletter", "health", "diet", "game", "postcards", "gone"} {
		if !rapid.Bool().Draw(t, "decided") {
			continue
		}
		s := decided(name, rapid.SampledFrom([]consent.Decision{consent.Granted, consent.Denied}).Draw(t, "was"))
		if rapid.Bool().Draw(t, "stale") {
			s.Notice.Material = []byte("what it meant")
		}
		before = append(before, s)
	}
	return before
}

func TestAWithdrawalAlwaysWorks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, before := drawAct(t), drawBefore(t)
		got := judge.Judge(rules(), a, before, now)
		for _, state := range before {
			denied := slices.Contains(a.Choices, judge.Choice{Purpose: state.Purpose, Decision: consent.Denied})
			event := consent.Choice{Type: consent.EventWithdrawn, Purpose: state.Purpose, Decision: consent.Denied}
			if denied && state.Decision == consent.Granted && !slices.Contains(got.Choices, event) {
				t.Errorf("the withdrawal of %s was lost: %+v", state.Purpose, got)
			}
		}
	})
}

func TestWhatIsNeverGranted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, before, r := drawAct(t), drawBefore(t), rules()
		got := judge.Judge(r, a, before, now)
		seen := map[string]bool{}
		for _, choice := range got.Choices {
			if choice.Purpose != "" && seen[choice.Purpose] {
				t.Errorf("two events about %s", choice.Purpose)
			}
			seen[choice.Purpose] = true
			if choice.Decision != consent.Granted || choice.Purpose == "" {
				continue
			}
			i := slices.IndexFunc(r.Spec.Purposes, func(p v1alpha1.ConsentPurpose) bool { return string(p.Name) == choice.Purpose })
			p := r.Spec.Purposes[max(i, 0)]
			for what, wrong := range map[string]bool{
				"beside a refusal":               got.Refusal != "",
				"that was not asked for":         !slices.Contains(a.Choices, judge.Choice{Purpose: choice.Purpose, Decision: consent.Granted}),
				"that there is not":              i < 0 || p.Lifecycle == v1alpha1.LifecycleArchived,
				"to other words":                 !bytes.Equal(a.Shown.Material, material),
				"by no act of the person":        a.Method == consent.MethodAPI || a.Method == consent.MethodOperatorWithdraw || a.Method == "",
				"optional, by the service's act": p.Necessity == v1alpha1.NecessityOptional && (a.Method == consent.MethodMessage || a.Method == consent.MethodAssertedBySite),
				"optional, against GPC":          p.Necessity == v1alpha1.NecessityOptional && a.GPC && a.Method != consent.MethodCheckbox && a.Method != consent.MethodDoubleOptIn,
				"by who is too young":            a.OldEnoughFor < p.MinimumAge,
				"without the mailed token":       p.DoubleOptIn == v1alpha1.RequirementRequired && a.Method != consent.MethodDoubleOptIn,
				"explicit, by a message":         p.ConsentKind == v1alpha1.ConsentExplicit && a.Method == consent.MethodMessage,
				"to consent, by words about the service": judge.RestsOnConsent(&p) && (a.Method == consent.MethodMessage || a.Method == consent.MethodTriggerButton || a.Method == consent.MethodAssertedBySite ||
					a.Method == consent.MethodButton && p.Necessity == v1alpha1.NecessityRequestedService),
				"without an end": !choice.ValidUntil.After(now) || choice.ValidUntil.After(now.AddDate(0, 13, 1)),
			} {
				if wrong {
					t.Errorf("%s was granted %s: %+v", choice.Purpose, what, a)
				}
			}
		}
	})
}

// TestTheSameActIsJudgedTheSame: a retry after a crash must find what the first try found.
func TestTheSameActIsJudgedTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, before := drawAct(t), drawBefore(t)
		shuffled := rapid.Permutation(before).Draw(t, "order")
		if diff := cmp.Diff(judge.Judge(rules(), a, before, now), judge.Judge(rules(), a, shuffled, now)); diff != "" {
			t.Error(diff)
		}
	})
}
