package judge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/judge"
)

var (
	now      = time.Date(2026, 11, 29, 10, 15, 30, 123456789, time.UTC)
	material = []byte("what the notice means")
	inHalfAY = time.Date(2027, 5, 29, 10, 15, 30, 123456000, time.UTC)
)

// rules have a purpose of each sort. Each test changes its own.
func rules() judge.Rules {
	return judge.Rules{Material: material, Spec: &v1alpha1.ConsentPolicySpec{
		Widget:        v1alpha1.ConsentWidget{Acceptance: v1alpha1.WidgetMessage, ConsentTTL: "P6M"},
		SiteAssertion: v1alpha1.SiteAssertion{Mode: v1alpha1.AssertionAccepted, Purposes: []v1alpha1.PartName{"conversation"}},
		Purposes: []v1alpha1.ConsentPurpose{
			purpose("conversation", v1alpha1.NecessityRequestedService, v1alpha1.BasisContract, v1alpha1.AcceptMessage, v1alpha1.AcceptButton, v1alpha1.AcceptTriggerButton, v1alpha1.AcceptSiteAssertion),
			purpose("transcript", v1alpha1.NecessityRequestedService, v1alpha1.BasisConsent,
				v1alpha1.AcceptMessage, v1alpha1.AcceptButton, v1alpha1.AcceptCheckbox, v1alpha1.AcceptTriggerButton, v1alpha1.AcceptSiteAssertion),
			purpose("statistics", v1alpha1.NecessityOptional, v1alpha1.BasisConsent, v1alpha1.AcceptButton, v1alpha1.AcceptCheckbox),
			{Name: "newsletter", Necessity: v1alpha1.NecessityOptional, LegalBasis: v1alpha1.BasisConsent, DoubleOptIn: v1alpha1.RequirementRequired,
				Acceptance: []v1alpha1.AcceptanceMethod{v1alpha1.AcceptDoubleOptIn}},
			{Name: "health", Necessity: v1alpha1.NecessityRequestedService, LegalBasis: v1alpha1.BasisConsent, ConsentKind: v1alpha1.ConsentExplicit,
				SpecialCategories: []v1alpha1.SpecialCategory{v1alpha1.SpecialHealth}, Acceptance: []v1alpha1.AcceptanceMethod{v1alpha1.AcceptCheckbox, v1alpha1.AcceptMessage}},
			{Name: "diet", Necessity: v1alpha1.NecessityRequestedService, LegalBasis: v1alpha1.BasisContract, ConsentKind: v1alpha1.ConsentExplicit,
				Acceptance: []v1alpha1.AcceptanceMethod{v1alpha1.AcceptCheckbox, v1alpha1.AcceptButton}},
			{Name: "game", Necessity: v1alpha1.NecessityOptional, LegalBasis: v1alpha1.BasisConsent, MinimumAge: 15,
				Acceptance: []v1alpha1.AcceptanceMethod{v1alpha1.AcceptCheckbox}},
			{Name: "postcards", Necessity: v1alpha1.NecessityOptional, LegalBasis: v1alpha1.BasisConsent, Lifecycle: v1alpha1.LifecycleArchived,
				Acceptance: []v1alpha1.AcceptanceMethod{v1alpha1.AcceptCheckbox}},
		},
	}}
}

func purpose(name v1alpha1.PartName, necessity v1alpha1.PurposeNecessity, basis v1alpha1.LegalBasis, by ...v1alpha1.AcceptanceMethod) v1alpha1.ConsentPurpose {
	return v1alpha1.ConsentPurpose{Name: name, Necessity: necessity, LegalBasis: basis, Acceptance: by}
}

