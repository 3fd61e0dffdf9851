package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestAnAgeBelowThatOfTheCountryIsSaid(t *testing.T) {
	const france = `purpose "game" has minimumAge 13: children of FR consent by themselves from 15 (Article 8(1)), others as their own state has it; source: ` +
		"Art. 45 loi Informatique et Libertés (Art. 7-1 before 2019); under 15: JOINT consent of child and holder of parental authority"
	for name, test := range map[string]struct {
		country v1alpha1.Country
		age     int32
		edit    func(*v1alpha1.ConsentPurpose)
		want    []string
	}{
		"France":     {"FR", 13, nil, []string{france}},
		"its age":    {"FR", 15, nil, nil},
		"an older":   {"FR", 16, nil, nil},
		"no age":     {"FR", 0, nil, nil},
		"Belgium":    {"BE", 13, nil, nil},
		"Germany":    {"DE", 15, nil, []string{`purpose "game" has minimumAge 15: children of DE consent by themselves from 16 (Article 8(1)), others as their own state has it; source: Article 8(1) itself, no derogation`}},
		"Cyprus":     {"CY", 13, nil, []string{`purpose "game" has minimumAge 13: children of CY consent by themselves from 14 (Article 8(1)), others as their own state has it; source, to be confirmed: Art. 8 Law 125(I)/2018`}},
		"abroad":     {"US", 13, nil, nil},
		"no officer": {"", 13, nil, nil},
		"a contract": {"FR", 13, func(p *v1alpha1.ConsentPurpose) { p.LegalBasis = v1alpha1.BasisContract }, nil},
		"archived":   {"FR", 13, func(p *v1alpha1.ConsentPurpose) { p.Lifecycle = v1alpha1.LifecycleArchived }, nil},
	} {
		spec := v1alpha1.ConsentPolicySpec{Purposes: []v1alpha1.ConsentPurpose{{Name: "other", LegalBasis: v1alpha1.BasisConsent},
			{Name: "game", LegalBasis: v1alpha1.BasisConsent, MinimumAge: test.age}}}
		if test.edit != nil {
			test.edit(&spec.Purposes[1])
		}
		if diff := cmp.Diff(test.want, Younger(&spec, test.country)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
