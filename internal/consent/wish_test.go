package consent_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

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

func TestAPlaceInAQueueIsReadAsItWasWritten(t *testing.T) {
	first := consent.Turn{At: time.Date(2026, 11, 30, 12, 0, 0, 123456000, time.UTC), ID: uuid.UUID{15: 1}}
	for _, turn := range []consent.Turn{first, {At: time.Unix(0, 0).UTC()}} {
		if got, err := consent.ParseTurn(turn.String()); err != nil || got != turn {
			t.Errorf("%s: %+v, %v", turn, got, err)
		}
	}
	for _, text := range []string{"", ".", "1", "1.", uuid.Nil.String(), "-1." + uuid.Nil.String(), "+1." + uuid.Nil.String(), "01." + uuid.Nil.String(), "253402300800000000." + uuid.Nil.String(),
		"99999999999999999999." + uuid.Nil.String(), "1.{" + uuid.Nil.String() + "}", "1." + uuid.Nil.String() + ".1"} {
		if turn, err := consent.ParseTurn(text); err == nil {
			t.Errorf("%q is %+v", text, turn)
		}
	}
	later, sibling := consent.Turn{At: first.At.Add(time.Microsecond)}, consent.Turn{At: first.At, ID: uuid.UUID{15: 2}}
	if first.Compare(later) >= 0 || first.Compare(sibling) >= 0 || later.Compare(sibling) <= 0 || first.Compare(first) != 0 {
		t.Error("out of order")
	}
}
