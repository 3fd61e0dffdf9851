package residency

import (
	"strings"
	"testing"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// naming makes a policy that allows the Union and names a default class; empty for none.
func naming(name, class string, enforcement v1alpha1.Enforcement) v1alpha1.ResidencyPolicy {
	return v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: enforcement,
		Storage: v1alpha1.PolicyStorage{DefaultClassName: v1alpha1.ObjectName(class)}}}
}

func TestAClassIsFilledInOnlyIfAllThatEnforceAgree(t *testing.T) {
	const enforce, audit = v1alpha1.EnforcementEnforce, v1alpha1.EnforcementAudit
	french := naming("french", "", enforce)
	french.Spec.Allowed.Regions = []v1alpha1.ProviderRegion{{Provider: "aws", Region: "eu-west-3"}}
	classes := []storagev1.StorageClass{named("paris", class("ebs.csi.aws.com", nil, term(region, "eu-west-3"))), named("frankfurt", class("ebs.csi.aws.com", nil, term(region, "eu-central-1"))), named("virginia", class("ebs.csi.aws.com", nil, term(region, "us-east-1")))}
	for name, test := range map[string]struct {
		policies []v1alpha1.ResidencyPolicy
		want     string
	}{
		"none names one":                     {[]v1alpha1.ResidencyPolicy{naming("a", "", enforce)}, ""},
		"one names one":                      {[]v1alpha1.ResidencyPolicy{naming("a", "paris", enforce)}, "paris"},
		"another names none":                 {[]v1alpha1.ResidencyPolicy{naming("a", "", enforce), naming("b", "paris", enforce)}, "paris"},
		"two name the same":                  {[]v1alpha1.ResidencyPolicy{naming("a", "paris", enforce), naming("b", "paris", enforce)}, "paris"},
		"two name different ones":            {[]v1alpha1.ResidencyPolicy{naming("a", "paris", enforce), naming("b", "frankfurt", enforce)}, ""},
		"the class is abroad":                {[]v1alpha1.ResidencyPolicy{naming("a", "virginia", enforce)}, ""},
		"the class does not exist":           {[]v1alpha1.ResidencyPolicy{naming("a", "gone", enforce)}, ""},
		"another policy does not allow it":   {[]v1alpha1.ResidencyPolicy{naming("a", "frankfurt", enforce), french}, ""},
		"a policy that audits":               {[]v1alpha1.ResidencyPolicy{naming("a", "paris", audit)}, ""},
		"a policy that audits names another": {[]v1alpha1.ResidencyPolicy{naming("a", "paris", enforce), naming("b", "frankfurt", audit)}, "paris"},
	} {
		t.Run(name, func(t *testing.T) {
			guard := &Guard{}
			for i := range test.policies {
				guard.Policies = append(guard.Policies, judgeAll(Compile(test.policies[i].Name, test.policies[i].Spec, today), Input{Classes: classes}))
			}
			if got := guard.FillIn(); got != test.want {
				t.Errorf("filled in %q, want %q", got, test.want)
			}
		})
	}
	if got := (*Guard)(nil).FillIn(); got != "" {
		t.Errorf("where nothing is judged, %q is filled in", got)
	}
}

func TestAPolicySaysThatItsDefaultClassIsNotAllowed(t *testing.T) {
	for name, want := range map[string]string{"paris": "", "virginia": "us-east-1", "gone": "does not exist"} {
		policy := naming("a", name, v1alpha1.EnforcementEnforce)
		snapshot := Build(Input{Policies: []v1alpha1.ResidencyPolicy{policy}, Classes: []storagev1.StorageClass{named("paris", class("ebs.csi.aws.com", nil, term(region, "eu-west-3"))), named("virginia", class("ebs.csi.aws.com", nil, term(region, "us-east-1")))}, On: today})
		got := Judge(Observed{Policy: &policy, Snapshot: snapshot}).Conditions[0]
		reason, status := v1alpha1.ReasonDefaultClassNotAllowed, metav1.ConditionFalse
		if want == "" {
			reason, status = v1alpha1.ReasonJudged, metav1.ConditionTrue
		}
		if got.Type != v1alpha1.ConditionReady || got.Status != status || got.Reason != reason || !strings.Contains(got.Message, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
