package residency

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// soonExpired is how many days before its end an exception is announced to end.
const soonExpired = 30

// Target is an object that is judged. Objects are itself and what made it, for an exception for the maker holds for what it
// makes.
type Target struct {
	Namespace string
	Objects   []Workload
}

// ExceptionFor returns the first exception that lifts a rule for a target at an instant; nil when none does.
func (r *Rules) ExceptionFor(rule string, target Target, now time.Time) *v1alpha1.ResidencyException {
	for i := range r.exceptions {
		if e := &r.exceptions[i]; lifts(e.Rule, rule) && covers(e, target) && ExceptionState(e, now) != v1alpha1.ExceptionExpired {
			return e
		}
	}
	return nil
}

// lifts tells whether an exception for one rule lifts another. What may be placed anywhere may run anywhere.
func lifts(excepted v1alpha1.ExceptionRule, rule string) bool {
	return string(excepted) == rule || (excepted == v1alpha1.ExceptionPlacement && rule == RuleNode)
}

func covers(e *v1alpha1.ResidencyException, target Target) bool {
	if string(e.Namespace) != target.Namespace {
		return false
	}
	return e.Kind == "" || slices.ContainsFunc(target.Objects, func(o Workload) bool {
		return o.Kind == string(e.Kind) && (e.ObjectName == "" || o.Name == string(e.ObjectName))
	})
}

// ExceptionState says where an exception is in its life. One without an end, which the schema lets nobody write, has expired.
func ExceptionState(e *v1alpha1.ResidencyException, now time.Time) v1alpha1.ExceptionState {
	switch {
	case e.ExpiresTime == nil || !now.Before(e.ExpiresTime.Time):
		return v1alpha1.ExceptionExpired
	case !now.Before(e.ExpiresTime.AddDate(0, 0, -soonExpired)):
		return v1alpha1.ExceptionExpiresSoon
	default:
		return v1alpha1.ExceptionActive
	}
}

// UntilExceptionsChange is the time until the state of one of the exceptions changes; zero when none will.
func UntilExceptionsChange(exceptions []v1alpha1.ResidencyException, now time.Time) time.Duration {
	var soonest time.Duration
	for i := range exceptions {
		if exceptions[i].ExpiresTime == nil {
			continue
		}
		end := exceptions[i].ExpiresTime.Time
		for _, change := range []time.Time{end.AddDate(0, 0, -soonExpired), end} {
			if wait := change.Sub(now); wait > 0 && (soonest == 0 || wait < soonest) {
				soonest = wait
			}
		}
	}
	return soonest
}

// uncounted are the namespaces in which an exception lifts rule storage-class for some object at an instant.
func (r *Rules) uncounted(now time.Time) map[string]struct{} {
	found := map[string]struct{}{}
	for i := range r.exceptions {
		if e := &r.exceptions[i]; e.Rule == v1alpha1.ExceptionStorageClass && !now.IsZero() && ExceptionState(e, now) != v1alpha1.ExceptionExpired {
			found[string(e.Namespace)] = struct{}{}
		}
	}
	return found
}

// lenience is for whom, and when, exceptions count.
type lenience struct {
	target func() Target
	now    time.Time
}

// For returns the guard as it holds for one target at an instant: objections that an exception lifts only warn. Target is
// asked when there is an objection.
func (g *Guard) For(target func() Target, now time.Time) *Guard {
	return &Guard{Policies: g.Policies, lenient: &lenience{target, now}}
}

// excuse turns the objections that an exception lifts into warnings that name it.
func (g *Guard) excuse(objections []Objection) []Objection {
	if g.lenient == nil || len(objections) == 0 {
		return objections
	}
	target := g.lenient.target()
	for i := range objections {
		objection := &objections[i]
		e := g.exceptionFor(objection, target)
		if e == nil {
			continue
		}
		objection.Enforced = false
		objection.Message = fmt.Sprintf("exception %q of ResidencyPolicy %s lifts rule %s here until %s: %s",
			e.Name, objection.Policy, objection.Rule, e.ExpiresTime.UTC().Format(time.DateOnly), objection.Message)
	}
	return objections
}

