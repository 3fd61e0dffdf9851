package consent_test

import (
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

func TestTheLastWishIsTheOneThatCounts(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 30, hour, 0, 0, 0, time.UTC) }
	const asked, opened, closed, given = consent.EventErasureAsked, consent.EventErasureOpened, consent.EventErasureClosed, consent.EventGiven
	for name, test := range map[string]struct {
		events []consent.EventType
		want   consent.Progress
		open   bool
	}{
		"none":     {nil, consent.Progress{}, false},
		"consents": {[]consent.EventType{given}, consent.Progress{}, false},
		"asked":    {[]consent.EventType{given, asked, given}, consent.Progress{AskedAt: at(1)}, true},
		"opened":   {[]consent.EventType{asked, opened}, consent.Progress{AskedAt: at(0), OpenedAt: at(1)}, true},
		"closed":   {[]consent.EventType{asked, opened, closed}, consent.Progress{AskedAt: at(0), OpenedAt: at(1), ClosedAt: at(2)}, false},
		"again":    {[]consent.EventType{asked, opened, closed, asked}, consent.Progress{AskedAt: at(3)}, true},
	} {
		var events []consent.Event
		for i, kind := range test.events {
			events = append(events, consent.Event{Type: kind, RecordedAt: at(i)})
		}
		if got := consent.LastWish(events); got != test.want || got.Open() != test.open {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
