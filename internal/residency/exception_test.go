package residency

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func exception(rule v1alpha1.ExceptionRule, change func(*v1alpha1.ResidencyException)) v1alpha1.ResidencyException {
	end := metav1.NewTime(noon.AddDate(0, 6, 0))
	e := v1alpha1.ResidencyException{Name: "move", Rule: rule, Namespace: "shop", Mechanism: v1alpha1.MechanismSCC, Reference: "SCC 2026-4", Reason: "until the move",
		ApprovedBy: "data protection officer", ExpiresTime: &end}
	if change != nil {
		change(&e)
	}
	return e
}

func excepting(exceptions ...v1alpha1.ResidencyException) *Snapshot {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", "Default", func(s *v1alpha1.ResidencyPolicySpec) { s.Exceptions = exceptions })}
	return Build(in)
}

func TestAnExceptionLiftsOneRuleForItsObjects(t *testing.T) {
	claimed := func(name string) Target {
		return Target{Namespace: "shop", Objects: []Workload{{"PersistentVolumeClaim", name}}}
	}
	pod := Target{Namespace: "shop", Objects: []Workload{{"Pod", "app-1"}, {"ReplicaSet", "app-7"}, {"Deployment", "app"}}}
	kind := func(kind v1alpha1.ExceptionKind, name v1alpha1.ObjectName) func(*v1alpha1.ResidencyException) {
		return func(e *v1alpha1.ResidencyException) { e.Kind, e.ObjectName = kind, name }
	}
	for name, test := range map[string]struct {
		exception v1alpha1.ResidencyException
		rule      string
		target    Target
		want      bool
	}{
		"everything of the namespace":         {exception("storage-class", nil), RuleStorageClass, claimed("data"), true},
		"another rule":                        {exception("volume", nil), RuleStorageClass, claimed("data"), false},
		"another namespace":                   {exception("storage-class", func(e *v1alpha1.ResidencyException) { e.Namespace = "lab" }), RuleStorageClass, claimed("data"), false},
		"the kind":                            {exception("storage-class", kind("PersistentVolumeClaim", "")), RuleStorageClass, claimed("data"), true},
		"another kind":                        {exception("storage-class", kind("StatefulSet", "")), RuleStorageClass, claimed("data"), false},
		"the object":                          {exception("storage-class", kind("PersistentVolumeClaim", "data")), RuleStorageClass, claimed("data"), true},
		"another object":                      {exception("storage-class", kind("PersistentVolumeClaim", "data")), RuleStorageClass, claimed("data-2"), false},
		"what made the object":                {exception("placement", kind("Deployment", "app")), RulePlacement, pod, true},
		"placement lifts the node too":        {exception("placement", nil), RuleNode, pod, true},
		"the node does not lift placement":    {exception("node", nil), RulePlacement, pod, false},
		"no rule of the declared place":       {exception("placement", nil), RuleDeclaredPlace, pod, false},
		"on the last second":                  {exception("node", func(e *v1alpha1.ResidencyException) { e.ExpiresTime = &metav1.Time{Time: noon.Add(time.Second)} }), RuleNode, pod, true},
		"from the instant of its end":         {exception("node", func(e *v1alpha1.ResidencyException) { e.ExpiresTime = &metav1.Time{Time: noon} }), RuleNode, pod, false},
		"without an end, which none can have": {exception("node", func(e *v1alpha1.ResidencyException) { e.ExpiresTime = nil }), RuleNode, pod, false},
	} {
		rules := excepting(test.exception).Policy("eu-only").Rules
		if got := rules.ExceptionFor(test.rule, test.target, noon) != nil; got != test.want {
			t.Errorf("%s: lifted %v", name, got)
		}
	}
}

