package profile

import "testing"

func TestThePublishedProfileIsPinned(t *testing.T) {
	p, err := Find(Default)
	if err != nil {
		t.Fatal(err)
	}
	const published = "af5db4e59542bf8d71a0d3d798d99d2d14bcc1303a9e9972c093c52ddaaef741"
	if p.Digest != published {
		t.Errorf("the periods of %s changed: digest %s, published %s; a change needs a new data version and a release note", p.Name, p.Digest, published)
	}
}

func TestPeriodsOfTheDefaultProfile(t *testing.T) {
	p, err := Find(Default)
	if err != nil {
		t.Fatal(err)
	}
	for rule, want := range map[string]string{
		BreachAuthority: "PT72H", BreachControllers: "PT24H", BreachSubjects: "PT72H", BreachProvisional: "PT72H",
		BreachComplement: "PT72H", BreachRecord: "P5Y", Request: "P1M", IdentityQuestion: "P7D",
	} {
		if got, err := p.Period(rule); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", rule, got, err, want)
		}
	}
	if _, err := Find("eu-gdpr-1995"); err == nil {
		t.Error("an unknown profile was found")
	}
	if _, err := p.Hours("DL-NONE"); err == nil {
		t.Error("an unknown rule was found")
	}
}
