package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestATenantBelongsToNamespaceAndNameForEver(t *testing.T) {
	const knownTenant = "cac46d30-b4ad-8574-949c-b68cb8e3d732"
	id := TenantID("shop", "chat")
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.Version() != 8 || parsed.Variant() != uuid.RFC4122 {
		t.Errorf("%s is no UUID of version 8: %v", id, err)
	}
	if id != knownTenant {
		t.Errorf("the tenant of shop/chat is %s and was %s: every ledger would lose its owner", id, knownTenant)
	}
	seen := map[string]string{}
	for _, pair := range [][2]string{{"shop", "chat"}, {"shop", "chat2"}, {"sho", "pchat"}, {"shopchat", ""}, {"chat", "shop"}} {
		other := TenantID(pair[0], pair[1])
		if whose, twice := seen[other]; twice {
			t.Errorf("%v and %s share a tenant", pair, whose)
		}
		seen[other] = pair[0] + "/" + pair[1]
	}
}

func notices(list ...v1alpha1.ConsentNotice) *v1alpha1.ConsentPolicySpec {
	return &v1alpha1.ConsentPolicySpec{Notices: list}
}

func version(number int32, change v1alpha1.NoticeChange, effective time.Time) v1alpha1.ConsentNotice {
	n := v1alpha1.ConsentNotice{Version: number, Change: change}
	if !effective.IsZero() {
		n.EffectiveTime = ptr.To(metav1.NewTime(effective))
	}
	return n
}

func TestTheNewestNoticeWhoseTimeHasComeIsShown(t *testing.T) {
	spec := notices(
		version(3, v1alpha1.NoticeMaterial, noon.Add(time.Hour)), version(1, v1alpha1.NoticeMaterial, time.Time{}), version(2, v1alpha1.NoticeEditorial, noon))
	for at, want := range map[time.Duration][2]int32{-time.Nanosecond: {1, 1}, 0: {2, 1}, time.Hour - 1: {2, 1}, time.Hour: {3, 3}} {
		shown := InEffect(spec, noon.Add(at))
		if shown == nil || shown.Version != want[0] || LastMaterial(spec, noon.Add(at)) != want[1] {
			t.Errorf("at noon %+d: %+v, material %d, want %v", at, shown, LastMaterial(spec, noon.Add(at)), want)
		}
	}
	if InEffect(notices(version(1, v1alpha1.NoticeMaterial, noon)), noon.Add(-1)) != nil {
		t.Error("a notice of tomorrow is shown today")
	}
}

func TestTheServiceGetsNoNoticeBeforeItsTimeAndNoTimeAtAll(t *testing.T) {
	spec := notices(version(1, v1alpha1.NoticeMaterial, noon.Add(-time.Hour)), version(2, v1alpha1.NoticeMaterial, noon), version(3, v1alpha1.NoticeEditorial, noon.Add(1)))
	served := Served(spec, noon)
	if len(served.Notices) != 2 || served.Notices[0].EffectiveTime != nil || served.Notices[1].EffectiveTime != nil || InEffect(&served, time.Time{}).Version != 2 {
		t.Errorf("%+v", served.Notices)
	}
	if len(spec.Notices) != 3 || spec.Notices[1].EffectiveTime == nil {
		t.Error("the policy itself was changed")
	}
	if next := NextEffect(spec, noon); !next.Equal(noon.Add(1)) || !NextEffect(spec, next).IsZero() {
		t.Errorf("the next look is due at %s", next)
	}
}

func digestOf(t *testing.T, change func(*v1alpha1.Organisation, *v1alpha1.ConsentPolicySpec)) string {
	t.Helper()
	spec, organisation := readPolicy(t, "managed").Spec, officer().Spec.Organisation
	change(&organisation, &spec)
	digest, err := MaterialDigest(organisation, &spec, noon)
	if err != nil {
		t.Fatal(err)
	}
	if !digestForm.MatchString(digest) {
		t.Errorf("%q is no digest", digest)
	}
	return digest
}

