package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Rules that refusals name.
const (
	RulePublished  = "published-words"
	RuleMaterial   = "material-change"
	RuleArchive    = "archive-first"
	RuleGate       = "gate-purposes"
	RuleNotice     = "notice-purposes"
	RuleRegistered = "registered-purposes"
)

// Objection is why a policy is refused. Field is the path of the field; the message says what was found and what to do.
type Objection struct{ Rule, Field, Message string }

// Version is a policy and the organisation of its officer, as they were or are to be.
type Version struct {
	Spec       *v1alpha1.ConsentPolicySpec
	Controller v1alpha1.Organisation
}

// Changes objects to what may not change once a notice was shown: published is its version, 0 before the first. Before,
// everything may.
func Changes(before, after Version, published int32, now time.Time) []Objection {
	if published == 0 {
		return nil
	}
	objections := words(before.Spec, after.Spec, published)
	objections = append(objections, removals(before.Spec, after.Spec)...)
	if LastMaterial(after.Spec, now) > LastMaterial(before.Spec, now) {
		return objections // everybody is asked again
	}
	if what := differences(compared(before.Controller, before.Spec), compared(after.Controller, after.Spec)); what != "" {
		objections = append(objections, Objection{RuleMaterial, "spec.notices", fmt.Sprintf(
			"%s changes, and no newer notice with change Material is in effect (rule %s): people accepted something else; add one, effective now", what, RuleMaterial)})
	}
	return append(objections, revivals(before.Spec, after.Spec)...)
}

// words objects to published notices that change, and to the one that is shown leaving the list.
func words(before, after *v1alpha1.ConsentPolicySpec, published int32) []Objection {
	var objections []Objection
	for i := range before.Notices {
		was := &before.Notices[i]
		is := noticeOf(after, was.Version)
		switch {
		case was.Version > published:
		case is == nil && was.Version == published:
			objections = append(objections, Objection{RulePublished, "spec.notices", fmt.Sprintf(
				"notice %d is shown now and may not leave the list (rule %s): add a newer one first", published, RulePublished)})
		case is != nil && !equality.Semantic.DeepEqual(was, is):
			objections = append(objections, Objection{RulePublished, "spec.notices", fmt.Sprintf(
				"notice %d was shown to people and may not change (rule %s): add a newer version", was.Version, RulePublished)})
		}
	}
	for i := range after.Notices {
		if version := after.Notices[i].Version; version <= published && noticeOf(before, version) == nil {
			objections = append(objections, Objection{RulePublished, "spec.notices", fmt.Sprintf(
				"notice %d would come after notice %d was shown (rule %s): give it a newer version", version, published, RulePublished)})
		}
	}
	return objections
}

func noticeOf(spec *v1alpha1.ConsentPolicySpec, version int32) *v1alpha1.ConsentNotice {
	at := slices.IndexFunc(spec.Notices, func(n v1alpha1.ConsentNotice) bool { return n.Version == version })
	if at < 0 {
		return nil
	}
	return &spec.Notices[at]
}

