package policy

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestTheServiceIsToldItsLimitsAndProxies: those of the policy, else the program's limits, and private addresses where there is a host.
func TestTheServiceIsToldItsLimitsAndProxies(t *testing.T) {
	for name, test := range map[string]struct {
		service v1alpha1.ConsentService
		want    []string
	}{
		"nothing":         {v1alpha1.ConsentService{}, nil},
		"a host":          {v1alpha1.ConsentService{Host: "consent.shop.example"}, []string{"--trusted-proxies=" + private}},
		"its own proxies": {v1alpha1.ConsentService{Host: "consent.shop.example", TrustedProxies: []v1alpha1.NetworkRange{"10.42.0.0/16", "fd00::/8"}}, []string{"--trusted-proxies=10.42.0.0/16,fd00::/8"}},
		"no host":         {v1alpha1.ConsentService{TrustedProxies: []v1alpha1.NetworkRange{"10.42.0.7/32"}}, []string{"--trusted-proxies=10.42.0.7/32"}},
		"limits":          {v1alpha1.ConsentService{RateLimit: &v1alpha1.ConsentRateLimit{PerSecond: 5, Burst: 40}}, []string{"--rate=5", "--burst=40"}},
	} {
		var got []string
		for _, arg := range serving(&v1alpha1.ConsentPolicy{Spec: v1alpha1.ConsentPolicySpec{Service: test.service}}) {
			if !strings.Contains(arg, "-dir=") {
				got = append(got, arg)
			}
		}
		if strings.Join(got, " ") != strings.Join(test.want, " ") {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
