package policy

import (
	"encoding/binary"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

func marksFrom(first, n int) []consent.Mark {
	marks := make([]consent.Mark, n)
	for i := range marks {
		binary.BigEndian.PutUint64(marks[i][:], uint64(first+i)) //nolint:gosec // small
	}
	return marks
}

func TestAListOfTheForgottenHasAnEnd(t *testing.T) {
	list, _ := Forgotten{}.With(marksFrom(0, MostMarks-1))
	if list.Full() {
		t.Error("full, with room for one")
	}
	list, more := list.With(marksFrom(MostMarks-2, 9))
	if !more || !list.Full() || len(list.Marks) != MostMarks || list.Parts() != 32 {
		t.Errorf("%d marks in %d parts", len(list.Marks), list.Parts())
	}
	if again, more := list.With(marksFrom(MostMarks, 9)); more || len(again.Marks) != MostMarks {
		t.Errorf("%d marks", len(again.Marks))
	}
	in := input(t, "managed")
	in.Forgotten = list
	if o := forgottenKept(in, Seen{}); o.Reason != v1alpha1.ReasonForgottenFull {
		t.Errorf("nobody is told: %+v", o)
	}
}

func TestAListOfTheForgottenComesBackAsItWasKept(t *testing.T) {
	p := &v1alpha1.ConsentPolicy{}
	p.Name, p.Namespace = "chat", "shop"
	for _, n := range []int{0, 1, MarksPerPart, MarksPerPart + 1, 2*MarksPerPart + 5} {
		list, more := Forgotten{}.With(marksFrom(0, n))
		if more != (n > 0) || list.Parts() != max(1, (n+MarksPerPart-1)/MarksPerPart) {
			t.Fatalf("%d marks in %d parts", n, list.Parts())
		}
		var read Forgotten
		for part := range list.Parts() {
			kept := list.ConfigMap(p, "rempart-system", part+1)
			if want := ForgottenName(TenantID("shop", "chat"), part+1); *kept.Name != want || kept.ResourceVersion != nil {
				t.Errorf("part %d is kept as %s", part, *kept.Name)
			}
			object := &corev1.ConfigMap{BinaryData: kept.BinaryData}
			object.ResourceVersion = "7"
			var err error
			if read, err = read.And(object); err != nil {
				t.Fatal(err)
			}
		}
		if len(read.Marks) != n || (n > 0 && read.Marks[n-1] != list.Marks[n-1]) || len(read.Versions) != list.Parts() {
			t.Errorf("read %d marks of %d", len(read.Marks), n)
		}
		if again := read.ConfigMap(p, "rempart-system", 1); *again.ResourceVersion != "7" {
			t.Error("another version could be written over")
		}
		if same, more := read.With(marksFrom(0, n)); more || len(same.Marks) != n {
			t.Error("a mark is kept twice")
		}
		if got := len(list.secrets(p, owned(p))); got != list.Parts() {
			t.Errorf("%d parts are mounted of %d", got, list.Parts())
		}
	}
	if _, err := (Forgotten{}).And(&corev1.ConfigMap{BinaryData: map[string][]byte{keyMarks: {1}}}); !errors.Is(err, ErrForgotten) {
		t.Error(err)
	}
	if ForgottenName("t", 1) == ForgottenName("t", 2) || MarksName("chat", 1) == MarksName("chat", 2) {
		t.Error("parts have one name")
	}
}