// TestNothingExpiredOrOfAnotherNamespaceEverAdmits is the law of exceptions: whatever else an exception says.
func TestNothingExpiredOrOfAnotherNamespaceEverAdmits(t *testing.T) {
	rules := []v1alpha1.ExceptionRule{"storage-class", "volume", "inline-volume", "placement", "node"}
	kinds := []v1alpha1.ExceptionKind{"", "Pod", "PersistentVolumeClaim", "Deployment"}
	rapid.Check(t, func(t *rapid.T) {
		exceptions := make([]v1alpha1.ResidencyException, rapid.IntRange(1, 5).Draw(t, "exceptions"))
		for i := range exceptions {
			exceptions[i] = exception(rapid.SampledFrom(rules).Draw(t, "rule"), func(e *v1alpha1.ResidencyException) {
				e.Kind = rapid.SampledFrom(kinds).Draw(t, "kind")
				e.Namespace = rapid.SampledFrom([]v1alpha1.PartName{"shop", "lab"}).Draw(t, "namespace")
				offset := rapid.IntRange(-1000, 1000).Draw(t, "hours")
				if e.Namespace == "shop" { // here only expired ones
					offset = -max(offset, -offset)
				}
				e.ExpiresTime = &metav1.Time{Time: noon.Add(time.Duration(offset) * time.Hour)}
			})
		}
		snapshot := excepting(exceptions...)
		guard, target := snapshot.GuardOf("shop"), Target{Namespace: "shop", Objects: []Workload{{"PersistentVolumeClaim", "data"}, {"Pod", "app"}, {"Deployment", "app"}}}
		lenient := guard.For(func() Target { return target }, noon)
		abroad := &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: csi("ebs.csi.aws.com", "aws://us-east-1a/vol-1")}}
		server := &corev1.Volume{VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.example.com"}}}
		for name, objections := range map[string][2][]Objection{
			"class":  {guard.JudgeClass("us-fast", nil), lenient.JudgeClass("us-fast", nil)},
			"none":   {guard.JudgeNoClass(), lenient.JudgeNoClass()},
			"volume": {guard.JudgeVolume(abroad), lenient.JudgeVolume(abroad)},
			"node":   {guard.JudgeSelectedNode("virginia", nil), lenient.JudgeSelectedNode("virginia", nil)},
			"inline": {guard.JudgeInline(server), lenient.JudgeInline(server)},
		} {
			if len(objections[0]) != 1 || len(objections[1]) != 1 || !objections[1][0].Enforced || objections[0][0] != objections[1][0] {
				t.Fatalf("%s: excused by %+v: %+v", name, exceptions, objections)
			}
		}
		if guard.Without(target, noon, RulePlacement, RuleNode) != guard {
			t.Fatalf("placed by %+v", exceptions)
		}
	})
}

func TestAnExceptionLetsInWithAWarningThatNamesIt(t *testing.T) {
	guard := excepting(exception("storage-class", nil)).GuardOf("shop").For(func() Target { return Target{Namespace: "shop"} }, noon)
	excused := guard.JudgeClass("us-fast", nil)
	if len(excused) != 1 || excused[0].Enforced || !strings.Contains(excused[0].Message, `exception "move" of ResidencyPolicy eu-only lifts rule storage-class here until 2027-05-24`) {
		t.Errorf("%+v", excused)
	}
}

func TestTheOtherPoliciesOfANamespaceStillPlace(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{
		policy("eu-only", "Default", func(s *v1alpha1.ResidencyPolicySpec) {
			s.Exceptions = []v1alpha1.ResidencyException{exception("placement", nil)}
		}),
		policy("whole", "Named", func(s *v1alpha1.ResidencyPolicySpec) { s.Namespaces.Mode = v1alpha1.NamespacesAll }),
	}
	target := Target{Namespace: "shop", Objects: []Workload{{"Pod", "app"}}}
	rest := Build(in).GuardOf("shop").Without(target, noon, RulePlacement)
	if rest == nil || len(rest.Policies) != 1 || rest.Policies[0].Rules.Name != "whole" {
		t.Fatalf("%+v", rest)
	}
	if objections := rest.JudgePod(&corev1.PodSpec{NodeName: "virginia"}, nil); len(objections) != 1 {
		t.Errorf("%+v", objections)
	}
	if rest := excepting(exception("placement", nil)).GuardOf("shop").Without(target, noon, RulePlacement); rest != nil {
		t.Errorf("%+v", rest)
	}
}

