package policy

import (
	"errors"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

// ErrForgotten means that what is kept is no list of marks.
var ErrForgotten = errors.New("not marks of people who were forgotten")

// Forgotten is the list of who was forgotten in a ledger, kept outside of it: marks, in the order in which they were learnt. It only
// grows: a dump of any age may be restored.
type Forgotten struct {
	Marks []consent.Mark
	// Versions are those of the parts that are there. With one, the list is as far as the checkpoint that is kept; without, it is to be
	// learnt from the start of the log.
	Versions []string
	// Pepper is the id of the one under which all of the forgotten are marked: under others there are older marks beside. Empty where some
	// may not be. The first part keeps it.
	Pepper string
	// Read is the size of the log up to which the list was learnt, under the pepper Reading, in passes that did not come to the end. The
	// first part keeps both.
	Read    int64
	Reading string
}

// ForgottenPage is what a service tells of who was forgotten: marks, up to which size of the log they are, and the id of the pepper under
// which they are.
type ForgottenPage struct {
	Marks  []consent.Mark
	To     int64
	Pepper string
}

// MarksPerPart is how many marks one object keeps: half a megabyte. An object of Kubernetes may have one.
const MarksPerPart = 1 << 15

// MostMarks is how many people a list has at most: who answers for the service is in a tenant's namespace, and the list is in the operator's.
const MostMarks = 32 * MarksPerPart

const (
	markBytes = len(consent.Mark{})
	// keyMarks is the key of each part, in ConfigMap and Secret. The others are of the first ConfigMap: the pepper's id, and how far which
	// one was read.
	keyMarks    = "marks"
	keyMarkedBy = "pepper"
	keyRead     = "read"
	keyReading  = "reading"
)

// Parts is how many objects keep the list: one at least.
func (f Forgotten) Parts() int { return max(1, (len(f.Marks)+MarksPerPart-1)/MarksPerPart) }

// part returns a part, from 1 on, as bytes.
func (f Forgotten) part(n int) []byte {
	marks := f.Marks[min((n-1)*MarksPerPart, len(f.Marks)):min(n*MarksPerPart, len(f.Marks))]
	text := make([]byte, 0, len(marks)*markBytes)
	for _, mark := range marks {
		text = append(text, mark[:]...)
	}
	return text
}

// Full tells whether there may be people who were forgotten and are not in the list.
func (f Forgotten) Full() bool { return len(f.Marks) >= MostMarks }

// With adds marks that are not in the list, as many as it may have, and tells whether there were any.
func (f Forgotten) With(marks []consent.Mark) (Forgotten, bool) {
	fresh := make(map[consent.Mark]struct{}, len(marks))
	for _, mark := range marks {
		fresh[mark] = struct{}{}
	}
	for _, mark := range f.Marks {
		delete(fresh, mark)
	}
	before := len(f.Marks)
	f.Marks = slices.Clip(f.Marks)
	for _, mark := range marks {
		if _, is := fresh[mark]; is && !f.Full() {
			delete(fresh, mark)
			f.Marks = append(f.Marks, mark)
		}
	}
	return f, len(f.Marks) > before
}

// From is the size of the log from which on the list is to be learnt, where it was as far as a checkpoint, and whether from the start.
func (f Forgotten) From(kept int64, answer *Answer) (from int64, whole bool) {
	if whole = f.Stale(answer); whole {
		kept = 0
	}
	if f.Reading == answer.pepper() {
		kept = max(kept, f.Read)
	}
	return kept, whole
}

// UpTo is the list when it was learnt, under one pepper or several, up to a size of the log that is not its end.
func (f Forgotten) UpTo(size int64, peppers []string) Forgotten {
	f.Read, f.Reading = 0, ""
	if one := slices.Compact(slices.Sorted(slices.Values(peppers))); len(one) == 1 {
		f.Read, f.Reading = size, one[0]
	}
	return f
}

// Stale tells whether the list is to be learnt from the start of the log, for a service that marks under a pepper: part of it is not there,
// or under another.
func (f Forgotten) Stale(answer *Answer) bool {
	return len(f.Versions) == 0 || (answer.pepper() != "" && f.Pepper != answer.pepper())
}

// Under is the list when it was learnt to the end of the log under some peppers, from its start or not.
func (f Forgotten) Under(peppers []string, whole bool) Forgotten {
	f.Read, f.Reading = 0, ""
	switch peppers = slices.Compact(slices.Sorted(slices.Values(peppers))); {
	case len(peppers) == 0:
	case len(peppers) == 1 && (whole || peppers[0] == f.Pepper):
		f.Pepper = peppers[0]
	default:
		f.Pepper = "" // a pod of before has answered: it is learnt again
	}
	return f
}

// And is the list with the marks of its next part, as a ConfigMap keeps it. It fails with ErrForgotten.
func (f Forgotten) And(object *corev1.ConfigMap) (Forgotten, error) {
	text := object.BinaryData[keyMarks]
	if len(text)%markBytes != 0 {
		return f, ErrForgotten
	}
	all := slices.Clip(f.Marks)
	for ; len(text) > 0; text = text[markBytes:] {
		all = append(all, consent.Mark(text[:markBytes]))
	}
	if len(f.Versions) == 0 {
		f.Pepper, f.Reading = object.Data[keyMarkedBy], object.Data[keyReading]
		f.Read, _ = strconv.ParseInt(object.Data[keyRead], 10, 64) // none, or one that somebody wrote: from where the checkpoint is
	}
	f.Marks, f.Versions = all, append(slices.Clip(f.Versions), object.ResourceVersion)
	return f, nil
}

// ConfigMap keeps a part in the operator's namespace, over the version that was read and no other. It has no owner: it outlives the policy,
// for the tenant and dumps of its ledger do too.
func (f Forgotten) ConfigMap(p *v1alpha1.ConsentPolicy, namespace string, part int) *corev1ac.ConfigMapApplyConfiguration {
	object := corev1ac.ConfigMap(ForgottenName(TenantID(p.Namespace, p.Name), part), namespace).WithLabels(labels(p.Name, ComponentForgotten)).
		WithBinaryData(map[string][]byte{keyMarks: f.part(part)})
	if part == 1 && f.Pepper != "" {
		object.WithData(map[string]string{keyMarkedBy: f.Pepper})
	}
	if part == 1 && f.Read > 0 {
		object.WithData(map[string]string{keyRead: strconv.FormatInt(f.Read, 10), keyReading: f.Reading})
	}
	if part <= len(f.Versions) {
		object.WithResourceVersion(f.Versions[part-1])
	}
	return object
}

// secrets are the parts as the service mounts them. Nothing in them is secret; a Secret asks for no right that the operator does not have.
func (f Forgotten) secrets(p *v1alpha1.ConsentPolicy, owner *metav1ac.OwnerReferenceApplyConfiguration) []runtime.ApplyConfiguration {
	var list []runtime.ApplyConfiguration
	for part := range f.Parts() {
		list = append(list, corev1ac.Secret(MarksName(p.Name, part+1), p.Namespace).WithLabels(labels(p.Name, ComponentService)).WithOwnerReferences(owner).
			WithType(corev1.SecretTypeOpaque).WithData(map[string][]byte{keyMarks: f.part(part + 1)}))
	}
	return list
}
