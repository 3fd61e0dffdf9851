package policy_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
)

func TestWhatTheWidgetNeverAsksForIsSaid(t *testing.T) {
	purpose := func(name v1alpha1.PartName, change func(*v1alpha1.ConsentPurpose)) v1alpha1.ConsentPurpose {
		p := v1alpha1.ConsentPurpose{Name: name, Necessity: v1alpha1.NecessityRequestedService, LegalBasis: v1alpha1.BasisConsent,
			Acceptance: []v1alpha1.AcceptanceMethod{v1alpha1.AcceptDoubleOptIn}}
		if change != nil {
			change(&p)
		}
		return p
	}
	said := strings.Join(policy.Unasked(&v1alpha1.ConsentPolicySpec{Purposes: []v1alpha1.ConsentPurpose{
		purpose("optional", func(p *v1alpha1.ConsentPurpose) { p.Necessity = v1alpha1.NecessityOptional }),
		purpose("service", nil),
		purpose("explicit", func(p *v1alpha1.ConsentPurpose) {
			p.LegalBasis, p.ConsentKind = v1alpha1.BasisContract, v1alpha1.ConsentExplicit
		}),
		purpose("by the banner", func(p *v1alpha1.ConsentPurpose) { p.LegalBasis = v1alpha1.BasisContract }),
		purpose("by its box", func(p *v1alpha1.ConsentPurpose) { p.Acceptance = append(p.Acceptance, v1alpha1.AcceptCheckbox) }),
		purpose("archived", func(p *v1alpha1.ConsentPurpose) { p.Lifecycle = v1alpha1.LifecycleArchived }),
	}}), "\n")
	for name, want := range map[string]bool{"optional": true, "service": true, "explicit": true, "by the banner": false, "by its box": false, "archived": false} {
		if strings.Contains(said, `"`+name+`"`) != want {
			t.Errorf("%s: %s", name, said)
		}
	}
}
