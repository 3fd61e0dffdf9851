package ledgertest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

func watch(t *testing.T, w World) {
	ctx, cancel := context.WithCancel(t.Context())
	changes, err := w.Ledger.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	hear := func(subject uuid.UUID, purpose string) {
		t.Helper()
		deadline := time.After(5 * time.Second)
		for {
			select {
			case change := <-changes:
				if change.Subject == subject && (purpose == "" || slices.Contains(change.Purposes, purpose)) {
					return
				}
			case <-deadline:
				t.Fatal("nothing was heard")
			}
		}
	}
	recorded := record(t, w, Act(Visitor(1), "one"))
	hear(recorded.Subject, "conversation")
	record(t, w, Withdrawal(Visitor(1), "two", "conversation"))
	hear(recorded.Subject, "conversation")
	if _, err := w.Ledger.Shred(t.Context(), Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	hear(recorded.Subject, "")
	cancel()
	deadline := time.After(5 * time.Second)
	for {
		select {
		case _, open := <-changes:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("the channel stayed open")
		}
	}
}
