package erasure_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// TestAClockThatIsWrongIsNotBelieved: neither a store's, which may say any time, nor the operator's, which may go back and forth
// between two passes, makes an erasure older than its run or puts it into the future.
func TestAClockThatIsWrongIsNotBelieved(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		store    time.Duration // the store's clock, from the beginning of the run
		operator time.Duration // the operator's clock when the answer is read
		want     time.Duration
		off      int64
	}{
		"both right":                     {30 * time.Second, time.Minute, 30 * time.Second, 0},
		"a little behind":                {-4 * time.Minute, time.Minute, -4 * time.Minute, 0},
		"a little ahead":                 {5 * time.Minute, time.Minute, time.Minute, 0},
		"more than a little behind":      {-6 * time.Minute, time.Minute, -5 * time.Minute, -360},
		"more than a little ahead":       {7 * time.Minute, time.Minute, time.Minute, 360},
		"the store is years behind":      {-3650 * day, time.Minute, -5 * time.Minute, -int64(3650 * day / time.Second)},
		"the store is years ahead":       {3650 * day, time.Minute, time.Minute, int64((3650*day - time.Minute) / time.Second)},
		"the operator's clock went back": {30 * time.Second, -2 * time.Hour, 0, 0},
		"and the store's is behind":      {-2 * time.Hour, -2 * time.Hour, -5 * time.Minute, -7200},
		"the operator's clock went on":   {30 * time.Second, 3 * day, 30 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			start := w.now
			w.now = start.Add(c.operator)
			at := start.Add(c.store)
			in := begun(w, v1alpha1.RunExecute, 1, time.Hour, task.Outcome{Step: task.Erase, OK: true, At: at, Requests: []task.Counts{{}}}, task.Outcome{Step: task.Verify, OK: true, At: at})
			in.Run.Status.StartedTime = ptr.To(metav1.NewTime(start))
			got := erasure.JudgeRun(in).Status
			if got.EndedTime == nil || !got.CommittedTime.Time.Equal(start.Add(c.want)) || !got.VerifiedTime.Equal(got.CommittedTime) {
				t.Errorf("committed %s, verified %s", got.CommittedTime, got.VerifiedTime)
			}
			off := int64(0)
			if got.ClockOffSeconds != nil {
				off = *got.ClockOffSeconds
			}
			if off != c.off || strings.Contains(got.Message, "clock") != (c.off != 0) {
				t.Errorf("off by %d: %q", off, got.Message)
			}
			if again := erasure.JudgeRun(in).Status; !again.CommittedTime.Equal(got.CommittedTime) {
				t.Error("another pass says another time")
			}
			in.Run.Status = got
			targets := erasure.Fold([]v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetPlanned}}, "u1", []v1alpha1.ErasureRun{*in.Run})
			if !targets[0].ExecutedTime.Equal(got.CommittedTime) || strings.Contains(targets[0].Message, "clock") != (c.off != 0) {
				t.Errorf("the request says %s: %q", targets[0].ExecutedTime, targets[0].Message)
			}
		})
	}
}

// TestARunBeganWhenItsJobWasMade: the operator may see it first after an outage of hours, and the commit was before that.
func TestARunBeganWhenItsJobWasMade(t *testing.T) {
	for made, want := range map[time.Duration]time.Duration{-3 * time.Hour: -3 * time.Hour, time.Minute: 0} { // ahead: the clock of the API server is not the operator's
		w := newWorld()
		at := w.now.Add(-2 * time.Hour)
		in := begun(w, v1alpha1.RunExecute, 1, time.Hour, task.Outcome{Step: task.Erase, OK: true, At: at, Requests: []task.Counts{{}}}, task.Outcome{Step: task.Verify, OK: true, At: at})
		in.Run.Status.StartedTime, in.Run.Status.Attempts = nil, nil
		in.Job.CreationTimestamp = metav1.NewTime(w.now.Add(made))
		got := erasure.JudgeRun(in).Status
		if !got.StartedTime.Time.Equal(w.now.Add(want)) {
			t.Errorf("began %s", got.StartedTime)
		}
		if early := made > 0; got.CommittedTime.Time.Equal(at) == early || got.ClockOffSeconds != nil != early {
			t.Errorf("made %s: committed %s, off %v", made, got.CommittedTime, got.ClockOffSeconds)
		}
	}
}
