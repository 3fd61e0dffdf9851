package erasure

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/deadline"
	"github.com/rempart-dev/rempart/internal/law/profile"
)

// extendedPeriod is the whole of an extended period, from receipt: one month and the two further ones of Article 12(3).
const extendedPeriod = "P3M"

// futureSlack is how far ahead of our clock a received time may be.
const futureSlack = 5 * time.Minute

// bindClock records, once, the zone, the holidays and the profile by which the due times are computed. Without an
// officer nothing is recorded: the next pass asks again.
func bindClock(status *v1alpha1.ErasureRequestStatus, officer *v1alpha1.DataProtectionOfficer) {
	if status.TimeZone != "" || officer == nil {
		return
	}
	status.TimeZone, status.Holidays, status.LawProfile = officer.Spec.TimeZone, officer.Spec.Holidays, officer.Spec.LawProfile
	if status.Holidays == "" {
		status.Holidays = officer.Spec.Organisation.Country
	}
	if status.LawProfile == "" {
		status.LawProfile = profile.Default
	}
}

// bindLaw records the periods of the law profile, once: a case is bound by those of its start. Until an officer was found the
// profile is the default one, and not bound. Holidays are facts: their latest version counts, and is written down.
func bindLaw(status *v1alpha1.ErasureRequestStatus, holidays deadline.Holidays) error {
	law := status.LawData.DeepCopy()
	if law == nil || status.TimeZone == "" {
		var err error
		if law, err = lawOf(cmp.Or(status.LawProfile, profile.Default)); err != nil {
			return err
		}
	}
	law.Calendar = holidays.Version()
	status.LawData = law
	return nil
}

// lawOf reads the periods of a profile: to answer, to tell a refusal, and to ask who the person is.
func lawOf(name string) (*v1alpha1.LawData, error) {
	law, err := profile.Find(name)
	if err != nil {
		return nil, err
	}
	data := &v1alpha1.LawData{ProfileDigest: "sha256:" + law.Digest}
	for rule, period := range map[string]*string{profile.Request: &data.AnswerPeriod, profile.Refusal: &data.RefusalPeriod, profile.IdentityQuestion: &data.QuestionPeriod} {
		if *period, err = law.Period(rule); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// setDue computes the due times from the bound facts, the extension and the pause. While a timely question is open there
// is no due time, since nobody can be late then.
func setDue(status *v1alpha1.ErasureRequestStatus, spec *v1alpha1.ErasureRequestSpec) error {
	return countDue(status, spec, func(law *v1alpha1.LawData) string { return law.AnswerPeriod })
}

func countDue(status *v1alpha1.ErasureRequestStatus, spec *v1alpha1.ErasureRequestSpec, period func(*v1alpha1.LawData) string) error {
	zone, holidays, err := calendarOf(status)
	if err != nil {
		return err
	}
	if err := bindLaw(status, holidays); err != nil {
		return err
	}
	pauses, open, err := pausesOf(spec, status.LawData.QuestionPeriod, zone)
	if err != nil {
		return err
	}
	due, err := deadline.Calendar(spec.ReceivedTime.Time, period(status.LawData), zone, holidays, pauses)
	if err != nil {
		return fmt.Errorf("counting the month: %w", err)
	}
	if extends(spec, due) {
		if due, err = deadline.Calendar(spec.ReceivedTime.Time, extendedPeriod, zone, holidays, pauses); err != nil {
			return fmt.Errorf("counting three months: %w", err)
		}
	}
	status.DueTime, status.LegalDueTime = ptr.To(metav1.NewTime(due.DueTime)), ptr.To(metav1.NewTime(due.LegalDueTime))
	if open {
		status.DueTime, status.LegalDueTime = nil, nil
	}
	return nil
}

func calendarOf(status *v1alpha1.ErasureRequestStatus) (*time.Location, deadline.Holidays, error) {
	if status.TimeZone == "" {
		return time.UTC, deadline.Holidays{}, nil
	}
	zone, err := time.LoadLocation(status.TimeZone)
	if err != nil {
		return nil, deadline.Holidays{}, fmt.Errorf("loading the zone %q: %w", status.TimeZone, err)
	}
	holidays, err := deadline.HolidaysOf(string(status.Holidays))
	if err != nil {
		return zone, deadline.Holidays{}, nil // a country outside of the Economic Area: only weekends roll
	}
	return zone, holidays, nil
}

// pausesOf returns the pause of a timely question (Article 12(6)), and whether it is still open. A late question pauses
// nothing.
func pausesOf(spec *v1alpha1.ErasureRequestSpec, question string, zone *time.Location) ([]deadline.Pause, bool, error) {
	check := spec.IdentityCheck
	if check == nil || check.AskedTime == nil {
		return nil, false, nil
	}
	timely, err := deadline.Timely(spec.ReceivedTime.Time, check.AskedTime.Time, question, zone)
	if err != nil {
		return nil, false, fmt.Errorf("reading the question: %w", err)
	}
	switch {
	case !timely:
		return nil, false, nil
	case check.AnsweredTime == nil:
		return nil, true, nil
	default:
		return []deadline.Pause{{Asked: check.AskedTime.Time, Answered: check.AnsweredTime.Time}}, false, nil
	}
}

// extends tells whether the extension counts: the person was told before the first limit (Article 12(3)).
func extends(spec *v1alpha1.ErasureRequestSpec, first deadline.Deadline) bool {
	e := spec.Extension
	return e != nil && !e.NoticeSentTime.Time.Before(spec.ReceivedTime.Time) && !first.LegalLimitPassed(e.NoticeSentTime.Time)
}

// asking tells whether a question to the person is open, timely or not: nobody is erased on a doubtful identity.
func asking(spec *v1alpha1.ErasureRequestSpec) bool {
	return spec.IdentityCheck != nil && spec.IdentityCheck.AskedTime != nil && spec.IdentityCheck.AnsweredTime == nil
}

// overdue tells whether the safe target has passed.
func overdue(status *v1alpha1.ErasureRequestStatus, now time.Time) bool {
	return status.DueTime != nil && now.After(status.DueTime.Time)
}