func (g *Guard) exceptionFor(objection *Objection, target Target) *v1alpha1.ResidencyException {
	for _, policy := range g.Policies {
		if policy.Rules.Name == objection.Policy {
			return policy.Rules.ExceptionFor(objection.Rule, target, g.lenient.now)
		}
	}
	return nil
}

// Without returns a guard without the policies of which an exception lifts one of the rules for a target; nil when none is
// left.
func (g *Guard) Without(target Target, now time.Time, rules ...string) *Guard {
	lifted := func(policy *Judged) bool {
		return slices.ContainsFunc(rules, func(rule string) bool { return policy.Rules.ExceptionFor(rule, target, now) != nil })
	}
	if !slices.ContainsFunc(g.Policies, lifted) {
		return g
	}
	rest := &Guard{Policies: slices.DeleteFunc(slices.Clone(g.Policies), lifted)}
	if len(rest.Policies) == 0 {
		return nil
	}
	return rest
}

// Excepts returns the name of the first exception that a change adds, prolongs or widens, or whose grounds it changes; empty
// when there is none. Ending one, earlier or at once, and narrowing one loosens nothing.
func Excepts(before, after []v1alpha1.ResidencyException) v1alpha1.PartName {
	for i := range after {
		if was := find(before, after[i].Name); was == nil || !noWider(&after[i], was) {
			return after[i].Name
		}
	}
	return ""
}

// noWider tells whether an exception lifts nothing that another did not lift, on the same grounds.
func noWider(now, was *v1alpha1.ResidencyException) bool {
	narrowed := *was
	if was.Kind == "" {
		narrowed.Kind = now.Kind
	}
	if was.ObjectName == "" {
		narrowed.ObjectName = now.ObjectName
	}
	if now.ExpiresTime.Before(was.ExpiresTime) {
		narrowed.ExpiresTime = now.ExpiresTime
	}
	return equality.Semantic.DeepEqual(*now, narrowed)
}

// Overlong returns what is wrong with the terms that a change sets: an exception lasts a year at most from then, and one
// that has ended already is none.
func Overlong(before, after []v1alpha1.ResidencyException, now time.Time) []string {
	var found []string
	for i := range after {
		e := &after[i]
		if was := find(before, e.Name); was != nil && !was.ExpiresTime.Before(e.ExpiresTime) {
			continue
		}
		switch {
		case ExceptionState(e, now) == v1alpha1.ExceptionExpired:
			found = append(found, fmt.Sprintf("spec.exceptions[%d].expiresTime has passed; name an instant within a year", i))
		case e.ExpiresTime.After(now.AddDate(1, 0, 0)):
			found = append(found, fmt.Sprintf("spec.exceptions[%d].expiresTime is more than a year ahead; name an instant within a year, and prolong the exception then if its grounds still hold", i))
		}
	}
	return found
}

func find(list []v1alpha1.ResidencyException, name v1alpha1.PartName) *v1alpha1.ResidencyException {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// exceptionsOf lists the exceptions of a policy with their states, in their order. Audience is nil while the messages to it
// could not be written: what was said of it stays.
func exceptionsOf(policy *v1alpha1.ResidencyPolicy, audience *Audience, now time.Time) []v1alpha1.ExceptionStatus {
	var out []v1alpha1.ExceptionStatus
	for i := range policy.Spec.Exceptions {
		e := &policy.Spec.Exceptions[i]
		status := v1alpha1.ExceptionStatus{Name: e.Name, State: ExceptionState(e, now)}
		if status.State == v1alpha1.ExceptionExpiresSoon {
			if audience != nil {
				status.Notice = audience.noticed(e)
			} else if at := slices.IndexFunc(policy.Status.Exceptions, func(s v1alpha1.ExceptionStatus) bool { return s.Name == e.Name }); at >= 0 {
				status.Notice = policy.Status.Exceptions[at].Notice
			}
		}
		out = append(out, status)
	}
	return out
}
