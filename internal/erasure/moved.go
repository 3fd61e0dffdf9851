package erasure

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// maxMoves is how many due times of before a status keeps.
const maxMoves = 16

// moved writes down the due times that were shown until this pass, if they are others now: nobody who planned by them shall find
// them gone without a word.
func (j *judgement) moved(reason v1alpha1.DueMove) {
	was, is := &j.Request.Status, j.status
	if was.DueTime == nil || was.LegalDueTime == nil || same(was.DueTime, is.DueTime) && same(was.LegalDueTime, is.LegalDueTime) {
		return
	}
	is.DueHistory = append(is.DueHistory, v1alpha1.MovedDueTime{MovedTime: ptr.To(metav1.NewTime(j.Now.Truncate(time.Second))), Reason: reason,
		DueTime: was.DueTime, LegalDueTime: was.LegalDueTime})
	is.DueHistory = is.DueHistory[max(0, len(is.DueHistory)-maxMoves):]
}

// why the due times of an open request are others than those that were shown.
func (j *judgement) why() v1alpha1.DueMove {
	was, is, spec := &j.Request.Status, j.status, &j.Request.Spec
	switch {
	case is.DueTime == nil:
		return v1alpha1.MovedByQuestion
	case was.TimeZone == "" && is.TimeZone != "":
		return v1alpha1.MovedByOfficer
	case same(was.DueTime, is.DueTime): // holidays move the limit alone
		return v1alpha1.MovedByLawData
	case spec.Extension != nil && !j.lateNotice():
		return v1alpha1.MovedByExtension
	default:
		return v1alpha1.MovedByQuestion
	}
}

// same compares instants as the API keeps them.
func same(a, b *metav1.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Unix() == b.Unix()
}

// Moved is the latest move of due times in after, if before does not have it yet: words for people, and whether something is due
// sooner than was shown.
func Moved(before, after *v1alpha1.ErasureRequestStatus) (words string, sooner, is bool) {
	if len(after.DueHistory) == 0 {
		return "", false, false
	}
	last := after.DueHistory[len(after.DueHistory)-1]
	if n := len(before.DueHistory); n > 0 && same(before.DueHistory[n-1].MovedTime, last.MovedTime) && before.DueHistory[n-1].Reason == last.Reason &&
		same(before.DueHistory[n-1].DueTime, last.DueTime) && same(before.DueHistory[n-1].LegalDueTime, last.LegalDueTime) {
		return "", false, false
	}
	if after.DueTime == nil || after.LegalDueTime == nil {
		return fmt.Sprintf("%s: the clock stands still; the safe target was %s, the legal limit %s", moves[last.Reason], shown(last.DueTime), shown(last.LegalDueTime)), false, true
	}
	return fmt.Sprintf("%s: the safe target moved from %s to %s, the legal limit from %s to %s", moves[last.Reason],
		shown(last.DueTime), shown(after.DueTime), shown(last.LegalDueTime), shown(after.LegalDueTime)), after.DueTime.Before(last.DueTime) || after.LegalDueTime.Before(last.LegalDueTime), true
}

func shown(at *metav1.Time) string { return at.UTC().Format(time.RFC3339) }

// moves say why due times moved.
var moves = map[v1alpha1.DueMove]string{
	v1alpha1.MovedByExtension: "The answer was extended (Article 12(3))",
	v1alpha1.MovedByQuestion:  "A question to the person stops the clock (Article 12(6))",
	v1alpha1.MovedByOfficer:   "An officer was found, whose time zone and public holidays count",
	v1alpha1.MovedByLawData:   "This version counts with other public holidays",
	v1alpha1.MovedByRefusal:   "A refusal is told within a month of receipt (Article 12(4))",
}
