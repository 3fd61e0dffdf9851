package residency

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func limited(list corev1.ResourceList) []string {
	var names []string
	for name, amount := range list {
		if amount.IsZero() {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	return names
}

func TestAQuotaGrantsNothingOfClassesThatAPolicyDoesNotAllow(t *testing.T) {
	two := []string{"mystery.storageclass.storage.k8s.io/persistentvolumeclaims", "mystery.storageclass.storage.k8s.io/requests.storage",
		"us-fast.storageclass.storage.k8s.io/persistentvolumeclaims", "us-fast.storageclass.storage.k8s.io/requests.storage"}
	american := func(s *v1alpha1.ResidencyPolicySpec) { selected(s); s.Allowed.Countries = []v1alpha1.Country{"US"} }
	for name, test := range map[string]struct {
		policies  []v1alpha1.ResidencyPolicy
		registers []Register
		want      []string
	}{
		"selected":       {[]v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, selected)}, nil, two},
		"two policies":   {[]v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, selected), policy("us", v1alpha1.PolicyRoleNamed, american)}, nil, two},
		"another policy": {[]v1alpha1.ResidencyPolicy{policy("us", v1alpha1.PolicyRoleDefault, american)}, nil, two[:2]},
		"audited":        {[]v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, func(s *v1alpha1.ResidencyPolicySpec) { selected(s); s.Enforcement = v1alpha1.EnforcementAudit })}, nil, nil},
		"off":            {[]v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, func(s *v1alpha1.ResidencyPolicySpec) { selected(s); s.Storage.Quota = v1alpha1.QuotaOff })}, nil, nil},
		"the built-in":   {nil, []Register{{Namespace: "lab", Name: "crm"}}, nil},
		"excepted": {[]v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, func(s *v1alpha1.ResidencyPolicySpec) {
			selected(s)
			s.Exceptions = lifting(func(e *v1alpha1.ResidencyException) { e.Namespace = "lab" })
		})}, nil, nil},
		"excepted elsewhere": {[]v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, func(s *v1alpha1.ResidencyPolicySpec) { selected(s); s.Exceptions = lifting(nil) })}, nil, two},
		"excepted, and over": {[]v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, func(s *v1alpha1.ResidencyPolicySpec) {
			selected(s)
			s.Exceptions = lifting(func(e *v1alpha1.ResidencyException) { e.Namespace, e.ExpiresTime = "lab", &metav1.Time{Time: noon} })
		})}, nil, two},
		"named by registers": {[]v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleNamed, nil)}, []Register{{Namespace: "lab", Name: "crm", Policy: "eu"}}, two},
	} {
		in := world()
		in.Policies, in.Registers, in.Now = test.policies, test.registers, noon
		if diff := cmp.Diff(test.want, limited(Build(in).Quota("lab"))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAClassWithALongNameIsLeftToTheOtherLayers(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, selected)}
	in.Classes[2].Name = strings.Repeat("m", 240)
	if got := limited(Build(in).Quota("lab")); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

func TestNamespacesWithoutTheirQuotaAreNamed(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu", v1alpha1.PolicyRoleDefault, nil)}
	s := Build(in)
	quota := func(namespace, name string, hard corev1.ResourceList) corev1.ResourceQuota {
		return corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
	}
	whole, part := s.Quota("lab"), s.Quota("lab")
	delete(part, "us-fast.storageclass.storage.k8s.io/requests.storage")
	scoped := quota("lab", QuotaName, whole)
	scoped.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}
	for name, test := range map[string]struct {
		quotas []corev1.ResourceQuota
		want   []string
	}{
		"none":         {nil, []string{"lab", "shop"}},
		"all":          {[]corev1.ResourceQuota{quota("lab", QuotaName, whole), quota("shop", QuotaName, whole)}, nil},
		"raised":       {[]corev1.ResourceQuota{quota("lab", QuotaName, part), quota("shop", QuotaName, whole)}, []string{"lab"}},
		"scoped":       {[]corev1.ResourceQuota{scoped, quota("shop", QuotaName, whole)}, []string{"lab"}},
		"another name": {[]corev1.ResourceQuota{quota("lab", "other", whole), quota("shop", QuotaName, whole)}, []string{"lab"}},
	} {
		if diff := cmp.Diff(test.want, s.Unlimited("eu", test.quotas)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if other := s.Unlimited("other", nil); len(other) != 0 {
		t.Errorf("another policy lacks quotas in %v", other)
	}
}
