package residency

import (
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Reader is an officer who is told of the end of an exception, and the zone in which the officer reads times.
type Reader struct {
	Officer *v1alpha1.DataProtectionOfficer
	Zone    *time.Location
}

// Audience is whom the end of exceptions concerns.
type Audience struct {
	// Readers by namespace: the officers that the registers there name and that exist, in the order of their names. A
	// namespace without a register is absent.
	Readers map[v1alpha1.ObjectName][]Reader
	// Channels that exist, by name.
	Channels map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel
}

// Ending are the exceptions of a policy that still count and end within thirty days.
func Ending(policy *v1alpha1.ResidencyPolicy, now time.Time) []*v1alpha1.ResidencyException {
	var ending []*v1alpha1.ResidencyException
	for i := range policy.Spec.Exceptions {
		if e := &policy.Spec.Exceptions[i]; ExceptionState(e, now) == v1alpha1.ExceptionExpiresSoon {
			ending = append(ending, e)
		}
	}
	return ending
}

// noticed says whom the operator tells of the end of an exception.
func (a Audience) noticed(e *v1alpha1.ResidencyException) v1alpha1.ExceptionNotice {
	readers, registered := a.Readers[v1alpha1.ObjectName(e.Namespace)]
	if !registered {
		return v1alpha1.NoticeNoRegister
	}
	for _, reader := range readers {
		if len(reader.Officer.Spec.Channels) > 0 {
			return v1alpha1.NoticeOfficers
		}
	}
	return v1alpha1.NoticeNoChannel
}
