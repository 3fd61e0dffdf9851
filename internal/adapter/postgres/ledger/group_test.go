package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

// TestAnActThatCannotBeWrittenHarmsNoOther records many at once, one of whom has a name without a key, which no ledger writes and
// which refuses the whole statement.
func TestAnActThatCannotBeWrittenHarmsNoOther(t *testing.T) {
	s, l := fresh(t)
	spoiled := ledgertest.Visitor(7)
	s.sql(t, "INSERT INTO consent.subject_links (tenant_id, subject_ref, kind, link, pepper_id) VALUES ($1, $2, 'receipt', $3, 'x')", l.Tenant, uuid.New(), event.Link([]byte("pepper"), spoiled))
	var wait sync.WaitGroup
	for n := range 40 {
		wait.Go(func() {
			recorded, err := l.Record(t.Context(), ledgertest.Act(ledgertest.Visitor(n), fmt.Sprint(n)))
			if n == 7 {
				if err == nil {
					t.Error("a name without a key was taken for a person")
				}
				return
			}
			if err != nil || recorded.Deduplicated {
				t.Errorf("act %d: %v", n, err)
			}
		})
	}
	wait.Wait()
	if n := s.count(t, "SELECT count(DISTINCT receipt_id) FROM consent.events"); n != 39 {
		t.Errorf("%d acts", n)
	}
	sequence(t, l)
	audited(t, l, consent.Checkpoint{})
}

// TestActsThatShareKeysAndPeopleAreEachRecordedOnce lets many come at once with few keys and few people, so that the same ones meet in
// a group: each key is one act, whose receipt all get, and each person has one reference.
func TestActsThatShareKeysAndPeopleAreEachRecordedOnce(t *testing.T) {
	s, l := fresh(t)
	for round := range 5 {
		r := rand.New(rand.NewPCG(uint64(round), 3))
		var mu sync.Mutex
		receipts, subjects, first := map[string]uuid.UUID{}, map[int]uuid.UUID{}, map[string]int{}
		var wait sync.WaitGroup
		for range 60 {
			n := r.IntN(8)
			person, key := round*100+n%4, fmt.Sprint(round, " ", n)
			wait.Go(func() {
				recorded, err := l.Record(t.Context(), ledgertest.Act(ledgertest.Visitor(person), key))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if !recorded.Deduplicated {
					first[key]++
				}
				if before, ok := receipts[key]; ok && before != recorded.Receipt {
					t.Errorf("key %s has receipts %s and %s", key, before, recorded.Receipt)
				}
				if before, ok := subjects[person]; ok && before != recorded.Subject {
					t.Errorf("person %d is %s and %s", person, before, recorded.Subject)
				}
				receipts[key], subjects[person] = recorded.Receipt, recorded.Subject
			})
		}
		wait.Wait()
		for key := range receipts {
			if first[key] != 1 {
				t.Errorf("key %s was recorded %d times", key, first[key])
			}
		}
	}
	if n := s.count(t, "SELECT count(*) FROM consent.idem") - s.count(t, "SELECT count(DISTINCT receipt_id) FROM consent.events"); n != 0 {
		t.Errorf("%d keys more than acts", n)
	}
	sequence(t, l)
	audited(t, l, consent.Checkpoint{})
}
