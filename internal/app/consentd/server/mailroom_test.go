package server

import (
	"fmt"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/telemetry"
)

// TestAddressesThatAreMadeUpKeepNobodyFromTheirLink: a thousand networks ask for a quarter of an hour.
func TestAddressesThatAreMadeUpKeepNobodyFromTheirLink(t *testing.T) {
	results := map[string]int{}
	m := newMailroom(nil, func(result string) { results[result]++ })
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	ask := func(i int) { m.take(&wanted{address: telemetry.Hide(fmt.Sprintf("a%d@example.eu", i))}, now) }
	taken := 0
	for i := range 120_000 {
		ask(i)
		if len(m.queue) > 0 {
			<-m.queue // nobody knows the address
			<-m.places
			taken++
		}
	}
	if len(results) != 0 || taken != 120_000 {
		t.Errorf("%d were taken; %v", taken, results)
	}
}