func TestTheMaterialDigestMovesWithWhatPeopleAcceptAndWithNothingElse(t *testing.T) {
	type change = func(*v1alpha1.Organisation, *v1alpha1.ConsentPolicySpec)
	before := digestOf(t, func(*v1alpha1.Organisation, *v1alpha1.ConsentPolicySpec) {})
	p := func(edit func(*v1alpha1.ConsentPurpose)) change {
		return func(_ *v1alpha1.Organisation, s *v1alpha1.ConsentPolicySpec) { edit(&s.Purposes[0]) }
	}
	moves := map[string]change{
		"controller":  func(o *v1alpha1.Organisation, _ *v1alpha1.ConsentPolicySpec) { o.LegalName = "Other SAS" },
		"country":     func(o *v1alpha1.Organisation, _ *v1alpha1.ConsentPolicySpec) { o.Country = "DE" },
		"necessity":   p(func(p *v1alpha1.ConsentPurpose) { p.Necessity = v1alpha1.NecessityOptional }),
		"basis":       p(func(p *v1alpha1.ConsentPurpose) { p.LegalBasis = v1alpha1.BasisConsent }),
		"kind":        p(func(p *v1alpha1.ConsentPurpose) { p.ConsentKind = v1alpha1.ConsentExplicit }),
		"retention":   p(func(p *v1alpha1.ConsentPurpose) { p.Retention = "P4Y" }),
		"a field":     p(func(p *v1alpha1.ConsentPurpose) { p.DataFields = p.DataFields[:1] }),
		"sensitivity": p(func(p *v1alpha1.ConsentPurpose) { p.DataFields[0].Sensitivity = v1alpha1.SensitivitySensitive }),
		"a recipient": p(func(p *v1alpha1.ConsentPurpose) { p.Recipients[0].Name = "Acme marketing" }),
		"its country": p(func(p *v1alpha1.ConsentPurpose) { p.Recipients[0].Country = "US" }),
		"a purpose": func(_ *v1alpha1.Organisation, s *v1alpha1.ConsentPolicySpec) {
			s.Purposes = append(s.Purposes, v1alpha1.ConsentPurpose{Name: "x"})
		},
		"withdrawal": func(_ *v1alpha1.Organisation, s *v1alpha1.ConsentPolicySpec) { s.Service.Host = "elsewhere.example" },
		"material words": func(_ *v1alpha1.Organisation, s *v1alpha1.ConsentPolicySpec) {
			s.Notices = append(s.Notices, version(2, v1alpha1.NoticeMaterial, noon))
		},
	}
	seen := map[string]string{before: "nothing"}
	for name, change := range moves {
		after := digestOf(t, change)
		if as, twice := seen[after]; twice {
			t.Errorf("%s gives the digest of %s", name, as)
		}
		seen[after] = name
	}
	stays := map[string]change{
		"editorial words": func(_ *v1alpha1.Organisation, s *v1alpha1.ConsentPolicySpec) {
			s.Notices = append(s.Notices, version(2, v1alpha1.NoticeEditorial, noon))
		},
		"words to come": func(_ *v1alpha1.Organisation, s *v1alpha1.ConsentPolicySpec) {
			s.Notices = append(s.Notices, version(2, v1alpha1.NoticeMaterial, noon.Add(1)))
		},
		"a special category, by the version of the notice that must come with it": p(func(p *v1alpha1.ConsentPurpose) {
			p.SpecialCategories = []v1alpha1.SpecialCategory{v1alpha1.SpecialHealth}
		}),
		"an archive": p(func(p *v1alpha1.ConsentPurpose) { p.Lifecycle = v1alpha1.LifecycleArchived }),
		"order":      p(func(p *v1alpha1.ConsentPurpose) { p.DataFields[0], p.DataFields[1] = p.DataFields[1], p.DataFields[0] }),
		"address":    func(o *v1alpha1.Organisation, _ *v1alpha1.ConsentPolicySpec) { o.Address = "elsewhere" },
		"more pods":  func(_ *v1alpha1.Organisation, s *v1alpha1.ConsentPolicySpec) { s.Service.Replicas.Max = 9 },
	}
	for name, change := range stays {
		if digestOf(t, change) != before {
			t.Errorf("%s asks everybody again", name)
		}
	}
}

// changed changes a policy whose notice 1 people have seen.
func changed(t *testing.T, edit func(*v1alpha1.ConsentPolicySpec)) []Objection {
	t.Helper()
	before, after := readPolicy(t, "managed"), readPolicy(t, "managed")
	before.Spec.Purposes = append(before.Spec.Purposes, v1alpha1.ConsentPurpose{Name: "old", Lifecycle: v1alpha1.LifecycleArchived})
	after.Spec.Purposes = append(after.Spec.Purposes, v1alpha1.ConsentPurpose{Name: "old", Lifecycle: v1alpha1.LifecycleArchived})
	edit(&after.Spec)
	organisation := officer().Spec.Organisation
	return Changes(Version{&before.Spec, organisation}, Version{&after.Spec, organisation}, 1, noon)
}