func TestTheStateOfAnExceptionFollowsTheClock(t *testing.T) {
	e := exception("volume", func(e *v1alpha1.ResidencyException) { e.ExpiresTime = &metav1.Time{Time: noon} })
	for want, at := range map[v1alpha1.ExceptionState][]time.Time{
		v1alpha1.ExceptionActive:      {noon.AddDate(-1, 0, 0), noon.AddDate(0, 0, -30).Add(-time.Second)},
		v1alpha1.ExceptionExpiresSoon: {noon.AddDate(0, 0, -30), noon.Add(-time.Second)},
		v1alpha1.ExceptionExpired:     {noon, noon.AddDate(1, 0, 0)},
	} {
		for _, now := range at {
			if got := ExceptionState(&e, now); got != want {
				t.Errorf("%v at %v, want %v", got, now, want)
			}
			wait := UntilExceptionsChange([]v1alpha1.ResidencyException{e}, now)
			if (want == v1alpha1.ExceptionExpired) != (wait == 0) {
				t.Errorf("waits %v at %v", wait, now)
			}
			if wait > 0 && ExceptionState(&e, now.Add(wait)) == want {
				t.Errorf("nothing changes %v after %v", wait, now)
			}
		}
	}
}

func TestWhatLoosensAnExceptionIsSeen(t *testing.T) {
	later := metav1.NewTime(noon.AddDate(0, 9, 0))
	sooner := metav1.NewTime(noon.AddDate(0, 1, 0))
	named := func(e *v1alpha1.ResidencyException) { e.Kind, e.ObjectName = "PersistentVolumeClaim", "data" }
	for name, test := range map[string]struct {
		before, after []v1alpha1.ResidencyException
		want          v1alpha1.PartName
	}{
		"nothing changes":  {lifting(nil), lifting(nil), ""},
		"added":            {nil, lifting(nil), "move"},
		"taken away":       {lifting(nil), nil, ""},
		"prolonged":        {lifting(nil), lifting(func(e *v1alpha1.ResidencyException) { e.ExpiresTime = &later }), "move"},
		"ended earlier":    {lifting(nil), lifting(func(e *v1alpha1.ResidencyException) { e.ExpiresTime = &sooner }), ""},
		"narrowed":         {lifting(nil), lifting(named), ""},
		"widened":          {lifting(named), lifting(nil), "move"},
		"renamed object":   {lifting(named), lifting(func(e *v1alpha1.ResidencyException) { e.Kind, e.ObjectName = "PersistentVolumeClaim", "other" }), "move"},
		"moved":            {lifting(nil), lifting(func(e *v1alpha1.ResidencyException) { e.Namespace = "lab" }), "move"},
		"of another rule":  {lifting(nil), lifting(func(e *v1alpha1.ResidencyException) { e.Rule = "volume" }), "move"},
		"on other grounds": {lifting(nil), lifting(func(e *v1alpha1.ResidencyException) { e.Reference = "none" }), "move"},
		"approved anew":    {lifting(nil), lifting(func(e *v1alpha1.ResidencyException) { e.ApprovedBy = "somebody else" }), "move"},
	} {
		if got := Excepts(test.before, test.after); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func lifting(change func(*v1alpha1.ResidencyException)) []v1alpha1.ResidencyException {
	return []v1alpha1.ResidencyException{exception("storage-class", change)}
}

func TestAnExceptionLastsAYearAtMost(t *testing.T) {
	ends := func(at time.Time) []v1alpha1.ResidencyException {
		return lifting(func(e *v1alpha1.ResidencyException) { e.ExpiresTime = &metav1.Time{Time: at} })
	}
	for name, test := range map[string]struct {
		before, after []v1alpha1.ResidencyException
		want          string
	}{
		"a year":                          {nil, ends(noon.AddDate(1, 0, 0)), ""},
		"a second more":                   {nil, ends(noon.AddDate(1, 0, 0).Add(time.Second)), "more than a year ahead"},
		"over before it begins":           {nil, ends(noon), "has passed"},
		"prolonged too far":               {ends(noon.AddDate(0, 1, 0)), ends(noon.AddDate(2, 0, 0)), "more than a year ahead"},
		"prolonged and over all the same": {ends(noon.AddDate(0, -2, 0)), ends(noon.AddDate(0, -1, 0)), "has passed"},
		"ended at once":                   {ends(noon.AddDate(0, 1, 0)), ends(noon.AddDate(0, 0, -1)), ""},
		"over for long, and left there":   {ends(noon.AddDate(-1, 0, 0)), ends(noon.AddDate(-1, 0, 0)), ""},
	} {
		got := Overlong(test.before, test.after, noon)
		if (test.want == "") != (len(got) == 0) || !slices.ContainsFunc(append(got, test.want), func(s string) bool { return strings.Contains(s, test.want) }) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
