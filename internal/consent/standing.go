package consent

import (
	"bytes"
	"time"
)

// Standing is what a decision is worth at an instant.
type Standing string

// The standings. Only StandingGranted allows processing; all else denies.
const (
	StandingGranted Standing = "granted"
	// StandingDenied: refused or withdrawn (Article 7(3)).
	StandingDenied Standing = "denied"
	// StandingExpired: the consent is older than it may become without being asked for again.
	StandingExpired Standing = "expired"
	// StandingStale: the notice has since changed in meaning, so the consent is to something else (Article 4(11), specific and informed); or
	// the act was none by which anybody consents.
	StandingStale Standing = "stale"
)

// Standing judges the decision against the digest of what the current notice means. A grant without an end counts as expired,
// and without a digest as stale: neither is ever recorded, so nothing is known of how it came about.
func (s State) Standing(material []byte, now time.Time) Standing {
	switch {
	case s.Decision != Granted:
		return StandingDenied
	case s.Void || len(material) == 0 || !bytes.Equal(s.Notice.Material, material):
		return StandingStale
	case !now.Before(s.ValidUntil):
		return StandingExpired
	default:
		return StandingGranted
	}
}
