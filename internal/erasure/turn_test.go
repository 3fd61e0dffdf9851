package erasure_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

func TestNoNamespaceHoldsUpAnother(t *testing.T) {
	var runs []v1alpha1.ErasureRun
	add := func(namespace string, n int, attempts int32) {
		run := v1alpha1.ErasureRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprint(n), UID: types.UID(fmt.Sprint(namespace, n))}}
		run.Spec.Epoch = int64(len(runs))
		run.Status.Attempts = ptr.To(attempts)
		runs = append(runs, run)
	}
	for n := range 40 {
		add("crowd", n, 0)
	}
	add("quiet", 0, 0)
	add("quiet", 1, 0)
	begun, ended := map[string]int{}, 0
	for round := 0; ended < len(runs); round++ {
		if round > 10 {
			t.Fatalf("%d of %d ended", ended, len(runs))
		}
		for i := range runs {
			if run := &runs[i]; *run.Status.Attempts == 0 && erasure.Turn(run, runs) {
				run.Status.Attempts = ptr.To(int32(1))
				begun[run.Namespace]++
			}
		}
		if round == 0 && begun["quiet"] != 2 {
			t.Errorf("of the quiet namespace %d began at first, of the crowd %d", begun["quiet"], begun["crowd"])
		}
		working := 0
		for i := range runs {
			if run := &runs[i]; *run.Status.Attempts > 0 && run.Status.EndedTime == nil {
				working++
				run.Status.EndedTime = ptr.To(metav1.NewTime(time.Unix(1, 0)))
				ended++
			}
		}
		if working > 16 {
			t.Errorf("%d work at once", working)
		}
	}
}
