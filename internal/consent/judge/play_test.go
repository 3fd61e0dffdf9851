package judge_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/judge"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// turn is what happens at an instant: an act, a withdrawal, or a change of the policy. Nothing: the clock is looked at.
type turn struct {
	after    time.Duration
	says     string
	act      *judge.Act
	withdraw []string
	policy   func(*judge.Rules)
}

const day = 24 * time.Hour

// showing is an act that shows the words of another digest.
func showing(a judge.Act, digest string) *judge.Act {
	a.Shown.Material = []byte(digest)
	return &a
}

func playing(a judge.Act) *judge.Act { return &a }

func purposeNamed(r *judge.Rules, name v1alpha1.PartName) *v1alpha1.ConsentPurpose {
	return &r.Spec.Purposes[slices.IndexFunc(r.Spec.Purposes, func(p v1alpha1.ConsentPurpose) bool { return p.Name == name })]
}

var plays = map[string][]turn{
	"visitor": {
		{0, "A visitor sends a message under the banner", playing(act(consent.MethodMessage, "conversation")), nil, nil},
		{time.Second, "as an old page does, with what rests on consent", playing(act(consent.MethodMessage, "conversation transcript")), nil, nil},
		{time.Minute, "and ticks the transcript, statistics and the newsletter", playing(act(consent.MethodCheckbox, "transcript statistics newsletter")), nil, nil},
		{2 * day, "The mail is answered", playing(act(consent.MethodDoubleOptIn, "newsletter")), nil, nil},
		{30 * day, "The notice says something new", nil, nil, func(r *judge.Rules) { r.Material = []byte("new") }},
		{31 * day, "A page that was open since yesterday sends", playing(act(consent.MethodMessage, "conversation")), nil, nil},
		{31*day + time.Minute, "The new words are shown, and accepted in part", showing(act(consent.MethodButton, "conversation -transcript"), "new"), nil, nil},
		{31*day + 2*time.Minute, "and statistics ticked again", showing(act(consent.MethodCheckbox, "statistics"), "new"), nil, nil},
		{32 * day, "The newsletter is withdrawn although its words are old", playing(act(consent.MethodButton, "-newsletter")), nil, nil},
		{216 * day, "Half a year passes", nil, nil, nil},
		{217 * day, "The visitor comes back with Global Privacy Control", showing(act(consent.MethodButton, "conversation", gpc), "new"), nil, nil},
		{217*day + time.Second, "and presses a button of the page for statistics", showing(act(consent.MethodButton, "statistics", gpc), "new"), nil, nil},
		{217*day + time.Minute, "then ticks statistics", showing(act(consent.MethodCheckbox, "statistics", gpc), "new"), nil, nil},
		{218 * day, "All is withdrawn", nil, []string{}, nil},
		{218*day + time.Second, "and once more", nil, []string{}, nil},
	},
	"site": {
		{0, "A site says that its banner was accepted", playing(act(consent.MethodAssertedBySite, "conversation")), nil, nil},
		{time.Second, "by parameter and by tag", playing(act(consent.MethodAssertedBySite, "conversation")), nil, nil},
		{day, "The visitor withdraws", nil, []string{"conversation"}, nil},
		{day + time.Second, "The site's page still says true", playing(act(consent.MethodAssertedBySite, "conversation")), nil, nil},
		{day + time.Minute, "with the time of its banner", playing(act(consent.MethodAssertedBySite, "conversation", assertedAt(now))), nil, nil},
		{2*day + time.Minute, "The visitor answers the site's banner again", playing(act(consent.MethodAssertedBySite, "conversation", assertedAt(now.Add(2*day)))), nil, nil},
		{3 * day, "The policy believes sites no more", nil, nil, func(r *judge.Rules) { r.Spec.SiteAssertion = v1alpha1.SiteAssertion{Mode: v1alpha1.AssertionRefused} }},
		{200 * day, "Half a year later the page says true", playing(act(consent.MethodAssertedBySite, "conversation")), nil, nil},
	},
	"child": {
		{0, "A visitor who does not say to be 15 ticks the game", playing(act(consent.MethodCheckbox, "game")), nil, nil},
		{time.Minute, "says to be 13", playing(act(consent.MethodCheckbox, "game", aged(13))), nil, nil},
		{2 * time.Minute, "says to be 15", playing(act(consent.MethodCheckbox, "game", aged(15))), nil, nil},
		{day, "The age becomes 16", nil, nil, func(r *judge.Rules) { purposeNamed(r, "game").MinimumAge = 16 }},
		{day + time.Minute, "and the visitor confirms", playing(act(consent.MethodCheckbox, "game", aged(15))), nil, nil},
		{2 * day, "The purpose is archived", nil, nil, func(r *judge.Rules) { purposeNamed(r, "game").Lifecycle = v1alpha1.LifecycleArchived }},
		{3 * day, "and withdrawn", playing(act(consent.MethodButton, "-game")), nil, nil},
	},
}

// TestPlays tells whole stories over a simulated clock. Each act is tried twice, as after a lost answer: the second judgement is
// made from the same state and must be the same.
func TestPlays(t *testing.T) {
	for name, turns := range plays {
		t.Run(name, func(t *testing.T) {
			text := perform(t, turns)
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(golden), text); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func perform(t *testing.T, turns []turn) string {
	t.Helper()
	var text strings.Builder
	r, known := rules(), map[string]consent.State{}
	for _, turn := range turns {
		clock := now.Add(turn.after)
		fmt.Fprintf(&text, "%s  %s\n", clock.Format("2006-01-02 15:04:05"), turn.says)
		before := slices.Collect(maps.Values(known))
		switch {
		case turn.policy != nil:
			turn.policy(&r)
		case turn.withdraw != nil:
			slices.SortFunc(before, func(a, b consent.State) int { return strings.Compare(a.Purpose, b.Purpose) })
			record(&text, known, judge.Withdraw(before, turn.withdraw), consent.NoticeRef{Material: r.Material}, clock)
		case turn.act != nil:
			verdict := judge.Judge(r, *turn.act, before, clock)
			if diff := cmp.Diff(verdict, judge.Judge(r, *turn.act, before, clock)); diff != "" {
				t.Error(diff)
			}
			for _, line := range []string{"refused: " + string(verdict.Refusal), "left out: " + strings.Join(verdict.LeftOut, " "), "waits for a mail: " + strings.Join(verdict.Pending, " ")} {
				if !strings.HasSuffix(line, ": ") {
					fmt.Fprintf(&text, "    %s\n", line)
				}
			}
			record(&text, known, verdict.Choices, turn.act.Shown, clock)
		}
		for _, purpose := range slices.Sorted(maps.Keys(known)) {
			fmt.Fprintf(&text, "        %-12s %s\n", purpose, known[purpose].Standing(r.Material, clock))
		}
	}
	return text.String()
}

// record is what the ledger does with choices: events, and the last decision of each purpose.
func record(text *strings.Builder, known map[string]consent.State, choices []consent.Choice, shown consent.NoticeRef, clock time.Time) {
	for _, c := range choices {
		line := fmt.Sprintf("    %s %s", c.Type, c.Purpose)
		if !c.ValidUntil.IsZero() {
			line += " until " + c.ValidUntil.Format(time.DateOnly)
		}
		fmt.Fprintln(text, strings.TrimRight(line, " "))
		if c.Purpose != "" {
			known[c.Purpose] = consent.State{Purpose: c.Purpose, Decision: c.Decision, Notice: shown, RecordedAt: clock, ValidUntil: c.ValidUntil}
		}
	}
}
