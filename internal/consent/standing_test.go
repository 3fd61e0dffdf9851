package consent_test

import (
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

func TestOnlyAGrantToWhatTheNoticeNowMeansAllows(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	current, other := []byte("current"), []byte("other")
	granted := func(material []byte, until time.Time) consent.State {
		return consent.State{Decision: consent.Granted, Notice: consent.NoticeRef{Material: material}, ValidUntil: until}
	}
	for name, c := range map[string]struct {
		state consent.State
		want  consent.Standing
	}{
		"nothing is known":               {consent.State{}, consent.StandingDenied},
		"granted":                        {granted(current, now.Add(time.Second)), consent.StandingGranted},
		"the instant at which it ends":   {granted(current, now), consent.StandingExpired},
		"no end was recorded":            {granted(current, time.Time{}), consent.StandingExpired},
		"the notice means something new": {granted(other, now.Add(time.Hour)), consent.StandingStale},
		"no digest was recorded":         {granted(nil, now.Add(time.Hour)), consent.StandingStale},
		"withdrawn":                      {consent.State{Decision: consent.Denied, Notice: consent.NoticeRef{Material: current}, ValidUntil: now.Add(time.Hour)}, consent.StandingDenied},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.state.Standing(current, now); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	if got := granted(nil, now.Add(time.Hour)).Standing(nil, now); got != consent.StandingStale {
		t.Errorf("without a current digest: %s", got)
	}
}