func TestWhatPeopleAcceptedDoesNotChangeBehindTheirBack(t *testing.T) {
	again := func(s *v1alpha1.ConsentPolicySpec, change v1alpha1.NoticeChange, at time.Time) {
		next := *s.Notices[0].DeepCopy()
		next.Version, next.Change, next.EffectiveTime = 2, change, ptr.To(metav1.NewTime(at))
		s.Notices = append(s.Notices, next)
	}
	retention := func(s *v1alpha1.ConsentPolicySpec) { s.Purposes[0].Retention = "P9Y" }
	cases := []struct {
		name string
		edit func(*v1alpha1.ConsentPolicySpec)
		rule string
		says string
	}{
		{"nothing", func(*v1alpha1.ConsentPolicySpec) {}, "", ""},
		{"what nobody accepts", func(s *v1alpha1.ConsentPolicySpec) { s.Service.Replicas.Max, s.Gate.Records = 9, nil }, "", ""},
		{"published words", func(s *v1alpha1.ConsentPolicySpec) { s.Notices[0].Texts[0].Banner = "Autre chose." }, RulePublished, "notice 1 was shown"},
		{"published words leave", func(s *v1alpha1.ConsentPolicySpec) { s.Notices[0].Version = 2 }, RulePublished, "notice 1 is shown now"},
		{"published words under another version", func(s *v1alpha1.ConsentPolicySpec) {
			again(s, v1alpha1.NoticeEditorial, noon)
			s.Notices[1].Version = 1
			s.Notices[0].Version = 3
		}, RulePublished, "notice 1 was shown"},
		{"retention in silence", retention, RuleMaterial, `purpose "conversation"`},
		{"retention under editorial words", func(s *v1alpha1.ConsentPolicySpec) { retention(s); again(s, v1alpha1.NoticeEditorial, noon) }, RuleMaterial, "effective now"},
		{"retention under words to come", func(s *v1alpha1.ConsentPolicySpec) {
			retention(s)
			again(s, v1alpha1.NoticeMaterial, noon.Add(time.Hour))
		}, RuleMaterial, ""},
		{"retention, and everybody is asked", func(s *v1alpha1.ConsentPolicySpec) { retention(s); again(s, v1alpha1.NoticeMaterial, noon) }, "", ""},
		{"another host", func(s *v1alpha1.ConsentPolicySpec) { s.Service.Host = "elsewhere.example" }, RuleMaterial, "way to withdraw"},
		{"a purpose goes", func(s *v1alpha1.ConsentPolicySpec) {
			s.Purposes = s.Purposes[1:]
			again(s, v1alpha1.NoticeMaterial, noon)
		}, RuleArchive, "Archived first"},
		{"a special category more", func(s *v1alpha1.ConsentPolicySpec) {
			s.Purposes[0].SpecialCategories = []v1alpha1.SpecialCategory{v1alpha1.SpecialHealth}
		}, RuleMaterial, `purpose "`},
		{"a purpose is archived", func(s *v1alpha1.ConsentPolicySpec) { s.Purposes[0].Lifecycle = v1alpha1.LifecycleArchived }, "", ""},
		{"an archived purpose goes, and everybody is asked", func(s *v1alpha1.ConsentPolicySpec) {
			s.Purposes = s.Purposes[:1]
			again(s, v1alpha1.NoticeMaterial, noon)
		}, "", ""},
		{"an archived purpose comes back", func(s *v1alpha1.ConsentPolicySpec) { s.Purposes[1].Lifecycle = v1alpha1.LifecycleActive }, RuleMaterial, "comes back"},
		{"an archived purpose comes back, and everybody is asked", func(s *v1alpha1.ConsentPolicySpec) {
			s.Purposes[1].Lifecycle = v1alpha1.LifecycleActive
			again(s, v1alpha1.NoticeMaterial, noon)
		}, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := changed(t, c.edit)
			switch {
			case c.rule == "" && len(got) > 0:
				t.Errorf("refused: %+v", got)
			case c.rule != "" && (len(got) == 0 || got[0].Rule != c.rule || !strings.Contains(got[0].Message, c.says)):
				t.Errorf("got %+v, want %s %q", got, c.rule, c.says)
			}
		})
	}
}