func purposeOf(spec *v1alpha1.ConsentPolicySpec, name v1alpha1.PartName) *v1alpha1.ConsentPurpose {
	at := slices.IndexFunc(spec.Purposes, func(p v1alpha1.ConsentPurpose) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return &spec.Purposes[at]
}

// archived tells whether a purpose grants and asks nothing.
func archived(p *v1alpha1.ConsentPurpose) bool { return p.Lifecycle == v1alpha1.LifecycleArchived }

// Unsaid says what people who accepted before would not be told or asked: notices that ask them again and do not say what changed, and
// storage that comes to rest on a consent that they did not give.
func Unsaid(before, after *v1alpha1.ConsentPolicySpec) []string {
	var unsaid []string
	for i := range after.Notices {
		n := &after.Notices[i]
		if n.Change != v1alpha1.NoticeMaterial || noticeOf(before, n.Version) != nil {
			continue
		}
		if at := slices.IndexFunc(n.Texts, func(t v1alpha1.NoticeText) bool { return t.Changes == "" }); at >= 0 {
			unsaid = append(unsaid, fmt.Sprintf("notice %d asks everybody again and does not say what changed in %q: people are told that the terms changed or the consent expired; add changes to its texts",
				n.Version, n.Texts[at].Language))
		}
	}
	if after.Widget.StorageBasis == v1alpha1.StorageConsent && before.Widget.StorageBasis != v1alpha1.StorageConsent && !asksAgain(before, after) {
		unsaid = append(unsaid, "storage on the device rests on consent from now on, and who accepted before is not asked for it; add a notice with change Material")
	}
	return unsaid
}

// asksAgain tells whether a change brings a Material notice.
func asksAgain(before, after *v1alpha1.ConsentPolicySpec) bool {
	return slices.ContainsFunc(after.Notices, func(n v1alpha1.ConsentNotice) bool {
		return n.Change == v1alpha1.NoticeMaterial && noticeOf(before, n.Version) == nil
	})
}

// removals objects to active purposes that leave the list.
func removals(before, after *v1alpha1.ConsentPolicySpec) []Objection {
	var objections []Objection
	for i := range before.Purposes {
		if p := &before.Purposes[i]; !archived(p) && purposeOf(after, p.Name) == nil {
			objections = append(objections, Objection{RuleArchive, "spec.purposes", fmt.Sprintf(
				"purpose %q is active and may not leave the list (rule %s): set its lifecycle to Archived first", p.Name, RuleArchive)})
		}
	}
	return objections
}

// revivals objects to archived purposes that are used again: nobody was asked meanwhile.
func revivals(before, after *v1alpha1.ConsentPolicySpec) []Objection {
	var objections []Objection
	for i := range before.Purposes {
		p := &before.Purposes[i]
		if is := purposeOf(after, p.Name); archived(p) && is != nil && !archived(is) {
			objections = append(objections, Objection{RuleMaterial, "spec.purposes", fmt.Sprintf(
				"purpose %q comes back, and no newer notice with change Material is in effect (rule %s): ask everybody again", p.Name, RuleMaterial)})
		}
	}
	return objections
}

// Faults objects to what a policy may never say, and CEL has no means to see.
func Faults(spec *v1alpha1.ConsentPolicySpec, now time.Time) []Objection {
	var objections []Objection
	for i := range spec.Gate.Records {
		record := &spec.Gate.Records[i]
		for _, field := range record.Fields {
			if within := slices.IndexFunc(record.Fields, func(f v1alpha1.GateField) bool {
				return strings.HasPrefix(string(f.Name), string(field.Name)+".")
			}); within >= 0 {
				objections = append(objections, Objection{RuleGate, fmt.Sprintf("spec.gate.records[%s].fields[%s]", record.Name, field.Name), fmt.Sprintf(
					"record %q has field %q and, within it, field %q (rule %s): one of them would let pass what the other drops; name the whole or its parts", record.Name, field.Name, record.Fields[within].Name, RuleGate)})
			}
			for _, name := range field.Purposes {
				p := purposeOf(spec, name)
				if p == nil || !slices.ContainsFunc(p.DataFields, func(f v1alpha1.ConsentDataField) bool { return f.Name == field.Name }) {
					objections = append(objections, Objection{RuleGate, fmt.Sprintf("spec.gate.records[%s].fields[%s]", record.Name, field.Name), fmt.Sprintf(
						"field %q of record %q names purpose %q, which does not have it in dataFields (rule %s): people were not told", field.Name, record.Name, name, RuleGate)})
				}
			}
		}
	}
	return append(append(objections, strangers(spec)...), untold(spec, now)...)
}

// untold objects to languages of sites, and to active purposes, that are in the newest notice and not yet in the one that is
// shown.
func untold(spec *v1alpha1.ConsentPolicySpec, now time.Time) []Objection {
	shown := InEffect(spec, now)
	if shown == nil {
		return nil
	}
	var objections []Objection
	for _, site := range spec.Sites {
		for _, language := range site.Languages {
			if !slices.ContainsFunc(shown.Texts, func(t v1alpha1.NoticeText) bool { return t.Language == language }) {
				objections = append(objections, Objection{RuleNotice, fmt.Sprintf("spec.sites[%s]", site.ID), fmt.Sprintf(
					"site %q is in %q, and notice %d, which is shown now, is not (rule %s): wait until the newer one is in effect", site.ID, language, shown.Version, RuleNotice)})
			}
		}
	}
	for i := range spec.Purposes {
		p := &spec.Purposes[i]
		tells := func(t v1alpha1.NoticeText) bool {
			return slices.ContainsFunc(t.Purposes, func(told v1alpha1.PurposeText) bool { return told.Name == p.Name })
		}
		if !archived(p) && slices.ContainsFunc(shown.Texts, func(t v1alpha1.NoticeText) bool { return !tells(t) }) {
			objections = append(objections, Objection{RuleNotice, fmt.Sprintf("spec.purposes[%s]", p.Name), fmt.Sprintf(
				"purpose %q is active, and notice %d, which is shown now, does not tell of it (rule %s): wait until the newer one is in effect", p.Name, shown.Version, RuleNotice)})
		}
	}
	return objections
}

// strangers objects to purposes that the newest notice tells of, and the policy does not have.
func strangers(spec *v1alpha1.ConsentPolicySpec) []Objection {
	if len(spec.Notices) == 0 {
		return nil
	}
	newest := slices.MaxFunc(spec.Notices, func(a, b v1alpha1.ConsentNotice) int { return int(a.Version - b.Version) })
	var objections []Objection
	for _, text := range newest.Texts {
		for _, told := range text.Purposes {
			if purposeOf(spec, told.Name) == nil {
				objections = append(objections, Objection{RuleNotice, "spec.notices", fmt.Sprintf(
					"notice %d tells in %q of purpose %q, which the policy does not have (rule %s)", newest.Version, text.Language, told.Name, RuleNotice)})
			}
		}
	}
	return objections
}

// Unregistered objects to purposes that the register lacks, or records with another legal basis (Article 30(1)(b)). An
// archived purpose may have left it.
func Unregistered(spec *v1alpha1.ConsentPolicySpec, register *v1alpha1.DataRegister) []Objection {
	var objections []Objection
	for i := range spec.Purposes {
		p := &spec.Purposes[i]
		if archived(p) {
			continue
		}
		if found, recorded := recordedAs(register, p); !recorded {
			message := fmt.Sprintf("purpose %q is not in DataRegister %q (rule %s): record it there first", p.Name, register.Name, RuleRegistered)
			if found != "" {
				message = fmt.Sprintf("purpose %q has legal basis %s, and DataRegister %q records it with %s (rule %s): they must agree", p.Name, p.LegalBasis, register.Name, found, RuleRegistered)
			}
			objections = append(objections, Objection{RuleRegistered, fmt.Sprintf("spec.purposes[%s]", p.Name), message})
		}
	}
	return objections
}

// recordedAs tells whether an activity has the purpose with its legal basis; if not, with which it has it.
func recordedAs(register *v1alpha1.DataRegister, p *v1alpha1.ConsentPurpose) (other v1alpha1.LegalBasis, recorded bool) {
	for _, activity := range register.Spec.Activities {
		for _, has := range activity.Purposes {
			switch {
			case has.Name != p.Name:
			case has.LegalBasis == p.LegalBasis:
				return "", true
			default:
				other = has.LegalBasis
			}
		}
	}
	return other, false
}
