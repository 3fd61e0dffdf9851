// Package hold says what LegalHolds keep from erasure (Article 17(3)), and until when. It is pure, and where it cannot tell
// it answers that data are held: keeping too long can be mended, erasing what a court wants cannot.
package hold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// lastZone is how long a civil day lasts in the place where it ends last (UTC-12), counted from its beginning in UTC.
const lastZone = 36 * time.Hour

// Ends is when the last day of a hold is over everywhere. False for a day that is none.
func Ends(h *v1alpha1.LegalHold) (time.Time, bool) {
	day, err := time.Parse(time.DateOnly, string(h.Spec.UntilOn))
	return day.Add(lastZone), err == nil
}

// Restriction tells whether a hold is a restriction of processing that a person obtained (Article 18(1)). They are told before it
// ends (Article 18(3)), so no day ends it by itself.
func Restriction(h *v1alpha1.LegalHold) bool { return strings.HasPrefix(h.Spec.Article, "18") }

// Expires is when a hold ends by itself; false for one that does not.
func Expires(h *v1alpha1.LegalHold) (time.Time, bool) {
	end, dated := Ends(h)
	return end, dated && !Restriction(h)
}

// InForce tells whether a hold forbids erasures at an instant.
func InForce(h *v1alpha1.LegalHold, now time.Time) bool {
	if h.Spec.Release != nil {
		return false
	}
	end, dated := Expires(h)
	return !dated || now.Before(end)
}

// Concerns tells whether a hold keeps something in a register, of whomever.
func Concerns(h *v1alpha1.LegalHold, register string) bool {
	name := v1alpha1.ObjectName(register)
	if len(h.Spec.Tables) > 0 {
		return slices.ContainsFunc(h.Spec.Tables, func(t v1alpha1.HeldTable) bool { return t.Register == name })
	}
	return len(h.Spec.Registers) == 0 || slices.Contains(h.Spec.Registers, name)
}

// Keeps tells whether a hold in force keeps all that a register has of a person, who is known by references. One whose
// subject was not read yet keeps everybody.
func Keeps(h *v1alpha1.LegalHold, register string, person []string) bool {
	if len(h.Spec.Tables) > 0 || !Concerns(h, register) {
		return false
	}
	if h.Spec.Subject == nil && len(h.Spec.SubjectRefs) == 0 {
		return true
	}
	if !Read(h) {
		return true
	}
	return slices.ContainsFunc(person, func(ref string) bool {
		return slices.Contains(h.Spec.SubjectRefs, ref) || slices.Contains(h.Status.SubjectRefs, ref)
	})
}

// Read tells whether it is known whom a hold is about.
func Read(h *v1alpha1.LegalHold) bool {
	return (h.Spec.Subject == nil || len(h.Status.SubjectRefs) > 0) && len(Unknown(h)) == 0
}

// Unknown are the references of a hold of which it is not known which identifiers they stand for. One to all identifiers of a person
// together says nothing of a request that has fewer of them, or more: their request says which they are. One to a single identifier
// stands for itself.
func Unknown(h *v1alpha1.LegalHold) []string {
	return slices.DeleteFunc(slices.Clone(h.Spec.SubjectRefs), func(ref string) bool {
		return !strings.HasPrefix(ref, "hmac-") || slices.Contains(h.Status.SubjectRefs, ref)
	})
}

// resolve returns what the status of a hold has, with the references that requests were found for, and those to each identifier of these.
func resolve(h *v1alpha1.LegalHold, requests []v1alpha1.ErasureRequest) []string {
	known := slices.Clone(h.Status.SubjectRefs)
	for _, ref := range Unknown(h) {
		for i := range requests {
			if status := &requests[i].Status; status.SubjectRef == ref && len(status.RecallRefs) > 0 {
				known = append(append(known, ref), status.RecallRefs...)
			}
		}
	}
	slices.Sort(known)
	return slices.Compact(known)
}

// Rows are the tables of a store of which a hold keeps rows.
func Rows(h *v1alpha1.LegalHold, register, store string) []v1alpha1.HeldTable {
	var list []v1alpha1.HeldTable
	for _, t := range h.Spec.Tables {
		if string(t.Register) == register && string(t.Store) == store {
			list = append(list, t)
		}
	}
	return list
}

// Missing are the registers, and the stores as register/store, that a hold names and that are not there, each once, sorted. A name
// that stands for nothing keeps nothing.
func Missing(h *v1alpha1.LegalHold, registers []v1alpha1.DataRegister) []string {
	known := map[string]bool{}
	for i := range registers {
		known[registers[i].Name] = true
		for _, s := range registers[i].Spec.Stores {
			known[registers[i].Name+"/"+string(s.Name)] = true
		}
	}
	var wanted []string
	for _, t := range h.Spec.Tables {
		wanted = append(wanted, string(t.Register)+"/"+string(t.Store))
	}
	if len(h.Spec.Tables) == 0 {
		for _, name := range h.Spec.Registers {
			wanted = append(wanted, string(name))
		}
	}
	wanted = slices.DeleteFunc(wanted, func(name string) bool { return known[name] })
	slices.Sort(wanted)
	return slices.Compact(wanted)
}

// Live returns the holds that are in force, the oldest first.
func Live(holds []v1alpha1.LegalHold, now time.Time) []*v1alpha1.LegalHold {
	var list []*v1alpha1.LegalHold
	for i := range holds {
		if InForce(&holds[i], now) {
			list = append(list, &holds[i])
		}
	}
	slices.SortFunc(list, func(a, b *v1alpha1.LegalHold) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID))
	})
	return list
}

// Record is what is written down of a hold.
func Record(h *v1alpha1.LegalHold, now time.Time) v1alpha1.HoldRecord {
	return v1alpha1.HoldRecord{Name: v1alpha1.ObjectName(h.Name), UID: string(h.UID), Article: h.Spec.Article, LegalReference: h.Spec.LegalReference,
		UntilOn: h.Spec.UntilOn, SinceTime: ptr.To(metav1.NewTime(now.Truncate(time.Second))), CreatedTime: h.CreationTimestamp.DeepCopy()}
}

// Known tells whether a hold is among those that were written down.
func Known(records []v1alpha1.HoldRecord, h *v1alpha1.LegalHold) bool {
	return slices.ContainsFunc(records, func(r v1alpha1.HoldRecord) bool { return r.UID == string(h.UID) })
}