func TestADraftMayChangeAndLateWordsMayNotComeBefore(t *testing.T) {
	before, after := readPolicy(t, "managed"), readPolicy(t, "managed")
	after.Spec.Notices[0].Texts[0].Banner, after.Spec.Purposes[0].Retention = "Autre chose.", "P9Y"
	organisation := officer().Spec.Organisation
	if got := Changes(Version{&before.Spec, organisation}, Version{&after.Spec, organisation}, 0, noon); len(got) > 0 {
		t.Errorf("nobody has seen it yet: %+v", got)
	}
	before.Spec.Notices[0].Version, after = 5, before.DeepCopy()
	after.Spec.Notices[0].Version = 5
	late := *after.Spec.Notices[0].DeepCopy()
	late.Version = 4
	after.Spec.Notices = append(after.Spec.Notices, late)
	if got := Changes(Version{&before.Spec, organisation}, Version{&after.Spec, organisation}, 5, noon); len(got) != 1 || got[0].Rule != RulePublished {
		t.Errorf("got %+v", got)
	}
	other := organisation
	other.LegalName = "Other SAS"
	if got := Changes(Version{&before.Spec, organisation}, Version{&before.Spec, other}, 5, noon); len(got) != 1 || !strings.Contains(got[0].Message, "the controller") {
		t.Errorf("another controller: %+v", got)
	}
}

func TestTheGateTheNoticeAndTheRegisterKnowThePurposes(t *testing.T) {
	cpol := readPolicy(t, "managed")
	gate := func(field, purpose string) []v1alpha1.GateRecord {
		return []v1alpha1.GateRecord{{Name: "contact", Fields: []v1alpha1.GateField{{Name: v1alpha1.FieldPath(field), Purposes: []v1alpha1.PartName{v1alpha1.PartName(purpose)}}}}}
	}
	cpol.Spec.Gate.Records = gate("email", "conversation")
	if got := Faults(&cpol.Spec, noon); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	for _, records := range [][]v1alpha1.GateRecord{gate("email", "advertising"), gate("phone", "conversation")} {
		cpol.Spec.Gate.Records = records
		if got := Faults(&cpol.Spec, noon); len(got) != 1 || got[0].Rule != RuleGate {
			t.Errorf("%+v", got)
		}
	}
	cpol.Spec.Purposes[0].DataFields = append(cpol.Spec.Purposes[0].DataFields, v1alpha1.ConsentDataField{Name: "address"}, v1alpha1.ConsentDataField{Name: "address.city"}, v1alpha1.ConsentDataField{Name: "addresses"})
	for field, want := range map[string]int{"address.city": 1, "addresses": 0} {
		cpol.Spec.Gate.Records = gate("address", string(cpol.Spec.Purposes[0].Name))
		cpol.Spec.Gate.Records[0].Fields = append(cpol.Spec.Gate.Records[0].Fields, gate(field, string(cpol.Spec.Purposes[0].Name))[0].Fields...)
		if got := Faults(&cpol.Spec, noon); len(got) != want || want == 1 && (got[0].Rule != RuleGate || !strings.Contains(got[0].Message, "address.city")) {
			t.Errorf("%s: %+v", field, got)
		}
	}
	cpol.Spec.Gate.Records = nil
	cpol.Spec.Notices[0].Texts[1].Purposes = append(cpol.Spec.Notices[0].Texts[1].Purposes, v1alpha1.PurposeText{Name: "advertising"})
	if got := Faults(&cpol.Spec, noon); len(got) != 1 || got[0].Rule != RuleNotice {
		t.Errorf("%+v", got)
	}

	cpol = readPolicy(t, "managed")
	next := *cpol.Spec.Notices[0].DeepCopy()
	next.Version, next.EffectiveTime = 2, ptr.To(metav1.NewTime(noon.Add(time.Hour)))
	cpol.Spec.Notices = append(cpol.Spec.Notices, next)
	cpol.Spec.Sites[0].Languages = []v1alpha1.NoticeLanguage{"de"}
	cpol.Spec.Notices[0].Texts[1].Purposes = nil
	if got := Faults(&cpol.Spec, noon); len(got) != 2 || got[0].Rule != RuleNotice || got[1].Rule != RuleNotice {
		t.Errorf("what is shown now does not have it: %+v", got)
	}
	cpol = readPolicy(t, "managed")

	if got := Unregistered(&cpol.Spec, recorded()); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	cpol.Spec.Purposes[0].LegalBasis = v1alpha1.BasisLegitimateInterests
	if got := Unregistered(&cpol.Spec, recorded()); len(got) != 1 || !strings.Contains(got[0].Message, "records it with Contract") {
		t.Errorf("%+v", got)
	}
	cpol.Spec.Purposes[0].Name = "statistics"
	if got := Unregistered(&cpol.Spec, recorded()); len(got) != 1 || !strings.Contains(got[0].Message, "is not in DataRegister") {
		t.Errorf("%+v", got)
	}
	cpol.Spec.Purposes[0].Lifecycle = v1alpha1.LifecycleArchived
	if got := Unregistered(&cpol.Spec, recorded()); len(got) > 0 {
		t.Errorf("an archived purpose may have left the register: %+v", got)
	}
}