// act is one that shows the current words. A purpose with a minus before it is denied.
func act(how consent.Method, purposes string, change ...func(*judge.Act)) judge.Act {
	a := judge.Act{Method: how, Shown: consent.NoticeRef{Version: 3, Material: material}, BannerSeen: true}
	for name := range strings.FieldsSeq(purposes) {
		denied, is := strings.CutPrefix(name, "-")
		decision := consent.Granted
		if is {
			decision = consent.Denied
		}
		a.Choices = append(a.Choices, judge.Choice{Purpose: denied, Decision: decision})
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func staleWords(a *judge.Act) { a.Shown.Material = []byte("what it meant") }
func lostWords(a *judge.Act)  { a.Shown.Material = nil }
func hidden(a *judge.Act)     { a.BannerSeen = false }
func unseen(a *judge.Act)     { a.BannerSeen, a.Unseen = false, true }
func gpc(a *judge.Act)        { a.GPC = true }

// storageByConsent leaves the message among the widget's acts, as no policy that was admitted does.
func storageByConsent(r *judge.Rules) { r.Spec.Widget.StorageBasis = v1alpha1.StorageConsent }

// assertable lets the site say that it has the consent of its own banner.
func assertable(r *judge.Rules) {
	r.Spec.SiteAssertion.Purposes = append(r.Spec.SiteAssertion.Purposes, "transcript")
}

// listed lets a purpose be accepted by one more act, as a policy of before may say.
func listed(name v1alpha1.PartName, way v1alpha1.AcceptanceMethod) func(*judge.Rules) {
	return func(r *judge.Rules) {
		p := purposeNamed(r, name)
		p.Acceptance = append(p.Acceptance, way)
	}
}

// needing adds a purpose that the service needs and that rests on no consent.
func needing(name v1alpha1.PartName) func(*judge.Rules) {
	return func(r *judge.Rules) {
		r.Spec.Purposes = append(r.Spec.Purposes, purpose(name, v1alpha1.NecessityRequestedService, v1alpha1.BasisContract, v1alpha1.AcceptButton))
	}
}

// void is a grant by an act that could be no consent.
func void(s consent.State) consent.State {
	s.Void = true
	return s
}

func aged(n int32) func(*judge.Act) { return func(a *judge.Act) { a.OldEnoughFor = n } }

func assertedAt(t time.Time) func(*judge.Act) { return func(a *judge.Act) { a.AssertedAt = t } }

// youngest asks an age for the letter.
func youngest(r *judge.Rules) { purposeNamed(r, "newsletter").MinimumAge = 15 }

// decided is a decision of an hour ago.
func decided(purpose string, d consent.Decision) consent.State {
	s := consent.State{Purpose: purpose, Decision: d, Notice: consent.NoticeRef{Material: material}, RecordedAt: now.Add(-time.Hour)}
	if d == consent.Granted {
		s.ValidUntil = now.Add(24 * time.Hour)
	}
	return s
}

// words are choices as text: type, purpose.
func words(choices []consent.Choice) string {
	var lines []string
	for _, c := range choices {
		lines = append(lines, strings.TrimSuffix(fmt.Sprintf("%s:%s", c.Type, c.Purpose), ":"))
	}
	return strings.Join(lines, " ")
}

func TestActs(t *testing.T) {
	granted, denied := consent.Granted, consent.Denied
	for name, c := range map[string]struct {
		act     judge.Act
		change  func(*judge.Rules)
		before  []consent.State
		refusal judge.Refusal
		choices string
		pending []string
		leftOut []string
	}{
		"2.4(5): a message accepts terms and storage, two events": {act: act(consent.MethodMessage, "conversation"), choices: "storage.acknowledged terms.accepted:conversation"},
		"2.4(5): and is consent to nothing else":                  {act: act(consent.MethodMessage, "transcript"), refusal: judge.RefusedMethod},
		"2.4(4): nor is the banner's button":                      {act: act(consent.MethodButton, "transcript"), refusal: judge.RefusedMethod},
		"nor beside the terms":                                    {act: act(consent.MethodButton, "conversation transcript"), refusal: judge.RefusedMethod},
		"nor the start of a scenario":                             {act: act(consent.MethodTriggerButton, "transcript"), refusal: judge.RefusedMethod},
		"nor a site's word, also where the policy takes it":       {act: act(consent.MethodAssertedBySite, "transcript"), change: assertable, refusal: judge.RefusedMethod},
		"its own box is":                                          {act: act(consent.MethodCheckbox, "transcript"), choices: "consent.given:transcript"},
		"2.4(4): the banner's button for special categories":      {act: act(consent.MethodButton, "health"), change: listed("health", v1alpha1.AcceptButton), refusal: judge.RefusedMethod},
		"also where a contract is the basis":                      {act: act(consent.MethodButton, "diet"), refusal: judge.RefusedMethod},
		"whose own box is explicit":                               {act: act(consent.MethodCheckbox, "diet"), choices: "consent.given:diet"},
		"an optional purpose by the start of a scenario":          {act: act(consent.MethodTriggerButton, "statistics"), change: listed("statistics", v1alpha1.AcceptTriggerButton), refusal: judge.RefusedMethod},
		"an optional purpose by a button of its own":              {act: act(consent.MethodButton, "statistics"), choices: "consent.given:statistics"},
		"not by one that says more":                               {act: act(consent.MethodButton, "conversation statistics"), refusal: judge.RefusedMethod},
		"what it refuses is no more":                              {act: act(consent.MethodButton, "statistics -game"), choices: "consent.given:statistics consent.refused:game"},
		"a button does the same":                                  {act: act(consent.MethodButton, "conversation"), choices: "storage.acknowledged terms.accepted:conversation"},
		"also for all that the service needs":                     {act: act(consent.MethodButton, "conversation history"), change: needing("history"), choices: "storage.acknowledged terms.accepted:conversation terms.accepted:history"},
		"storage that rests on consent is consented to":           {act: act(consent.MethodButton, "conversation"), change: storageByConsent, choices: "consent.given terms.accepted:conversation"},
		"by a trigger too":                                        {act: act(consent.MethodTriggerButton, "conversation"), change: storageByConsent, choices: "consent.given terms.accepted:conversation"},
		"by a message never":                                      {act: act(consent.MethodMessage, "conversation"), change: storageByConsent, refusal: judge.RefusedMethod},
		"for the word of a site the proof is the site's":          {act: act(consent.MethodAssertedBySite, "conversation"), change: storageByConsent, choices: "terms.accepted:conversation"},
		"a trigger too":                                           {act: act(consent.MethodTriggerButton, "conversation"), choices: "storage.acknowledged terms.accepted:conversation"},
		"a checkbox is about its purpose alone":                   {act: act(consent.MethodCheckbox, "statistics"), choices: "consent.given:statistics"},
		"purposes one by one":                                     {act: act(consent.MethodCheckbox, "statistics -game"), choices: "consent.given:statistics consent.refused:game"},
		"again":                                                   {act: act(consent.MethodCheckbox, "statistics"), before: []consent.State{decided("statistics", granted)}, choices: "consent.reconfirmed:statistics"},
		"after a grant that was no consent it is given":           {act: act(consent.MethodCheckbox, "statistics"), before: []consent.State{void(decided("statistics", granted))}, choices: "consent.given:statistics"},
		"after a withdrawal it is given anew":                     {act: act(consent.MethodCheckbox, "statistics"), before: []consent.State{decided("statistics", denied)}, choices: "consent.given:statistics"},

		"no choice":                         {act: act(consent.MethodButton, ""), refusal: judge.RefusedMalformed},
		"two choices about one purpose":     {act: act(consent.MethodCheckbox, "statistics -statistics"), refusal: judge.RefusedMalformed},
		"a purpose that there is not":       {act: act(consent.MethodButton, "conversation else"), refusal: judge.RefusedPurpose},
		"its refusal":                       {act: act(consent.MethodButton, "-else"), refusal: judge.RefusedPurpose},
		"an archived purpose":               {act: act(consent.MethodCheckbox, "postcards"), refusal: judge.RefusedPurpose},
		"words that mean something else":    {act: act(consent.MethodButton, "conversation", staleWords), refusal: judge.RefusedStale},
		"words that nobody knows":           {act: act(consent.MethodButton, "conversation", lostWords), refusal: judge.RefusedStale},
		"no digest of the current notice":   {act: act(consent.MethodButton, "conversation", lostWords), change: func(r *judge.Rules) { r.Material = nil }, refusal: judge.RefusedStale},
		"other words that mean the same":    {act: act(consent.MethodButton, "conversation", func(a *judge.Act) { a.Shown.Version = 2 }), choices: "storage.acknowledged terms.accepted:conversation"},
		"a method that the purpose has not": {act: act(consent.MethodCheckbox, "conversation"), refusal: judge.RefusedMethod},
		"a client in a person's place":      {act: act(consent.MethodAPI, "statistics"), refusal: judge.RefusedMethod},
		"the operator in a person's place":  {act: act(consent.MethodOperatorWithdraw, "statistics"), refusal: judge.RefusedMethod},
		"a method that there is not":        {act: act("telepathy", "statistics"), refusal: judge.RefusedMethod},
		"one bad purpose among good ones":   {act: act(consent.MethodMessage, "conversation statistics"), refusal: judge.RefusedMethod},

		"T23: a message for what is optional": {act: act(consent.MethodMessage, "statistics"), refusal: judge.RefusedMethod},
		"the same where the policy lists it": {act: act(consent.MethodMessage, "statistics"), refusal: judge.RefusedMethod,
			change: func(r *judge.Rules) {
				r.Spec.Purposes[2].Acceptance = []v1alpha1.AcceptanceMethod{v1alpha1.AcceptMessage}
			}},
		"a message where only buttons count": {act: act(consent.MethodMessage, "conversation"), refusal: judge.RefusedMethod,
			change: func(r *judge.Rules) { r.Spec.Widget.Acceptance = v1alpha1.WidgetExplicit }},
		"T9: a box beside hidden words":               {act: act(consent.MethodCheckbox, "statistics", unseen), refusal: judge.RefusedMethod},
		"a button under them":                         {act: act(consent.MethodButton, "conversation", unseen), refusal: judge.RefusedMethod},
		"to refuse takes no look":                     {act: act(consent.MethodCheckbox, "-statistics", unseen), choices: "consent.refused:statistics"},
		"T9: a message under a hidden banner":         {act: act(consent.MethodMessage, "conversation", hidden), refusal: judge.RefusedMethod},
		"a message for special categories":            {act: act(consent.MethodMessage, "health"), refusal: judge.RefusedMethod},
		"special categories by an act of their own":   {act: act(consent.MethodCheckbox, "health"), choices: "consent.given:health"},
		"Article 8: no word about age":                {act: act(consent.MethodCheckbox, "game"), refusal: judge.RefusedAge},
		"not old enough":                              {act: act(consent.MethodCheckbox, "game", aged(13)), refusal: judge.RefusedAge},
		"as old as it takes":                          {act: act(consent.MethodCheckbox, "game", aged(15)), choices: "consent.given:game"},
		"older":                                       {act: act(consent.MethodCheckbox, "game", aged(16)), choices: "consent.given:game"},
		"to refuse takes no age":                      {act: act(consent.MethodCheckbox, "-game"), choices: "consent.refused:game"},
		"double opt-in: the first act grants nothing": {act: act(consent.MethodCheckbox, "newsletter"), pending: []string{"newsletter"}},
		"by any act of its own":                       {act: act(consent.MethodButton, "newsletter"), pending: []string{"newsletter"}},
		"not by a message":                            {act: act(consent.MethodMessage, "newsletter"), refusal: judge.RefusedMethod},
		"beside others, which count":                  {act: act(consent.MethodCheckbox, "newsletter statistics"), pending: []string{"newsletter"}, choices: "consent.given:statistics"},
		"the mailed token grants it":                  {act: act(consent.MethodDoubleOptIn, "newsletter"), choices: "consent.given:newsletter"},
		"Article 8: a mailed token is nobody's age":   {act: act(consent.MethodDoubleOptIn, "newsletter"), change: youngest, refusal: judge.RefusedAge},
		"with the answer it grants":                   {act: act(consent.MethodDoubleOptIn, "newsletter", aged(15)), change: youngest, choices: "consent.given:newsletter"},
		"not to words that have changed since":        {act: act(consent.MethodDoubleOptIn, "newsletter", staleWords), refusal: judge.RefusedStale},
		"and nothing else":                            {act: act(consent.MethodDoubleOptIn, "newsletter statistics"), refusal: judge.RefusedMethod},
		"GPC: what is optional stays off, unwritten":  {act: act(consent.MethodButton, "statistics", gpc), leftOut: []string{"statistics"}},
		"GPC: an explicit opt-in wins":                {act: act(consent.MethodCheckbox, "statistics", gpc), choices: "consent.given:statistics"},
		"GPC: no signal is no consent":                {act: act(consent.MethodButton, "-statistics"), choices: "consent.refused:statistics"},
		"GPC: a refusal is an event as ever":          {act: act(consent.MethodButton, "-statistics", gpc), choices: "consent.refused:statistics"},

		"2.2: a site's word": {act: act(consent.MethodAssertedBySite, "conversation"), choices: "terms.accepted:conversation"},
		"twice is once":      {act: act(consent.MethodAssertedBySite, "conversation"), before: []consent.State{decided("conversation", granted)}},
		"for a purpose that it may not name": {act: act(consent.MethodAssertedBySite, "conversation"), refusal: judge.RefusedMethod,
			change: func(r *judge.Rules) { r.Spec.SiteAssertion.Purposes = []v1alpha1.PartName{"statistics"} }},
		"where nobody believes it": {act: act(consent.MethodAssertedBySite, "conversation"), refusal: judge.RefusedMethod,
			change: func(r *judge.Rules) { r.Spec.SiteAssertion.Mode = v1alpha1.AssertionRefused }},
		"for what is optional": {act: act(consent.MethodAssertedBySite, "statistics"), refusal: judge.RefusedMethod, change: func(r *judge.Rules) {
			r.Spec.SiteAssertion.Purposes = []v1alpha1.PartName{"statistics"}
			r.Spec.Purposes[2].Acceptance = []v1alpha1.AcceptanceMethod{v1alpha1.AcceptSiteAssertion}
		}},
		"T14: a site's word after a withdrawal": {act: act(consent.MethodAssertedBySite, "conversation"), before: []consent.State{decided("conversation", denied)}, refusal: judge.RefusedAssertion},
		"of before the withdrawal":              {act: act(consent.MethodAssertedBySite, "conversation", assertedAt(now.Add(-2*time.Hour))), before: []consent.State{decided("conversation", denied)}, refusal: judge.RefusedAssertion},
		"of the same instant":                   {act: act(consent.MethodAssertedBySite, "conversation", assertedAt(now.Add(-time.Hour))), before: []consent.State{decided("conversation", denied)}, refusal: judge.RefusedAssertion},
		"of after it":                           {act: act(consent.MethodAssertedBySite, "conversation", assertedAt(now.Add(-time.Minute))), before: []consent.State{decided("conversation", denied)}, choices: "terms.accepted:conversation"},
		"hard-coded for ever":                   {act: act(consent.MethodAssertedBySite, "conversation", assertedAt(now.Add(1000*time.Hour))), before: []consent.State{decided("conversation", denied)}, refusal: judge.RefusedAssertion},

		"for ever, after the consent ended": {act: act(consent.MethodAssertedBySite, "conversation"), before: []consent.State{ended("conversation")}, refusal: judge.RefusedAssertion},
		"since it began":                    {act: act(consent.MethodAssertedBySite, "conversation", assertedAt(now.Add(-time.Minute))), before: []consent.State{ended("conversation")}, choices: "terms.accepted:conversation"},
		"for ever, after the terms changed": {act: act(consent.MethodAssertedBySite, "conversation"), before: []consent.State{meant("conversation", "what it meant")}, refusal: judge.RefusedAssertion},
		"since they were accepted":          {act: act(consent.MethodAssertedBySite, "conversation", assertedAt(now.Add(-time.Minute))), before: []consent.State{meant("conversation", "what it meant")}, choices: "terms.accepted:conversation"},

		"withdrawal":                            {act: act(consent.MethodButton, "-statistics"), before: []consent.State{decided("statistics", granted)}, choices: "consent.withdrawn:statistics"},
		"of words that have changed":            {act: act(consent.MethodButton, "-statistics", staleWords), before: []consent.State{decided("statistics", granted)}, choices: "consent.withdrawn:statistics"},
		"of a purpose that is archived":         {act: act(consent.MethodButton, "-postcards"), before: []consent.State{decided("postcards", granted)}, choices: "consent.withdrawn:postcards"},
		"of a purpose that is gone":             {act: act(consent.MethodButton, "-gone"), before: []consent.State{decided("gone", granted)}, choices: "consent.withdrawn:gone"},
		"by an act that is refused otherwise":   {act: act(consent.MethodMessage, "-transcript -game statistics"), before: []consent.State{decided("transcript", granted)}, refusal: judge.RefusedMethod, choices: "consent.withdrawn:transcript"},
		"by an act that contradicts itself":     {act: act(consent.MethodButton, "-statistics statistics -statistics"), before: []consent.State{decided("statistics", granted)}, refusal: judge.RefusedMalformed, choices: "consent.withdrawn:statistics"},
		"of what expired long ago":              {act: act("else", "-statistics"), before: []consent.State{{Purpose: "statistics", Decision: granted}}, choices: "consent.withdrawn:statistics"},
		"twice: the second one is a refusal":    {act: act(consent.MethodButton, "-statistics"), before: []consent.State{decided("statistics", denied)}, choices: "consent.refused:statistics"},
		"a purpose that is gone is not granted": {act: act(consent.MethodButton, "gone"), before: []consent.State{decided("gone", granted)}, refusal: judge.RefusedPurpose},
	} {
		t.Run(name, func(t *testing.T) {
			r := rules()
			if c.change != nil {
				c.change(&r)
			}
			got := judge.Judge(r, c.act, c.before, now)
			if got.Refusal != c.refusal || words(got.Choices) != c.choices || !slices.Equal(got.Pending, c.pending) || !slices.Equal(got.LeftOut, c.leftOut) {
				t.Errorf("%+v", got)
			}
			for _, choice := range got.Choices {
				granted := choice.Type != consent.EventRefused && choice.Type != consent.EventWithdrawn
				lasts := granted && (choice.Purpose != "" || choice.Type == consent.EventGiven)
				if granted != (choice.Decision == consent.Granted) || lasts != choice.ValidUntil.Equal(inHalfAY) || !lasts && !choice.ValidUntil.IsZero() {
					t.Errorf("%+v", choice)
				}
			}
		})
	}
}

func TestHowLongAChoiceCounts(t *testing.T) {
	for _, c := range []struct {
		ttl       v1alpha1.ConsentPeriod
		from, end string
	}{
		{"P6M", "2026-11-29T10:15:30.123456Z", "2027-05-29T10:15:30.123456Z"},
		{"P6M", "2026-08-31T23:59:59Z", "2027-02-28T23:59:59Z"}, // Regulation 1182/71: no 31 February
		{"P1M", "2028-01-31T12:00:00Z", "2028-02-29T12:00:00Z"},
		{"P13M", "2026-11-29T00:00:00Z", "2027-12-29T00:00:00Z"},
		{"P30D", "2026-11-29T00:00:00Z", "2026-12-29T00:00:00Z"},
		{"", "2026-11-29T00:00:00Z", "2027-05-29T00:00:00Z"},
		{"P14M", "2026-11-29T00:00:00Z", "2027-12-29T00:00:00Z"},     // longer than the law's guidance: cut
		{"for ever", "2026-11-29T00:00:00Z", "2026-11-29T00:00:00Z"}, // not a period: it has ended
		{"P1M", "2026-03-29T01:30:00+01:00", "2026-04-29T00:30:00Z"}, // clocks that change do not matter
	} {
		from, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		r := rules()
		r.Spec.Widget.ConsentTTL = c.ttl
		got := judge.Judge(r, act(consent.MethodCheckbox, "statistics"), nil, from).Choices[0].ValidUntil
		if text := got.Format(time.RFC3339Nano); text != c.end {
			t.Errorf("%s from %s: %s, want %s", c.ttl, c.from, text, c.end)
		}
	}
}

func TestWithdrawalsWithoutAnAct(t *testing.T) {
	before := []consent.State{decided("statistics", consent.Granted), decided("game", consent.Denied), {Purpose: "gone", Decision: consent.Granted}}
	for name, c := range map[string]struct {
		purposes []string
		want     string
	}{
		"all":                    {nil, "consent.withdrawn:statistics consent.withdrawn:gone"},
		"one":                    {[]string{"statistics"}, "consent.withdrawn:statistics"},
		"one that is denied":     {[]string{"game"}, ""},
		"one that was never":     {[]string{"else"}, ""},
		"one of an older policy": {[]string{"gone", "else"}, "consent.withdrawn:gone"},
	} {
		if got := words(judge.Withdraw(before, c.purposes)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// ended is a consent whose time is over, and meant one to words of another meaning.
func ended(purpose string) consent.State {
	s := decided(purpose, consent.Granted)
	s.ValidUntil = now.Add(-time.Second)
	return s
}

func meant(purpose, material string) consent.State {
	s := decided(purpose, consent.Granted)
	s.Notice.Material = []byte(material)
	return s
}
